"""Where on the card a conversation is."""

import pytest

from apdu.command import CommandAPDU
from cardlib.follow import Follower

SSSE = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"
PKI = "00A404000C504B492EC9E7BBE1B1A3D5CF"


def after(*commands: str) -> Follower:
    follower = Follower()
    for command in commands:
        follower.follow(CommandAPDU.from_bytes(bytes.fromhex(command)))
    return follower


PLACES = {
    "nothing selected": ((), (None, None)),
    "the SSSE by name": ((SSSE,), ("SSSE", None)),
    "a file by identifier": ((SSSE, "00A4020002EF06"), ("SSSE", 0xEF06)),
    "a file by identifier, P1 00": ((SSSE, "00A4000002EF05"), ("SSSE", 0xEF05)),
    "a directory by identifier": ((SSSE, "00A4020002EF06", "00A4000002DF03"), ("DF03", None)),
    "a directory beside it": ((SSSE, "00A4000002DF03", "00A4000002DF01"), ("DF01", None)),
    "a directory by AID": (("00A4040006D15600000504",), ("DF07", None)),
    "the MF": ((SSSE, "00A40000023F00"), (None, None)),
    "the MF without data": ((SSSE, "00A40000"), (None, None)),
    "a directory DF01 of another application": ((PKI, "00A4000002DF01"), (None, None)),
    "an unknown directory": ((SSSE, "00A4000002DF0F"), (None, None)),
    "an SFI makes its file current": ((SSSE, "00A4020002EF06", "00B2012D40"), ("SSSE", 0xEF05)),
    "a record of the current file": ((SSSE, "00A4020002EF06", "00B2010540"), ("SSSE", 0xEF06)),
    "an SFI in READ BINARY": ((SSSE, "00B0880000"), ("SSSE", 0xEF08)),
    "an offset is no SFI": ((SSSE, "00A4020002EF07", "00B0080000"), ("SSSE", 0xEF07)),
    "another command": ((SSSE, "0084000008"), ("SSSE", None)),
    "another class": ((SSSE, "80A4000002DF01"), ("SSSE", None)),
}


@pytest.mark.parametrize(("commands", "place"), PLACES.values(), ids=PLACES)
def test_the_selection_is_followed(commands: tuple[str, ...], place: tuple[str | None, int | None]) -> None:
    follower = after(*commands)
    assert (follower.directory, follower.fid) == place


def test_the_card_says_which_directory_a_part_of_a_name_selected() -> None:
    follower = Follower()
    select = CommandAPDU.from_bytes(bytes.fromhex("00A40400057378312E73"))
    follower.follow(select, bytes.fromhex("6F11840F7378312E73682EC9E7BBE1B1A3D5CF"))
    assert follower.directory == "SSSE"
    follower.follow(select, bytes.fromhex("6F1184"))
    assert follower.directory is None, "an FCI that is cut off names nothing"


def test_a_reset_selects_the_mf() -> None:
    follower = after(SSSE, "00A4020002EF06")
    follower.reset()
    assert (follower.directory, follower.fid) == (None, None)


def test_the_file_that_a_command_uses_is_known_before_it_is_current() -> None:
    follower = after(SSSE, "00A4020002EF06")
    command = CommandAPDU.from_bytes(bytes.fromhex("00B2012D40"))
    file = follower.file_of(command)
    assert file is not None
    assert file.name == "issuer"
    assert follower.place_of(command) == "SSSE/EF05 issuer 发卡机构数据文件"
    assert follower.fid == 0xEF06


def test_a_file_that_the_profile_does_not_have_is_named_by_its_identifier() -> None:
    follower = after(SSSE)
    command = CommandAPDU.from_bytes(bytes.fromhex("00B2016C40"))
    assert follower.file_of(command) is None
    assert follower.place_of(command) == "SSSE/EF0D"
    assert follower.place_of(CommandAPDU(0, 0x84, 0, 0)) == ""
    assert after().place_of(command) == ""
