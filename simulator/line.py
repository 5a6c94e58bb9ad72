"""The line between reader and card: how long an exchange takes by T=0 and T=1 (ISO/IEC 7816-3).

Times are counted in etu, elementary time units: 1 etu = F/D clock cycles. A character takes 12 of them from leading
edge to leading edge: start bit, eight bits, parity, two of guard time; to the card N more, where TC1 = N.

By T=0 a command is a header of five bytes; before data the card answers with a procedure byte, the INS; SW1 SW2 end
it. By T=1 both sides send blocks: three bytes of prologue, information, an epilogue of one byte (LRC) or two (CRC).
"""

from dataclasses import dataclass
from math import ceil
from types import MappingProxyType
from typing import Final, Self

from apdu.atr import ATR
from apdu.command import CommandAPDU
from apdu.errors import ApduFormatError, AtrError

DEFAULT_F, DEFAULT_D = 372, 1
"""Fd and Dd: of every ATR, and of all that follows where nothing else is agreed upon [S2.2 §6.1, §8.3]."""

CHARACTER: Final = 12
"""etu from one character to the next without extra guard time (§7.2)."""

SHORT_CHARACTER: Final = 11
"""The same by T=1 in both directions where TC1 = FF (§11.2)."""

BLOCK_GUARD: Final = 22
"""etu from a block's last character to the first of the block that answers it, by T=1 (§11.2)."""

F: Final = MappingProxyType(
    {0: 372, 1: 372, 2: 558, 3: 744, 4: 1116, 5: 1488, 6: 1860, 9: 512, 10: 768, 11: 1024, 12: 1536, 13: 2048}
)
"""Fi by the high half of TA1 (§8.3 table 7); the others are reserved."""

D: Final = MappingProxyType({1: 1, 2: 2, 3: 4, 4: 8, 5: 16, 6: 32, 7: 64, 8: 12, 9: 20})
"""Di by the low half of TA1 (§8.3 table 8); the others are reserved."""

