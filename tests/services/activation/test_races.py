"""Another request is faster: what this one has done already is told as it is, and nothing is activated twice."""

from typing import Any

import pytest

from services.operations.journal import OperationState
from services.registry.errors import CardAlreadyActivatedError, CardLostError
from services.registry.lifecycle import CardEvent, CardState
from services.registry.model import Activation, ActivationWay
from sscard.v1 import pin_pb2
from tests.services.activation.desk import (
    CHOSEN,
    INITIAL,
    Desk,
    Issued,
    Life,
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


async def killed_behind_the_pin(desk: Desk) -> Issued:
    """A card whose PIN was changed by a bank that died before it could activate it."""
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    step = ""
    number = 0
    while step != "activating, pin changed":
        async with desk.service(Life(number, late=True)) as service:
            with pytest.raises(BaseException):  # noqa: B017, PT011  killed, as a task or a thread tells it
                await call(service, at_bank())
        known = desk.operations.find("bank-7", "bank-1")
        step = known.step if known else ""
        number += 1
    return card


async def repeated(desk: Desk) -> Any:
    async with desk.service() as service:
        return await call(service, at_bank())


async def test_a_bank_goes_on_with_a_card_that_was_activated_elsewhere_meanwhile(desk: Desk) -> None:
    card = await killed_behind_the_pin(desk)
    elsewhere(desk, card)
    outcome = await repeated(desk)
    assert not outcome.activated
    assert outcome.pin_result == pin_pb2.PIN_RESULT_OK
    assert desk.operations.find("bank-7", "bank-1").state is OperationState.DONE
    assert card.has_pin(CHOSEN)


async def test_a_card_that_was_lost_meanwhile_stays_open_until_it_is_found(desk: Desk) -> None:
    """The PIN is changed: to call the request refused would say that nothing was."""
    card = await killed_behind_the_pin(desk)
    desk.happens(card.entry, CardEvent.REPORT_LOSS)
    with pytest.raises(CardLostError):
        await repeated(desk)
    assert desk.operations.find("bank-7", "bank-1").state is OperationState.OPEN
    desk.happens(card.entry, CardEvent.CANCEL_LOSS)
    assert (await repeated(desk)).activated
    assert card.state is CardState.ACTIVATED
    assert not card.has_pin(INITIAL)
