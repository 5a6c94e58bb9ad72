"""A chip that takes its time: any chip, with what it and its line would need counted on a virtual clock."""

from dataclasses import dataclass
from typing import Final

from apdu.transport.inprocess import Chip
from cardlib.crypto import Algorithm
from simulator.clock import Clock, Cost
from simulator.effort import operations
from simulator.line import CHARACTER, DEFAULT_D, DEFAULT_F, Line
from simulator.memory.eeprom import Eeprom, eeprom_of

MUTE_CYCLES: Final = 40_000
"""Clock cycles after RST that a reader waits for the first character of an ATR [S2.2 §6.1.3]."""

_GET_RESPONSE = 0xC0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingProfile:
    """How fast a kind of card is, and how it is clocked (时间特性).

    ``clock``: Hz; the default makes 372 cycles 1/9600 s. ``bit_rate``: what card and reader talk at after the ATR, in
    bit/s; None: what follows from TA1. ``reset_cycles``: clock cycles from the clock's start to the ATR, of which 400
    with RST low and 400 to 40 000 after it [S2.2 §6.1.3]. ``page_seconds``: the time to write an EEPROM page of
    :data:`simulator.memory.eeprom.PAGE` bytes, or a part of one. ``des_seconds``, ``sm4_seconds``: one operation of the
    cipher on one block; 3DES is three of DES. The defaults are those of a card with a cipher coprocessor; nobody's data
    sheet in particular.
    """

    clock: float = 3_571_200
    bit_rate: float | None = None
    reset_cycles: int = 800
    page_seconds: float = 0.005
    des_seconds: float = 50e-6
    sm4_seconds: float = 100e-6


TYPICAL: Final = TimingProfile()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a card has done since it was made (耗时报告): seconds by what they went by with, and counts.

    ``apdus``: commands, without what T=0 adds to them: GET RESPONSE, and repetition after 6Cxx. ``tpdus``: T=0
    headers, or T=1 blocks sent to the card. ``sent``, ``received``: bytes to the card and from it, procedure bytes or
    block frames included, ATR and PPS not. ``eeprom_writes``: pages written, those of the journal and of recoveries at
    reset included.
    """

    reset_seconds: float
    wire_seconds: float
    eeprom_seconds: float
    crypto_seconds: float
    waiting_seconds: float
    resets: int
    apdus: int
    tpdus: int
    sent: int
    received: int
    eeprom_writes: int

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.reset_seconds + self.wire_seconds + self.eeprom_seconds + self.crypto_seconds + self.waiting_seconds


class TimedChip:
    """A chip whose time is counted (计时卡片): an :class:`apdu.transport.inprocess.Chip` around another.

    ``algorithm`` says which cipher the chip computes with. ``clock``: a clock of its own if None;
    ``Clock(sleep=time.sleep)`` makes callers wait as long as the card would. Answers are the chip's own, unchanged.

    The protocol is the first that the ATR offers. EEPROM: the pages that the chip writes, where it shows its memory;
    else it takes no time. Ciphers: as :mod:`simulator.effort` says. What the chip computes else takes no time.
    """

    def __init__(
        self,
        chip: Chip,
        profile: TimingProfile = TYPICAL,
        *,
        algorithm: Algorithm = Algorithm.DES,
        clock: Clock | None = None,
    ) -> None:
        self._chip = chip
        self._profile = profile
        self._algorithm = algorithm
        self.clock = clock or Clock()
        self.eeprom: Eeprom | None = eeprom_of(chip)
        """The memory of the chip, None for one that has none to show."""
        self._written_before = self._written = self.eeprom.writes if self.eeprom else 0
        self._line = Line.agreed(b"", profile.clock, profile.bit_rate)
        self._repeated = b""
        self._resets = self._apdus = self._tpdus = self._sent = self._received = 0

    def power_on(self) -> bytes:
        """Cold reset; returns the ATR."""
        return self._started(self._chip.power_on())

    def reset(self) -> bytes:
        """Warm reset; returns the ATR."""
        return self._started(self._chip.reset())

    def power_off(self) -> None:
        """Lose power, which takes no time."""
        self._chip.power_off()

    def process(self, command: bytes) -> bytes:
        """Answer a command as the chip does."""
        begun = self.clock.now
        answer = self._chip.process(command)
        self._write()
        self._compute(operations(command, int.from_bytes(answer[-2:], "big"), self._algorithm))
        self._count(command, answer, self.clock.now - begun)
        return answer

    def report(self) -> Report:
        """Everything so far."""
        spent = self.clock.spent
        return Report(
            reset_seconds=spent(Cost.RESET),
            wire_seconds=spent(Cost.WIRE),
            eeprom_seconds=spent(Cost.EEPROM),
            crypto_seconds=spent(Cost.CRYPTO),
            waiting_seconds=spent(Cost.WAITING),
            resets=self._resets,
            apdus=self._apdus,
            tpdus=self._tpdus,
            sent=self._sent,
            received=self._received,
            eeprom_writes=self._written - self._written_before,
        )

    def _started(self, atr: bytes) -> bytes:
        profile = self._profile
        self._resets += 1
        self._repeated = b""
        self._line = Line.agreed(atr, profile.clock, profile.bit_rate)
        cycles = profile.reset_cycles + len(atr) * CHARACTER * DEFAULT_F / DEFAULT_D if atr else 400 + MUTE_CYCLES
        self.clock.spend(Cost.RESET, cycles / profile.clock + self._line.agreement)
        self._write()
        return atr

    def _write(self) -> None:
        """The pages written since the last time."""
        if self.eeprom is not None:
            before, self._written = self._written, self.eeprom.writes
            self.clock.spend(Cost.EEPROM, (self._written - before) * self._profile.page_seconds)

    def _compute(self, blocks: int) -> None:
        profile = self._profile
        single = profile.sm4_seconds if self._algorithm is Algorithm.SM4 else profile.des_seconds
        self.clock.spend(Cost.CRYPTO, blocks * single)

    def _count(self, command: bytes, answer: bytes, waited: float) -> None:
        line = self._line
        added = line.protocol == 0 and (command[1:2] == bytes((_GET_RESPONSE,)) or command[:4] == self._repeated)
        self._repeated = command[:4] if answer[-2:-1] == b"\x6c" else b""
        traffic = line.exchange(command, answer, waited)
        self._apdus += not added
        self._tpdus += traffic.tpdus
        self._sent += traffic.sent
        self._received += traffic.received
        self.clock.spend(Cost.WIRE, traffic.etus * line.etu)
        if not answer:
            self.clock.spend(Cost.WAITING, line.patience)
