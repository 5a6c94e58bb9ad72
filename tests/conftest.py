"""What tests of several packages share: a chip that answers, and a real pcscd with virtual readers."""

import atexit
import os
import tempfile
import threading
from collections.abc import Iterator

import pytest

from simulator.pcscd import VirtualReaders
from tests.postgres import postgresql

__all__ = ["postgresql"]

# Cards made in tests are not to stay in anybody's cache.
os.environ["SSCARD_CARD_CACHE"] = ""
# Nor is what services keep in anybody's directory for state.
_STATE = tempfile.TemporaryDirectory(prefix="sscard-tests-")
atexit.register(_STATE.cleanup)
os.environ["XDG_STATE_HOME"] = _STATE.name


class EchoChip:
    """Answers every command with its data field and 9000.

    An empty ``atr`` makes it mute. After ``hold()`` commands wait for ``release()``; ``busy`` is set once one came.
    ``calls`` are the names of what was done to it, except commands.
    """

    def __init__(self, atr: str = "3B6D000000813147318650430200000013") -> None:
        self.atr = bytes.fromhex(atr)
        self.calls: list[str] = []
        self.busy = threading.Event()
        self._free = threading.Event()
        self._free.set()

    def hold(self) -> None:
        self._free.clear()

    def release(self) -> None:
        self._free.set()

    def power_on(self) -> bytes:
        self.calls.append("power_on")
        return self.atr

    def reset(self) -> bytes:
        self.calls.append("reset")
        return self.atr

    def power_off(self) -> None:
        self.calls.append("power_off")

    def process(self, command: bytes) -> bytes:
        self.busy.set()
        self._free.wait(10)
        return command[5:] + b"\x90\x00"


@pytest.fixture(scope="session")
def echo_chip() -> type[EchoChip]:
    """The class of a chip that says back what it was told."""
    return EchoChip


@pytest.fixture
def no_pcscd(pcscd: VirtualReaders) -> Iterator[None]:
    """The session's pcscd is stopped meanwhile: where namespaces are not permitted, a machine has room for one."""
    pcscd.stop_daemon()
    yield
    pcscd.start_daemon()


@pytest.fixture(scope="session")
def pcscd() -> Iterator[VirtualReaders]:
    """A pcscd with four empty slots, for this process and those it starts.

    A test that uses it is marked ``pcsc`` and ``xdist_group("pcscd")``, leaves the slots empty and the daemon running.
    libpcsclite looks for its daemon once per process, so there is one daemon per session.
    """
    with VirtualReaders(4) as readers:
        os.environ["PCSCLITE_CSOCK_NAME"] = str(readers.socket_path)
        yield readers
        del os.environ["PCSCLITE_CSOCK_NAME"]
