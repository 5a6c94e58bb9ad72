"""The simulated PIN pad, told what to do by blocks written down here by hand, field after field."""

from collections.abc import Callable

import pytest

from apdu.errors import CardRemovedError, ReaderError
from apdu.transport.inprocess import InProcessReaders, Pad
from simulator.pinpad import ObligingHolder, Prompt, ScriptedHolder, SimulatedPad

GET_FEATURES = 0x42000D48
START, FINISH, MODIFY_START, MODIFY_FINISH, KEY, DIRECT, MODIFY_DIRECT, PROPERTIES, ABORT, TLV = (
    0x42330000 + tag for tag in (1, 2, 3, 4, 5, 6, 7, 10, 11, 18)
)
#                           time format block  digits key msg lang idx teo    length   command
ANY = bytes.fromhex("1E1E 81 00 00 0C04 02 01 0408 00 000000 05000000 0020000000")
SIX = bytes.fromhex("1E1E 81 03 00 0606 02 01 0408 00 000000 08000000 0020000003FFFFFF")
FIVE = bytes.fromhex("1E1E 81 03 00 0505 02 01 0408 00 000000 08000000 0020000003FFFFFF")
CHANGE = bytes.fromhex("5A5A 81 03 00 0004 0606 03 02 03 0408 000102 000000 0C000000 805E010007FFFFFFFFFFFFFF")
NEW_ONLY = bytes.fromhex("5A5A 81 03 00 0004 0606 00 02 01 0408 000000 000000 0C000000 805E010007123456FFFFFFFF")


class Card:
    """Takes down what it is sent."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def __call__(self, command: bytes) -> bytes:
        self.commands.append(command.hex().upper())
        return bytes.fromhex("9000")


class Clock:
    """Goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def direct(*texts: str, **options: object) -> SimulatedPad:
    clock = Clock()
    return SimulatedPad(ScriptedHolder(*texts), stepwise=False, now=clock, sleep=clock.sleep, **options)  # type: ignore[arg-type]


@pytest.fixture
def card() -> Card:
    return Card()


def test_it_is_a_pad() -> None:
    checked_by_mypy: Pad = direct()
    assert checked_by_mypy is not None


def test_it_says_what_it_offers() -> None:
    assert direct().control(GET_FEATURES, b"", Card()) == bytes.fromhex(
        "060442330006 070442330007 0A044233000A 120442330012"
    )
    stepwise = SimulatedPad(ScriptedHolder(), modifies=False).control(GET_FEATURES, b"", Card())
    assert stepwise[::6] == bytes.fromhex("0102050A0B12")


def test_it_says_how_many_digits_it_takes() -> None:
    pad = direct(sizes=(4, 12))
    assert pad.control(TLV, b"", Card()) == bytes.fromhex("060104 07010C")
    assert pad.control(PROPERTIES, b"", Card()) == bytes.fromhex("10020200")


@pytest.mark.parametrize(
    ("block", "typed", "command"),
    [
        pytest.param(ANY, "1234\r", "00200000021234", id="four"),
        pytest.param(ANY, "12345\r", "002000000312345F", id="five"),
        pytest.param(ANY, "123456789012\r", "0020000006123456789012", id="twelve"),
        pytest.param(ANY, "12345678901299\r", "0020000006123456789012", id="no-more-than-allowed"),
        pytest.param(ANY, "12<99C4321\r", "00200000024321", id="corrected"),
        pytest.param(ANY, "123<4<56\r", "00200000021256", id="corrected-twice"),
        pytest.param(SIX, "123456\r", "0020000003123456", id="fixed"),
        pytest.param(FIVE, "12345\r", "002000000312345F", id="fixed-odd"),
    ],
)
def test_it_writes_the_pin_into_verify(block: bytes, typed: str, command: str, card: Card) -> None:
    assert direct(typed).control(DIRECT, block, card) == b"\x90\x00"
    assert card.commands == [command]


def test_what_fills_an_odd_number_of_digits_is_the_firmware_s(card: Card) -> None:
    direct("12345\r", filler=0).control(DIRECT, ANY, card)
    assert card.commands == ["0020000003123450"]


