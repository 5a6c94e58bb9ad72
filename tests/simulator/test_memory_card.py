"""The stand-in for an original medical card that is a memory card."""

import pytest

from apdu.flow import Responses, Script, run
from apdu.response import ResponseAPDU
from apdu.transport.inprocess import InProcessReaders
from cardlib.errors import CardDataError
from cardlib.flows.read_number import SLE4442, NumberEncoding, NumberLayout, read_number
from simulator.memory_card import MemoryCard

LAYOUT = NumberLayout(0x20, 18)
NUMBER = "990000199001010017"


def powered(number: str = NUMBER, layout: NumberLayout = LAYOUT) -> MemoryCard:
    card = MemoryCard(number, layout)
    card.power_on()
    return card


def answer(command: str, card: MemoryCard | None = None) -> str:
    return (card or powered()).process(bytes.fromhex(command)).hex().upper()


def test_the_answer_to_reset_is_that_of_such_cards():
    card = MemoryCard(NUMBER, LAYOUT)
    assert card.power_on() == card.reset() == bytes.fromhex("3B04A2131091")


def test_the_memory_begins_with_what_the_chip_answers_to_reset():
    assert answer("FFB0000004") == "A21310919000"


def test_the_number_stands_where_the_layout_says_and_nothing_else_does():
    whole = bytes.fromhex(answer("FFB0000000"))
    assert whole[0x20:0x32] == NUMBER.encode("ascii")
    assert whole[0x04:0x20].strip(b"\xff") == whole[0x32:0x100].strip(b"\xff") == b""
    assert len(whole) == 258


def test_a_number_of_packed_digits():
    assert answer("FFB0004004", powered("1234567", NumberLayout(0x40, 4, NumberEncoding.PACKED))) == "1234567F9000"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("FFB000FF02", "6C01"),  # one byte is left
        ("FFB0010001", "6A82"),  # there is no such byte
        ("FFB00000", "6700"),  # no Le
        ("FFB0000001FF", "6700"),  # data
        ("FFB000000000FF", "6700"),  # an extended Le
        ("FF", "6700"),
        ("FFD600200131", "6982"),  # the security code was not presented
        ("FFD601000131", "6A82"),
        ("FFD60020", "6700"),
        ("FF82000006FFFFFFFFFFFF", "6981"),  # it has no keys
        ("FF860000050100206000", "6981"),
        ("FFA400000106", "9000"),  # SLE 4432, 4442, 5532, 5542
        ("FFA400000105", "6A81"),  # SLE 4418, 4428
        ("FFA400010106", "6B00"),
        ("FFA4000000", "6700"),
        ("FFCA000000", "6D00"),
        ("00A40400", "6E00"),  # there is no processor
    ],
)
def test_what_cannot_be_done_is_refused_as_the_reader_does(command, status):
    assert answer(command) == status


def test_le_zero_reads_to_the_end():
    assert answer("FFB000F000") == "FF" * 16 + "9000"


def test_without_power_there_is_no_answer_to_speak_of():
    card = powered()
    card.power_off()
    assert answer("FFB0002012", card) == "6F00"


@pytest.mark.parametrize("layout", [NumberLayout(3, 18), NumberLayout(0xF0, 18)])
def test_a_number_outside_the_free_memory_is_refused(layout):
    with pytest.raises(ValueError, match="between 04 and FF"):
        MemoryCard(NUMBER, layout)


def read(card: MemoryCard) -> str:
    readers = InProcessReaders(["Counter"])
    readers.insert("Counter", card)
    connection = readers.connect("Counter")

    def execute(script: Script) -> Responses:
        sent = connection.transmit([step.command.to_bytes() for step in script.steps])
        return Responses(script, tuple(ResponseAPDU.from_bytes(raw) for raw in sent))

    return run(read_number(LAYOUT, card_type=SLE4442), execute)


def test_the_flow_reads_the_number_through_a_reader():
    assert read(MemoryCard(NUMBER, LAYOUT)) == NUMBER


def test_the_flow_finds_a_blank_card_blank():
    with pytest.raises(CardDataError):
        read(MemoryCard("", LAYOUT))


def test_no_number_is_shown():
    assert NUMBER not in repr(powered())
