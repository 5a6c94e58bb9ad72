"""A card at a counter: who it says it is, and what it must prove before anybody believes it."""

import datetime as dt

import pytest

from apdu.errors import StatusWordError
from cardlib.custody import NoKeys
from cardlib.errors import CardDataError, ForeignCardError, KeyUnavailableError, NotAuthenticError
from cardlib.flows.present_card import MemoryNumbers, is_memory_card, present_card, present_original
from cardlib.flows.read_identity import Authenticity
from cardlib.flows.read_number import NumberEncoding, NumberLayout
from cardlib.issuance.order import records_of
from simulator.memory_card import MemoryCard
from simulator.people import READY

TODAY = dt.date(2026, 1, 15)
NUMBER = "990000198503120027"
LAYOUT = NumberLayout(0x20, 18)


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0"])
def test_a_card_proves_itself_and_says_whose_it_is(version, new_desk, new_card) -> None:
    desk = new_desk(new_card(version))
    card = desk.run(present_card, today=TODAY)
    assert card.authenticity is Authenticity.PROVEN
    sample = READY[version].profile.file_named("holder").sample
    assert card.social_security_number == sample["social_security_number"]
    assert card.name == sample["name"]
    assert len(bytes.fromhex(card.card_identifier)) == 16
    assert card.name not in repr(card)
    assert desk.counts["INTERNAL AUTHENTICATE"] == 1


def test_without_its_key_no_card_is_taken_for_genuine(new_desk, new_card) -> None:
    with pytest.raises(KeyUnavailableError):
        new_desk(new_card(), custodian=NoKeys()).run(present_card, today=TODAY)


def test_a_card_that_answers_wrongly_is_refused_as_new_and_as_original(new_desk, new_card) -> None:
    desk = new_desk(new_card(), answers={"0088": "00000000000000009000"})
    with pytest.raises(NotAuthenticError):
        desk.run(present_card, today=TODAY)
    with pytest.raises(NotAuthenticError):
        desk.run(present_original, today=TODAY, memory=None)


@pytest.mark.parametrize(("last_day", "expired"), [("2026-01-14", True), ("2026-01-15", False)])
def test_the_last_day_of_validity_counts(last_day, expired, new_desk, new_card) -> None:
    issuer = dict(READY["2.0"].contents(1)["issuer"])
    issuer["expiry_date"] = type(issuer["expiry_date"]).of(dt.date.fromisoformat(last_day))
    assert new_desk(new_card(contents={"issuer": issuer})).run(present_card, today=TODAY).expired is expired


def test_a_card_without_a_holder_is_nobodys(new_desk, new_card) -> None:
    holder = dict(READY["2.0"].contents(1)["holder"]) | {"social_security_number": None}
    with pytest.raises(CardDataError, match="holder"):
        new_desk(new_card(contents={"holder": holder})).run(present_card, today=TODAY)


def test_a_card_without_an_identifier_cannot_be_told_from_others(new_desk, new_card) -> None:
    profile = READY["2.0"].profile
    identifier, *others = records_of(profile, READY["2.0"].contents(1))["issuer"]
    blank = identifier[:2] + b"\xff" * 16
    desk = new_desk(new_card(), answers={"00B2012D": f"{b''.join((blank, *others)).hex()}9000"})
    with pytest.raises(CardDataError, match="identifier"):
        desk.run(present_original, today=TODAY, memory=None)


def test_an_original_card_of_elsewhere_may_go_without_a_proof_and_says_so(new_desk, new_card) -> None:
    original = new_desk(new_card("1.0"), custodian=NoKeys()).run(present_original, today=TODAY, memory=None)
    assert original.card.authenticity is Authenticity.NOT_CHECKED
    assert original.number == original.card.card_number != ""
    assert original.number not in repr(original)


@pytest.mark.parametrize(
    ("layout", "number", "commands"),
    [(LAYOUT, NUMBER, 1), (NumberLayout(0x40, 9, NumberEncoding.PACKED), "990000198503120027", 2)],
)
def test_an_original_memory_card_gives_its_number(layout, number, commands, new_desk) -> None:
    desk = new_desk(MemoryCard(number, layout))

    def original(atr, *, rng, forms):
        memory = MemoryNumbers(layout, card_type=6 if commands == 2 else None)
        return present_original(atr, rng=rng, forms=forms, today=TODAY, memory=memory)

    shown = desk.run(original)
    assert (shown.number, shown.card) == (number, None)
    assert len(desk.sent) == commands


def test_a_memory_card_that_nobody_can_read_is_told_apart(new_desk) -> None:
    with pytest.raises(ForeignCardError, match="memory card"):
        new_desk(MemoryCard(NUMBER, LAYOUT)).run(present_original, today=TODAY, memory=None)
    with pytest.raises(CardDataError, match="blank"):
        new_desk(MemoryCard("", LAYOUT)).run(present_original, today=TODAY, memory=MemoryNumbers(LAYOUT))


def test_a_memory_card_is_no_new_card(new_desk) -> None:
    with pytest.raises(StatusWordError):
        new_desk(MemoryCard(NUMBER, LAYOUT)).run(present_card, today=TODAY)


@pytest.mark.parametrize(
    ("atr", "memory"),
    [
        ("3B04A2131091", True),  # SLE 4442
        ("3B0492231091", True),  # SLE 4428
        ("3B8F8001804F0CA000000306030001000000006A", True),  # Mifare, contactless
        ("3B6D000000814A444686605199000001AC", False),  # a social security card of the traces
        ("3B6400000A0B0C0D", False),  # a processor card with four historical bytes
    ],
)
def test_memory_cards_are_known_by_what_the_reader_reports(atr, memory) -> None:
    assert is_memory_card(bytes.fromhex(atr)) is memory
