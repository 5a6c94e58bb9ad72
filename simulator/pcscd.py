"""A private pcscd with virtual readers, so that software cards are seen by every PC/SC program that is told of it.

Any program that uses libpcsclite finds this daemon when ``PCSCLITE_CSOCK_NAME`` is set to
:attr:`VirtualReaders.socket_path` before its first PC/SC call. Nothing else on the machine is touched: see
:mod:`simulator.daemon`. Needs Debian's packages pcscd and vsmartcard-vpcd, but no root where unprivileged user
namespaces are allowed.
"""

import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from apdu.errors import NoServiceError
from apdu.transport.inprocess import Chip
from simulator import daemon
from simulator.vpcd import VirtualCard

MAX_SLOTS: Final = 16
"""PC/SC-lite's limit."""

_FIRST_PORT: Final = 35_963  # vsmartcard's own
_DRIVER_PLACES: Final = tuple(
    Path(place, "libifdvpcd.so") for place in ("/usr/lib/pcsc/drivers/serial", "/usr/local/lib/pcsc/drivers/serial")
)
_PUBLISHED: Final = 0.05
"""Seconds from the moment pcscd has read an ATR until clients are told, and more."""

_ANSWER_SECONDS: Final = daemon.START_SECONDS + daemon.STOP_SECONDS

_MAX_PLACE: Final = 107 - len("/sscard-pcscd-12345678/pcscd.comm")  # the path of a Unix socket has 107 bytes at most

_log = logging.getLogger(__name__)


