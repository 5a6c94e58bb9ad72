"""A wrong MAC under a master key costs a try of it, in every command that takes one; a right MAC gives them back."""

import pytest

from apdu.secret import Secret
from cardlib.cos.protection import encrypted_key, loading_mac
from cardlib.crypto import Algorithm
from simulator.memory.system import LifeCycle
from simulator.psam.making import blank

FACTORY_MASTER = bytes(range(0x60, 0x70))
DDF_MASTER, ADF_MASTER = bytes(range(0x50, 0x60)), bytes(range(0x40, 0x50))
"""Of the PSAM of the worked examples; every master key there has three tries."""
HEADER = "00180000010008030300"
MF = f"808A00002A 3F00 10 00 FFFF 01 00 00D0 FF 81 FFFFFF 0F 7378312E73682EC9E7BBE1B1A3D5CFFF {HEADER}"
TERMINAL = "650100000002"


def with_mac(psam, header: str, data: str = "", *, key: bytes, wrong: bool) -> str:
    """The command with a MAC over the challenge; ``wrong``: one bit of it is."""
    challenge = bytes.fromhex(psam("0084000008")[:-4])
    message = bytes.fromhex(f"{header}{len(data) // 2 + 4:02X}{data}")
    mac = bytearray(loading_mac(Algorithm.DES, Secret(key), challenge, message))
    mac[3] ^= wrong
    return psam((message + mac).hex())


@pytest.fixture
def building(make_psam):
    """A chip with an MF that has a master key of three tries, a file, and no directory."""
    psam = make_psam(blank())
    for command in (MF, f"80D000001A {HEADER} {FACTORY_MASTER.hex()}", "8080000008 0015 31 00 000F 00 08"):
        assert psam(command) == "9000"
    return psam


@pytest.fixture
def finished(psam):
    """One that was issued; its MF, whose master key rules over EF 0016, is current."""
    assert psam("00A4000000").endswith("9000")
    return psam


COMMANDS = {"end of issue": ("841C0000", ""), "erase": ("848A0100", "")}


@pytest.mark.parametrize("command", COMMANDS)
def test_three_wrong_macs_block_the_key_for_right_ones_too(building, command):
    header, data = COMMANDS[command]
    assert [with_mac(building, header, data, key=FACTORY_MASTER, wrong=True) for _ in range(3)] == ["6988"] * 3
    building.card.reset()
    for other, more in COMMANDS.values():
        assert with_mac(building, other, more, key=FACTORY_MASTER, wrong=False) == "6983"
    assert building.card.image.system.life_cycle is LifeCycle.BUILDING


def test_a_right_mac_gives_the_tries_back_whatever_becomes_of_the_command(building):
    for _ in range(3):
        for _ in range(2):
            assert with_mac(building, "848A0100", key=FACTORY_MASTER, wrong=True) == "6988"
        assert with_mac(building, "04D69510", "AA", key=FACTORY_MASTER, wrong=False) == "6B00", (
            "right, and beyond the end"
        )
    assert with_mac(building, "841C0000", key=FACTORY_MASTER, wrong=False) == "9000"


def test_wrong_macs_of_updates_block_it(finished):
    update = ("04D69600", TERMINAL)
    for _ in range(2):
        answers = [with_mac(finished, *update, key=DDF_MASTER, wrong=True) for _ in range(2)]
        assert answers == ["6988", "6988"]
        assert with_mac(finished, *update, key=DDF_MASTER, wrong=False) == "9000"
    assert [with_mac(finished, *update, key=DDF_MASTER, wrong=True) for _ in range(4)] == ["6988"] * 3 + ["6983"]
    finished.card.reset()
    assert with_mac(finished, *update, key=DDF_MASTER, wrong=False) == "6983"
    assert finished("00B0960006") == TERMINAL + "9000"


def test_without_a_challenge_no_try_is_spent(finished):
    assert [finished(f"04D696000A{TERMINAL}00000000") for _ in range(5)] == ["6984"] * 5
    assert with_mac(finished, "04D69600", TERMINAL, key=DDF_MASTER, wrong=False) == "9000"


def test_each_directory_has_a_key_with_tries_of_its_own(finished):
    for _ in range(3):
        with_mac(finished, "04D69600", TERMINAL, key=DDF_MASTER, wrong=True)
    assert finished("00A4000002DF01").endswith("9000")
    wrapped = encrypted_key(Algorithm.DES, Secret(ADF_MASTER), Secret(bytes.fromhex("000000" + "77" * 16)))
    assert with_mac(finished, "84D40100", wrapped.hex(), key=ADF_MASTER, wrong=False) == "9000"
