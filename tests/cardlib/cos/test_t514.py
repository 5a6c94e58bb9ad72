"""Datang T514: every shape that the public building tool shows; the rest against the tables in cardlib.cos.levels."""

from dataclasses import replace

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from apdu.secret import Secret
from cardlib.cos.levels import T514Delete
from cardlib.cos.plan import PlanError, PlannedPin
from cardlib.cos.t514 import T514, delete, fci_record
from cardlib.crypto import TRIPLE_DES, Algorithm
from cardlib.rules import NEVER, PIN, Key, rule

ENCODER = T514()
NO_CODE = Secret(b"")
HISTORICAL = bytes.fromhex("00814E43238660990000002000")


def hexed(command):
    return command.to_bytes().hex().upper()


def test_transport_authentication_encrypts_the_serial_number() -> None:
    key = Secret(bytes(range(16)))
    (command,) = ENCODER.transport(HISTORICAL, key)
    assert hexed(command)[:10] == "80E0030008"
    three = Cipher(TripleDES(key.reveal() + key.reveal()[:8]), modes.ECB()).decryptor()
    assert three.update(command.to_bytes()[5:]) == bytes.fromhex("0000990000002000")


def test_serial_number_and_head_of_the_atr() -> None:
    number, head = ENCODER.serial(HISTORICAL)
    assert hexed(number) == "80E00500080000990000002000"
    assert hexed(head) == "001400000B3B6D000000814E43238660"


def test_end_of_pre_issue_and_deletion(v2) -> None:
    (end,) = ENCODER.end(v2.plan.mf)
    assert (end.header.hex().upper(), end.nc) == ("80E00200", 0)
    assert hexed(delete(T514Delete.MF, 0x3F00)) == "80E10001023F00"
    assert hexed(delete(T514Delete.DIRECTORY, 0xDF01)) == "80E1000202DF01"
    assert hexed(delete(T514Delete.FILE, 0xEF05)) == "80E1000302EF05"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("MF", "10 00 00 FFFF 01 3F00 01 0000 000000 0200 00", id="MF without name"),
        pytest.param(
            "SSSE", "1F 00 05 FFFF 01 DDF1 01 0000 010000 0200 00 7378312E73682EC9E7BBE1B1A3D5CF", id="DDF, level of BK"
        ),
        pytest.param("DF01", "16 00 00 FFFF 01 DF01 02 0000 000000 0200 00 D15600000500", id="ADF without LK"),
        pytest.param("DF04", "16 00 03 FFFF 01 DF04 02 0000 000000 0200 03 D15600000503", id="ADF with LK and TF"),
    ],
)
def test_directories(v2, name, expected) -> None:
    command = ENCODER.create_directory(v2.directories[name], NO_CODE)
    assert hexed(command) == "80E00100" + expected.replace(" ", "")


@pytest.mark.parametrize(
    ("directory", "name", "expected"),
    [
        pytest.param("SSSE", "DIR", "000000 00D2 EF1E D600 1E 44 00 0000 00FF", id="DIR"),
        pytest.param("SSSE", "holder", "000000 005B EF06 C600 06 44 00 0000 0004", id="free, own key"),
        pytest.param("SSSE", "photo", "000000 1000 EF08 C400 08 44 00 000A 0004", id="transparent, own key"),
        pytest.param("DF01", "household", "000000 005B EF05 C600 05 04 00 0F08 0003", id="PIN or own key"),
        pytest.param("DF03", "insurance_certificate", "000000 00A4 EF19 C500 19 04 29 0F04 000D", id="fixed"),
        pytest.param("DF04", "offline_settlement", "000000 000D EF06 C600 06 44 00 0F04 0006", id="PIN and own key"),
        pytest.param("DF04", "medical_transactions", "000000 0348 EF08 C700 08 40 1C 0F00 EFEF", id="cyclic, PIN"),
        pytest.param("DF04", "medical_account", "000000 0014 EF03 C300 03 04 00 EFEF 0007", id="amounts, DSK"),
    ],
)
def test_files(v2, directory, name, expected) -> None:
    assert v2.file(ENCODER, directory, name) == "80E0010010" + expected.replace(" ", "")


