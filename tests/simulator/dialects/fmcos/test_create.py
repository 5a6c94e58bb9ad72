"""CREATE FILE and ERASE DF: what can be built, in which order, and how much fits."""

import pytest

from simulator.memory.system import LifeCycle

DF = "80E03F0108380200F0F0FFFFFF"
KEY_FILE = "80E00000073F005001F0FFFF"


def test_a_blank_chip_does_nothing_but_create_its_mf(blank):
    assert blank.life_cycle() is LifeCycle.BLANK
    assert blank("00A4000000") == "6A81"
    assert blank("0084000004") == "6A81"
    assert blank("00B0810001") == "6A81"
    assert blank("80E0000107280010F0F0FFFF") == "6A82"
    blank.mf()
    assert blank.life_cycle() is LifeCycle.BUILDING
    assert blank("00A40000023F00") == "6F10840E315041592E5359532E44444630319000"


def test_the_mf_takes_the_transport_code_and_wrong_ones_are_counted(make):
    chip = make(transport="0102030405060708")
    create = "80E03F000D38FFFFF0F0"
    assert chip(create + "FF" * 8) == "63C2"
    assert chip(create + "0102030405060709") == "63C1"
    chip.reset()
    chip.script(create + "0102030405060708")
    assert chip(create + "0102030405060708") == "6A86"


def test_after_three_wrong_transport_codes_the_chip_is_dead(make, again):
    chip = make(transport="0102030405060708")
    answers = [chip("80E03F000D38FFFFF0F0" + "00" * 8) for _ in range(4)]
    assert answers == ["63C2", "63C1", "63C0", "6983"]
    assert again(chip)("80E03F000D38FFFFF0F00102030405060708") == "6983"
    assert chip.life_cycle() is LifeCycle.BLANK


def test_of_a_transport_key_of_16_bytes_the_first_8_are_the_code(make):
    make(transport="0102030405060708090A0B0C0D0E0F10").script("80E03F000D38FFFFF0F00102030405060708")


@pytest.mark.parametrize(
    ("command", "status"),
    [
        pytest.param("80E03F000C38FFFFF0F0" + "FF" * 7, "6700", id="MF too short"),
        pytest.param("80E03F000D28FFFFF0F0" + "FF" * 8, "6A80", id="MF is no binary file"),
        pytest.param("80E03F000D380010F0F0" + "FF" * 8, "6A84", id="MF without room for its name"),
    ],
)
def test_what_is_no_mf(blank, command, status):
    assert blank(command) == status


@pytest.mark.parametrize(
    ("descriptor", "status"),
    [
        pytest.param("280010F0F0FFFF", "9000", id="binary"),
        pytest.param("A80010F0F0FFFF", "9000", id="binary, MAC"),
        pytest.param("680010F0F0FFFF", "9000", id="binary, encrypted"),
        pytest.param("E80010F0F0FFFF", "9000", id="binary, encrypted and MAC"),
        pytest.param("2A0213F000FFFF", "9000", id="fixed"),
        pytest.param("AA0213F000FFFF", "9000", id="fixed, MAC"),
        pytest.param("2E0A17F0EFFFFF", "9000", id="cyclic"),
        pytest.param("AE0A17F0EFFFFF", "9000", id="cyclic, MAC"),
        pytest.param("2C0040F0F0FFFF", "9000", id="variable"),
        pytest.param("EC0040F0F0FFFF", "9000", id="variable, encrypted"),
        pytest.param("2F0208F000FF18", "9000", id="wallet"),
        pytest.param("2F0210F000FF18", "6A80", id="wallet of the SSC layer"),
        pytest.param("AF0208F000FF18", "6A80", id="wallet with a MAC"),
        pytest.param("2A0113F0F0FFFF", "6A80", id="one record"),
        pytest.param("2EFF01F0F0FFFF", "6A80", id="255 records"),
        pytest.param("2E0200F0F0FFFF", "6A80", id="records of nothing"),
        pytest.param("2A02F8F0F0FFFF", "9000", id="records of 248 bytes"),
        pytest.param("2A02F9F0F0FFFF", "6A80", id="records of 249 bytes"),
        pytest.param("280000F0F0FFFF", "6A80", id="no bytes"),
        pytest.param("290010F0F0FFFF", "6A80", id="no such type"),
        pytest.param("3F0009F0F0FFFF", "6A80", id="key file without room for a key"),
        pytest.param("BF0050F0F0FFFF", "6A80", id="key file with a MAC"),
        pytest.param("", "6700", id="nothing"),
        pytest.param("280010F0F0FF", "6700", id="6 bytes"),
        pytest.param("280010F0F0FFFF00", "6700", id="8 bytes"),
    ],
)
def test_which_files_there_are(blank, descriptor, status):
    blank.mf()
    assert blank(f"80E00005{len(descriptor) // 2:02X}{descriptor}") == status


def test_254_records_are_the_most(blank):
    blank.mf()
    assert blank("80E00005072AFE02F0F0FFFF") == "9000"


def test_a_fid_is_there_once(chip):
    chip.script("80E0000507280010F0F0FFFF", DF)
    assert chip("80E0000507280010F0F0FFFF") == "6A86"
    assert chip("80E00005072C0010F0F0FFFF") == "6A86"
    assert chip(DF) == "6A86"
    assert chip("80E03F0107280010F0F0FFFF") == "6A86"


def test_a_df_name_is_there_once_and_has_5_to_16_bytes(chip):
    chip.script("80E03F010D380200F0F095FFFFA000000003")
    assert chip("80E03F020D380200F0F095FFFFA000000003") == "6A86"
    assert chip("80E03F020C380200F0F095FFFFA0000000") == "6700"
    assert chip("80E03F0219380200F0F095FFFF" + "A1" * 17) == "6700"
    assert chip("80E03F0218380200F0F095FFFF" + "A1" * 16) == "9000"


