"""DF04, medical insurance (社会保险信息区2): the insured, settlements, the account on the card [S1 T7, T9].

The items' vectors are of invented people: region 990000 was never issued.
"""

from dataclasses import replace
from typing import Final

from cardlib.codes import (
    CARD_USE,
    INSURED_CATEGORY,
    MEDICAL_ASSISTANCE,
    MEDICAL_INSURANCE_KIND,
    MEDICAL_SUBSIDY,
    OFFLINE_SETTLEMENT_ALLOWED,
    OUTPATIENT_MAJOR_DISEASE,
    OUTPATIENT_POOLING,
    SETTLEMENT_KIND,
    TRANSACTION_KIND,
    TREATMENT_ELSEWHERE,
)
from cardlib.model import CyclicFile, Directory, InternalFile, Item, LinearFile
from cardlib.profiles.declare import padded, personal, untagged
from cardlib.rules import rule
from cardlib.schema import (
    Schema,
    an,
    binary_money,
    cn,
    coded,
    composite,
    count,
    date,
    money,
    number,
    region,
    timestamp,
    year,
)
from cardlib.values import CardDate, Value

MARKS: Final = composite(
    (
        ("insurance_type", 3, MEDICAL_INSURANCE_KIND),
        ("treatment_elsewhere", 1, TREATMENT_ELSEWHERE),
        ("outpatient_pooling", 1, OUTPATIENT_POOLING),
        ("outpatient_major_disease", 1, OUTPATIENT_MAJOR_DISEASE),
        ("medical_assistance", 1, MEDICAL_ASSISTANCE),
        ("special_care_subsidy", 1, MEDICAL_SUBSIDY),
    )
)
"""Kind of medical insurance and five marks, eight characters [S1 T42…T47]."""

MEDICAL_INSURANCE: Final = LinearFile(
    fid=0xEF05,
    name="medical_insurance",
    chinese="医疗保险基本信息文件",
    read=rule("PIN|RK1DF04"),
    update=rule("UK1DF04"),
    clause="S1 T7 T9; 8.5.1",
    items=(
        personal(
            0x81,
            "insurance_type_and_marks",
            "医疗保险险种类型及标识",
            MARKS,
            (
                "3331303031303030",
                {
                    "insurance_type": MEDICAL_INSURANCE_KIND["310"],
                    "treatment_elsewhere": TREATMENT_ELSEWHERE["0"],
                    "outpatient_pooling": OUTPATIENT_POOLING["1"],
                    "outpatient_major_disease": OUTPATIENT_MAJOR_DISEASE["0"],
                    "medical_assistance": MEDICAL_ASSISTANCE["0"],
                    "special_care_subsidy": MEDICAL_SUBSIDY["0"],
                },
            ),
        ),
        personal(0x84, "insured_region", "医疗保险参保地所属行政区划代码", region(), ("990000", "990000")),
        personal(
            0x87,
            "health_record_number",
            "健康档案编号",
            an(17),
            ("3939303030303030313030313030303137", "99000000100100017"),
        ),
        personal(
            0x8C,
            "insured_person_category",
            "医疗保险参保人员类别",
            coded(INSURED_CATEGORY, cn(1)),
            ("11", INSURED_CATEGORY["11"]),
        ),
        personal(
            0x80, "account_opening_date", "基本医疗保险个人账户建立日期", date(), ("20120701", CardDate("20120701"))
        ),
        personal(
            0x8B,
            "account_number",
            "基本医疗保险个人账号",
            an(29),
            (padded("3939303030303230313230373031303030303137", 29), "99000020120701000017"),
        ),
        personal(
            0x8A,
            "medical_certificate_number",
            "医疗证号",
            an(15),
            ("393930303030303132333435363738", "990000012345678"),
        ),
        personal(0x83, "designated_institution_1", "定点医疗机构代码1", an(9), ("543030303030313136", "T00000116")),
        personal(0x86, "designated_institution_2", "定点医疗机构代码2", an(9), ("543030303030313234", "T00000124")),
        personal(0x89, "designated_institution_3", "定点医疗机构代码3", an(9), ("543030303030313332", "T00000132")),
        personal(
            0x7D, "work_injury_institution_1", "工伤协议医疗机构代码1", an(9), ("543030303030323132", "T00000212")
        ),
        personal(
            0x7E, "work_injury_institution_2", "工伤协议医疗机构代码2", an(9), ("543030303030323230", "T00000220")
        ),
        personal(
            0x7F, "work_injury_institution_3", "工伤协议医疗机构代码3", an(9), ("543030303030323339", "T00000239")
        ),
        personal(0x8D, "maternity_institution_1", "生育定点医疗机构代码1", an(9), ("543030303030333139", "T00000319")),
        personal(0x8E, "maternity_institution_2", "生育定点医疗机构代码2", an(9), ("543030303030333237", "T00000327")),
        personal(0x8F, "card_use_mode", "医疗保险用卡方式", coded(CARD_USE, an(1)), ("32", CARD_USE["2"])),
    ),
)

