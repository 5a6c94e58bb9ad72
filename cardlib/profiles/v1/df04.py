"""DF04 of version 1.0, medical insurance (社会保险信息区2) [S2.6 T8; S1 annex C and attachment].

The draft of 2011 has a file for the medical insurance of residents, of which no item is published.
"""

from dataclasses import replace
from typing import Final

from cardlib.model import Directory, FileClass, Item, LinearFile, Structure
from cardlib.profiles import df04
from cardlib.profiles.declare import padded
from cardlib.profiles.v1.common import called, former, kept
from cardlib.reused import Reused
from cardlib.rules import PIN, rule
from cardlib.schema import an, money

_CLAUSE: Final = "S2.6 T8"


def _institution(tag: int, number: int, stored: str, name: str) -> Item:
    return former(
        tag, f"designated_institution_name_{number}", f"定点医疗机构名称{number}", an(70), (padded(stored, 70), name)
    )


_NAME_1: Final = _institution(0x81, 1, "D0E9B9B9CAD0B5DAD2BBD2BDD4BA", "虚构市第一医院")
_NAME_2: Final = _institution(0x84, 2, "D0E9B9B9CAD0B5DAB6FED2BDD4BA", "虚构市第二医院")
_NAME_3: Final = _institution(0x87, 3, "D0E9B9B9CAD0D6D0D2BDD4BA", "虚构市中医院")

MEDICAL_INSURANCE: Final = replace(
    df04.MEDICAL_INSURANCE,
    read=PIN,
    file_class=FileClass.OPTIONAL,
    clause=_CLAUSE,
    items=(
        called(df04.MEDICAL_INSURANCE, "insured_person_category", "医疗人员类别"),
        *kept(df04.MEDICAL_INSURANCE, "account_opening_date"),
        replace(
            df04.MEDICAL_INSURANCE.item_named("account_number"),
            schema=an(10),
            vector=("39393030303030303137", "9900000017"),
        ),
        *kept(df04.MEDICAL_INSURANCE, "medical_certificate_number"),
        _NAME_1,
        *kept(df04.MEDICAL_INSURANCE, "designated_institution_1"),
        _NAME_2,
        *kept(df04.MEDICAL_INSURANCE, "designated_institution_2"),
        _NAME_3,
        *kept(df04.MEDICAL_INSURANCE, "designated_institution_3", "card_use_mode"),
    ),
    views=(
        Reused(before=(_NAME_1,), after=kept(df04.MEDICAL_INSURANCE, "insurance_type_and_marks")),
        Reused(before=(_NAME_2,), after=kept(df04.MEDICAL_INSURANCE, "insured_region")),
        Reused(before=(_NAME_3,), after=kept(df04.MEDICAL_INSURANCE, "health_record_number")),
    ),
)

_BALANCE: Final = former(0x90, "account_balance", "基本医疗保险个人账户余额", money(4), ("00123456", 123_456))
_SELF_PAID: Final = former(0x92, "yearly_self_paid_total", "年度个人自付累计金额", money(4), ("00045678", 45_678))
_POOLED: Final = former(0x93, "yearly_pooled_fund_total", "年度统筹基金支付累计金额", money(4), ("00200000", 200_000))

OFFLINE_SETTLEMENT: Final = replace(
    df04.OFFLINE_SETTLEMENT,
    chinese="医疗保险账户信息文件（联网）",
    structure=Structure.LINEAR_FIXED,
    file_class=FileClass.OPTIONAL,
    clause=_CLAUSE,
    items=(_BALANCE, _SELF_PAID, _POOLED),
    views=(
        Reused(
            before=(_BALANCE, _SELF_PAID),
            after=kept(df04.OFFLINE_SETTLEMENT, "offline_settlement_permitted", "offline_settlement_total"),
        ),
        Reused(before=(_POOLED,), after=kept(df04.OFFLINE_SETTLEMENT, "offline_settlement_count")),
    ),
)

MEDICAL_TRANSACTIONS: Final = replace(
    df04.MEDICAL_TRANSACTIONS,
    chinese="医疗保险交易明细文件（脱网）",
    file_class=FileClass.OPTIONAL,
    clause=_CLAUSE,
)

RESIDENTS_MEDICAL_INSURANCE: Final = LinearFile(
    fid=0xEF09,
    name="residents_medical_insurance",
    chinese="城镇居民医疗保险信息文件",
    read=PIN,
    update=rule("UK3DF04"),
    file_class=FileClass.OPTIONAL,
    clause=_CLAUSE,
    items=(),
)

DF04: Final[Directory] = replace(
    df04.DF04,
    files=(MEDICAL_INSURANCE, OFFLINE_SETTLEMENT, MEDICAL_TRANSACTIONS, RESIDENTS_MEDICAL_INSURANCE),
)
