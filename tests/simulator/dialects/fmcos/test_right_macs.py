"""A right MAC costs nothing, whatever becomes of the command that it came with."""

import pytest

from simulator.card import SoftwareCard
from simulator.memory.eeprom import Cut, CutMoment, Eeprom
from simulator.quirks import Quirks

LINE = "36FF36FF36FF3601"
NAME = "A00000000386980701"
READ_WITH_MAC, WRITTEN_WITH_MAC = "80E0000507A80008F0F0FF7F", "80E0000607A80008F0F0FFFF"
MOST_WRITES = 30
TORN = [(CutMoment.DURING, written) for written in range(6)]
"""Tears of a page, by how many of the bytes that change are new."""


@pytest.fixture
def files(chip):
    """The MF has two files of 8 bytes, 0005 read and 0006 written with a MAC; key 36 has three tries."""
    chip.script(READ_WITH_MAC, WRITTEN_WITH_MAC)
    chip.reset()
    return chip


def test_reading_what_was_never_written_locks_no_key(files):
    answers = [files.secured("04B08500", "", LINE) for _ in range(4)]
    assert [answer[:16] for answer in answers] == ["00" * 8] * 4
    assert [answer[-4:] for answer in answers] == ["6281"] * 4
    assert files.secured("04D68600", "BB", LINE) == "9000", "key 36 still is there to be used"


def test_updates_beyond_the_end_lock_no_key(files):
    assert [files.secured("04D68607", "AABB", LINE) for _ in range(4)] == ["6B00"] * 4
    assert files.secured("04D68607", "AA", LINE) == "9000"


def test_a_right_mac_at_a_refused_command_gives_the_tries_back(files):
    for _ in range(2):
        assert [files.secured("04D68600", "AA", LINE, wrong=True) for _ in range(2)] == ["6988", "6988"]
        assert files.secured("04D68608", "AA", LINE) == "6B00"
    assert [files.secured("04D68600", "AA", LINE, wrong=True) for _ in range(3)] == ["6988"] * 3
    assert files.secured("04D68600", "AA", LINE) == "6983", "three wrong ones in a row"


@pytest.fixture
def application(chip):
    """The DF 3F01 with a key 36, a file 0005, and 0015 that is written with a MAC."""
    chip.script(f"80E03F011138036FF0F095FFFF{NAME}")
    chip("00A40000023F01")
    chip.script("80E00000073F010095F0FFFF", f"80D401000D36F0F0FF88{LINE}", "80E0000507280001F0F0FFFF")
    chip.script("80E0001507A8001EF0F0FFFF", "00D6850001AA")
    return chip


@pytest.mark.parametrize("sloppy", [False, True], ids=["journalled", "sloppy"])
@pytest.mark.parametrize(
    ("lock", "wrong_before", "ends"),
    [
        pytest.param("841E0000", 0, {"open", "locked"}, id="for a time"),
        pytest.param("841E0001", 0, {"open", "locked for good"}, id="for good"),
        pytest.param("841E0000", 2, {"open", "locked for good"}, id="by the third wrong MAC"),
    ],
)
def test_a_lock_that_is_cut_off_is_set_or_not(application, sloppy, lock, wrong_before, ends):
    """At every page write and moment: process() never raises, and a torn mark is none that there is not."""
    for _ in range(wrong_before):
        assert application.secured(lock, "", LINE, wrong=True) == "6988"
    memory, speak = application.card.image.content, type(application)
    found = set()
    for moment, written in [(CutMoment.BEFORE, None), (CutMoment.AFTER, None), *TORN]:
        for write in range(1, MOST_WRITES):
            chip = speak(SoftwareCard(Eeprom(memory), t0=False, quirks=Quirks(sloppy=sloppy)))
            chip("00A40000023F01")
            chip.card.eeprom.arm(Cut(write, moment, written))
            done = chip.secured(lock, "", LINE, wrong=wrong_before > 0)
            chip.card.eeprom.arm(None)
            assert done in {"", "9303" if wrong_before else "9000"}
            chip.card.power_on()
            is_open = chip("00A40000023F01")[-4:] == "9000"
            assert chip("00B0850001") == ("AA9000" if is_open else "6A81")
            undone = chip.secured("84180000", "", LINE)
            found.add("open" if is_open else "locked" if undone == "9000" else "locked for good")
            assert undone == "9000" or not is_open
            assert chip("00A40000023F00")[-4:] == "9000", "the MF is not harmed"
            if done:
                break
        else:
            pytest.fail("no end")
        assert write > 3
    assert found == ends
