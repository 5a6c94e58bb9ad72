"""The number of an original medical card, read through a reader's pseudo-commands."""

import pytest

from apdu.errors import StatusWordError
from apdu.flow import Responses, Script, run
from apdu.response import ResponseAPDU
from cardlib.errors import CardDataError
from cardlib.flows.read_number import SLE4442, NumberEncoding, NumberLayout, read_number

LAYOUT = NumberLayout(0x20, 18)
NUMBER = b"990000199001010017"


def conversation(layout: NumberLayout, answer: bytes, **options: int) -> tuple[str, list[str]]:
    """What the flow returns, and the commands that it sent, each of which is answered the same."""
    sent: list[str] = []

    def execute(script: Script) -> Responses:
        sent.extend(step.command.to_bytes().hex().upper() for step in script.steps)
        answers = []
        for step in script.steps:
            answers.append(ResponseAPDU.from_bytes(answer))
            if not step.accepts(answers[-1]):
                break
        return Responses(script, tuple(answers))

    return run(read_number(layout, **options), execute), sent


def test_one_command_reads_the_number():
    assert conversation(LAYOUT, NUMBER + b"\x90\x00") == ("990000199001010017", ["FFB0002012"])


def test_readers_that_have_to_be_told_the_type_are_told():
    _, sent = conversation(LAYOUT, NUMBER + b"\x90\x00", card_type=SLE4442)
    assert sent == ["FFA400000106", "FFB0002012"]


def test_addresses_above_a_byte_are_those_of_larger_cards():
    _, sent = conversation(NumberLayout(0x0120, 18), NUMBER + b"\x90\x00")
    assert sent == ["FFB0012012"]


@pytest.mark.parametrize("padding", [b"\x00", b"\xff", b"\x20"])
def test_padding_does_not_count(padding):
    assert NumberLayout(0x20, 20).decode(b"A1234567".ljust(20, padding)) == "A1234567"


def test_packed_digits_are_filled_up_with_f():
    layout = NumberLayout(0x20, 4, NumberEncoding.PACKED)
    assert layout.decode(bytes.fromhex("1234567F")) == "1234567"
    assert layout.encode("12345") == bytes.fromhex("12345FFF")


@pytest.mark.parametrize("blank", [b"\x00", b"\xff"])
def test_a_blank_card_has_no_number(blank):
    with pytest.raises(CardDataError, match="blank"):
        conversation(LAYOUT, blank * 18 + b"\x90\x00")


@pytest.mark.parametrize(
    "raw", [b"12345\x006789".ljust(18, b"\xff"), "中".encode("gb18030") * 9, b"\x20" * 18, b"1-2" * 6]
)
def test_what_is_no_number_is_not_taken_for_one(raw):
    with pytest.raises(CardDataError, match="none") as refused:
        conversation(LAYOUT, raw + b"\x90\x00")
    assert "1" not in str(refused.value)


def test_letters_are_no_packed_digits():
    with pytest.raises(CardDataError):
        NumberLayout(0x20, 2, NumberEncoding.PACKED).decode(b"\x1a\x23")


def test_an_answer_that_is_too_short_is_not_taken_for_the_number():
    with pytest.raises(CardDataError, match="17 bytes"):
        conversation(LAYOUT, NUMBER[:17] + b"\x90\x00")


def test_a_reader_with_another_card_refuses():
    with pytest.raises(StatusWordError):
        conversation(LAYOUT, b"\x6d\x00")


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0x10000, 1), (0, 0), (0, 257)])
def test_a_layout_outside_every_card_is_refused(offset, length):
    with pytest.raises(ValueError, match="stands at"):
        NumberLayout(offset, length)


@pytest.mark.parametrize("number", ["9" * 19, "", "示例", "1 2"])
def test_a_number_that_cannot_be_held_is_refused_without_being_shown(number):
    with pytest.raises(ValueError, match="18 bytes of ascii"):
        LAYOUT.encode(number)
