"""A PIN typed at the reader's own pad (密码键盘), so that no computer sees it: what to ask for, and the pad's driver.

What such readers can do. PC/SC part 10 describes where in a command the reader writes the digits. A PIN of *fixed*
length fits exactly: the block has its size, the template its length byte, and FF where the digits will stand, so that
an odd number of them leaves F in the last half byte, as the card wants it [S2.5 §6.14]. Every pad can do that. A PIN
of *variable* length is a block of size 0 in a template whose length byte is 00: the reader takes as many bytes as it
needs and puts the length right. Not every firmware does: some send the template as it is, which this card takes for the
question how many tries are left, or with a wrong length. Both are recognised by the answer, cost no try, and are told
as :class:`~apdu.errors.PadUnsuitableError`. What fills the half byte after an odd number of digits the specification
leaves open there: a reader that does not write F has a right PIN refused. So where a region has PINs of one length, say
so. No pad of a real maker was tried with this card.

To *change* a PIN the card wants old ‖ FF ‖ new [S2.5 §6.3]. Where the new one begins is a fixed offset in part 10, so
only PINs of one fixed length can be changed at a pad; nothing else is even tried.
"""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol, TypeAlias

from apdu.errors import (
    MalformedError,
    NoPinPadError,
    PadUnsuitableError,
    PinEntryCancelledError,
    PinEntryLengthError,
    PinEntryMismatchError,
    PinEntryTimeoutError,
    ProtocolError,
    ReaderError,
    TransportError,
)
from apdu.flow import Question
from apdu.part10 import (
    CHINESE,
    Confirm,
    Feature,
    Format,
    Key,
    PadStatus,
    PinModifyStructure,
    PinVerifyStructure,
    Property,
    Validation,
    parse_properties,
)
from apdu.response import ResponseAPDU

ENTRY, PAUSE = 30, 5.0
"""Seconds: for one PIN, and without a key once typing has begun; the standard wants both limits [S2.8 §6.4.3]."""

POLL = 0.1
"""Seconds between two questions for the key pressed."""

FILLER: Final = b"\xff"
_LONGEST_ENTRY: Final = 255
_WRONG_LENGTH: Final = 0x6700


@dataclass(frozen=True, slots=True)
class PinEntry(Question[ResponseAPDU]):
    """A flow asks that the holder types a PIN at the pad, and is answered what the card said to it.

    ``header``: CLA INS P1 P2 of the command. ``change``: the old PIN is asked for, and the new one twice; the data
    field is old ‖ ``separator`` ‖ new. ``min_digits``, ``max_digits``: 1…30, packed two in a byte from the left.
    ``seconds``: time for one PIN, 1…85. ``language``: of the pad's display. ``unchanged``: the status word with which
    the card would answer the header alone, None where it cannot be mistaken for an answer to a PIN.

    Who answers raises :class:`~apdu.errors.PinPadError` (no try was spent) and :class:`~apdu.errors.TransportError`.
    """

    header: bytes
    change: bool = False
    separator: bytes = b""
    min_digits: int = 4
    max_digits: int = 12
    seconds: int = ENTRY
    language: int = CHINESE
    unchanged: int | None = None

    @property
    def pins(self) -> int:
        """How many times the holder types a PIN."""
        return 3 if self.change else 1


class PadEventKind(Enum):
    """What happens at the pad (密码输入事件)."""

    ENTER_PIN = auto()
    ENTER_OLD_PIN = auto()
    ENTER_NEW_PIN = auto()
    CONFIRM_NEW_PIN = auto()
    DIGIT = auto()
    CLEARED = auto()
    ENTERED = auto()


@dataclass(frozen=True, slots=True)
class PadEvent:
    """Something at the pad; ``digits``: how many are typed now, as far as the reader tells. Never which."""

    kind: PadEventKind
    digits: int = 0


OnEvent: TypeAlias = Callable[[PadEvent], None]

_PROMPTS: Final = {
    False: (PadEventKind.ENTER_PIN,),
    True: (PadEventKind.ENTER_OLD_PIN, PadEventKind.ENTER_NEW_PIN, PadEventKind.CONFIRM_NEW_PIN),
}

_REFUSALS: Final[Mapping[int, type[Exception]]] = {
    PadStatus.TIMED_OUT: PinEntryTimeoutError,
    PadStatus.CANCELLED: PinEntryCancelledError,
    PadStatus.NEW_PINS_DIFFER: PinEntryMismatchError,
    PadStatus.WRONG_SIZE: PinEntryLengthError,
}


