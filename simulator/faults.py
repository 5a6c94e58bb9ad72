"""Faults on purpose: a chip that fails when and how a script says (故障注入).

A script is data: a sequence of :class:`Fault`, written here or loaded from a file by :mod:`simulator.fault_scripts`.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NoReturn, TypeAlias

from apdu.transport.inprocess import Chip
from simulator.memory.eeprom import Cut, CutMoment, Eeprom, eeprom_of

MAX_DELAY: Final = 3600
"""Seconds. Nobody waits longer, and for much longer no computer can."""


@dataclass(frozen=True, slots=True)
class Mute:
    """No answer, and none to anything else until the next reset (无应答).

    ``carried_out``: the command was carried out before, and only its answer is missing.
    """

    carried_out: bool = False


@dataclass(frozen=True, slots=True)
class Removal:
    """The card is pulled out (拔卡); ``carried_out`` as for :class:`Mute`."""

    carried_out: bool = False


@dataclass(frozen=True, slots=True)
class OtherReset:
    """Just before the command another application resets the card (其他应用复位): rights and selection are gone."""


@dataclass(frozen=True, slots=True)
class WrongLength:
    """The answer is longer or shorter by so many bytes (长度错误).

    ``by`` > 0: zero bytes between data and status word. ``by`` < 0: data bytes are missing at their end, and where
    there are too few, the second byte of the status word; the first stays, or the card would be mute.
    """

    by: int


@dataclass(frozen=True, slots=True)
class BitFlip:
    """One bit of the answer is wrong (位翻转).

    ``byte``: counted from 1; ``bit``: 8 the most significant, 1 the least, as in ISO/IEC 7816-4. An answer with fewer
    bytes stays as it is.
    """

    byte: int
    bit: int = 1


@dataclass(frozen=True, slots=True)
class Delay:
    """The answer comes so many ``seconds`` later, :data:`MAX_DELAY` at most (延迟应答)."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Status:
    """The card answers this status word and no data (强制状态字).

    ``carried_out``: it did what the command says all the same; else it never saw the command.
    """

    sw: int
    carried_out: bool = False


@dataclass(frozen=True, slots=True)
class PowerCut:
    """Power fails while memory is written (写入断电): at the ``write``-th page that the command writes.

    ``moment``, ``written``: as for :class:`~simulator.memory.eeprom.Cut`. The card is pulled out then, or, if it
    ``stays``, is mute until it is powered off and on. A command that writes fewer pages is carried out as ever. At a
    reset it cuts off the recovery of what was cut off before. Only for chips that show their memory.
    """

    write: int = 1
    moment: CutMoment = CutMoment.DURING
    written: int | None = None
    stays: bool = False


Effect: TypeAlias = Mute | Removal | OtherReset | WrongLength | BitFlip | Delay | Status | PowerCut


class Moment(Enum):
    """What a fault happens at (触发时机)."""

    COMMAND = "command"
    RESET = "reset"


ALWAYS: Final = None
"""As ``times``: from then on, every time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong, and when (故障).

    ``at``: the first time, counted from 1 over the life of the :class:`FaultyChip`; ``times``: how many times from then
    on, :data:`ALWAYS` without end. What is counted are ``on`` commands, only those with INS ``instruction`` unless that
    is None, as they reach the card: GET RESPONSE is one; or ``on`` resets, cold and warm alike.
    ``card``: which card of several it is about, counted from 1; None: each.
    """

    effect: Effect
    on: Moment = Moment.COMMAND
    instruction: int | None = None
    at: int = 1
    times: int | None = 1
    card: int | None = None

    def happens(self, count: int) -> bool:
        """Whether it happens at this time, counted from 1."""
        return self.at <= count and (self.times is None or count < self.at + self.times)


def mistakes(fault: Fault) -> Iterator[str]:
    """Everything about a fault that makes no sense, a sentence each."""
    if fault.at < 1:
        yield "at is counted from 1"
    if fault.times is not None and fault.times < 1:
        yield "times is 1 or more, or without end"
    if fault.card is not None and fault.card < 1:
        yield "card is counted from 1"
    if fault.instruction is not None and not 0 <= fault.instruction <= 0xFF:
        yield "instruction is one byte"
    if fault.on is Moment.RESET:
        yield from _mistakes_at_a_reset(fault)
    yield from _mistakes_of(fault.effect)


def _mistakes_at_a_reset(fault: Fault) -> Iterator[str]:
    if fault.instruction is not None:
        yield "a reset has no instruction"
    if isinstance(fault.effect, Status | OtherReset):
        yield "this happens at commands only"
    elif isinstance(fault.effect, Mute | Removal) and fault.effect.carried_out:
        yield "a reset is not carried out"


def _mistakes_of(effect: Effect) -> Iterator[str]:
    match effect:
        case WrongLength(by=0):
            yield "by is not 0"
        case BitFlip(byte=byte, bit=bit) if byte < 1 or not 1 <= bit <= 8:
            yield "byte is counted from 1, bit from 1 to 8"
        case Delay(seconds=seconds) if not 0 < seconds <= MAX_DELAY:
            yield f"seconds is a time greater than 0, and {MAX_DELAY} at most"
        case PowerCut(write=write) if write < 1:
            yield "write is counted from 1"
        case PowerCut(written=written, moment=moment) if written is not None:
            if moment is not CutMoment.DURING:
                yield "written is for power cuts during a write"
            if written < 0:
                yield "written is a number of bytes"
        case Status(sw=sw) if not (0x6100 <= sw <= 0x6FFF or 0x9000 <= sw <= 0x9FFF):
            yield "a status word is 61xx to 6Fxx or 9xxx"


