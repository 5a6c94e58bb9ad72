"""A counter: readers with software cards, registry and journal on SQLite, and the service, as often as it starts."""

import asyncio
import hmac
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import sqlalchemy as sa

from apdu.secret import Secret
from apdu.transport.inprocess import Chip, InProcessReaders
from cardlib import commands
from cardlib.custody import KeyCustodian
from cardlib.flows.pin import CardMark
from cardlib.flows.present_card import MemoryNumbers
from cardlib.flows.read_number import NumberLayout
from cardlib.profiles import LATEST
from services import logs
from services.activation.service import ActivationService
from services.callers.caller import Caller, Role, set_caller
from services.callers.recognition import everybody_is_local
from services.config import LogLevel
from services.custody.data_keys import AesWrapper
from services.custody.development import DevelopmentCustodian
from services.interceptors import CallInterceptor, Checks
from services.operations.journal import Operation, OperationRequest
from services.pin_guard import PinGuard
from services.reader_service import ReaderService
from services.readers import ReaderHub
from services.registry.errors import CardNotRegisteredError
from services.registry.journalled import Books
from services.registry.lifecycle import CardEvent, CardState
from services.registry.model import InstitutionKind, MedicalCard, Person, PersonData, RegisteredCard
from services.store.operations import SqlOperations
from services.store.personal import open_personal
from services.store.registry import SqlRegistry
from simulator.memory_card import MemoryCard
from simulator.people import READY, ready_card
from sscard.v1 import activation_pb2, activation_pb2_grpc, reader_pb2_grpc, registry_pb2

INITIAL, CHOSEN = "123456", "805173"
MEMORY = MemoryNumbers(NumberLayout(0x20, 18))
MEDICAL_NUMBER = "YB99000020077"
TELLER = Caller("Li Ming", "bank-7", Role.TELLER, "window 3")
HOSPITAL = Caller("his-1", "hospital-2", Role.HOSPITAL)
PHARMACY = Caller("pos-4", "pharmacy-9", Role.PHARMACY)
FIRST_SERIAL = 100
HOLDERS = {v: {name: READY[v].holder[name] for name in ("social_security_number", "name")} for v in READY}
HOLDER = HOLDERS["2.0"]


class Killed(BaseException):
    """The process is gone at this line."""


