"""A desk with a PIN pad, a card, and PinService: fixtures for tests of what is typed there."""

import asyncio
import hashlib
from typing import Any

import pytest

from apdu import pinpad
from apdu.transport.inprocess import InProcessReaders
from services import logs
from services.callers.caller import Caller, Role, set_caller
from services.config import LogLevel
from services.custody.development import DevelopmentCustodian
from services.pin_entry import PadDigits
from services.pin_guard import PinGuard, no_registry
from services.pin_pad_calls import PadPinService
from services.readers import ReaderHub
from services.store.engine import open_engine
from services.store.operations import SqlOperations
from simulator.pinpad import ScriptedHolder, SimulatedPad
from sscard.v1 import pin_pb2
from tests.services import pin_desk
from tests.services.pin_desk import INITIAL, RecordingCard

TELLER = Caller("teller-7", "bank-1", Role.TELLER, "window-3")
SIX = PadDigits.configured(6)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are asked for more often than real readers like."""
    monkeypatch.setattr(pinpad, "POLL", 0.001)


class Context(pin_desk.Context):
    """And that part by which the service learns that its caller is gone."""

    def add_done_callback(self, gone: Any) -> None:
        self.gone = gone


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    found = open_engine(str(tmp_path_factory.mktemp("pads") / "s.db"))
    yield found
    found.dispose()


class Hurried:
    """A clock that goes on by a second whenever somebody looks, so that nobody waits for it."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        self.time += 1
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def typing(*texts: str, **options: Any) -> SimulatedPad:
    """A pad at which somebody types these texts, one for each PIN that is asked for."""
    return SimulatedPad(ScriptedHolder(*texts), **options)


def direct(*texts: str, **options: Any) -> SimulatedPad:
    """The same at a pad that tells no keys."""
    return typing(*texts, stepwise=False, sleep=lambda _: None, **options)


class Desk:
    """One reader with a pad and a card, and the service."""

    def __init__(self, card: RecordingCard, pad: SimulatedPad | None, engine: Any, **options: Any) -> None:
        self.card, self.pad = card, pad
        self.readers = InProcessReaders()
        self.readers.add_reader("pad", pad=pad)
        self.readers.insert("pad", card)
        guard = PinGuard(no_registry, (INITIAL,))
        self.hub = ReaderHub(self.readers, pin_guard=guard, traffic=logs.traffic(LogLevel.TRAFFIC))
        self.journal = SqlOperations(engine)
        self.service = PadPinService(
            self.hub,
            DevelopmentCustodian(development_mode=True),
            call_deadline=20,
            operations=lambda: self.journal,
            guard=guard,
            card_digest=lambda data: hashlib.sha256(data).hexdigest(),
            **{"pad_digits": SIX} | options,
        )

    async def verify(self, **options: Any) -> list[Any]:
        request = pin_pb2.VerifyPinAtPadRequest(reader="pad", **options)
        async with asyncio.timeout(20):
            return [message async for message in self.service.VerifyPinAtPad(request, Context())]

    async def change(self, request_id: str, **options: Any) -> list[Any]:
        request = pin_pb2.ChangePinAtPadRequest(reader="pad", request_id=request_id, **options)
        async with asyncio.timeout(20):
            return [message async for message in self.service.ChangePinAtPad(request, Context())]

    async def status(self) -> Any:
        return await self.service.GetPinStatus(pin_pb2.GetPinStatusRequest(reader="pad"), Context())

    async def has_pad(self) -> bool:
        return (await self.status()).pin_pad

    async def tries(self) -> int:
        return (await self.status()).tries_left


@pytest.fixture
async def desk_with(engine):
    made = []
    set_caller(TELLER)

    async def make(card: RecordingCard, pad: SimulatedPad | None, **options: Any) -> Desk:
        desk = Desk(card, pad, engine, **options)
        made.append(desk)
        await desk.hub.start()
        return desk

    yield make
    for desk in made:
        await desk.hub.close()


@pytest.fixture
def request_id(request):
    return "p-" + str(abs(hash(request.node.name)))
