"""DF01 of version 1.0, public information (公共应用信息区) [S2.6 T5; S1 annex C and attachment]."""

from dataclasses import replace
from typing import Final

from cardlib.model import Directory, FileClass, LinearFile, Structure
from cardlib.profiles import df01
from cardlib.profiles.v1.common import called, former, kept
from cardlib.reused import Reused
from cardlib.rules import PIN, rule
from cardlib.schema import an, date, money
from cardlib.values import CardDate

_CLAUSE: Final = "S2.6 T5"

HOUSEHOLD: Final = replace(
    df01.HOUSEHOLD,
    read=PIN,
    file_class=FileClass.MANDATORY,
    clause=_CLAUSE,
    items=(
        # The codes of one character are not published.
        former(0x20, "household_class", "户口类别", an(1), ("31", "1")),
        called(df01.HOUSEHOLD, "household_address", "常住户口所在地地址"),
    ),
)

# The file also had the postal address (通讯地址) and its postcode (通讯地址邮政编码), of unpublished tag and length.
RESIDENCE: Final = replace(
    df01.RESIDENCE,
    chinese="通讯信息文件",
    read=PIN,
    file_class=FileClass.OPTIONAL,
    clause=_CLAUSE,
    items=kept(df01.RESIDENCE, "telephone"),
)

PERSONAL_STATUS: Final = replace(
    df01.PERSONAL_STATUS,
    structure=Structure.LINEAR_FIXED,
    read=rule("PIN|UK2DF01"),
    file_class=FileClass.MANDATORY,
    clause=_CLAUSE,
    items=(
        *df01.PERSONAL_STATUS.items,
        # In 2.0 it stands in DF01/EF15.
        called(df01.EDUCATION, "education_level", "文化程度"),
    ),
)

MARITAL: Final = replace(df01.MARITAL, read=PIN, file_class=FileClass.MANDATORY, clause=_CLAUSE)

_ECONOMIC_TYPE: Final = former(0x32, "economic_type", "单位经济类型", an(3), ("313130", "110"))

# The file also had the type of the employer (单位类型), of unpublished tag and length.
EMPLOYER: Final = replace(
    df01.EMPLOYER,
    chinese="就业单位信息文件",
    read=rule("PIN|UK2DF01"),
    file_class=FileClass.MANDATORY,
    clause=_CLAUSE,
    items=df01.EMPLOYER.replacing(_ECONOMIC_TYPE),
    views=(Reused(before=(_ECONOMIC_TYPE,), after=kept(df01.EMPLOYER, "identity_class")),),
)

_CONTRIBUTION_BASE: Final = former(0x37, "contribution_base", "缴费基数", money(4), ("00500000", 500_000))
_WAGES: Final = former(0x38, "previous_year_wages", "上年工资总额", money(4), ("06000000", 6_000_000))
_WAGES_UPDATE: Final = former(0x39, "wages_update_date", "工资信息更新日期", date(), ("20100701", CardDate("20100701")))

NATIONALITY: Final = replace(
    df01.NATIONALITY,
    chinese="工资信息文件",
    structure=Structure.LINEAR_FIXED,
    read=PIN,
    file_class=FileClass.MANDATORY,
    clause=_CLAUSE,
    items=(_CONTRIBUTION_BASE, _WAGES, _WAGES_UPDATE),
    views=(
        Reused(before=(_CONTRIBUTION_BASE,), after=kept(df01.NATIONALITY, "nationality")),
        Reused(
            before=(_WAGES, _WAGES_UPDATE),
            after=kept(df01.NATIONALITY, "political_affiliation", "party_joining_date"),
        ),
    ),
)

_FILES: Final[tuple[LinearFile, ...]] = (HOUSEHOLD, RESIDENCE, PERSONAL_STATUS, MARITAL, EMPLOYER, NATIONALITY)

DF01: Final[Directory] = replace(df01.DF01, files=_FILES)
