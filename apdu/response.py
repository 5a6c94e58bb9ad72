"""Response APDU: data and status word (ISO/IEC 7816-4 §5.1, §5.6)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from apdu.errors import ProtocolError
from apdu.status import OK, error_for, meaning_of


@dataclass(frozen=True, slots=True)
class ResponseAPDU:
    """What a card answered (响应 APDU): ``data`` of 0…65 536 bytes and the status word ``sw``, 0…FFFF.

    Its ``repr`` shows length and status word, never data.
    """

    data: bytes
    sw: int = OK

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Split an answer into data and status word; raises :class:`ProtocolError` when there is no status word."""
        if len(raw) < 2:
            msg = f"an answer of {len(raw)} bytes has no status word"
            raise ProtocolError(msg)
        return cls(raw[:-2], int.from_bytes(raw[-2:], "big"))

    def to_bytes(self) -> bytes:
        """Data, SW1, SW2."""
        return self.data + self.sw.to_bytes(2, "big")

    @property
    def waiting(self) -> int | None:
        """How many bytes GET RESPONSE would fetch after a 61xx (1…256); None for any other status word."""
        return (self.sw & 0xFF or 256) if self.sw >> 8 == 0x61 else None

    def is_among(self, expected: Collection[int]) -> bool:
        """Whether the status word is one of ``expected``; 61xx counts as 9000 (ISO/IEC 7816-4 §5.6)."""
        return self.sw in expected or (self.waiting is not None and OK in expected)

    def ok(self, ins: int | None = None) -> bytes:
        """The data, when the status word says success (9000 or 61xx).

        Otherwise raises the :class:`~apdu.errors.StatusWordError` that the table of :mod:`apdu.status` names for this
        status word after the command with instruction ``ins``.
        """
        if self.is_among((OK,)):
            return self.data
        raise error_for(self.sw, ins)

    def __repr__(self) -> str:
        size = f"{len(self.data)} bytes, " if self.data else ""
        return f"<{size}SW {self.sw:04X} {meaning_of(self.sw).text}>"
