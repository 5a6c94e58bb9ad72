"""DF06, relief and preferential care (救助与优抚信息区), as proposed by the specification [S1 annex B, TB6, TB8].

The items' vectors are of invented people: region 990000 was never issued.
"""

from typing import Final

from cardlib.codes import PREFERENTIAL_CARE_KIND, RELIEF_KIND
from cardlib.model import Directory, FileClass, LinearFile
from cardlib.profiles.declare import padded, personal
from cardlib.rules import rule
from cardlib.schema import an, btlv, cn, coded, date, money, month, year
from cardlib.values import CardDate

RELIEF: Final = btlv(
    {
        0xE3: ("relief_type", coded(RELIEF_KIND, cn(1)), "社会救助代码"),
        0xE4: ("approval_date", date(), "社会救助批准日期"),
        0xE5: ("review_date", date(), "社会救助复核日期"),
        0xE6: ("last_amount", money(4), "最近一次获得社会救助的金额"),
        0xE7: ("last_paid_month", month(), "社会救助已发放月度"),
    }
)
"""One kind of relief that a person gets; ``last_amount`` in fen [S1 TB7]."""

SOCIAL_RELIEF: Final = LinearFile(
    fid=0xEF05,
    name="social_relief",
    chinese="社会救助信息数据文件",
    read=rule("RK1DF06"),
    update=rule("UK1DF06"),
    file_class=FileClass.INFORMATIVE,
    clause="S1 TB6",
    items=(
        personal(
            0xC0,
            "paying_body_name",
            "救助金发放机构名称",
            an(70),
            (padded("B2E2CAD4CAD0C3F1D5FEBED6", 70), "测试市民政局"),
        ),
        personal(0xC2, "paying_body_code", "救助金发放机构代码", an(9), ("543030303030343135", "T00000415")),
        personal(
            0xC3,
            "relief_1",
            "社会救助信息1",
            RELIEF,
            (
                "E30101E40420170301E50420190301E60400065000E703201906",
                {
                    "relief_type": RELIEF_KIND["01"],
                    "approval_date": CardDate("20170301"),
                    "review_date": CardDate("20190301"),
                    "last_amount": 65_000,
                    "last_paid_month": CardDate("201906"),
                },
            ),
        ),
        personal(
            0xC4,
            "relief_2",
            "社会救助信息2",
            RELIEF,
            (
                "E30104E40420180115E50420190115E60400300000E703201801",
                {
                    "relief_type": RELIEF_KIND["04"],
                    "approval_date": CardDate("20180115"),
                    "review_date": CardDate("20190115"),
                    "last_amount": 300_000,
                    "last_paid_month": CardDate("201801"),
                },
            ),
        ),
        personal(
            0xC5,
            "relief_3",
            "社会救助信息3",
            RELIEF,
            (
                "E30109E40420190212E50420190812E60400050000E703201908",
                {
                    "relief_type": RELIEF_KIND["09"],
                    "approval_date": CardDate("20190212"),
                    "review_date": CardDate("20190812"),
                    "last_amount": 50_000,
                    "last_paid_month": CardDate("201908"),
                },
            ),
        ),
    ),
)

