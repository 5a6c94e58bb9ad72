"""The driver of a PIN pad, against a reader that answers as told."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from apdu.errors import (
    CardRemovedError,
    NoPinPadError,
    PadUnsuitableError,
    PinEntryCancelledError,
    PinEntryLengthError,
    PinEntryMismatchError,
    PinEntryTimeoutError,
    ProtocolError,
    ReaderError,
)
from apdu.part10 import Feature
from apdu.pinpad import PAUSE, PadEvent, PinEntry, PinPad, has_pad
from apdu.pinpad import PadEventKind as Kind

F = Feature
VERIFY = PinEntry(bytes.fromhex("00200000"))
CHANGE = PinEntry(bytes.fromhex("805E0100"), change=True, separator=b"\xff", min_digits=6, max_digits=6)
DIRECT = frozenset({F.VERIFY_PIN_DIRECT, F.MODIFY_PIN_DIRECT})
STEPS = frozenset(
    {F.VERIFY_PIN_START, F.VERIFY_PIN_FINISH, F.MODIFY_PIN_START, F.MODIFY_PIN_FINISH, F.GET_KEY_PRESSED, F.ABORT}
)


class Reader:
    """A reader whose clock goes on by what is slept; ``keys``: what is pressed, then nothing."""

    def __init__(self, offered: frozenset[Feature] = DIRECT, *, answer: str = "9000", keys: str = "") -> None:
        self.offered = offered
        self.answer: bytes | Exception = bytes.fromhex(answer)
        self.properties: bytes | Exception = b""
        self.keys = list(bytes.fromhex(keys))
        self.asked: list[Feature] = []
        self.blocks: list[bytes] = []
        self.time = 1000.0

    def features(self) -> Mapping[Feature, int]:
        return {feature: 0x42330000 + feature for feature in self.offered}

    def control(self, code: int, data: bytes) -> bytes:
        feature = Feature(code - 0x42330000)
        assert feature in self.offered
        self.asked.append(feature)
        if feature == F.GET_TLV_PROPERTIES:
            return _out(self.properties)
        if feature == F.GET_KEY_PRESSED:
            return bytes((self.keys.pop(0) if self.keys else 0,))
        if feature == F.ABORT:
            return b""
        if data:
            self.blocks.append(data)
        return b"" if feature in {F.VERIFY_PIN_START, F.MODIFY_PIN_START} else _out(self.answer)

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def enter(self, entry: PinEntry, **options: Any) -> int:
        pad = PinPad(self, sleep=self.sleep, now=lambda: self.time)
        return pad.enter(entry, **options).sw


def _out(answer: bytes | Exception) -> bytes:
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.mark.parametrize(
    ("offered", "pad"),
    [
        (frozenset(), False),
        (frozenset({F.IFD_PIN_PROPERTIES, F.GET_TLV_PROPERTIES, F.CCID_ESC_COMMAND}), False),
        (frozenset({F.VERIFY_PIN_START, F.VERIFY_PIN_FINISH}), False),
        (frozenset({F.VERIFY_PIN_DIRECT}), True),
        (STEPS - {F.ABORT}, True),
    ],
)
def test_a_pad_is_a_way_to_verify_a_pin(offered: frozenset[Feature], *, pad: bool) -> None:
    assert has_pad(Reader(offered)) is pad
    if not pad:
        with pytest.raises(NoPinPadError):
            PinPad(Reader(offered))


# The clauses are those of PC/SC part 10; each line is one field, in the order of the structures.
VARIABLE = """
1E 1E
81          bmFormatString: bytes, position 0, left, BCD
00          bmPINBlockString: no length in the command, block as long as the PIN
00          bmPINLengthFormat
0C04        wPINMaxExtraDigit: 4 to 12
02          bEntryValidationCondition: the enter key
01 0408 00  bNumberMessage, wLangId: 0804, bMsgIndex
000000      bTeoPrologue
05000000    ulDataLength
0020000000
"""
SIX_DIGITS = """
1E 1E
81
03          a block of three bytes
00
0606        exactly six digits
02
01 0408 00
000000
08000000
0020000003 FFFFFF
"""
FIVE_DIGITS = """
1E 1E
81
03          2.5 bytes, and F in what is left of the template
00
0505
02
01 0408 00
000000
08000000
0020000003 FFFFFF
"""
CHANGE_SIX = """
5A 5A       three PINs, thirty seconds each
81
03
00
00 04       bInsertionOffsetOld, bInsertionOffsetNew: behind three bytes and FF
0606
03          bConfirmPIN: the old PIN, and the new one twice
02
03 0408     three messages
00 01 02
000000
0C000000
805E010007 FFFFFF FF FFFFFF
"""


def _bytes(lines: str) -> bytes:
    fields = [line.split("  ")[0] for line in lines.strip().splitlines()]
    return bytes.fromhex("".join(part for line in fields for part in line.split(" ") if _is_hex(part)))


def _is_hex(text: str) -> bool:
    return all(character in "0123456789ABCDEF" for character in text)


@pytest.mark.parametrize(
    ("entry", "block"),
    [
        pytest.param(VERIFY, VARIABLE, id="verify-any-length"),
        pytest.param(PinEntry(VERIFY.header, min_digits=6, max_digits=6), SIX_DIGITS, id="verify-six-digits"),
        pytest.param(PinEntry(VERIFY.header, min_digits=5, max_digits=5), FIVE_DIGITS, id="verify-five-digits"),
        pytest.param(CHANGE, CHANGE_SIX, id="change-six-digits"),
    ],
)
@pytest.mark.parametrize("offered", [DIRECT, STEPS], ids=["direct", "stepwise"])
def test_the_block_is_what_the_specification_has(entry: PinEntry, block: str, offered: frozenset[Feature]) -> None:
    reader = Reader(offered, keys="0D0D0D")
    assert reader.enter(entry) == 0x9000
    assert reader.blocks == [_bytes(block)]


def test_pins_of_any_length_are_not_changed_at_a_pad() -> None:
    reader = Reader()
    with pytest.raises(PadUnsuitableError, match="one number of digits"):
        reader.enter(PinEntry(CHANGE.header, change=True, separator=b"\xff"))
    assert not reader.blocks


def test_a_pad_that_cannot_change_pins_says_so() -> None:
    with pytest.raises(PadUnsuitableError, match="cannot change"):
        Reader(frozenset({F.VERIFY_PIN_DIRECT})).enter(CHANGE)


@pytest.mark.parametrize(
    ("properties", "limits"),
    [("0601 04 0701 0C", "0C04"), ("0601 06 0701 10", "0C06"), ("0601 00 0701 00", "0C04"), ("", "0C04")],
)
def test_the_pad_s_own_limits_are_kept(properties: str, limits: str) -> None:
    reader = Reader(DIRECT | {F.GET_TLV_PROPERTIES})
    reader.properties = bytes.fromhex(properties)
    assert reader.enter(VERIFY) == 0x9000
    assert reader.blocks[0][5:7].hex().upper() == limits


@pytest.mark.parametrize("properties", [ReaderError("no"), bytes.fromhex("0601")])
def test_a_pad_that_does_not_tell_its_limits_is_believed_to_have_none(properties: bytes | Exception) -> None:
    reader = Reader(DIRECT | {F.GET_TLV_PROPERTIES})
    reader.properties = properties
    assert reader.enter(VERIFY) == 0x9000


@pytest.mark.parametrize("properties", ["0701 08", "0601 0D 0701 10"])
def test_a_pad_that_would_send_the_beginning_of_a_pin_is_not_used(properties: str) -> None:
    reader = Reader(DIRECT | {F.GET_TLV_PROPERTIES})
    reader.properties = bytes.fromhex(properties)
    with pytest.raises(PadUnsuitableError, match="digits"):
        reader.enter(VERIFY)
    assert not reader.blocks


@pytest.mark.parametrize("offered", [DIRECT, STEPS], ids=["direct", "stepwise"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("6400", PinEntryTimeoutError),
        ("6401", PinEntryCancelledError),
        ("6402", PinEntryMismatchError),
        ("6403", PinEntryLengthError),
        ("6B80", PadUnsuitableError),
        ("6700", PadUnsuitableError),
        ("63C3", PadUnsuitableError),
        ("90", ProtocolError),
    ],
)
def test_what_the_reader_says_in_place_of_the_card_is_an_error(
    answer: str, error: type[Exception], offered: frozenset[Feature]
) -> None:
    """63C3 is what the card had said to the command without a PIN: the reader sent it like that."""
    events: list[PadEvent] = []
    with pytest.raises(error):
        Reader(offered, answer=answer, keys="0D").enter(
            PinEntry(VERIFY.header, unchanged=0x63C3), on_event=events.append
        )
    assert PadEvent(Kind.ENTERED) not in events


@pytest.mark.parametrize("answer", ["9000", "63C2", "6983", "6A80"])
def test_the_card_s_answer_is_the_result(answer: str) -> None:
    assert Reader(answer=answer).enter(PinEntry(VERIFY.header, unchanged=0x63C3)) == int(answer, 16)


def test_keys_are_events_without_digits() -> None:
    events: list[PadEvent] = []
    Reader(STEPS, keys="2B2B002B08 0A0A 2B2B2B2B 0D").enter(VERIFY, on_event=events.append)
    counts = [(event.kind, event.digits) for event in events]
    typed = [(Kind.DIGIT, 1), (Kind.DIGIT, 2), (Kind.DIGIT, 3), (Kind.CLEARED, 2), (Kind.CLEARED, 0), (Kind.CLEARED, 0)]
    again = [(Kind.DIGIT, 1), (Kind.DIGIT, 2), (Kind.DIGIT, 3), (Kind.DIGIT, 4)]
    assert counts == [(Kind.ENTER_PIN, 0), *typed, *again, (Kind.ENTERED, 0)]


def test_a_change_asks_three_times() -> None:
    events: list[PadEvent] = []
    Reader(STEPS, keys="2B0D2B0D2B0D").enter(CHANGE, on_event=events.append)
    assert [event.kind for event in events if event.kind is not Kind.DIGIT] == [
        Kind.ENTER_OLD_PIN,
        Kind.ENTER_NEW_PIN,
        Kind.CONFIRM_NEW_PIN,
        Kind.ENTERED,
    ]


def test_a_pad_that_tells_no_keys_is_asked_once() -> None:
    reader, events = Reader(), list[PadEvent]()
    reader.enter(CHANGE, on_event=events.append)
    assert [event.kind for event in events] == [Kind.ENTER_OLD_PIN, Kind.ENTERED]
    assert reader.asked == [F.MODIFY_PIN_DIRECT]


@pytest.mark.parametrize(
    ("key", "answer", "error"), [("1B", "6401", PinEntryCancelledError), ("0E", "6400", PinEntryTimeoutError)]
)
def test_an_entry_that_the_pad_ends_is_finished(key: str, answer: str, error: type[Exception]) -> None:
    reader = Reader(STEPS, keys=f"2B0D{key}", answer=answer)
    with pytest.raises(error):
        reader.enter(CHANGE)
    assert reader.asked[-1] == F.MODIFY_PIN_FINISH


def test_an_entry_that_somebody_else_called_off_is_over() -> None:
    with pytest.raises(PinEntryCancelledError):
        Reader(STEPS, keys="2B40").enter(VERIFY)


@pytest.mark.parametrize("key", ["31", "FF"])
def test_a_pad_that_tells_something_else_breaks_the_protocol(key: str) -> None:
    reader = Reader(STEPS, keys=key)
    with pytest.raises(ProtocolError) as caught:
        reader.enter(VERIFY)
    assert key not in str(caught.value)
    assert reader.asked[-1] == F.ABORT


def test_nothing_typed_in_time_calls_the_entry_off() -> None:
    reader = Reader(STEPS)
    with pytest.raises(PinEntryTimeoutError):
        reader.enter(VERIFY)
    assert reader.time == pytest.approx(1000 + VERIFY.seconds, abs=0.2)
    assert reader.asked[-1] == F.ABORT


def test_a_long_pause_after_a_digit_calls_the_entry_off() -> None:
    reader = Reader(STEPS, keys="2B2B")
    with pytest.raises(PinEntryTimeoutError):
        reader.enter(VERIFY)
    assert reader.time == pytest.approx(1000 + PAUSE, abs=0.2)
    assert reader.asked[-1] == F.ABORT


@pytest.mark.parametrize("offered", [STEPS, STEPS - {F.ABORT}], ids=["abort", "no-abort"])
def test_what_check_raises_calls_the_entry_off_and_sends_nothing(offered: frozenset[Feature]) -> None:
    class GoneError(Exception):
        pass

    looks = iter([None, None, None, GoneError()])

    def check() -> None:
        if (error := next(looks)) is not None:
            raise error

    reader = Reader(offered, keys="2B2B2B2B0D")
    with pytest.raises(GoneError):
        reader.enter(VERIFY, check=check)
    assert F.VERIFY_PIN_FINISH not in reader.asked
    assert (reader.asked[-1] == F.ABORT) is (F.ABORT in offered)


def _stop_after_ok() -> Callable[[], None]:
    """Does nothing until the enter key was told: then the caller is gone."""
    looks = iter([False, False, False, True])

    def check() -> None:
        if next(looks):
            raise RuntimeError

    return check


def test_even_after_the_enter_key_nothing_is_sent_for_who_is_gone() -> None:
    reader = Reader(STEPS, keys="2B0D")
    with pytest.raises(RuntimeError):
        reader.enter(VERIFY, check=_stop_after_ok())
    assert reader.asked[-1] == F.ABORT


@pytest.mark.parametrize(("left", "seconds"), [(math.inf, 30), (12.9, 12), (1.0, 1)])
def test_the_pad_gets_no_more_time_than_the_call_has(left: float, seconds: int) -> None:
    reader = Reader()
    reader.enter(VERIFY, until=1000 + left)
    assert reader.blocks[0][:2] == bytes((seconds, seconds))


def test_without_time_nobody_is_asked() -> None:
    reader = Reader()
    with pytest.raises(PinEntryTimeoutError):
        reader.enter(VERIFY, until=1000.9)
    assert not reader.asked


def test_a_card_pulled_out_is_no_matter_of_the_pad() -> None:
    reader = Reader(STEPS, keys="2B0D")
    reader.answer = CardRemovedError("gone")
    with pytest.raises(CardRemovedError):
        reader.enter(VERIFY)
