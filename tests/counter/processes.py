"""A service in a process that is killed, virtual readers that outlive it, and callers with certificates."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from services.callers.caller import Role
from simulator.pcscd import VirtualReaders
from sscard.v1.reader_pb2 import ListReadersRequest, SlotState
from sscard.v1.reader_pb2_grpc import ReaderServiceStub
from tests.counter.holders import INITIAL
from tests.counter.world import AUTHORITY, CALLERS, LONG, STUBS
from tests.services.callers.world import caller_pair, shown, tls_settings

ROOT = Path(__file__).parents[2]


def eventually(check: Callable[[], Any], *, seconds: float = LONG) -> Any:
    """What is true in the end."""
    end = time.monotonic() + seconds
    while not (result := check()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return result


@dataclass
class Service:
    """A service that runs, and the channels of its callers."""

    process: int
    log: Path
    channels: dict[Role, grpc.Channel]

    def call(self, role: Role, request: Any, *, timeout: float = LONG) -> Any:
        """The answer to a request, or the last message of a stream."""
        return self.begin(role, request, timeout=timeout)()

    def begin(self, role: Role, request: Any, *, timeout: float = LONG) -> Callable[[], Any]:
        """Calls the method that takes this request; gives what waits for what comes of it."""
        method = type(request).__name__.removesuffix("Request")
        stub = next(made for made in (one(self.channels[role]) for one in STUBS) if hasattr(made, method))
        called = getattr(stub, method)
        if isinstance(called, grpc.UnaryUnaryMultiCallable):
            future = called.future(request, timeout=timeout)
            return lambda: future.result()  # noqa: PLW0108  what it raises is raised here
        stream = called(request, timeout=timeout)
        return lambda: [*stream][-1]

    def kill(self) -> None:
        """Like a power cut, for this process."""
        os.kill(self.process, signal.SIGKILL)


@dataclass
class Machine:
    """What outlives a service: readers with cards in them, the database, certificates."""

    folder: Path
    slots: VirtualReaders
    starter: "subprocess.Popen[str]"
    points: Path
    credentials: dict[Role, grpc.ChannelCredentials]
    log: int = 0
    services: list[Service] = field(default_factory=list)

    @contextmanager
    def service(self) -> Iterator[Service]:
        """A new one, that has noticed all cards."""
        self.log += 1
        log = self.folder / f"{self.log}.log"
        assert self.starter.stdin is not None
        assert self.starter.stdout is not None
        self.starter.stdin.write(f"{log}\n")
        self.starter.stdin.flush()
        process = int(self.starter.stdout.readline())
        try:
            found = eventually(lambda: log.exists() and re.search(r"serving.*port=(\d+)", log.read_text()))
            with ExitStack() as opened:
                channels = {
                    role: opened.enter_context(grpc.secure_channel(f"127.0.0.1:{found[1]}", credentials))
                    for role, credentials in self.credentials.items()
                }
                service = Service(process, log, channels)
                self.wait_noticed(service)
                yield service
        finally:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def wait_noticed(self, service: Service) -> None:
        """Until the service sees every card."""
        readers = ReaderServiceStub(service.channels[Role.TELLER])

        def seen() -> bool:
            listed = readers.ListReaders(ListReadersRequest(), timeout=LONG).readers
            present = {one.name for one in listed if one.slot == SlotState.SLOT_STATE_CARD}
            return present == {
                self.slots.readers[slot] for slot in range(len(self.slots.readers)) if self.slots.holds(slot)
            }

        eventually(seen)


@contextmanager
def machine(folder: Path, slots: VirtualReaders, **settings: str) -> Iterator[Machine]:
    """For services of these settings, in development."""
    points = folder / "points"
    points.mkdir()
    made = {name: str(value) for name, value in tls_settings(folder, AUTHORITY).items()}
    usual = {"mode": "development", "listen": "127.0.0.1:0", "initial_pins": INITIAL, "card_wait": "20"}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SSCARD_")},
        **{f"SSCARD_{name.upper()}": value for name, value in (usual | made | settings).items()},
        "POINTS": str(points),
        "PCSCLITE_CSOCK_NAME": str(slots.socket_path),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}",
    }
    credentials = {role: shown(caller_pair(AUTHORITY, caller), AUTHORITY) for role, caller in CALLERS.items()}
    with subprocess.Popen(
        [sys.executable, str(ROOT / "tests/counter/mortal.py")],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    ) as starter:
        try:
            yield Machine(folder, slots, starter, points, credentials)
        finally:
            assert starter.stdin is not None
            starter.stdin.close()
            starter.wait(LONG)
