"""Creating and deleting directories and files, FCI records, the end of pre-issue, and what a finished card refuses."""

import pytest

from cardlib.cos.t514 import T514Delete, delete
from simulator.memory.system import LifeCycle


def deletion(kind: T514Delete, fid: str) -> str:
    return delete(kind, int(fid, 16)).to_bytes().hex()


@pytest.mark.parametrize(
    ("kind", "size"), [("C4", "00"), ("C5", "08"), ("C6", "00"), ("C7", "08"), ("D6", "00"), ("C3", "FF")]
)
def test_files_of_every_kind_are_created_once(begun, commands, kind, size):
    made = commands.file("EF05", kind, size=size)
    assert begun(made) == "9000"
    assert begun(made) == "6A86"
    assert begun("00A4020002EF05") == ("6A82" if kind == "C3" else "9000"), "nothing selects an internal file"


@pytest.mark.parametrize(
    ("fields", "sw"),
    [
        pytest.param({"fid": "EF05", "kind": "C8"}, "6A80", id="no such type"),
        pytest.param({"fid": "EF05", "kind": "C3", "size": "17"}, "6A80", id="no such internal file"),
        pytest.param({"fid": "EF00"}, "6A80", id="SFI 00"),
        pytest.param({"fid": "EF1F"}, "6A80", id="SFI 1F"),
        pytest.param({"fid": "EF05", "space": "0000"}, "6A80", id="no space"),
        pytest.param({"fid": "EF05", "kind": "C5"}, "6A80", id="fixed, no length"),
        pytest.param({"fid": "EF05", "kind": "C7", "size": "21"}, "6A80", id="cyclic, no record fits"),
        pytest.param({"fid": "EF05", "kind": "C5", "size": "01", "space": "00FF"}, "6A80", id="255 records"),
        pytest.param({"fid": "EF03", "kind": "C3", "space": "0013"}, "6A80", id="amounts of 19 bytes"),
        pytest.param({"fid": "EF02"}, "6A86", id="FID and SFI of the key file"),
        pytest.param({"fid": "EF06", "kind": "C3", "size": "18"}, "6A86", id="a second key file"),
        pytest.param({"fid": "EF05", "kind": "C4", "space": "FFFF"}, "6A84", id="more than there is"),
    ],
)
def test_what_cannot_be_created_leaves_nothing(begun, commands, fields, sw):
    before = begun.card.image
    assert begun(commands.file(**fields)) == sw
    assert begun.card.image == before
    assert begun("00A4020002EF05") == "6A82"


def test_254_records_are_a_file(begun, commands):
    assert begun(commands.file("EF05", "C5", size="01", space="00FE")) == "9000"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param("80E001000F" + "00" * 15, "6700", id="a short descriptor"),
        pytest.param("80E0010114" + "00" * 20, "6A86", id="P2"),
        pytest.param("80E0010014" + "0000FFFF01DF010100000000000200" + "00" + "41424344", "6700", id="name of 4 bytes"),
        pytest.param("80E0010021" + "0000FFFF01DF010100000000000200" + "00" + "41" * 17, "6700", id="name of 17 bytes"),
        pytest.param("80E0010015" + "0000FFFF01DF010300000000000200" + "00" + "4142434445", "6A80", id="type 03"),
        pytest.param("80E0010015" + "0000FFFF013F000100000000000200" + "00" + "4142434445", "6A80", id="MF in the MF"),
    ],
)
def test_what_is_no_directory_is_refused(begun, command, sw):
    before = begun.card.image
    assert begun(command) == sw
    assert begun.card.image == before


def test_there_is_one_mf_and_it_comes_first(chip, commands):
    assert chip.transport() == "9000"
    assert chip(commands.directory("DF01", "OTHER")) == "6A80"
    assert chip(commands.file("EF05")) == "6A82"
    chip.script(commands.MF)
    assert chip.card.image.system.life_cycle is LifeCycle.BUILDING
    assert chip(commands.MF) == "6A80"


def enter(chip, commands, fid: str, name: str, **fields: str) -> None:
    """Create a directory with key file and MK in the current one, and authenticate in it."""
    chip.script(commands.directory(fid, name, **fields), f"00A4000002{fid}", commands.KEYS)
    assert chip.load(commands.master(), p1=1) == "9000"
    assert chip.authenticate() == "9000"


def test_identifiers_and_names_occur_once(begun, commands):
    enter(begun, commands, "DDF1", "FIRST", kind="01")
    assert begun("00A4000000") == "9000"
    assert begun.authenticate() == "9000"
    assert begun(commands.directory("DDF1", "OTHER")) == "6A86"
    assert begun(commands.directory("DDF2", "FIRST")) == "6A86"
    enter(begun, commands, "DDF2", "OTHER", kind="01")
    assert begun(commands.directory("DF01", "FIRST")) == "6A86"
    begun.script(commands.directory("DDF1", "THIRD"))


