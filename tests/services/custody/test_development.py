"""The custodian of the published development keys."""

import gc
import json
import pickle
import shutil
import subprocess
from pathlib import Path

import pytest

from apdu.errors import MalformedError
from cardlib import development_keys
from cardlib.crypto import Algorithm
from cardlib.errors import AlgorithmUnsupportedError, KeyUnavailableError
from cardlib.key_requests import CardFactors, Cryptogram, KeyRequest, Mac, Tac
from cardlib.keys import KEYS, KeyReference, Purpose
from services.custody.development import DevelopmentCustodian, DevelopmentKeysRefusedError

VECTORS = [
    pytest.param(vector, id=vector["name"])
    for vector in json.loads(
        (Path(__file__).parents[2] / "vectors/crypto/development-cryptograms.json").read_text(encoding="utf-8")
    )
]
CARD = CardFactors(Algorithm.SM4, "990100", bytes.fromhex("9901000100000001"))


@pytest.fixture
def custodian():
    return DevelopmentCustodian(development_mode=True)


def request_of(*names: str, card: CardFactors = CARD, version: int = 1, factor: bytes = bytes(8)) -> KeyRequest:
    return KeyRequest(card, tuple(Cryptogram(KeyReference(name, version), factor, bytes(8)) for name in names))


@pytest.mark.parametrize("mode", [False, None, 0, 1, "production", "true"])
def test_outside_development_mode_it_is_refused(mode):
    with pytest.raises(DevelopmentKeysRefusedError, match=r"public .* development mode"):
        DevelopmentCustodian(development_mode=mode)


@pytest.mark.parametrize("vector", VECTORS)
def test_cryptogram_is_what_a_foreign_client_computes(custodian, vector):
    card = CardFactors(Algorithm[vector["algorithm"]], vector["region"], bytes.fromhex(vector["card_factor"]))
    wanted = Cryptogram(
        KeyReference(vector["key"], vector["version"]),
        bytes.fromhex(vector["factor"]),
        bytes.fromhex(vector["original"]),
    )
    assert custodian.answer(KeyRequest(card, (wanted,))) == (bytes.fromhex(vector["result"]),)


def test_answers_come_in_the_order_of_the_request(custodian):
    irk, rk = custodian.answer(request_of("IRK", "RKSSSE"))
    assert irk != rk
    assert custodian.answer(request_of("RKSSSE", "IRK")) == (rk, irk)


@pytest.mark.parametrize("name", [name for name, key in KEYS.items() if key.authenticates])
def test_every_key_that_authenticates_does(custodian, name):
    (cryptogram,) = custodian.answer(request_of(name))
    assert len(cryptogram) == 8


@pytest.mark.parametrize("name", [name for name, key in KEYS.items() if not key.authenticates])
def test_a_key_for_something_else_makes_no_cryptogram(custodian, name):
    with pytest.raises(KeyUnavailableError, match=f"{name}.*not a key for authentication"):
        custodian.answer(request_of(name))


MAKE_MACS = {Purpose.MAINTENANCE, Purpose.LOAD, Purpose.PURCHASE}


@pytest.mark.parametrize("name", [name for name, key in KEYS.items() if key.purpose not in MAKE_MACS])
def test_only_keys_of_maintenance_loads_and_purchases_make_macs(custodian, name):
    with pytest.raises(KeyUnavailableError, match=f"{name}.*not a key for MACs"):
        custodian.answer(KeyRequest(CARD, (Mac(KeyReference(name), bytes(8), b""),)))


@pytest.mark.parametrize("name", [name for name in KEYS if name != "DTK"])
def test_only_dtk_makes_tacs(custodian, name):
    with pytest.raises(KeyUnavailableError, match=f"{name}.*not a key for TACs"):
        custodian.answer(KeyRequest(CARD, (Tac(KeyReference(name), b""),)))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the second computation is the openssl command's")
