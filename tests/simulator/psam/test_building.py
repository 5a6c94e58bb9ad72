"""The public vendor dialect: blank chip, directories, files, plain keys, end of issue, erasing."""

import pytest

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.cos.protection import loading_mac
from cardlib.crypto import Algorithm
from cardlib.psam import PsamKey, PsamKeyType
from simulator.making.maker import MakingError
from simulator.memory.system import LifeCycle
from simulator.psam.making import HISTORICAL_BYTES, VENDOR_KEY, PsamDescription, blank, make
from simulator.psam.ready import ready_description

SX1 = "7378312E73682EC9E7BBE1B1A3D5CF"
HEADER = "00180000010008030300"
MF = f"808A00002A 3F00 10 00 FFFF 01 00 00D0 FF 81 FFFFFF 0F {SX1}FF {HEADER}"
DF = f"808000002A DF01 20 00 FFFF 00 00 00D0 FF 81 FFFFFF 06 D15600000590{'FF' * 10} {HEADER}"
MASTER = "505152535455565758595A5B5C5D5E5F"
LOAD_MASTER = f"80D000001A {HEADER} {MASTER}"
TRANSPARENT = "8080000008 0015 31 00 000F 00 08"


@pytest.fixture
def chip(make_psam):
    """A blank one."""
    return make_psam(blank())


@pytest.fixture
def begun(chip):
    """An MF with its master key."""
    assert chip(MF) == "9000"
    assert chip(LOAD_MASTER) == "9000"
    return chip


def mac(psam, header):
    psam("0084000008")
    message = bytes.fromhex(header + "04")
    value = loading_mac(Algorithm.DES, Secret(bytes.fromhex(MASTER)), bytes(range(0xA0, 0xA8)), message)
    return (message + value).hex()


def test_the_answer_to_reset_is_no_cards(chip):
    assert chip.card.atr == bytes.fromhex("3B6D0000") + HISTORICAL_BYTES


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        ("00A40000", "6A82"),
        ("00A40400057378312E73", "6A82"),
        ("00B095000F", "6A82"),
        ("0084000009", "6700"),
        ("0084000008", "9000"),
        ("0082000010" + "00" * 16, "6985"),
        ("84D4001124" + "00" * 36, "6985"),
        ("BFDE672D20" + "00" * 32, "6985"),
        ("BFEC00000165", "6985"),
        ("80FA000008" + "00" * 8, "6985"),
        ("8070010034" + "00" * 52, "6985"),
        (DF, "6985"),
        (LOAD_MASTER, "6985"),
        ("801C0000", "6985"),
        ("848A0100040000" + "0000", "6985"),
    ],
)
def test_a_blank_chip_can_only_become_something(chip, command, sw):
    assert chip(command)[-4:] == sw


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        (MF.replace("808A0000", "808A0100"), "6A86"),
        ("808A000008" + "00" * 8, "6700"),
        (MF.replace("3F00 10", "3F01 10"), "6A80"),
        (MF.replace("3F00 10", "3F00 20"), "6A80"),
        (MF.replace(HEADER, "0E180000010008030300"), "6A80"),
        (MF.replace(HEADER, "00100000010008030300"), "6A80"),
        (MF.replace(HEADER, "00180009010008030300"), "6A80"),
        (MF.replace("FFFFFF 0F", "FFFFFF 04"), "6A80"),
        (MF.replace("FFFFFF 0F", "FFFFFF 11"), "6A80"),
    ],
)
def test_what_the_mf_is_refused_for(chip, command, sw):
    assert chip(command) == sw
    assert chip(MF) == "9000"
    assert chip(MF) == "6985"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        (TRANSPARENT, "9000"),
        ("8080000008 0001 34 00 0040 00 08", "9000"),
        ("8080000008 0011 30 00 0600 FF 01", "9000"),
        ("8080000008 0015 31 00 0000 00 08", "6A80"),
        ("8080000008 0015 33 00 000F 00 08", "6A80"),
        ("8080000008 0011 30 00 0010 FF 01", "6A80"),
        ("8080000008 0000 31 00 000F 00 08", "6A80"),
        ("8080000008 3F00 31 00 000F 00 08", "6A80"),
        ("8080000008 0015 31 00 FFFF 00 08", "6A84"),
        ("8080000007 0015 31 00 000F 00", "6700"),
        (DF, "9000"),
        (DF.replace("DF01 20", "DF01 10"), "6A80"),
        (DF.replace("06 D15600000590" + "FF" * 10, f"0F {SX1}FF"), "6A80"),
    ],
)
def test_files_and_directories(begun, command, sw):
    assert begun(command) == sw
    if sw == "9000":
        assert begun(command) == "6A80"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        (f"80D000001A 0E180100010001030300 {MASTER}", "9000"),
        (f"80D0000012 0E100101010001030300 {MASTER[:16]}", "9000"),
        (f"80D001001A {HEADER} {MASTER}", "6A86"),
        (f"80D0000019 {HEADER} {MASTER[2:]}", "6700"),
        (f"80D000111A {HEADER} {MASTER}", "6A82"),
        (f"80D000001A 67180100010001030300 {MASTER}", "6A80"),
        (f"80D000001A 0E100100010001030300 {MASTER}", "6A80"),
        (f"80D000001A 0E180101010001030300 {MASTER}", "6A80"),
        (f"80D000001A 0E180103010001030300 {MASTER}", "6A80"),
        (f"80D000001A 0E180100010001030400 {MASTER}", "6A80"),
    ],
)
def test_plain_keys(begun, command, sw):
    assert begun(command) == sw


