"""Which institution may report, list and restrict what; and what of it is on record."""

from datetime import datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from services.audit.subject import begin_subject
from services.callers.caller import LOCAL, Caller, Role, set_caller
from services.registry.errors import (
    BankActivationNotedError,
    CardAtOtherOutletError,
    CardNotRegisteredError,
    InstitutionKindError,
)
from services.registry.lifecycle import CardEvent
from services.registry.model import InstitutionKind
from sscard.v1 import activation_pb2, registry_pb2
from tests.services.activation.desk import TELLER, Context, Desk

OFFICE = Caller("Sun", "office-1", Role.SUPERVISOR)


def of(card_id: str) -> registry_pb2.CardReference:
    return registry_pb2.CardReference(id=card_id)


def report(card_id: str, time: datetime, request_id: str) -> activation_pb2.ReportBankActivationRequest:
    moment = Timestamp()
    moment.FromDatetime(time)
    return activation_pb2.ReportBankActivationRequest(request_id=request_id, card=of(card_id), time=moment)


async def test_another_word_of_the_bank_is_refused_and_the_same_one_is_not(desk: Desk) -> None:
    card, said = desk.card(), desk.now - timedelta(hours=1)
    desk.institution(TELLER.institution, InstitutionKind.BANK)
    desk.institution(OFFICE.institution, InstitutionKind.OFFICE)
    async with desk.service() as service:
        set_caller(TELLER)
        await service.ReportBankActivation(report(card.id, said, "one"), Context())
        await service.ReportBankActivation(report(card.id, said, "two"), Context())
        with pytest.raises(BankActivationNotedError):
            await service.ReportBankActivation(report(card.id, said - timedelta(microseconds=1), "three"), Context())
        set_caller(OFFICE)
        with pytest.raises(BankActivationNotedError):
            await service.ReportBankActivation(report(card.id, said, "four"), Context())
    noted = desk.registry.bank_activation_of(card.id)
    assert noted is not None
    assert (noted.institution, noted.time) == (TELLER.institution, said)


@pytest.mark.parametrize(
    ("kind", "delivered", "institution", "error"),
    [
        (InstitutionKind.BANK, True, "bank-8", CardAtOtherOutletError),
        (InstitutionKind.BANK, False, "bank-7", InstitutionKindError),
        (InstitutionKind.HOSPITAL, True, "bank-7", InstitutionKindError),
        (InstitutionKind.ISSUER, True, "bank-7", InstitutionKindError),
        (None, True, "bank-7", InstitutionKindError),
        (InstitutionKind.BANK, True, "bank-7", None),
        (InstitutionKind.OFFICE, True, "office-1", None),
    ],
)
async def test_only_the_bank_whose_card_it_is_and_the_office_say_what_the_bank_did(
    desk: Desk, kind: InstitutionKind | None, delivered: bool, institution: str, error: type[Exception] | None
) -> None:
    card = desk.card(delivered=delivered)
    if kind is not None:
        desk.institution(institution, kind)
    async with desk.service() as service:
        set_caller(Caller("Qian", institution, Role.TELLER))
        request = report(card.id, desk.now, "one")
        if error is None:
            await service.ReportBankActivation(request, Context())
        else:
            with pytest.raises(error):
                await service.ReportBankActivation(request, Context())
    noted = desk.registry.bank_activation_of(card.id)
    assert (noted.institution if noted else None) == (None if error else institution)


async def test_an_outlet_is_reminded_of_its_own_cards_alone(desk: Desk) -> None:
    """The list has names and telephones."""
    desk.institution("bank-8", InstitutionKind.BANK)
    desk.institution(OFFICE.institution, InstitutionKind.OFFICE)
    own, other = desk.card(delivered=False), desk.card()
    desk.happens(own.entry, CardEvent.DELIVER, outlet="bank-8", received=desk.today)

    async def listed(outlet: str = "") -> set[str]:
        request = activation_pb2.ListActivationRemindersRequest(days=366, outlet=outlet)
        return {each.card.id async for each in service.ListActivationReminders(request, Context())}

    async with desk.service() as service:
        set_caller(Caller("Qian", "bank-8", Role.SUPERVISOR))
        assert await listed() == await listed("bank-8") == {own.id}
        with pytest.raises(InstitutionKindError):
            await listed("bank-7")
        set_caller(Caller("Qian", "bank-9", Role.SUPERVISOR))
        assert await listed() == set()
        set_caller(OFFICE)
        assert await listed() == {own.id, other.id}
        assert await listed("bank-7") == {other.id}


@pytest.mark.parametrize(
    "kind", [InstitutionKind.BANK, InstitutionKind.HOSPITAL, InstitutionKind.PHARMACY, None, InstitutionKind.ISSUER]
)
async def test_the_rule_is_applied_by_the_centre_alone(desk: Desk, kind: InstitutionKind | None) -> None:
    desk.card()
    desk.medical_card()
    if kind is not None:
        desk.institution("other-3", kind)
    desk.now += timedelta(days=200)
    apply = activation_pb2.ApplyActivationDeadlinesRequest(request_id="nightly")
    async with desk.service() as service:
        set_caller(Caller("Qian", "other-3", Role.SUPERVISOR))
        if kind is InstitutionKind.ISSUER:
            assert (await service.ApplyActivationDeadlines(apply, Context())).restricted == 1
        else:
            with pytest.raises(InstitutionKindError):
                await service.ApplyActivationDeadlines(apply, Context())
            set_caller(LOCAL)
            assert (await service.ApplyActivationDeadlines(apply, Context())).restricted == 1


async def test_how_many_people_were_listed_is_on_record(desk: Desk) -> None:
    request = activation_pb2.ListActivationRemindersRequest(days=366)
    async with desk.service() as service:
        set_caller(LOCAL)
        subject = begin_subject()
        assert [each async for each in service.ListActivationReminders(request, Context())] == []
        assert subject.detail == "days 366: 0 people"
        desk.card(), desk.card()
        desk.card(version="3.0")
        subject = begin_subject()
        assert len([each async for each in service.ListActivationReminders(request, Context())]) == 3
        assert subject.detail == "days 366: 2 people"
        set_caller(Caller("Qian", "bank-7", Role.SUPERVISOR))
        subject = begin_subject()
        told = service.ListActivationReminders(request, Context())
        await anext(told)
        await told.aclose()  # who has had some of them and leaves is on record with all that may have gone out
        assert subject.detail == "days 366 bank-7: 2 people"


async def test_a_card_that_is_looked_for_in_vain_is_on_record_by_a_digest(desk: Desk) -> None:
    async with desk.service() as service:
        set_caller(OFFICE)
        for way in ({"card_identifier": "9" * 32}, {"card_number": "T99999999"}):
            subject = begin_subject()
            request = activation_pb2.GetActivationRequest(card=registry_pb2.CardReference(**way))
            with pytest.raises(CardNotRegisteredError):
                await service.GetActivation(request, Context())
            assert len(bytes.fromhex(subject.card)) == 32
