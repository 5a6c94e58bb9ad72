"""At a bank outlet: card and document belong to one person, and the holder's own PIN is on the card in the end."""

import asyncio
import time
from typing import Any

import pytest

from apdu.errors import NoCardError
from apdu.transport.inprocess import Chip
from cardlib.errors import ForeignCardError, InitialPinChosenError, LastPinTryError, PinRepeatedError
from services.audit.subject import begin_subject
from services.callers.caller import Caller, Role, set_caller
from services.errors import InvalidRequestError, RequestReusedError
from services.operations.journal import OperationState
from services.registry.errors import CardAlreadyActivatedError, CardNotRegisteredError
from services.registry.lifecycle import CardState
from simulator.people import ready_card
from sscard.v1 import activation_pb2, lease_pb2, pin_pb2, registry_pb2
from tests.services.activation.desk import (
    CHOSEN,
    HOLDERS,
    INITIAL,
    TELLER,
    Desk,
    at_bank,
    call,
    document,
)


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0"])
@pytest.mark.parametrize("old", ["", "123456"])
async def test_a_delivered_card_is_activated_and_has_the_chosen_pin(desk: Desk, version: str, old: str) -> None:
    card = desk.card(version=version)
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service() as service:
        outcome = await call(service, at_bank(document=document(version), old_pin=old, teller="Wang"))
    assert outcome.activated
    assert outcome.pin_result == pin_pb2.PIN_RESULT_OK
    assert (outcome.social_security_number, outcome.name) == tuple(HOLDERS[version].values())
    assert outcome.activation.way == activation_pb2.ACTIVATION_WAY_BANK
    assert outcome.activation.pin_changed
    assert outcome.activation.time.ToDatetime(desk.now.tzinfo) == desk.now
    assert card.state is CardState.ACTIVATED
    made = desk.registry.activation_of(card.id)
    assert (made.institution, made.station, made.operator) == ("bank-7", "window 3", "Wang")
    assert card.has_pin(CHOSEN)


class Foreign(Chip):
    """A processor card of somebody else: it finds nothing."""

    def power_on(self) -> bytes:
        return bytes.fromhex("3B6D000000814A444686605199000001AC")

    reset = power_on

    def power_off(self) -> None:
        pass

    def process(self, command: bytes) -> bytes:
        return b"\x6a\x82"


OTHER = {"social_security_number": "990000197001010011", "name": "李四"}


async def test_a_card_of_elsewhere_is_refused_as_foreign_or_unregistered(desk: Desk) -> None:
    desk.readers.insert("left", Foreign(), t0=True)
    desk.readers.insert("right", ready_card("2.0", copy=7), t0=True)
    async with desk.service() as service:
        with pytest.raises(ForeignCardError):
            await call(service, at_bank())
        subject = begin_subject()
        with pytest.raises(CardNotRegisteredError):
            await call(service, at_bank(reader="right"))
    assert len(subject.card) == 64, "on record under the name of a card that is not registered"
    assert desk.operations.find("bank-7", "bank-1") is None


async def test_an_activated_card_is_not_activated_again_but_the_same_request_gets_its_answer(desk: Desk) -> None:
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service() as service:
        first = await call(service, at_bank())
        with pytest.raises(CardAlreadyActivatedError):
            await call(service, at_bank(request_id="bank-2"))
        desk.readers.remove("left")
        assert await call(service, at_bank()) == first
        with pytest.raises(RequestReusedError):
            await call(service, at_bank(document=document(name=OTHER["name"])))
        # Request ids are each institution's own.
        with pytest.raises(NoCardError):
            await call(service, at_bank(), caller=Caller("Zhao", "bank-8", Role.TELLER))


async def test_a_wrong_old_pin_activates_nothing_and_the_right_one_goes_on(desk: Desk) -> None:
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service() as service:
        outcome = await call(service, at_bank(old_pin="999999"))
        assert (outcome.pin_result, outcome.tries_left) == (pin_pb2.PIN_RESULT_REJECTED, 5)
        assert not outcome.activated
        assert not outcome.HasField("activation")
        assert card.state is CardState.DELIVERED
        assert desk.operations.find("bank-7", "bank-1").state is OperationState.REFUSED
        with pytest.raises(PinRepeatedError):
            await call(service, at_bank(old_pin="999999"))
        assert (await call(service, at_bank())).activated
    assert card.has_pin(CHOSEN)


async def test_the_last_try_is_not_spent_and_a_blocked_pin_is_told(desk: Desk) -> None:
    card = desk.card()
    for _ in range(5):
        assert not card.has_pin("999999")
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service() as service:
        with pytest.raises(LastPinTryError):
            await call(service, at_bank())
        desk.readers.remove("left")
        assert not card.has_pin("999999")
        desk.readers.insert("left", card.chip, t0=True)
        outcome = await call(service, at_bank())
    assert (outcome.pin_result, outcome.tries_left) == (pin_pb2.PIN_RESULT_WAS_BLOCKED, 0)
    assert card.state is CardState.DELIVERED


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"new_pin": ""}, "new_pin"),
        ({"pin_at_pad": True}, "new_pin"),
        ({"new_pin": "", "pin_at_pad": True, "old_pin": "1234"}, "old_pin"),
        ({"new_pin": "12a456"}, "new_pin"),
        ({"old_pin": CHOSEN}, "new_pin"),
        ({"request_id": "one two"}, "request_id"),
        ({"document": registry_pb2.IdentityDocument()}, "document.kind"),
        ({"teller": "x" * 65}, "teller"),
        ({"reader": ""}, "reader"),
    ],
)
async def test_what_breaks_a_rule_is_told_by_its_field(desk: Desk, changed: dict[str, Any], field: str) -> None:
    async with desk.service() as service:
        with pytest.raises(InvalidRequestError) as raised:
            await call(service, at_bank(**changed))
    assert raised.value.field == field


async def test_the_initial_pin_cannot_be_chosen(desk: Desk) -> None:
    async with desk.service() as service:
        with pytest.raises(InitialPinChosenError):
            await call(service, at_bank(new_pin=INITIAL))


async def test_of_two_clients_at_once_one_activates(desk: Desk) -> None:
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service() as service:
        outcomes = await asyncio.gather(
            call(service, at_bank()), call(service, at_bank(request_id="bank-2")), return_exceptions=True
        )
    done = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert len(done) == 1
    assert done[0].activated
    assert CardAlreadyActivatedError in {type(outcome) for outcome in outcomes}
    assert card.has_pin(CHOSEN)


async def test_of_two_calls_of_one_request_both_get_the_same(desk: Desk) -> None:
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service() as service:
        first, second = await asyncio.gather(call(service, at_bank()), call(service, at_bank()))
    assert first == second
    assert first.activated


async def test_a_lease_serves_as_well_as_a_reader(desk: Desk) -> None:
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service() as service:
        set_caller(TELLER)
        lease = await service._hub.leases.acquire("left", deadline=time.monotonic() + 10)
        place = lease_pb2.CardLease(id=lease.lease_id, epoch=lease.epoch)
        assert (await call(service, at_bank(reader="", lease=place))).activated
