"""The registry in SQLite and in PostgreSQL: what is entered, found, and found again."""

from dataclasses import asdict, replace
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from services.errors import JournalError, SupersededError
from services.operations.journal import OperationState
from services.registry.errors import (
    BankActivationNotedError,
    CardNotOfPersonError,
    CardNotRegisteredError,
    CardReplacedError,
    CardStateError,
    MedicalCardNotRegisteredError,
    PersonNotRegisteredError,
)
from services.registry.lifecycle import CardEvent, CardState
from services.registry.model import (
    ActivationWay,
    BankActivation,
    InstitutionKind,
    MedicalCardState,
    PersonData,
)
from services.store.schema import card_event, institution, person
from services.store.schema import metadata as tables
from tests.services.registry.people import IDENTIFIER, LI, MEDICAL, NOON, NUMBER, TODAY, WANG, Desk

NOBODY = "0" * 32


@pytest.fixture
def desk(engine, personal) -> Desk:
    return Desk(engine, personal)


def test_a_person_is_found_by_id_and_by_number_and_has_what_was_entered(desk) -> None:
    entered = desk.registry.register_person(LI)
    assert entered.data == LI
    assert desk.registry.person(entered.id) == desk.registry.person_by_number("99000019850312002x") == entered


def test_entering_a_person_again_keeps_what_is_not_said_anew(desk) -> None:
    entered = desk.registry.register_person(LI)
    number = LI.social_security_number
    again = desk.registry.register_person(PersonData(social_security_number=number, name="李新名"))
    assert (again.id, again.data.name, again.data.phone) == (entered.id, "李新名", LI.phone)
    assert desk.registry.person(entered.id) == again


def test_nobody_is_found_under_another_ones_number(desk) -> None:
    """Somebody who can write to the database exchanges the digests by which two people are found."""
    li, wang = desk.registry.register_person(LI), desk.registry.register_person(WANG)
    index = person.c.social_security_number_index
    with desk.engine.begin() as connection:
        digests = dict(iter(connection.execute(sa.select(person.c.id, index))))
        for identifier, digest in ((li.id, bytes(32)), (wang.id, digests[li.id]), (li.id, digests[wang.id])):
            changed = sa.update(person).where(person.c.id == identifier).values({index: digest})
            connection.execute(changed)
    for data in (LI, WANG):
        with pytest.raises(JournalError, match=r"social_security_number_index of row .* was put there") as raised:
            desk.registry.person_by_number(data.social_security_number)
        assert data.social_security_number not in str(raised.value)


def test_who_and_what_is_not_there_has_an_error_each(desk) -> None:
    registry = desk.registry
    with pytest.raises(PersonNotRegisteredError):
        registry.person(NOBODY)
    with pytest.raises(PersonNotRegisteredError):
        registry.person_by_number(LI.social_security_number)
    with pytest.raises(PersonNotRegisteredError):
        registry.register_card(NOBODY, IDENTIFIER, NUMBER, issued=NOON)
    for look in (registry.card, registry.card_by_identifier, registry.card_by_number):
        with pytest.raises(CardNotRegisteredError):
            look(NOBODY)
    with pytest.raises(MedicalCardNotRegisteredError):
        registry.medical_card_by_number(MEDICAL)
    with pytest.raises(CardNotRegisteredError):
        desk.registry.change(NOBODY, CardEvent.RECEIVE, reason="", operation=desk.operation(), result=b"")


def test_a_card_is_found_in_every_way_and_again_as_it_stands(desk) -> None:
    holder = desk.registry.register_person(LI)
    made = desk.card(holder, IDENTIFIER)
    assert (made.state, made.card_identifier, made.card_number) == (CardState.ISSUED, IDENTIFIER, NUMBER)
    assert (made.issued, made.received, made.deadline, made.activated) == (NOON, None, None, None)
    ways = (
        desk.registry.card(made.id),
        desk.registry.card_by_identifier(IDENTIFIER.lower()),
        desk.registry.card_by_number(NUMBER),
        *desk.registry.cards_of(holder.id),
    )
    assert set(ways) == {made}
    received = desk.happens(made, CardEvent.RECEIVE, outlet="bank-1")
    assert desk.card(holder, IDENTIFIER) == received
    with pytest.raises(CardNotOfPersonError):
        desk.card(desk.registry.register_person(WANG), IDENTIFIER)


