"""Check characters and the calendar: warnings about true data."""

from datetime import date

import pytest

from cardlib import checks
from cardlib.model import FileContents
from cardlib.profiles import LATEST
from cardlib.values import CardDate, Concern, Value

TODAY = date(2024, 5, 6)


def contents(name: str, **values: Value) -> FileContents:
    """The contents of a file in which everything but ``values`` is blank."""
    file = LATEST.file_named(name)
    return file.parse(b"".join(file.encode(values)))


def codes(found: tuple[object, ...]) -> list[tuple[str, str]]:
    return [(warning.code, warning.item) for warning in found]


# D2143569-X: the specification's example [S1 annex A]; the others are sample numbers of public card logs.
@pytest.mark.parametrize("number", ["D2143569X", "T00000001", "B00000131", "X00000019"])
def test_published_card_numbers_have_the_right_check_character(number: str) -> None:
    assert checks.card_number_check_character(number[:8]) == number[8]
    assert checks.is_card_number(number)


@pytest.mark.parametrize("number", ["D21435690", "D2143569", "D2143569-X", "d2143569X", "121435690", ""])
def test_other_card_numbers_are_told_apart(number: str) -> None:
    assert not checks.is_card_number(number)


# 111111198101011110 is the example of the national terminal interface. 99000019491231019 by hand, with the weights of
# GB 11643: 63+81+0+0+0+0+2+9+24+27+7+18+30+5+0+4+18 = 288 = 26·11 + 2, and remainder 2 stands for X.
@pytest.mark.parametrize("number", ["99000019491231019X", "111111198101011110", "990000199001010017"])
def test_published_citizen_numbers_have_the_right_check_character(number: str) -> None:
    assert checks.id_check_character(number[:17]) == number[17]
    assert checks.is_citizen_number(number)


@pytest.mark.parametrize("number", ["990000194912310191", "99000019491231019", "H0123456789", "９９000019491231019X"])
def test_other_numbers_are_told_apart(number: str) -> None:
    assert not checks.is_citizen_number(number)


@pytest.mark.parametrize(
    ("issued", "expires", "found"),
    [
        (CardDate("20240506"), CardDate("20240506"), []),
        (CardDate("20240507"), None, [("DATE_IN_FUTURE", "issue_date")]),
        (None, CardDate("20240505"), [("EXPIRED", "expiry_date")]),
        (None, None, []),
    ],
    ids=["first and last day", "issued tomorrow", "ended yesterday", "no dates"],
)
def test_validity_counts_the_last_day_and_blank_is_no_limit(
    issued: Value, expires: Value, found: list[tuple[str, str]]
) -> None:
    assert codes(checks.check_issuer(contents("issuer", issue_date=issued, expiry_date=expires), TODAY)) == found


@pytest.mark.parametrize(
    ("year", "found"), [("2023", ["EXPIRED"]), ("2024", []), ("2025", ["DATE_IN_FUTURE"])], ids=["past", "this", "next"]
)
def test_a_date_that_is_only_a_year_counts_as_the_whole_year(year: str, found: list[str]) -> None:
    file = LATEST.file_named("issuer")
    raw = year.encode()
    read = file.decode({0x05: (raw,), 0x06: (raw,)})
    assert [warning.code for warning in checks.check_issuer(read, TODAY)] == found


def test_an_impossible_date_does_not_disturb_the_checks() -> None:
    file = LATEST.file_named("issuer")
    read = file.decode({0x05: (bytes.fromhex("20120230"),), 0x06: (bytes.fromhex("20120230"),)})
    assert checks.check_issuer(read, TODAY) == ()


def test_a_wrong_check_character_is_a_warning_that_does_not_show_the_number() -> None:
    (card,) = checks.check_issuer(contents("issuer", card_number="T00000002"), TODAY)
    assert (card.code, card.file, card.item) == (Concern.CARD_NUMBER_CHECK, "issuer", "card_number")
    (holder,) = checks.check_holder(contents("holder", social_security_number="990000199001010018"))
    assert (holder.code, holder.file, holder.item) == (Concern.ID_CHECK_DIGIT, "holder", "social_security_number")
    assert "T00000002" not in f"{card!r}{card.message}{card.message_zh}"
    assert "990000199001010018" not in f"{holder!r}{holder.message}{holder.message_zh}"
    assert holder.item_zh == "社会保障号码"


def test_right_numbers_and_blank_ones_are_no_warning() -> None:
    assert checks.check_holder(contents("holder", social_security_number="990000199001010017")) == ()
    assert checks.check_holder(contents("holder")) == ()
    assert checks.check_issuer(contents("issuer", card_number="T00000001"), TODAY) == ()
