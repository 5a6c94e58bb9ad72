"""DF03, social insurance apart from medical (社会保险信息区1) [S1 T6, T9].

The items' vectors are of invented people: region 990000 was never issued.
"""

from typing import Final

import construct as cs

from cardlib.codes import (
    ASSESSMENT_MATTER,
    CONFIRMATION,
    DEPENDANTS_INSURANCE_KIND,
    DEPENDENCY_RELATION,
    DISABILITY_GRADE,
    INSURANCE_KIND,
    LABOUR_CAPABILITY_LOSS,
    PENSION_KIND,
    SELF_CARE_GRADE,
    SPOUSE_NOT_EMPLOYED,
    WORK_INJURY_CONCLUSION,
)
from cardlib.model import Directory, LinearFile, Structure
from cardlib.profiles.declare import padded, personal
from cardlib.rules import rule
from cardlib.schema import Digits, Schema, an, btlv, coded, count, date, money, region
from cardlib.values import CardDate, Value


class _OneDigit(Digits):
    """A code of one digit in a byte: written with the filler F behind it, read with a leading zero too [S1 §7; C]."""

    def _read(self, stored: bytes) -> Value:
        digits = super()._read(stored)
        return digits.lstrip("0") or digits if isinstance(digits, str) else digits


def one_digit() -> Schema:
    """One decimal digit, cn 1: 1F, and 01 on reading; ``str``."""
    return _OneDigit(cs.Bytes(1))


UNEMPLOYMENT_INSURANCE: Final = LinearFile(
    fid=0xEF05,
    name="unemployment_insurance",
    chinese="失业保险信息文件",
    read=rule("PIN|RK2DF03"),
    update=rule("UK1DF03"),
    clause="S1 T6 T9; 8.4.1",
    items=(
        personal(0x61, "insured_region", "失业保险参保地所属行政区划代码", region(), ("990000", "990000")),
        # A card has this item here or in DF02/EF06, in exactly one of the two [S1 T9].
        personal(
            0x60,
            "last_unemployment_registration_date",
            "最近一次办理失业登记日期",
            date(),
            ("20190401", CardDate("20190401")),
            optional=True,
        ),
        personal(
            0x98, "last_benefit_claim_date", "最近一次失业保险金申领日期", date(), ("20190410", CardDate("20190410"))
        ),
        personal(
            0x62,
            "claim_report_or_update_date",
            "失业保险金申领报到日期/信息更新日期",
            date(),
            ("20190710", CardDate("20190710")),
        ),
        # This and the next are called years (年限), but months are what they count [S1 §8.4.1.5].
        personal(0x63, "cumulative_contribution_months", "失业保险累计缴费年限", count(3), ("303836", 86)),
        personal(0x64, "effective_contribution_months", "失业保险有效缴费年限", count(3), ("303734", 74)),
        personal(0x65, "benefit_months_entitled", "应领取失业保险金月数", count(3), ("303138", 18)),
        personal(0x66, "benefit_months_received", "已领取失业保险金月数", count(3), ("303033", 3)),
    ),
)

