from dataclasses import replace

import pytest

from apdu import Secret
from apdu.errors import MalformedError
from cardlib.crypto import Algorithm
from cardlib.errors import ItemError
from cardlib.keys import KeyReference
from cardlib.profiles.v1 import V1
from cardlib.profiles.v2 import V2
from cardlib.profiles.v3 import V3
from cardlib.values import CardIdentifier
from simulator.card import SoftwareCard
from simulator.credentials import KeyUse
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
    key = bytes.fromhex(ROOT)
    for factor in (b"650000sh", b"650100sx", ISSUE.historical_bytes[5:]):
        key = encrypt_blocks(algorithm, key, factor + bytes(byte ^ 0xFF for byte in factor))
    (ssse,) = image.root.directories
    assert {held.value for held in ssse.keys} == {Secret(key)}


def test_the_keys_that_authenticate_lie_in_the_ssse_in_every_version():
    (ssse,) = image_for(V2, CONTENTS, ISSUE, ROOTS).root.directories
    assert [(key.use, key.name, key.card_id, key.version, key.tries) for key in ssse.keys] == [
        (KeyUse.INTERNAL, "IRK", 0x00, 1, None),
        (KeyUse.INTERNAL, "IRK", 0x00, 2, None),
        (KeyUse.EXTERNAL, "RKSSSE", 0x0A, 1, 3),
        (KeyUse.EXTERNAL, "RKSSSE", 0x0A, 2, 3),
        (KeyUse.EXTERNAL, "BK", 0x05, 1, None),
        (KeyUse.EXTERNAL, "BK", 0x05, 2, None),
        (KeyUse.EXTERNAL, "PUK", 0x06, 1, 3),
        (KeyUse.EXTERNAL, "PUK", 0x06, 2, 3),
    ]


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
