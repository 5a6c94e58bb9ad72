"""What an institution may act on, by its kind in the registry, whatever role its caller has."""

import pytest

from services.audit.subject import begin_subject
from services.callers.caller import LOCAL, Caller, Role
from services.operations.journal import OperationState
from services.registry.errors import CardAtOtherOutletError, InstitutionKindError
from services.registry.model import InstitutionKind
from services.registry.scope import scope_of
from sscard.v1 import registry_pb2
from tests.services.registry.conftest import calling
from tests.services.registry.people import LI, WANG

LEFT = registry_pb2.CardReference(reader="left")
DOCUMENT = registry_pb2.IdentityDocument(
    kind=registry_pb2.DOCUMENT_KIND_RESIDENT_CARD, number=LI.social_security_number, name=LI.name
)
STATE = registry_pb2.CardState
OUTLETS = [InstitutionKind.BANK, InstitutionKind.HOSPITAL, InstitutionKind.PHARMACY, None]
CENTRE = [InstitutionKind.OFFICE, InstitutionKind.ISSUER]
ELSEWHERE = Caller("Qian", "other-2", Role.SUPERVISOR)
EVENTS = [
    registry_pb2.CARD_EVENT_REPORT_LOSS,
    registry_pb2.CARD_EVENT_BLOCK,
    registry_pb2.CARD_EVENT_CANCEL,
    registry_pb2.CARD_EVENT_RECEIVE,
]


def enter(centre, kind: InstitutionKind | None) -> None:
    """Where the caller of elsewhere is from."""
    if kind is not None:
        centre.desk.institution(ELSEWHERE.institution, kind)


async def change(centre, event: int, request_id: str = "change") -> registry_pb2.RegisteredCard:
    return (await centre.call("ChangeCardState", request_id=request_id, card=LEFT, event=event)).card


@pytest.mark.parametrize("kind", OUTLETS)
@pytest.mark.parametrize("event", EVENTS)
async def test_a_supervisor_touches_no_card_of_another_outlet(centre, kind, event) -> None:
    card = await centre.registered()
    enter(centre, kind)
    await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)
    with calling(ELSEWHERE):
        with pytest.raises(CardAtOtherOutletError):
            await change(centre, event)
        with pytest.raises(CardAtOtherOutletError):
            await centre.call("DeliverCard", request_id="again", card=LEFT, document=DOCUMENT)
    assert centre.desk.registry.card(card.id).state == "delivered"
    assert centre.desk.operations.find(ELSEWHERE.institution, "change").state is OperationState.REFUSED


@pytest.mark.parametrize("kind", CENTRE)
async def test_the_centre_touches_every_card(centre, kind) -> None:
    await centre.registered()
    enter(centre, kind)
    await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)
    with calling(ELSEWHERE):
        lost = await change(centre, registry_pb2.CARD_EVENT_REPORT_LOSS)
    assert (lost.state, lost.outlet) == (STATE.CARD_STATE_LOST, "bank-1")


@pytest.mark.parametrize("kind", OUTLETS)
async def test_a_card_becomes_the_outlets_by_being_received_and_not_by_being_cancelled(centre, kind) -> None:
    await centre.registered()
    enter(centre, kind)
    with calling(ELSEWHERE):
        with pytest.raises(InstitutionKindError, match="office or issuer"):
            await change(centre, registry_pb2.CARD_EVENT_CANCEL, "too-early")
        received = await change(centre, registry_pb2.CARD_EVENT_RECEIVE)
        assert (received.state, received.outlet) == (STATE.CARD_STATE_AT_OUTLET, ELSEWHERE.institution)
        assert (await change(centre, registry_pb2.CARD_EVENT_CANCEL, "own")).state == STATE.CARD_STATE_CANCELLED


async def test_whoever_started_the_service_is_bound_by_nothing(centre) -> None:
    await centre.registered()
    await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)
    with calling(LOCAL):
        assert (await change(centre, registry_pb2.CARD_EVENT_BLOCK)).state == STATE.CARD_STATE_BLOCKED


@pytest.mark.parametrize("kind", OUTLETS)
@pytest.mark.parametrize("changed", ["name", "birth_date", "document_number"])
async def test_what_documents_are_compared_with_is_changed_by_the_centre_alone(centre, kind, changed) -> None:
    """Else an outlet makes a person fit the document of whoever stands at its counter."""
    card = await centre.registered()
    enter(centre, kind)
    person = registry_pb2.Person(social_security_number=LI.social_security_number, name=LI.name, phone="13955555555")
    subject = begin_subject()
    with calling(ELSEWHERE):
        await centre.call("RegisterPerson", request_id="phone", person=person)
        setattr(person, changed, "1985-03-13")
        with pytest.raises(InstitutionKindError):
            await centre.call("RegisterPerson", request_id="identity", person=person)
    known = centre.desk.registry.person(card.person_id).data
    assert (known.phone, getattr(known, changed)) == ("13955555555", getattr(LI, changed))
    assert (subject.person, subject.detail) == (card.person_id, f"changed {changed}")


@pytest.mark.parametrize("changed", ["birth_date", "document_number"])
async def test_what_was_not_known_of_a_person_is_a_change_too(centre, changed) -> None:
    person = registry_pb2.Person(social_security_number=WANG.social_security_number, name=WANG.name)
    await centre.call("RegisterPerson", request_id="new", person=person)
    setattr(person, changed, "1990-01-01")
    with calling(ELSEWHERE), pytest.raises(InstitutionKindError):
        await centre.call("RegisterPerson", request_id="more", person=person)
    enter(centre, InstitutionKind.OFFICE)
    with calling(ELSEWHERE):
        told = (await centre.call("RegisterPerson", request_id="more-again", person=person)).person
    assert getattr(told, changed) == "1990-01-01"


async def test_a_teller_looks_up_a_person_whose_card_is_elsewhere(centre) -> None:
    """Who stands at a counter is helped there; it is on record."""
    card = await centre.registered()
    await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)
    with calling(Caller("Sun", "other-2", Role.TELLER)):
        found = await centre.call("GetPerson", social_security_number=LI.social_security_number)
    assert [each.id for each in found.cards] == [card.id]


def test_an_institution_is_as_it_was_registered_last(desk) -> None:
    assert desk.registry.institution("bank-1") is None
    caller = Caller("Qian", "bank-1", Role.SUPERVISOR)
    assert scope_of(desk.registry, caller).only_of == "bank-1"
    desk.institution("bank-1", InstitutionKind.OFFICE)
    assert scope_of(desk.registry, caller).only_of == ""
    desk.institution("bank-1", InstitutionKind.BANK)
    found = desk.registry.institution("bank-1")
    assert (found.code, found.name, found.kind) == ("bank-1", "测试机构", InstitutionKind.BANK)
    assert scope_of(desk.registry, caller).only_of == "bank-1"
