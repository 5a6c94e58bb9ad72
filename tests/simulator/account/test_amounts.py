"""The amount file: its bytes, loads, purchases and the turn of the year."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apdu.errors import MalformedError
from cardlib.profiles.df04 import MEDICAL_ACCOUNT
from simulator.account.amounts import Amounts
from simulator.command import Refused

CARD = Amounts(5, 7, 6000, 25_000, 480_000, bytes.fromhex("2010"), bytes.fromhex("0701"))
COUNTER = st.integers(0, 0xFFFF)
FEN = st.integers(0, 0xFFFFFFFF)
TWO_BYTES = st.binary(min_size=2, max_size=2)


def purchase(amounts: Amounts, day: str, **reading: bool) -> Amounts:
    """1000 fen from the account, 250 by the holder, 4750 by the fund."""
    return amounts.debit(1000).accumulate(250, 4750, bytes.fromhex(day), **reading)


def refusal(call, *arguments) -> str:
    with pytest.raises(Refused) as refused:
        call(*arguments)
    return f"{refused.value.sw:04X}"


def test_the_file_is_laid_out_as_published():
    packed = bytes.fromhex("0005 0007 00001770 000061A8 00075300 2010 0701")
    assert CARD.pack() == packed
    assert Amounts.unpack(packed) == CARD


def test_the_profile_of_the_card_lays_it_out_alike():
    stored = b"".join(bytes.fromhex(item.vector[0]) for item in MEDICAL_ACCOUNT.items)
    assert Amounts.unpack(stored) == Amounts(1, 2, 250_000, 500, 123_456, bytes.fromhex("2024"), bytes.fromhex("0101"))


@given(st.builds(Amounts, COUNTER, COUNTER, FEN, FEN, FEN, TWO_BYTES, TWO_BYTES))
def test_every_content_survives_being_stored(amounts):
    assert Amounts.unpack(amounts.pack()) == amounts


@pytest.mark.parametrize("size", [0, 19, 21])
def test_no_other_length_is_an_amount_file(size):
    with pytest.raises(MalformedError, match="20 bytes"):
        Amounts.unpack(bytes(size))


def test_a_load_moves_balance_and_load_counter():
    assert CARD.credit(1000) == Amounts(6, 7, 7000, 25_000, 480_000, CARD.year, CARD.starting_day)


def test_a_balance_never_exceeds_32_bits():
    assert CARD.credit(0xFFFFFFFF - 6000).balance == 0xFFFFFFFF
    assert refusal(CARD.credit, 0xFFFFFFFF - 5999) == "6985"


def test_a_purchase_moves_balance_and_purchase_counter():
    assert CARD.debit(6000) == Amounts(5, 8, 0, 25_000, 480_000, CARD.year, CARD.starting_day)
    assert refusal(CARD.debit, 6001) == "9401"


# The worked example of the rule [S2.7 §12.6]: year stored, starting day, date, naive reading; year, totals afterwards.
WORKED = [
    pytest.param("2010", "0701", "20110630", False, ("2010", 25_250, 484_750), id="last day of the year"),
    pytest.param("2010", "0701", "20110701", False, ("2011", 250, 4750), id="first day of the next year"),
    pytest.param("2010", "0701", "20120315", False, ("2011", 250, 4750), id="a year later, before the starting day"),
    pytest.param("2010", "0701", "20120315", True, ("2012", 250, 4750), id="the same, naive year"),
    pytest.param("2011", "0701", "20110630", False, ("2011", 25_250, 484_750), id="before the stored year"),
    pytest.param("0000", "0101", "20240310", False, ("2024", 250, 4750), id="no year stored"),
]


@pytest.mark.parametrize(("year", "start", "day", "naive", "after"), WORKED)
def test_turn_of_the_year(year, start, day, naive, after):
    before = Amounts(5, 7, 6000, 25_000, 480_000, bytes.fromhex(year), bytes.fromhex(start))
    amounts = purchase(before, day, calendar_year=naive)
    assert (amounts.year.hex(), amounts.self_paid, amounts.pooled) == after
    assert (amounts.balance, amounts.purchases, amounts.starting_day) == (5000, 8, before.starting_day)


def test_the_naive_year_adds_to_the_year_before():
    naive = purchase(purchase(CARD, "20120315", calendar_year=True), "20120801", calendar_year=True)
    assert (naive.year.hex(), naive.self_paid, naive.pooled) == ("2012", 500, 9500)
    right = purchase(purchase(CARD, "20120315"), "20120801")
    assert (right.year.hex(), right.self_paid, right.pooled) == ("2012", 250, 4750)


@given(
    st.dates(min_value=date(2, 1, 1)),
    st.dates(min_value=date(2, 1, 1)),
    st.sampled_from(["0101", "0229", "0401", "0630", "0701", "0901", "1001", "1231"]),
)
def test_totals_go_on_exactly_within_a_settlement_year(first, second, start):
    """A second rule for the same thing: two dates share a year when as many starting days have passed."""

    def settlement_year(day: date) -> int:
        return day.year - (f"{day:%m%d}" < start)

    first, second = sorted((first, second))
    year = bytes.fromhex(f"{settlement_year(first):04}")
    stored = Amounts(self_paid=1, pooled=2, year=year, starting_day=bytes.fromhex(start))
    after = stored.accumulate(10, 20, bytes.fromhex(f"{second.year:04}{second:%m%d}"))
    if settlement_year(first) == settlement_year(second):
        assert (after.self_paid, after.pooled, after.year) == (11, 22, stored.year)
    else:
        assert (after.self_paid, after.pooled) == (10, 20)
        assert int(after.year.hex()) == settlement_year(second)


@pytest.mark.parametrize(("self_paid", "pooled"), [(0xFFFFFFFF - 24_999, 0), (0, 0xFFFFFFFF - 479_999)])
def test_totals_never_exceed_32_bits(self_paid, pooled):
    assert refusal(CARD.accumulate, self_paid, pooled, bytes.fromhex("20101231")) == "6985"
    restarted = CARD.accumulate(self_paid, pooled, bytes.fromhex("20111231"))
    assert (restarted.self_paid, restarted.pooled) == (self_paid, pooled)


@pytest.mark.parametrize(
    ("year", "start", "day"),
    [("2010", "0701", "2010123A"), ("FFFF", "0701", "20101231"), ("2010", "0A01", "20101231")],
)
def test_a_year_needs_digits(year, start, day):
    amounts = Amounts(year=bytes.fromhex(year), starting_day=bytes.fromhex(start))
    assert refusal(amounts.accumulate, 0, 0, bytes.fromhex(day)) == "6985"
