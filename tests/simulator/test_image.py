from dataclasses import replace

import pytest

from apdu import Secret
from apdu.errors import MalformedError
from cardlib.crypto import Algorithm
from cardlib.development_keys import load
from cardlib.errors import ItemError
from cardlib.keys import KeyReference
from cardlib.profiles.v1 import V1
from cardlib.profiles.v2 import V2
from cardlib.profiles.v3 import V3
from cardlib.rules import Key
from cardlib.values import CardIdentifier
from simulator.card import SoftwareCard
from simulator.credentials import KeyUse, Permission
from simulator.image import Issue, image_for, image_of_records

ROOT = "000102030405060708090A0B0C0D0E0F"
ROOTS = {
    KeyReference(name, version): Secret(bytes.fromhex(ROOT))
    for name in ("IRK", "STKSSSE", "RKSSSE", "BK", "PUK", "MKSSSE", "RK1DF01")
    for version in (1, 2)
}
ISSUE = Issue(
    algorithm=Algorithm.DES,
    historical_bytes=bytes.fromhex("0081000000") + bytes.fromhex("8660650100000001"),
    pin=Secret(bytes.fromhex("123456")),
)
CONTENTS = {"issuer": {"card_identifier": CardIdentifier("650100D15600000500000001FFFFFFFF")}, "holder": {}}
NAME = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")


@pytest.mark.parametrize("algorithm", [Algorithm.DES, Algorithm.SM4])
def test_the_card_holds_its_own_keys(algorithm, encrypt_blocks):
    image = image_for(V2, CONTENTS, replace(ISSUE, algorithm=algorithm), ROOTS)
    single = key = bytes.fromhex(ROOT)
    if algorithm is Algorithm.DES:
        single = key[:8]
    for factor in (b"650000sh", b"650100sx", ISSUE.historical_bytes[5:]):
        both = factor + bytes(byte ^ 0xFF for byte in factor)
        key, single = (encrypt_blocks(algorithm, k, both[: len(k)]) for k in (key, single))
    (ssse,) = image.root.directories
    assert {held.value for held in ssse.keys if held.use is not KeyUse.MAINTENANCE} == {Secret(key)}
    assert {held.value for held in ssse.keys if held.use is KeyUse.MAINTENANCE} == {Secret(single)}


def test_the_keys_that_authenticate_lie_in_the_ssse_in_every_version_and_stk_in_one():
    (ssse,) = image_for(V2, CONTENTS, ISSUE, ROOTS).root.directories
    assert {(key.use, key.name, key.card_id, key.version, key.tries) for key in ssse.keys} == {
        (KeyUse.INTERNAL, "IRK", 0x00, 1, None),
        (KeyUse.INTERNAL, "IRK", 0x00, 2, None),
        (KeyUse.MAINTENANCE, "STKSSSE", 0x02, 1, None),
        (KeyUse.EXTERNAL, "RKSSSE", 0x0A, 1, 3),
        (KeyUse.EXTERNAL, "RKSSSE", 0x0A, 2, 3),
        (KeyUse.EXTERNAL, "BK", 0x05, 1, None),
        (KeyUse.EXTERNAL, "BK", 0x05, 2, None),
        (KeyUse.EXTERNAL, "PUK", 0x06, 1, 3),
        (KeyUse.EXTERNAL, "PUK", 0x06, 2, 3),
    }


def test_keys_of_a_directory_lie_in_it():
    (ssse,) = image_for(V2, CONTENTS, ISSUE, load()).root.directories
    held = {directory.fid: {(key.name, key.card_id) for key in directory.keys} for directory in ssse.directories}
    # card ids as seen in public code
    assert {("RK1DF01", 0x88), ("UK1DF01", 0x83), ("UK6DF01", 0x89)} <= held[0xDF01]
    assert {("RK1DF03", 0x84), ("RK2DF03", 0x85), ("UK8DF03", 0x8D)} <= held[0xDF03]
    assert {("RK1DF04", 0x84), ("UK1DF04", 0x85), ("UK2DF04", 0x86), ("STKDF04", 0x82)} <= held[0xDF04]
    assert all(name.endswith(f"DF{fid & 0xFF:02X}") or name == "DSK" for fid, keys in held.items() for name, _ in keys)


def test_keys_for_blocking_and_unblocking_say_so():
    (ssse,) = image_for(V2, CONTENTS, ISSUE, load()).root.directories
    keys = [key for directory in (ssse, *ssse.directories) for key in directory.keys if key.permits]
    assert {(key.name, key.permits) for key in keys} == {
        ("PUK", Permission.UNBLOCK_PIN),
        ("BK", Permission.BLOCK_CARD),
        ("LKDF03", Permission.BLOCK_APPLICATION),
        ("LKDF04", Permission.BLOCK_APPLICATION),
        ("LKDF06", Permission.BLOCK_APPLICATION),
    }


def test_a_maintenance_key_is_there_even_if_no_card_id_is_known():
    unknown = replace(V2, keys={**V2.keys, "STKDF05": replace(V2.keys["STKDF05"], card_id=None)})
    (ssse,) = image_for(unknown, CONTENTS, ISSUE, load()).root.directories
    df05 = next(directory for directory in ssse.directories if directory.fid == 0xDF05)
    held = [(key.use, key.name, key.version) for key in df05.keys if key.card_id is None]
    assert held == [(KeyUse.MAINTENANCE, "STKDF05", 1)]


