"""A service in a process of its own, as it runs at a counter but without certificates, and what is in its readers."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc

from sscard.v1.reader_pb2 import ListReadersRequest, SlotState
from sscard.v1.reader_pb2_grpc import ReaderServiceStub

PATIENCE = 30.0


@contextlib.contextmanager
def service(database: Path, **settings: str) -> Iterator[str]:
    """Its address. The registry, the journals and, unless a setting says otherwise, the audit are in ``database``."""
    told = {"LISTEN": "127.0.0.1:0", "MODE": "development", "DATABASE": str(database), "LOG_LEVEL": "info"} | settings
    environment = os.environ | {f"SSCARD_{name}": value for name, value in told.items()}
    log = database.with_suffix(".log")
    with log.open("w") as written:
        server = subprocess.Popen([sys.executable, "-m", "services.cli", "serve"], env=environment, stderr=written)
    try:
        yield f"127.0.0.1:{_port(server, log)}"
    finally:
        server.terminate()
        server.wait(timeout=PATIENCE)


def wait_for(channel: grpc.Channel, readers: Sequence[str], slot: "SlotState.ValueType") -> None:
    """Return when the service sees this in all of these readers."""
    stub = ReaderServiceStub(channel)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        listed = stub.ListReaders(ListReadersRequest(), timeout=PATIENCE).readers
        if {reader.name for reader in listed if reader.slot == slot} >= {*readers}:
            return
        time.sleep(0.1)
    raise SystemExit("the service does not see the cards")


def _port(server: "subprocess.Popen[bytes]", log: Path) -> int:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        if found := re.search(r"serving.*port=(\d+)", log.read_text()):
            return int(found[1])
        time.sleep(0.05)
    raise SystemExit(f"the service does not start:\n{log.read_text()}")
