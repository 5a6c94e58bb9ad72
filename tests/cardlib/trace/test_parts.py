"""What data fields of commands consist of. Lengths: the command tables of the specification's part 5 [S2.5 §6, §7]."""

import pytest

from apdu.command import CommandAPDU
from apdu.secret import Secret
from cardlib.trace.parts import answer_parts, command_parts

SENT = {
    "VERIFY": ("0020000003123456", ["PIN:3"]),
    "CHANGE PIN": ("805E010007123456FF654321", ["old and new PIN:7"]),
    "EXTERNAL AUTHENTICATE": ("0082000A10" + "AB" * 16, ["cryptogram:8", "original:8"]),
    "with key version": ("0082000A11" + "AB" * 17, ["cryptogram:8", "original:8", "key version:1"]),
    "unblock PIN": ("8424000004" + "AB" * 4, ["MAC:4"]),
    "reload PIN": ("8424000114" + "AB" * 20, ["encrypted PIN and MAC:20"]),
    "INITIALIZE FOR LOAD": ("B02800010B" + "00" * 11, ["key index:1", "amount:4", "terminal number:6"]),
    "INITIALIZE FOR PURCHASE": (
        "B028010113" + "00" * 19,
        ["key index:1", "personal account:4", "self-paid:4", "pooled fund:4", "terminal number:6"],
    ),
    "DEBIT FOR PURCHASE": ("B02C01000F" + "00" * 15, ["terminal sequence number:4", "time:7", "MAC:4"]),
    "CREDIT FOR LOAD": ("B02A00000B" + "00" * 11, ["time:7", "MAC:4"]),
    "unknown": ("80FE000003AABBCC", ["data:3"]),
    "longer than known": ("8416000006" + "00" * 6, ["MAC:4", "data:2"]),
}
ANSWERED = {
    "GET CHALLENGE": ("0084000008", 8, ["challenge:8"]),
    "INTERNAL AUTHENTICATE": ("0088000010" + "AB" * 16, 8, ["cryptogram:8"]),
    "INITIALIZE FOR LOAD": (
        "B02800010B" + "00" * 11,
        16,
        ["balance:4", "sequence number:2", "key version:1", "algorithm:1", "random number:4", "MAC:4"],
    ),
    "INITIALIZE FOR PURCHASE": (
        "B028010113" + "00" * 19,
        22,
        [
            "balance:4",
            "self-paid this year:4",
            "pooled fund this year:4",
            "year:2",
            "sequence number:2",
            "key version:1",
            "algorithm:1",
            "random number:4",
        ],
    ),
    "DEBIT FOR PURCHASE": ("B02C01000F" + "00" * 15, 8, ["TAC:4", "MAC:4"]),
    "GET TRANSACTION PROOF": ("B02E0031020001", 8, ["MAC:4", "TAC:4"]),
    "GET BALANCE of the account": ("B026000104", 4, ["balance:4"]),
    "GET BALANCE of the year": ("B026000206", 6, ["balance:4", "year:2"]),
    "GET STARTING DAY": ("B056010002", 2, ["starting day:2"]),
}


@pytest.mark.parametrize(("command", "parts"), SENT.values(), ids=SENT)
def test_a_command_is_taken_apart(command: str, parts: list[str]) -> None:
    found = command_parts(CommandAPDU.from_bytes(bytes.fromhex(command)))
    assert [f"{part.name}:{len(raw)}" for part, raw in found] == parts
    assert b"".join(raw for _, raw in found).hex().upper() == command[10:].upper()


@pytest.mark.parametrize(("command", "size", "parts"), ANSWERED.values(), ids=ANSWERED)
def test_an_answer_is_taken_apart(command: str, size: int, parts: list[str]) -> None:
    data = bytes(range(size))
    found = answer_parts(CommandAPDU.from_bytes(bytes.fromhex(command)), data)
    assert [f"{part.name}:{len(raw)}" for part, raw in found] == parts
    assert b"".join(raw for _, raw in found) == data


def test_a_secret_is_taken_apart_like_other_data() -> None:
    ((part, raw),) = command_parts(CommandAPDU(0, 0x20, 0, 0, Secret(b"\x12\x34")))
    assert (part.chinese, len(raw)) == ("密码", 2)
