"""GET CHALLENGE, EXTERNAL AUTHENTICATION, and what the rights allow [S2.9 §5, §9.2, §9.4]."""

import pytest

from apdu.secret import Secret
from cardlib.cos.protection import loading_mac, ssc_authentication
from cardlib.crypto import Algorithm

DDF_MASTER = bytes(range(0x50, 0x60))
ADF_MASTER = bytes(range(0x40, 0x50))
KID = {1: bytes(range(0x10, 0x20)), 2: bytes(range(0x20, 0x30)), 3: bytes(range(0x30, 0x40))}
CHALLENGE = bytes(range(0xA0, 0xA8))


def authenticate(psam, number, key, algorithm=Algorithm.DES):
    psam("0084000008")
    return psam(f"008200{number:02X}10" + ssc_authentication(algorithm, Secret(key), CHALLENGE).hex())


def secured(psam, header, data, key, algorithm=Algorithm.DES):
    psam("0084000004")
    message = bytes.fromhex(header + f"{len(data) // 2 + 4:02X}" + data)
    return psam((message + loading_mac(algorithm, Secret(key), bytes.fromhex("11223344"), message)).hex())


def test_lengths_of_challenges(make_psam):
    psam = make_psam()
    assert psam("0084000004") == "112233449000"
    assert psam("0084000008") == "A0A1A2A3A4A5A6A79000"
    assert [psam(f"00840000{le}") for le in ("10", "05", "00")] == ["6700"] * 3
    assert psam("0084010008") == "6A86"
    psam.enter(Algorithm.SM4)
    assert psam("0084000010") == "A0A1A2A3A4A5A6A7A8A9AAABACADAEAF9000"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        ("0082010110" + "00" * 16, "6A86"),
        ("008200010F" + "00" * 15, "6700"),
        ("0082000112" + "00" * 18, "6700"),
        ("0082000410" + "00" * 16, "6A88"),
        ("0082000110" + "00" * 16, "63C2"),
        ("0082000111" + "00" * 17, "63C2"),
    ],
)
def test_what_external_authentication_refuses(psam, command, sw):
    psam("0084000008")
    assert psam(command) == sw


def test_a_challenge_serves_once_whatever_comes_of_it(psam):
    for command in ("0082000410", "0082000110"):
        psam("0084000008")
        psam(command + "00" * 16)
        assert psam("0082000110" + "00" * 16) == "6984"


def test_three_wrong_cryptograms_block_a_key_and_a_right_one_restores_its_tries(psam):
    assert [authenticate(psam, 1, bytes(16)) for _ in range(2)] == ["63C2", "63C1"]
    assert authenticate(psam, 1, KID[1]) == "9000"
    assert [authenticate(psam, 1, bytes(16)) for _ in range(3)] == ["63C2", "63C1", "63C0"]
    assert authenticate(psam, 1, KID[1]) == "6983"
    psam.card.reset()
    psam.enter(Algorithm.DES)
    assert authenticate(psam, 1, KID[1]) == "6983"
    assert authenticate(psam, 2, KID[2]) == "9000"


@pytest.mark.parametrize("number", [1, 2, 3])
def test_each_kid_writes_its_own_application_information(make_psam, algorithm, number):
    psam = make_psam()
    psam.enter(algorithm)
    content = "0202" + "2021010120301231"
    assert authenticate(psam, number, KID[number], algorithm) == "9000"
    answers = [psam(f"00D6{sfi:02X}000A{content}") for sfi in (0x9A, 0x9B, 0x9C)]
    assert answers == ["9000" if index == number else "6982" for index in (1, 2, 3)]
    assert psam(f"00B0{0x99 + number:02X}000A") == content + "9000"


def test_the_master_key_of_an_environment_writes_its_files(make_psam, algorithm):
    psam = make_psam()
    psam.enter(algorithm, application=False)
    commands = ("00D6960006650100000009", "00D6950001AA", "00DC020C03610100")
    assert [psam(command) for command in commands] == ["6982"] * 3
    assert authenticate(psam, 0, DDF_MASTER, algorithm) == "9000"
    assert [psam(command) for command in commands] == ["9000"] * 3
    assert psam("00B0960006") == "6501000000099000"
    assert psam("00B2020C03") == "6101009000"
    psam.enter(Algorithm.SM4 if algorithm is Algorithm.DES else Algorithm.DES, application=False)
    assert psam("00B0960006") == "6501000000019000"


def test_a_right_ends_when_another_directory_is_selected(make_psam):
    psam = make_psam()
    psam.enter(Algorithm.DES, application=False)
    authenticate(psam, 0, DDF_MASTER)
    psam("00A40000")
    assert psam("00D6960006650100000009") == "9000"
    psam("00A4000002DF01")
    psam("00A40000")
    assert psam("00D6960006650100000009") == "6982"


def test_a_mac_under_the_master_key_takes_the_place_of_authentication_for_one_command(make_psam, algorithm):
    psam = make_psam()
    psam.enter(algorithm, application=False)
    assert secured(psam, "04D69600", "650100000007", DDF_MASTER, algorithm) == "9000"
    assert psam("00B0960006") == "6501000000079000"
    assert psam("00D6960006650100000009") == "6982"
    assert secured(psam, "04DC020C", "61020102", DDF_MASTER, algorithm) == "9000"
    assert psam("00B2020C04") == "610201029000"
    assert secured(psam, "04D69600", "650100000008", ADF_MASTER, algorithm) == "6988"
    assert psam("04D6960004" + "00" * 4) == "6987"


def test_the_trade_number_is_written_by_nobody(psam):
    authenticate(psam, 0, ADF_MASTER)
    assert psam("00D699000400000000") == "6982"
    assert secured(psam, "04D69900", "00000000", ADF_MASTER) == "6982"
    assert psam("00B0990004") == "000000019000"


def test_application_information_wants_its_kid_also_with_a_mac(psam):
    content = "0202" + "2021010120301231"
    assert secured(psam, "04D69A00", content, ADF_MASTER) == "6982"
    authenticate(psam, 1, KID[1])
    assert secured(psam, "04D69A00", content, DDF_MASTER) == "6988"
    assert secured(psam, "04D69A00", content, ADF_MASTER) == "9000"


def test_keys_are_not_read(psam):
    assert psam("00B0910004") == "6A82"
    assert psam("00B2018C04") == "6A82"
