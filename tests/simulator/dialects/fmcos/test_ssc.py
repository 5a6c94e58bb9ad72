"""The layer for social security cards, command by command, and what it refuses."""

import pytest

from simulator.access import NEVER
from simulator.dialects.fmcos_commands.state import PIN_LEVEL, World, condition

SSSE = "7378312E73682EC9E7BBE1B1A3D5CF"
MASTER, IRK, UPDATE, READ = "40" * 16, "30" * 16, "39" * 16, "81" * 16
LOCK, PUK, STK = "33" * 16, "37" * 16, "36" * 8
MEDICAL = "D15600000503"


@pytest.fixture
def ssse(blank):
    """An MF and the SSSE, current and free, with all its keys."""
    blank.mf()
    blank.script(f"80E0DDF11738{0x1000:04X}4040FFFFFF{SSSE}")
    blank(f"00A404000F{SSSE}")
    blank.script(
        "80E00000073F02001E40FFFF",
        f"80D401001639004040FF01{MASTER}",
        f"80D40100153000400100{IRK}",
        f"80D401000D360040FFFF{STK}",
        f"80D4010416390040C03301{UPDATE}",
        f"80D4010416390040C03302{'12' * 16}",
        f"80D4010A16390040813301{READ}",
        f"80D40105153300400100{LOCK}",
        f"80D4010616370040FF3301{PUK}",
        "80D40100083A00EF8866123456",
        "80E0EF1E072C00400008FFFF",
        "80E0EF05072C004000C0FFFF",
        "80E0EF06072C004081C0FFFF",
        "00DC0134040102AABB",
        "00DC012C040102CCDD",
    )
    return blank


def left(chip) -> None:
    chip.reset()
    assert chip(f"00A404000F{SSSE}")[-4:] == "9000"


def test_the_vector_of_the_authentication_in_two_steps(make):
    chip = make("1122334455667788")
    chip.mf()
    chip.script(f"80E0DDF11738{0x1000:04X}4040FFFFFF{SSSE}")
    chip(f"00A404000F{SSSE}")
    chip.script("80E00000073F02001E40FFFF", "80D4010016390040403301404142434445464748494A4B4C4D4E4F")
    assert chip("0084000008") == "11223344556677889000"
    chip.script("0082000010032F4CE56861045A1122334455667788")


def test_the_fci_names_the_dir_file(ssse):
    assert ssse(f"00A404000F{SSSE}") == f"6F16840F{SSSE}A50388011E9000"


def test_the_fci_names_the_algorithm_and_has_the_file_that_the_descriptor_names(blank):
    blank.mf()
    blank.script(f"80E0DDF11738{0x1000:04X}404095FF03{SSSE}")
    blank(f"00A404000F{SSSE}")
    blank.script("80E00000073F02001E40FFFF", "80E0EF15072800030000FFFF", "00D6950003870199")
    assert blank(f"00A404000F{SSSE}") == f"6F1F840F{SSSE}A50C88011E9F0C068601038701999000"


@pytest.mark.parametrize("algorithm", ["00", "02", "04"])
def test_algorithms_that_are_none(blank, algorithm):
    blank.mf()
    assert blank(f"80E0DDF11738{0x1000:04X}4040FFFF{algorithm}{SSSE}") == "6A80"


def test_masks_bind_once_the_directory_was_left(ssse):
    assert ssse("00B2013400") == "0102AABB9000"
    left(ssse)
    assert ssse("00B2012C00") == "0102CCDD9000"
    assert ssse("00B2013400") == "6982"
    assert ssse("00DC012C040102EEFF") == "6982"
    assert ssse.authenticate_ssc(0x0A, READ) == "9000"
    assert ssse("00B2013400") == "0102AABB9000"
    assert ssse("00DC012C040102EEFF") == "6982"
    assert ssse.authenticate_ssc(0x04, UPDATE) == "9000"
    ssse.script("00DC012C040102EEFF")


def test_the_master_key_builds(ssse):
    left(ssse)
    create, add = "80E0EF07072800100000FFFF", f"80D4010716390040823301{READ}"
    assert ssse(create) == "6982"
    assert ssse(add) == "6982"
    assert ssse("800E000000") == "6982"
    assert ssse.authenticate_ssc(0x00, MASTER) == "9000"
    ssse.script(create, add)
    assert ssse("00B2013400") == "6982"  # and does nothing else
    ssse.script("800E000000")
    assert ssse("00A4000002EF05") == "6A82"


