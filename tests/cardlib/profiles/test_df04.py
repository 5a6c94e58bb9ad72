"""DF04: what the tables alone do not tell."""

from collections.abc import Mapping

import pytest

from cardlib.codes import MEDICAL_INSURANCE_KIND, SETTLEMENT_KIND, TRANSACTION_KIND
from cardlib.profiles.df04 import (
    MEDICAL_ACCOUNT,
    MEDICAL_INSURANCE,
    MEDICAL_TRANSACTIONS,
    OFFLINE_SETTLEMENT,
    SPECIAL_SETTLEMENTS,
)
from cardlib.values import CardDate


def test_a_medical_transaction_has_binary_numbers_the_most_significant_byte_first() -> None:
    # number, type, terminal, time, three amounts in fen [S1 §8.5.3]
    record = bytes.fromhex("0102 32 990000000001 20240102030405 000003E8 000001F4 0001E240")
    contents = MEDICAL_TRANSACTIONS.parse(record + bytes(28) + b"\xff" * 28)
    (transaction,) = contents.values["records"]
    assert dict(transaction) == {
        "transaction_number": 0x0102,
        "transaction_type": TRANSACTION_KIND["2"],
        "terminal_number": "990000000001",
        "transaction_time": CardDate("20240102030405"),
        "personal_account_amount": 1000,
        "self_paid_amount": 500,
        "pooled_fund_amount": 123456,
    }
    assert transaction["transaction_time"].iso == "2024-01-02T03:04:05"
    assert contents.warnings == ()
    assert MEDICAL_TRANSACTIONS.encode(contents.values) == [record]


# Number 0002, settlement, terminal 990000000001, 2024-01-02 03:04:05, 1000 fen, as on an account-only card [S2.7 §12].
ACCOUNT_ONLY = "00023299000000000120240102030405000003E8"
FULL = ACCOUNT_ONLY + "000000FA0000128E"


@pytest.mark.parametrize("number", [1, 2, 7, 21, 30])
def test_records_of_an_account_only_card_are_told_from_full_ones_also_where_their_lengths_meet(number: int) -> None:
    short = MEDICAL_TRANSACTIONS.parse(bytes.fromhex(ACCOUNT_ONLY) * number)
    full = MEDICAL_TRANSACTIONS.parse(bytes.fromhex(FULL) * number)
    for contents, self_paid in ((short, None), (full, 250)):
        records = contents.values["records"]
        assert isinstance(records, tuple)
        assert len(records) == number
        assert not contents.warnings
        for record in records:
            assert isinstance(record, Mapping)
            assert record["personal_account_amount"] == 1000
            assert record["self_paid_amount"] == self_paid


def test_nobody_but_the_card_itself_writes_medical_transactions() -> None:
    everything = MEDICAL_TRANSACTIONS.update.satisfied(pin=True, keys={"UK1DF04", "UK2DF04", "RK1DF04", "UKSSSE"})
    assert not everything


def test_an_off_line_settlement_takes_both_the_pin_and_the_read_key() -> None:
    rule = OFFLINE_SETTLEMENT.read
    assert rule.satisfied(pin=True, keys={"RK1DF04"})
    assert not rule.satisfied(pin=True, keys=set())
    assert not rule.satisfied(pin=False, keys={"RK1DF04"})


def test_a_special_settlement_says_of_which_kind_a_transaction_was() -> None:
    (first, second) = SPECIAL_SETTLEMENTS.parse(bytes.fromhex("00033300 0231")).values["records"]
    assert dict(first) == {"transaction_number": 3, "settlement_type": SETTLEMENT_KIND["3"]}
    assert dict(second) == {"transaction_number": 2, "settlement_type": SETTLEMENT_KIND["1"]}


def test_the_kind_of_medical_insurance_is_followed_by_five_marks() -> None:
    contents = MEDICAL_INSURANCE.parse(bytes.fromhex("8108 333930 31 30 31 30 39"))
    marks = contents.values["insurance_type_and_marks"]
    assert marks["insurance_type"] == MEDICAL_INSURANCE_KIND["390"]
    assert [code.code for code in marks.values()] == ["390", "1", "0", "1", "0", "9"]
    assert marks["treatment_elsewhere"].en == "treatment elsewhere approved: yes"
    assert not marks["special_care_subsidy"].known
    assert ("CODE_UNKNOWN", "insurance_type_and_marks") in [(found.code, found.item) for found in contents.warnings]


def test_the_account_on_the_card_is_out_of_reach() -> None:
    assert MEDICAL_ACCOUNT.fid is None
    assert (str(MEDICAL_ACCOUNT.read), str(MEDICAL_ACCOUNT.update)) == ("none", "COS")
    # counters, amounts in fen, year, first day of the year
    stored = bytes.fromhex("0001 0002 0003D090 000001F4 0001E240 2024 0101")
    assert dict(MEDICAL_ACCOUNT.parse(stored).values) == {
        "online_transaction_counter": 1,
        "offline_transaction_counter": 2,
        "balance": 250000,
        "yearly_self_paid_total": 500,
        "yearly_pooled_fund_total": 123456,
        "payment_year": CardDate("2024"),
        "year_start_day": "0101",
    }
