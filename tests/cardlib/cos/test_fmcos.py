"""FMCOS 2.0: the shapes of its manual's field script, and the SSC layer against the tables in cardlib.cos.levels."""

from dataclasses import replace

import pytest

from apdu.secret import Secret
from cardlib.cos.fmcos import ERASE, Fmcos, key_levels
from cardlib.cos.plan import PlanError
from cardlib.cos.protection import encrypted_key
from cardlib.crypto import Algorithm
from cardlib.keys import KeyDeclaration, Level, Purpose
from cardlib.rules import rule

ENCODER = Fmcos()
CODE = Secret(b"\xff" * 8)


def hexed(command):
    return command.to_bytes().hex().upper()


def test_erase() -> None:
    assert (ERASE.header.hex().upper(), ERASE.nc) == ("800E0000", 0)


def test_the_transport_code_stands_in_the_creation_of_the_mf(v2) -> None:
    assert ENCODER.transport(bytes(13), CODE) == ()
    # Field script: 80E03F000D38FFFFAAAA and the code
    assert hexed(ENCODER.create_directory(v2.plan.mf, CODE)) == "80E03F000D38FFFFAAAA" + "FF" * 8
    with pytest.raises(PlanError, match="has 8 bytes"):
        ENCODER.create_directory(v2.plan.mf, Secret(bytes(16)))


def test_historical_bytes_are_the_factory_s() -> None:
    with pytest.raises(PlanError, match="historical bytes"):
        ENCODER.serial(bytes(13))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("SSSE", "80E0DDF117 38 402B 4040 FFFFFF 7378312E73682EC9E7BBE1B1A3D5CF", id="DDF"),
        pytest.param("DF01", "80E0DF010E 38 0C2E 4040 FFFFFF D15600000500", id="ADF"),
    ],
)
def test_directories(v2, name, expected) -> None:
    assert hexed(ENCODER.create_directory(v2.directories[name], CODE)) == expected.replace(" ", "")


def test_space_of_a_directory_counts_all_in_it(v2) -> None:
    # Two headers of 11, the name, the key file; EF05 with its header: DF05 has MK, UK1 three times and STK, which has
    # 8 bytes and no version.
    keys = 4 * (16 + 9) + (8 + 8)
    expected = 11 + 16 + (11 + keys) + (11 + 506)
    command = ENCODER.create_directory(v2.directories["DF05"], CODE)
    assert int.from_bytes(command.to_bytes()[6:8], "big") == expected


def test_a_directory_has_a_limit(v2) -> None:
    ssse = v2.directories["SSSE"]
    large = replace(ssse, files=tuple(replace(file, space=0x8000) for file in ssse.files))
    with pytest.raises(PlanError, match=r"SSSE: \d+ bytes are more than 65535"):
        ENCODER.create_directory(large, CODE)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("MF", "80E0000007 3F 0018 FF F0 FFFF", id="MF"),
        pytest.param("SSSE", "80E0000007 3F 01AA 1E 00 FFFF", id="DDF with DIR"),
        pytest.param("DF05", "80E0000007 3F 0074 FF 00 FFFF", id="ADF"),
    ],
)
def test_key_files(v2, name, expected) -> None:
    assert hexed(ENCODER.create_key_file(v2.directories[name])) == expected.replace(" ", "")


@pytest.mark.parametrize(
    ("directory", "name", "expected"),
    [
        pytest.param("SSSE", "DIR", "80E0EF1E07 2C 00D2 00 40 FFFF", id="DIR"),
        pytest.param("SSSE", "holder", "80E0EF0607 2C 005B 00 C0 FFFF", id="free, UK"),
        pytest.param("SSSE", "photo", "80E0EF0807 28 1000 81 C0 FFFF", id="transparent, RK"),
        pytest.param("DF01", "household", "80E0EF0507 2C 005B 89 C0 FFFF", id="PIN or RK1"),
        pytest.param("DF03", "unemployment_insurance", "80E0EF0507 2C 002B 8A C0 FFFF", id="PIN or RK2"),
        pytest.param("DF03", "insurance_certificate", "80E0EF1907 2A 0429 89 04 FFFF", id="fixed, bank 1"),
        pytest.param("DF04", "offline_settlement", "80E0EF0607 2C 000D 89 A0 F4FF", id="PIN and RK1"),
        pytest.param("DF04", "medical_transactions", "80E0EF0807 2E 1E1C 88 08 FFFF", id="cyclic, PIN, never"),
        pytest.param("DF04", "medical_account", "80E0EF0207 2F 0210 00 90 FF 08", id="amounts, DSK"),
    ],
)
def test_files(v2, directory, name, expected) -> None:
    assert v2.file(ENCODER, directory, name) == expected.replace(" ", "")