def test_it_writes_both_pins_into_a_change(card: Card) -> None:
    assert direct("123456\r", "654321\r", "654321\r").control(MODIFY_DIRECT, CHANGE, card) == b"\x90\x00"
    assert card.commands == ["805E010007123456FF654321"]


def test_it_writes_a_new_pin_alone_behind_what_the_host_knows(card: Card) -> None:
    direct("654321\r").control(MODIFY_DIRECT, NEW_ONLY, card)
    assert card.commands == ["805E010007123456FF654321"]


@pytest.mark.parametrize(
    ("texts", "status"),
    [
        pytest.param(("12X",), "6401", id="cancelled"),
        pytest.param(("12",), "6400", id="nothing-more"),
        pytest.param((), "6400", id="nothing"),
        pytest.param(("123456\r", "65X"), "6401", id="cancelled-at-the-new-one"),
        pytest.param(("123456\r", "654321\r", "654322\r"), "6402", id="not-the-same-twice"),
        pytest.param(("123456\r", "65432\r", "65432\r"), "6403", id="too-short"),
    ],
)
def test_nothing_is_sent_when_the_entry_fails(texts: tuple[str, ...], status: str, card: Card) -> None:
    assert direct(*texts).control(MODIFY_DIRECT, CHANGE, card).hex() == status
    assert not card.commands


def test_firmware_that_does_not_write_the_pin_sends_what_it_got(card: Card) -> None:
    direct("1234\r", inserts=False).control(DIRECT, ANY, card)
    direct("123456\r", inserts=False).control(DIRECT, SIX, card)
    assert card.commands == ["00200000", "0020000003FFFFFF"]


def _with(block: bytes, at: int, value: str) -> bytes:
    changed = bytes.fromhex(value)
    return block[:at] + changed + block[at + len(changed) :]


@pytest.mark.parametrize(
    ("at", "value"),
    [
        pytest.param(2, "82", id="ascii"),
        pytest.param(2, "85", id="right"),
        pytest.param(2, "89", id="position"),
        pytest.param(3, "43", id="length-in-the-data"),
        pytest.param(3, "02", id="block-too-small"),
        pytest.param(3, "04", id="block-too-big"),
        pytest.param(4, "10", id="length-position"),
        pytest.param(5, "0506", id="most-below-least"),
        pytest.param(5, "1106", id="more-than-the-pad-takes"),
        pytest.param(5, "0600", id="no-digits"),
        pytest.param(7, "01", id="no-enter-key"),
        pytest.param(8, "03", id="messages"),
        pytest.param(11, "01", id="message-index"),
        pytest.param(12, "000001", id="prologue"),
        pytest.param(15, "07000000", id="length-of-command"),
        pytest.param(15, "00000008", id="length-big-endian"),
        pytest.param(20, "DC", id="another-command"),
        pytest.param(23, "04", id="lc"),
    ],
)
def test_a_verify_block_that_is_not_right_is_refused(at: int, value: str, card: Card) -> None:
    block = _with(SIX, at, value)
    assert direct("123456\r").control(DIRECT, block, card).hex() == "6b80"
    with pytest.raises(ReaderError):
        SimulatedPad(ScriptedHolder("123456\r")).control(START, block, card)
    assert not card.commands


@pytest.mark.parametrize(
    ("at", "value"),
    [
        pytest.param(3, "00", id="any-length"),
        pytest.param(6, "02", id="overlapping"),
        pytest.param(6, "05", id="behind-the-end"),
        pytest.param(7, "040404", id="confirm"),
        pytest.param(11, "02", id="messages"),
        pytest.param(20, "0D000000", id="length-of-command"),
        pytest.param(25, "20", id="another-command"),
    ],
)
def test_a_modify_block_that_is_not_right_is_refused(at: int, value: str, card: Card) -> None:
    assert direct("123456\r" * 3).control(MODIFY_DIRECT, _with(CHANGE, at, value), card).hex() == "6b80"
    assert not card.commands


