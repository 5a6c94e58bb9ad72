"""DF02, employment and unemployment (就业与失业信息区): skills, jobs, registrations, help towards work [S1 T5, T9].

The items' vectors are of invented people: region 990000 was never issued.
"""

from typing import Final

from cardlib.codes import (
    ASSISTANCE_KIND,
    CANCELLATION_REASON,
    EMPLOYMENT_FORM,
    EMPLOYMENT_POLICY,
    EMPLOYMENT_REGISTRATION,
    PROFESSIONAL_GRADE,
    PROFESSIONAL_QUALIFICATION,
    UNEMPLOYMENT_REASON,
    UNEMPLOYMENT_REGISTRATION,
)
from cardlib.model import CyclicFile, Directory, FileClass, LinearFile
from cardlib.profiles.declare import padded, personal, untagged
from cardlib.rules import rule
from cardlib.schema import an, btlv, coded, composite, date, region
from cardlib.values import CardDate

SKILLS: Final = LinearFile(
    fid=0xEF05,
    name="skills",
    chinese="职业和专业技能信息文件",
    read=rule("PIN|RK1DF02"),
    update=rule("UK1DF02"),
    file_class=FileClass.PRESET,
    clause="S1 T5 T9; 8.3.1",
    items=(
        personal(0x42, "professional_title", "专业技术职务代码", an(3), ("303830", "080")),  # GB/T 8561
        personal(
            0x41,
            "professional_grade",
            "专业技术职务级别",
            coded(PROFESSIONAL_GRADE, an(3)),
            ("343230", PROFESSIONAL_GRADE["420"]),
        ),
        personal(
            0x43,
            "worker_qualifications",
            "职业资格（工人技术等级）信息",
            btlv(
                {
                    # Seven digits of the dictionary of occupations (职业分类大典), one of GB/T 14946 A.13
                    0x5A: ("occupation", an(7), "职业资格（工人技术等级）名称代码"),
                    0x5B: ("grade", an(1), "职业资格（工人技术等级）等级"),
                    0x5C: ("issuing_body", an(70), "职业资格（工人技术等级）证书发证/年检机构名称"),
                    0x5D: ("issue_date", date(), "职业资格（工人技术等级）证书发证/年检日期"),
                    0x5E: ("certificate_number", an(16), "职业资格（工人技术等级）证书编号"),
                }
            ),
            (
                "5A07323032303730315B01335C46"
                + padded("D0E9B9B9CAD0D6B0D2B5BCBCC4DCBCF8B6A8D6D0D0C4", 70)
                + "5D0420120601"
                + "5E1039393030303030303030303030303031",
                {
                    "occupation": "2020701",
                    "grade": "3",
                    "issuing_body": "虚构市职业技能鉴定中心",
                    "issue_date": CardDate("20120601"),
                    "certificate_number": "9900000000000001",
                },
            ),
            repeat=2,
        ),
        personal(
            0x44,
            "professional_qualifications",
            "职业资格（专业技术人员）信息",
            btlv(
                {
                    0x33: (
                        "qualification",
                        coded(PROFESSIONAL_QUALIFICATION, an(3)),
                        "职业资格（专业技术人员）名称代码",
                    ),
                    0x34: ("registration_body", an(70), "职业资格（专业技术人员）注册登记/年检机构名称"),
                    0x35: ("registration_date", date(), "职业资格（专业技术人员）注册登记/年检日期"),
                    0x36: ("certificate_number", an(16), "职业资格（专业技术人员）证书编号"),
                }
            ),
            (
                "33033438303446"
                + padded("D0E9B9B9CAA1C8CBCAC2BFBCCAD4D6D0D0C4", 70)
                + "350420150901"
                + "3610"
                + padded("3939303030303030303031", 16),
                {
                    "qualification": PROFESSIONAL_QUALIFICATION["480"],
                    "registration_body": "虚构省人事考试中心",
                    "registration_date": CardDate("20150901"),
                    "certificate_number": "99000000001",
                },
            ),
            repeat=2,
        ),
    ),
)

_EMPLOYMENT_REGISTRATION: Final = composite((("type", 2, EMPLOYMENT_REGISTRATION), ("form", 3, EMPLOYMENT_FORM)))
_UNEMPLOYMENT_REGISTRATION: Final = composite(
    (
        ("type", 2, UNEMPLOYMENT_REGISTRATION),
        ("reason", 2, UNEMPLOYMENT_REASON),
        ("cancellation_reason", 2, CANCELLATION_REASON),
    )
)

EMPLOYMENT: Final = LinearFile(
    fid=0xEF06,
    name="employment",
    chinese="就业状况信息文件",
    read=rule("PIN|RK1DF02"),
    update=rule("UK2DF02"),
    clause="S1 T5 T9; 8.3.2",
    items=(
        personal(
            0x4C,
            "last_employment_registration_date",
            "最近一次办理就业登记日期",
            date(),
            ("20190801", CardDate("20190801")),
        ),
        personal(
            0x4B,
            "employment_registration",
            "就业登记类型及形式",
            _EMPLOYMENT_REGISTRATION,
            ("3130303130", {"type": EMPLOYMENT_REGISTRATION["10"], "form": EMPLOYMENT_FORM["010"]}),
        ),
        personal(0x4D, "employment_registration_region", "就业登记地行政区划代码", region(), ("990000", "990000")),
        # A card has this item here or in DF03/EF05, never in both [S1 T9].
        personal(
            0x60,
            "last_unemployment_registration_date",
            "最近一次办理失业登记日期",
            date(),
            ("20190401", CardDate("20190401")),
            optional=True,
        ),
        personal(
            0x4F,
            "unemployment_registration",
            "失业登记类型、原因及注销原因",
            _UNEMPLOYMENT_REGISTRATION,
            (
                "323030303630",
                {
                    "type": UNEMPLOYMENT_REGISTRATION["20"],
                    "reason": UNEMPLOYMENT_REASON["00"],
                    "cancellation_reason": CANCELLATION_REASON["60"],
                },
            ),
        ),
        personal(0x50, "unemployment_registration_region", "失业登记地行政区划代码", region(), ("990000", "990000")),
        personal(0x3A, "occupation", "现从事职业", an(7), ("32303230373031", "2020701")),
    ),
)