def test_there_are_three_levels(begun, commands):
    enter(begun, commands, "DDF1", "FIRST", kind="01")
    enter(begun, commands, "DF01", "SECOND")
    assert begun(commands.directory("DF02", "THIRD")) == "6A80"
    begun.script(commands.file("EF05"))


def test_a_directory_is_built_in_by_who_has_its_own_key(begun, commands):
    begun.script(commands.directory("DDF1", "FIRST", kind="01"), "00A4000002DDF1")
    begun.script(commands.file("EF05"))  # by the right of the MF's, as long as it has none
    begun.script(commands.KEYS)
    assert begun.load(commands.master(commands.OTHER), p1=1) == "9000"
    assert begun(commands.file("EF06")) == "6982"
    assert begun.authenticate() == "63C2"
    assert begun.authenticate(commands.OTHER) == "9000"
    begun.script(commands.file("EF06"))
    begun.script("00A4000000")
    assert begun(commands.file("EF06")) == "9000", "the MF's own right was not lost below it"
    begun.script("00A4000002DDF1")
    assert begun(commands.file("EF07")) == "6982", "that of the directory was, with the selection of another"


def test_files_and_directories_are_deleted_and_built_again(begun, commands):
    begun.script(commands.file("EF05", space="0040"), "00DC012C030101AA", commands.file("EF06"))
    assert begun("00B2012C00") == "0101AA9000"
    begun.script(deletion(T514Delete.FILE, "EF05"))
    assert begun("00B2012C00") == "6A82"
    begun.script(commands.file("EF05", space="0040"))
    assert begun("00B2012C00") == "6A83", "nothing is left of what it held"
    enter(begun, commands, "DF01", "OTHER")
    begun.script(commands.file("EF05"), "00A4000000")
    assert begun.authenticate() == "9000"
    begun.script(deletion(T514Delete.DIRECTORY, "DF01"))
    assert begun("00A4000002DF01") == begun("00A40400054F54484552") == "6A82"
    enter(begun, commands, "DF01", "OTHER")
    assert begun("00B2012C00") == "6A82"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        (deletion(T514Delete.FILE, "EF05"), "6A82"),
        (deletion(T514Delete.DIRECTORY, "EF02"), "6A82"),
        (deletion(T514Delete.FILE, "DF01"), "6A82"),
        (deletion(T514Delete.MF, "DF01"), "6A82"),
        ("80E10004023F00", "6A86"),
        ("80E10101023F00", "6A86"),
        ("80E10001013F", "6700"),
        ("80E1000100", "6700"),
    ],
)
def test_what_is_not_there_is_not_deleted(begun, command, sw):
    before = begun.card.image
    assert begun(command) == sw
    assert begun.card.image == before


def test_the_mf_is_deleted_from_the_mf_only(begun, commands):
    enter(begun, commands, "DF01", "OTHER")
    assert begun(deletion(T514Delete.MF, "3F00")) == "6A82"
    assert begun("00A4000002DF01")[-4:] == "9000"


def test_deleting_and_ending_take_the_master_key(begun, commands):
    begun.script(commands.file("EF05"))
    begun.again()
    for command in (deletion(T514Delete.FILE, "EF05"), deletion(T514Delete.MF, "3F00"), "80E0020000"):
        assert begun(command) == "6982"


# 70 L FID L 6F L 84 L name …
def test_a_directory_answers_with_its_record_in_the_fci_file(begun, commands):
    begun.script(commands.file("EF01", "C3", size="FF", space="0040"))
    fci = "6F0C84055353534521A50388011E"
    begun.script("00D2010C13" + "7011DDF10E" + fci)
    enter(begun, commands, "DDF1", "SSSE!", kind="01")
    assert begun("00A4000002DDF1") == fci + "9000"
    assert begun("00A4040005" + b"SSSE!".hex()) == fci + "9000"
    enter(begun, commands, "DF01", "BELOW")
    assert begun("00A4000002DF01") == "6F07840542454C4F579000", "without a record: its name"
    assert begun("00A4000000") == "9000", "no name, no record"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        ("00D2010D03700100", "6A86"),
        ("00D2000C03700100", "6A86"),
        ("00D2020C03700100", "6A83"),
        ("00D2012C03700100", "6A82"),
        ("00D2014C03700100", "6A82"),
        ("00D2010C00", "6700"),
        ("00D2010C41" + "70" * 0x41, "6A84"),
    ],
)
def test_what_is_no_fci_record_changes_nothing(begun, commands, command, sw):
    begun.script(commands.file("EF01", "C3", size="FF", space="0040"), commands.file("EF05"))
    before = begun.card.image
    assert begun(command) == sw
    assert begun.card.image == before


