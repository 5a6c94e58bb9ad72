"""In a pharmacy: the original medical card first, then the new card of the same person."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from apdu.errors import CardRemovedError, ReaderNotFoundError
from cardlib.custody import NoKeys
from cardlib.errors import ForeignCardError, NotAuthenticError
from services.activation.errors import CardAwaitedError, CardNotSwappedError, OriginalFirstError, OriginalUnprovenError
from services.catalogue import failure_of
from services.operations.journal import OperationState
from services.registry.errors import (
    CardLostError,
    CardNotOfPersonError,
    CardNotRegisteredError,
    HolderMismatchError,
    MedicalCardNotRegisteredError,
    PersonNotRegisteredError,
)
from services.registry.lifecycle import CardEvent, CardState
from simulator.people import ready_card
from sscard.v1 import activation_pb2
from tests.services.activation.desk import (
    CHOSEN,
    HOLDERS,
    MEDICAL_NUMBER,
    Desk,
    Issued,
    Pulled,
    at_pharmacy,
    call,
    memory_card,
)

Prompt = activation_pb2.ActivationPrompt


class Assistant:
    """Does what the prompts say, with the cards given for each reader, in order; ``prompts``: what they said."""

    def __init__(self, desk: Desk, **cards: list[Any]) -> None:
        self.desk = desk
        self.cards = cards
        self.prompts: list[Any] = []

    async def __call__(self, event: activation_pb2.ActivateAtPharmacyResponse) -> None:
        self.prompts.append(event.prompt.action)
        assert event.prompt.text
        assert 1 <= event.prompt.seconds <= 60
        if waiting := self.cards.get(event.prompt.reader):
            self.desk.readers.remove(event.prompt.reader)
            self.desk.readers.insert(event.prompt.reader, waiting.pop(0), t0=True)


async def test_in_two_readers_nobody_is_asked_for_anything(desk: Desk) -> None:
    card, medical = desk.card(), desk.medical_card()
    desk.readers.insert("left", memory_card())
    desk.readers.insert("right", card.chip, t0=True)
    assistant = Assistant(desk)
    async with desk.service() as service:
        outcome = await call(service, at_pharmacy(new_pin=CHOSEN), on_event=assistant)
    assert assistant.prompts == []
    assert outcome.activated
    assert outcome.activation.medical_card.number == MEDICAL_NUMBER
    assert outcome.activation.way == activation_pb2.ACTIVATION_WAY_PHARMACY
    assert desk.registry.activation_of(card.id).medical_card_id == medical.id
    assert desk.operations.find("pharmacy-9", "pharmacy-1").subject == medical.person_id
    assert card.has_pin(CHOSEN)


async def test_in_one_reader_the_cards_are_asked_for_one_after_the_other(desk: Desk) -> None:
    card = desk.card()
    desk.medical_card()
    assistant = Assistant(desk, left=[memory_card(), card.chip])
    async with desk.service() as service:
        outcome = await call(service, at_pharmacy(reader=""), on_event=assistant)
    assert assistant.prompts == [Prompt.ACTION_INSERT_MEDICAL_CARD, Prompt.ACTION_SWAP_CARDS]
    assert outcome.activated
    assert not outcome.activation.pin_changed


async def test_in_two_empty_readers_both_are_asked_for(desk: Desk) -> None:
    card = desk.card()
    desk.medical_card()
    assistant = Assistant(desk, left=[memory_card()], right=[card.chip])
    async with desk.service() as service:
        assert (await call(service, at_pharmacy(), on_event=assistant)).activated
    assert assistant.prompts == [Prompt.ACTION_INSERT_MEDICAL_CARD, Prompt.ACTION_INSERT_CARD]


@pytest.mark.parametrize("kind", ["memory card", "social security card"])
async def test_the_original_card_put_back_is_asked_for_again(desk: Desk, kind: str) -> None:
    card = desk.card()
    old = ready_card("2.0", copy=3)
    desk.medical_card()
    original = memory_card if kind == "memory card" else lambda: old
    assistant = Assistant(desk, left=[original(), original(), card.chip])
    async with desk.service() as service:
        assert (await call(service, at_pharmacy(reader=""), on_event=assistant)).activated
    assert assistant.prompts == [Prompt.ACTION_INSERT_MEDICAL_CARD, Prompt.ACTION_SWAP_CARDS, Prompt.ACTION_SWAP_CARDS]


async def test_who_leaves_the_original_card_in_or_inserts_none_is_told_and_goes_on(desk: Desk) -> None:
    card = desk.card()
    desk.medical_card()
    request = at_pharmacy(reader="", swap_seconds=1)
    async with desk.service() as service:
        with pytest.raises(CardAwaitedError):
            await call(service, request)
        desk.readers.insert("left", memory_card())
        with pytest.raises(CardNotSwappedError):
            await call(service, request)
        desk.readers.remove("left")
        assert desk.operations.find("pharmacy-9", "pharmacy-1").state is OperationState.OPEN
        # The original medical card was shown, says the journal: the new one is all that is missing.
        assistant = Assistant(desk, left=[card.chip])
        assert (await call(service, request, on_event=assistant)).activated
    assert assistant.prompts == [Prompt.ACTION_INSERT_CARD]
    assert desk.registry.activation_of(card.id).medical_card_id


async def test_the_original_card_is_not_asked_for_again_after_an_interruption(desk: Desk) -> None:
    card = desk.card()
    desk.medical_card()
    desk.readers.insert("left", memory_card())
    chip = Pulled(card.chip, lambda: desk.readers.remove("right"), 2)
    desk.readers.insert("right", chip, t0=True)
    async with desk.service() as service:
        with pytest.raises(CardRemovedError):
            await call(service, at_pharmacy())
        desk.readers.remove("left")
        desk.readers.insert("right", card.chip, t0=True)
        assert (await call(service, at_pharmacy())).activated
    assert desk.registry.activation_of(card.id).medical_card_id


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0"])
async def test_a_genuine_card_that_is_not_in_the_registry_does_and_the_answer_says_so(desk: Desk, version: str) -> None:
    card = desk.card(person=desk.person(**HOLDERS[version]), version=version)
    desk.readers.insert("left", ready_card(version, copy=4), t0=True)
    desk.readers.insert("right", card.chip, t0=True)
    async with desk.service() as service:
        outcome = await call(service, at_pharmacy())
    assert outcome.activated
    assert not outcome.activation.HasField("medical_card")
    assert any("not in the registry" in warning for warning in outcome.warnings)


async def test_the_new_card_in_the_place_of_the_original_is_told_and_activates_nothing(desk: Desk) -> None:
    card = desk.card()
    desk.medical_card()
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service() as service:
        with pytest.raises(OriginalFirstError):
            await call(service, at_pharmacy(reader="", swap_seconds=1))
        assert desk.registry.card(card.id).state is CardState.DELIVERED
        desk.readers.remove("left")
        assistant = Assistant(desk, left=[memory_card(), card.chip])
        assert (await call(service, at_pharmacy(reader=""), on_event=assistant)).activated
    assert assistant.prompts == [Prompt.ACTION_INSERT_MEDICAL_CARD, Prompt.ACTION_SWAP_CARDS]


async def test_an_original_that_is_not_in_the_registry_is_not_asked_for_again_either(desk: Desk) -> None:
    card = desk.card()
    desk.readers.insert("left", ready_card("2.0", copy=40), t0=True)
    async with desk.service() as service:
        with pytest.raises(CardNotSwappedError):
            await call(service, at_pharmacy(reader="", swap_seconds=1))
        desk.readers.remove("left")
        desk.readers.insert("left", card.chip, t0=True)
        outcome = await call(service, at_pharmacy(reader="", swap_seconds=1))
    assert outcome.activated
    assert any("not in the registry" in warning for warning in outcome.warnings)


class WithoutNumber(Pulled):
    """A card whose number (卡号) is blank."""

    number = b""

    def process(self, command: bytes) -> bytes:
        return self.chip.process(command).replace(self.number, bytes(len(self.number)))


async def test_a_new_card_without_a_number_is_not_taken_for_an_original_that_is_not_in_the_registry(desk: Desk) -> None:
    card = desk.card()
    blank = WithoutNumber(card.chip)
    blank.number = card.entry.card_number.encode()
    desk.readers.insert("left", ready_card("2.0", copy=4), t0=True)
    desk.readers.insert("right", blank, t0=True)
    async with desk.service() as service:
        assert (await call(service, at_pharmacy(swap_seconds=1))).activated


async def test_a_social_security_card_in_the_registry_as_medical_card_is_named(desk: Desk) -> None:
    card, old = desk.card(), desk.card()
    medical = desk.medical_card(old.entry.card_number)
    desk.happens(old.entry, CardEvent.REPLACE, replacement_id=card.id)
    desk.readers.insert("left", old.chip, t0=True)
    desk.readers.insert("right", card.chip, t0=True)
    async with desk.service() as service:
        assert (await call(service, at_pharmacy())).activated
    assert desk.registry.activation_of(card.id).medical_card_id == medical.id


def not_registered(desk: Desk) -> tuple[Any, Issued]:
    return memory_card(), desk.card()


def of_somebody_else(desk: Desk) -> tuple[Any, Issued]:
    desk.medical_card(person=desk.person(**HOLDERS["3.0"]))
    return memory_card(), desk.card()


def number_of_somebody_else(desk: Desk) -> tuple[Any, Issued]:
    old = desk.card()
    desk.medical_card(old.entry.card_number, person=desk.person(**HOLDERS["3.0"]))
    return old.chip, desk.card()


def card_of_nobody(desk: Desk) -> tuple[Any, Issued]:
    return ready_card("3.0", copy=2), desk.card()


def lost_card(desk: Desk) -> tuple[Any, Issued]:
    old = desk.card()
    desk.happens(old.entry, CardEvent.REPORT_LOSS)
    return old.chip, desk.card()


def new_card_unknown(desk: Desk) -> tuple[Any, Issued]:
    desk.medical_card()
    return memory_card(), Issued(desk, ready_card("2.0", copy=5), desk.card().id)


def forged(desk: Desk) -> tuple[Any, Issued]:
    class Forged(Pulled):
        def process(self, command: bytes) -> bytes:
            return bytes(8) + b"\x90\x00" if command[1] == 0x88 else self.chip.process(command)

    return Forged(ready_card("2.0", copy=4)), desk.card()


def nobody_has_keys(desk: Desk) -> tuple[Any, Issued]:
    desk.custodian = NoKeys()
    return ready_card("2.0", copy=4), desk.card()


REFUSALS = [
    (not_registered, MedicalCardNotRegisteredError),
    (of_somebody_else, HolderMismatchError),
    (number_of_somebody_else, CardNotOfPersonError),
    (card_of_nobody, PersonNotRegisteredError),
    (lost_card, CardLostError),
    (new_card_unknown, CardNotRegisteredError),
    (forged, NotAuthenticError),
    (nobody_has_keys, OriginalUnprovenError),
]


@pytest.mark.parametrize(("prepare", "error"), REFUSALS, ids=[row[0].__name__ for row in REFUSALS])
async def test_each_refusal_has_its_own_reason(
    desk: Desk, prepare: Callable[[Desk], tuple[Any, Issued]], error: type[Exception]
) -> None:
    original, card = prepare(desk)
    desk.readers.insert("left", original, t0=True)
    desk.readers.insert("right", card.chip, t0=True)
    async with desk.service() as service:
        with pytest.raises(error):
            await call(service, at_pharmacy())
    assert card.state is CardState.DELIVERED
    operation = desk.operations.find("pharmacy-9", "pharmacy-1")
    assert operation is None or operation.state is OperationState.REFUSED


async def test_somebody_unknown_is_told_with_the_card_that_says_so(desk: Desk) -> None:
    original, card = card_of_nobody(desk)
    desk.readers.insert("left", original, t0=True)
    desk.readers.insert("right", card.chip, t0=True)
    async with desk.service() as service:
        with pytest.raises(PersonNotRegisteredError, match="the holder of the original medical card") as refused:
            await call(service, at_pharmacy())
    told = failure_of(refused.value)
    assert (told.refusal.reason, told.metadata) == ("PERSON_NOT_REGISTERED", {"which": "original medical card"})
    assert failure_of(PersonNotRegisteredError()).metadata == {}


async def test_a_service_that_is_not_told_how_to_read_memory_cards_says_so(desk: Desk) -> None:
    desk.readers.insert("left", memory_card())
    async with desk.service(memory=None) as service:
        with pytest.raises(ForeignCardError, match="memory card"):
            await call(service, at_pharmacy())


async def test_a_reader_that_is_not_there_or_goes_away_is_told(desk: Desk) -> None:
    desk.medical_card()
    async with desk.service() as service:
        with pytest.raises(ReaderNotFoundError):
            await call(service, at_pharmacy(medical_card_reader="nowhere"))
        desk.readers.insert("left", memory_card())

        async def unplug(_event: Any) -> None:
            desk.readers.remove_reader("right")

        with pytest.raises(ReaderNotFoundError):
            await call(service, at_pharmacy(), on_event=unplug)


async def test_a_caller_who_goes_while_a_card_is_awaited_leaves_the_reader_free(desk: Desk) -> None:
    desk.medical_card()
    asked = asyncio.Event()

    async def hear(_event: Any) -> None:
        asked.set()

    async with desk.service() as service:
        waiting = asyncio.ensure_future(call(service, at_pharmacy(), on_event=hear))
        await asked.wait()
        waiting.cancel()
        await asyncio.wait([waiting])
        card = desk.card()
        desk.readers.insert("left", memory_card())
        desk.readers.insert("right", card.chip, t0=True)
        assert (await call(service, at_pharmacy())).activated
