"""A command as the card sees it, and how the card refuses one."""

from enum import IntEnum
from typing import NamedTuple

MAX_ANSWER = 256
"""Most bytes one answer can carry: an Le of 00 (cards of this standard know no extended lengths)."""


class SW(IntEnum):
    """The status words a card here can end a command with; what they mean stands in :mod:`apdu.status` [S2.5 T5].

    ``BYTES_WAITING``, ``TRIES_LEFT`` and ``RIGHT_LE`` carry a number in their low bits.
    """

    OK = 0x9000
    BYTES_WAITING = 0x6100
    WARNING_UNWRITTEN = 0x6281
    TRIES_LEFT = 0x63C0
    MEMORY = 0x6581
    WRONG_LENGTH = 0x6700
    WRONG_STATE = 0x6901
    WRONG_STRUCTURE = 0x6981
    SECURITY_STATUS = 0x6982
    BLOCKED = 0x6983
    NO_CHALLENGE = 0x6984
    CONDITIONS = 0x6985
    NO_CURRENT_FILE = 0x6986
    MAC_MISSING = 0x6987
    MAC_WRONG = 0x6988
    WRONG_DATA = 0x6A80
    FUNCTION_UNSUPPORTED = 0x6A81
    FILE_NOT_FOUND = 0x6A82
    RECORD_NOT_FOUND = 0x6A83
    FILE_FULL = 0x6A84
    WRONG_TLV = 0x6A85
    WRONG_P1P2 = 0x6A86
    KEY_NOT_FOUND = 0x6A88
    WRONG_OFFSET = 0x6B00
    RIGHT_LE = 0x6C00
    INS_UNSUPPORTED = 0x6D00
    CLA_UNSUPPORTED = 0x6E00
    NO_DIAGNOSIS = 0x6F00
    PROOF_REFUSED = 0x9302
    APPLICATION_BLOCKED = 0x9303
    BALANCE_TOO_SMALL = 0x9401
    COUNTER_FULL = 0x9402
    KEY_INDEX_NOT_FOUND = 0x9403
    PROOF_UNAVAILABLE = 0x9406


class Refused(Exception):  # noqa: N818 - a card's answer, not a fault of the program
    """Ends a command with the status word ``sw``, a warning's with ``data``; raised by command handlers only."""

    def __init__(self, sw: int, data: bytes = b"") -> None:
        self.sw = sw
        self.data = data
        super().__init__(f"{sw:04X}")


class Command(NamedTuple):
    """A well-formed command, after CLA and INS have chosen its handler.

    ``data`` is the command data field (0…255 bytes), ``le`` the Le byte as sent (00…FF; None when there was none).
    ``exact`` says that the answer's length has to be asked for exactly, as T=0 demands. ``header`` is CLA INS P1 P2 Lc
    as sent, for the MAC of secure messaging.
    """

    p1: int
    p2: int
    data: bytes
    le: int | None
    exact: bool
    header: bytes = b""

    @property
    def secure(self) -> bool:
        """Whether it came with secure messaging (CLA 04), a MAC at the end of its data [S2.4 §8.2]."""
        return self.header[:1] == b"\x04"

    @property
    def wanted(self) -> int:
        """Ne: the number of bytes asked for, 1…256; no Le field and Le 00 both ask for 256."""
        return self.le or MAX_ANSWER

    def fit(self, available: int) -> None:
        """Refuse an answer of ``available`` bytes that the command did not ask for.

        6Cxx with the right length where it must be exact [S2.5 §6.9, §6.10]; 6A81 for what no short answer can hold
        (a whole file of more than 256 bytes: the standard is silent). Call it before the command changes anything, so
        that the same command sent again with the right Le finds the card as it was.
        """
        if available > MAX_ANSWER:
            raise Refused(SW.FUNCTION_UNSUPPORTED)
        if self.exact and available != self.wanted:
            raise Refused(SW.RIGHT_LE | available & 0xFF)
