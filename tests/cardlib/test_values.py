"""Values: dates, codes, the card identifier; what they say about themselves and what they keep quiet."""

from datetime import date
from types import MappingProxyType

import pytest

from cardlib.values import CardDate, CardIdentifier, Coded, Concern, ItemWarning, Value, concerns

IDENTIFIER = CardIdentifier("990000D156000005000A0B1C1234567F")


@pytest.mark.parametrize(
    ("value", "day", "iso", "found"),
    [
        (CardDate("20120229"), date(2012, 2, 29), "2012-02-29", ()),
        (CardDate("20120230"), None, "2012-02-30", (Concern.DATE_IMPOSSIBLE,)),
        (CardDate("2012A1B2"), None, "2012-A1-B2", (Concern.DATE_IMPOSSIBLE,)),
        (CardDate("00000101"), None, "0000-01-01", (Concern.DATE_IMPOSSIBLE,)),
        (CardDate("2012", standard=False), None, "2012", (Concern.DATE_NOT_STANDARD,)),
        (CardDate("2024"), None, "2024", ()),
        (CardDate("202401"), None, "2024-01", ()),
        (CardDate("202413"), None, "2024-13", (Concern.DATE_IMPOSSIBLE,)),
        (CardDate("20240102030405"), date(2024, 1, 2), "2024-01-02T03:04:05", ()),
        (CardDate("20240102240000"), None, "2024-01-02T24:00:00", (Concern.DATE_IMPOSSIBLE,)),
        (CardDate("20240"), None, "20240", (Concern.DATE_IMPOSSIBLE,)),
    ],
    ids=[
        "leap day",
        "no such day",
        "no digits",
        "no such year",
        "ASCII year",
        "year",
        "month",
        "no such month",
        "second",
        "no such second",
        "nothing",
    ],
)
def test_a_date_keeps_its_text_and_says_what_is_wrong(
    value: CardDate, day: date | None, iso: str, found: tuple[Concern, ...]
) -> None:
    assert value.date == day
    assert value.iso == iso
    assert concerns(value) == found


def test_a_year_spans_from_its_first_day_to_its_last() -> None:
    year = CardDate("2012", standard=False)
    assert (year.first_day, year.last_day) == (date(2012, 1, 1), date(2012, 12, 31))
    day = CardDate("20120304")
    assert day.first_day == day.last_day == date(2012, 3, 4)
    assert CardDate("20120230").last_day is None


def test_a_month_spans_from_its_first_day_to_its_last() -> None:
    month = CardDate("202402")
    assert (month.first_day, month.last_day) == (date(2024, 2, 1), date(2024, 2, 29))
    assert CardDate("202413").first_day is None


def test_a_second_lies_within_its_day() -> None:
    second = CardDate("20240102030405")
    assert second.first_day == second.last_day == date(2024, 1, 2)


def test_a_date_is_made_from_a_day_of_the_calendar() -> None:
    assert CardDate.of(date(987, 6, 5)) == CardDate("09870605")


def test_an_unknown_code_says_so() -> None:
    assert concerns(Coded("7")) == (Concern.CODE_UNKNOWN,)
    assert concerns(Coded("1", "男性", "male", known=True)) == ()


def test_the_card_identifier_names_its_parts() -> None:
    assert IDENTIFIER.region == "990000"
    assert IDENTIFIER.serial == "000A0B1C"
    assert IDENTIFIER.authentication_code == "1234567F"
    assert concerns(IDENTIFIER) == ()


@pytest.mark.parametrize("value", [None, b"\x01", "text", 0, 12345, (), ("text", None)])
def test_nothing_is_said_about_plain_values(value: Value) -> None:
    assert concerns(value) == ()


def test_text_that_did_not_decode_says_so() -> None:
    assert concerns("张\ufffd") == (Concern.TEXT_UNDECODABLE,)


def test_a_constructed_value_says_what_its_parts_say_once() -> None:
    value = MappingProxyType({"a": Coded("7"), "b": Coded("8"), "c": CardDate("20120230"), "d": None})
    assert concerns(value) == (Concern.CODE_UNKNOWN, Concern.DATE_IMPOSSIBLE)
    assert concerns((None, value, value)) == (Concern.CODE_UNKNOWN, Concern.DATE_IMPOSSIBLE)


@pytest.mark.parametrize(
    "value",
    [CardDate("19870605"), Coded("19870605", "19870605", "19870605"), CardIdentifier("19870605" * 4)],
    ids=lambda value: type(value).__name__,
)
def test_neither_repr_nor_str_shows_a_value(value: Value) -> None:
    assert "19870605" not in f"{value} {value!r}"


@pytest.mark.parametrize("concern", Concern)
def test_every_concern_is_its_code_and_has_a_sentence_in_both_languages(concern: Concern) -> None:
    assert concern == concern.name
    assert concern.en.isascii()
    assert any("\u4e00" <= character <= "\u9fff" for character in concern.zh)


def test_a_warning_says_where_and_what() -> None:
    warning = ItemWarning(Concern.EXPIRED, "issuer", "expiry_date", "卡有效期")
    assert warning.message == f"issuer.expiry_date: {Concern.EXPIRED.en}"
    assert warning.message_zh == f"卡有效期：{Concern.EXPIRED.zh}"
