"""Another request is faster: what this one has done already is told as it is, and nothing is activated twice."""

from typing import Any

import pytest

from apdu.secret import Secret
from cardlib import commands
from cardlib.profiles import LATEST
from services.activation.records import ACTIVATING_WITH_PIN, CHANGING_PIN
from services.operations.journal import Operation, OperationState
from services.registry.errors import CardAlreadyActivatedError, CardLostError
from services.registry.lifecycle import CardEvent, CardState
from services.registry.model import Activation, ActivationWay
from sscard.v1 import pin_pb2
from tests.services.activation.desk import (
    CHOSEN,
    INITIAL,
    Desk,
    Issued,
    Killed,
    Pulled,
    at_bank,
    at_hospital,
    at_pharmacy,
    call,
    memory_card,
)


def elsewhere(desk: Desk, card: Issued) -> None:
    """The card is activated by another service over the same database."""
    made = Activation(
        card_id=card.id, way=ActivationWay.HOSPITAL, institution="hospital-5", station="", operator="", time=desk.now
    )
    desk.registry.activate(made, operation=desk.operation(), result=b"")


class Slower:
    """The registry of somebody who comes second: between the look at a card and its activation another one is there."""

    def __init__(self, desk: Desk, card: Issued) -> None:
        self._desk, self._issued = desk, card

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk.registry, name)

    def activate(self, *arguments: Any, **named: Any) -> Any:
        elsewhere(self._desk, self._issued)
        return self._desk.registry.activate(*arguments, **named)


def second(desk: Desk, card: Issued) -> Any:
    """Options of a service that comes second."""
    books = desk.books()
    object.__setattr__(books, "registry", Slower(desk, card))
    return desk.service(books=lambda: books)


async def test_a_bank_that_has_changed_the_pin_says_so_and_that_the_card_was_activated_elsewhere(desk: Desk) -> None:
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    async with second(desk, card) as service:
        outcome = await call(service, at_bank())
    assert not outcome.activated
    assert outcome.activation.institution == "hospital-5"
    assert outcome.pin_result == pin_pb2.PIN_RESULT_OK
    assert desk.operations.find("bank-7", "bank-1").state is OperationState.DONE
    assert card.has_pin(CHOSEN)


async def test_a_hospital_reads_a_card_that_was_activated_in_the_meantime(desk: Desk) -> None:
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    async with second(desk, card) as service:
        outcome = await call(service, at_hospital())
    assert (outcome.activated, outcome.activation.institution) == (False, "hospital-5")


async def test_a_pharmacy_that_has_changed_nothing_is_refused(desk: Desk) -> None:
    card = desk.card()
    desk.medical_card()
    desk.readers.insert("left", memory_card())
    desk.readers.insert("right", card.chip, t0=True)
    async with second(desk, card) as service:
        with pytest.raises(CardAlreadyActivatedError):
            await call(service, at_pharmacy())
    assert desk.operations.find("pharmacy-9", "pharmacy-1").state is OperationState.REFUSED


class Dying:
    """The journal of a process that dies as soon as a step is on the disk."""

    def __init__(self, desk: Desk, last: str) -> None:
        self._desk, self._last = desk, last

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk.operations, name)

    def note(self, operation: Operation, step: str) -> None:
        self._desk.operations.note(operation, step)
        if step == self._last:
            raise Killed


async def killed(desk: Desk, last: str) -> Issued:
    """A card at a bank that died behind this step."""
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    books = desk.books()
    object.__setattr__(books, "operations", Dying(desk, last))
    async with desk.service(books=lambda: books) as service:
        with pytest.raises(RuntimeError, match="Killed"):
            await call(service, at_bank())
    assert desk.operations.find("bank-7", "bank-1").step == last
    return card


async def repeated(desk: Desk) -> Any:
    async with desk.service() as service:
        return await call(service, at_bank())


async def test_a_bank_goes_on_with_a_card_that_was_activated_elsewhere_meanwhile(desk: Desk) -> None:
    card = await killed(desk, ACTIVATING_WITH_PIN)
    elsewhere(desk, card)
    outcome = await repeated(desk)
    assert not outcome.activated
    assert outcome.pin_result == pin_pb2.PIN_RESULT_OK
    assert desk.operations.find("bank-7", "bank-1").state is OperationState.DONE
    assert card.has_pin(CHOSEN)


async def test_a_card_that_was_lost_meanwhile_stays_open_until_it_is_found(desk: Desk) -> None:
    """The PIN is changed: to call the request refused would say that nothing was."""
    card = await killed(desk, ACTIVATING_WITH_PIN)
    desk.happens(card.entry, CardEvent.REPORT_LOSS)
    with pytest.raises(CardLostError):
        await repeated(desk)
    assert desk.operations.find("bank-7", "bank-1").state is OperationState.OPEN
    desk.happens(card.entry, CardEvent.CANCEL_LOSS)
    assert (await repeated(desk)).activated
    assert card.state is CardState.ACTIVATED
    assert not card.has_pin(INITIAL)


async def test_after_a_refusal_nothing_is_taken_as_begun(desk: Desk) -> None:
    """Or the new PIN would be tried first again, and cost a try."""
    card = await killed(desk, CHANGING_PIN)
    changed = commands.change_pin(*(Secret(bytes.fromhex(pin)) for pin in (INITIAL, "431529")))
    desk.readers.remove("left")
    assert card.has_pin(INITIAL)
    card.chip.power_on()
    card.chip.process(commands.select_name(LATEST.name).to_bytes())
    assert card.chip.process(changed.to_bytes()) == b"\x90\x00"
    card.chip.power_off()
    chip = Pulled(card.chip)
    desk.readers.insert("left", chip, t0=True)
    outcome = await repeated(desk)
    assert (outcome.pin_result, outcome.tries_left) == (pin_pb2.PIN_RESULT_REJECTED, 4)
    assert desk.operations.find("bank-7", "bank-1").state is OperationState.REFUSED
    chip.commands.clear()
    async with desk.service() as service:
        assert (await call(service, at_bank(old_pin="431529"))).activated
    sent = [command[5:].hex() for command in chip.commands if command[1] == 0x20 and len(command) > 5]
    assert sent == ["431529", CHOSEN]
