"""PINs, keys, names and numbers of people are nowhere but on cards, in answers, and sealed in the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp

from apdu.transport.inprocess import InProcessReaders
from services.config import LogLevel, Mode
from services.counter import COUNTER_SERVICES
from services.server import SERVICES
from services.store.registry import SqlRegistry
from simulator.blanks import blank_chip
from simulator.card import SoftwareCard
from simulator.pinpad import ObligingHolder, SimulatedPad
from sscard.v1 import activation_pb2, card_pb2, issuance_pb2, lease_pb2, pin_pb2, reader_pb2, registry_pb2
from tests.counter.canaries import Canaries
from tests.counter.holders import (
    EVERYBODY,
    INITIAL,
    OF_BANK,
    OF_CHIP,
    OF_HOSPITAL,
    OF_PHARMACY,
    Card,
    Custodian,
    Holder,
    card_of,
)
from tests.counter.world import CALLERS, Counter, Pulled, Said, counter, everything_said

WRONG = "604182635840", "614293746852"
"""PINs that are never right."""
STRANGER = "990000197707070070"
"""Social security number of somebody whom the registry does not know."""
LEFT, RIGHT, PAD = "left", "right", "pad"
OUTCOMES = ("outcome", "issued", "result")
NEW_ID = iter(f"request-{number}" for number in range(10_000))


class PlantedError(Exception):
    """Of a text that a test has made, with everything in it that must not be seen."""


def canaries(custodian: Custodian, *cards: Card, folder: Path | None = None) -> Canaries:
    """All that is secret or somebody's here."""
    texts = {"initial PIN": INITIAL, "stranger": STRANGER}
    texts |= {f"wrong PIN {number}": pin for number, pin in enumerate(WRONG)}
    for number, holder in enumerate(EVERYBODY):
        of = f" of holder {number}"
        texts |= {f"name{of}": holder.name, f"number{of}": holder.number, f"phone{of}": holder.phone}
        texts |= {f"document{of}": holder.document, f"medical card{of}": holder.medical_card}
        texts |= {f"PIN {which}{of}": pin for which, pin in enumerate(holder.pins)}
    for card in cards:
        texts[f"identifier {card.marks.identifier}"] = card.marks.identifier
        texts[f"card number {card.marks.number}"] = card.marks.number
    keys = dict(custodian.touched)
    if folder is not None:
        keys |= {path.name: path.read_bytes() for path in folder.glob("sscard.*-key") if path.stat().st_size <= 64}
    return Canaries(texts, keys)


def kept_in(folder: Path) -> list[bytes]:
    """The bytes of every file that a service has written, but keys."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    written = [path for path in files if path.name.startswith("sscard.") and not path.name.endswith("-key")]
    assert {"sscard.db", "sscard.audit-checkpoints"} <= {path.name for path in written}
    return [path.read_bytes() for path in written]


@contextmanager
def failing(database: str, table: str, event: str = "INSERT") -> Iterator[None]:
    """The database refuses to change this table meanwhile."""
    engine = sa.create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TRIGGER broken BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
        )
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER broken")
        engine.dispose()


class Story:
    """Everything that callers do at the counter, right and wrong."""

    def __init__(self, counter: Counter, readers: InProcessReaders, database: str) -> None:
        self.counter = counter
        self.readers = readers
        self.database = database
        self.cards: list[Card] = []
        self.registered: dict[str, registry_pb2.RegisteredCard] = {}

    def insert(self, reader: str, card: Card) -> Pulled:
        if card not in self.cards:
            self.cards.append(card)
        chip = Pulled(card.chip, self.readers, reader)
        self.remove(reader)
        self.readers.insert(reader, chip, t0=True)
        return chip

    def remove(self, reader: str) -> None:
        self.readers.remove(reader)

    async def institutions(self) -> None:
        kinds = registry_pb2.InstitutionKind
        for caller in CALLERS.values():
            kind = {"BANK": kinds.INSTITUTION_KIND_BANK, "HOSP": kinds.INSTITUTION_KIND_HOSPITAL}.get(
                caller.institution[7:11], kinds.INSTITUTION_KIND_OFFICE
            )
            request = registry_pb2.RegisterInstitutionRequest(
                request_id=next(NEW_ID), code=caller.institution, name="示例机构", kind=kind
            )
            await self.counter.administrator.RegisterInstitution(request)

    async def register(self, holder: Holder, card: Card | None = None) -> registry_pb2.RegisteredCard | None:
        person = registry_pb2.Person(
            social_security_number=holder.number,
            name=holder.name,
            phone=holder.phone,
            birth_date="1981-02-03",
            sex="1",
            document_number=holder.document,
        )
        request = registry_pb2.RegisterPersonRequest(request_id=next(NEW_ID), person=person)
        with failing(self.database, "person"):
            if card is not None and holder is OF_BANK:
                await self.counter.refusing(self.counter.supervisor.RegisterPerson(request), "JOURNAL_UNAVAILABLE")
        await self.counter.supervisor.RegisterPerson(request)
        medical = registry_pb2.RegisterMedicalCardRequest(
            request_id=next(NEW_ID), social_security_number=holder.number, number=holder.medical_card
        )
        await self.counter.supervisor.RegisterMedicalCard(medical)
        if card is None:
            return None
        entered = await self.counter.supervisor.RegisterCard(
            registry_pb2.RegisterCardRequest(
                request_id=next(NEW_ID),
                card_identifier=card.marks.identifier,
                card_number=card.marks.number,
                social_security_number=holder.number,
            )
        )
        return entered.card

    async def issue(self) -> None:
        """A card made of a blank chip; its chip pulled half-way."""
        chip = Pulled(SoftwareCard(blank_chip("t514", 7)), self.readers, LEFT)
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
        request = issuance_pb2.PersonaliseCardRequest(
            reader=LEFT, request_id=next(NEW_ID), order=order, operator="station 3"
        )
        issuer = self.counter.issuer
        wrong = issuance_pb2.PersonaliseCardRequest(reader=LEFT, request_id=next(NEW_ID), order=order)
        wrong.order.person["sex"] = OF_CHIP.number
        wrong.order.person["birth_date"] = OF_CHIP.name
        await self.counter.refusing(issuer.PersonaliseCard(wrong), "ORDER_FAULTS")
        for at in (40, 400):
            self.readers.insert(LEFT, chip, t0=True)
            chip.pull_at(at)
            await self.counter.refusing(issuer.PersonaliseCard(request), "CARD_REMOVED")
        self.readers.insert(LEFT, chip, t0=True)
        issued = (await issuer.PersonaliseCard(request)).issued
        verified = await issuer.VerifyCard(issuance_pb2.VerifyCardRequest(reader=LEFT, order=order))
        assert verified.IsInitialized()
        other = issuance_pb2.VerifyCardRequest(reader=LEFT, order=order)
        other.order.person["name"] = OF_BANK.name
        other.order.person["social_security_number"] = OF_BANK.number
        await self.counter.refusing(issuer.VerifyCard(other), "CARD_OF_ANOTHER_RECORD")
        face = issuance_pb2.RenderCardFaceRequest(order=order, format=issuance_pb2.FACE_FORMAT_PNG)
        with_photo = await issuer.GetCertificate(issuance_pb2.GetCertificateRequest(number=issued.certificate.number))
        assert with_photo.certificate.number == issued.certificate.number
        try:
            await issuer.RenderCardFace(face)
        except grpc.aio.AioRpcError as error:
            self.counter.refused.append(_refused(error))
        self.remove(LEFT)
