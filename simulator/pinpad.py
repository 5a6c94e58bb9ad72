"""A reader's PIN pad in software (模拟密码键盘): takes blocks by PC/SC part 10, and a holder types at it.

What it understands of a block it reads by itself, field by field, and it refuses whatever a reader could take amiss.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Protocol

from apdu.errors import ReaderError
from apdu.part10 import GET_FEATURE_REQUEST, Confirm, Feature, Key, PadStatus, Property

BACKSPACE, CLEAR, CANCEL, ENTER = "<", "C", "X", "\r"
"""The pad's keys besides the digits."""

VERIFY_INS, MODIFY_INS = (0x20,), (0x24, 0x5E)
"""Commands into which this pad writes PINs; no host gets it to write one into a file."""

_CODES: Final = 0x4233_0000
_MESSAGES: Final = {0b00: 1, 0b01: 2, 0b10: 2, 0b11: 3}
_REPORTED: Final = {ENTER: Key.OK, CANCEL: Key.CANCEL, BACKSPACE: Key.BACKSPACE, CLEAR: Key.ALL_CLEARED}


class Prompt(Enum):
    """What the pad asks for."""

    PIN = auto()
    OLD_PIN = auto()
    NEW_PIN = auto()
    NEW_PIN_AGAIN = auto()


class Holder(Protocol):
    """Who stands at the pad (持卡人)."""

    def keys(self, prompt: Prompt) -> Iterable[str]:
        """The keys pressed at this prompt, one character each; after the last one nothing is pressed any more."""
        ...


class ScriptedHolder:
    """Types what it was told, one text for each prompt in turn, and nothing when there is none left."""

    def __init__(self, *texts: str) -> None:
        self._texts = iter(texts)

    def keys(self, prompt: Prompt) -> Iterable[str]:  # noqa: ARG002
        """The next text."""
        return next(self._texts, "")


class ObligingHolder:
    """Knows the PIN, and when asked for a new one takes ``new``, and remembers it once it was typed twice."""

    def __init__(self, pin: str, new: str) -> None:
        self._pin = pin
        self._new = new

    def keys(self, prompt: Prompt) -> Iterable[str]:
        """What is asked for, and the enter key."""
        if prompt in {Prompt.PIN, Prompt.OLD_PIN}:
            return self._pin + ENTER
        typed = self._new + ENTER
        if prompt is Prompt.NEW_PIN_AGAIN:
            self._pin, self._new = self._new, self._pin
        return typed


@dataclass(frozen=True, slots=True)
class _Task:
    """A block as this pad reads it; ``blocks``: where the PINs go in the data field, in the order of the command."""

    seconds: int
    shortest: int
    longest: int
    size: int
    prompts: tuple[Prompt, ...]
    offsets: tuple[int, ...]
    header: bytes
    template: bytes


@dataclass(slots=True)
class _Entry:
    """One entry, from its start to its end."""

    task: _Task
    ends: float
    waiting: Iterator[str]
    typed: list[str] = field(default_factory=list, repr=False)
    digits: str = field(default="", repr=False)
    status: PadStatus | None = None

    @property
    def done(self) -> bool:
        return self.status is not None or len(self.typed) == len(self.task.prompts)


