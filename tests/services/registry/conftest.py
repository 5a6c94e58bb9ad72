"""A registry on SQLite, and the service over it; killed and started again as often as a test wants."""

import hmac
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from services.callers.caller import Caller, Role, current_caller, set_caller
from services.custody.data_keys import AesWrapper
from services.readers import ReaderHub
from services.registry.journalled import Books
from services.registry.service import RegistryService
from services.store.engine import open_engine
from services.store.personal import open_personal
from simulator.people import READY, ready_card
from sscard.v1 import registry_pb2
from tests.services.registry.people import LI, MEDICAL, Desk

IDENTIFIER = READY["2.0"].description.with_serial(READY["2.0"].serial).contents["issuer"]["card_identifier"].digits


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of SQLite with the newest tables, to be copied."""
    path: Path = tmp_path_factory.mktemp("registry") / "sscard.db"
    open_engine(str(path)).dispose()
    return path


@pytest.fixture
def engine(migrated_file: Path, tmp_path: Path) -> Iterator[sa.Engine]:
    shutil.copy(migrated_file, tmp_path / "sscard.db")
    opened = open_engine(str(tmp_path / "sscard.db"))
    yield opened
    opened.dispose()


@pytest.fixture
def desk(engine: sa.Engine) -> Desk:
    return Desk(engine, open_personal(engine, AesWrapper(Secret(bytes(32)), "test")))


class NoDeadline:
    """Stands in for gRPC's context of a call without a deadline of its own."""

    def time_remaining(self) -> None:
        return None


class Centre:
    """The service, called as tellers call it; ``registry`` and ``operations`` may be exchanged."""

    def __init__(self, desk: Desk, hub: ReaderHub, readers: InProcessReaders) -> None:
        self.desk, self.hub, self.readers = desk, hub, readers
        self.registry: Any = desk.registry
        self.operations: Any = desk.operations

    async def call(self, method: str, **fields: Any) -> Any:
        """One call of a service that was just started."""
        books = Books(self.registry, self.operations, _digest, "desk 1")
        service = RegistryService(self.hub, lambda: books, call_deadline=20.0, now=lambda: self.desk.now)
        request = getattr(registry_pb2, f"{method}Request")(**fields)
        return await getattr(service, method)(request, NoDeadline())

    async def registered(self) -> registry_pb2.RegisteredCard:
        """A person with an original medical card, and the card that is in the reader "left"."""
        number = LI.social_security_number
        person = registry_pb2.Person(**{name: getattr(LI, name) for name in type(LI).__dataclass_fields__})
        await self.call("RegisterPerson", request_id="person", person=person)
        await self.call("RegisterMedicalCard", request_id="medical", social_security_number=number, number=MEDICAL)
        card = {"card_identifier": IDENTIFIER, "card_number": "T00000001", "social_security_number": number}
        return (await self.call("RegisterCard", request_id="card", **card)).card


@pytest.fixture
async def centre(desk: Desk) -> AsyncIterator[Centre]:
    """With a 2.0 card in reader "left"; "right" is empty."""
    readers = InProcessReaders(["left", "right"])
    readers.insert("left", ready_card("2.0"), t0=True)
    hub = ReaderHub(readers)
    await hub.start()
    with calling(Caller("Zhao", "bank-1", Role.TELLER, "window 2")):
        yield Centre(desk, hub, readers)
    await hub.close(patience=5.0)


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Calls are made by this caller."""
    before = current_caller()
    set_caller(caller)
    try:
        yield
    finally:
        set_caller(before)


def _digest(told: bytes) -> bytes:
    return hmac.digest(b"key of the tests", told, sha256)
