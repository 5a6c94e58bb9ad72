"""A whole service in this process, its callers with certificates, and every method of the counter called."""

import io
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from apdu.readers import Readers
from apdu.transport.inprocess import Chip, InProcessReaders
from cardlib.custody import KeyCustodian
from services import interceptors, logs
from services.callers.caller import Caller, Role
from services.config import Config, LogLevel, Mode
from services.server import Server, build_server
from sscard.v1 import registry_pb2
from sscard.v1.activation_pb2_grpc import ActivationServiceStub
from sscard.v1.card_pb2_grpc import CardServiceStub
from sscard.v1.issuance_pb2_grpc import IssuanceServiceStub
from sscard.v1.pin_pb2_grpc import PinServiceStub
from sscard.v1.reader_pb2_grpc import ReaderServiceStub
from sscard.v1.registry_pb2_grpc import RegistryServiceStub
from tests.counter.holders import INITIAL
from tests.services.callers.world import authority, caller_pair, shown, tls_settings

AUTHORITY = authority()
STUBS = (
    ActivationServiceStub,
    CardServiceStub,
    IssuanceServiceStub,
    PinServiceStub,
    ReaderServiceStub,
    RegistryServiceStub,
)
CALLERS = {
    Role.ADMINISTRATOR: Caller("administrator 1", "990000-CENTRE", Role.ADMINISTRATOR, "centre"),
    Role.ISSUER: Caller("station 3", "990000-BUREAU", Role.ISSUER, "bureau"),
    Role.SUPERVISOR: Caller("supervisor 1", "990000-CENTRE", Role.SUPERVISOR, "centre"),
    Role.TELLER: Caller("teller 7", "990000-BANK-1", Role.TELLER, "window 2"),
    Role.HOSPITAL: Caller("registration", "990000-HOSPITAL-1", Role.HOSPITAL, "desk 4"),
    Role.PHARMACY: Caller("till", "990000-PHARMACY-1", Role.PHARMACY, "till 1"),
}
KINDS = {
    Role.ADMINISTRATOR: registry_pb2.INSTITUTION_KIND_OFFICE,
    Role.ISSUER: registry_pb2.INSTITUTION_KIND_ISSUER,
    Role.SUPERVISOR: registry_pb2.INSTITUTION_KIND_OFFICE,
    Role.TELLER: registry_pb2.INSTITUTION_KIND_BANK,
    Role.HOSPITAL: registry_pb2.INSTITUTION_KIND_HOSPITAL,
    Role.PHARMACY: registry_pb2.INSTITUTION_KIND_PHARMACY,
}
"""Of the callers' institutions."""
LONG = 60.0
"""Seconds that no call here needs."""


@dataclass(frozen=True)
class Refused:
    """What a caller is told that was refused: ErrorInfo's reason, and all that came over the wire, as a text."""

    reason: str
    told: str


def refusal_of(error: grpc.RpcError) -> Refused:
    """What a failed call told its caller."""
    call: Any = error
    status, info = rpc_status.from_call(call), ErrorInfo()
    reason = info.reason if status is not None and status.details and status.details[0].Unpack(info) else ""
    return Refused(reason, f"{call.details()}\n{call.trailing_metadata()!r}\n{call.initial_metadata()!r}\n{status}")


@dataclass
class Counter:
    """The service as its callers have it: ``counter.teller.VerifyPin(request)``."""

    server: Server
    readers: Any
    channels: dict[Role, grpc.aio.Channel]
    refused: list[Refused] = field(default_factory=list)
    """All that anybody was refused."""

    def __getattr__(self, role: str) -> "_As":
        return _As(self, self.channels[Role(role)])

    async def refusing(self, call: Awaitable[Any], reason: str) -> None:
        """A call that has to be refused, for this reason."""
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
        refused = refusal_of(raised.value)
        self.refused.append(refused)
        assert refused.reason == reason, refused.told


async def enter_institutions(desk: Counter) -> None:
    """Those of all callers in the registry, each of its kind."""
    for role, caller in CALLERS.items():
        request = registry_pb2.RegisterInstitutionRequest(
            request_id=f"institution-{role}", code=caller.institution, name="示例机构", kind=KINDS[role]
        )
        await desk.administrator.RegisterInstitution(request)


