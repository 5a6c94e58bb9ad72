"""A service that a command starts in its own process, where none runs that it could ask."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

import grpc

from apdu.readers import Readers
from cardlib.custody import KeyCustodian
from services.callers.caller import Caller
from services.callers.doors import Door, PrivateDoor
from services.cli.entering import asked_opener
from services.config import Config
from services.custody.opening import open_custodian
from services.opening import open_readers
from services.server import Server, build_server

PATIENCE = 20.0
"""Seconds that a service of our own may take to start or to stop."""


ChannelAs: TypeAlias = Callable[[Caller | None], grpc.Channel]
"""A channel to a service of our own, as this caller; as None it may do everything. Whoever has it closes it."""


@contextmanager
def service_of_our_own(config: Config, readers: Readers | None = None) -> Iterator[ChannelAs]:
    """An all-in-one service in this process for as long as the block lasts; nobody else on the machine gets in.

    ``readers``: what it has as its readers, and closes; None: those that the configuration names.
    """
    private = PrivateDoor()
    with _Background(config, private.door, readers) as port:
        yield lambda caller: grpc.secure_channel(f"127.0.0.1:{port}", private.credentials(caller))


class _Background:
    """A service with an event loop in a thread of its own, on a free port of the loopback interface."""

    def __init__(self, config: Config, door: Door, readers: Readers | None) -> None:
        self._door = door
        self._readers = readers
        self._config = config.model_copy(update={"listen": "127.0.0.1:0"})
        self._opened = ExitStack()
        self._server: Server | None = None

    def __enter__(self) -> int:
        with ExitStack() as opened:
            readers = open_readers(self._config) if self._readers is None else self._readers
            opened.callback(self._unless_served, readers.close)
            custodian = open_custodian(self._config, readers, opener=asked_opener(self._config))
            opened.callback(self._unless_served, custodian.close)
            loop = opened.enter_context(_running_loop())
            opened.callback(lambda: asyncio.run_coroutine_threadsafe(self._stop(), loop).result(PATIENCE))
            port = asyncio.run_coroutine_threadsafe(self._start(readers, custodian), loop).result(PATIENCE)
            self._opened = opened.pop_all()
        return port

    async def _start(self, readers: Readers, custodian: KeyCustodian) -> int:
        self._server = build_server(self._config, readers, custodian, door=self._door)
        await self._server.start()
        return self._server.port

    def _unless_served(self, close: Callable[[], None]) -> None:
        """Close what no server owns: a server closes it itself, and does not wait for ever."""
        if self._server is None:
            close()

    async def _stop(self) -> None:
        if self._server is not None:
            await self._server.stop()

    def __exit__(self, *_: object) -> None:
        self._opened.close()


@contextmanager
def _running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="service", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()
