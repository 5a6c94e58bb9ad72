"""A creation that is refused half-way has not happened, not even in what the chip in power knows of its files."""

import pytest

from simulator.memory.eeprom import Eeprom
from simulator.psam.making import blank

HEADER = "00180000010008030300"
SX1 = "7378312E73682EC9E7BBE1B1A3D5CF"
MF = f"808A00002A 3F00 10 00 FFFF 01 00 00D0 FF 81 FFFFFF 0F {SX1}FF {HEADER}"
DF = f"808000002A DF01 20 00 FFFF 00 00 00D0 FF 81 FFFFFF 06 D15600000590{'FF' * 10} {HEADER}"
NEVER_FULL = 0x4000


def filler(size: int) -> str:
    return f"8080000008 0001 31 00 {size:04X} 00 08"


@pytest.fixture
def chip_with(make_psam):
    """A chip whose MF has a file beside which only ``room`` bytes are left, for headers and bodies of more blocks."""
    psam = make_psam(blank())
    assert psam(MF) == "9000"
    memory = psam.card.image.content
    fits, too_much = 1, 0xFFFF
    while too_much - fits > 1:
        size = (fits + too_much) // 2
        if make_psam(Eeprom(memory))(filler(size)) == "9000":
            fits = size
        else:
            too_much = size

    def make(room: int):
        chip = make_psam(Eeprom(memory))
        assert chip(filler(fits - room)) == "9000"
        return chip

    return make


@pytest.mark.parametrize("room", [0, 0x3F, 0x40, 0x60, 0x100])
def test_a_directory_whose_keys_have_no_room_is_not_there(chip_with, room):
    """From 40 on the directory's own header fits, and its key file does not."""
    chip = chip_with(room)
    for _ in range(2):
        assert chip(DF) == "6A84"
        assert chip("00A4000002DF01") == "6A82"
        assert chip("00A4040006D15600000590") == "6A82"
    chip.card.reset()
    assert chip("00A4000002DF01") == "6A82"
    assert chip("00A40000020001") == "9000", "what was there is"


def test_with_room_for_both_it_is_there(chip_with):
    chip = chip_with(NEVER_FULL)
    assert chip(DF) == "9000"
    assert chip("00A4000002DF01").endswith("9000")
    assert chip("00A4040006D15600000590").endswith("9000")
