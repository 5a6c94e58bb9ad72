"""RegistryService: what it enters, compares, changes and refuses."""

import time
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from apdu.errors import NoCardError
from services.audit.subject import begin_subject
from services.callers.caller import Caller, Role
from services.errors import InvalidRequestError, RequestReusedError
from services.operations.journal import OperationState
from services.registry.errors import (
    CardAtOtherOutletError,
    CardBlockedByCentreError,
    CardCancelledError,
    CardLostError,
    CardNotOfPersonError,
    CardNotRegisteredError,
    CardReplacedError,
    CardStateError,
    DocumentMismatchError,
    PersonNotRegisteredError,
)
from services.registry.model import Institution, InstitutionKind
from services.store.schema import card_event, certificate, operation
from simulator.people import READY, ready_card
from sscard.v1 import lease_pb2, registry_pb2
from tests.services.registry.conftest import IDENTIFIER, calling
from tests.services.registry.people import LI, MEDICAL, NOON, WANG

LEFT = registry_pb2.CardReference(reader="left")
RESIDENT = registry_pb2.DOCUMENT_KIND_RESIDENT_CARD
DOCUMENT = registry_pb2.IdentityDocument(kind=RESIDENT, number=LI.social_security_number, name=LI.name)
STATE = registry_pb2.CardState
NOBODY = "0" * 32


async def test_what_is_registered_is_found_by_person_and_in_every_way_of_naming_a_card(centre) -> None:
    card = await centre.registered()
    assert (card.state, card.card_identifier, card.received_date) == (STATE.CARD_STATE_ISSUED, IDENTIFIER, "")
    assert card.issued_time.ToDatetime().isoformat() == "2026-03-15T04:00:00"
    assert not card.HasField("activated_time")
    for way in (
        {"id": card.id},
        {"card_identifier": IDENTIFIER.lower()},
        {"card_number": "t00000001"},
        {"reader": "left"},
    ):
        found = await centre.call("GetCard", card=registry_pb2.CardReference(**way))
        assert found.card == card, way
    for way in ({"id": card.person_id}, {"social_security_number": LI.social_security_number.lower()}):
        found = await centre.call("GetPerson", **way)
        assert (found.person.name, found.person.id) == (LI.name, card.person_id)
        assert (found.person.phone, found.person.document_number) == (LI.phone, LI.document_number)
        assert list(found.cards) == [card]
        assert [(medical.number, medical.state_since) for medical in found.medical_cards] == [(MEDICAL, "2026-03-15")]
        assert found.medical_cards[0].state == registry_pb2.MEDICAL_CARD_STATE_VALID


async def test_a_card_under_a_lease_is_the_one_that_is_meant(centre) -> None:
    card = await centre.registered()
    lease = await centre.hub.leases.acquire("left", deadline=time.monotonic() + 20)
    reference = registry_pb2.CardReference(lease=lease_pb2.CardLease(id=lease.lease_id, epoch=lease.epoch))
    assert (await centre.call("GetCard", card=reference)).card == card


async def test_a_delivered_card_has_its_half_year_and_the_outlet_that_gave_it(centre) -> None:
    card = await centre.registered()
    subject = begin_subject()
    given = (await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)).card
    assert (given.state, given.outlet) == (STATE.CARD_STATE_DELIVERED, "bank-1")
    assert (given.received_date, given.activation_deadline) == ("2026-03-15", "2026-09-15")
    assert (subject.card, subject.person, subject.detail) == (card.id, card.person_id, "deliver")
    with centre.desk.engine.begin() as connection:
        (row,) = connection.execute(sa.select(operation).where(operation.c.request_id == "give")).all()
    assert (row.institution, row.operator, row.station, row.subject) == ("bank-1", "Zhao", "window 2", card.id)
    assert row.kind == "RegistryService.DeliverCard"


async def test_a_card_may_have_been_received_on_an_earlier_day_and_not_on_a_later_one(centre) -> None:
    await centre.registered()
    for day in ("2026-03-16", "2026-02-30", "15.3.2026", "1900-01-01", "1998-12-31"):
        with pytest.raises(InvalidRequestError, match="received_date"):
            await centre.call("DeliverCard", request_id="a", card=LEFT, document=DOCUMENT, received_date=day)
    given = await centre.call("DeliverCard", request_id="a", card=LEFT, document=DOCUMENT, received_date="2025-08-31")
    assert given.card.activation_deadline == "2026-02-28"