def test_a_number_that_two_regions_gave_out_names_no_card(desk) -> None:
    desk.card(number=NUMBER)
    desk.card(number=NUMBER)
    with pytest.raises(CardNotRegisteredError, match="several"):
        desk.registry.card_by_number(NUMBER)


def test_a_persons_newest_card_comes_first(desk) -> None:
    first = desk.card()
    desk.now = datetime(2026, 4, 1, tzinfo=UTC)
    second = desk.card()
    assert desk.registry.cards_of(first.person_id) == (second, first)


def test_a_medical_card_is_valid_and_one_persons(desk) -> None:
    holder, other = desk.registry.register_person(LI), desk.registry.register_person(WANG)
    medical = _medical(desk, holder.id)
    assert (medical.state, medical.state_since) == (MedicalCardState.VALID, TODAY)
    assert _medical(desk, holder.id) == medical == desk.registry.medical_card_by_number(MEDICAL.lower())
    assert desk.registry.medical_cards_of(holder.id) == (medical,)
    with pytest.raises(CardNotOfPersonError, match="medical"):
        _medical(desk, other.id)


def test_an_institution_gets_its_new_name(desk) -> None:
    for name in ("旧名称", "新名称"):
        desk.registry.register_institution("bank-1", name, InstitutionKind.BANK, operation=desk.operation(), result=b"")
    with desk.engine.begin() as connection:
        rows = connection.execute(sa.select(institution)).all()
    assert rows == [("bank-1", "新名称", "bank")]


def test_what_happens_to_a_card_is_put_down_with_the_request_that_did_it(desk) -> None:
    made = desk.card()
    desk.happens(made, CardEvent.RECEIVE, outlet="bank-1", reason="box 7")
    given = desk.happens(made, CardEvent.DELIVER, outlet="bank-2", received=date(2026, 3, 1))
    assert (given.state, given.outlet) == (CardState.DELIVERED, "bank-2")
    assert (given.received, given.deadline) == (date(2026, 3, 1), date(2026, 9, 1))
    desk.activated(given)
    with desk.engine.begin() as connection:
        rows = connection.execute(sa.select(card_event).order_by(card_event.c.sequence)).all()
    assert [(row.event, row.before, row.after, row.reason, row.outlet) for row in rows] == [
        ("receive", "issued", "at_outlet", "box 7", "bank-1"),
        ("deliver", "at_outlet", "delivered", "", "bank-2"),
        ("activate", "delivered", "activated", "bank", ""),
    ]
    assert {(row.institution, row.time) for row in rows} == {("bank-1", NOON)}
    assert len({row.request_id for row in rows}) == 3


def test_a_card_delivered_without_a_day_is_received_today_in_beijing(desk) -> None:
    desk.now = datetime(2026, 8, 30, 17, tzinfo=UTC)  # one in the morning of the 31st there
    given = desk.happens(desk.card(), CardEvent.DELIVER)
    assert (given.received, given.deadline) == (date(2026, 8, 31), date(2027, 2, 28))


def test_a_card_is_replaced_by_one_of_the_same_person_that_is_still_good(desk) -> None:
    old, new, others = desk.delivered(), desk.card(), desk.card(desk.registry.register_person(WANG))
    cancelled = desk.happens(desk.card(), CardEvent.CANCEL)
    with pytest.raises(CardNotOfPersonError):
        desk.happens(old, CardEvent.REPLACE, replacement_id=others.id)
    with pytest.raises(CardNotRegisteredError):
        desk.happens(old, CardEvent.REPLACE, replacement_id=NOBODY)
    for no_use in (old, cancelled):
        with pytest.raises(CardStateError):
            desk.happens(old, CardEvent.REPLACE, replacement_id=no_use.id)
    assert desk.happens(old, CardEvent.REPLACE, replacement_id=new.id).state is CardState.REPLACED
    with desk.engine.begin() as connection:
        assert connection.execute(sa.select(card_event.c.replacement_id)).scalars().all()[-1] == new.id
    with pytest.raises(CardReplacedError):
        desk.activated(old)