def test_a_directory_is_not_selected_by_being_created(chip):
    chip.script(DF, "80E0000507280010F0F0FFFF")
    chip("00A40000023F01")
    assert chip("00A40000020005") == "6A82"


def test_there_are_three_levels_of_directories(blank):
    blank.mf()
    blank.script(DF)
    blank("00A40000023F01")
    blank.script("80E03F0208380100F0F0FFFFFF")
    blank("00A40000023F02")
    assert blank("80E03F0308380050F0F0FFFFFF") == "6A80"
    blank.script("80E0000507280010F0F0FFFF")


def test_the_key_file_is_the_first_and_the_only_one(blank):
    blank.mf()
    blank.script("80E0000507280010F0F0FFFF")
    assert blank(KEY_FILE) == "6A80"
    blank.script("800E000000", KEY_FILE)
    assert blank(KEY_FILE) == "6A86"
    assert blank("80E00009073F005001F0FFFF") == "6A86"


@pytest.mark.parametrize(
    ("descriptor", "taken"),
    [
        pytest.param("280010F0F0FFFF", 11 + 16, id="binary"),
        pytest.param("2C0040F0F0FFFF", 11 + 64, id="variable"),
        pytest.param("2A0213F0F0FFFF", 11 + 2 * (19 + 1), id="fixed"),
        pytest.param("2E0A17F0F0FFFF", 11 + 10 * (23 + 1), id="cyclic"),
        pytest.param("2F0208F000FF18", 11 + 22, id="wallet"),
        pytest.param("3F0050F0F0FFFF", 11 + 80, id="keys"),
    ],
)
def test_what_files_take_of_a_directory(blank, descriptor, taken):
    name = "A00000000386980701"
    for space, status in ((taken, "9000"), (taken - 1, "6A84")):
        blank.reset()
        if blank.life_cycle() is LifeCycle.BLANK:
            blank.mf()
        else:
            blank("800E000000")
        blank.script(f"80E03F011138{11 + 9 + space:04X}F0F095FFFF{name}")
        blank("00A40000023F01")
        assert blank(f"80E0000507{descriptor}") == status


def test_a_directory_takes_its_header_its_name_and_what_is_in_it(blank):
    blank.mf()
    blank.script(f"80E03F010838{11 + 40:04X}F0F0FFFFFF")
    blank("00A40000023F01")
    assert blank("80E03F020E380100F0F0FFFFFFA10000000001") == "9000"  # 11 and 6
    blank("00A40000023F02")
    assert blank("80E000050728000DF0F0FFFF") == "6A84"
    assert blank("80E000050728000CF0F0FFFF") == "9000"
    assert blank("80E0000607280001F0F0FFFF") == "6A84"


def test_a_directory_without_room_for_itself(blank):
    blank.mf()
    assert blank("80E03F010838000AF0F0FFFFFF") == "6A84"


def test_rights_bind_once_a_directory_was_left(blank):
    blank.mf("AAEF")
    blank.script(KEY_FILE, "80E0000507280010EFEFFFFF", "00D6850002CAFE")
    assert blank("00B0850002") == "CAFE9000"
    blank.script("80E03F0108380200F0F0FFFFFF")
    assert blank("00A40000020005") == "9000"
    assert blank("00B0000002") == "CAFE9000"
    assert blank("00A40000023F00")[-4:] == "9000"  # the same directory: not left
    assert blank("00B0850002") == "CAFE9000"
    blank("00A40000023F01")
    blank("00A40000023F00")
    assert blank("00B0850002") == "6982"
    assert blank("00D6850002CAFE") == "6982"
    assert blank("80E0000607280010F0F0FFFF") == "6982"
    assert blank("800E000000") == "6982"


def test_a_reset_leaves_the_directory_too(blank):
    blank.mf("AAF0")
    blank.reset()
    blank.script("80E0000507280010EFEFFFFF")  # nothing was in it: free as on the first day
    blank.reset()
    assert blank("80E0000607280010F0F0FFFF") == "6982"
    assert blank("00B0850002") == "6982"


def test_erasing_makes_a_directory_free_again(blank):
    blank.mf("EFF0")
    blank.script("80E0000507280010EFEFFFFF", DF)
    blank.reset()
    assert blank(DF) == "6982"
    blank.script("800E000000")
    assert blank("00A40000023F01") == "6A82"
    assert blank("00A40000020005") == "6A82"
    blank.script(KEY_FILE, DF)


def test_what_erasing_answers_to_nonsense(chip):
    assert chip("800E010000") == "6A86"
    assert chip("800E00000101") == "6700"


def test_erasing_takes_its_right_even_in_a_free_directory(blank):
    blank.mf("F0EF")
    assert blank("800E000000") == "6982"


def test_the_chip_is_issued_with_the_first_selection_after_a_reset(chip):
    chip("00A40000023F00")
    assert chip.life_cycle() is LifeCycle.BUILDING
    chip.reset()
    assert chip.life_cycle() is LifeCycle.BUILDING
    chip("00A40000023F00")
    assert chip.life_cycle() is LifeCycle.ISSUED


@pytest.mark.parametrize("command", ["0000000000", "0004000010", "0002000000", "000C000010", "000A000002"])
def test_the_commands_of_the_factory_are_dead(blank, chip, command):
    assert blank(command) == "6D00"
    assert chip(command) == "6D00"


@pytest.mark.parametrize("command", ["805000020B" + "00" * 11, "8052000000", "8054010000", "8058000000", "805C000204"])
def test_a_wallet_can_be_created_and_not_used(chip, command):
    chip.script("80E00002072F0208F000FF18")
    assert chip(command) == "6D00"