async def test_nobody_has_received_a_card_before_it_was_made(centre) -> None:
    await centre.registered()
    late = datetime(2026, 3, 9, 16, 30, tzinfo=UTC)  # the next day in Beijing
    for moment in (late, late + timedelta(days=3)):
        put_certificate(centre, IDENTIFIER, moment)
    put_certificate(centre, "0" * 32, NOON - timedelta(days=90))
    with pytest.raises(InvalidRequestError, match="before the card was made, 2026-03-10") as refused:
        await centre.call("DeliverCard", request_id="a", card=LEFT, document=DOCUMENT, received_date="2026-03-09")
    assert refused.value.field == "received_date"
    given = await centre.call("DeliverCard", request_id="b", card=LEFT, document=DOCUMENT, received_date="2026-03-10")
    assert given.card.received_date == "2026-03-10"


def put_certificate(centre, identifier: str, made: datetime) -> None:
    """As the journal of issuance does, for a card that was made here."""
    values = {"card_identifier": identifier.lower(), "made": made, "chip": "00", "document": b"", "sha256": bytes(32)}
    with centre.desk.engine.begin() as connection:
        row = {"id": f"{identifier[-8:]}-{made:%d}", "station": "desk 1", "operator": "Zhao", **values}
        connection.execute(sa.insert(certificate).values(**row))


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"number": WANG.social_security_number}, "document.number"), ({"name": WANG.name}, "document.name")],
)
async def test_somebody_elses_document_gets_no_card(centre, changed, field) -> None:
    card = await centre.registered()
    document = registry_pb2.IdentityDocument(kind=RESIDENT, number=LI.social_security_number, name=LI.name)
    document.MergeFrom(registry_pb2.IdentityDocument(**changed))
    with pytest.raises(DocumentMismatchError) as refused:
        await centre.call("DeliverCard", request_id="give", card=LEFT, document=document)
    assert refused.value.field == field
    assert LI.name not in str(refused.value)
    assert (await centre.call("GetCard", card=LEFT)).card == card
    assert centre.desk.operations.find("bank-1", "give").state is OperationState.REFUSED
    with pytest.raises(RequestReusedError):
        await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)


async def test_a_request_sent_again_is_answered_and_not_done_again(centre) -> None:
    await centre.registered()
    first = await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)
    centre.readers.remove("left")
    assert await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT) == first
    assert await centre.registered() == first.card, "registered again it stands where it stands"
    lost = await _changed(centre, "lost", registry_pb2.CARD_EVENT_REPORT_LOSS, card={"id": first.card.id})
    again = await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)
    assert again.card == lost
    with centre.desk.engine.begin() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(card_event)).scalar_one() == 2
    with pytest.raises(NoCardError):
        await centre.call("DeliverCard", request_id="another", card=LEFT, document=DOCUMENT)


async def test_a_request_is_its_cards_and_not_its_readers(centre) -> None:
    await centre.registered()
    other = ready_card("2.0", copy=1)
    holder = {"card_number": "T00000002", "social_security_number": LI.social_security_number}
    identifier = READY["2.0"].contents(READY["2.0"].serial + 1)["issuer"]["card_identifier"].digits
    await centre.call("RegisterCard", request_id="other", card_identifier=identifier, **holder)
    centre.readers.insert("right", other, t0=True)
    right = registry_pb2.CardReference(reader="right")
    wrong = registry_pb2.IdentityDocument(kind=RESIDENT, number=LI.social_security_number, name=WANG.name)
    with pytest.raises(DocumentMismatchError):
        await centre.call("DeliverCard", request_id="refused", card=LEFT, document=wrong)
    with pytest.raises(RequestReusedError):
        await centre.call("DeliverCard", request_id="refused", card=right, document=wrong)
    first = await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)
    assert await centre.call("DeliverCard", request_id="give", card=right, document=DOCUMENT) == first


async def test_institutions_do_not_see_each_others_requests(centre) -> None:
    await centre.registered()
    await centre.call("DeliverCard", request_id="one", card=LEFT, document=DOCUMENT)
    with calling(Caller("Qian", "bank-2", Role.TELLER)), pytest.raises(CardAtOtherOutletError):
        await centre.call("DeliverCard", request_id="one", card=LEFT, document=DOCUMENT)


async def test_a_request_id_is_one_requests(centre) -> None:
    await centre.registered()
    person = registry_pb2.Person(social_security_number=WANG.social_security_number, name=WANG.name)
    with pytest.raises(RequestReusedError):
        await centre.call("RegisterPerson", request_id="person", person=person)
    with pytest.raises(RequestReusedError):
        await centre.call("RegisterInstitution", request_id="person", code="a", name="a", kind=1)