@pytest.mark.parametrize("record", ["70", "7002DDF1", "7003DDF1FF", "7004DDF10100"])
def test_a_bad_fci_record_harms_nobody(begun, commands, record):
    begun.script(commands.file("EF01", "C3", size="FF", space="0040"))
    begun(f"00D2010C{len(record) // 2:02X}{record}")
    enter(begun, commands, "DDF1", "SSSE!", kind="01")
    assert begun("00A4000002DDF1")[-4:] == "9000"


def test_rights_bind_when_the_directory_is_ended_and_not_before(begun, commands):
    free, never = commands.file("EF05"), commands.file("EF06", scw="00", rights="EFEFEFEF")
    begun.script(free, never)
    for sfi in ("2C", "34"):
        begun.script(f"00DC01{sfi}030101AA")
        assert begun(f"00B201{sfi}00") == "0101AA9000"
    begun.script("80E0020000")
    assert begun("00B2012C00") == "0101AA9000"
    begun.script("00DC012C030101BB")
    assert begun("00B2013400") == begun("00DC0134030101BB") == "6982"
    assert begun.card.image.system.life_cycle is LifeCycle.ISSUED


def test_before_the_end_rights_bind_who_has_not_the_master_key(begun, commands):
    begun.script(commands.file("EF06", scw="00", rights="EFEFEFEF"), "00DC0134030101AA")
    begun.again()
    assert begun("00B2013400") == "6982"
    assert begun.authenticate() == "9000"
    assert begun("00B2013400") == "0101AA9000"


def test_each_directory_ends_for_itself(begun, commands):
    enter(begun, commands, "DDF1", "FIRST", kind="01")
    enter(begun, commands, "DF01", "SECOND")
    begun.script("80E0020000")
    assert begun(commands.file("EF05")) == "6985"
    begun.script("00A4040005" + b"FIRST".hex())
    assert begun.authenticate() == "9000"
    begun.script(commands.file("EF05"))
    assert begun(deletion(T514Delete.DIRECTORY, "DF01")) == "6985"
    assert begun.card.image.system.life_cycle is LifeCycle.BUILDING
    begun.again()
    begun.script("00A4000002DDF1", "00A4000002DF01")
    assert begun(commands.file("EF06")) == "6985"
    assert begun.authenticate() == "6A86", "the MK has no work left"


def test_a_directory_without_master_key_does_not_end(begun, commands):
    begun.script(commands.directory("DF01", "OTHER"), "00A4000002DF01")
    assert begun("80E0020000") == "6985"
    assert begun("80E002000100") == "6700"


def test_a_finished_card_takes_no_building_command_and_tells_nothing(begun, commands):
    begun.script(commands.file("EF06", scw="00", rights="EFEFEFEF"), "00DC0134030101AA", "80E0020000")
    for _ in range(2):
        before = begun.card.image
        building = [
            commands.MF,
            commands.KEYS,
            commands.file("EF05"),
            commands.directory("DF01", "OTHER"),
            "80E0020000",
            "80D4010018" + commands.master(commands.OTHER),
            "80D4000018" + commands.key("8A", commands.OTHER),
            "84D4000024" + "00" * 0x24,
            "80E00500080000990000000123",
            "001400000B3B6D000000814A4C998660",
            "00D2010C03700100",
            deletion(T514Delete.MF, "3F00"),
            deletion(T514Delete.DIRECTORY, "DF01"),
            deletion(T514Delete.FILE, "EF06"),
        ]
        assert {begun(command) for command in building} == {"6985"}
        assert begun.transport() == "6985"
        assert begun.authenticate() == "6A86"
        assert [begun(read) for read in ("00B2011400", "00B0820000", "00A4020002EF02", "00B2013400")] == [
            "6A82",
            "6A82",
            "6A82",
            "6982",
        ]
        assert begun.card.image == before
        begun.again()


def test_the_amount_file_is_filled_before_the_end_and_out_of_reach_after_it(begun, commands):
    begun.script(commands.file("EF03", "C3", space="0014", scw="04", rights="EFEF0000"))
    assert begun("00D6830013" + "11" * 19) == "6700"
    assert begun("00D6830114" + "11" * 20) == "6A86"
    before = begun.card.image
    begun.script("00D6830014" + "11" * 20)
    assert begun.card.image != before
    assert begun("00B0830014") == "6A82"
    begun.script("80E0020000")
    assert begun("00D6830014" + "22" * 20) == "6985"
    assert begun("00B0830014") == begun("00A4020002EF03") == "6A82"
