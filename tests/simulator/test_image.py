from dataclasses import replace

import pytest

from apdu import Secret
from apdu.errors import MalformedError
from cardlib.crypto import Algorithm
from cardlib.development_keys import load
from cardlib.errors import ItemError
from cardlib.profiles.v1 import V1
from cardlib.profiles.v2 import V2
from cardlib.profiles.v3 import V3
from cardlib.values import CardIdentifier
from simulator.card import SoftwareCard
from simulator.credentials import KeyUse
from simulator.dialects.t514 import T514
from simulator.files import Kind
from simulator.image import Issue, image_for, image_of_records
from simulator.memory.eeprom import Eeprom
from simulator.memory.layout import HEADER
from simulator.memory.store import Store
from simulator.memory.system import LifeCycle

ROOT = "000102030405060708090A0B0C0D0E0F"
ROOTS = {key: Secret(bytes.fromhex(ROOT)) for key in load() if key.version < 3}
SSSE = 0xDDF1
ISSUE = Issue(
    algorithm=Algorithm.DES,
    historical_bytes=bytes.fromhex("0081000000") + bytes.fromhex("8660650100000001"),
    pin=Secret(bytes.fromhex("123456")),
)
CONTENTS = {"issuer": {"card_identifier": CardIdentifier("650100D15600000500000001FFFFFFFF")}, "holder": {}}
NAME = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")


@pytest.fixture
def held():
    """The directories of a card by FID, and what its memory has in them."""

    def look(image):
        store = Store(Eeprom(image.content), T514)
        return store, {path[-1].fid: path[-1] for path in store.root.walk()}

    return look


@pytest.mark.parametrize("algorithm", [Algorithm.DES, Algorithm.SM4])
def test_the_card_holds_its_own_keys(algorithm, held, encrypt_blocks):
    store, directories = held(image_for(V2, CONTENTS, replace(ISSUE, algorithm=algorithm), ROOTS))
    single = key = bytes.fromhex(ROOT)
    if algorithm is Algorithm.DES:
        single = key[:8]
    for factor in (b"650000sh", b"650100sx", ISSUE.historical_bytes[5:]):
        both = factor + bytes(byte ^ 0xFF for byte in factor)
        key, single = (encrypt_blocks(algorithm, k, both[: len(k)]) for k in (key, single))
    keys = [held for held in store.keys(directories[SSSE]) if held.use is not KeyUse.PIN]
    assert {held.value for held in keys if held.use is not KeyUse.MAINTENANCE} == {Secret(key)}
    assert {held.value for held in keys if held.use is KeyUse.MAINTENANCE} == {Secret(single)}


def test_the_keys_lie_in_the_ssse_in_every_version_and_stk_and_mk_in_one(held):
    store, directories = held(image_for(V2, CONTENTS, ISSUE, ROOTS))
    assert {(key.use, key.id, key.version, key.tries) for key in store.keys(directories[SSSE])} == {
        (KeyUse.MASTER, 0x00, 1, 8),
        (KeyUse.PIN, 0x00, 1, 6),
        (KeyUse.INTERNAL, 0x00, 1, None),
        (KeyUse.INTERNAL, 0x00, 2, None),
        (KeyUse.MAINTENANCE, 0x02, 1, None),
        *((KeyUse.EXTERNAL, 0x0A, version, 3) for version in (1, 2)),  # RKSSSE
        *((KeyUse.EXTERNAL, 0x04, version, 3) for version in (1, 2)),  # UKSSSE
        *((KeyUse.EXTERNAL, 0x05, version, None) for version in (1, 2)),  # BK
        *((KeyUse.EXTERNAL, 0x06, version, 3) for version in (1, 2)),  # PUK
    }


def test_keys_of_a_directory_lie_in_it(held):
    store, directories = held(image_for(V2, CONTENTS, ISSUE, load()))
    ids = {fid: {key.id for key in store.keys(directory)} for fid, directory in directories.items()}
    # card ids as seen in public code
    assert {0x88, 0x83, 0x89} <= ids[0xDF01]
    assert {0x84, 0x85, 0x8D} <= ids[0xDF03]
    assert {0x84, 0x85, 0x86, 0x82} <= ids[0xDF04]
    # PIN and MK have id 00; DLK, DPK and DTK have their index, which is their version.
    assert all(card_id >= 0x80 for fid in (0xDF01, 0xDF03) for card_id in ids[fid] - {0})
    accounts = {KeyUse.LOAD, KeyUse.PURCHASE, KeyUse.TAC}
    keys = [key for key in store.keys(directories[0xDF04]) if key.use in accounts]
    assert {(key.use, key.id, key.version) for key in keys} == {(use, n, n) for use in accounts for n in (1, 2, 3)}