async def test_what_happens_to_a_card_is_kept_with_its_reason_and_outlet(centre) -> None:
    card = await centre.registered()
    received = await _changed(centre, "1", registry_pb2.CARD_EVENT_RECEIVE, reason=" 第七箱 ")
    assert (received.state, received.outlet) == (STATE.CARD_STATE_AT_OUTLET, "bank-1")
    centre.desk.institution("office-1", InstitutionKind.OFFICE)
    with calling(Caller("Sun", "office-1", Role.SUPERVISOR)):
        cancelled = await _changed(centre, "2", registry_pb2.CARD_EVENT_CANCEL, card={"card_number": "T00000001"})
    assert (cancelled.state, cancelled.outlet) == (STATE.CARD_STATE_CANCELLED, "bank-1")
    with centre.desk.engine.begin() as connection:
        rows = connection.execute(sa.select(card_event).order_by(card_event.c.sequence)).all()
    assert [(row.card_id, row.reason, row.institution) for row in rows] == [
        (card.id, "第七箱", "bank-1"),
        (card.id, "", "office-1"),
    ]


async def test_each_state_in_which_no_card_is_handed_out_says_so_itself(centre) -> None:
    card = await centre.registered()
    holder = {"social_security_number": LI.social_security_number, "card_number": "T00000002"}
    new = await centre.call("RegisterCard", request_id="new", card_identifier="A" * 32, **holder)
    await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)
    turns = (
        (registry_pb2.CARD_EVENT_BLOCK, "", CardBlockedByCentreError),
        (registry_pb2.CARD_EVENT_UNBLOCK, "", CardStateError),
        (registry_pb2.CARD_EVENT_REPORT_LOSS, "", CardLostError),
        (registry_pb2.CARD_EVENT_REPLACE, new.card.id, CardReplacedError),
    )
    for number, (event, replacement_id, error) in enumerate(turns):
        await _changed(centre, f"turn-{number}", event, replacement_id=replacement_id)
        with pytest.raises(CardStateError) as refused:
            await centre.call("DeliverCard", request_id=f"no-{number}", card=LEFT, document=DOCUMENT)
        assert type(refused.value) is error
        assert refused.value.event == "deliver"
    with pytest.raises(CardStateError) as refused:
        await _changed(centre, "late", registry_pb2.CARD_EVENT_CANCEL, card={"id": card.id})
    assert (type(refused.value), refused.value.state) == (CardStateError, "replaced")
    centre.desk.institution("office-1", InstitutionKind.OFFICE)
    with calling(Caller("Sun", "office-1", Role.SUPERVISOR)):
        await _changed(centre, "end", registry_pb2.CARD_EVENT_CANCEL, card={"id": new.card.id})
    with pytest.raises(CardCancelledError):
        await centre.call(
            "DeliverCard", request_id="no", card=registry_pb2.CardReference(id=new.card.id), document=DOCUMENT
        )


async def test_a_card_takes_the_place_of_another_one_of_the_same_person_only(centre) -> None:
    card = await centre.registered()
    await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)
    with pytest.raises(InvalidRequestError, match="itself"):
        await _changed(centre, "self", registry_pb2.CARD_EVENT_REPLACE, replacement_id=card.id)
    with pytest.raises(InvalidRequestError, match="replacement_id"):
        await _changed(centre, "lost", registry_pb2.CARD_EVENT_REPORT_LOSS, replacement_id=NOBODY)
    with pytest.raises(InvalidRequestError, match="replacement_id"):
        await _changed(centre, "none", registry_pb2.CARD_EVENT_REPLACE)
    wang = registry_pb2.Person(social_security_number=WANG.social_security_number, name=WANG.name)
    await centre.call("RegisterPerson", request_id="wang", person=wang)
    other = {"card_number": "T00000003", "social_security_number": WANG.social_security_number}
    others = await centre.call("RegisterCard", request_id="others", card_identifier="B" * 32, **other)
    with pytest.raises(CardNotOfPersonError):
        await _changed(centre, "others-1", registry_pb2.CARD_EVENT_REPLACE, replacement_id=others.card.id)


async def test_what_the_registry_does_not_have_is_refused(centre) -> None:
    with pytest.raises(CardNotRegisteredError):
        await centre.call("GetCard", card=LEFT)
    with pytest.raises(PersonNotRegisteredError):
        await centre.call("GetPerson", id=NOBODY)
    number = LI.social_security_number
    with pytest.raises(PersonNotRegisteredError):
        await centre.call("RegisterMedicalCard", request_id="m", social_security_number=number, number=MEDICAL)
    with pytest.raises(PersonNotRegisteredError):
        await centre.call("RegisterCard", request_id="c", **GOOD_CARD)


