"""DF01, public applications (公共应用信息区): where the holder lives, works and stands in life [S1 T4, T9].

The items' vectors are of invented people: region 990000 was never issued.
"""

from typing import Final

from cardlib.codes import (
    EDUCATION_LEVEL,
    EMPLOYMENT_STATUS,
    HOUSEHOLD_KIND,
    IDENTITY_CLASS,
    MARITAL_STATUS,
    POLITICAL_AFFILIATION,
)
from cardlib.model import Directory, FileClass, LinearFile, TransparentFile
from cardlib.profiles.declare import padded, personal, untagged
from cardlib.rules import rule
from cardlib.schema import an, binary, btlv, cn, coded, date, region
from cardlib.values import CardDate

HOUSEHOLD: Final = LinearFile(
    fid=0xEF05,
    name="household",
    chinese="户籍信息文件",
    read=rule("PIN|RK1DF01"),
    update=rule("UK1DF01"),
    clause="S1 T4 T9; 8.2.1",
    items=(
        personal(0x20, "household_kind", "户口类别", coded(HOUSEHOLD_KIND, an(2)), ("3131", HOUSEHOLD_KIND["11"])),
        personal(
            0x21,
            "household_address",
            "户口所在地地址",
            an(80),
            (padded("BCD7CAA1D2D2CAD0B1FBC7F8B6A1C2B731BAC5", 80), "甲省乙市丙区丁路1号"),
        ),
        personal(0x0E, "household_region", "户口所在地行政区划代码", region(), ("990000", "990000")),
    ),
)

RESIDENCE: Final = LinearFile(
    fid=0xEF06,
    name="residence",
    chinese="常住地信息文件",
    read=rule("PIN|RK1DF01"),
    update=rule("UK4DF01"),
    clause="S1 T4 T9; 8.2.2",
    items=(
        personal(
            0x23,
            "residence_address",
            "常住所在地地址",
            an(80),
            (padded("BCD7CAA1D2D2CAD0B1FBC7F8CEECC2B732BAC5", 80), "甲省乙市丙区戊路2号"),
        ),
        personal(0x24, "residence_region", "常住所在地行政区划代码", region(), ("990000", "990000")),
        personal(0x28, "telephone", "联系电话", an(15), (padded("3030303939303030303031", 15), "00099000001")),
        personal(0x2C, "contact_name", "联系人（监护人）姓名", an(50), (padded("C0EECBC4", 50), "李四")),
        personal(
            0x2D,
            "contact_telephone",
            "联系人（监护人）电话",
            an(15),
            (padded("3030303939303030303032", 15), "00099000002"),
        ),
    ),
)

PERSONAL_STATUS: Final = LinearFile(
    fid=0xEF07,
    name="personal_status",
    chinese="个人状况信息文件",
    read=rule("PIN|RK1DF01"),
    update=rule("UK2DF01"),
    clause="S1 T4 T9; 8.2.3",
    items=(
        personal(
            0x29,
            "employment_status",
            "个人就业或离退休（职）状态",
            coded(EMPLOYMENT_STATUS, an(1)),
            ("31", EMPLOYMENT_STATUS["1"]),
        ),
    ),
)

MARITAL: Final = LinearFile(
    fid=0xEF08,
    name="marital_status",
    chinese="婚姻状况信息文件",
    read=rule("PIN|RK1DF01"),
    update=rule("UK3DF01"),
    clause="S1 T4 T9; 8.2.4",
    items=(personal(0x2B, "marital_status", "婚姻状况", coded(MARITAL_STATUS, an(1)), ("32", MARITAL_STATUS["2"])),),
)