def test_versions_of_keys(ssse):
    left(ssse)
    assert ssse.authenticate_ssc(0x04, "12" * 16) == "63C2"
    assert ssse.authenticate_ssc(0x04, "12" * 16, "02") == "9000"
    assert ssse.authenticate_ssc(0x04, UPDATE, "01") == "9000"
    assert ssse.authenticate_ssc(0x04, UPDATE, "03") == "6A88"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        pytest.param("0082000408" + "00" * 8, "6700", id="8 bytes, the manual's"),
        pytest.param("0082010410" + "00" * 16, "6A86", id="P1"),
        pytest.param("0082001410" + "00" * 16, "6A86", id="number 14"),
        pytest.param("0082008010" + "00" * 16, "6A86", id="number 0 of the directory"),
        pytest.param("0082000710" + "00" * 16, "6A88", id="no such key"),
        pytest.param("0082000410" + "00" * 16, "6984", id="no challenge"),
        pytest.param("0088010010" + "00" * 16, "6A86", id="computing for the outside"),
        pytest.param("00E2000C0401020304", "6D00", id="APPEND RECORD"),
        pytest.param("8050000200", "6E00", id="a wallet's command"),
        pytest.param("80E0EF07076800100000FFFF", "6A80", id="encrypted updates"),
        pytest.param("80E0EF07072F02080000FFFF", "6A80", id="a wallet"),
        pytest.param("80D4010716390040083301" + "00" * 16, "6A80", id="a level that is none"),
        pytest.param("80D40107153900404033" + "00" * 16, "6700", id="39 without a version"),
        pytest.param("80D4010016390040403301" + "00" * 16, "6A86", id="a second MK"),
        pytest.param("80D40101083A00EF8866FFFFFF", "6A80", id="a PIN that is none"),
        pytest.param("80D40107153000400103" + "00" * 16, "6A80", id="an SM4 key among those of DES"),
    ],
)
def test_what_the_layer_refuses(ssse, command, status):
    assert ssse(command) == status


def test_a_right_to_use_a_key(ssse):
    ssse.script(f"80D4010716394040043301{READ}")
    left(ssse)
    assert ssse.authenticate_ssc(0x07, READ) == "6982"
    ssse.authenticate_ssc(0x00, MASTER)
    assert ssse.authenticate_ssc(0x07, READ) == "9000"


def test_an_application_without_maintenance_key_is_not_blocked(ssse):
    medical(ssse)
    left(ssse)
    assert ssse.authenticate_ssc(0x05, LOCK) == "9000"
    ssse("00A4000002DF04")
    assert ssse.secured_ssc("841E0001", "", STK) == "6A88"


def test_puk_and_the_lock_key_open_no_file(ssse):
    left(ssse)
    for number, key in ((0x05, LOCK), (0x06, PUK)):
        assert ssse.authenticate_ssc(number, key) == "9000"
    assert ssse("00B2013400") == "6982"
    assert ssse("00DC012C040102EEFF") == "6982"


def test_the_master_key_is_replaced_encrypted_and_with_a_mac(ssse, crypto):
    left(ssse)
    record = f"F90040403301{'42' * 16}"
    cipher = crypto["encrypted"](MASTER, record)
    assert ssse.secured("84D43900", cipher, MASTER) == "6982"
    assert ssse.authenticate_ssc(0x00, MASTER) == "9000"
    assert ssse.secured("84D43900", cipher, MASTER, wrong=True) == "9302"
    assert ssse.secured("84D43900", cipher, MASTER) == "9000"
    assert ssse.authenticate_ssc(0x00, MASTER) == "63C2"
    assert ssse.authenticate_ssc(0x00, "42" * 16) == "9000"
    assert ssse(f"80D4390016{record}") == "9302"


def test_one_version_of_a_key_is_replaced(ssse):
    left(ssse)
    ssse.authenticate_ssc(0x00, MASTER)
    ssse.script(f"80D4390416390040C03302{'22' * 16}")
    assert ssse(f"80D4390416390040C03303{'22' * 16}") == "6A88"
    assert ssse.authenticate_ssc(0x04, "22" * 16, "02") == "9000"
    assert ssse.authenticate_ssc(0x04, UPDATE, "01") == "9000"


def test_the_maintenance_key_makes_the_mac_of_updates(ssse):
    ssse.script("80E0EF0707A800100000FFFF")
    left(ssse)
    assert ssse("00D6870002CAFE") == "6987"
    assert ssse.secured_ssc("04D68700", "CAFE", STK) == "9000"
    assert ssse("00B0870002") == "CAFE9000"


