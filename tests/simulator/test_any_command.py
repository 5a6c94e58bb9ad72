"""Any command string whatever is answered by a status word that is defined, and harms nothing."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apdu.status import meaning_of
from simulator.card import SoftwareCard
from simulator.command import SW
from simulator.people import ready_card

SSSE = bytes.fromhex("00A404000F7378312E73682EC9E7BBE1B1A3D5CF")
PLACES = {
    "the MF": (),
    "the SSSE": (SSSE,),
    "EF05": (SSSE, bytes.fromhex("00A4020002EF05")),
    "DF01": (SSSE, bytes.fromhex("00A4000002DF01")),
    "the medical account": (SSSE, bytes.fromhex("00A4000002DF04")),
}
COUNTING = {0x20, 0x24, 0x5E, 0x82}
"""INS of commands that spend a try when they are refused."""
BODIES = (
    b"",
    b"\x00",
    b"\x08",
    b"\x01\x00",
    b"\x10" + bytes(16),
    b"\xff" + bytes(255),
    b"\x02\x3f\x00",
    bytes(7),
    bytes(600),
)
"""What follows CLA INS P1 P2: nothing, Le, Lc with data, data cut off, an extended length."""


def standing(kind: str, place: str) -> SoftwareCard:
    card = ready_card(kind, rng=bytes)
    card.power_on()
    for command in PLACES[place]:
        assert card.process(command)[-2:-1] in {b"\x90", b"\x61"}
    return card


def hold(card: SoftwareCard, command: bytes) -> None:
    before = card.eeprom.content
    answer = card.process(command)
    sw = int.from_bytes(answer[-2:], "big")
    assert len(answer) >= 2
    assert sw >> 8 in {0x61, 0x6C} or sw >> 4 == 0x63C or sw in set(SW)
    assert meaning_of(sw).text
    changed = card.eeprom.content != before
    assert not changed or command[1] in COUNTING


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("cla", [0x00, 0x04, 0x80, 0x84, 0xB0, 0x01, 0xFF])
def test_every_instruction_of_a_class(cla: int, place: str):
    card = standing("2.0", place)
    for ins, body in product(range(256), BODIES):
        hold(card, bytes((cla, ins, 0, 0)) + body)


@pytest.mark.parametrize("ins", [0x20, 0x82, 0x84, 0x88, 0xA4, 0xB0, 0xB2, 0xC0, 0xD6, 0xDC])
def test_every_p1_and_p2(ins: int):
    card = standing("3.0", "EF05")
    for p1, p2 in product(range(256), range(256)):
        hold(card, bytes((0x00, ins, p1, p2, 0x02, 0x01, 0x00)))


def test_every_class():
    card = standing("2.0", "the SSSE")
    for cla, ins in product(range(256), (0x20, 0x26, 0x5E, 0xA4, 0xB2, 0xD4, 0xE0)):
        hold(card, bytes((cla, ins, 0, 0, 0)))


@settings(max_examples=600, deadline=None)
@given(commands=st.lists(st.binary(max_size=300), min_size=1, max_size=8), place=st.sampled_from(sorted(PLACES)))
def test_anything_at_all(commands: list[bytes], place: str):
    card = standing("2.0", place)
    for command in commands:
        if len(command) < 2:
            assert len(card.process(command)) == 2
        else:
            hold(card, command)
    assert card.reset() == card.atr
    assert card.process(SSSE)[:1] == b"\x61"