LABOUR_CAPABILITY: Final = LinearFile(
    fid=0xEF06,
    name="labour_capability",
    chinese="劳动能力鉴定信息文件",
    read=rule("PIN|RK1DF03"),
    update=rule("UK2DF03"),
    clause="S1 T6 T9; 8.4.2",
    items=(
        personal(
            0x45,
            "assessment_number",
            "劳动能力鉴定编号",
            an(20),
            ("3939303030303230313830363035303030303137", "99000020180605000017"),
        ),
        personal(
            0x46,
            "assessment_matter",
            "申请鉴定事项代码",
            coded(ASSESSMENT_MATTER, an(2)),
            ("3130", ASSESSMENT_MATTER["10"]),
        ),
        personal(
            0x47, "disability_grade", "伤残等级", coded(DISABILITY_GRADE, an(2)), ("3039", DISABILITY_GRADE["09"])
        ),
        personal(
            0x48, "self_care_grade", "生活自理障碍等级", coded(SELF_CARE_GRADE, an(1)), ("34", SELF_CARE_GRADE["4"])
        ),
        personal(
            0x49,
            "incapacity_conclusion",
            "丧失劳动能力鉴定结论",
            coded(LABOUR_CAPABILITY_LOSS, an(1)),
            ("30", LABOUR_CAPABILITY_LOSS["0"]),
        ),
        personal(0x67, "assessment_date", "劳动能力鉴定日期", date(), ("20180605", CardDate("20180605"))),
        personal(
            0x6B,
            "assessment_body",
            "劳动能力鉴定机构名称",
            an(60),
            (padded("B2E2CAD4CAD0C0CDB6AFC4DCC1A6BCF8B6A8CEAFD4B1BBE1", 60), "测试市劳动能力鉴定委员会"),
        ),
        personal(
            0x4A,
            "confirmations",
            "申请确认事项",
            btlv(
                {
                    0x13: ("matter", coded(ASSESSMENT_MATTER, an(2)), "申请确认事项代码"),
                    0x14: ("conclusion", coded(CONFIRMATION, an(1)), "确认事项结论"),
                    0x15: ("assistive_device", an(20), "配置辅助器具项目名称"),
                    0x16: ("application_date", date(), "申请劳动能力确认日期"),
                    0x17: ("confirmation_body", an(60), "申请劳动能力确认机构名称"),
                }
            ),
            (
                (
                    "13023330"
                    "140131"
                    "1514"
                    + padded("CDF3B9D8BDDABDC3D0CEC6F7", 20)
                    + "160420180301"
                    + "173C"
                    + padded("B2E2CAD4CAD0C0CDB6AFC4DCC1A6BCF8B6A8CEAFD4B1BBE1", 60)
                ),
                {
                    "matter": ASSESSMENT_MATTER["30"],
                    "conclusion": CONFIRMATION["1"],
                    "assistive_device": "腕关节矫形器",
                    "application_date": CardDate("20180301"),
                    "confirmation_body": "测试市劳动能力鉴定委员会",
                },
            ),
            repeat=3,
        ),
    ),
)

PENSION: Final = LinearFile(
    fid=0xEF07,
    name="pension",
    chinese="养老保险信息文件",
    read=rule("PIN|RK1DF03"),
    update=rule("UK3DF03"),
    clause="S1 T6 T9; 8.4.3",
    items=(
        personal(
            0x70, "insurance_type", "养老保险险种类型", coded(PENSION_KIND, an(3)), ("313130", PENSION_KIND["110"])
        ),
        personal(0x71, "insured_region", "养老保险参保地所属行政区划代码", region(), ("990000", "990000")),
        personal(
            0x6E, "account_opening_date", "基本养老保险个人账户建立日期", date(), ("20120701", CardDate("20120701"))
        ),
        personal(0x6C, "retirement_date", "离退休日期", date(), ("20190701", CardDate("20190701"))),
        personal(0x6F, "benefit_start_date", "待遇享受开始日期", date(), ("20190801", CardDate("20190801"))),
        personal(0x73, "update_date", "养老保险信息更新日期", date(), ("20190630", CardDate("20190630"))),
    ),
)

WORK_INJURY_INSURANCE: Final = LinearFile(
    fid=0xEF15,
    name="work_injury_insurance",
    chinese="工伤保险信息文件",
    read=rule("PIN|RK1DF03"),
    update=rule("UK4DF03"),
    clause="S1 T6 T9; 8.4.4",
    items=(
        personal(0x7A, "insured_region", "工伤保险参保地所属行政区划代码", region(), ("990000", "990000")),
        personal(
            0x7B, "periodic_benefit_start_date", "工伤定期待遇享受开始日期", date(), ("20180701", CardDate("20180701"))
        ),
        personal(0x7C, "update_date", "工伤保险信息更新日期", date(), ("20190630", CardDate("20190630"))),
    ),
)

MATERNITY_INSURANCE: Final = LinearFile(
    fid=0xEF16,
    name="maternity_insurance",
    chinese="生育保险信息文件",
    read=rule("PIN|RK1DF03"),
    update=rule("UK5DF03"),
    clause="S1 T6 T9; 8.4.5",
    items=(
        personal(0x51, "insured_region", "生育保险参保地所属行政区划代码", region(), ("990000", "990000")),
        personal(
            0x5F,
            "unemployed_spouse",
            "职工未就业配偶标识",
            coded(SPOUSE_NOT_EMPLOYED, an(1)),
            ("30", SPOUSE_NOT_EMPLOYED["0"]),
        ),
    ),
)

