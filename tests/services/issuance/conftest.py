"""A service that makes cards, over readers of this process; its state outlives it, as over a restart."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

from apdu.transport.inprocess import InProcessReaders
from services.config import Config, LogLevel, Mode
from services.custody.development import DevelopmentCustodian
from services.issuance.opening import Flows
from services.server import build_server
from sscard.v1 import issuance_pb2_grpc
from tests.services.issuance.desk import TEMPLATE, Chip, Desk, FakeFlows


@pytest.fixture
def chip() -> Chip:
    return Chip()


@pytest.fixture
def stall() -> Any:
    """Makes a chip wait at a step until it is freed; freed in the end."""
    events: list[threading.Event] = []

    def make(chip: Chip, step: int) -> tuple[threading.Event, threading.Event]:
        reached, freed = threading.Event(), threading.Event()
        events.append(freed)

        def at(now: int) -> None:
            if now == step and not freed.is_set():
                reached.set()
                assert freed.wait(30), "a test forgot to free its chip"

        chip.at = at
        return reached, freed

    yield make
    for event in events:
        event.set()


@pytest.fixture
async def desk_over(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Desk]]]:
    """Starts a service over readers, as often as it is called: with the same state, as after a restart.

    ``flows``: those that make cards, None: the small one. Keyword arguments go into its configuration.
    """
    (tmp_path / "plain.toml").write_text(TEMPLATE, encoding="utf-8")
    async with AsyncExitStack() as stack:

        async def start(readers: InProcessReaders, flows: Flows | None = None, **settings: Any) -> Desk:
            config = Config(
                **{
                    "mode": Mode.DEVELOPMENT,
                    "listen": "127.0.0.1:0",
                    "log_level": LogLevel.TRAFFIC,
                    "grace": 0.2,
                    "card_wait": 1,
                    "station": "desk 1",
                    "database": str(tmp_path / "state" / "sscard.db"),
                    "templates": (tmp_path / "plain.toml",),
                }
                | settings
            )
            fake = FakeFlows()
            server = build_server(
                config,
                readers,
                DevelopmentCustodian(development_mode=True),
                flows=flows or Flows(fake.issue, fake.verify),
            )
            await server.start()
            stack.push_async_callback(server.stop)
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{server.port}"))
            stub = issuance_pb2_grpc.IssuanceServiceStub(channel)
            return Desk(server, channel, stub, readers, fake, tmp_path / "state")

        yield start


@pytest.fixture
async def desk(desk_over: Callable[..., Awaitable[Desk]], chip: Chip) -> Desk:
    """With the chip in reader "left", another one in "right"."""
    readers = InProcessReaders(["left", "right", "none"])
    readers.insert("left", chip, t0=True)
    readers.insert("right", Chip(2), t0=True)
    return await desk_over(readers)