async def test_an_institution_is_entered_and_named_anew(centre) -> None:
    bank = registry_pb2.INSTITUTION_KIND_BANK
    for number, name in enumerate(("测试银行一分理处", "测试银行支行")):
        await centre.call("RegisterInstitution", request_id=f"i-{number}", code="bank-1", name=name, kind=bank)
    await centre.call("RegisterInstitution", request_id="i-1", code="bank-1", name=name, kind=bank)
    assert centre.registry.institution("bank-1") == Institution(
        code="bank-1", name="测试银行支行", kind=InstitutionKind.BANK
    )


GOOD_PERSON = {"social_security_number": LI.social_security_number, "name": LI.name}
GOOD_CARD = {
    "card_identifier": IDENTIFIER,
    "card_number": "T00000001",
    "social_security_number": LI.social_security_number,
}


@pytest.mark.parametrize(
    ("method", "fields", "named"),
    [
        ("RegisterInstitution", {"code": "a b", "name": "x", "kind": 1}, "code"),
        ("RegisterInstitution", {"code": "a", "name": " ", "kind": 1}, "name"),
        ("RegisterInstitution", {"code": "a", "name": "x" * 101, "kind": 1}, "name"),
        ("RegisterInstitution", {"code": "a", "name": "x\0", "kind": 1}, "name"),
        ("RegisterInstitution", {"code": "a", "name": "x"}, "kind"),
        ("RegisterInstitution", {"code": "a", "name": "x", "kind": 99}, "kind"),
        ("RegisterPerson", {}, "person.social_security_number"),
        ("RegisterPerson", {"person": GOOD_PERSON | {"id": NOBODY}}, "person.id"),
        ("RegisterPerson", {"person": GOOD_PERSON | {"name": "\x1b[31m"}}, "person.name"),
        ("RegisterPerson", {"person": GOOD_PERSON | {"name": ""}}, "person.name"),
        ("RegisterPerson", {"person": GOOD_PERSON | {"birth_date": "19850312"}}, "person.birth_date"),
        ("RegisterPerson", {"person": GOOD_PERSON | {"birth_date": "1985-02-29"}}, "person.birth_date"),
        ("RegisterPerson", {"person": GOOD_PERSON | {"sex": "3"}}, "person.sex"),
        ("RegisterPerson", {"person": GOOD_PERSON | {"phone": "call me"}}, "person.phone"),
        ("RegisterPerson", {"person": GOOD_PERSON | {"document_number": "E" * 33}}, "person.document_number"),
        ("RegisterPerson", {"request_id": "", "person": GOOD_PERSON}, "request_id"),
        ("RegisterMedicalCard", {"social_security_number": "1", "number": "1"}, "social_security_number"),
        ("RegisterMedicalCard", {"social_security_number": "9" * 18, "number": "a b"}, "number"),
        ("RegisterCard", GOOD_CARD | {"card_identifier": "F"}, "card_identifier"),
        ("RegisterCard", GOOD_CARD | {"card_number": "T0000001"}, "card_number"),
        ("DeliverCard", {"card": {"reader": "left"}}, "document.kind"),
        ("DeliverCard", {"card": {"reader": "left"}, "document": {"kind": RESIDENT, "name": "x"}}, "document.number"),
        ("DeliverCard", {"document": DOCUMENT}, "card"),
        ("ChangeCardState", {"card": {"reader": "left"}}, "event"),
        ("ChangeCardState", {"card": {"id": "x"}, "event": 1}, "card.id"),
        ("ChangeCardState", {"card": {"reader": "left"}, "event": 1, "reason": "x" * 256}, "reason"),
        (
            "ChangeCardState",
            {"card": {"reader": "left"}, "event": 1, "reason": f"给{WANG.social_security_number}"},
            "reason",
        ),
        ("GetCard", {}, "card"),
        ("GetCard", {"card": {"card_number": "?"}}, "card.card_number"),
        ("GetCard", {"card": {"reader": ""}}, "reader"),
        ("GetPerson", {}, "id"),
        ("GetPerson", {"social_security_number": "1"}, "social_security_number"),
    ],
)
async def test_what_breaks_a_rule_of_the_proto_is_refused_by_its_field(centre, method, fields, named) -> None:
    if not method.startswith("Get"):
        fields = {"request_id": "r"} | fields
    with pytest.raises(InvalidRequestError) as refused:
        await centre.call(method, **fields)
    assert refused.value.field == named


async def _changed(centre, request_id, event, *, card=None, **more):
    reference = registry_pb2.CardReference(**card) if card else LEFT
    answer = await centre.call("ChangeCardState", request_id=request_id, card=reference, event=event, **more)
    return answer.card


async def test_the_day_of_delivery_is_that_of_beijing(centre) -> None:
    await centre.registered()
    centre.desk.now = centre.desk.now.replace(hour=17)
    given = await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)
    assert given.card.received_date == date(2026, 3, 16).isoformat()
