"""Everything that callers do at the counter, right and wrong, with cards pulled and a database that fails."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from apdu.transport.inprocess import InProcessReaders
from services.callers.caller import Role
from services.store.registry import SqlRegistry
from simulator.blanks import blank_chip
from simulator.card import SoftwareCard
from sscard.v1 import activation_pb2, card_pb2, issuance_pb2, lease_pb2, pin_pb2, reader_pb2, registry_pb2
from sscard.v1.reader_pb2_grpc import ReaderServiceStub
from tests.counter.broken import failing
from tests.counter.holders import (
    INITIAL,
    OF_BANK,
    OF_CHIP,
    OF_HOSPITAL,
    OF_PHARMACY,
    Card,
    Holder,
    card_of,
)
from tests.counter.world import Counter, Pulled, enter_institutions

WRONG = "604182635840", "614293746852"
"""PINs that are never right."""
STRANGER = "990000197707070071"
"""Social security number of somebody whom the registry does not know."""
LEFT, RIGHT, PAD = "left", "right", "pad"
NEW_ID = iter(f"request-{number}" for number in range(10_000))


class PlantedError(Exception):
    """Of a text that a test has made, with everything in it that must not be seen."""


class Story:
    """Everything that callers do at the counter, right and wrong."""

    def __init__(self, counter: Counter, readers: InProcessReaders, database: str) -> None:
        self.counter = counter
        self.readers = readers
        self.database = database
        self.bank = card_of(OF_BANK, 101)
        self.hospital = card_of(OF_HOSPITAL, 202)
        self.pharmacy = card_of(OF_PHARMACY, 303)
        self.original = card_of(OF_PHARMACY, 404, version="1.0")
        self.cards = [self.bank, self.hospital, self.pharmacy, self.original]
        self.ids: dict[Holder, str] = {}

    async def run(self) -> None:
        await enter_institutions(self.counter)
        await self.issue()
        for holder, card in ((OF_BANK, self.bank), (OF_HOSPITAL, self.hospital), (OF_PHARMACY, self.pharmacy)):
            self.ids[holder] = await self.register(holder, card)
        await self.refused_entries()
        await self.deliver()
        await self.at_bank()
        await self.at_pins()
        await self.at_pad()
        await self.at_hospital()
        await self.at_pharmacy()
        await self.read()
        await self.ends()
        await self.without_audit()

    def insert(self, reader: str, card: Card | SoftwareCard) -> Pulled:
        chip = Pulled(card.chip if isinstance(card, Card) else card, self.readers, reader)
        self.readers.remove(reader)
        self.readers.insert(reader, chip, t0=True)
        return chip

    async def issue(self) -> None:
        """A card made of a blank chip, which is pulled half-way."""
        refusing, issuer, chip = self.counter.refusing, self.counter.issuer, SoftwareCard(blank_chip("t514", 7))
        person = {
            "social_security_number": OF_CHIP.number,
            "name": OF_CHIP.name,
            "sex": "2",
            "birth_date": "1985-03-12",
            "card_number": "T00000028",
            "issue_date": "2026-01-01",
            "expiry_date": "2036-01-01",
            "pin": INITIAL,
        }
        order = issuance_pb2.CardOrder(template="template-2.0", person=person)
        request = issuance_pb2.PersonaliseCardRequest(reader=LEFT, request_id=next(NEW_ID), order=order)
        wrong = issuance_pb2.PersonaliseCardRequest(reader=LEFT, request_id=next(NEW_ID), order=order)
        wrong.order.person["sex"] = OF_CHIP.number
        wrong.order.person["birth_date"] = OF_CHIP.name
        await refusing(issuer.PersonaliseCard(wrong), "ORDER_FAULTS")
        for at in (40, 400):
            self.insert(LEFT, chip).pull_at(at)
            await refusing(issuer.PersonaliseCard(request), "CARD_REMOVED")
        self.insert(LEFT, chip)
        with failing(self.database, "certificate"):
            await refusing(issuer.PersonaliseCard(request), "JOURNAL")
        issued = (await issuer.PersonaliseCard(request)).issued
        assert (await issuer.VerifyCard(issuance_pb2.VerifyCardRequest(reader=LEFT, order=order))).pin_set
        other = issuance_pb2.VerifyCardRequest(reader=LEFT, order=order)
        other.order.person["name"] = OF_BANK.name
        other.order.person["social_security_number"] = OF_BANK.number
        await refusing(issuer.VerifyCard(other), "CARD_OF_ANOTHER_RECORD")
        number = issued.certificate.number
        await issuer.GetCertificate(issuance_pb2.GetCertificateRequest(number=number))

    async def register(self, holder: Holder, card: Card) -> str:
        supervisor = self.counter.supervisor
        person = registry_pb2.Person(
            social_security_number=holder.number,
            name=holder.name,
            phone=holder.phone,
            birth_date="1981-02-03",
            sex="1",
            document_number=holder.document,
        )
        people = registry_pb2.RegisterPersonRequest(request_id=next(NEW_ID), person=person)
        medical = registry_pb2.RegisterMedicalCardRequest(
            request_id=next(NEW_ID), social_security_number=holder.number, number=holder.medical_card
        )
        cards = registry_pb2.RegisterCardRequest(
            request_id=next(NEW_ID),
            card_identifier=card.marks.identifier,
            card_number=card.marks.number,
            social_security_number=holder.number,
        )
        for table, call in (
            ("person", lambda: supervisor.RegisterPerson(people)),
            ("medical_card", lambda: supervisor.RegisterMedicalCard(medical)),
            ("card", lambda: supervisor.RegisterCard(cards)),
            ("operation_step", lambda: supervisor.RegisterPerson(people)),
        ):
            with failing(self.database, table):
                if table != "operation_step":
                    await self.counter.refusing(call(), "JOURNAL")
            await call()
        return str((await supervisor.RegisterCard(cards)).card.id)

    async def refused_entries(self) -> None:
        """What is wrong with a request is told without what is in it."""
        refusing, supervisor = self.counter.refusing, self.counter.supervisor
        for changed in (
            {"social_security_number": f"{OF_BANK.number}/"},
            {"birth_date": OF_BANK.number},
            {"sex": OF_BANK.name},
            {"phone": OF_BANK.name},
            {"name": OF_BANK.name * 20},
            {"document_number": OF_BANK.document * 9},
        ):
            told = {"social_security_number": OF_BANK.number, "name": OF_BANK.name} | changed
            request = registry_pb2.RegisterPersonRequest(request_id=next(NEW_ID), person=registry_pb2.Person(**told))
            await refusing(supervisor.RegisterPerson(request), "INVALID_REQUEST")
        request = registry_pb2.RegisterPersonRequest(
            request_id=next(NEW_ID), person=registry_pb2.Person(social_security_number=OF_BANK.number, name="王𠮷")
        )
        await refusing(self.counter.teller.RegisterPerson(request), "ACCESS_DENIED")
        foreign = registry_pb2.RegisterMedicalCardRequest(
            request_id=next(NEW_ID), social_security_number=STRANGER, number=OF_BANK.medical_card
        )
        await refusing(supervisor.RegisterMedicalCard(foreign), "PERSON_NOT_REGISTERED")
        foreign.social_security_number = OF_HOSPITAL.number
        await refusing(supervisor.RegisterMedicalCard(foreign), "CARD_NOT_OF_PERSON")
        await refusing(
            supervisor.GetPerson(registry_pb2.GetPersonRequest(social_security_number=STRANGER)),
            "PERSON_NOT_REGISTERED",
        )
        await refusing(
            supervisor.GetPerson(registry_pb2.GetPersonRequest(social_security_number=OF_BANK.number + "0")),
            "INVALID_REQUEST",
        )
        found = await supervisor.GetPerson(registry_pb2.GetPersonRequest(social_security_number=OF_BANK.number))
        assert found.person.name == OF_BANK.name
        # What is no message of its kind is not quoted either.
        call = self.counter.channels[Role.SUPERVISOR].unary_unary("/sscard.v1.RegistryService/GetPerson")
        await refusing(call(b"\xff" + OF_BANK.name.encode()), "INVALID_REQUEST")

    async def deliver(self) -> None:
        refusing, teller = self.counter.refusing, self.counter.teller
        for holder, card in ((OF_BANK, self.bank), (OF_HOSPITAL, self.hospital), (OF_PHARMACY, self.pharmacy)):
            request = registry_pb2.DeliverCardRequest(
                request_id=next(NEW_ID),
                card=registry_pb2.CardReference(card_number=card.marks.number),
                document=holder.shows(),
            )
            wrong = registry_pb2.DeliverCardRequest()
            wrong.CopyFrom(request)
            wrong.request_id = next(NEW_ID)
            wrong.document.name = OF_CHIP.name
            await refusing(teller.DeliverCard(wrong), "DOCUMENT_MISMATCH")
            with failing(self.database, "card_event"):
                await refusing(teller.DeliverCard(request), "JOURNAL")
            assert (await teller.DeliverCard(request)).card.state == registry_pb2.CARD_STATE_DELIVERED

    async def at_bank(self) -> None:
        refusing, teller = self.counter.refusing, self.counter.teller

        def request(**changed: Any) -> activation_pb2.ActivateAtBankRequest:
            told = {"reader": LEFT, "request_id": next(NEW_ID), "document": OF_BANK.shows(), "new_pin": OF_BANK.pins[0]}
            return activation_pb2.ActivateAtBankRequest(**(told | changed))

        chip = self.insert(LEFT, self.bank)
        await refusing(
            teller.ActivateAtBank(request(document=OF_BANK.shows(name=OF_PHARMACY.name))), "DOCUMENT_MISMATCH"
        )
        await refusing(teller.ActivateAtBank(request(document=OF_BANK.shows(number=STRANGER))), "DOCUMENT_MISMATCH")
        await refusing(teller.ActivateAtBank(request(new_pin=INITIAL)), "INITIAL_PIN_CHOSEN")
        await refusing(teller.ActivateAtBank(request(new_pin=OF_BANK.pins[0] + "x")), "INVALID_REQUEST")
        outcome = (await teller.ActivateAtBank(request(old_pin=WRONG[0]))).outcome
        assert (outcome.pin_result, outcome.tries_left) == (pin_pb2.PIN_RESULT_REJECTED, 5)
        await refusing(teller.ActivateAtBank(request(old_pin=WRONG[0])), "PIN_REPEATED")
        again = request()
        planted = PlantedError(f"{OF_BANK.name} {OF_BANK.number} {OF_BANK.pins[0]} {self.bank.marks.identifier}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SqlRegistry, "activate", _raises(planted))
            await refusing(teller.ActivateAtBank(again), "INTERNAL")
        with failing(self.database, "activation"):
            await refusing(teller.ActivateAtBank(again), "JOURNAL")
        with failing(self.database, "operation_step"):
            await refusing(teller.ActivateAtBank(again), "JOURNAL")
        for at in (1, 4, 6):
            chip.pull_at(at, late=True)
            await refusing(teller.ActivateAtBank(again), "CARD_REMOVED")
            chip = self.insert(LEFT, self.bank)
        outcome = (await teller.ActivateAtBank(again)).outcome
        assert outcome.activated
        assert outcome.name == OF_BANK.name
        await refusing(teller.ActivateAtBank(request(new_pin=OF_BANK.pins[1])), "CARD_ALREADY_ACTIVATED")
        moment = Timestamp()
        moment.GetCurrentTime()
        reference = registry_pb2.CardReference(card_identifier=self.bank.marks.identifier)
        await teller.ReportBankActivation(
            activation_pb2.ReportBankActivationRequest(request_id=next(NEW_ID), card=reference, time=moment)
        )

    async def at_pins(self) -> None:
        """Right and wrong PINs, changed, unblocked, reset."""
        refusing, teller, supervisor = self.counter.refusing, self.counter.teller, self.counter.supervisor
        own, next_one = OF_BANK.pins
        for pin, result in (
            (WRONG[1], pin_pb2.PIN_RESULT_REJECTED),
            (own, pin_pb2.PIN_RESULT_OK),
            (INITIAL, pin_pb2.PIN_RESULT_INITIAL_PIN),
        ):
            request = pin_pb2.VerifyPinRequest(reader=LEFT, pin=pin, card_is_new=True)
            assert (await teller.VerifyPin(request)).result == result
        await refusing(teller.VerifyPin(pin_pb2.VerifyPinRequest(reader=LEFT, pin=own + "a")), "INVALID_REQUEST")
        change = pin_pb2.ChangePinRequest(reader=LEFT, request_id=next(NEW_ID), old_pin=own, new_pin=next_one)
        chip = self.insert(LEFT, self.bank)
        chip.pull_at(5, late=True)
        await refusing(teller.ChangePin(change), "CARD_REMOVED")
        self.insert(LEFT, self.bank)
        assert (await teller.ChangePin(change)).result == pin_pb2.PIN_RESULT_OK
        reused = pin_pb2.ResetPinRequest(reader=LEFT, request_id=change.request_id, new_pin=own)
        await refusing(teller.ResetPin(reused), "ACCESS_DENIED")
        unblock = pin_pb2.UnblockPinRequest(reader=LEFT, request_id=next(NEW_ID))
        await supervisor.UnblockPin(unblock)
        reset = pin_pb2.ResetPinRequest(reader=LEFT, request_id=next(NEW_ID), new_pin=own)
        with failing(self.database, "operation_step"):
            await refusing(supervisor.ResetPin(reset), "JOURNAL")
        await supervisor.ResetPin(reset)
        reused = pin_pb2.ResetPinRequest(reader=RIGHT, request_id=reset.request_id, new_pin=next_one)
        self.insert(RIGHT, self.hospital)
        assert (await supervisor.ResetPin(reused)).already_done
        await supervisor.GetPinStatus(pin_pb2.GetPinStatusRequest(reader=LEFT))
        self.readers.remove(RIGHT)

    async def at_pad(self) -> None:
        """The same, typed at a pad."""
        self.insert(PAD, self.bank)
        teller = self.counter.teller
        verified = await teller.VerifyPinAtPad(pin_pb2.VerifyPinAtPadRequest(reader=PAD))
        assert verified.result.result == pin_pb2.PIN_RESULT_OK
        request = pin_pb2.ChangePinAtPadRequest(reader=PAD, request_id=next(NEW_ID))
        assert (await teller.ChangePinAtPad(request)).result.result == pin_pb2.PIN_RESULT_OK
        nowhere = pin_pb2.VerifyPinAtPadRequest(reader=LEFT)
        await self.counter.refusing(teller.VerifyPinAtPad(nowhere), "NO_PIN_PAD")

    async def at_hospital(self) -> None:
        hospital, chip = self.counter.hospital, self.insert(LEFT, self.hospital)
        request = activation_pb2.ActivateAtHospitalRequest(
            reader=LEFT,
            request_id=next(NEW_ID),
            registration=activation_pb2.REGISTRATION_OUTPATIENT,
            new_pin=OF_HOSPITAL.pins[0],
        )
        chip.pull_at(7)
        await self.counter.refusing(hospital.ActivateAtHospital(request), "CARD_REMOVED")
        self.insert(LEFT, self.hospital)
        assert (await hospital.ActivateAtHospital(request)).outcome.activated
        request.request_id = next(NEW_ID)
        assert not (await hospital.ActivateAtHospital(request)).outcome.activated
        self.insert(LEFT, card_of(OF_CHIP, 505))
        request.request_id = next(NEW_ID)
        await self.counter.refusing(hospital.ActivateAtHospital(request), "CARD_NOT_REGISTERED")

    async def at_pharmacy(self) -> None:
        pharmacy = self.counter.pharmacy
        request = activation_pb2.ActivateAtPharmacyRequest(
            request_id=next(NEW_ID),
            medical_card_reader=LEFT,
            reader=RIGHT,
            swap_seconds=30,
            new_pin=OF_PHARMACY.pins[0],
        )
        self.insert(LEFT, self.original)
        self.insert(RIGHT, self.bank)
        await self.counter.refusing(pharmacy.ActivateAtPharmacy(request), "HOLDER_MISMATCH")
        request.request_id = next(NEW_ID)
        self.readers.remove(LEFT)
        self.readers.remove(RIGHT)
        prompts = []

        async def follow(event: activation_pb2.ActivateAtPharmacyResponse) -> None:
            prompts.append(event.prompt.action)
            first = event.prompt.action == activation_pb2.ActivationPrompt.ACTION_INSERT_MEDICAL_CARD
            self.insert(event.prompt.reader, self.original if first else self.pharmacy)

        outcome = (await pharmacy.ActivateAtPharmacy(request, on_event=follow)).outcome
        assert outcome.activated
        assert len(prompts) == 2

    async def read(self) -> None:
        """Files, a photo, changes, under a lease."""
        refusing, teller, supervisor = self.counter.refusing, self.counter.teller, self.counter.supervisor
        chip = self.insert(LEFT, self.bank)
        own = OF_BANK.pins[1]
        held = (await supervisor.AcquireCard(lease_pb2.AcquireCardRequest(reader=LEFT))).state.lease
        await refusing(teller.ReadIdentity(card_pb2.ReadIdentityRequest(reader=LEFT)), "CARD_IN_USE")
        assert (await supervisor.ReadIdentity(card_pb2.ReadIdentityRequest(lease=held))).identity.holder.name
        for pin, reason in ((WRONG[0], "PIN_WRONG"), (WRONG[0], "PIN_REPEATED"), (own, "")):
            wanted = card_pb2.ReadFilesRequest(lease=held, files=["*"], pin=pin)
            if reason:
                await refusing(supervisor.ReadFiles(wanted), reason)
            else:
                assert len((await supervisor.ReadFiles(wanted)).results) > 10
        update = card_pb2.UpdateItemsRequest(lease=held, request_id=next(NEW_ID), pin=own)
        update.files.residence.telephone = OF_BANK.phone
        assert (await supervisor.UpdateItems(update)).outcomes
        update.request_id = next(NEW_ID)
        update.files.residence.telephone = OF_BANK.phone * 5
        await refusing(supervisor.UpdateItems(update), "CHANGES_INVALID")
        await supervisor.RenewCard(lease_pb2.RenewCardRequest(lease=held))
        chip.pull_at(2)
        await refusing(supervisor.ReadFiles(card_pb2.ReadFilesRequest(lease=held, files=["*"])), "CARD_REMOVED")
        await supervisor.ReleaseCard(lease_pb2.ReleaseCardRequest(lease=held))
        self.insert(LEFT, self.bank)
        assert (await teller.ReadPhoto(card_pb2.ReadPhotoRequest(reader=LEFT))).media_type
        listed = await teller.ListReaders(reader_pb2.ListReadersRequest())
        assert len(listed.readers) == 3
        watch = ReaderServiceStub(self.counter.channels[Role.TELLER]).WatchReaders(reader_pb2.WatchReadersRequest())
        assert (await watch.read()).event.initial
        watch.cancel()

    async def ends(self) -> None:
        """The half-year rule, and what becomes of cards."""
        supervisor = self.counter.supervisor
        reminders = activation_pb2.ListActivationRemindersRequest(days=366)
        await supervisor.ListActivationReminders(reminders)
        await supervisor.ApplyActivationDeadlines(
            activation_pb2.ApplyActivationDeadlinesRequest(request_id=next(NEW_ID))
        )
        reference = registry_pb2.CardReference(id=self.ids[OF_BANK])
        found = await supervisor.GetActivation(activation_pb2.GetActivationRequest(card=reference))
        assert found.activation.pin_changed
        loss = registry_pb2.ChangeCardStateRequest(
            request_id=next(NEW_ID), card=reference, event=registry_pb2.CARD_EVENT_REPORT_LOSS, reason="window 3"
        )
        await supervisor.ChangeCardState(loss)
        loss.request_id = next(NEW_ID)
        await self.counter.refusing(supervisor.ChangeCardState(loss), "CARD_STATE_FORBIDS")
        for reference in (
            registry_pb2.CardReference(reader=LEFT),
            registry_pb2.CardReference(card_number=self.bank.marks.number),
        ):
            assert (await supervisor.GetCard(registry_pb2.GetCardRequest(card=reference))).card.id == self.ids[OF_BANK]

    async def without_audit(self) -> None:
        """No answer goes out that is not on record."""
        with failing(self.database, "audit_entry"):
            request = registry_pb2.GetPersonRequest(social_security_number=OF_BANK.number)
            await self.counter.refusing(self.counter.supervisor.GetPerson(request), "AUDIT")


def _raises(error: Exception) -> Any:
    def raising(*_: object, **__: object) -> None:
        raise error

    return raising