def test_key_file_has_a_record_for_each_key_and_the_pin(v2) -> None:
    ssse = v2.directories["SSSE"]
    # MK, STK, and IRK UK BK PUK RK in three versions: 17 keys; the PIN
    assert len(ssse.keys) == 17
    assert hexed(ENCODER.create_key_file(ssse)) == "80E0010010" + "000000" + "01B0" + "EF02C300020418" + "EFEF00FF"


def test_files_with_secure_messaging_say_so(with_household) -> None:
    planned = with_household(secure_messaging="STKDF01")
    assert planned.file(ENCODER, "DF01", "household")[24:28] == "C680"


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        pytest.param("UKSSSE|RK1DF01", "04 0408", id="key of the parent or own"),
        pytest.param("RK1DF01", "44 0008", id="own key"),
        pytest.param("MKDF01", "44 00FF", id="own MK"),
        pytest.param("RKSSSE", "44 0A00", id="key of the parent"),
        pytest.param("never", "04 EFEF", id="never"),
    ],
)
def test_rights(with_household, read, expected) -> None:
    found = with_household(read=rule(read)).file(ENCODER, "DF01", "household")
    scw, _, right = bytes.fromhex(found)[15], found, found[34:38]
    assert f"{scw:02X} {right}" == expected


@pytest.mark.parametrize("read", ["RK1DF01|UK1DF01", "PIN|UKSSSE", "STKDF01", "PIN|(RK1DF01&UKSSSE)", "PIN|PIN"])
def test_rights_that_two_bytes_cannot_hold(with_household, read) -> None:
    planned = with_household(read=rule(read))
    with pytest.raises(PlanError, match="DF01: T514 cannot express"):
        planned.file(ENCODER, "DF01", "household")


@pytest.mark.parametrize(
    ("directory", "name", "version", "expected"),
    [
        # P1 P2, type id version EF, tries algorithm level length
        pytest.param("SSSE", "MKSSSE", 1, "0100 000001EF 0800FF10", id="MK"),
        pytest.param("SSSE", "IRK", 3, "0000 0E0003EF FF000010", id="IRK"),
        pytest.param("SSSE", "STKSSSE", 1, "0000 070201EF FF010008", id="STK, single DES"),
        pytest.param("SSSE", "PUK", 1, "0000 0D0601EF 03000610", id="PUK"),
        pytest.param("DF01", "RK1DF01", 2, "0000 0D8802EF 03000810", id="RK"),
        pytest.param("DF03", "LKDF03", 1, "0000 0D8301EF FF000310", id="LK"),
        pytest.param("DF04", "DLK", 2, "0000 080202EF FF000010", id="DLK"),
        pytest.param("DF04", "DPK", 2, "0000 090202EF FF000010", id="DPK"),
        pytest.param("DF04", "DTK", 2, "0000 0A0202EF FF000010", id="DTK"),
        pytest.param("DF04", "DSK", 1, "0000 0D8701EF 03000710", id="DSK"),
    ],
)
def test_headers_of_keys(v2, directory, name, version, expected) -> None:
    assert v2.key(ENCODER, directory, name, version) == expected.replace(" ", "")


def test_algorithm_of_16_byte_ciphers(v3) -> None:
    assert v3.key(ENCODER, "SSSE", "STKSSSE") == "0000" + "070201EF" + "FF030010"


def test_the_pin_names_the_level_of_puk(v2) -> None:
    loading = ENCODER.add_pin(3, v2.directories["SSSE"], v2.plan)
    assert loading.header.hex().upper() == "010001EF06060F03"
    assert (
        hexed(loading.clear(Secret(bytes.fromhex("123456"))))
        == "80D4000018" + "010001EF06060F03" + "123456" + "FF" * 13
    )
    with pytest.raises(PlanError, match="DF01 has no PIN"):
        ENCODER.add_pin(3, v2.directories["DF01"], v2.plan)