class SimulatedPad:
    """A pad with a display of its own, whose firmware does what PC/SC part 10 says.

    ``stepwise``: offers START, GET_KEY_PRESSED, FINISH and ABORT; else one call each. ``modifies``: changes PINs, too.
    ``sizes``: digits that it takes, at least and at most. ``inserts``: False for firmware that sends the command as it
    got it. ``filler``: half byte after an odd number of digits where the template has none. Not thread-safe, as readers
    are.
    """

    def __init__(  # noqa: PLR0913
        self,
        holder: Holder,
        *,
        stepwise: bool = True,
        modifies: bool = True,
        sizes: tuple[int, int] = (1, 16),
        inserts: bool = True,
        filler: int = 0xF,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.holder = holder
        self.aborted = 0
        """How many entries the host has called off."""
        self._sizes = sizes
        self._inserts = inserts
        self._filler = filler
        self._now = now
        self._sleep = sleep
        self._entry: _Entry | None = None
        offered = [Feature.GET_TLV_PROPERTIES, Feature.IFD_PIN_PROPERTIES]
        if stepwise:
            offered += [Feature.VERIFY_PIN_START, Feature.VERIFY_PIN_FINISH, Feature.GET_KEY_PRESSED, Feature.ABORT]
            offered += [Feature.MODIFY_PIN_START, Feature.MODIFY_PIN_FINISH] * modifies
        else:
            offered += [Feature.VERIFY_PIN_DIRECT] + [Feature.MODIFY_PIN_DIRECT] * modifies
        self._features = {_CODES + feature: feature for feature in sorted(offered)}

    def control(self, code: int, data: bytes, transmit: Callable[[bytes], bytes]) -> bytes:  # noqa: PLR0911
        """Answer a control code; raises :class:`~apdu.errors.ReaderError` where a driver would refuse."""
        if code == GET_FEATURE_REQUEST:
            return b"".join(bytes((tag, 4)) + at.to_bytes(4, "big") for at, tag in self._features.items())
        match self._features.get(code):
            case Feature.GET_TLV_PROPERTIES:
                shortest, longest = self._sizes
                return bytes((Property.MIN_PIN_SIZE, 1, shortest, Property.MAX_PIN_SIZE, 1, longest))
            case Feature.IFD_PIN_PROPERTIES:
                return bytes.fromhex("1002 02 00")  # 2 lines of 16 characters, the enter key, one time-out
            case Feature.VERIFY_PIN_START | Feature.MODIFY_PIN_START as feature:
                return self._start(data, change=feature is Feature.MODIFY_PIN_START)
            case Feature.GET_KEY_PRESSED:
                return bytes((self._press(self._begun()),))
            case Feature.VERIFY_PIN_FINISH | Feature.MODIFY_PIN_FINISH:
                return self._finish(self._begun(), transmit)
            case Feature.ABORT:
                self._begun()
                self._entry = None
                self.aborted += 1
                return b""
            case Feature.VERIFY_PIN_DIRECT | Feature.MODIFY_PIN_DIRECT as feature:
                return self._direct(data, transmit, change=feature is Feature.MODIFY_PIN_DIRECT)
        raise ReaderError("the reader does not know this control code")

    def _start(self, data: bytes, *, change: bool) -> bytes:
        task = _modify_task(data, self._sizes) if change else _verify_task(data, self._sizes)
        if task is None:
            raise ReaderError("the reader refuses the parameters of the PIN entry")
        self._entry = _Entry(task, self._now() + task.seconds, iter(self.holder.keys(task.prompts[0])))
        return b""

    def _direct(self, data: bytes, transmit: Callable[[bytes], bytes], *, change: bool) -> bytes:
        try:
            self._start(data, change=change)
        except ReaderError:
            return _status(PadStatus.INVALID_PARAMETER)
        entry = self._begun()
        while not entry.done:
            if self._press(entry) == Key.NONE:
                # Nobody presses a key any more: the reader's clock runs out.
                self._sleep(max(0.0, entry.ends - self._now()))
                entry.status = PadStatus.TIMED_OUT
        return self._finish(entry, transmit)

    def _begun(self) -> _Entry:
        if self._entry is None:
            raise ReaderError("no PIN entry was begun")
        return self._entry

    def _press(self, entry: _Entry) -> Key:
        """The holder's next key, and what comes of it."""
        if self._now() >= entry.ends:
            entry.status = PadStatus.TIMED_OUT
            return Key.TIMEOUT
        key = "" if entry.done else next(entry.waiting, "")
        if not key:
            return Key.NONE
        if key.isdecimal():
            if len(entry.digits) == entry.task.longest:
                return self._press(entry)  # as if it was not pressed
            entry.digits += key
            return Key.DIGIT
        if key == ENTER:
            self._take(entry)
        elif key == CANCEL:
            entry.status = PadStatus.CANCELLED
        else:
            entry.digits = entry.digits[:-1] if key == BACKSPACE else ""
        return _REPORTED[key]

    def _take(self, entry: _Entry) -> None:
        """A PIN is typed: on to the next one."""
        entry.typed.append(entry.digits)
        entry.digits = ""
        if not entry.done:
            entry.waiting = iter(self.holder.keys(entry.task.prompts[len(entry.typed)]))

    def _finish(self, entry: _Entry, transmit: Callable[[bytes], bytes]) -> bytes:
        self._entry = None
        if not entry.done:
            raise ReaderError("the PIN entry is not over")
        status = entry.status or _fault(entry)
        return transmit(self._command(entry)) if status is None else _status(status)

    def _command(self, entry: _Entry) -> bytes:
        task = entry.task
        if not self._inserts:
            return task.header + (bytes((len(task.template),)) + task.template if task.template else b"")
        if not task.size:
            data = _packed(entry.typed[0], bytes((0x11 * self._filler,)) * ((len(entry.typed[0]) + 1) // 2))
        else:
            written = bytearray(task.template)
            for pin, offset in zip(entry.typed, task.offsets, strict=False):
                written[offset : offset + task.size] = _packed(pin, written[offset : offset + task.size])
            data = bytes(written)
        return task.header + bytes((len(data),)) + data


def _fault(entry: _Entry) -> PadStatus | None:
    """What is wrong with what was typed."""
    if any(len(pin) < entry.task.shortest for pin in entry.typed):
        return PadStatus.WRONG_SIZE
    typed = dict(zip(entry.task.prompts, entry.typed, strict=True))
    again = typed.get(Prompt.NEW_PIN_AGAIN)
    return PadStatus.NEW_PINS_DIFFER if again is not None and again != typed[Prompt.NEW_PIN] else None


def _packed(pin: str, block: Sequence[int]) -> bytes:
    """The digits written over a block from the left, half a byte each; what they do not cover stays."""
    halves = "".join(f"{byte:02x}" for byte in block)
    return bytes.fromhex(pin + halves[len(pin) :])


def _status(status: PadStatus) -> bytes:
    return int(status).to_bytes(2, "big")


def _number(block: bytes, at: int, size: int) -> int:
    return int.from_bytes(block[at : at + size], "little")


def _verify_task(block: bytes, sizes: tuple[int, int]) -> _Task | None:
    """PIN_VERIFY_STRUCTURE, None for one that this pad does not take."""
    if len(block) < 19 or _number(block, 15, 4) != len(block) - 19:
        return None
    format_, size, length_format, validation, messages, teo = *block[2:5], block[7], block[8], block[12:15]
    command = _template(block[19:], size, VERIFY_INS)
    longest, shortest = block[5], block[6]
    fits = (
        _plain(format_, size, length_format, validation, teo)
        and _sized(shortest, longest, size, sizes)
        and messages in {0, 1, 0xFF}
        and block[11] == 0
    )
    if command is None or not fits or len(command[1]) != size:
        return None
    return _Task(block[0] or 30, shortest, longest, size, (Prompt.PIN,), (0,), *command)


def _modify_task(block: bytes, sizes: tuple[int, int]) -> _Task | None:
    """PIN_MODIFY_STRUCTURE, None for one that this pad does not take."""
    if len(block) < 24 or _number(block, 20, 4) != len(block) - 24:
        return None
    format_, size, length_format, validation, messages, teo = *block[2:5], block[10], block[11], block[17:20]
    old, new, longest, shortest, confirm = block[5:10]
    command = _template(block[24:], size, MODIFY_INS)
    fits = (
        size > 0  # where a new PIN begins that stands behind one of any length, no offset says
        and _plain(format_, size, length_format, validation, teo)
        and _sized(shortest, longest, size, sizes)
        and confirm in _MESSAGES
        and messages in {0, _MESSAGES.get(confirm), 0xFF}
    )
    if command is None or not fits:
        return None
    prompts: tuple[Prompt, ...] = (Prompt.NEW_PIN,)
    offsets: tuple[int, ...] = (new,)
    if confirm & Confirm.CURRENT:
        prompts, offsets = (Prompt.OLD_PIN, *prompts), (old, *offsets)
        if abs(old - new) < size:
            return None
    if confirm & Confirm.NEW_AGAIN:
        prompts = (*prompts, Prompt.NEW_PIN_AGAIN)
    if max(offsets) + size > len(command[1]):
        return None
    return _Task(block[0] or 30, shortest, longest, size, prompts, offsets, *command)


def _plain(format_: int, size: int, length_format: int, validation: int, teo: bytes) -> bool:
    """Packed from the left at the beginning of the block, no length among the data, ended by the enter key."""
    return (format_, size >> 4, length_format, validation, teo) == (0x81, 0, 0, 0x02, bytes(3))


def _sized(shortest: int, longest: int, size: int, sizes: tuple[int, int]) -> bool:
    return sizes[0] <= shortest <= longest <= sizes[1] and (not size or (longest + 1) // 2 <= size)


def _template(command: bytes, size: int, instructions: tuple[int, ...]) -> tuple[bytes, bytes] | None:
    """Header and data field; without a size the data field is what the pad makes of it, and empty here."""
    if len(command) < 4 or command[1] not in instructions:
        return None
    header, lc, data = command[:4], command[4:5], command[5:]
    if lc and lc[0] != len(data):
        return None
    return None if not size and data else (header, data)
