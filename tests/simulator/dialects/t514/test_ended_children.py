"""An ended directory is not deleted, neither itself nor with a directory that holds it; only with the MF."""

import pytest

from cardlib.cos.t514 import T514Delete, delete
from simulator.memory.system import LifeCycle


def deletion(kind: T514Delete, fid: int) -> str:
    return delete(kind, fid).to_bytes().hex()


MF, DDF = deletion(T514Delete.MF, 0x3F00), deletion(T514Delete.DIRECTORY, 0xDDF1)
DF = deletion(T514Delete.DIRECTORY, 0xDF01)
END = "80E0020000"


def enter(chip, commands, fid: str, name: str, kind: str) -> None:
    """Create a directory with key file and MK in the current one, and authenticate in it."""
    chip.script(commands.directory(fid, name, kind=kind), f"00A4000002{fid}", commands.KEYS)
    assert chip.load(commands.master(), p1=1) == "9000"
    assert chip.authenticate() == "9000"


def select(chip, *fids: str) -> None:
    """From the MF down, with the right of the master key of the last."""
    for fid in ("3F00", *fids):
        assert chip(f"00A4000002{fid}")[-4:] == "9000"
    assert chip.authenticate() == "9000"


@pytest.fixture
def nested(begun, commands):
    """MF / DDF1 / DF01; the last is current."""
    enter(begun, commands, "DDF1", "FIRST", "01")
    enter(begun, commands, "DF01", "SECOND", "02")
    return begun


def test_as_long_as_nothing_is_ended_everything_can_be_deleted(nested):
    select(nested)
    nested.script(DDF)
    assert nested("00A4000002DDF1") == "6A82"
    nested.script(MF)
    assert nested.card.image.system.life_cycle is LifeCycle.BLANK


def test_a_directory_that_holds_an_ended_one_is_not_deleted(nested):
    nested.script(END)
    select(nested)
    before = nested.card.image
    assert nested(DDF) == "6985"
    assert nested.card.image == before


def test_the_mf_is_with_all_in_it_until_it_is_ended_itself(nested):
    """So that a build that was cut off can be begun again, however far it came."""
    for at in (("DDF1", "DF01"), ("DDF1",)):
        select(nested, *at)
        nested.script(END)
    select(nested)
    other = nested.card.image
    nested.script(MF)
    assert nested.card.image.system.life_cycle is LifeCycle.BLANK
    ended = type(nested)(other, nested.ecb, nested.proof)
    select(ended)
    ended.script(END)
    before = ended.card.image
    assert ended(MF) == "6985"
    assert ended.card.image == before


def test_an_ended_directory_is_not_deleted(nested):
    nested.script(END)
    select(nested, "DDF1")
    before = nested.card.image
    assert nested(DF) == "6985"
    assert nested.card.image == before


def test_a_neighbour_of_an_ended_directory_is(nested, commands):
    nested.script(END)
    select(nested, "DDF1")
    enter(nested, commands, "DF02", "THIRD", "02")
    select(nested, "DDF1")
    nested.script(deletion(T514Delete.DIRECTORY, 0xDF02))
    assert nested("00A4000002DF01")[-4:] == "9000"
