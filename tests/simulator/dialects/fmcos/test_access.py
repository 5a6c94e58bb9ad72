"""Access bytes: ranges of the MF's security state, or of the current directory's."""

import pytest

KEY = "0102030405060708"
STATES = range(16)


def with_states(blank) -> None:
    """A directory 3F01 whose key 39-1n wins state n, as does the MF's."""
    blank.mf()
    blank.script("80E00000073F020001F0FFFF")
    blank.script(*(f"80D401{0x10 + state:02X}0D39F0EF{state:02X}33{KEY}" for state in STATES))
    blank.script("80E03F0108380800F0F0FFFFFF")
    blank("00A40000023F01")
    blank.script("80E00000073F0200FFF0FFFF")
    blank.script(*(f"80D401{0x10 + state:02X}0D39F0EF{state:02X}33{KEY}" for state in STATES))


def allows(right: int, mf: int, own: int) -> bool:
    """The rule as the manual puts it."""
    high, low = divmod(right, 16)
    return mf >= low if high == 0 else low <= own <= high


@pytest.mark.parametrize("right", [0x00, 0x05, 0x0F, 0x10, 0x11, 0x41, 0x53, 0xAA, 0xEF, 0x3A, 0xF0, 0xF1, 0xFA, 0xFF])
def test_which_states_satisfy_a_right(blank, right):
    with_states(blank)
    blank.script(f"80E0000507280001{right:02X}F0FFFF", "00D6850001AA")
    for mf in (0, 4, 5, 15):
        for own in STATES:
            blank("00A40000023F00")
            assert blank.authenticate(0x10 + mf, KEY) == "9000"
            blank("00A40000023F01")
            assert blank.authenticate(0x10 + own, KEY) == "9000"
            expected = "AA9000" if allows(right, mf, own) else "6982"
            assert blank("00B0850001") == expected, (mf, own)


def test_the_state_of_a_directory_is_lost_when_it_is_selected_and_the_mf_keeps_its_own(blank):
    with_states(blank)
    blank.script("80E000050728000111F0FFFF", "80E000060728000101F0FFFF", "00D6850001AA", "00D6860001BB")
    blank("00A40000023F00")
    blank.authenticate(0x11, KEY)
    blank("00A40000023F01")
    assert blank("00B0860001") == "BB9000"
    assert blank("00B0850001") == "6982"
    blank.authenticate(0x11, KEY)
    assert blank("00B0850001") == "AA9000"
    blank("00A40000023F01")
    assert blank("00B0850001") == "6982"
    assert blank("00B0860001") == "BB9000"
    blank.reset()
    blank("00A40000023F01")
    assert blank("00B0860001") == "6982"


def test_the_low_nibble_of_the_next_state_counts(chip):
    chip.script("80E0000507280001AAF0FFFF", "00D6850001AA")
    chip.reset()
    assert chip("00B0850001") == "6982"
    assert chip.authenticate(0, "39FF39FF39FF39FF39FF39FF39013901") == "9000"
    assert chip("00B0850001") == "AA9000"


def test_reading_and_writing_have_rights_of_their_own(chip):
    chip.script("80E0000507280001F0AAFFFF", "80E0000607280001AAF0FFFF", "00D6850001AA", "00D6860001AA")
    chip.reset()
    assert chip("00B0850001") == "AA9000"
    assert chip("00D6850001BB") == "6982"
    assert chip("00B0860001") == "6982"
    assert chip("00D6860001BB") == "9000"
