"""WRITE KEY, and the rights that keys and PIN of a T514 card win."""

import pytest

from apdu import Secret
from cardlib.crypto import Algorithm
from simulator.dialects.t514 import T514
from simulator.memory.store import Store

VALUE, ANOTHER = "0A" * 16, "7C" * 16


def held(chip) -> list[tuple[int, int, int, int | None, int]]:
    """Type, id, version, tries and level of the MF's keys."""
    store = Store(chip.card.eeprom, T514)
    return [(key.type, key.id, key.version, key.tries, key.level) for key in store.keys(store.root)]


def prove(chip, card_id: str, value: str, version: str = "") -> str:
    challenge = bytes.fromhex(chip("0084000008")[:-4])
    proof = chip.proof(Algorithm.DES, bytes.fromhex(value), challenge, bytes(8))
    return chip(f"008200{card_id}{16 + len(version) // 2:02X}{proof.hex()}{'00' * 8}{version}")


FORMS = ["plain", "encrypted", "plain with a MAC", "encrypted with a MAC"]


def load(chip, record: str, form: str, **fields) -> str:
    plain = bytes.fromhex(record)
    data = chip.cipher(record, fields.get("master", "4D" * 16)) if form.startswith("encrypted") else plain
    if form.endswith("MAC"):
        return chip.secured(data, **fields)
    return chip(f"80D40000{len(data):02X}{data.hex()}")


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_loaded_in_four_forms(begun, commands, form):
    assert load(begun, commands.key("8A", VALUE), form) == "9000"
    assert held(begun)[1:] == [(0x0D, 0x8A, 1, 3, 0x0A)]
    assert prove(begun, "8A", ANOTHER) == "63C2"
    assert prove(begun, "8A", VALUE) == "9000"


def test_the_lengths_are_the_published_ones(begun, commands):
    record = commands.key("8A", VALUE)
    cipher = begun.cipher(record)
    assert (len(bytes.fromhex(record)), len(cipher)) == (0x18, 0x20)
    challenge = bytes.fromhex(begun("0084000008")[:-4])
    message = bytes.fromhex("84D4000024") + cipher
    assert begun((message + begun.mac(message, challenge)).hex()) == "9000"


@pytest.mark.parametrize("form", FORMS[2:])
def test_a_wrong_mac_loads_nothing_and_spends_the_challenge(begun, commands, form):
    record = commands.key("8A", VALUE)
    assert load(begun, record, form, master=commands.OTHER) == "6988"
    data = begun.cipher(record) if form.startswith("encrypted") else bytes.fromhex(record)
    begun("0084000008")
    wrong = f"84D40000{len(data) + 4:02X}{data.hex()}00000000"
    assert [begun(wrong), begun(wrong)] == ["6988", "6984"]
    assert len(held(begun)) == 1


@pytest.mark.parametrize("form", FORMS[2:])
def test_a_mac_takes_a_challenge(begun, commands, form):
    data = bytes.fromhex(commands.key("8A", VALUE))
    data = begun.cipher(data.hex()) if form.startswith("encrypted") else data
    assert begun(f"84D40000{len(data) + 4:02X}{data.hex()}00000000") == "6984"
    challenge = bytes.fromhex(begun("0084000008")[:-4])
    begun("0084000008")
    assert begun.secured(data, challenge=challenge) == "6988", "an earlier challenge is none"
    assert len(held(begun)) == 1


def test_a_key_encrypted_under_another_master_key_is_refused(begun, commands):
    assert load(begun, commands.key("8A", VALUE), "encrypted", master=commands.OTHER) == "6988"
    assert len(held(begun)) == 1


def test_the_mac_covers_the_header(begun, commands):
    data = begun.cipher(commands.key("8A", VALUE))
    challenge = bytes.fromhex(begun("0084000008")[:-4])
    code = begun.mac(bytes.fromhex("84D4010024") + data, challenge)
    assert begun(f"84D4000024{data.hex()}{code.hex()}") == "6988"