class Context:
    """A call without a deadline of its own; :meth:`leave` is what gRPC does when its caller goes away."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[Any], None]] = []

    def time_remaining(self) -> None:
        return None

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._callbacks.append(callback)

    def leave(self) -> None:
        for callback in self._callbacks:
            callback(self)


@dataclass
class Mortal:
    """Passes calls on to an object, and counts them; the process dies before or behind one of them."""

    inner: Any
    life: "Life"

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)

        def called(*arguments: Any, **named: Any) -> Any:
            self.life.before()
            result = method(*arguments, **named)
            self.life.behind()
            return result

        return called


@dataclass
class Life:
    """``ends``: the number of the call, 0 and up, at which it ends; ``late``: behind it rather than before."""

    ends: int | None = None
    late: bool = False
    calls: int = 0

    def before(self) -> None:
        if self.calls == self.ends and not self.late:
            raise Killed

    def behind(self) -> None:
        self.calls += 1
        if self.calls - 1 == self.ends and self.late:
            raise Killed


class Pulled(Chip):
    """A card that is pulled at one of its commands, before it has got it or before its answer is out."""

    def __init__(
        self, chip: Chip, pull: Callable[[], None] | None = None, at: int | None = None, *, late: bool = False
    ):
        self.chip = chip
        self.pull = pull
        self.at = at
        self.late = late
        self.commands: list[bytes] = []

    def power_on(self) -> bytes:
        return self.chip.power_on()

    def reset(self) -> bytes:
        return self.chip.reset()

    def power_off(self) -> None:
        self.chip.power_off()

    def process(self, command: bytes) -> bytes:
        now = len(self.commands) == self.at
        self.commands.append(command)
        if now and not self.late:
            assert self.pull is not None
            self.pull()
            return b"\x6f\x00"
        answer = self.chip.process(command)
        if now:
            assert self.pull is not None
            self.pull()
        return answer


class Readers(InProcessReaders):
    """They outlive the services that use them."""

    def close(self) -> None:
        pass


@dataclass
class Desk:
    """What outlives a service: the cards, the database, the clock."""

    engine: sa.Engine
    now: datetime = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
    readers: Readers = field(default_factory=lambda: Readers(["left", "right"]))
    custodian: KeyCustodian = field(default_factory=lambda: DevelopmentCustodian(development_mode=True))
    requests: Iterator[int] = field(default_factory=itertools.count)
    serials: Iterator[int] = field(default_factory=lambda: itertools.count(FIRST_SERIAL))
    """The same on every desk: a card's image is made once."""

    def __post_init__(self) -> None:
        clock = lambda: self.now  # noqa: E731
        self.operations = SqlOperations(self.engine, now=clock)
        wrapper = AesWrapper(Secret(bytes(range(32))), "of the tests")
        self.registry = SqlRegistry(self.engine, open_personal(self.engine, wrapper), now=clock)

    @property
    def place(self) -> Path:
        """The file of the database."""
        return Path(str(self.engine.url.database))

    @property
    def today(self) -> date:
        return self.now.date()

    def books(self, life: Life | None = None) -> Books:
        registry: Any = Mortal(self.registry, life) if life else self.registry
        operations: Any = Mortal(self.operations, life) if life else self.operations
        return Books(registry, operations, lambda data: hmac.digest(b"k" * 32, data, "sha256"), "machine 1")

    @asynccontextmanager
    async def service(self, life: Life | None = None, **changed: Any) -> AsyncIterator[ActivationService]:
        """The service in a process of its own: what it only remembers is new."""
        guard = PinGuard(self._state, (INITIAL,))
        hub = ReaderHub(self.readers, pin_guard=guard, card_wait=10, traffic=logs.traffic(LogLevel.TRAFFIC))
        await hub.start()
        options = {
            "books": lambda: self.books(life),
            "guard": guard,
            "initial_pin": INITIAL,
            "memory": MEMORY,
            "now": lambda: self.now,
            "call_deadline": 20.0,
        }
        try:
            yield ActivationService(hub, self.custodian, **options | changed)
        finally:
            await hub.close()

    @asynccontextmanager
    async def served(self) -> AsyncIterator[int]:
        """The service, and that of the readers, on a port of the loopback interface."""
        server = grpc.aio.server(interceptors=(CallInterceptor(Checks(everybody_is_local)),))
        async with self.service() as service:
            activation_pb2_grpc.add_ActivationServiceServicer_to_server(service, server)
            reader_pb2_grpc.add_ReaderServiceServicer_to_server(ReaderService(service._hub), server)
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            try:
                yield port
            finally:
                await server.stop(None)

    def _state(self, mark: CardMark) -> CardState | None:
        try:
            return self.registry.card_by_identifier(mark.card_identifier).state
        except CardNotRegisteredError:
            return None

    def operation(self) -> Operation:
        name = f"setup-{next(self.requests)}"
        digest = sha256(name.encode()).digest()
        return self.operations.begin(
            OperationRequest(
                institution="office",
                request_id=name,
                kind="setup",
                subject="setup",
                digest=digest,
                station="",
                operator="",
            )
        )

    def institution(self, code: str, kind: InstitutionKind) -> None:
        self.registry.register_institution(code, "测试机构", kind, operation=self.operation(), result=b"")

    def person(self, **changed: str) -> Person:
        return self.registry.register_person(PersonData(**(HOLDER | changed)))

    def card(
        self,
        *,
        person: Person | None = None,
        delivered: bool = True,
        version: str = "2.0",
        received: date | None = None,
    ) -> "Issued":
        """A card of the holder, with the initial PIN, and its entry in the registry."""
        serial = next(self.serials)
        chip = ready_card(version, copy=serial)
        first = READY[version].description
        issuer = first.with_serial(first.serial + serial).contents["issuer"]
        entered = self.registry.register_card(
            (person or self.person(**HOLDERS[version])).id,
            issuer["card_identifier"].digits.upper(),
            issuer["card_number"],
            issued=self.now - timedelta(days=40),
        )
        if delivered:
            self.happens(
                entered, CardEvent.DELIVER, outlet="bank-7", received=received or self.today - timedelta(days=30)
            )
        return Issued(self, chip, entered.id)

    def happens(self, card: RegisteredCard, event: CardEvent, **more: Any) -> None:
        self.registry.change(card.id, event, reason="", operation=self.operation(), result=b"", **more)

    def medical_card(self, number: str = MEDICAL_NUMBER, person: Person | None = None) -> MedicalCard:
        return self.registry.register_medical_card(
            (person or self.person()).id, number, today=self.today, operation=self.operation(), result=b""
        )