@pytest.mark.parametrize("block", [b"", SIX[:18], CHANGE, SIX[:19]])
def test_what_is_no_block_at_all_is_refused(block: bytes, card: Card) -> None:
    assert direct("123456\r").control(DIRECT, block, card).hex() == "6b80"


def _keys(pad: SimulatedPad, count: int) -> str:
    return b"".join(pad.control(KEY, b"", Card()) for _ in range(count)).hex().upper()


def test_step_by_step_each_key_is_told_and_never_which(card: Card) -> None:
    pad = SimulatedPad(ScriptedHolder("12<C1234\r"))
    assert pad.control(START, ANY, card) == b""
    assert _keys(pad, 9) == "2B2B080A2B2B2B2B0D"
    assert _keys(pad, 1) == "00"
    assert not card.commands
    assert pad.control(FINISH, b"", card) == b"\x90\x00"
    assert card.commands == ["00200000021234"]


def test_step_by_step_a_change(card: Card) -> None:
    pad = SimulatedPad(ObligingHolder("123456", "654321"))
    for command in ("805E010007123456FF654321", "805E010007654321FF123456"):
        pad.control(MODIFY_START, CHANGE, card)
        assert _keys(pad, 21) == "2B2B2B2B2B2B0D" * 3
        pad.control(MODIFY_FINISH, b"", card)
        assert card.commands.pop() == command


def test_step_by_step_the_clock_runs_out(card: Card) -> None:
    clock = Clock()
    pad = SimulatedPad(ScriptedHolder("12"), now=clock, sleep=clock.sleep)
    pad.control(START, ANY, card)
    clock.sleep(29.9)
    assert _keys(pad, 3) == "2B2B00"
    clock.sleep(0.2)
    assert _keys(pad, 1) == "0E"
    assert pad.control(FINISH, b"", card).hex() == "6400"


def test_what_was_called_off_is_gone(card: Card) -> None:
    pad = SimulatedPad(ScriptedHolder("1234\r"))
    pad.control(START, ANY, card)
    _keys(pad, 5)
    pad.control(ABORT, b"", card)
    assert pad.aborted == 1
    for code in (FINISH, KEY, ABORT):
        with pytest.raises(ReaderError, match="no PIN entry"):
            pad.control(code, b"", card)
    assert not card.commands


def test_an_entry_is_not_finished_before_its_end(card: Card) -> None:
    pad = SimulatedPad(ScriptedHolder("1234\r"))
    pad.control(START, ANY, card)
    with pytest.raises(ReaderError, match="not over"):
        pad.control(FINISH, b"", card)
    assert not card.commands


@pytest.mark.parametrize("code", [DIRECT, MODIFY_DIRECT, 0x42000001])
def test_what_is_not_offered_is_refused(code: int, card: Card) -> None:
    with pytest.raises(ReaderError, match="control code"):
        SimulatedPad(ScriptedHolder("1234\r")).control(code, ANY, card)


def test_nothing_that_is_typed_is_in_a_repr(card: Card) -> None:
    pad = SimulatedPad(ScriptedHolder("918273\r"))
    pad.control(START, ANY, card)
    _keys(pad, 7)
    assert "918273" not in f"{pad!r} {pad.holder!r} {pad._entry!r}"


def test_a_holder_who_obliges_answers_what_is_asked() -> None:
    holder = ObligingHolder("1234", "5678")
    assert [holder.keys(prompt) for prompt in Prompt] == ["1234\r", "1234\r", "5678\r", "5678\r"]
    assert holder.keys(Prompt.PIN) == "5678\r"


def test_behind_a_reader_the_pad_speaks_to_the_card_in_it(echo_chip: Callable[..., object]) -> None:
    readers = InProcessReaders()
    readers.add_reader("pad", pad=direct("1234\r"))
    readers.insert("pad", echo_chip())  # type: ignore[arg-type]
    connection = readers.connect("pad")
    assert {int(feature) for feature in connection.features()} == {6, 7, 10, 18}
    assert connection.control(DIRECT, ANY) == bytes.fromhex("12349000")
    readers.remove("pad")
    with pytest.raises(CardRemovedError):
        connection.features()