@pytest.mark.parametrize(
    ("record", "sw"),
    [
        pytest.param("0D8A01EF00000A10" + VALUE, "6A80", id="no try"),
        pytest.param("0D8A01EF10000A10" + VALUE, "6A80", id="16 tries"),
        pytest.param("0C8A01EF03000A10" + VALUE, "6A80", id="no such type"),
        pytest.param("000001EF0300FF10" + VALUE, "6A80", id="MK with P1 00"),
        pytest.param("0D8A01EF03000A11" + VALUE, "6A80", id="17 bytes"),
        pytest.param("0D8A01EF03000A05" + VALUE, "6A80", id="3DES of 5 bytes"),
        pytest.param("0D8A01EF03010A10" + VALUE, "6A80", id="DES of 16 bytes"),
        pytest.param("0D8A01EF03040A10" + VALUE, "6A80", id="no such algorithm"),
        pytest.param("010001EF06EF0F03" + "1A3456" + "FF" * 13, "6A80", id="no PIN"),
        pytest.param("010001EF06EF0F09" + "12" * 9 + "FF" * 7, "6A80", id="PIN of 9 bytes"),
    ],
)
def test_what_is_no_key_record_changes_nothing(begun, record, sw):
    before = begun.card.image
    assert begun.load(record) == sw
    assert begun.card.image == before


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param("80D4020018" + "00" * 24, "6A86", id="P1"),
        pytest.param("80D4000118" + "00" * 24, "6A86", id="P2"),
        pytest.param("80D4000017" + "00" * 23, "6700", id="23 bytes"),
        pytest.param("80D4000019" + "00" * 25, "6700", id="25 bytes"),
        pytest.param("80D4000000", "6700", id="nothing"),
        pytest.param("84D4000003000000", "6700", id="no room for a MAC"),
        pytest.param("80D4000018" + "0D8A01EF03000A10", "6700", id="cut off"),
    ],
)
def test_what_is_no_write_key_changes_nothing(begun, command, sw):
    before = begun.card.image
    assert begun(command) == sw
    assert begun.card.image == before


def test_there_are_as_many_keys_as_slots_and_none_without_a_key_file(begun, commands):
    for version in range(1, 6):
        assert begun.load(commands.key("8A", VALUE, version=f"{version:02X}")) == "9000"
    assert begun.load(commands.key("8B", VALUE)) == "6A84"
    begun.script(commands.directory("DF01", "OTHER"), "00A4000002DF01")
    assert begun.load(commands.master(), p1=1) == "6A82"
    assert begun(f"80D4000020{begun.cipher(commands.key('8A', VALUE)).hex()}") == "6A88", "encrypted under which key"


def test_a_key_of_the_same_name_is_replaced_with_all_its_tries(begun, commands):
    begun.load(commands.key("8A", VALUE))
    for _ in range(3):
        prove(begun, "8A", ANOTHER)
    assert prove(begun, "8A", VALUE) == "6983"
    assert begun.load(commands.key("8A", ANOTHER, tries="05")) == "9000"
    assert len(held(begun)) == 2
    assert prove(begun, "8A", VALUE) == "63C4"
    assert prove(begun, "8A", ANOTHER) == "9000"


def test_versions_are_keys_of_their_own(begun, commands):
    begun.load(commands.key("8A", VALUE))
    begun.load(commands.key("8A", ANOTHER, version="02"))
    assert prove(begun, "8A", VALUE) == prove(begun, "8A", VALUE, "01") == prove(begun, "8A", ANOTHER, "02") == "9000"
    assert prove(begun, "8A", VALUE, "02") == "63C2"
    assert prove(begun, "8A", VALUE, "03") == "6A88"


@pytest.mark.parametrize("form", FORMS)
def test_the_master_key_is_replaced_under_the_old_one(begun, commands, form):
    record = commands.master(commands.OTHER)
    data = begun.cipher(record) if form.startswith("encrypted") else bytes.fromhex(record)
    if form.endswith("MAC"):
        assert begun.secured(data, p1=1) == "9000"
    else:
        assert begun(f"80D40100{len(data):02X}{data.hex()}") == "9000"
    assert len(held(begun)) == 1
    begun.script(commands.file("EF05"))  # the right won stays
    begun.again()
    assert begun.authenticate() == "63C2"
    assert begun.authenticate(commands.OTHER) == "9000"
    begun.script("80E0020000")


def test_the_master_key_is_counted_and_blocks(begun, commands):
    assert begun.load(commands.master(tries="02"), p1=1) == "9000"
    begun.again()
    assert [begun.authenticate(commands.OTHER) for _ in range(3)] == ["63C1", "63C0", "6983"]
    assert begun.authenticate() == "6983"
    assert begun(commands.file("EF05")) == "6982"