EMPLOYMENT_HISTORY: Final = CyclicFile(
    fid=0xEF07,
    name="employment_history",
    chinese="就业记录信息文件",
    read=rule("PIN|RK1DF02"),
    update=rule("UK3DF02"),
    clause="S1 T5 T9; 8.3.3",
    records=4,
    items=(
        untagged("occupation", "从事职业", an(7), ("32303230373031", "2020701")),
        untagged("start_date", "就业起始日期", date(), ("20120701", CardDate("20120701"))),
        untagged("end_date", "就业终止日期", date(), ("20190331", CardDate("20190331"))),
        untagged(
            "employer_name",
            "就业工作单位名称",
            an(70),
            (padded("D0E9B9B9C8EDBCFED3D0CFDEB9ABCBBE", 70), "虚构软件有限公司"),
        ),
    ),
)

EMPLOYMENT_CERTIFICATE: Final = LinearFile(
    fid=0xEF09,
    name="employment_certificate",
    chinese="就业失业登记证信息文件",
    read=rule("PIN|RK1DF02"),
    update=rule("UK4DF02"),
    clause="S1 T5 T9; 8.3.4",
    items=(
        # Annex C of the specification calls it cn 8: sixteen digits too, but for records of 1.0 that are rewritten.
        personal(
            0x55,
            "certificate_number",
            "就业失业登记证编号",
            an(16),
            ("39393030303031393030303030303031", "9900001900000001"),
        ),
        personal(
            0x56,
            "issuing_body",
            "就业失业登记证发证机构",
            an(70),
            (padded("D0E9B9B9CAD0BECDD2B5B7FECEF1D6D0D0C4", 70), "虚构市就业服务中心"),
        ),
        personal(0x96, "issue_date", "就业失业登记证发证/年检日期", date(), ("20190401", CardDate("20190401"))),
        personal(0x97, "issuing_region", "就业失业登记证发证地行政区划代码", region(), ("990000", "990000")),
    ),
)

EMPLOYMENT_ASSISTANCE: Final = LinearFile(
    fid=0xEF15,
    name="employment_assistance",
    chinese="就业援助对象认定信息文件",
    read=rule("PIN|RK1DF02"),
    update=rule("UK5DF02"),
    clause="S1 T5 T9; 8.3.5",
    items=(
        personal(
            0x99,
            "recognitions",
            "就业援助对象认定信息",
            btlv(
                {
                    0x10: ("kind", coded(ASSISTANCE_KIND, an(3)), "认定为就业援助对象类型"),
                    0x11: ("date", date(), "就业援助认定日期"),
                    0x12: ("region", region(), "就业援助认定地行政区划代码"),
                }
            ),
            (
                "1003303730" + "110420190415" + "1203990000",
                {"kind": ASSISTANCE_KIND["070"], "date": CardDate("20190415"), "region": "990000"},
            ),
            repeat=4,
        ),
        personal(0x0F, "exit_date", "退出就业援助对象范围的认定日期", date(), ("20190801", CardDate("20190801"))),
        personal(0x1F, "exit_region", "退出就业援助对象范围的认定地行政区划代码", region(), ("990000", "990000")),
    ),
)

EMPLOYMENT_POLICIES: Final = CyclicFile(
    fid=0xEF16,
    name="employment_policies",
    chinese="就业扶持政策享受信息文件",
    read=rule("PIN|RK1DF02"),
    update=rule("UK6DF02"),
    clause="S1 T5 T9; 8.3.6",
    records=4,
    items=(
        untagged(
            "policy", "享受就业扶持政策类型", coded(EMPLOYMENT_POLICY, an(3)), ("303430", EMPLOYMENT_POLICY["040"])
        ),
        untagged("approval_date", "享受就业扶持政策核准日期", date(), ("20190420", CardDate("20190420"))),
        untagged("start_date", "就业扶持政策享受开始日期", date(), ("20190501", CardDate("20190501"))),
        untagged("end_date", "就业扶持政策享受终止日期", date(), ("20190731", CardDate("20190731"))),
        untagged("region", "就业扶持政策享受地行政区划代码", region(), ("990000", "990000")),
    ),
)

DF02: Final = Directory(
    name="DF02",
    chinese="就业与失业信息区",
    df_name=bytes.fromhex("D15600000501"),
    fid=0xDF02,
    files=(
        SKILLS,
        EMPLOYMENT,
        EMPLOYMENT_HISTORY,
        EMPLOYMENT_CERTIFICATE,
        EMPLOYMENT_ASSISTANCE,
        EMPLOYMENT_POLICIES,
    ),
)
