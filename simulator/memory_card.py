"""Stand-in for an original medical card that is a memory card (存储卡) of the SLE 4442 class, seen through its reader.

The chip has no commands: 256 bytes, of which the first four are its answer to reset. What a program sends are the
pseudo-commands that readers offer for storage cards [PC/SC part 3], and the status words are the reader's.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from apdu.command import CommandAPDU
from apdu.errors import ApduFormatError
from cardlib.flows.read_number import PSEUDO_COMMAND, SLE4442, NumberLayout
from simulator.command import SW, Refused

MEMORY_SIZE: Final = 256
CHIP_ANSWER: Final = bytes.fromhex("A2131091")
"""What the chip answers to reset [ISO/IEC 7816-10]; the first bytes of its memory."""
ATR: Final = bytes.fromhex("3B04") + CHIP_ANSWER
"""The same as a reader reports it: historical bytes behind TS and T0 [PC/SC part 3]."""
ERASED: Final = b"\xff"

_TO_THE_END: Final = 256
"""Ne of an Le of 00."""


class MemoryCard:
    """A memory card with a number on it, and the reader around it (原医疗卡).

    It is an :class:`apdu.transport.inprocess.Chip`. ``number``: the holder's, written as ``layout`` says; "" leaves the
    card blank. Its security code is never presented, so it can only be read. Raises :class:`ValueError` for a number
    that does not fit, or a place that is not free.
    """

    def __init__(self, number: str, layout: NumberLayout) -> None:
        if layout.offset < len(CHIP_ANSWER) or layout.end > MEMORY_SIZE:
            raise ValueError(f"the number stands between {len(CHIP_ANSWER):02X} and {MEMORY_SIZE - 1:02X}")
        memory = bytearray(CHIP_ANSWER.ljust(MEMORY_SIZE, ERASED))
        if number:
            memory[layout.offset : layout.end] = layout.encode(number)
        self._memory = bytes(memory)
        self._powered = False

    def power_on(self) -> bytes:
        """Activate the contacts; returns the answer to reset."""
        return self.reset()

    def reset(self) -> bytes:
        """Reset the chip, which has no state to lose."""
        self._powered = True
        return ATR

    def power_off(self) -> None:
        """Deactivate: until power-on each command is answered 6F00."""
        self._powered = False

    def process(self, command: bytes) -> bytes:
        """Answer a pseudo-command; 6E00 for what only a processor could understand. Never raises."""
        try:
            return self._answer(command) + SW.OK.to_bytes(2, "big")
        except Refused as refusal:
            return refusal.sw.to_bytes(2, "big")

    def _answer(self, raw: bytes) -> bytes:
        if not self._powered:
            raise Refused(SW.NO_DIAGNOSIS)
        try:
            command = CommandAPDU.from_bytes(raw)
        except ApduFormatError:
            raise Refused(SW.WRONG_LENGTH) from None
        if command.cla != PSEUDO_COMMAND:
            raise Refused(SW.CLA_UNSUPPORTED)
        handler = _HANDLERS.get(command.ins)
        if handler is None:
            raise Refused(SW.INS_UNSUPPORTED)
        if command.is_extended:
            raise Refused(SW.WRONG_LENGTH)
        return handler(self._memory, command)


def _read(memory: bytes, command: CommandAPDU) -> bytes:
    """READ BINARY: P1 P2 is the address; Le 00 reads to the end, an Le beyond it is answered 6Cxx."""
    if command.nc or command.ne is None:
        raise Refused(SW.WRONG_LENGTH)
    rest = memory[_address(command) :]
    if command.ne != _TO_THE_END and command.ne > len(rest):
        raise Refused(SW.RIGHT_LE | len(rest))
    return rest[: command.ne]


def _update(_memory: bytes, command: CommandAPDU) -> bytes:
    """UPDATE BINARY: the chip wants its security code first, and nobody presented it."""
    if not command.nc:
        raise Refused(SW.WRONG_LENGTH)
    _address(command)
    raise Refused(SW.SECURITY_STATUS)


def _select_type(_memory: bytes, command: CommandAPDU) -> bytes:
    """SELECT CARD TYPE, of one vendor's readers."""
    if command.header[2:] != b"\x00\x00":
        raise Refused(SW.WRONG_OFFSET)
    if command.nc != 1:
        raise Refused(SW.WRONG_LENGTH)
    if command.data != bytes((SLE4442,)):
        raise Refused(SW.FUNCTION_UNSUPPORTED)
    return b""


def _no_keys(_memory: bytes, _command: CommandAPDU) -> bytes:
    """LOAD KEYS and GENERAL AUTHENTICATE, for cards with keys."""
    raise Refused(SW.WRONG_STRUCTURE)


def _address(command: CommandAPDU) -> int:
    """P1 P2; refuses bytes that do not exist with 6A82."""
    address = int.from_bytes(command.header[2:], "big")
    if address >= MEMORY_SIZE:
        raise Refused(SW.FILE_NOT_FOUND)
    return address


_HANDLERS: Final[Mapping[int, Callable[[bytes, CommandAPDU], bytes]]] = MappingProxyType(
    {0xB0: _read, 0xD6: _update, 0xA4: _select_type, 0x82: _no_keys, 0x86: _no_keys}
)