def test_authentication_with_the_master_key_is_checked(begun):
    begun.again()
    assert begun("0082000008" + "00" * 8) == "6700"
    assert begun("0082000010" + "00" * 16) == "6984"


# Levels: 00 free, EF forbidden, n won by a key of this level; SCW nibble 4 AND, 0 OR, over parent's and own level.
RIGHTS = {
    "free": ("4", "0000", {"": True}),
    "forbidden": ("0", "EFEF", {"": False, "own": False, "parent": False, "both": False}),
    "own key": ("4", "000A", {"": False, "own": True, "parent": False}),
    "parent's key": ("4", "0A00", {"": False, "own": False, "parent": True}),
    "either": ("0", "0A0A", {"": False, "own": True, "parent": True}),
    "both": ("4", "0A0A", {"": False, "own": False, "parent": False, "both": True}),
    "own key, or nobody": ("0", "EF0A", {"": False, "own": True, "parent": False}),
    "another key": ("4", "000B", {"": False, "both": False}),
}


@pytest.mark.parametrize("name", RIGHTS)
@pytest.mark.parametrize("updating", [False, True], ids=["read", "update"])
def test_a_right_is_joined_of_the_parent_s_level_and_the_own(begun, commands, name, updating):
    sign, right, expected = RIGHTS[name]
    begun.load(commands.key("0A", VALUE))
    begun.script(commands.directory("DF01", "OTHER"), "00A4000002DF01", commands.KEYS)
    assert begun.load(commands.master(), p1=1) == "9000"
    assert begun.authenticate() == "9000"
    begun.load(commands.key("8A", ANOTHER))
    scw, rights = ("4" + sign, "0000" + right) if updating else (sign + "4", right + "0000")
    begun.script(commands.file("EF05", scw=scw, rights=rights), "00DC012C030101AA", "80E0020000")
    begun.script("00A4000000")
    assert begun.authenticate() == "9000"
    begun.script("80E0020000")
    command = "00DC012C030101BB" if updating else "00B2012C00"
    for won, allowed in expected.items():
        begun.again()
        if won in {"parent", "both"}:
            assert prove(begun, "0A", VALUE) == "9000"
        begun.script("00A4000002DF01")
        if won in {"own", "both"}:
            assert prove(begun, "8A", ANOTHER) == "9000"
        assert begun(command)[-4:] == ("9000" if allowed else "6982"), won


def test_the_pin_is_a_level_of_the_directory_that_keeps_it(begun, commands):
    assert begun.load("010001EF06060F03123456" + "FF" * 13) == "9000"
    begun.script(
        commands.directory("DF01", "OTHER"),
        "00A4000002DF01",
        commands.KEYS,
    )
    assert begun.load(commands.master(), p1=1) == "9000"
    assert begun.authenticate() == "9000"
    begun.script(commands.file("EF05", rights="0F000000"), "00DC012C030101AA", "80E0020000")
    begun.again()
    begun.script("00A4000002DF01")
    assert begun("00B2012C00") == "6982"
    assert begun("0020000003654321") == "63C5"
    begun.script("0020000003123456")
    assert begun("00B2012C00") == "0101AA9000"


def test_the_byte_behind_the_type_asks_for_a_mac(begun, commands):
    begun.load("078201EFFF000010" + VALUE)
    begun.script(commands.file("EF05", updates="80"), "00DC012C030101AA", "80E0020000")
    assert begun("00DC012C030101BB") == "6987"
    assert begun("0084000008")[-4:] == "9000"
    assert begun("04DC012C070101BB00000000") == "6988"
    assert begun("00B2012C00") == "0101AA9000"


def test_keys_do_not_show(begun, commands):
    begun.load(commands.key("8A", VALUE))
    store = Store(begun.card.eeprom, T514)
    (_, key) = store.keys(store.root)
    assert key.value == Secret(bytes.fromhex(VALUE))
    assert VALUE not in repr(key).upper()
    assert repr(bytes.fromhex(VALUE))[2:-1] not in repr(key)


def test_an_sm4_chip_authenticates_with_sm4(chip, commands):
    assert chip.transport() == "9000"
    chip.script(commands.MF, commands.KEYS)
    assert chip.load("000001EF0303FF10" + commands.MK, p1=1) == "9000"
    assert chip.authenticate() == "63C2"
    assert chip.authenticate(algorithm=Algorithm.SM4) == "9000"
    chip.script(commands.file("EF05"))