class Controlled(Protocol):
    """What the driver needs of an :class:`apdu.readers.CardConnection`."""

    def features(self) -> Mapping[Feature, int]:
        """Control codes of what the reader offers besides moving commands."""
        ...

    def control(self, code: int, data: bytes) -> bytes:
        """Have the reader itself do something."""
        ...


def has_pad(connection: Controlled) -> bool:
    """Whether the reader has a PIN pad; raises :class:`~apdu.errors.TransportError`."""
    return _ways(connection.features(), change=False) != (False, False)


class PinPad:
    """The pad of the reader that holds a card; raises :class:`~apdu.errors.NoPinPadError` where there is none.

    Where the reader can be asked what is pressed (START, GET_KEY_PRESSED, FINISH), each key is an event, and an entry
    can be called off. Else one call (DIRECT) lasts until the holder is done: nothing is seen meanwhile, and nothing but
    the holder or the reader's clock can end it.
    """

    def __init__(
        self,
        connection: Controlled,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._features = connection.features()
        self._sleep = sleep
        self._now = now
        if _ways(self._features, change=False) == (False, False):
            raise NoPinPadError

    def suits(self, entry: PinEntry) -> None:
        """Raise :class:`~apdu.errors.PadUnsuitableError` where this pad cannot do it; nobody is asked for anything."""
        self._stepwise(entry)
        self._block(entry, ENTRY)

    def _stepwise(self, entry: PinEntry) -> bool:
        stepwise, direct = _ways(self._features, change=entry.change)
        if not (stepwise or direct):
            raise PadUnsuitableError("this PIN pad cannot change PINs")
        return stepwise

    def enter(
        self,
        entry: PinEntry,
        *,
        on_event: OnEvent = lambda _: None,
        check: Callable[[], None] = lambda: None,
        until: float = math.inf,
    ) -> ResponseAPDU:
        """Have a PIN typed and sent; the card's answer.

        ``check`` is called again and again: what it raises calls the entry off. ``until``: moment of ``now`` by which
        the entry is over. Raises :class:`~apdu.errors.PinPadError` when nothing came of it for the card, and
        :class:`~apdu.errors.TransportError`: then it is not known whether the card has had the PIN.
        """
        check()
        stepwise = self._stepwise(entry)
        seconds = int(min(entry.seconds * entry.pins, until - self._now(), _LONGEST_ENTRY))
        if seconds < 1:
            raise PinEntryTimeoutError("there is no time left to enter a PIN")
        block = self._block(entry, seconds)
        if stepwise:
            answer = self._step_by_step(entry, block, self._now() + seconds, on_event, check)
        else:
            on_event(PadEvent(_PROMPTS[entry.change][0]))
            code = Feature.MODIFY_PIN_DIRECT if entry.change else Feature.VERIFY_PIN_DIRECT
            answer = self._do(code, block)
        response = _response(entry, answer)
        on_event(PadEvent(PadEventKind.ENTERED))
        return response

    def _step_by_step(
        self, entry: PinEntry, block: bytes, until: float, on_event: OnEvent, check: Callable[[], None]
    ) -> bytes:
        start, finish = (
            (Feature.MODIFY_PIN_START, Feature.MODIFY_PIN_FINISH)
            if entry.change
            else (Feature.VERIFY_PIN_START, Feature.VERIFY_PIN_FINISH)
        )
        self._do(start, block)
        try:
            for prompt in _PROMPTS[entry.change]:
                on_event(PadEvent(prompt))
                if self._type(until, on_event, check) != Key.OK:
                    break
            check()
        except BaseException:
            self._abort()
            raise
        return self._do(finish)

    def _type(self, until: float, on_event: OnEvent, check: Callable[[], None]) -> Key:
        """One PIN, until the key that ends it: OK, CANCEL or TIMEOUT."""
        digits, touched = 0, math.inf
        while True:
            check()
            key = self._key()
            if key in {Key.OK, Key.CANCEL, Key.TIMEOUT}:
                return key
            if key == Key.ABORTED:
                raise PinEntryCancelledError
            if key == Key.NONE:
                if self._now() >= min(until, touched + PAUSE):
                    raise PinEntryTimeoutError
                self._sleep(POLL)
                continue
            digits = {Key.DIGIT: digits + 1, Key.BACKSPACE: max(0, digits - 1)}.get(key, 0)
            touched = self._now() if digits else math.inf
            on_event(PadEvent(PadEventKind.DIGIT if key == Key.DIGIT else PadEventKind.CLEARED, digits))

    def _key(self) -> Key:
        answer = self._do(Feature.GET_KEY_PRESSED)
        try:
            (value,) = answer
            return Key(value)
        except ValueError:
            raise ProtocolError("the PIN pad does not tell what is pressed as PC/SC part 10 has it") from None

    def _abort(self) -> None:
        """End the entry without sending anything; a reader that cannot ends it by its own clock."""
        if Feature.ABORT in self._features:
            with suppress(TransportError):
                self._do(Feature.ABORT)

    def _do(self, feature: Feature, data: bytes = b"") -> bytes:
        return self._connection.control(self._features[feature], data)

    def _block(self, entry: PinEntry, seconds: int) -> bytes:
        shortest, longest = self._sizes(entry)
        fixed = (longest + 1) // 2 if shortest == longest else 0
        if entry.change and not fixed:
            raise PadUnsuitableError("PINs can be changed at a pad only where all of them have one number of digits")
        pin = FILLER * fixed
        data = pin + entry.separator + pin if entry.change else pin
        common = {
            "timer_out": seconds,
            "timer_out2": seconds,
            "format_string": Format.BYTES | Format.BCD,
            "pin_block_string": fixed,
            "pin_length_format": 0,
            "min_digits": shortest,
            "max_digits": longest,
            "entry_validation": Validation.KEY_PRESSED,
            "number_message": entry.pins,
            "language": entry.language,
        }
        command = entry.header + bytes((len(data),)) + data
        if not entry.change:
            return PinVerifyStructure(**common, message_index=0, data=command).encode()
        return PinModifyStructure(
            **common,
            offset_old=0,
            offset_new=fixed + len(entry.separator),
            confirm_pin=Confirm.CURRENT | Confirm.NEW_AGAIN,
            message_indices=(0, 1, 2),
            data=command,
        ).encode()

    def _sizes(self, entry: PinEntry) -> tuple[int, int]:
        """Digits to allow. A pad that takes fewer than a PIN may have would send its beginning, and cost a try."""
        smallest, largest = 0, 0
        if Feature.GET_TLV_PROPERTIES in self._features:
            with suppress(ReaderError, MalformedError):
                known = parse_properties(self._do(Feature.GET_TLV_PROPERTIES))
                smallest, largest = (
                    int.from_bytes(known.get(size, b""), "little")
                    for size in (Property.MIN_PIN_SIZE, Property.MAX_PIN_SIZE)
                )
        shortest = max(entry.min_digits, smallest)
        if (largest and largest < entry.max_digits) or shortest > entry.max_digits:
            raise PadUnsuitableError(
                f"this PIN pad takes {smallest} to {largest or 'any number of'} digits, "
                f"and the PIN has {entry.min_digits} to {entry.max_digits}"
            )
        return shortest, entry.max_digits


def _ways(features: Mapping[Feature, int], *, change: bool) -> tuple[bool, bool]:
    """Whether there is START, GET_KEY_PRESSED, FINISH, and whether there is DIRECT."""
    if change:
        steps, direct = (Feature.MODIFY_PIN_START, Feature.MODIFY_PIN_FINISH), Feature.MODIFY_PIN_DIRECT
    else:
        steps, direct = (Feature.VERIFY_PIN_START, Feature.VERIFY_PIN_FINISH), Feature.VERIFY_PIN_DIRECT
    return all(step in features for step in (*steps, Feature.GET_KEY_PRESSED)), direct in features


def _response(entry: PinEntry, answer: bytes) -> ResponseAPDU:
    """The card's answer; raises what the reader says in its place."""
    response = ResponseAPDU.from_bytes(answer)
    if response.sw in _REFUSALS:
        raise _REFUSALS[response.sw]
    if response.sw == PadStatus.INVALID_PARAMETER:
        raise PadUnsuitableError("the PIN pad does not take what it was told to ask for")
    if response.sw in {entry.unchanged, _WRONG_LENGTH}:
        raise PadUnsuitableError("the PIN pad does not put the PIN into the command as this card needs it")
    return response