WORK_INJURY_RECOGNITION: Final = LinearFile(
    fid=0xEF17,
    name="work_injury_recognition",
    chinese="工伤认定信息文件",
    read=rule("PIN|RK1DF03"),
    update=rule("UK6DF03"),
    clause="S1 T6 T9; 8.4.6",
    items=(
        personal(
            0x3B,
            "recognition_number",
            "工伤认定编号",
            an(20),
            ("3939303030303230313830323135303030303038", "99000020180215000008"),
        ),
        personal(
            0x3C,
            "employer_name",
            "用人单位名称",
            an(70),
            (padded("B2E2CAD4BBFAD0B5D6C6D4ECD3D0CFDEB9ABCBBE", 70), "测试机械制造有限公司"),
        ),
        personal(
            0x3D,
            "recognition_conclusion",
            "工伤认定结论",
            coded(WORK_INJURY_CONCLUSION, an(1)),
            ("31", WORK_INJURY_CONCLUSION["1"]),
        ),
        personal(0x3E, "recognition_date", "工伤认定日期", date(), ("20180215", CardDate("20180215"))),
        personal(
            0x3F,
            "recognition_body",
            "工伤认定部门名称",
            an(60),
            (padded("B2E2CAD4CAD0C8CBC1A6D7CAD4B4BACDC9E7BBE1B1A3D5CFBED6", 60), "测试市人力资源和社会保障局"),
        ),
    ),
)

DEPENDANTS: Final = LinearFile(
    fid=0xEF18,
    name="dependants",
    chinese="供养亲属信息文件",
    read=rule("PIN|RK1DF03"),
    update=rule("UK7DF03"),
    clause="S1 T6 T9; 8.4.7",
    items=(
        personal(
            0x74,
            "insurance_type",
            "供养险种类型",
            coded(DEPENDANTS_INSURANCE_KIND, an(3)),
            ("343130", DEPENDANTS_INSURANCE_KIND["410"]),
        ),
        personal(0x75, "insured_region", "参保地所属行政区划代码", region(), ("990000", "990000")),
        personal(
            0x76, "kinship", "供养关系", coded(DEPENDENCY_RELATION, one_digit()), ("2F", DEPENDENCY_RELATION["2"])
        ),
        personal(0x77, "benefit_start_date", "供养待遇享受开始日期", date(), ("20110401", CardDate("20110401"))),
        personal(0x78, "update_date", "供养亲属信息更新日期", date(), ("20190630", CardDate("20190630"))),
    ),
)

INSURANCE_CERTIFICATE: Final = LinearFile(
    fid=0xEF19,
    name="insurance_certificate",
    chinese="参保凭证信息文件",
    structure=Structure.LINEAR_FIXED,
    read=rule("PIN|RK1DF03"),
    update=rule("UK8DF03"),
    clause="S1 T6 T9; 8.4.8",
    items=(
        # The records are for pension, medical and unemployment insurance, in this order; the fourth is reserved.
        personal(
            0x79,
            "certificates",
            "参保凭证信息",
            btlv(
                {
                    0x18: ("insurance_type", coded(INSURANCE_KIND, an(3)), "险种类型"),
                    0x19: ("insured_region", region(), "参保地所属行政区划代码"),
                    0x1A: ("insured_from", date(), "本地参保起始日期"),
                    0x1B: ("insured_until", date(), "本地参保终止日期"),
                    0x1C: ("personal_contribution", money(4), "本地个人实际缴费金额"),
                    0x1D: ("contribution_months", count(3), "本地实际缴费月数"),
                    0x1E: ("issue_date", date(), "凭证出具日期"),
                }
            ),
            (
                ("180331313019039900001A04201207011B04201903311C04025920001D033038311E0420190415"),
                {
                    "insurance_type": INSURANCE_KIND["110"],
                    "insured_region": "990000",
                    "insured_from": CardDate("20120701"),
                    "insured_until": CardDate("20190331"),
                    "personal_contribution": 2_592_000,
                    "contribution_months": 81,
                    "issue_date": CardDate("20190415"),
                },
            ),
            repeat=4,
        ),
    ),
)

DF03: Final = Directory(
    name="DF03",
    chinese="社会保险信息区1",
    df_name=bytes.fromhex("D15600000502"),
    fid=0xDF03,
    files=(
        UNEMPLOYMENT_INSURANCE,
        LABOUR_CAPABILITY,
        PENSION,
        WORK_INJURY_INSURANCE,
        MATERNITY_INSURANCE,
        WORK_INJURY_RECOGNITION,
        DEPENDANTS,
        INSURANCE_CERTIFICATE,
    ),
)