def hang_up() -> NoReturn:
    """``remove`` for a chip in a virtual reader of :mod:`simulator.vpcd`: ends its connection, which is pulling it out.

    :class:`~simulator.pcscd.VirtualReaders` keeps the slot for this card until its ``remove`` is called.
    """
    raise EOFError("the card was pulled out")


class FaultyChip:
    """A chip with faults (故障卡片): an :class:`apdu.transport.inprocess.Chip` around another.

    ``remove`` pulls the card out of the reader it is in: ``partial(readers.remove, name)`` for
    :class:`~apdu.transport.inprocess.InProcessReaders`, :func:`hang_up` behind pcscd. ``sleep`` is what a delay calls,
    in seconds: ``clock.wait`` where a :class:`~simulator.timing.TimedChip` with that clock is around this one.
    Faults of the same time happen in their order in ``script``; of several power cuts only the first. Raises
    ValueError with all :func:`mistakes`, and for a power cut of a chip that has no memory to show.
    """

    def __init__(
        self,
        chip: Chip,
        script: Sequence[Fault],
        *,
        remove: Callable[[], object],
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        wrong = [f"fault {number}: {text}" for number, fault in enumerate(script, 1) for text in mistakes(fault)]
        self.eeprom: Eeprom | None = eeprom_of(chip)
        """The memory of the chip, None for one that has none to show."""
        if self.eeprom is None:
            wrong += [
                f"fault {number}: this card has no memory at which power could be cut"
                for number, fault in enumerate(script, 1)
                if isinstance(fault.effect, PowerCut)
            ]
        if wrong:
            raise ValueError("\n".join(wrong))
        self._chip = chip
        self._script = tuple(script)
        self._remove = remove
        self._sleep = sleep
        self._counts: Counter[int | None] = Counter()
        self._resets = 0
        self._silent = False

    def power_on(self) -> bytes:
        """Cold reset; returns the ATR, b"" when mute."""
        return self._started(self._chip.power_on)

    def reset(self) -> bytes:
        """Warm reset; returns the ATR, b"" when mute."""
        return self._started(self._chip.reset)

    def power_off(self) -> None:
        """Lose power."""
        self._chip.power_off()

    def process(self, command: bytes) -> bytes:
        """Answer a command, or fail; b"" when mute. Raises only what ``remove`` does."""
        # None counts all commands, an instruction its own; a mute card's are counted too.
        instruction = command[1] if len(command) > 1 else -1
        self._counts.update((None, instruction))
        if self._silent:
            return b""
        effects = [
            fault.effect
            for fault in self._script
            if fault.on is Moment.COMMAND
            and fault.instruction in {None, instruction}
            and fault.happens(self._counts[fault.instruction])
        ]
        if any(isinstance(effect, OtherReset) for effect in effects):
            self._chip.reset()
        withheld = any(isinstance(effect, Mute | Removal | Status) and not effect.carried_out for effect in effects)
        return self._altered(b"" if withheld else self._cut_off(lambda: self._chip.process(command), effects), effects)

    def _started(self, start: Callable[[], bytes]) -> bytes:
        self._resets += 1
        self._silent = False
        effects = [f.effect for f in self._script if f.on is Moment.RESET and f.happens(self._resets)]
        return self._altered(self._cut_off(start, effects), effects)

    def _cut_off(self, work: Callable[[], bytes], effects: Sequence[Effect]) -> bytes:
        """The chip's answer; b"" where power was cut, and then the card is out if it does not stay."""
        cut = next((effect for effect in effects if isinstance(effect, PowerCut)), None)
        if cut is None or self.eeprom is None:
            return work()
        self.eeprom.arm(Cut(cut.write, cut.moment, cut.written))
        try:
            answer = work()
            lost = not self.eeprom.armed
        finally:
            self.eeprom.arm(None)
        if lost and not cut.stays:
            self._silent = True
            self._remove()
        return b"" if lost else answer

    def _altered(self, answer: bytes, effects: Sequence[Effect]) -> bytes:
        for effect in effects:
            match effect:
                case Status(sw=sw):
                    answer = sw.to_bytes(2, "big")
                case WrongLength(by=by):
                    answer = _of_wrong_length(answer, by)
                case BitFlip(byte=byte, bit=bit) if byte <= len(answer):
                    answer = answer[: byte - 1] + bytes((answer[byte - 1] ^ 1 << bit - 1,)) + answer[byte:]
                case Delay(seconds=seconds):
                    self._sleep(seconds)
                case Mute():
                    self._silent = True
                case Removal():
                    self._silent = True
                    self._remove()
        return b"" if self._silent else answer


def _of_wrong_length(answer: bytes, by: int) -> bytes:
    data, sw = answer[:-2], answer[-2:]
    if by > 0:
        return data + bytes(by) + sw
    return sw[:1] if -by > len(data) else data[:by] + sw
