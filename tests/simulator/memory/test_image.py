import pytest

from simulator.card import SoftwareCard
from simulator.memory.eeprom import Eeprom
from simulator.memory.image import CardImage, NoChipError


@pytest.mark.parametrize("content", [b"", bytes(100), b"SSC"], ids=["nothing", "zeros", "a beginning"])
def test_bytes_that_are_no_chip_make_no_image(content):
    with pytest.raises(NoChipError):
        CardImage(content)
    with pytest.raises(NoChipError):
        SoftwareCard(Eeprom(content))


def test_a_chip_of_an_unknown_operating_system_is_no_card(odd):
    unknown = CardImage(odd.content[:4] + b"\xee" + odd.content[5:])
    with pytest.raises(NoChipError):
        SoftwareCard(unknown)


def test_an_image_shows_nothing(odd):
    assert repr(odd) == "CardImage()"


def test_an_image_tells_the_chip_s_own_bytes(odd, blank):
    assert odd.system.atr == blank.system.atr == bytes.fromhex("3B6D000000814A444686609900DEADBEEF")


def test_a_card_s_image_is_what_it_remembers_and_makes_the_same_card(odd):
    card = SoftwareCard(odd, t0=False)
    card.power_on()
    assert card.image == odd
    card.process(bytes.fromhex("00A4000002DDF1"))
    assert card.process(bytes.fromhex("00D6870001AA")) == b"\x90\x00"
    image = card.image
    assert image != odd
    again = SoftwareCard(image, t0=False)
    again.power_on()
    again.process(bytes.fromhex("00A4000002DDF1"))
    assert again.process(bytes.fromhex("00B0870001")) == b"\xaa\x90\x00"


def test_a_card_works_on_memory_that_it_is_given(odd):
    eeprom = Eeprom(odd.content)
    card = SoftwareCard(eeprom, t0=False)
    card.power_on()
    card.process(bytes.fromhex("00A4000002DDF1"))
    card.process(bytes.fromhex("00D6870001AA"))
    assert eeprom.content == card.image.content != odd.content