def medical(ssse) -> None:
    """DF04, current and free, with a log and the amounts, which the key DSK changes."""
    ssse.script(f"80E0DF040E3804004040FFFFFF{MEDICAL}")
    ssse("00A4000002DF04")
    ssse.script("80E00000073F0100FF40FFFF", f"80D4010016390040403301{MASTER}", f"80D4018716390040A03301{UPDATE}")
    ssse.script("80E0EF02072F021000A0FF08", "80E0EF08072E041C8808FFFF")


def test_the_amounts_are_filled_while_the_directory_is_free(ssse):
    medical(ssse)
    assert ssse("00D6820013" + "00" * 19) == "6700"
    assert ssse("00D6820114" + "00" * 20) == "6A86"
    ssse.script("00D6820014" + "5A" * 20)
    assert b"\x5a" * 20 in ssse.card.image.content
    left(ssse)
    ssse("00A4000002DF04")
    assert ssse("00D6820014" + "00" * 20) == "6982"
    assert ssse("00A4000002EF02") == "6A82"


def test_the_key_of_the_starting_day_wins_what_the_amounts_ask_for(ssse):
    medical(ssse)
    directory = ssse.card._store.root.directories[0].directories[0]
    (amounts,) = (file for file in directory.internal if file.size == 40)
    asked: list[int] = []

    class Rights:
        def own(self, level):
            asked.append(level)
            return True

    assert amounts.rights.update.allows(Rights())
    assert asked == [0xA0]


def test_below_the_ssse_the_pin_is_the_parents(ssse):
    medical(ssse)
    left(ssse)
    ssse("00A4000002DF04")
    assert ssse("00B2014400") == "6982"
    ssse.script("0020000003123456")
    assert ssse("00B2014400") == "6A83"
    assert ssse("00DC00431C" + "00" * 28) == "6982"


def test_the_other_world_goes_on_beside_it(ssse):
    ssse("00A40000023F00")
    ssse.script("80E0000507280008F0F0FFFF")
    assert ssse("00B0850001") == "006281"
    ssse.script("80E03F010D380200F0F0FFFFFFA000000003")
    ssse("00A4040005A000000003")
    assert ssse("80D4010000") == "6A82"


class Won:
    """Levels won here, levels won above."""

    def __init__(self, own=(), above=()):
        self._own, self._above = own, above

    def own(self, level):
        return level in self._own

    def parents(self, level):
        return level in self._above

    def register(self, *, mf):
        raise AssertionError


@pytest.mark.parametrize(
    ("mask", "won", "allowed"),
    [
        pytest.param(0x00, Won(), True, id="free"),
        pytest.param(0x08, Won({8, 0x33}), False, id="forbidden"),
        pytest.param(0x80, Won({0x80}), False, id="a bank without a level"),
        pytest.param(0x40, Won({0x40}), True, id="MK"),
        pytest.param(0x40, Won({0xC0}), False, id="the same bit in the other bank"),
        pytest.param(0x03, Won({0x02}), True, id="either of two"),
        pytest.param(0x83, Won({0x84}), False, id="neither"),
        pytest.param(0x89, Won({0x81}), True, id="PIN or RK1: RK1"),
        pytest.param(0x89, Won((), {PIN_LEVEL}), True, id="PIN or RK1: PIN"),
        pytest.param(0x89, Won({PIN_LEVEL}, {0x81}), False, id="PIN or RK1: of the wrong directory"),
        pytest.param(0x89, Won({0x88}), False, id="key 10 is not the PIN"),
    ],
)
def test_what_masks_of_reading_allow(mask, won, allowed):
    assert condition(mask, World.BELOW, reading=True).allows(won) is allowed


def test_what_joins_levels():
    both = condition(0x89, World.BELOW, joint=0xF4, reading=True)
    assert not both.allows(Won({0x81}))
    assert not both.allows(Won((), {PIN_LEVEL}))
    assert both.allows(Won({0x81}, {PIN_LEVEL}))


def test_in_update_rights_88_is_key_10():
    assert condition(0x88, World.BELOW).allows(Won({0x88}))
    assert not condition(0x88, World.BELOW).allows(Won({PIN_LEVEL}, {PIN_LEVEL}))
    assert condition(0x88, World.SSSE, reading=True).allows(Won({PIN_LEVEL}))
    assert condition(0x08, World.SSSE) is NEVER