def test_an_activation_is_kept_with_who_and_where_and_the_medical_card(desk) -> None:
    given = desk.delivered()
    assert desk.registry.activation_of(given.id) is None
    medical = _medical(desk, given.person_id)
    shown = {"way": ActivationWay.PHARMACY, "medical_card_id": medical.id, "pin_changed": True}
    now = desk.activated(given, **shown)
    assert (now.state, now.activated) == (CardState.ACTIVATED, NOON)
    assert desk.registry.activation_of(given.id) == desk.activation(given, **shown)


def test_the_medical_card_of_an_activation_is_the_holders(desk) -> None:
    given = desk.delivered()
    others = _medical(desk, desk.registry.register_person(WANG).id)
    with pytest.raises(CardNotOfPersonError):
        desk.activated(given, medical_card_id=others.id)
    with pytest.raises(MedicalCardNotRegisteredError):
        desk.activated(given, medical_card_id=NOBODY)
    assert desk.registry.card(given.id) == given


def test_an_activation_is_not_just_a_change_of_state(desk) -> None:
    given = desk.delivered()
    with pytest.raises(ValueError, match="activate_card"):
        desk.happens(given, CardEvent.ACTIVATE)
    assert desk.registry.card(given.id) == given


def test_the_first_word_of_a_bank_stays_and_activates_nothing(desk) -> None:
    given = desk.delivered()
    assert desk.registry.bank_activation_of(given.id) is None
    said = BankActivation(card_id=given.id, institution="bank-1", time=NOON)
    later = BankActivation(card_id=given.id, institution="bank-2", time=datetime(2026, 4, 1, tzinfo=UTC))
    for _ in range(2):
        desk.registry.note_bank_activation(said, operation=desk.operation(), result=b"")
    for other in (later, replace(said, institution="bank-2"), replace(said, time=later.time)):
        with pytest.raises(BankActivationNotedError):
            desk.registry.note_bank_activation(other, operation=desk.operation(), result=b"")
    assert desk.registry.bank_activation_of(given.id) == said
    assert desk.registry.card(given.id) == given


def test_what_is_changed_and_the_end_of_its_operation_are_one(desk) -> None:
    made, operation = desk.card(), desk.operation("one")
    desk.registry.change(made.id, CardEvent.RECEIVE, reason="", operation=operation, result=b"done")
    known = desk.operations.find("bank-1", "one")
    assert (known.state, known.result) == (OperationState.DONE, b"done")
    older = desk.operation("two")
    desk.operation("two")  # another attempt took over
    with pytest.raises(SupersededError):
        desk.registry.change(made.id, CardEvent.CANCEL, reason="", operation=older, result=b"")
    assert desk.registry.card(made.id).state is CardState.AT_OUTLET
    refused = desk.operation("three")
    with pytest.raises(CardStateError):
        desk.registry.change(made.id, CardEvent.RECEIVE, reason="", operation=refused, result=b"")
    assert desk.operations.find("bank-1", "three").state is OperationState.OPEN


def test_no_column_and_no_error_shows_a_person_or_a_card(desk) -> None:
    holder = desk.registry.register_person(LI, operation=desk.operation(), result=b"")
    given = desk.happens(desk.card(holder, IDENTIFIER), CardEvent.DELIVER)
    medical = _medical(desk, holder.id)
    desk.activated(given, medical_card_id=medical.id)
    values = [value for name, value in asdict(LI).items() if name != "sex"] + [IDENTIFIER, NUMBER, MEDICAL]
    with desk.engine.begin() as connection:
        told = [row for table in tables.tables.values() for row in connection.execute(sa.select(table))]
        assert connection.execute(sa.select(sa.func.count()).select_from(person)).scalar_one() == 1
        connection.execute(sa.update(person).values(name=b"altered"))
    shown = repr(told) + repr((holder, given, medical))
    assert not [value for value in values if value in shown or repr(value.encode())[2:-1] in shown]
    with pytest.raises(JournalError) as failed:
        desk.registry.person(holder.id)
    assert not [value for value in values if value in str(failed.value)]


def test_how_a_number_was_typed_does_not_make_it_another_card(desk) -> None:
    made = desk.card(number="T0000000X")
    assert desk.registry.card_by_number(" t0000000x") == made


def _medical(desk: Desk, person_id: str):
    return desk.registry.register_medical_card(person_id, MEDICAL, today=TODAY, operation=desk.operation(), result=b"")