class VirtualReaders:
    """A pcscd of one's own with ``slots`` empty virtual readers (虚拟读卡器); a context manager.

    The driver has two slots per reader, so an odd number is rounded up. Slots are named ``NAME A 00 00``,
    ``NAME A 00 01``, ``NAME B 00 00`` and so on, in :attr:`readers`; cards are addressed by the index there. A card
    stays inserted when the daemon stops and starts again. Raises :class:`~apdu.errors.NoServiceError` when it cannot
    start, with what to do about it, and ValueError for more than 16 slots. Not thread-safe, unlike
    :class:`simulator.rack.Rack` over it.
    """

    readers: tuple[str, ...]
    """Names of the slots, as PC/SC lists them."""

    socket_path: Path
    """Where the daemon's clients find it."""

    private: bool
    """Whether the daemon has namespaces of its own; where those are not permitted it is the whole machine's."""

    def __init__(self, slots: int = 2, *, name: str = "Virtual Reader") -> None:
        if not 1 <= slots <= MAX_SLOTS:
            raise ValueError(f"pcscd has room for 1 to {MAX_SLOTS} slots, not {slots}")
        stanzas = (slots + 1) // 2
        self._program, driver = _installed()
        self._ports = tuple(_FIRST_PORT + slot for slot in range(2 * stanzas))
        letters = [chr(ord("A") + stanza) for stanza in range(stanzas)]
        self.readers = tuple(f"{name} {letter} 00 {slot:02X}" for letter in letters for slot in range(2))
        self._chips: dict[int, Chip] = {}
        self._cards: dict[int, VirtualCard] = {}
        self._running = False
        self._asking = threading.Lock()  # mute cards dial from threads of their own

        self._directory, self._requests, self._helper, self.private = self._host()
        self.socket_path = (self._directory if self.private else daemon.RUN) / "pcscd.comm"
        try:
            seen = daemon.RUN if self.private else self._directory
            for stanza, letter in enumerate(letters):
                # Slots of one library share its variables; several readers on one copy corrupt each other.
                shutil.copy(driver, self._directory / f"vpcd-{letter}.so")
                port = self._ports[2 * stanza]
                with (self._directory / "readers" / "virtual").open("a") as stanzas_file:
                    stanzas_file.write(
                        f'FRIENDLYNAME "{name} {letter}"\nDEVICENAME /dev/null:{port}\n'
                        f"LIBPATH {seen}/vpcd-{letter}.so\nCHANNELID {port}\n\n"
                    )
            self.start_daemon()
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise NoServiceError(f"cannot prepare a pcscd of our own: {error}") from error
            raise

    def insert(self, index: int, chip: Chip) -> None:
        """Insert a chip into ``readers[index]``; pcscd notices within half a second.

        Raises ValueError when a card is there already.
        """
        if index in self._chips:
            raise ValueError(f"there is a card in {self.readers[index]!r} already")
        self._cards[index] = self._plug(index, chip)
        self._chips[index] = chip

    def holds(self, index: int) -> bool:
        """Whether the card inserted into ``readers[index]`` is in there still: a fault may have pulled it out."""
        return index in self._chips and (not self._running or self._cards[index].inserted)

    def wait_noticed(self, seconds: float = 5.0) -> None:
        """Wait until every client sees the cards inserted so far; raises NoServiceError when pcscd does not."""
        deadline = time.monotonic() + seconds
        for index, card in tuple(self._cards.items()):
            if not card.wait_noticed(max(0.0, deadline - time.monotonic())):
                raise NoServiceError("pcscd does not notice the card", reader=self.readers[index])
        time.sleep(_PUBLISHED)

    def remove(self, index: int) -> None:
        """Pull the card out of ``readers[index]``; nothing happens when the slot is empty."""
        self._chips.pop(index, None)
        card = self._cards.pop(index, None)
        if card is not None:
            card.stop()

    def stop_daemon(self, *, kill: bool = False) -> None:
        """End pcscd, by SIGKILL if ``kill``: its clients see a service that is away."""
        self._running = False
        self._ask("kill" if kill else "stop")
        for card in self._cards.values():
            card.stop()

    def start_daemon(self) -> None:
        """Start pcscd after :meth:`stop_daemon`, with the same cards; returns when all readers are there."""
        self._ask("start")
        self._cards = {index: self._plug(index, chip) for index, chip in self._chips.items()}
        self._running = True

    def close(self) -> None:
        """Pull all cards out and end the daemon. Idempotent."""
        for index in tuple(self._cards):
            self.remove(index)
        self._requests.close()
        try:
            self._helper.wait(_ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            self._helper.kill()
            self._helper.wait()
        shutil.rmtree(self._directory, ignore_errors=True)  # should the helper have died before it could

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _host(self) -> tuple[Path, socket.socket, subprocess.Popen[bytes], bool]:
        """A directory, a process that will run pcscd in it, the socket to talk to that, and whether it is private."""
        if len(os.fsencode(tempfile.gettempdir())) > _MAX_PLACE:
            raise NoServiceError("the path of the temporary directory is too long for a socket in it: shorten TMPDIR")
        refusals: list[str] = []
        for private in (True, False):
            try:
                directory, ours, helper = self._helped(private=private)
            except OSError as error:
                raise NoServiceError(f"cannot start the process that runs pcscd: {error}") from error
            ours.settimeout(_ANSWER_SECONDS)
            try:
                refusal = ours.recv(4096).decode() or "the process that runs it died"
            except OSError as error:
                helper.kill()
                refusal = f"the process that runs it does not answer: {error}"
            if refusal == "ok":
                if not private:
                    _log.warning(
                        "no namespaces here (%s): pcscd runs machine-wide, its virtual readers listen on all addresses",
                        refusals[0],
                    )
                return directory, ours, helper, private
            refusals.append(refusal)
            ours.close()
            helper.wait(_ANSWER_SECONDS)
            shutil.rmtree(directory, ignore_errors=True)
        raise NoServiceError(
            f"cannot run a pcscd of our own. In namespaces: {refusals[0]}. Machine-wide: {refusals[1]}. "
            "Allow unprivileged user namespaces, or run as root with no other pcscd"
        )

    def _helped(self, *, private: bool) -> tuple[Path, socket.socket, subprocess.Popen[bytes]]:
        """Directory, socket and process of :meth:`_host`; raises OSError and leaves nothing behind then."""
        with ExitStack() as undone:
            directory = Path(tempfile.mkdtemp(prefix="sscard-pcscd-"))
            undone.callback(shutil.rmtree, directory, ignore_errors=True)
            (directory / "readers").mkdir()
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            undone.enter_context(ours)
            arguments = [self._program, str(directory), str(int(private)), ",".join(map(str, self._ports))]
            with theirs:
                helper = subprocess.Popen(  # noqa: S603  # our own interpreter and script
                    [sys.executable, "-I", daemon.__file__, *arguments], stdin=theirs.fileno(), start_new_session=True
                )
            undone.pop_all()
        return directory, ours, helper

    def _plug(self, index: int, chip: Chip) -> VirtualCard:
        return VirtualCard(chip, lambda: self._ask(f"dial {self._ports[index]}")[0])

    def _ask(self, request: str) -> list[socket.socket]:
        try:
            with self._asking:
                self._requests.send(request.encode())
                answer, descriptors, _, _ = socket.recv_fds(self._requests, 4096, 1)
        except OSError as error:
            raise NoServiceError(f"the process that runs pcscd does not answer: {error}") from error
        if answer != b"ok":
            raise NoServiceError(answer.decode() or "the process that runs pcscd is gone")
        return [socket.socket(fileno=descriptor) for descriptor in descriptors]


def _installed() -> tuple[str, Path]:
    """The paths of pcscd and of vpcd's driver; raises NoServiceError with the packages to install."""
    program = shutil.which("pcscd") or shutil.which("pcscd", path="/usr/sbin:/usr/local/sbin:/sbin")
    if program is None:
        raise NoServiceError("pcscd is not installed; on Debian: apt-get install pcscd vsmartcard-vpcd")
    driver = next((place for place in _DRIVER_PLACES if place.exists()), None)
    if driver is None:
        raise NoServiceError("vsmartcard's driver is not installed; on Debian: apt-get install vsmartcard-vpcd")
    return program, driver
