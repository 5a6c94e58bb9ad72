"""The half-year rule: who is reminded, whose original medical card is restricted, and that nobody is twice."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from structlog.testing import capture_logs

from services.activation.deadlines import DailyDeadlines
from services.callers.caller import Caller, Role, set_caller
from services.errors import InvalidRequestError, JournalError
from services.registry.errors import CardNotRegisteredError
from services.registry.model import InstitutionKind, MedicalCardState
from sscard.v1 import activation_pb2, registry_pb2
from tests.services.activation.desk import HOLDERS, TELLER, Context, Desk, at_bank, call

RECEIVED, LAST_DAY = date(2026, 1, 31), date(2026, 7, 31)
OFFICE = Caller("Sun", "office-1", Role.SUPERVISOR)


def of(card_id: str) -> registry_pb2.CardReference:
    return registry_pb2.CardReference(id=card_id)


async def standing(service: Any, card_id: str) -> activation_pb2.GetActivationResponse:
    return await service.GetActivation(activation_pb2.GetActivationRequest(card=of(card_id)), Context())


def beijing(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC) - timedelta(hours=8)


@pytest.mark.parametrize(
    ("now", "overdue"),
    [
        (beijing(LAST_DAY, 23), False),  # its last day still counts, until midnight in Beijing
        (beijing(LAST_DAY + timedelta(days=1), 0), True),
    ],
)
async def test_the_last_day_counts_until_midnight_in_beijing(desk: Desk, now: datetime, overdue: bool) -> None:
    desk.now = datetime(2026, 3, 1, 16, 30, tzinfo=UTC)  # half past midnight of March 2nd in Beijing
    card = desk.card(received=RECEIVED)
    medical = desk.medical_card()
    desk.institution(OFFICE.institution, InstitutionKind.OFFICE)
    desk.now = now
    async with desk.service() as service:
        set_caller(OFFICE)
        answer = await standing(service, card.id)
        assert (answer.overdue, answer.card.activation_deadline) == (overdue, LAST_DAY.isoformat())
        assert not answer.HasField("activation")
        apply = activation_pb2.ApplyActivationDeadlinesRequest(request_id="nightly")
        applied = await service.ApplyActivationDeadlines(apply, Context())
        assert (applied.overdue, applied.restricted) == (overdue, overdue)
        assert await service.ApplyActivationDeadlines(apply, Context()) == applied
        apply.request_id = "again"
        assert (await service.ApplyActivationDeadlines(apply, Context())).restricted == 0
        (shown,) = (await standing(service, card.id)).medical_cards
    assert shown.id == medical.id
    wanted = MedicalCardState.RESTRICTED if overdue else MedicalCardState.VALID
    assert shown.state == registry_pb2.MedicalCardState.Value(f"MEDICAL_CARD_STATE_{wanted.name}")


async def test_activation_lifts_the_restriction_and_both_are_seen(desk: Desk) -> None:
    card = desk.card()
    desk.medical_card()
    desk.now += timedelta(days=200)
    desk.registry.apply_deadlines(today=desk.today, operation=desk.operation())
    desk.readers.insert("left", card.chip, t0=True)
    async with desk.service() as service:
        before = await standing(service, card.id)
        assert before.overdue
        assert before.medical_cards[0].state == registry_pb2.MEDICAL_CARD_STATE_RESTRICTED
        outcome = await call(service, at_bank())
        after = await standing(service, card.id)
        by_reader = activation_pb2.GetActivationRequest(card=registry_pb2.CardReference(reader="left"))
        assert await service.GetActivation(by_reader, Context()) == after
    assert not after.overdue
    assert after.activation == outcome.activation
    assert after.medical_cards[0].state == registry_pb2.MEDICAL_CARD_STATE_VALID


async def test_reminders_are_the_most_urgent_first(desk: Desk) -> None:
    desk.now = datetime(2026, 7, 1, 2, tzinfo=UTC)
    soon, late = desk.card(received=date(2026, 1, 20)), desk.card(received=date(2025, 12, 1))
    desk.card(received=date(2026, 6, 1))
    desk.person(phone="0431-555", **HOLDERS["2.0"])
    async with desk.service() as service:
        request = activation_pb2.ListActivationRemindersRequest(days=30)
        told = [each async for each in service.ListActivationReminders(request, Context())]
        assert [(each.card.id, each.days_left) for each in told] == [(late.id, -30), (soon.id, 19)]
        assert told[0].person.phone == "0431-555"
        request = activation_pb2.ListActivationRemindersRequest(days=30, outlet="bank-8")
        assert [each async for each in service.ListActivationReminders(request, Context())] == []
        with pytest.raises(InvalidRequestError):
            async for _ in service.ListActivationReminders(
                activation_pb2.ListActivationRemindersRequest(days=367), Context()
            ):
                pass


async def test_what_the_bank_says_of_its_own_application_is_noted_beside(desk: Desk) -> None:
    card = desk.card()
    desk.institution(TELLER.institution, InstitutionKind.BANK)
    moment = Timestamp()
    moment.FromDatetime(desk.now - timedelta(hours=1))
    report = activation_pb2.ReportBankActivationRequest(request_id="r-1", card=of(card.id), time=moment)
    async with desk.service() as service:
        set_caller(TELLER)
        for _ in range(2):
            await service.ReportBankActivation(report, Context())
        answer = await standing(service, card.id)
        assert (answer.bank_activation.institution, answer.bank_activation.time) == ("bank-7", moment)
        assert not answer.HasField("activation")
        desk.readers.insert("left", card.chip, t0=True)
        assert (await call(service, at_bank())).activated
        assert (await standing(service, card.id)).bank_activation == answer.bank_activation
        later = Timestamp()
        later.FromDatetime(desk.now + timedelta(seconds=1))
        for changed in ({"time": later}, {"request_id": ""}):
            with pytest.raises(InvalidRequestError):
                await service.ReportBankActivation(
                    activation_pb2.ReportBankActivationRequest(
                        **({"request_id": "r-2", "card": of(card.id), "time": moment} | changed)
                    ),
                    Context(),
                )
        with pytest.raises(InvalidRequestError):
            await service.ReportBankActivation(
                activation_pb2.ReportBankActivationRequest(request_id="r-3", card=of(card.id)), Context()
            )
        with pytest.raises(CardNotRegisteredError):
            await standing(service, "0" * 32)


class Days:
    """A clock whose hours pass while somebody sleeps; ``ends`` after so many sleeps."""

    def __init__(self, desk: Desk, ends: int) -> None:
        self.desk = desk
        self.left = ends
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.desk.now += timedelta(seconds=seconds)
        self.left -= 1
        if not self.left:
            raise asyncio.CancelledError


def daily(desk: Desk, days: Days, books: Callable[[], Any] | None = None) -> DailyDeadlines:
    return DailyDeadlines(books or desk.books, now=lambda: desk.now, sleep=days.sleep)


async def test_the_rule_is_applied_once_a_day_however_many_processes_there_are(desk: Desk) -> None:
    desk.card(received=RECEIVED)
    desk.medical_card()
    desk.now = beijing(LAST_DAY, 20)
    days = [Days(desk, 10), Days(desk, 10)]
    done = await asyncio.gather(*(daily(desk, each).run() for each in days), return_exceptions=True)
    assert {type(each) for each in done} == {asyncio.CancelledError}
    assert all(0 < seconds <= 3600 for each in days for seconds in each.slept)
    first = desk.operations.find("service", f"deadlines-{LAST_DAY}")
    second = desk.operations.find("service", f"deadlines-{LAST_DAY + timedelta(days=1)}")
    assert (first.result, second.result) == (b"0,0", b"1,1")
    (medical,) = desk.registry.medical_cards_of(desk.person().id)
    assert medical.state is MedicalCardState.RESTRICTED
    assert medical.state_since == LAST_DAY + timedelta(days=1)


async def test_what_fails_is_tried_again_within_the_hour(desk: Desk) -> None:
    failures = iter([JournalError("the disk is full")])

    def books() -> Any:
        for failure in failures:
            raise failure
        return desk.books()

    days = Days(desk, 2)
    with capture_logs() as log, pytest.raises(asyncio.CancelledError):
        await daily(desk, days, books).run()
    assert len(days.slept) == 2
    assert desk.operations.find("service", f"deadlines-{date(2026, 3, 2)}") is not None
    (told,) = [entry for entry in log if entry["event"] == "deadlines_not_applied"]
    assert (told["day"], told["error"], told["reason"]) == ("2026-03-02", "JournalError", "JOURNAL")
