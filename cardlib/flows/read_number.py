"""Read the number on an original medical card that is a memory card (存储卡) of the SLE 4442 class.

Such a card knows no commands: the reader speaks to it, and offers the pseudo-commands of PC/SC part 3 for storage cards
to the application. Where a region wrote the holder's number is nobody's standard: :class:`NumberLayout` is deployment
data. An original card that is a social security card of 1.0 is read by :mod:`cardlib.flows.read_identity`.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from apdu.command import CommandAPDU
from apdu.flow import Flow, Step, send
from cardlib.errors import CardDataError

PSEUDO_COMMAND: Final = 0xFF
"""CLA of commands that the reader itself carries out."""
SLE4442: Final = 0x06
"""What the readers of one vendor want to be told before they read such a card: its type, in SELECT CARD TYPE."""
LARGEST_ADDRESS: Final = 0xFFFF

_PADDING: Final = b"\x00\xff\x20"
_BLANK: Final = b"\x00\xff"


class NumberEncoding(Enum):
    """How a number is written in a card's memory (编码)."""

    ASCII = "ascii"
    """One character a byte, filled up with 00, FF or 20."""
    PACKED = "packed"
    """Two digits a byte, filled up with F."""


@dataclass(frozen=True, slots=True)
class NumberLayout:
    """Where the number stands: ``offset``, 0…FFFF, and ``length``, 1…256, in bytes; raises :class:`ValueError`."""

    offset: int
    length: int
    encoding: NumberEncoding = NumberEncoding.ASCII

    def __post_init__(self) -> None:
        if not (0 <= self.offset <= LARGEST_ADDRESS and 1 <= self.length <= 256):
            raise ValueError("a number stands at 0 to FFFF and has 1 to 256 bytes")

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.offset + self.length

    def decode(self, raw: bytes) -> str:
        """The number in these bytes; raises :class:`~cardlib.errors.CardDataError` where there is none."""
        if len(raw) != self.length:
            raise CardDataError(f"the card gave {len(raw)} bytes in the place of {self.length}")
        if not raw.strip(_BLANK):
            raise CardDataError("the card holds no number: its place is blank")
        packed = self.encoding is NumberEncoding.PACKED
        text = raw.hex().upper().rstrip("F") if packed else raw.strip(_PADDING).decode("ascii", errors="replace")
        if not re.fullmatch("[0-9]+" if packed else "[0-9A-Za-z]+", text):
            raise CardDataError("what stands in the place of the number is none")
        return text

    def encode(self, number: str) -> bytes:
        """The bytes of a number, filled up with FF, the erased state; raises :class:`ValueError` without the number."""
        try:
            packed = self.encoding is NumberEncoding.PACKED
            raw = bytes.fromhex(number + "F" * (len(number) % 2)) if packed else number.encode("ascii")
            raw = raw.ljust(self.length, b"\xff")
            sound = self.decode(raw) == number
        except (ValueError, CardDataError):
            sound, raw = False, b""
        if not sound:
            raise ValueError(f"takes a number that {self.length} bytes of {self.encoding.value} can hold")
        return raw


def read_number(layout: NumberLayout, *, card_type: int | None = None) -> Flow[str]:
    """Read the number (原医疗卡号码) of a memory card: one command, or two with ``card_type``.

    ``card_type``: code of the card type, :data:`SLE4442`, for readers that have to be told (SELECT CARD TYPE). Raises
    :class:`~cardlib.errors.CardDataError` for a blank card and for what is no number, and the
    :class:`~apdu.errors.StatusWordError` of a reader that refuses, as one does that has another kind of card.
    """
    read = CommandAPDU(PSEUDO_COMMAND, 0xB0, layout.offset >> 8, layout.offset & 0xFF, ne=layout.length)
    first = () if card_type is None else (Step(CommandAPDU(PSEUDO_COMMAND, 0xA4, 0, 0, bytes((card_type,)))),)
    answers = yield from send(*first, read)
    return layout.decode(answers.ok()[-1])