@pytest.mark.parametrize(
    ("directory", "name", "expected"),
    [
        pytest.param("DF01", "personal_status", "80E0EF0707 2A 0203 A8 A0 FFFF", id="PIN or UK2"),
        pytest.param("DF02", "employment_certificate", "80E0EF0907 2C 0060 8C 84 FFFF", id="88 goes to UK4"),
        pytest.param("DF01", "residence", "80E0EF0607 2C 0011 88 88 FFFF", id="PIN, UK4"),
    ],
)
def test_files_of_1_0(v1, directory, name, expected) -> None:
    assert v1.file(ENCODER, directory, name) == expected.replace(" ", "")


def test_updates_with_a_mac_set_bit_8_of_the_type(with_household) -> None:
    assert with_household(secure_messaging="STKDF01").file(ENCODER, "DF01", "household")[10:12] == "AC"


def test_the_fullest_directory_uses_every_level_once(v2) -> None:
    levels = key_levels(v2.directories["DF01"])
    assert len(levels) == len(set(levels.values())) == 13
    assert [levels[f"UK{name}DF01"] for name in "123456789AB"] == [
        *(0xC0, 0xA0, 0x90, 0x88, 0x84, 0x82),
        *(0x20, 0x10, 0x04, 0x02, 0x01),
    ]


@pytest.mark.parametrize(
    "read", ["PIN|UK7DF01", "PIN|STKDF01", "UKSSSE", "PIN|(RK1DF01&UK1DF01)", "PIN|PIN", "RK1DF01|MKDF01"]
)
def test_read_rights_that_no_mask_can_hold(with_household, read) -> None:
    planned = with_household(read=rule(read))
    with pytest.raises(PlanError, match="DF01: FMCOS cannot express"):
        planned.file(ENCODER, "DF01", "household")


@pytest.mark.parametrize("update", ["PIN", "UKSSSE", "UK1DF01|UK2DF01"])
def test_update_rights_that_no_mask_can_hold(with_household, update) -> None:
    planned = with_household(update=rule(update))
    with pytest.raises(PlanError, match="cannot express the update right"):
        planned.file(ENCODER, "DF01", "household")


def test_rights_that_need_no_key(with_household) -> None:
    assert with_household(read=rule("never"), update=rule("free")).file(ENCODER, "DF01", "household")[16:20] == "0800"


@pytest.mark.parametrize(
    ("directory", "name", "version", "expected"),
    [
        # P1 P2, type, right to use, right to change, then as the type has it
        pytest.param("MF", "MKMF", 1, "0100 39 F0 FA AA 88", id="MK of the MF"),
        pytest.param("SSSE", "MKSSSE", 1, "0100 39 00 40 40 88 01", id="MK"),
        pytest.param("SSSE", "IRK", 2, "0100 30 00 40 02 00", id="IRK"),
        pytest.param("SSSE", "STKSSSE", 1, "0100 36 00 40 FF FF", id="STK"),
        pytest.param("SSSE", "UKSSSE", 3, "0104 39 00 40 C0 33 03", id="UK"),
        pytest.param("SSSE", "BK", 1, "0105 33 00 40 01 00", id="BK"),
        pytest.param("SSSE", "PUK", 1, "0106 37 00 40 FF 33 01", id="PUK"),
        pytest.param("DF01", "RK1DF01", 2, "0188 39 00 40 81 33 02", id="RK"),
        pytest.param("DF03", "LKDF03", 1, "0183 33 00 40 01 00", id="LK"),
        pytest.param("DF04", "DPK", 1, "0101 3E 00 40 01 00", id="DPK"),
        pytest.param("DF04", "DLK", 2, "0102 3F 00 40 02 00", id="DLK"),
        pytest.param("DF04", "DTK", 3, "0103 34 00 40 03 00", id="DTK"),
        pytest.param("DF04", "DSK", 1, "0187 39 00 40 90 33 01", id="DSK"),
    ],
)
def test_headers_of_keys(v2, directory, name, version, expected) -> None:
    assert v2.key(ENCODER, directory, name, version) == expected.replace(" ", "")