def test_a_maintenance_key_without_a_known_id_is_left_out(held):
    unknown = replace(V2, keys={**V2.keys, "STKDF05": replace(V2.keys["STKDF05"], card_id=None)})
    uses = []
    for profile in (V2, unknown):
        store, directories = held(image_for(profile, CONTENTS, ISSUE, load()))
        uses.append(KeyUse.MAINTENANCE in {key.use for key in store.keys(directories[0xDF05])})
    assert uses == [True, False]


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
@pytest.mark.parametrize("contents", [CONTENTS, {"issuer": CONTENTS["issuer"]}], ids=["named", "not named"])
def test_a_file_without_values_holds_blank_records(held, profile, size, contents):
    store, directories = held(image_for(profile, contents, ISSUE, ROOTS))
    holder = b"".join(store.records(directories[SSSE].by_fid[0xEF06]))
    assert len(holder) == size
    assert holder[:20] == b"\x08\x12" + bytes(18)
    assert holder[-6:] == b"\x0d\x04\xff\xff\xff\xff"


def test_files_that_are_not_named_are_blank(held):
    store, directories = held(image_for(V2, {"issuer": CONTENTS["issuer"]}, ISSUE, ROOTS))
    ssse, df01, df04 = (directories[fid] for fid in (SSSE, 0xDF01, 0xDF04))
    assert (store.content(ssse.by_fid[0xEF07]), store.content(ssse.by_fid[0xEF08])) == (bytes(768), bytes(4096))
    assert set(store.content(df01.by_fid[0xEF16])) == {0}
    assert store.records(df04.by_fid[0xEF08]) == ()
    amounts = df04.internal_file(Kind.AMOUNTS)
    assert store.eeprom.read(amounts.at + HEADER, amounts.size) == bytes(40)


def test_what_is_built_is_a_finished_card():
    image = image_for(V2, CONTENTS, ISSUE, ROOTS)
    assert image.system.life_cycle is LifeCycle.ISSUED
    assert image.system.atr[4:] == ISSUE.historical_bytes


def test_a_file_that_the_profile_does_not_have_is_a_key_error():
    with pytest.raises(KeyError):
        image_for(V2, {**CONTENTS, "nothing": {}}, ISSUE, ROOTS)


def test_an_application_without_a_file_identifier_is_refused():
    first, second, *_ = V2.directories
    profile = replace(V2, directories=(first, replace(second, fid=None)))
    with pytest.raises(ValueError, match="DF01"):
        image_for(profile, CONTENTS, ISSUE, ROOTS)


def test_records_may_be_given_as_they_are(held):
    records = {"issuer": [b"\x01\x03\x65\x01\x00", b"\xee\x01\x00"], "holder": []}
    store, directories = held(image_of_records(V2, records, ISSUE, ROOTS))
    assert store.records(directories[SSSE].by_fid[0xEF05]) == (b"\x01\x03\x65\x01\x00", b"\xee\x01\x00")
    assert store.records(directories[SSSE].by_fid[0xEF06]) == ()


def test_without_a_region_there_are_no_keys():
    with pytest.raises(MalformedError):
        image_for(V2, {"issuer": {}, "holder": {}}, ISSUE, ROOTS)


def test_a_value_that_does_not_fit_is_refused():
    with pytest.raises(ItemError):
        image_for(V2, {**CONTENTS, "holder": {"birth_place": "9900001"}}, ISSUE, ROOTS)


def test_neither_pin_nor_keys_nor_data_show(held):
    image = image_for(V2, {**CONTENTS, "holder": {"name": "ZHANG SAN"}}, ISSUE, ROOTS)
    store, directories = held(image)
    keys = store.keys(directories[SSSE])
    text = f"{image!r} {ISSUE!r} {SoftwareCard(image)!r} {image.system.transport_key!r} {keys!r}"
    assert "123456" not in text
    assert "ZHANG" not in text
    assert "secret bytes" in text
    assert not any(form in text for key in keys for form in (key.value.reveal().hex(), repr(key.value.reveal())))