@dataclass
class Issued:
    """A card and where it stands."""

    desk: Desk
    chip: Chip
    id: str

    @property
    def entry(self) -> RegisteredCard:
        return self.desk.registry.card(self.id)

    @property
    def state(self) -> CardState:
        return self.entry.state

    def has_pin(self, digits: str) -> bool:
        """Whether the card takes a PIN, asked with the card in hand."""
        self.chip.power_on()
        self.chip.process(commands.select_name(LATEST.name).to_bytes())
        answer = self.chip.process(commands.verify(Secret(bytes.fromhex(digits))).to_bytes())
        self.chip.power_off()
        return answer == b"\x90\x00"

    def tries(self) -> int:
        self.chip.power_on()
        self.chip.process(commands.select_name(LATEST.name).to_bytes())
        answer = self.chip.process(commands.verify_query().to_bytes())
        self.chip.power_off()
        return answer[1] & 0x0F


def memory_card(number: str = MEDICAL_NUMBER) -> MemoryCard:
    return MemoryCard(number, MEMORY.layout)


def document(version: str = "2.0", **changed: Any) -> registry_pb2.IdentityDocument:
    """The resident card of the holder of a ready-made card."""
    holder = HOLDERS[version]
    told = {"number": holder["social_security_number"], "name": holder["name"]}
    return registry_pb2.IdentityDocument(**({"kind": registry_pb2.DOCUMENT_KIND_RESIDENT_CARD} | told | changed))


def at_bank(**changed: Any) -> activation_pb2.ActivateAtBankRequest:
    told = {"reader": "left", "request_id": "bank-1", "document": document(), "new_pin": CHOSEN}
    return activation_pb2.ActivateAtBankRequest(**(told | changed))


def at_hospital(**changed: Any) -> activation_pb2.ActivateAtHospitalRequest:
    told = {"reader": "left", "request_id": "hospital-1", "registration": activation_pb2.REGISTRATION_OUTPATIENT}
    return activation_pb2.ActivateAtHospitalRequest(**(told | changed))


def at_pharmacy(**changed: Any) -> activation_pb2.ActivateAtPharmacyRequest:
    told = {"request_id": "pharmacy-1", "medical_card_reader": "left", "reader": "right", "swap_seconds": 20}
    return activation_pb2.ActivateAtPharmacyRequest(**(told | changed))


CALLS = {
    activation_pb2.ActivateAtBankRequest: ("ActivateAtBank", TELLER),
    activation_pb2.ActivateAtHospitalRequest: ("ActivateAtHospital", HOSPITAL),
    activation_pb2.ActivateAtPharmacyRequest: ("ActivateAtPharmacy", PHARMACY),
}


async def call(
    service: ActivationService,
    request: Any,
    *,
    caller: Caller | None = None,
    on_event: Callable[[Any], Awaitable[None]] | None = None,
) -> activation_pb2.ActivationOutcome:
    """What came of a call, after everything else that its stream told."""
    method, usual = CALLS[type(request)]
    set_caller(caller or usual)
    async with asyncio.timeout(30):
        async for event in getattr(service, method)(request, Context()):
            if event.HasField("outcome"):
                return event.outcome
            if on_event is not None:
                await on_event(event)
    raise AssertionError("the stream ended without an outcome")