EMPLOYER: Final = LinearFile(
    fid=0xEF09,
    name="employer",
    chinese="人员身份及就业单位信息文件",
    read=rule("PIN|RK1DF01"),
    update=rule("UK2DF01"),
    clause="S1 T4 T9; 8.2.5",
    items=(
        personal(
            0x2E,
            "employer_name",
            "单位名称",
            an(70),
            (padded("D0E9B9B9C8EDBCFED3D0CFDEB9ABCBBE", 70), "虚构软件有限公司"),
        ),
        # Nine characters of GB 11714; the eighteen of the unified social credit code, which came later, do not fit.
        personal(0x30, "organisation_code", "单位组织机构代码", an(9), ("393930303030303039", "990000009")),
        personal(0x32, "identity_class", "人员身份类别", coded(IDENTITY_CLASS, an(2)), ("3133", IDENTITY_CLASS["13"])),
    ),
)

NATIONALITY: Final = LinearFile(
    fid=0xEF0A,
    name="nationality",
    chinese="国籍及政治面貌信息文件",
    read=rule("PIN|RK1DF01"),
    update=rule("UK5DF01"),
    clause="S1 T4 T9; 8.2.6",
    items=(
        # ISO 3166-1 alpha-3, on foreigners' cards only; ZZZ is for users, and no country's.
        personal(0x37, "nationality", "国籍", an(3), ("5A5A5A", "ZZZ")),
        personal(
            0x38,
            "political_affiliation",
            "政治面貌",
            coded(POLITICAL_AFFILIATION, an(2)),
            ("3033", POLITICAL_AFFILIATION["03"]),
        ),
        personal(0x39, "party_joining_date", "参加党派日期", date(), ("20050504", CardDate("20050504"))),
    ),
)

EDUCATION: Final = LinearFile(
    fid=0xEF15,
    name="education",
    chinese="学历信息文件",
    read=rule("PIN|RK1DF01"),
    update=rule("UK6DF01"),
    clause="S1 T4 T9; 8.2.7",
    items=(
        personal(0x2A, "education_level", "学历", coded(EDUCATION_LEVEL, cn(1)), ("21", EDUCATION_LEVEL["21"])),
        personal(
            0x40,
            "degrees",
            "学位信息",
            btlv(
                {
                    0x57: ("degree", an(3), "学位代码"),  # GB/T 6864
                    0x58: ("subject", cn(3), "所学专业类别"),  # GB/T 16835
                    0x59: ("school", an(40), "毕业学校名称"),
                }
            ),
            (
                "5703343038" + "5803080605" + "5928" + padded("D0E9B9B9B4F3D1A7", 40),
                {"degree": "408", "subject": "080605", "school": "虚构大学"},
            ),
            repeat=3,
        ),
    ),
)

# The specification prints 128, and says that its lengths are hexadecimal; 128 bytes may have been meant [S1 §7].
_RESERVED_SIZE: Final = 296
_RESERVED: Final = padded("5245534552564544", _RESERVED_SIZE)


def _reserved(number: int, update: str) -> TransparentFile:
    """One of five files that wait for a use (预留信息文件)."""
    return TransparentFile(
        fid=0xEF15 + number,
        name=f"reserved_{number}",
        chinese=f"预留信息文件{number}",
        read=rule("free"),
        update=rule(update),
        file_class=FileClass.RESERVED,
        clause="S1 T4 T9",
        items=(
            untagged("content", f"预留信息文件{number}", binary(_RESERVED_SIZE), (_RESERVED, bytes.fromhex(_RESERVED))),
        ),
    )


DF01: Final = Directory(
    name="DF01",
    chinese="公共应用信息区",
    df_name=bytes.fromhex("D15600000500"),
    fid=0xDF01,
    files=(
        HOUSEHOLD,
        RESIDENCE,
        PERSONAL_STATUS,
        MARITAL,
        EMPLOYER,
        NATIONALITY,
        EDUCATION,
        _reserved(1, "UK7DF01"),
        _reserved(2, "UK8DF01"),
        _reserved(3, "UK9DF01"),
        _reserved(4, "UKADF01"),
        _reserved(5, "UKBDF01"),
    ),
)