def test_a_pin_that_no_key_unblocks(v2) -> None:
    ssse = v2.directories["SSSE"]
    loading = ENCODER.add_pin(0, replace(ssse, pin=PlannedPin(3, None)), v2.plan)
    assert loading.header.hex().upper() == "010001EF03EF0F00"


def test_the_master_file_of_a_bank_card_has_control_information(v2) -> None:
    bank = replace(v2.plan.mf, df_name=b"1PAY.SYS.DDF01")
    assert hexed(ENCODER.create_directory(bank, NO_CODE))[-34:] == "020000" + b"1PAY.SYS.DDF01".hex().upper()
    _, record = ENCODER.control_information(bank)
    assert hexed(record) == "00D2010C17" + "7015" + "3F00" + "12" + "6F10840E" + b"1PAY.SYS.DDF01".hex().upper()


def test_rights_in_the_master_file_are_its_own(v2) -> None:
    file = replace(v2.directories["SSSE"].files[0], read=Key("MKMF"), update=NEVER)
    found = ENCODER.create_file(file, v2.plan.mf, None)
    assert hexed(found)[-12:] == "40" + "00" + "00FF" + "EFEF"
    with pytest.raises(PlanError, match="MF: T514 cannot express PIN"):
        ENCODER.create_file(replace(file, read=PIN), v2.plan.mf, None)


def test_write_key_in_clear_encrypted_and_with_a_mac(v2) -> None:
    directory = v2.directories["SSSE"]
    loading = ENCODER.add_key(directory.master_key, directory, v2.plan)
    value = Secret(bytes(range(16)))
    assert hexed(loading.clear(value))[:10] == "80D4010018"
    cipher = TRIPLE_DES.encrypt(value, loading.block(value))
    assert hexed(loading.encrypted(cipher))[:10] == "80D4010020"
    assert loading.message(cipher)[:5].hex().upper() == "84D4010024"
    assert hexed(loading.protected(cipher, b"\xaa\xbb\xcc\xdd")) == "84D4010024" + cipher.hex().upper() + "AABBCCDD"
    assert ENCODER.replace_master(directory, v2.plan) == loading


def test_control_information_of_des_cards(v2) -> None:
    create, *records = ENCODER.control_information(v2.directories["SSSE"])
    # records of 2 + 27 bytes, 5 of 2 + 13, 2 of 2 + 23
    assert hexed(create) == "80E0010010" + "000000" + "009A" + "EF01C3000104FF" + "EFEF00FF"
    assert len(records) == 8
    name = "7378312E73682EC9E7BBE1B1A3D5CF"
    assert hexed(records[0]) == "00D2010C1D" + "701B" + "DDF1" + "18" + "6F16840F" + name + "A50388011E"
    assert hexed(records[1]) == "00D2020C0F" + "700D" + "DF01" + "0A" + "6F088406D15600000500"


def test_control_information_names_sm4(v3) -> None:
    name = "7378312E73682EC9E7BBE1B1A3D5CF"
    record = fci_record(v3.directories["SSSE"]).hex().upper()
    assert record == "7021" + "DDF1" + "1E" + "6F1C840F" + name + "A50988011E9F0C03860103"


def test_applications_and_a_master_file_without_name_have_no_control_information(v2) -> None:
    assert ENCODER.control_information(v2.directories["DF01"]) == ()
    assert ENCODER.control_information(v2.plan.mf) == ()


def test_authentication_takes_the_two_steps_of_the_ssc(v2) -> None:
    key = Secret(bytes.fromhex("404142434445464748494A4B4C4D4E4F"))
    challenge = bytes.fromhex("1122334455667788")
    command = ENCODER.authenticate(v2.plan.mf, Algorithm.DES, key, challenge)
    assert hexed(command) == "0082000010" + "032F4CE56861045A" + "1122334455667788"