@pytest.mark.parametrize("name", ["STKSSSE", "STKDF01", "DPK", "DLK", "DTK"])
@pytest.mark.parametrize("algorithm", [Algorithm.DES, Algorithm.SM4])
@pytest.mark.parametrize("size", [0, 7, 16, 255])
def test_a_mac_or_tac_is_what_openssl_computes(custodian, name, algorithm, size):
    card = CardFactors(algorithm, "990100", bytes.fromhex("9901000100000001"))
    reference = KeyReference(name)
    key = card.card_key(reference, development_keys.load()[reference]).reveal()
    factor, data = bytes.fromhex("0011223344556677"), bytes(range(size))
    cipher, block = ("des-ede3-cbc", 8) if algorithm is Algorithm.DES else ("sm4-cbc", 16)

    def last_block(key: bytes, plain: bytes) -> bytes:
        if algorithm is Algorithm.DES:
            key = key * 3 if len(key) == 8 else key + key[:8]
        done = subprocess.run(
            ["openssl", "enc", f"-{cipher}", "-nopad", "-K", key.hex(), "-iv", "00" * block],
            input=plain,
            capture_output=True,
            check=True,
        )
        return done.stdout[-block:]

    if name == "DTK":  # no session key: the halves of a 3DES key xored, an SM4 key as it is
        session = key if algorithm is Algorithm.SM4 else bytes(a ^ b for a, b in zip(key[:8], key[8:], strict=True))
    else:
        session = last_block(key, factor.ljust(block, b"\x00"))
    padded = data + b"\x80" + bytes(-(size + 1) % block)
    last = last_block(session, padded)
    words = [last[at : at + 4] for at in range(0, block, 4)]
    xored = bytes(a ^ b ^ c ^ d for a, b, c, d in zip(*words, strict=True)) if block == 16 else last[:4]
    wanted = Tac(reference, data) if name == "DTK" else Mac(reference, factor, data)
    assert custodian.answer(KeyRequest(card, (wanted,))) == (xored,)


@pytest.mark.parametrize(("name", "version"), [("IRK", 0), ("IRK", 4), ("UKEF0D", 1), ("", 1)])
def test_an_unknown_key_or_version_is_not_available(custodian, name, version):
    with pytest.raises(KeyUnavailableError) as caught:
        custodian.answer(request_of(name, version=version))
    assert caught.value.key == name


def test_one_missing_key_means_no_answer_at_all(custodian):
    with pytest.raises(KeyUnavailableError, match="UKEF0D"):
        custodian.answer(request_of("IRK", "UKEF0D"))


def test_an_ssf33_card_is_refused_by_name(custodian):
    with pytest.raises(AlgorithmUnsupportedError, match="SSF33"):
        custodian.answer(request_of("IRK", card=CardFactors(Algorithm.SSF33, "110000", bytes(8))))


@pytest.mark.parametrize("length", [0, 7, 9, 16])
def test_a_challenge_of_another_length_is_malformed(custodian, length):
    card = CardFactors(Algorithm.DES, "990100", bytes(8))
    with pytest.raises(MalformedError):
        custodian.answer(request_of("IRK", card=card, factor=bytes(length)))


def test_nothing_is_kept_between_answers(custodian):
    custodian.answer(request_of("IRK"))
    gc.collect()
    before = len(gc.get_objects())
    for serial in range(500):
        card = CardFactors(Algorithm.DES, f"99{serial:04}", serial.to_bytes(8, "big"))
        custodian.answer(request_of("IRK", "RKSSSE", card=card))
    gc.collect()
    assert len(gc.get_objects()) - before < 100


def test_keys_never_show(custodian, caplog):
    caplog.set_level(0)
    custodian.answer(request_of("IRK", "RKSSSE"))
    text = f"{custodian!r} {custodian} {vars(custodian)} {custodian._roots!r}"
    for request in (request_of("STKSSSE"), request_of("UKEF0D"), request_of("IRK", factor=b"")):
        with pytest.raises((KeyUnavailableError, MalformedError)) as caught:
            custodian.answer(request)
        text += f"{caught.value!r} {caught.value}"
    text = (text + caplog.text).lower()
    for reference, root in development_keys.load().items():
        derived = CARD.card_key(reference, root)
        for value in (root.reveal(), derived.reveal()):
            assert value.hex() not in text
            assert repr(value)[2:-1].lower() not in text
    with pytest.raises(TypeError):
        pickle.dumps(custodian)
