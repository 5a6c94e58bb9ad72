"""A service on a free loopback port over in-process readers, its clients, and what it logs."""

import asyncio
import io
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from apdu.transport.inprocess import InProcessReaders
from cardlib.custody import KeyCustodian
from services import logs
from services.config import Config, LogLevel, Mode
from services.custody.development import DevelopmentCustodian
from services.server import Server, build_server
from simulator.card import SoftwareCard
from simulator.people import ready_card
from sscard.v1 import card_pb2_grpc, keys_pb2_grpc, reader_pb2_grpc


@pytest.fixture(autouse=True)
def log() -> Iterator[io.StringIO]:
    """Everything the services log, as JSON lines, at the most talkative level."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(LogLevel.TRAFFIC, json=True, stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


class Hanging:
    """A card that answers so many commands and then no more, until :meth:`free`."""

    def __init__(self, chip: SoftwareCard, answers: int = 0) -> None:
        self._chip = chip
        self._answers = answers
        self._freed = threading.Event()
        self.hangs = threading.Event()
        self.commands: list[bytes] = []
        self.resets = 0

    def power_on(self) -> bytes:
        self.resets += 1
        return self._chip.power_on()

    def reset(self) -> bytes:
        self.resets += 1
        return self._chip.reset()

    def power_off(self) -> None:
        self._chip.power_off()

    def process(self, command: bytes) -> bytes:
        self.commands.append(command)
        if len(self.commands) > self._answers and not self._freed.is_set():
            self.hangs.set()
            assert self._freed.wait(60), "a test forgot to free its card"
        return self._chip.process(command)

    def free(self) -> None:
        self._freed.set()


@pytest.fixture
def hanging() -> Iterator[Callable[..., Hanging]]:
    """Makes cards that hang, and frees them in the end."""
    made: list[Hanging] = []

    def make(name: str = "2.0", *, answers: int = 0) -> Hanging:
        made.append(Hanging(ready_card(name), answers))
        return made[-1]

    yield make
    for chip in made:
        chip.free()


@dataclass
class Service:
    readers: InProcessReaders
    server: Server
    channel: grpc.aio.Channel
    cards: Any
    reader: Any


@pytest.fixture
async def service_over(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Service]]]:
    """Starts a service over readers and stops it in the end; keyword arguments go into its configuration."""
    async with AsyncExitStack() as stack:

        async def start(readers: Any, custodian: Any = None, **settings: Any) -> Service:
            usual = {
                "mode": Mode.DEVELOPMENT,
                "listen": "127.0.0.1:0",
                "log_level": LogLevel.TRAFFIC,
                "grace": 0.2,
                "database": str(tmp_path / "service.db"),
                "audit": False,
                # The ready-made cards have 123456, and the registry does not know them.
                "initial_pins": ("888888",),
            }
            config = Config(**usual | settings)
            server = build_server(config, readers, custodian or DevelopmentCustodian(development_mode=True))
            await server.start()
            stack.push_async_callback(server.stop)
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{server.port}"))
            return Service(
                readers,
                server,
                channel,
                card_pb2_grpc.CardServiceStub(channel),
                reader_pb2_grpc.ReaderServiceStub(channel),
            )

        yield start


@pytest.fixture
async def service(service_over: Callable[..., Awaitable[Service]]) -> Service:
    """A service with a 2.0 card in reader "two", a 3.0 card in "three" and no card in "none"."""
    readers = InProcessReaders(["two", "three", "none"])
    readers.insert("two", ready_card("2.0"), t0=True)
    readers.insert("three", ready_card("3.0"), t0=True)
    return await service_over(readers)


@pytest.fixture
def serving(service_over: Callable[..., Awaitable[Service]]) -> Callable[..., Awaitable[Any]]:
    """Starts a service that answers key requests and returns its stub; keyword arguments are settings."""

    async def start(custodian: KeyCustodian | None = None, **settings: Any) -> Any:
        service = await service_over(InProcessReaders([]), custodian, **{"serve_keys": True} | settings)
        return keys_pb2_grpc.KeyServiceStub(service.channel)

    return start


@pytest.fixture
def refusal() -> Callable[[Awaitable[Any]], Awaitable[tuple[grpc.StatusCode, ErrorInfo]]]:
    """Awaits a call that must fail and returns its code and ErrorInfo."""

    async def caught(call: Awaitable[Any]) -> tuple[grpc.StatusCode, ErrorInfo]:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            async with asyncio.timeout(20):
                await call
        status = rpc_status.from_call(raised.value)
        info = ErrorInfo()
        assert status is not None
        assert status.details[0].Unpack(info)
        return raised.value.code(), info

    return caught
