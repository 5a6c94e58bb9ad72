"""The card's side of vsmartcard's socket: a chip behind a virtual reader of pcscd.

Both sides send a length, two bytes with the high one first, and that many bytes. One byte from the reader is a control
byte; anything longer is a command, and is answered. Debian's driver writes length and body apart, and with delayed
acknowledgement of the first the second comes 40 ms later: hence the quick acknowledgement before every read.

The driver waits without end for the answer to a command, an empty answer included, and whatever it is sent it hands on
as an answer. Only when the connection breaks between a length and its bytes does it tell pcscd of an error of
communication; clients see SCARD_E_NOT_TRANSACTED, as from a reader whose card fell silent. So that is what a mute card
does. Its next connection waits at the port by then, and the driver takes it up with its next request: the card never
leaves the reader.
"""

import contextlib
import logging
import socket
import struct
import threading
from collections.abc import Callable
from typing import Final, Self

from apdu.errors import NoServiceError
from apdu.transport.inprocess import Chip

POWER_OFF, POWER_ON, RESET, GET_ATR = b"\x00", b"\x01", b"\x02", b"\x04"

# The driver asks for the ATR to learn whether a card is there, so a mute card must answer that too: with more bytes
# than an ATR can have, which the driver refuses to hand on.
_MUTE: Final = bytes(34)

_LENGTH_WITHOUT_ANSWER: Final = b"\x00\x02"
_HANG_UP_AT_ONCE: Final = struct.pack("ii", 1, 0)  # struct linger: a reset of the connection, not an orderly end

_log = logging.getLogger(__name__)


class VirtualCard:
    """A chip in a virtual reader (虚拟读卡器), served by a thread of its own from construction to :meth:`stop`.

    ``dial`` connects to the reader's port, at once and from that thread again whenever the chip does not answer a
    command; see :meth:`insert`. When the reader hangs up, the thread ends; when the chip raises an exception, the card
    is out. Raises what ``dial`` does.
    """

    def __init__(self, chip: Chip, dial: Callable[[], socket.socket]) -> None:
        self._chip = chip
        self._dial = dial
        self._socket = dial()
        self._changing = threading.Lock()
        self._atr = b""
        self._powered = False
        self._pulled = False
        self._abandoned = False
        self._noticed = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="virtual card", daemon=True)
        self._thread.start()

    @classmethod
    def insert(cls, chip: Chip, port: int, host: str = "127.0.0.1") -> Self:
        """Insert a chip into the virtual reader that listens on a port; raises OSError when none does."""
        return cls(chip, lambda: socket.create_connection((host, port), timeout=5))

    @property
    def inserted(self) -> bool:
        """Whether the reader still holds the connection."""
        return self._thread.is_alive()

    def wait_noticed(self, seconds: float) -> bool:
        """Wait until the daemon has powered the card and read its ATR, so that clients see it; False if too late.

        A card that is out again, as by a fault, is not waited for.
        """
        return self._noticed.wait(seconds)

    def stop(self) -> None:
        """Pull the card out. Idempotent; waits a moment for a command that runs, not for its end."""
        with self._changing, contextlib.suppress(OSError):
            self._pulled = True
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(1)
        # A command that still runs: whoever gets the chip next is not to lose its power when it ends.
        self._abandoned = self._thread.is_alive()

    def _serve(self) -> None:
        try:
            self._atr = self._chip.power_on()
            while True:
                self._converse()
                self._fall_silent()
        except (OSError, EOFError, NoServiceError):
            pass  # the card is out
        except Exception as error:  # noqa: BLE001  whatever a chip raises; its text may have data of the card
            _log.error("a software card failed and is out of its reader: %s", type(error).__name__)
        finally:
            # Left open, it would have the driver wait without end, and with it all of pcscd's readers.
            self._socket.close()
            self._noticed.set()
        if not self._abandoned:
            self._chip.power_off()

    def _converse(self) -> None:
        """Do as the reader says until the chip does not answer a command."""
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (answer := self._answer(self._read(int.from_bytes(self._read(2), "big")))) != b"":
            if answer is not None:
                self._socket.sendall(len(answer).to_bytes(2, "big") + answer)
                if self._powered:
                    self._noticed.set()

    def _fall_silent(self) -> None:
        """Have the reader tell that no answer comes, and stay in it."""
        following = self._dial()
        with self._changing:
            if self._pulled:
                following.close()
                raise EOFError
            silent, self._socket = self._socket, following
        with silent:
            silent.sendall(_LENGTH_WITHOUT_ANSWER)
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _HANG_UP_AT_ONCE)

    def _answer(self, message: bytes) -> bytes | None:
        """What to send back: None for nothing, b"" for a command that stays without answer."""
        if message == GET_ATR:
            return self._atr or _MUTE
        if message == POWER_ON:
            self._powered = True
            self._atr = self._chip.power_on()
        elif message == RESET:
            self._atr = self._chip.reset()
        elif message == POWER_OFF:
            self._chip.power_off()
        elif message:
            return self._chip.process(message)
        return None

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            part = self._socket.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data
