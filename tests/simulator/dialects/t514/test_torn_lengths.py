"""A sloppy chip's torn length counter leads nobody beyond the file, nor into another one."""

import pytest

from simulator.card import SoftwareCard
from simulator.memory.eeprom import Cut, CutMoment, Eeprom
from simulator.quirks import Quirks

SECRET = "5E"
"""What the file behind the one that is written is full of, and nobody may read."""
SIZE = 0x0180
"""More than a byte counts: of the counter's two bytes, one alone can be new."""
MOST_WRITES = 30
CUTS = [(CutMoment.BEFORE, None), (CutMoment.AFTER, None), *((CutMoment.DURING, size) for size in range(34))]


@pytest.fixture
def memory(begun, commands):
    """EF05 of 384 bytes, of which 8 were written; EF06 behind it is full and closed to everybody."""
    begun.script(
        commands.file("EF07", "C4", space=f"{SIZE:04X}"),
        commands.file("EF05", "C4", space=f"{SIZE:04X}"),
        commands.file("EF06", "C4", space="0100", scw="04", rights="EFEF0000"),
        "00D685000841" + "A1" * 7,
    )
    for at in (0x00, 0x80):
        begun.script(f"00D686{at:02X}80" + SECRET * 0x80)
    begun.script("80E0020000")
    assert begun("00B0860010") == "6982"
    return begun.card.image.content


def new(memory) -> SoftwareCard:
    card = SoftwareCard(Eeprom(memory), t0=False, quirks=Quirks(sloppy=True))
    card.power_on()
    return card


def read(card: SoftwareCard, offset: int) -> bytes:
    """256 bytes of EF05, which is current, as far as there are any."""
    return card.process(bytes((0x00, 0xB0, offset >> 8, offset & 0xFF, 0)))


@pytest.mark.parametrize(
    ("offset", "size"), [(0x00, 0x20), (0x08, 0xF0), (0x100, 0x80), (0x17F, 0x01), (0x0F0, 0x20)], ids=hex
)
def test_reading_ends_with_the_file_however_its_counter_is_torn(memory, offset, size):
    data = bytes((0xB2,)) * size
    update = bytes((0x00, 0xD6, offset >> 8, offset & 0xFF, size)) + data
    for moment, written in CUTS:
        for write in range(1, MOST_WRITES):
            card = new(memory)
            card.process(bytes.fromhex("00A4020002EF05"))
            card.eeprom.arm(Cut(write, moment, written))
            done = card.process(update)
            card.eeprom.arm(None)
            card.power_on()
            assert card.process(bytes.fromhex("00A4020002EF05"))[-2:] == b"\x90\x00"
            first, second, beyond = read(card, 0), read(card, 0x100), read(card, SIZE)
            assert (len(first), len(second), beyond) == (0x102, 0x82, b"\x6b\x00"), (write, moment, written)
            assert bytes.fromhex(SECRET) not in first + second
            assert card.process(bytes.fromhex("00B0860010")) == b"\x69\x82"
            assert card.process(update) == b"\x90\x00", "it can be written still"
            assert read(card, offset)[: min(size, 0x100)] == data
            if done:
                break
        else:
            pytest.fail("no end")


def test_a_counter_of_erased_bytes_is_the_files_size_at_most(memory):
    """The worst tear: FFFF."""
    place = memory.index(bytes((0x00, 0x08, 0x41)))
    eeprom = Eeprom(memory)
    eeprom.write(place, b"\xff\xff")
    card = new(eeprom.content)
    card.process(bytes.fromhex("00A4020002EF05"))
    first, second = read(card, 0), read(card, 0x100)
    assert (len(first), len(second), read(card, SIZE)) == (0x102, 0x82, b"\x6b\x00")
    assert bytes.fromhex(SECRET) not in first + second
