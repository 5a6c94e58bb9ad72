"""APPLICATION BLOCK and UNBLOCK, CARD BLOCK."""

import pytest

LINE = "36FF36FF36FF3601"
NAME = "A00000000386980701"


@pytest.fixture
def application(chip):
    """The DF 3F01 with a key 36, a file 0005 and one with MAC, 0015; current, not free."""
    chip.script(f"80E03F011138036FF0F095FFFF{NAME}")
    chip("00A40000023F01")
    chip.script("80E00000073F010095F0FFFF", f"80D401000D36F0F0FF88{LINE}", "80E0000507280001F0F0FFFF")
    chip.script("80E0001507A8001EF0F0FFFF", "80E0001607A80027F0F0FFFF", "00D6850001AA")
    chip.reset()
    chip("00A40000023F01")
    return chip


def test_an_application_is_locked_for_a_time(application):
    assert application.secured("841E0000", "", LINE) == "9000"
    assert application("00B0850001") == "6A81"
    assert application("00D6850001BB") == "6A81"
    application.reset()
    assert application("00A40000023F01") == "6A81"
    assert application("00B0850001") == "6A81"
    assert application.secured("84180000", "", LINE) == "9000"
    assert application("00B0850001") == "AA9000"
    assert application("00A40000023F01")[-4:] == "9000"


def test_an_application_is_locked_for_good(application, again):
    assert application.secured("841E0001", "", LINE) == "9000"
    assert application.secured("84180000", "", LINE) == "9303"
    other = again(application)
    assert other("00A4040009" + NAME) == "6A81"
    assert other.secured("84180000", "", LINE) == "9303"


def test_other_applications_go_on(application):
    application.secured("841E0000", "", LINE)
    assert application("00A40000023F00")[-4:] == "9000"
    application.script("80E0000607280001F0F0FFFF")


def test_what_lies_below_a_locked_application_is_locked_too(application):
    application.script("80E03F0208380050F0F0FFFFFF")
    application.secured("841E0000", "", LINE)
    assert application("00A40000023F02") == "6A81"
    assert application("80E0000607280001F0F0FFFF") == "6A81"


def test_three_wrong_unlockings_lock_for_good(application):
    application.secured("841E0000", "", LINE)
    assert [application.secured("84180000", "", LINE, wrong=True) for _ in range(3)] == ["6988", "6988", "9303"]
    assert application.secured("84180000", "", LINE) == "9303"


def test_a_right_mac_forgets_the_wrong_ones(application):
    application.secured("841E0000", "", LINE)
    for _ in range(2):
        assert application.secured("84180000", "", LINE, wrong=True) == "6988"
        assert application.secured("84180000", "", LINE, wrong=True) == "6988"
        assert application.secured("84180000", "", LINE) == "9000"


@pytest.mark.parametrize("file", ["15", "16"])
def test_three_wrong_macs_at_these_files_lock_for_good(application, file):
    answers = [application.secured(f"04D6{0x80 | int(file, 16):02X}00", "AA", LINE, wrong=True) for _ in range(3)]
    assert answers == ["6988", "6988", "9303"]
    assert application("00B0850001") == "6A81"
    assert application.secured("84180000", "", LINE) == "9303"


def test_three_wrong_lockings_lock_for_good(application):
    answers = [application.secured("841E0000", "", LINE, wrong=True) for _ in range(3)]
    assert answers == ["6988", "6988", "9303"]
    assert application.secured("84180000", "", LINE) == "9303"


def test_unlocking_what_is_not_locked(application):
    assert application.secured("84180000", "", LINE) == "9000"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        pytest.param("841E000204" + "00" * 4, "6A86", id="P2 of block"),
        pytest.param("8418000104" + "00" * 4, "6A86", id="P2 of unblock"),
        pytest.param("8416000104" + "00" * 4, "6A86", id="P2 of card block"),
        pytest.param("841E000000", "6987", id="no MAC"),
        pytest.param("841E000004" + "00" * 4, "6984", id="no challenge"),
    ],
)
def test_what_is_refused(application, command, status):
    assert application(command) == status


def test_locking_needs_a_key(blank):
    blank.mf()
    blank.script("80E00000073F010001F0FFFF")
    assert blank.secured("841E0000", "", LINE) == "6A88"


def test_a_card_is_locked_for_good(application, again):
    assert application.secured("84160000", "", LINE, wrong=True) == "6988"
    assert application.secured("84160000", "", LINE) == "9000"
    assert application("00A40000023F00") == "6A81"
    assert again(application)("0084000004") == "6A81"