@pytest.mark.parametrize(("profile", "name"), [(V1, "UKMF"), (V2, "UKSSSE"), (V3, "UKSSSE")], ids=["1.0", "2.0", "3.0"])
def test_a_key_has_the_name_that_the_rules_of_its_version_give_it(profile, name):
    (ssse,) = image_for(profile, CONTENTS, ISSUE, load()).root.directories
    assert {key.name for key in ssse.keys if key.card_id == 0x04} == {name}
    assert ssse.by_fid[0xEF06].update == Key(name)


@pytest.mark.parametrize(
    ("algorithm", "fci"),
    [
        (Algorithm.DES, "6F16840F7378312E73682EC9E7BBE1B1A3D5CFA50388011E"),
        (Algorithm.SM4, "6F1C840F7378312E73682EC9E7BBE1B1A3D5CFA50988011E9F0C03860103"),
    ],
)
def test_the_fci_is_that_of_real_cards(algorithm, fci):
    image = image_for(V2, CONTENTS, replace(ISSUE, algorithm=algorithm), ROOTS)
    card = SoftwareCard(image, t0=False)
    card.power_on()
    assert card.process(b"\x00\xa4\x04\x00\x0f" + NAME).hex().upper() == f"{fci}9000"


@pytest.mark.parametrize(
    ("bank_combined", "answer"), [(False, "9000"), (True, "6F10840E315041592E5359532E44444630319000")]
)
def test_the_master_file_has_a_name_on_bank_cards_only(bank_combined, answer):
    card = SoftwareCard(image_for(V2, CONTENTS, replace(ISSUE, bank_combined=bank_combined), ROOTS), t0=False)
    card.power_on()
    assert card.process(bytes.fromhex("00A40000023F00")).hex().upper() == answer


@pytest.mark.parametrize(("profile", "sw"), [(V1, "9000"), (V2, "9000"), (V3, "6982")], ids=["1.0", "2.0", "3.0"])
def test_access_rules_are_those_of_the_profile(profile, sw):
    card = SoftwareCard(image_for(profile, CONTENTS, ISSUE, ROOTS), t0=False)
    card.power_on()
    card.process(b"\x00\xa4\x04\x00\x0f" + NAME)
    assert card.process(bytes.fromhex("00B2083000"))[-2:].hex() == sw
    assert card.process(bytes.fromhex("00B2012800"))[-2:].hex() == "9000"


@pytest.mark.parametrize(("profile", "size"), [(V1, 0x45), (V2, 0x5B)], ids=["1.0", "2.0"])
def test_a_file_without_values_holds_blank_records(profile, size):
    (ssse,) = image_for(profile, CONTENTS, ISSUE, ROOTS).root.directories
    holder = b"".join(ssse.by_fid[0xEF06].records)
    assert len(holder) == size
    assert holder[:20] == b"\x08\x12" + bytes(18)
    assert holder[-6:] == b"\x0d\x04\xff\xff\xff\xff"


def test_files_that_are_not_named_are_blank():
    (ssse,) = image_for(V2, {"issuer": CONTENTS["issuer"]}, ISSUE, ROOTS).root.directories
    assert b"".join(ssse.by_fid[0xEF06].records)[:20] == b"\x08\x12" + bytes(18)
    assert (ssse.by_fid[0xEF07].content, ssse.by_fid[0xEF08].content) == (bytes(768), bytes(4096))
    (df01, _, _, df04, *_) = ssse.directories
    assert set(df01.by_fid[0xEF16].content) == {0}
    assert df04.by_fid[0xEF08].records == ()
    assert [file.content for file in df04.internal] == [bytes(20)]


def test_a_file_that_the_profile_does_not_have_is_a_key_error():
    with pytest.raises(KeyError):
        image_for(V2, {**CONTENTS, "nothing": {}}, ISSUE, ROOTS)


def test_an_application_without_a_file_identifier_is_refused():
    first, second, *_ = V2.directories
    profile = replace(V2, directories=(first, replace(second, fid=None)))
    with pytest.raises(ValueError, match="DF01"):
        image_for(profile, CONTENTS, ISSUE, ROOTS)


def test_records_may_be_given_as_they_are():
    records = {"issuer": [b"\x01\x03\x65\x01\x00", b"\xee\x01\x00"], "holder": []}
    (ssse,) = image_of_records(V2, records, ISSUE, ROOTS).root.directories
    assert ssse.by_fid[0xEF05].records == (b"\x01\x03\x65\x01\x00", b"\xee\x01\x00")
    assert ssse.by_fid[0xEF06].records == ()


def test_without_a_region_there_are_no_keys():
    with pytest.raises(MalformedError):
        image_for(V2, {"issuer": {}, "holder": {}}, ISSUE, ROOTS)


def test_a_value_that_does_not_fit_is_refused():
    with pytest.raises(ItemError):
        image_for(V2, {**CONTENTS, "holder": {"birth_place": "9900001"}}, ISSUE, ROOTS)


def test_neither_pin_nor_keys_nor_data_show():
    image = image_for(V2, {**CONTENTS, "holder": {"name": "ZHANG SAN"}}, ISSUE, ROOTS)
    text = f"{image!r} {ISSUE!r} {SoftwareCard(image)!r}"
    assert "123456" not in text
    assert "ZHANG" not in text
    assert "secret bytes" in text
    assert not any(key.value.reveal().hex() in text for key in image.root.directories[0].keys)
