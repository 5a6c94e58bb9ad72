"""Answer to reset (复位应答, ATR): ISO/IEC 7816-3 §8.2.

Readers hand an ATR over in the direct convention whatever the card uses, so TS is 3B or 3F here [S2.8] and no other
byte needs turning round. Historical bytes are never at a fixed place: cards with TA1, TD1 and TD2 are allowed
[S2.2 T7-T9].
"""

from dataclasses import dataclass, field
from functools import reduce
from operator import xor
from typing import Self

from apdu.errors import AtrError

MAX_SIZE = 33
"""TS and at most 32 characters behind it."""

DIRECT, INVERSE = 0x3B, 0x3F


@dataclass(frozen=True, slots=True)
class InterfaceBytes:
    """One group of interface bytes TAi TBi TCi TDi (接口字符); None where the byte is absent.

    ``protocol`` is the transmission protocol T that this group is about: the low half of TD(i-1); None in the first
    group, whose bytes are global, and 15 for a later group of global bytes.
    """

    protocol: int | None
    ta: int | None = None
    tb: int | None = None
    tc: int | None = None
    td: int | None = None


@dataclass(frozen=True, slots=True)
class ATR:
    """A parsed answer to reset.

    ``raw``: all bytes, 2…33. ``interface``: the groups in order, the first always there. ``historical_bytes``: T1…TK
    (历史字节), 0…15 bytes; on a social security card 13, of which the last eight are the card's diversification factor
    [S2.2 §8]. ``tck``: the check byte, None where there is none.
    """

    raw: bytes = field(repr=False)
    interface: tuple[InterfaceBytes, ...]
    historical_bytes: bytes = field(repr=False)
    tck: int | None

    @property
    def inverse(self) -> bool:
        """Whether the card talks in the inverse convention (反向约定)."""
        return self.raw[0] == INVERSE

    @property
    def protocols(self) -> tuple[int, ...]:
        """Transmission protocols offered, in the card's order; ``(0,)`` when it names none. T=15 is not a protocol."""
        named = (group.protocol for group in self.interface)
        return tuple(dict.fromkeys(number for number in named if number is not None and number != 15)) or (0,)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Parse an ATR; raises :class:`~apdu.errors.AtrError` for one that ISO/IEC 7816-3 §8.2 does not allow.

        TCK must be absent when only T=0 is named, and present and right otherwise (§8.2.5).
        """
        if not 2 <= len(raw) <= MAX_SIZE:
            raise AtrError(f"an ATR has 2 to {MAX_SIZE} bytes, not {len(raw)}")
        if raw[0] not in {DIRECT, INVERSE}:
            raise AtrError(f"TS is 3B or 3F, not {raw[0]:02X}")
        interface, at = _interface(raw)
        end = at + (raw[1] & 0x0F)
        if end > len(raw):
            raise AtrError("the ATR ends within its historical bytes")
        checked = any(group.protocol not in {None, 0} for group in interface)
        if len(raw) != end + checked:
            raise AtrError(
                "TCK is missing, or bytes follow it" if checked else "bytes follow the historical bytes of a T=0 card"
            )
        if checked and reduce(xor, raw[1:]):
            raise AtrError("TCK is wrong")
        return cls(raw, interface, raw[at:end], raw[end] if checked else None)


def _interface(raw: bytes) -> tuple[tuple[InterfaceBytes, ...], int]:
    """The groups of interface bytes, and the offset of the first historical byte."""
    groups: list[InterfaceBytes] = []
    protocol: int | None = None
    following, at = raw[1], 2
    while True:
        values: list[int | None] = []
        for bit in (0x10, 0x20, 0x40, 0x80):
            if following & bit and at >= len(raw):
                raise AtrError("the ATR ends within its interface bytes")
            values.append(raw[at] if following & bit else None)
            at += bool(following & bit)
        groups.append(InterfaceBytes(protocol, *values))
        if values[3] is None:
            return tuple(groups), at
        following, protocol = values[3], values[3] & 0x0F