def test_a_plain_key_replaces_and_the_place_for_own_keys_fills_up(begun):
    for number in range(1, 8):
        assert begun(f"80D000001A 0E18{number:02X}00010001030300 {MASTER}") == "9000"
    assert begun(f"80D000001A 0E180100010001030300 {MASTER}") == "9000"
    assert begun(f"80D000001A 0E180800010001030300 {MASTER}") == "6A84"


def test_a_key_file_takes_plain_keys_of_the_application(begun):
    begun(DF)
    begun("00A4000002DF01")
    begun("8080000008 0011 30 00 0600 FF 01")
    assert begun(f"80D000111A 27182D00010000000000 {MASTER}") == "9000"
    assert begun(f"80D000111A 0E180100010001030300 {MASTER}") == "6A80"
    assert begun("BFDE272D10" + "00" * 16) == "9000"


def test_rights_take_force_with_the_end_of_issue_and_building_is_over(begun):
    assert begun(TRANSPARENT.replace("00 08", "FF FF")) == "9000"
    assert begun("00D6950001AA") == "9000"
    assert begun("801C0000") == "9000"
    assert begun("00D6950001AA") == "6982"
    assert begun("00B0950001") == "6982"
    for command in (DF, TRANSPARENT, LOAD_MASTER, "801C0000", MF):
        assert begun(command) == "6985"
    assert begun.card.image.system.life_cycle is LifeCycle.ISSUED


def test_a_directory_ends_before_the_mf_and_only_with_a_master_key(begun):
    begun(DF)
    assert begun("801C0000") == "6985"
    begun("00A4000002DF01")
    assert begun("801C0000") == "6985"
    assert begun(LOAD_MASTER) == "9000"
    assert begun("801C0000") == "9000"
    begun("00A40000")
    assert begun("801C0000") == "9000"


def test_end_of_issue_with_a_mac(begun):
    assert begun("841C00000400000000") == "6984"
    begun("0084000008")
    assert begun("841C00000400000000") == "6988"
    assert begun(mac(begun, "841C0000")) == "9000"
    assert begun(mac(begun, "841C0000")) == "6985"
    assert begun("841C0000") == "6700"


def test_an_erased_chip_is_blank(begun):
    begun(TRANSPARENT)
    begun("801C0000")
    assert begun("848A010004" + "00" * 4) == "6984"
    assert begun(mac(begun, "848A0000")) == "6A86"
    assert begun("848A010003" + "00" * 3) == "6700"
    assert begun(mac(begun, "848A0100")) == "9000"
    assert begun("848A010004" + "00" * 4) == "6985"
    assert begun.card.image.system.life_cycle is LifeCycle.BLANK
    assert begun("00A40000") == "6A82"
    assert begun(MF) == "9000"
    assert begun("0082000010" + "00" * 16) == "6A88"
    assert begun("00B095000F") == "6A82"


def test_a_chip_that_is_not_blank_cannot_be_made_into_one(image_of):
    with pytest.raises(MakingError, match="environment"):
        make(ready_description(), image_of())


@pytest.mark.parametrize(
    ("serial", "terminal"), [("1", "990000000001"), ("0" * 20, "99000000000x"), ("0" * 20, "0" * 12)]
)
def test_descriptions_are_checked(serial, terminal):
    with pytest.raises(MalformedError):
        PsamDescription(serial, terminal, ())


def test_a_key_is_as_long_as_its_algorithm_has_it():
    with pytest.raises(MalformedError, match="16 bytes is none of algorithm 01"):
        PsamKey(PsamKeyType.MAC, 9, 1, VENDOR_KEY, 1)


def test_a_purchase_needs_its_files(begun):
    initialise = "8070010024" + "00" * 26 + "0100" + "00" * 8
    begun(DF)
    begun("00A4000002DF01")
    begun("8080000008 0011 30 00 0600 FF 01")
    assert begun(f"80D000111A 22180100010000000000 {MASTER}") == "9000"
    assert begun(initialise) == "6A82"
    begun("8080000008 0019 31 00 0004 00 FF")
    assert begun(initialise) == "6A82"
    begun("00A40000")
    begun("8080000008 0016 31 00 0006 00 08")
    begun("00A4000002DF01")
    assert begun(initialise)[:8] == "00000000"
    assert begun(initialise)[:8] == "00000001"


def test_without_a_master_key_no_mac_and_no_key_is_right(chip):
    chip(MF)
    chip("8080000008 0011 30 00 0600 FF 01")
    chip(TRANSPARENT)
    chip("0084000004")
    assert chip("04D6950005AA" + "00" * 4) == "6982"
    chip("0084000004")
    assert chip("84D4001124" + "00" * 36) == "6985"
