"""The card's commands as bytes, against public wire traces [S4, S5, S6, S7] and the printed headers [S2.5]."""

import pytest

from apdu.command import CommandAPDU
from apdu.secret import Secret
from cardlib import commands
from cardlib.commands import Balance, RecordMode, Transaction

SSSE = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")
RND1, RND2 = bytes.fromhex("32D9E876ADB31BBF"), bytes.fromhex("DBF7A936D0D18C9E")
TERMINAL, TIME = bytes.fromhex("650100000001"), bytes.fromhex("20240102030405")

WIRE = {
    "SELECT SSSE, trace A": (commands.select_name(SSSE, ne=None), "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"),
    "SELECT SSSE with Le": (commands.select_name(SSSE), "00A404000F7378312E73682EC9E7BBE1B1A3D5CF00"),
    "SELECT MF, S6": (commands.select_master_file(), "00A40000023F00"),
    "SELECT EF05, trace A": (commands.select_file(0xEF05), "00A4020002EF05"),
    "SELECT EF05, trace D": (commands.select_file(0xEF05, p1=0x00), "00A4000002EF05"),
    "item 01 of the current file, trace A": (
        commands.read_record(0x01, RecordMode.FIRST_WITH_IDENTIFIER, ne=18),
        "00B2010012",
    ),
    "whole EF05, trace D": (commands.read_record(1, RecordMode.FROM_NUMBER_TO_LAST, ne=64), "00B2010540"),
    "item 07 by tag and SFI, S7": (
        commands.read_record(0x07, RecordMode.FIRST_WITH_IDENTIFIER, sfi=5, ne=11),
        "00B207280B",
    ),
    "record 1 by number and SFI, S9": (commands.read_record(1, RecordMode.NUMBER, sfi=6, ne=20), "00B2013414"),
    "challenge, trace A": (commands.get_challenge(), "0084000008"),
    "internal authentication, trace A": (
        commands.internal_authenticate(RND1, RND2),
        "008800001032D9E876ADB31BBFDBF7A936D0D18C9E08",
    ),
    "with key version, S7": (commands.internal_authenticate(RND1, RND2, key_version=1), None),
    "external authentication, trace A": (
        commands.external_authenticate(0x0A, bytes.fromhex("774A08EDF447A1DE"), bytes.fromhex("E603E2CAADAF02B6")),
        "0082000A10774A08EDF447A1DEE603E2CAADAF02B6",
    ),
    "verify, trace D": (commands.verify(Secret(b"\x66\x66\x66")), "0020000003666666"),
    "directory by FID, S5": (commands.select_directory(0xDF01), "00A4000002DF01"),
    "record 1 of the current file, S5": (
        commands.update_record(1, RecordMode.NUMBER, bytes.fromhex("0812") + b"9" * 18),
        "00DC0104140812" + "39" * 18,
    ),
    "item 05 by tag and SFI, S7": (
        commands.update_record(0x05, RecordMode.FIRST_WITH_IDENTIFIER, bytes.fromhex("050420210601"), sfi=5),
        "00DC052806050420210601",
    ),
    "cyclic append, S8": (
        commands.update_record(0, RecordMode.PREVIOUS_WITH_IDENTIFIER, b"\x00\x01\x31"),
        "00DC000303000131",
    ),
    "binary by SFI, PSAM": (commands.read_binary(0, sfi=0x16, ne=6), "00B0960006"),
    "binary of the current file": (commands.read_binary(0x0F00, ne=256), "00B00F0000"),
    "update of binary": (commands.update_binary(0x0102, b"\xff\xd8"), "00D6010202FFD8"),
    "update of binary by SFI": (commands.update_binary(0, b"\xff\xd8", sfi=8), "00D6880002FFD8"),
    "change of the PIN, S10": (
        commands.change_pin(Secret(b"\x12\x34\x56"), Secret(b"\x65\x43\x21")),
        "805E010007123456FF654321",
    ),
    "first PIN": (commands.change_pin(Secret(b""), Secret(b"\x65\x43\x21")), "805E010004FF654321"),
    "unblocking": (commands.with_mac(commands.unblock_pin(), bytes(4)), "842400000400000000"),
    "another PIN, trace A": (
        commands.with_mac(commands.replace_pin(bytes(16)), b"\x01\x02\x03\x04"),
        "8424000114" + "00" * 16 + "01020304",
    ),
    "application block": (commands.with_mac(commands.block_application(), bytes(4)), "841E00010400000000"),
    "card block": (commands.with_mac(commands.block_card(), bytes(4)), "841600000400000000"),
    "load": (commands.initialise_load(1, 1000, TERMINAL), "B02800010B01000003E865010000000110"),
    "credit": (commands.credit_load(TIME, b"\xce\x21\xc2\x49"), "B02A00000B20240102030405CE21C24904"),
    "purchase, S5": (
        commands.initialise_purchase(1, 1000, 250, 4750, TERMINAL),
        "B02801011301000003E8000000FA0000128E65010000000116",
    ),
    "debit, S5": (
        commands.debit_purchase(1, TIME, b"\xb6\xe0\x39\xd3"),
        "B02C01000F0000000120240102030405B6E039D308",
    ),
    "balance": (commands.get_balance(Balance.ACCOUNT), "B026000104"),
    "pooled total": (commands.get_balance(Balance.POOLED), "B026000306"),
    "proof of a load": (commands.get_transaction_proof(Transaction.LOAD, 8), "B02E003102000808"),
    "proof of a purchase": (commands.get_transaction_proof(Transaction.PURCHASE, 0x1234), "B02E003202123408"),
    "starting day": (commands.get_starting_day(), "B056010002"),
    "another starting day": (commands.update_starting_day(b"\x07\x01"), "B0560000020701"),
    "query of the PIN": (commands.verify_query(), "00200000"),
}


@pytest.mark.parametrize(("command", "wire"), WIRE.values(), ids=WIRE)
def test_commands_go_out_as_on_the_wire(command: CommandAPDU, wire: str | None) -> None:
    expected = wire or "0088000011" + (RND1 + RND2).hex().upper() + "0108"
    assert command.to_bytes().hex().upper() == expected


def test_a_mac_covers_the_header_as_it_will_be_sent_and_ends_the_data() -> None:
    command = commands.update_record(0x05, RecordMode.FIRST_WITH_IDENTIFIER, bytes.fromhex("050420210601"), sfi=5)
    assert commands.authenticated(command).hex().upper() == "04DC05280A050420210601"
    assert commands.with_mac(command, bytes.fromhex("01020304")).to_bytes().hex().upper() == (
        "04DC05280A050420210601" + "01020304"
    )


def test_the_mac_of_unblocking_covers_what_the_specification_prints() -> None:
    assert commands.authenticated(CommandAPDU(0x80, 0x24, 0x00, 0x00)).hex() == "8424000004"
