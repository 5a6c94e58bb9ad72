"""The half year, applied to all cards; and what becomes of original medical cards."""

from datetime import UTC, date, datetime

import pytest

from services.operations.journal import OperationState
from services.registry.lifecycle import CardEvent
from services.registry.model import MedicalCardState, PersonData
from services.store import registry, registry_deadlines
from tests.services.registry.people import LI, MEDICAL, TODAY, WANG, Desk

OVERDUE = date(2026, 9, 16)
"""The first day on which a card received on the 15th of March is overdue."""


@pytest.fixture
def desk(engine, personal) -> Desk:
    return Desk(engine, personal)


@pytest.fixture
def waiting(desk):
    """A card that its holder received, and has not activated, beside an original medical card."""
    card = desk.delivered()
    desk.registry.register_medical_card(card.person_id, MEDICAL, today=TODAY, operation=desk.operation(), result=b"")
    return card


def applied(desk: Desk, today: date, request_id: str = "") -> tuple[int, int]:
    return desk.registry.apply_deadlines(today=today, operation=desk.operation(request_id))


def medical(desk: Desk) -> tuple[MedicalCardState, date]:
    found = desk.registry.medical_card_by_number(MEDICAL)
    return found.state, found.state_since


def test_the_last_day_itself_still_counts(desk, waiting) -> None:
    assert waiting.deadline == date(2026, 9, 15)
    assert applied(desk, date(2026, 9, 15)) == (0, 0)
    assert medical(desk) == (MedicalCardState.VALID, TODAY)
    assert applied(desk, OVERDUE) == (1, 1)
    assert medical(desk) == (MedicalCardState.RESTRICTED, OVERDUE)


def test_applied_again_it_does_nothing_more_and_keeps_the_day(desk, waiting) -> None:
    applied(desk, OVERDUE, "one")
    assert desk.operations.find("bank-1", "one").result == b"1,1"
    assert desk.operations.find("bank-1", "one").state is OperationState.DONE
    assert applied(desk, date(2026, 9, 20)) == (1, 0)
    assert medical(desk) == (MedicalCardState.RESTRICTED, OVERDUE)


def test_what_a_clock_of_next_year_restricted_is_lifted_when_the_clock_is_right_again(desk, waiting) -> None:
    assert applied(desk, date(2027, 3, 1)) == (1, 1)
    assert medical(desk) == (MedicalCardState.RESTRICTED, date(2027, 3, 1))
    assert applied(desk, date(2026, 4, 1)) == (0, 0)
    assert medical(desk) == (MedicalCardState.VALID, date(2026, 4, 1))
    assert applied(desk, OVERDUE) == (1, 1)


def test_a_wrong_clock_does_not_excuse_who_is_overdue_anyway(desk, waiting) -> None:
    applied(desk, date(2030, 1, 1))
    assert applied(desk, OVERDUE) == (1, 1)
    assert medical(desk) == (MedicalCardState.RESTRICTED, OVERDUE)


def test_a_process_for_which_it_is_yesterday_lifts_nothing(desk, waiting) -> None:
    applied(desk, OVERDUE)
    assert applied(desk, date(2026, 9, 15)) == (0, 0)
    assert medical(desk) == (MedicalCardState.RESTRICTED, OVERDUE)


def test_activation_lifts_the_restriction_and_it_does_not_come_back(desk, waiting) -> None:
    applied(desk, OVERDUE)
    desk.now = datetime(2026, 9, 20, 4, tzinfo=UTC)
    desk.activated(waiting)
    assert medical(desk) == (MedicalCardState.VALID, date(2026, 9, 20))
    assert applied(desk, date(2027, 1, 1)) == (0, 0)


def test_who_has_an_activated_card_is_not_restricted_for_another_one(desk, waiting) -> None:
    desk.activated(desk.delivered())
    assert applied(desk, OVERDUE) == (1, 0)


def test_who_has_no_medical_card_or_a_card_in_time_is_left_alone(desk, waiting) -> None:
    other = desk.delivered(person=desk.registry.register_person(WANG), received=date(2026, 9, 1))
    desk.registry.register_medical_card(other.person_id, "YB2", today=TODAY, operation=desk.operation(), result=b"")
    assert applied(desk, OVERDUE) == (1, 1)
    assert desk.registry.medical_card_by_number("YB2").state is MedicalCardState.VALID


@pytest.mark.parametrize("event", [CardEvent.REPORT_LOSS, CardEvent.BLOCK])
def test_a_card_that_may_come_back_keeps_the_restriction_and_brings_none(desk, waiting, event) -> None:
    lost = desk.happens(waiting, event)
    assert applied(desk, OVERDUE) == (0, 0)
    undone = {CardEvent.REPORT_LOSS: CardEvent.CANCEL_LOSS, CardEvent.BLOCK: CardEvent.UNBLOCK}[event]
    desk.happens(lost, undone)
    assert applied(desk, OVERDUE) == (1, 1)
    desk.happens(waiting, event)
    assert medical(desk)[0] is MedicalCardState.RESTRICTED


def test_a_replacement_takes_the_restriction_over_until_it_is_activated(desk, waiting) -> None:
    applied(desk, OVERDUE)
    new = desk.card()
    desk.happens(waiting, CardEvent.REPLACE, replacement_id=new.id)
    assert medical(desk)[0] is MedicalCardState.RESTRICTED
    assert applied(desk, OVERDUE) == (0, 0)
    desk.activated(desk.happens(new, CardEvent.DELIVER, received=OVERDUE))
    assert medical(desk)[0] is MedicalCardState.VALID


def test_a_restriction_that_no_card_could_lift_any_more_ends_with_the_last_one(desk, waiting) -> None:
    second = desk.card()
    applied(desk, OVERDUE)
    desk.happens(waiting, CardEvent.CANCEL)
    assert medical(desk)[0] is MedicalCardState.RESTRICTED
    desk.happens(second, CardEvent.CANCEL)
    assert medical(desk)[0] is MedicalCardState.VALID


def test_reminders_come_by_urgency_with_who_is_to_be_called(desk, waiting, monkeypatch) -> None:
    monkeypatch.setattr(registry, "PIECE", 2)
    monkeypatch.setattr(registry_deadlines, "PIECE", 2)
    desk.activated(desk.delivered(person=desk.registry.register_person(WANG)))
    for number in range(3):
        other = desk.registry.register_person(
            PersonData(social_security_number=f"99000019900101{number:04d}", name=f"人{number}")
        )
        given = desk.happens(
            desk.card(other), CardEvent.DELIVER, received=date(2026, 3, 20 - number), outlet=f"bank-{number}"
        )
        assert given.deadline == date(2026, 9, 20 - number)
    applied(desk, OVERDUE)
    found = list(desk.registry.reminders(today=OVERDUE, days=3))
    assert [(each.days_left, each.person.data.name) for each in found] == [(-1, LI.name), (2, "人2"), (3, "人1")]
    assert [each.medical_card_restricted for each in found] == [True, False, False]
    assert found[0].card == desk.registry.card(waiting.id)
    assert found[0].person.data.phone == LI.phone
    several = list(desk.registry.reminders(today=OVERDUE, days=366))
    assert [each.days_left for each in several] == [-1, 2, 3, 4]
    assert [each.days_left for each in desk.registry.reminders(today=OVERDUE, days=9, outlet="bank-1")] == [3]