PREFERENTIAL_CARE: Final = LinearFile(
    fid=0xEF06,
    name="preferential_care",
    chinese="优待抚恤信息数据文件",
    read=rule("RK1DF06"),
    update=rule("UK2DF06"),
    file_class=FileClass.INFORMATIVE,
    clause="S1 TB8",
    items=(
        personal(
            0xC6,
            "paying_body_name",
            "优待抚恤金发放机构",
            an(70),
            (padded("B2E2CAD4CAD0CDCBD2DBBEFCC8CBCAC2CEF1BED6", 70), "测试市退役军人事务局"),
        ),
        personal(0xC8, "paying_body_code", "优待抚恤金发放机构代码", an(9), ("543030303030343233", "T00000423")),
        # Four kinds of care, each with what it pays for a year, in fen, and until when that was paid.
        personal(
            0xC9,
            "care_type_1",
            "优待抚恤代码1",
            coded(PREFERENTIAL_CARE_KIND, cn(1)),
            ("01", PREFERENTIAL_CARE_KIND["01"]),
        ),
        personal(0xCA, "approval_date_1", "优待抚恤批准日期1", date(), ("20090901", CardDate("20090901"))),
        personal(0xCB, "end_date_1", "优待抚恤截止日期1", date(), ("20110831", CardDate("20110831"))),
        personal(0xCC, "conscript_allowance_rate", "当年义务兵优待金发放标准", money(4), ("01200000", 1_200_000)),
        personal(0xCD, "last_paid_year_1", "优待抚恤已发放年度1", year(), ("2011", CardDate("2011"))),
        personal(
            0xCE,
            "care_type_2",
            "优待抚恤代码2",
            coded(PREFERENTIAL_CARE_KIND, cn(1)),
            ("02", PREFERENTIAL_CARE_KIND["02"]),
        ),
        personal(0xCF, "approval_date_2", "优待抚恤批准日期2", date(), ("20150101", CardDate("20150101"))),
        personal(0xD0, "end_date_2", "优待抚恤截止日期2", date(), ("20241231", CardDate("20241231"))),
        personal(0xD1, "regular_pension_rate", "当年定期抚恤金发放标准", money(4), ("00210000", 210_000)),
        personal(0xD2, "last_paid_month_2", "优待抚恤已发放月度2", month(), ("201906", CardDate("201906"))),
        personal(
            0xD3,
            "care_type_3",
            "优待抚恤代码3",
            coded(PREFERENTIAL_CARE_KIND, cn(1)),
            ("03", PREFERENTIAL_CARE_KIND["03"]),
        ),
        personal(0xD4, "approval_date_3", "优待抚恤批准日期3", date(), ("20160101", CardDate("20160101"))),
        personal(0xD5, "end_date_3", "优待抚恤截止日期3", date(), ("20181231", CardDate("20181231"))),
        personal(0xD6, "regular_subsidy_rate", "当年定期补助发放标准", money(4), ("00055000", 55_000)),
        personal(0xD7, "last_paid_month_3", "优待抚恤已发放月度3", month(), ("201812", CardDate("201812"))),
        personal(
            0xD8,
            "care_type_4",
            "优待抚恤代码4",
            coded(PREFERENTIAL_CARE_KIND, cn(1)),
            ("04", PREFERENTIAL_CARE_KIND["04"]),
        ),
        personal(0xD9, "approval_date_4", "优待抚恤批准日期4", date(), ("20120401", CardDate("20120401"))),
        personal(0xDA, "end_date_4", "优待抚恤截止日期4", date(), ("20220331", CardDate("20220331"))),
        personal(0xDB, "disability_pension_rate", "当年抚恤金标准（中央）", money(4), ("01040000", 1_040_000)),
        personal(
            0xDC, "disability_pension_supplement_rate", "当年抚恤金补助标准（地方）", money(4), ("00120000", 120_000)
        ),
        personal(0xDD, "disability_health_care_rate", "当年保健金标准（中央）", money(4), ("00086000", 86_000)),
        personal(
            0xDE, "disability_health_care_supplement_rate", "当年保健金补助标准（地方）", money(4), ("00024000", 24_000)
        ),
        personal(
            0xDF, "disability_pension_last_paid_month", "伤残抚恤金已发放月度", month(), ("201906", CardDate("201906"))
        ),
        personal(
            0xE0,
            "disability_pension_supplement_last_paid_month",
            "伤残抚恤补助金已发放月度",
            month(),
            ("201905", CardDate("201905")),
        ),
        personal(
            0xE1, "disability_health_care_last_paid_year", "伤残保健金已发放年度", year(), ("2018", CardDate("2018"))
        ),
        personal(
            0xE2,
            "disability_health_care_supplement_last_paid_year",
            "伤残保健补助金已发放年度",
            year(),
            ("2017", CardDate("2017")),
        ),
    ),
)

DF06: Final = Directory(
    name="DF06",
    chinese="救助与优抚信息区",
    # Has no AID; its label serves as DF name [S1 annex B; C].
    df_name=bytes.fromhex("BEC8D6FAD3EBD3C5B8A7D0C5CFA2C7F8"),
    fid=0xDF06,
    files=(SOCIAL_RELIEF, PREFERENTIAL_CARE),
)
