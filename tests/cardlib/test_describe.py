"""Traces in words."""

import pytest

from apdu.command import CommandAPDU
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from cardlib.codes import SEX
from cardlib.describe import describe_answer, describe_command, describe_value
from cardlib.follow import Follower
from cardlib.values import CardDate, CardIdentifier

WORDS = {
    "00A404000F7378312E73682EC9E7BBE1B1A3D5CF00": "SELECT by name sx1.sh.社会保障 Ne 256",
    "00A4040006D15600000501": "SELECT by AID D15600000501",
    "00A4040005FFFFFFFFFF": "SELECT by name FFFFFFFFFF",
    "00A40400070A1B5B33316D41": "SELECT by name 0A1B5B33316D41",
    "00A4020002EF05": "SELECT file EF05",
    "00A40000": "SELECT MF",
    "00B2012D40": "READ RECORD records 1 to last of SFI 05 Ne 64",
    "00B2080014": "READ RECORD first record with tag 08 of the current file Ne 20",
    "00B2010740": "READ RECORD mode 7 of the current file Ne 64",
    "0082000A10" + "AB" * 16: "EXTERNAL AUTHENTICATE key 0A (RKSSSE) (16 bytes of data)",
    "0082008410" + "AB" * 16: "EXTERNAL AUTHENTICATE key 84",
    "0020000003123456": "VERIFY (3 bytes of data)",
    "00200000": "VERIFY (asks for the tries left)",
    "80FE0000": "INS FE",
    "00B0881010": "READ BINARY from byte 16 of SFI 08",
    "00B0010210": "READ BINARY from byte 258 of the current file",
}


@pytest.mark.parametrize(("command", "words"), WORDS.items(), ids=WORDS.values())
def test_a_command_is_described_without_its_data(command: str, words: str) -> None:
    described = describe_command(CommandAPDU.from_bytes(bytes.fromhex(command)))
    assert described.startswith(words)
    assert "ABAB" not in described
    assert "123456" not in described


def test_a_secret_is_not_described() -> None:
    assert describe_command(CommandAPDU(0, 0x20, 0, 0, Secret(b"\x12\x34"))) == "VERIFY (2 bytes of data)"


def test_an_answer_is_described_by_its_meaning_after_that_command() -> None:
    verify = CommandAPDU(0, 0x20, 0, 0)
    assert describe_answer(ResponseAPDU(b"", 0x63C2), verify) == "63C2 PIN wrong, 2 tries left (密码错误，剩余2次)"
    assert describe_answer(ResponseAPDU(bytes(5)), verify) == "5 bytes, 9000 success (成功)"


def test_one_who_followed_the_conversation_knows_the_file_and_whose_key_it_is() -> None:
    follower = Follower()
    words = []
    for command in (
        "00A404000F7378312E73682EC9E7BBE1B1A3D5CF",
        "00A4000002DF03",
        "00B2012D40",
        "0082008410" + "AB" * 16,
    ):
        parsed = CommandAPDU.from_bytes(bytes.fromhex(command))
        words.append(describe_command(parsed, follower))
        follower.follow(parsed)
    assert words[2] == "READ RECORD records 1 to last of DF03/EF05 unemployment_insurance 失业保险信息文件 Ne 64"
    assert words[3] == "EXTERNAL AUTHENTICATE key 84 (RK1DF03) (16 bytes of data)"


VALUES = {
    "": None,
    "张三": "张三",
    "12345": 12345,
    "2024-01-02": CardDate("20240102"),
    "1 男性 male": SEX["1"],
    "7": SEX["7"],
    "990000D156000005000A0B1CFFFFFFFF": CardIdentifier("990000D156000005000A0B1CFFFFFFFF"),
    "0AFF": b"\x0a\xff",
    "degree 403; major 1202": {"degree": "403", "major": "1202", "school": None},
    "2024-01-02; –": (CardDate("20240102"), None),
}


@pytest.mark.parametrize(("words", "value"), VALUES.items(), ids=VALUES)
def test_a_value_is_described_for_people(words: str, value: object) -> None:
    assert describe_value(value) == words  # type: ignore[arg-type]