OFFLINE_SETTLEMENT: Final = LinearFile(
    fid=0xEF06,
    name="offline_settlement",
    chinese="医疗保险临时脱网结算信息文件",
    read=rule("PIN&RK1DF04"),
    update=rule("UK2DF04"),
    clause="S1 T7 T9; 8.5.2",
    items=(
        personal(
            0x90,
            "offline_settlement_permitted",
            "准许脱网医保结算标识",
            coded(OFFLINE_SETTLEMENT_ALLOWED, an(1)),
            ("31", OFFLINE_SETTLEMENT_ALLOWED["1"]),
        ),
        personal(0x92, "offline_settlement_total", "脱网医保结算累计金额", money(4), ("00012345", 12_345)),
        personal(0x93, "offline_settlement_count", "脱网医保结算累计次数", count(2), ("3032", 2)),
    ),
)

# Written by the card's operating system with every load and purchase. An account-only card has records of 14h bytes,
# which end after the amount from the personal account [S2.7 §12].
MEDICAL_TRANSACTIONS: Final = CyclicFile(
    fid=0xEF08,
    name="medical_transactions",
    chinese="医疗交易明细文件",
    read=rule("PIN"),
    update=rule("never"),
    clause="S1 T7 T9; 8.5.3",
    records=30,
    short_record_items=5,
    items=(
        untagged("transaction_number", "交易序号", number(2), ("0002", 2)),
        untagged("transaction_type", "交易类型", coded(TRANSACTION_KIND, an(1)), ("32", TRANSACTION_KIND["2"])),
        untagged("terminal_number", "终端机编号", cn(6), ("990000000001", "990000000001")),
        untagged("transaction_time", "交易时间", timestamp(), ("20240102030405", CardDate("20240102030405"))),
        untagged("personal_account_amount", "个人账户交易金额", binary_money(4), ("000003E8", 1000)),
        untagged("self_paid_amount", "个人自付金额", binary_money(4), ("000001F4", 500)),
        untagged("pooled_fund_amount", "统筹基金支付金额", binary_money(4), ("0001E240", 123_456)),
    ),
)

SPECIAL_SETTLEMENTS: Final = CyclicFile(
    fid=0xEF15,
    name="special_settlements",
    chinese="特殊医疗结算记录文件",
    read=rule("PIN|RK1DF04"),
    update=rule("UK2DF04"),
    clause="S1 T7 T9; 8.5.4",
    records=8,
    items=(
        untagged("transaction_number", "交易序号", number(2), ("0002", 2)),
        untagged("settlement_type", "结算类别", coded(SETTLEMENT_KIND, an(1)), ("31", SETTLEMENT_KIND["1"])),
    ),
)


def _internal(name: str, chinese: str, schema: Schema, vector: tuple[str, Value]) -> Item:
    """An item of a file that no command reads or writes as such, so that no message has a field for it."""
    return replace(untagged(name, chinese, schema, vector), proto=None)


# The amounts of the account on the card (个人账户), kept by its operating system.
MEDICAL_ACCOUNT: Final = InternalFile(
    name="medical_account",
    chinese="医疗保险金额文件",
    read=rule("none"),
    update=rule("COS"),
    clause="S1 5.6, note after T9",
    items=(
        # Counters and amounts are binary, amounts in fen; year (YYYY) and day (MMDD) are packed digits [C].
        _internal("online_transaction_counter", "基本医疗保险个人账户联网交易计数器", number(2), ("0001", 1)),
        _internal("offline_transaction_counter", "基本医疗保险个人账户脱网交易计数器", number(2), ("0002", 2)),
        _internal("balance", "基本医疗保险个人账户余额", binary_money(4), ("0003D090", 250_000)),
        _internal("yearly_self_paid_total", "年度个人自付累计金额", binary_money(4), ("000001F4", 500)),
        _internal("yearly_pooled_fund_total", "年度统筹基金支付累计金额", binary_money(4), ("0001E240", 123_456)),
        _internal("payment_year", "支付年度", year(), ("2024", CardDate("2024"))),
        _internal("year_start_day", "年度起始日期", cn(2), ("0101", "0101")),
    ),
)

DF04: Final = Directory(
    name="DF04",
    chinese="社会保险信息区2",
    df_name=bytes.fromhex("D15600000503"),
    fid=0xDF04,
    files=(MEDICAL_INSURANCE, OFFLINE_SETTLEMENT, MEDICAL_TRANSACTIONS, SPECIAL_SETTLEMENTS, MEDICAL_ACCOUNT),
)
