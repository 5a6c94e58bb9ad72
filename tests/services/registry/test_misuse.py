"""Who misuses the registry: what is refused, and what is on record of it."""

import time

import pytest

from services.audit.subject import begin_subject
from services.callers.caller import Caller, Role
from services.errors import InvalidRequestError
from services.operations.journal import OperationState
from services.registry.errors import (
    CardAtOtherOutletError,
    CardNotRegisteredError,
    CardNotShownError,
    PersonNotRegisteredError,
)
from services.registry.model import InstitutionKind
from services.registry.references import CardReferences
from sscard.v1 import registry_pb2
from tests.services.registry.conftest import IDENTIFIER, calling
from tests.services.registry.people import LI, MEDICAL, WANG

LEFT = registry_pb2.CardReference(reader="left")
DOCUMENT = registry_pb2.IdentityDocument(
    kind=registry_pb2.DOCUMENT_KIND_RESIDENT_CARD, number=LI.social_security_number, name=LI.name
)
STATE = registry_pb2.CardState
NOBODY = "0" * 32


async def test_a_teller_hands_out_no_card_that_another_outlet_has(centre) -> None:
    card = await centre.registered()
    with calling(Caller("Qian", "bank-2", Role.SUPERVISOR)):
        await centre.call("ChangeCardState", request_id="in", card=LEFT, event=registry_pb2.CARD_EVENT_RECEIVE)
    with pytest.raises(CardAtOtherOutletError):
        await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)
    stays = (await centre.call("GetCard", card=LEFT)).card
    assert (stays.id, stays.state, stays.outlet) == (card.id, STATE.CARD_STATE_AT_OUTLET, "bank-2")
    assert centre.desk.operations.find("bank-1", "give").state is OperationState.REFUSED
    with calling(Caller("Sun", "bank-2", Role.TELLER)):
        given = (await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)).card
    assert (given.state, given.outlet) == (STATE.CARD_STATE_DELIVERED, "bank-2")


async def test_the_office_corrects_where_a_card_is(centre) -> None:
    await centre.registered()
    centre.desk.institution("office-1", InstitutionKind.OFFICE)
    with calling(Caller("Qian", "bank-2", Role.SUPERVISOR)):
        await centre.call("ChangeCardState", request_id="in", card=LEFT, event=registry_pb2.CARD_EVENT_RECEIVE)
    with calling(Caller("Zhou", "office-1", Role.SUPERVISOR)):
        given = (await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)).card
    assert (given.state, given.outlet) == (STATE.CARD_STATE_DELIVERED, "office-1")


@pytest.mark.parametrize("changed", ["name", "phone", "document_number"])
async def test_what_is_changed_of_a_person_is_on_record_and_not_to_what(centre, changed) -> None:
    """Whoever changes a name, and then hands a card out against a document with it, is to be found."""
    card = await centre.registered()
    centre.desk.institution("bank-1", InstitutionKind.ISSUER)
    subject = begin_subject()
    person = registry_pb2.Person(social_security_number=LI.social_security_number, name=LI.name)
    setattr(person, changed, "13911111111")
    await centre.call("RegisterPerson", request_id="again", person=person)
    assert (subject.person, subject.detail) == (card.person_id, f"changed {changed}")
    subject = begin_subject()
    await centre.call("RegisterPerson", request_id="same", person=person)
    assert (subject.person, subject.detail) == (card.person_id, "unchanged")


@pytest.mark.parametrize(
    ("method", "asked", "field"),
    [
        ("GetPerson", {"id": NOBODY}, "person"),
        ("GetPerson", {"social_security_number": WANG.social_security_number}, "person"),
        ("GetCard", {"card": registry_pb2.CardReference(id=NOBODY)}, "card"),
        ("GetCard", {"card": registry_pb2.CardReference(card_identifier=IDENTIFIER)}, "card"),
        ("GetCard", {"card": registry_pb2.CardReference(card_number="T00000001")}, "card"),
        ("GetCard", {"card": LEFT}, "card"),
        (
            "RegisterMedicalCard",
            {"request_id": "m", "social_security_number": WANG.social_security_number, "number": MEDICAL},
            "person",
        ),
    ],
)
async def test_who_is_looked_for_in_vain_is_on_record_by_a_digest(centre, method, asked, field) -> None:
    """Trying out numbers leaves a name for each."""
    subject = begin_subject()
    with pytest.raises((PersonNotRegisteredError, CardNotRegisteredError)):
        await centre.call(method, **asked)
    told = getattr(subject, field)
    assert told == NOBODY or len(bytes.fromhex(told)) == 32


async def test_nobody_is_born_tomorrow(centre) -> None:
    person = registry_pb2.Person(social_security_number=WANG.social_security_number, name=WANG.name)
    person.birth_date = "2026-03-16"
    with pytest.raises(InvalidRequestError, match="birth_date"):
        await centre.call("RegisterPerson", request_id="p", person=person)
    person.birth_date = "2026-03-15"
    await centre.call("RegisterPerson", request_id="p", person=person)


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\u200b", "\ufeff", "\u00ad", "\u2028"])
async def test_no_name_has_signs_that_nobody_sees_or_that_turn_it_around(centre, sign) -> None:
    person = registry_pb2.Person(social_security_number=WANG.social_security_number, name=f"王{sign}丁")
    with pytest.raises(InvalidRequestError, match=r"person\.name"):
        await centre.call("RegisterPerson", request_id="p", person=person)


@pytest.mark.parametrize("name", ["ᠪᠠᠲᠤ\u180eᠠ", "ئا\u200cي", "𠮷\U000e0100", "\ue863"])
async def test_names_keep_what_their_writing_needs(centre, name) -> None:
    person = registry_pb2.Person(social_security_number=WANG.social_security_number, name=name)
    assert (await centre.call("RegisterPerson", request_id="p", person=person)).person.name == name


@pytest.mark.parametrize("role", [Role.HOSPITAL, Role.PHARMACY, Role.INQUIRY])
async def test_who_may_not_look_into_the_registry_shows_the_card(centre, role) -> None:
    """A kiosk that tries out card numbers would learn the numbers of everybody's medical cards."""
    card = await centre.registered()
    references, deadline = CardReferences(centre.hub), time.monotonic() + 20
    with calling(Caller("kiosk", "990009", role)):
        for way in ({"id": card.id}, {"card_identifier": IDENTIFIER}, {"card_number": "T00000001"}):
            wanted = registry_pb2.CardReference(**way)
            with pytest.raises(CardNotShownError):
                await references.find(wanted, centre.registry, deadline=deadline)
        assert (await references.find(LEFT, centre.registry, deadline=deadline)).id == card.id