def test_pin_as_in_the_field_script(v2) -> None:
    loading = ENCODER.add_pin(3, v2.directories["SSSE"], v2.plan)
    assert hexed(loading.clear(Secret(bytes.fromhex("123456")))) == "80D4010008" + "3A00EF8866" + "123456"
    with pytest.raises(PlanError, match="no empty PIN"):
        ENCODER.add_pin(0, v2.directories["SSSE"], v2.plan)


def test_keys_in_clear_as_in_the_field_script(v2) -> None:
    mf, ssse = v2.plan.mf, v2.directories["SSSE"]
    master = ENCODER.add_key(mf.master_key, mf, v2.plan)
    assert hexed(master.clear(Secret(bytes(16)))) == "80D4010015" + "39F0FAAA88" + "00" * 16
    stk = ENCODER.add_key(ssse.key("STKSSSE"), ssse, v2.plan)
    assert hexed(stk.clear(Secret(bytes(8))))[:12] == "80D401000D36"


def test_the_master_key_is_replaced_encrypted_with_a_mac(v2) -> None:
    loading = ENCODER.replace_master(v2.plan.mf, v2.plan)
    assert loading.header.hex().upper() == "F9F0FAAA88"
    old = Secret(bytes(16))
    cipher = encrypted_key(Algorithm.DES, old, loading.block(Secret(bytes(16))))
    assert loading.message(cipher)[:5].hex().upper() == "84D439001C"
    assert hexed(loading.protected(cipher, bytes(4)))[:10] == "84D439001C"
    below = ENCODER.replace_master(v2.directories["DF01"], v2.plan)
    assert below.header.hex().upper() == "F90040408801"


def test_authentication_is_plain_at_the_mf_and_in_two_steps_below(v2) -> None:
    key = Secret(bytes.fromhex("404142434445464748494A4B4C4D4E4F"))
    challenge = bytes.fromhex("1122334455667788")
    # The session key of the two steps is the cryptogram of the one.
    above = ENCODER.authenticate(v2.plan.mf, Algorithm.DES, key, challenge)
    assert hexed(above) == "0082000008" + "A0F180047E2A3357"
    below = ENCODER.authenticate(v2.directories["SSSE"], Algorithm.DES, key, challenge)
    assert hexed(below) == "0082000010" + "032F4CE56861045A" + "1122334455667788"


def test_nothing_is_said_about_control_information_or_the_end(v2) -> None:
    assert ENCODER.control_information(v2.directories["SSSE"]) == ()
    assert ENCODER.end(v2.directories["SSSE"]) == ()


def test_sm4_is_said_when_the_ddf_is_created_and_in_the_keys_that_have_a_byte_for_it(v3) -> None:
    ssse, mf = v3.directories["SSSE"], v3.plan.mf
    created = hexed(ENCODER.create_directory(ssse, CODE))
    assert created.endswith("4040FFFF03" + ssse.df_name.hex().upper())
    assert hexed(ENCODER.create_directory(v3.directories["DF01"], CODE)).endswith("4040FFFFFFD15600000500")
    irk = next(key for key in ssse.keys if key.name == "IRK")
    assert ENCODER.add_key(irk, ssse, v3.plan).header.hex() == "3000400103"
    assert ENCODER.algorithm(ssse, v3.plan) is Algorithm.SM4
    assert ENCODER.algorithm(mf, v3.plan) is Algorithm.DES


@pytest.mark.parametrize(
    ("purpose", "count", "fault"),
    [(Purpose.READ, 3, "levels for 3 read keys"), (Purpose.UPDATE, 1, "no level left for ")],
)
def test_more_keys_than_levels(with_household, purpose, count, fault) -> None:
    extra = {
        name: KeyDeclaration(name, purpose, "DF01", Level.PROVINCIAL, 0x90 + number)
        for number, name in enumerate(f"XK{number}DF01" for number in range(count))
    }
    planned = with_household(keys=extra)
    with pytest.raises(PlanError, match=fault):
        planned.file(ENCODER, "DF01", "household")
