"""SELECT and the environments [S2.9 §5, §9.1, §9.3]."""

import pytest

from cardlib.crypto import Algorithm
from simulator.psam.quirks import PsamQuirks

SX1, SX2, SX3 = (f"7378{digit}2E73682EC9E7BBE1B1A3D5CF" for digit in ("31", "32", "33"))
ADF_FCI = "6F088406D156000005909000"


def fci(name):
    return f"6F1B840F{name}A5088801019F0C02F1F29000"


def named(name):
    return f"00A40400{len(name) // 2:02X}{name}"


def test_after_reset_the_environment_of_des_is_current(make_psam):
    psam = make_psam()
    assert psam("00B095000F") == "65" + "65010020240102000001" + "0100" + "F1F2" + "9000"
    assert psam("00B0960006") == "6501000000019000"
    label = "社会保障应用".encode("gbk").hex().upper()
    assert psam("00B2010C18") == f"61164F06D15600000590500C{label}9000"


@pytest.mark.parametrize("name", [SX1, SX3])
def test_an_environment_is_found_by_its_name_from_anywhere(make_psam, name):
    psam = make_psam()
    for place in ("00A4000002DF01", named(SX3), "00A4000002DF01"):
        psam(place)
        assert psam(named(name)) == fci(name)
        assert psam(named(name[:10])) == fci(name)


@pytest.mark.parametrize("command", ["00A40000", "00A4000000", "00A40000023F00"])
def test_the_mf_is_the_environment_of_des(make_psam, command):
    psam = make_psam()
    psam.enter(Algorithm.SM4)
    assert psam(command) == fci(SX1)


def test_the_application_is_the_one_of_the_current_environment(make_psam):
    psam = make_psam()
    deliver = "BFDE672D28" + "00" * 40
    assert psam("00A4040006D15600000590") == ADF_FCI
    assert psam(deliver) == "6700"
    assert psam("00A4040006D15600000590") == ADF_FCI
    psam(named(SX3))
    assert psam("00A4040006D15600000590") == ADF_FCI
    assert psam(deliver) == "9000"
    assert psam("00A4000002DF01") == ADF_FCI
    assert psam(deliver) == "9000"


def test_a_fid_means_the_current_directory_then_what_is_in_it_its_siblings_and_the_mf(make_psam):
    psam = make_psam()
    psam("00A4000002DF01")
    assert psam("00A4000002DF01") == ADF_FCI
    assert psam("00A4000002DDF2") == fci(SX3)
    assert psam("00A4000002DF01") == ADF_FCI
    assert psam("00A4000002DDF2") == fci(SX3)
    assert psam("00A4000002DF02") == "6A82"
    assert psam("00A40000023F00") == fci(SX1)


@pytest.mark.parametrize("p1", ["00", "02"])
def test_a_file_answers_9000_alone(make_psam, p1):
    psam = make_psam(t0=True)
    assert psam(f"00A4{p1}00020015") == "9000"
    assert psam("00B000000F").endswith("F1F29000")
    psam("00A4000002DF01")
    assert psam(f"00A4{p1}00020019") == "9000"
    assert psam("00B0000004") == "000000019000"
    assert psam(f"00A4{p1}00020011") == "9000"
    assert psam("00B0000004") == "6981"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        ("00A4010002DF01", "6A86"),
        ("00A4000202DF01", "6A86"),
        ("00A4000001DF", "6700"),
        ("00A40200", "6700"),
        ("00A4020002DF01", "6A82"),
        ("00A404000473783137", "6700"),
        ("00A4040011" + "00" * 17, "6700"),
        ("00A40400054142434445", "6A82"),
        (named(SX2), "6A82"),
        ("00A4000002DDF1", "6A82"),
        ("80A40000", "6D00"),
        ("90A40000", "6E00"),
    ],
)
def test_what_select_refuses_leaves_everything_as_it_was(psam, command, sw):
    psam("00A40000020019")
    assert psam(command) == sw
    assert psam("00B0000004") == "000000019000"


def test_an_open_61xx_is_fetched_with_get_response(make_psam):
    psam = make_psam(t0=True)
    assert psam("00A4000002DF01") == "610A"
    assert psam("00C000000A") == ADF_FCI


def test_initialize_environment(make_psam, image_of):
    psam = make_psam(image_of(algorithms=(Algorithm.DES, Algorithm.SSF33)))
    assert psam("BFEC000001 11") == "9000"
    assert psam("00A4040006D15600000590") == ADF_FCI
    assert psam("BFDE672D28" + "00" * 40) == "6A81"
    assert psam("BFEC000001 99") == "9000"
    psam("00A4040006D15600000590")
    assert psam("BFDE672D20" + "00" * 32) == "9000"
    assert psam("BFEC000001 1A") == "6A80"
    assert psam("80FA000008" + "00" * 8) == "6901"


@pytest.mark.parametrize(
    ("command", "sw"),
    [("BFEC000001 11", "6985"), ("BFEC010001 65", "6A86"), ("BFEC000002 6501", "6700"), ("BFEC0000", "6700")],
)
def test_what_initialize_environment_refuses(psam, command, sw):
    assert psam(command) == sw


def test_an_environment_of_ssf33_has_files_but_no_cipher(make_psam, image_of):
    psam = make_psam(image_of(algorithms=(Algorithm.DES, Algorithm.SSF33, Algorithm.SM4)))
    assert psam(named(SX2)) == fci(SX2)
    assert psam("00B0960006") == "6501000000019000"
    assert psam("0084000010") == "A0A1A2A3A4A5A6A7A8A9AAABACADAEAF9000"
    assert psam("0082000010" + "00" * 16) == "6A81"
    psam("00A4000002DF01")
    assert psam("00B09A000A") == "010120200101209912319000"
    assert psam("84D4001124" + "00" * 36) == "6A81"
    assert psam("80FA000010" + "00" * 16) == "6901"
    assert psam("8070010034" + "00" * 52) == "6A88"


def test_a_blocked_card_does_nothing(make_psam):
    psam = make_psam(quirks=PsamQuirks(blocked="card"))
    for command in ("00A40000", "00B095000F", "BFDE672D20" + "00" * 32, "8072000004" + "00" * 4):
        assert psam(command) == "6A81"


def test_a_blocked_application_does_nothing_with_keys(make_psam):
    psam = make_psam(quirks=PsamQuirks(blocked="application"))
    psam.enter(Algorithm.DES)
    assert psam("BFDE672D20" + "00" * 32) == "6985"
    assert psam("80FA000008" + "00" * 8) == "6985"
    assert psam("8070010034" + "00" * 52) == "6985"
    assert psam("8072000004" + "00" * 4) == "6985"
    assert psam("84D4001124" + "00" * 36) == "6985"
    assert psam("00B0990004") == "000000019000"


@pytest.mark.parametrize("command", ["841E000004", "8418000004", "8416000004"])
def test_there_are_no_block_commands(psam, command):
    assert psam(command + "00" * 4) == "6D00"


@pytest.mark.parametrize("command", ["0088000010" + "00" * 16, "0020000003123456", "80EE0000"])
def test_an_unknown_instruction_is_6d00(psam, command):
    assert psam(command) == "6D00"


@pytest.mark.parametrize("command", ["A0A40000", "9084000008", "84", "BFDE"])
def test_another_class_is_6e00_and_half_a_header_6700(psam, command):
    assert psam(command) == ("6700" if len(command) < 8 else "6E00")
