"""In a hospital: the first registration activates, every other one reads, whichever hospital it is."""

import pytest

from services.activation.conversation import PIN_KEPT, PIN_NOT_CHANGED
from services.callers.caller import Caller, Role
from services.errors import InvalidRequestError
from services.operations.journal import OperationState
from services.registry.errors import CardLostError, CardNotDeliveredError
from services.registry.lifecycle import CardEvent, CardState
from services.registry.model import MedicalCardState
from sscard.v1 import activation_pb2, pin_pb2
from tests.services.activation.desk import CHOSEN, HOLDER, INITIAL, Desk, at_hospital, call

ELSEWHERE = Caller("his-9", "hospital-5", Role.HOSPITAL)


async def test_the_first_registration_activates_and_later_ones_read(desk: Desk) -> None:
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service() as service:
        first = await call(service, at_hospital())
        inpatient = at_hospital(request_id="hospital-2", registration=activation_pb2.REGISTRATION_INPATIENT)
        second = await call(service, inpatient)
        third = await call(service, at_hospital(), caller=ELSEWHERE)
    assert (first.activated, second.activated, third.activated) == (True, False, False)
    for outcome in (first, second, third):
        assert outcome.activation == first.activation
        assert (outcome.social_security_number, outcome.name) == tuple(HOLDER.values())
    assert first.activation.institution == "hospital-2"
    assert not first.activation.pin_changed
    assert first.pin_result == pin_pb2.PIN_RESULT_UNSPECIFIED
    assert [PIN_KEPT in outcome.warnings for outcome in (first, second, third)] == [True, False, False]
    assert desk.registry.activation_of(card.id).station == "machine 1"
    assert desk.operations.find("hospital-5", "hospital-1").state is OperationState.DONE
    assert card.has_pin(INITIAL)


async def test_a_pin_may_be_chosen_at_the_first_registration_and_is_left_alone_later(desk: Desk) -> None:
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service() as service:
        first = await call(service, at_hospital(new_pin=CHOSEN))
        later = await call(service, at_hospital(request_id="hospital-2", new_pin="431529"))
    assert first.activation.pin_changed
    assert first.pin_result == pin_pb2.PIN_RESULT_OK
    assert not {PIN_KEPT, PIN_NOT_CHANGED} & {*first.warnings}
    assert not later.activated
    assert PIN_NOT_CHANGED in later.warnings
    assert card.has_pin(CHOSEN)


async def test_an_old_pin_alone_is_refused_rather_than_left_unused(desk: Desk) -> None:
    async with desk.service() as service:
        with pytest.raises(InvalidRequestError, match="new_pin"):
            await call(service, at_hospital(old_pin=INITIAL))


async def test_where_a_region_has_no_initial_pin_nothing_is_said_of_it(desk: Desk) -> None:
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service(initial_pin="") as service:
        assert PIN_KEPT not in (await call(service, at_hospital())).warnings


@pytest.mark.parametrize("activated", [False, True])
async def test_a_lost_card_is_refused_whether_it_was_activated_or_not(desk: Desk, activated: bool) -> None:
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service() as service:
        if activated:
            await call(service, at_hospital())
        desk.happens(card.entry, CardEvent.REPORT_LOSS)
        with pytest.raises(CardLostError):
            await call(service, at_hospital(request_id="hospital-2"))


async def test_a_card_that_was_not_handed_out_is_refused(desk: Desk) -> None:
    card = desk.card(delivered=False)
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service() as service:
        with pytest.raises(CardNotDeliveredError):
            await call(service, at_hospital())
    assert card.state is CardState.ISSUED


async def test_activation_lifts_the_restriction_of_the_original_medical_card(desk: Desk) -> None:
    card = desk.card()
    medical = desk.medical_card()
    desk.now = desk.now.replace(month=11)
    desk.registry.apply_deadlines(today=desk.today, operation=desk.operation())
    (restricted,) = desk.registry.medical_cards_of(medical.person_id)
    assert restricted.state is MedicalCardState.RESTRICTED
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service() as service:
        assert (await call(service, at_hospital())).activated
    (lifted,) = desk.registry.medical_cards_of(medical.person_id)
    assert lifted.state is MedicalCardState.VALID