@dataclass(frozen=True)
class _As:
    counter: Counter
    channel: grpc.aio.Channel

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        """Calls a method; of a stream the last message is what comes of it. ``on_event``: awaited with the others."""
        stub = next(made for made in (one(self.channel) for one in STUBS) if hasattr(made, method))

        async def called(
            request: Any, *, on_event: Callable[[Any], Awaitable[None]] | None = None, seconds: float = LONG
        ) -> Any:
            call = getattr(stub, method)(request, timeout=seconds)
            if not hasattr(call, "__aiter__"):
                return await call
            last = None
            async for event in call:
                if last is not None and on_event is not None:
                    await on_event(last)
                last = event
                if on_event is not None and not event.HasField("outcome"):
                    await on_event(event)
                    last = None
            return last

        return called


@asynccontextmanager
async def counter(folder: Path, readers: Readers, custodian: KeyCustodian, **settings: Any) -> AsyncIterator[Counter]:
    """A service of these settings with certificates, in development unless they say otherwise."""
    usual = {
        "mode": Mode.DEVELOPMENT,
        "listen": "127.0.0.1:0",
        "log_level": LogLevel.TRAFFIC,
        "grace": 0.2,
        "initial_pins": (INITIAL,),
        "audit_checkpoint_every": 5,
        "pad_pin_digits": 12,
        "station": "machine 1",
    }
    config = Config(**(usual | tls_settings(folder, AUTHORITY) | settings))
    server = build_server(config, readers, custodian)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        await server.start()
        channels = {
            role: await stack.enter_async_context(
                grpc.aio.secure_channel(f"127.0.0.1:{server.port}", shown(caller_pair(AUTHORITY, caller), AUTHORITY))
            )
            for role, caller in CALLERS.items()
        }
        yield Counter(server, readers, channels)


class Pulled(Chip):
    """A card that can be pulled at one of its next commands, before it has got it or before its answer is out."""

    def __init__(self, chip: Chip, readers: InProcessReaders, reader: str) -> None:
        self._chip = chip
        self._pull = lambda: readers.remove(reader)
        self._left = -1
        self._late = False

    def pull_at(self, command: int, *, late: bool = False) -> None:
        """``command``: 0 for the next one."""
        self._left, self._late = command, late

    def power_on(self) -> bytes:
        return self._chip.power_on()

    def reset(self) -> bytes:
        return self._chip.reset()

    def power_off(self) -> None:
        self._chip.power_off()

    def process(self, command: bytes) -> bytes:
        now, self._left = self._left == 0, self._left - (self._left >= 0)
        answer = b"\x6f\x00" if now and not self._late else self._chip.process(command)
        if now:
            self._pull()
        return answer


@contextmanager
def everything_said(level: LogLevel = LogLevel.TRAFFIC) -> Iterator["Said"]:
    """What is logged meanwhile, by us and by libraries, and every exception that a call ended with."""
    root, ours = logging.getLogger(), logging.getLogger("services")
    before = root.handlers[:], root.level, ours.level
    said = Said()
    logs.configure(level, json=True, stream=said.log)
    known = interceptors.failure_of

    def noted(error: BaseException) -> Any:
        said.exceptions.append(error)
        return known(error)  # type: ignore[arg-type]

    interceptors.failure_of = noted
    try:
        yield said
    finally:
        interceptors.failure_of = known
        structlog.reset_defaults()
        root.handlers[:], level_before, ours_before = before
        root.setLevel(level_before)
        ours.setLevel(ours_before)


@dataclass
class Said:
    """What was said."""

    log: io.StringIO = field(default_factory=io.StringIO)
    exceptions: list[BaseException] = field(default_factory=list)

    def texts(self, *, but: tuple[type[BaseException], ...] = ()) -> list[str]:
        """Log and exceptions with their causes; ``but``: kinds whose texts a test has made itself."""
        found = [self.log.getvalue()]
        for error in self.exceptions:
            if not isinstance(error, but):
                found += _told(error)
        return found


def _told(error: BaseException, seen: int = 0) -> list[str]:
    texts = ["".join(traceback.format_exception(error)), str(error), repr(error), repr(error.args), repr(vars(error))]
    for other in {id(one): one for one in (error.__cause__, error.__context__) if one is not None}.values():
        if seen < 10:  # deep enough for any chain of ours
            texts += _told(other, seen + 1)
    return texts
