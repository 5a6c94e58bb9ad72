"""Traces in words."""

import pytest

from apdu.command import CommandAPDU
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from cardlib.describe import describe_answer, describe_command

WORDS = {
    "00A404000F7378312E73682EC9E7BBE1B1A3D5CF00": "SELECT by name sx1.sh.社会保障 Ne 256",
    "00A4040006D15600000501": "SELECT by AID D15600000501",
    "00A4040005FFFFFFFFFF": "SELECT by name FFFFFFFFFF",
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
