"""The ready-made test PSAM against cards' keys as cards have them, and public dialogues by their shape."""

import pytest

from cardlib import development_keys
from cardlib.crypto import Algorithm, factors, suite_for
from cardlib.key_requests import CardFactors
from cardlib.keys import KEYS, KeyReference, Purpose
from cardlib.psam import PsamKeyType, usage
from cardlib.psam_keys import PSAM_KEYS
from simulator.psam.ready import TEST_REGION, ready_psam

CARD = bytes.fromhex("8699000100000001")
RANDOM = bytes.fromhex("0011223344556677")
ORIGINAL = bytes.fromhex("0102030405060708")
DELIVERABLE = {PsamKeyType.MAC, PsamKeyType.ENCRYPT, PsamKeyType.ENCRYPT_AND_MAC}


def delivery(algorithm, row, region):
    province, city, card = factors(region, CARD)
    wire = b"".join((card, city, province)[: row.levels]) + RANDOM.ljust(suite_for(algorithm).block, b"\0")
    return f"BFDE{usage(row.kind, row.levels):02X}{row.id:02X}{len(wire):02X}{wire.hex()}"


@pytest.mark.parametrize("region", [TEST_REGION, "330102"])
def test_every_key_is_that_of_cards_of_the_region(make_psam, algorithm, region):
    suite, roots = suite_for(algorithm), development_keys.load()
    psam = make_psam(ready_psam(region=region, key_version=2))
    psam.enter(algorithm)
    for row in PSAM_KEYS:
        if row.kind not in DELIVERABLE:
            continue
        version = 1 if KEYS[row.name].purpose is Purpose.MAINTENANCE else 2
        reference = KeyReference(row.name, version)
        card_key = CardFactors(algorithm, region, CARD).card_key(reference, roots[reference])
        session = suite.session_key(card_key, RANDOM)
        assert psam(delivery(algorithm, row, region)) == "9000", row
        if row.kind is PsamKeyType.MAC:
            data = bytes(suite.block) + b"message\x80".ljust(suite.block, b"\0")
            answer = bytes.fromhex(psam(f"80FA0500{len(data):02X}{data.hex()}")[:-4])
            folded = answer[:4] if suite.block == 8 else xor(answer, 4)
            assert folded == suite.mac(session, b"message"), row
        else:
            data = ORIGINAL.ljust(suite.block, b"\0")
            answer = bytes.fromhex(psam(f"80FA0000{len(data):02X}{data.hex()}")[:-4])
            assert xor(answer, 8) == suite.cryptogram(session, ORIGINAL), row


def xor(data, size):
    folded = 0
    for at in range(0, len(data), size):
        folded ^= int.from_bytes(data[at : at + size], "big")
    return folded.to_bytes(size, "big")


def test_ids_are_unique_and_their_keys_known():
    names = [(row.kind, row.id) for row in PSAM_KEYS]
    assert len(set(names)) == len(names)
    assert {row.name for row in PSAM_KEYS} <= set(KEYS)
    assert all(1 <= row.levels <= 3 for row in PSAM_KEYS)


def test_what_can_be_taken_away(make_psam):
    row = next(row for row in PSAM_KEYS if row.name == "RKSSSE")
    assert (row.kind, row.id, row.levels) == (PsamKeyType.ENCRYPT, 0x0F, 3)
    for image, sw in ((ready_psam(), "9000"), (ready_psam(without=frozenset({"RKSSSE"})), "6A88")):
        psam = make_psam(image)
        psam.enter(Algorithm.SM4)
        assert psam(delivery(Algorithm.SM4, row, TEST_REGION)) == sw
    psam = make_psam(ready_psam(algorithms=(Algorithm.DES,)))
    assert psam("00A404000F7378332E73682EC9E7BBE1B1A3D5CF") == "6A82"


def test_the_image_is_made_once_and_says_where_it_belongs(make_psam):
    assert ready_psam() is ready_psam()
    psam = make_psam(ready_psam())
    assert psam("00B095000F") == "99" + "99000020200101000001" + "0100" + "0000" + "9000"
    assert psam("00B0960006") == "9900000000019000"


def test_the_maintenance_key_may_encrypt_a_pin_where_that_is_wanted(make_psam):
    for kind, sw in ((PsamKeyType.MAC, "6A88"), (PsamKeyType.ENCRYPT_AND_MAC, "9000")):
        psam = make_psam(ready_psam(maintenance=kind))
        psam.enter(Algorithm.DES)
        assert psam("BFDE280910" + CARD.hex() + RANDOM.hex()) == sw


def test_a_public_dialogue_with_a_des_psam(make_psam):
    """S5: files by SELECT, DF01 selected again before each delivery, levels tried, answers fetched, 80 70 with Le."""
    psam = make_psam(ready_psam(), t0=True)
    card, city, province = CARD.hex(), b"990000sx".hex(), b"990000sh".hex()
    assert psam("00A40000020015") == "9000"
    assert psam("00B000000F").endswith("9000")
    assert psam("00A40000020016") == "9000"
    assert psam("00B0000006") == "9900000000019000"
    assert psam("00A4000002DF01") == "610A"
    assert psam("00A40000020019") == "9000"
    assert psam("00B0000004") == "000000019000"
    assert psam("00B09C0001") == "019000"
    for command, sw in (
        (f"BFDE672D20{card}{city}{province}{RANDOM.hex()}", "9000"),
        (f"BFDE471218{card}{city}{RANDOM.hex()}", "6A88"),
        (f"BFDE481218{card}{city}{RANDOM.hex()}", "9000"),
        (f"BFDE272410{card}{RANDOM.hex()}", "9000"),
    ):
        assert psam("00A4000002DF01") == "610A"
        assert psam(command) == sw
        if sw == "9000":
            assert psam("80FA0000080102030405060708") == "6108"
            assert psam("00C0000008").endswith("9000")
    fields = "A1B2C3D4000100000001000000000000000032202401020304050100"
    assert psam(f"807001002C{fields}{card}{city}08") == "6A80"
    assert psam(f"8070010024{fields}{card}08") == "6108"
    assert psam("00C0000008").startswith("00000001")


def test_a_public_dialogue_with_cards_of_both_algorithms(make_psam):
    """S7: DF01 by AID for DES; by sx3, then DF01, for SM4, with two factors and a padded session factor."""
    psam = make_psam(ready_psam(), t0=True)
    card, city = CARD.hex(), b"990000sx".hex()
    assert psam("00A4040006D15600000590") == "610A"
    assert psam(f"BFDE481218{card}{city}{RANDOM.hex()}") == "9000"
    assert psam("80FA0000080102030405060708") == "6108"
    assert psam("00A404000F7378332E73682EC9E7BBE1B1A3D5CF") == "611D"
    assert psam("00A4000002DF01") == "610A"
    assert psam(f"BFDE481220{card}{city}{RANDOM.hex()}{'00' * 8}") == "9000"
    assert psam(f"80FA000010{ORIGINAL.hex()}{'00' * 8}") == "6110"
    assert len(psam("00C0000010")) == 36