_PPS_SIZE = 4  # PPSS PPS0 PPS1 PCK, sent and answered by the same (§9)
_IMPLICIT, _NO_EXTRA_GUARD, _CRC = 0x10, 0xFF, 0x01
_DEFAULT_WI, _DEFAULT_BWI, _DEFAULT_IFS, _MAX_IFS = 10, 4, 32, 254
_PROLOGUE, _WTX_SIZE, _HEADER, _SW = 3, 1, 5, 2


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one command and its answer put on the line.

    ``sent``, ``received``: bytes to the card and from it, protocol bytes included. ``tpdus``: by T=0 headers, by T=1
    blocks sent to the card, each of which is answered. ``etus``: the time.
    """

    sent: int
    received: int
    tpdus: int
    etus: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How reader and card talk after the ATR (通信参数).

    ``protocol``: 0 or 1. ``etu``: seconds. ``to_card``, ``from_card``: etu per character. ``patience``: seconds that
    the card may take before it must be heard of: work waiting time of T=0, block waiting time of T=1. ``agreement``:
    seconds that PPS took, 0 without one. By T=1: ``ifsc``, ``ifsd`` bytes of information in a block to the card and
    from it, ``epilogue`` bytes behind them.
    """

    protocol: int
    etu: float
    to_card: int
    from_card: int
    patience: float
    agreement: float = 0.0
    ifsc: int = _DEFAULT_IFS
    ifsd: int = _MAX_IFS
    epilogue: int = 1

    @classmethod
    def agreed(cls, atr: bytes, clock: float, bit_rate: float | None = None) -> Self:
        """The line after ``atr``, at ``clock`` Hz: the first protocol offered, as fast as TA1 says.

        A card in negotiable mode is brought to another speed than 372/1 by PPS; with TA2, it is there already (§8.3).
        ``bit_rate``, in bit/s, is what reader and card talk at in spite of TA1, no matter how they came to. Of an ATR
        that breaks the rules nothing is taken: T=0 at 372/1.
        """
        try:
            parsed = ATR.from_bytes(atr)
        except AtrError:
            parsed = ATR.from_bytes(b"\x3b\x00")
        first, *others = parsed.interface
        specific = others[0].ta if others else None
        offered = parsed.protocols[0] if specific is None else specific & 0x0F
        protocol = 1 if offered == 1 else 0

        ta1 = first.ta if first.ta is not None and not (specific or 0) & _IMPLICIT else 0x11
        f, d = F.get(ta1 >> 4, 0), D.get(ta1 & 0x0F, 0)
        if not f or not d:
            f, d = DEFAULT_F, DEFAULT_D
        initial_etu = DEFAULT_F / DEFAULT_D / clock
        extra = first.tc or 0
        shortened = extra == _NO_EXTRA_GUARD
        to_card = CHARACTER + (0 if shortened else extra)
        etu = 1 / bit_rate if bit_rate else f / d / clock
        pps = not bit_rate and specific is None and (f, d) != (DEFAULT_F, DEFAULT_D)
        agreement = _PPS_SIZE * (to_card + CHARACTER) * initial_etu if pps else 0.0
        if protocol == 0:
            wi = (others[0].tc if others else None) or _DEFAULT_WI
            patience = wi * 960 * f / clock
            return cls(
                protocol=0, etu=etu, to_card=to_card, from_card=CHARACTER, patience=patience, agreement=agreement
            )
        own = next((group for group in others[1:] if group.protocol == 1), None)
        ifsc, tb, tc = (own.ta, own.tb, own.tc) if own else (None, None, None)
        bwi = _DEFAULT_BWI if tb is None else tb >> 4
        return cls(
            protocol=1,
            etu=etu,
            to_card=SHORT_CHARACTER if shortened else to_card,
            from_card=SHORT_CHARACTER if shortened else CHARACTER,
            patience=11 * etu + 2**bwi * 960 * DEFAULT_F / clock,
            agreement=agreement,
            ifsc=ifsc if ifsc is not None and 1 <= ifsc <= _MAX_IFS else _DEFAULT_IFS,
            epilogue=2 if (tc or 0) & _CRC else 1,
        )

    def exchange(self, command: bytes, answer: bytes, waited: float) -> Traffic:
        """What ``command`` and ``answer`` (b"" for none) put on the line, the card having taken ``waited`` seconds."""
        late = ceil(waited / self.patience) - 1 if answer and waited > self.patience else 0
        if self.protocol == 1:
            return self._blocks(len(command), len(answer), late)
        sent, received, tpdus = _characters(command, answer)
        received += late  # NULL, 60: one per work waiting time that goes by (§10.3.3)
        return Traffic(sent, received, tpdus, sent * self.to_card + received * self.from_card)

    def _blocks(self, sent: int, received: int, late: int) -> Traffic:
        frame = _PROLOGUE + self.epilogue
        out = ceil(sent / self.ifsc) or 1
        back = ceil(received / self.ifsd)
        # All but a chain's last block are acknowledged, and the last is answered by the first of the other chain
        # (§11.6.2.3). A card that stays silent has acknowledged all but the last.
        asked, answered = (out + back - 1, out + back - 1) if back else (out, out - 1)
        sent, received = sent + asked * frame, received + answered * frame
        if late:  # a request for as many block waiting times as it takes, and its grant (§11.6.2.2)
            asked, answered = asked + 1, answered + 1
            sent, received = sent + frame + _WTX_SIZE, received + frame + _WTX_SIZE
        guard = answered * (2 * BLOCK_GUARD - self.to_card - self.from_card)
        return Traffic(sent, received, asked, sent * self.to_card + received * self.from_card + guard)


def _characters(raw: bytes, answer: bytes) -> tuple[int, int, int]:
    """Characters to the card and from it by T=0, and headers.

    The card takes the data before it says what it thinks of the command. What is no command that T=0 can carry
    travels as it is. Data in answer to data wait for GET RESPONSE, also where the chip hides that.
    """
    try:
        command = CommandAPDU.from_bytes(raw)
    except ApduFormatError:
        return len(raw), len(answer), 1
    if command.is_extended:
        return len(raw), len(answer), 1
    if not answer:
        return _HEADER, 0, 1
    sent, received, tpdus = _HEADER + command.nc, min(len(answer), _SW) + bool(command.nc), 1
    data = max(0, len(answer) - _SW)
    if data:
        received += 1 + data
        if command.nc:
            sent, received, tpdus = sent + _HEADER, received + _SW, 2
    return sent, received, tpdus
