"""Cipher suites against published vectors and against the OpenSSL command line."""

import json
import pickle
import random
from pathlib import Path

import pytest

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import SM4, TRIPLE_DES, Algorithm, CipherSuite, card_key, suite_for
from cardlib.errors import AlgorithmUnsupportedError

VECTORS = [
    pytest.param(vector, id=vector["name"])
    for file in ("card-keys.json", "medical-account.json")
    for vector in json.loads((Path(__file__).parents[2] / "vectors/crypto" / file).read_text(encoding="utf-8"))
]
SUITES = [pytest.param(TRIPLE_DES, id="DES"), pytest.param(SM4, id="SM4")]
KEYS = [pytest.param(TRIPLE_DES, 16, id="3DES"), pytest.param(TRIPLE_DES, 8, id="DES"), pytest.param(SM4, 16, id="SM4")]


def key_of(vector: dict[str, str]) -> Secret:
    key = Secret(bytes.fromhex(vector["key"]))
    if "session_factor" not in vector:
        return key
    return suite_for(Algorithm[vector["algorithm"]]).session_key(key, bytes.fromhex(vector["session_factor"]))


def compute(vector: dict[str, str]) -> bytes | Secret:
    suite = suite_for(Algorithm[vector["algorithm"]])
    key, given = key_of(vector), bytes.fromhex(vector["input"])
    operations = {
        "diversify": lambda: suite.diversify(key, given),
        "card_key": lambda: card_key(suite, key, vector["region"], given),
        "session_key": lambda: suite.session_key(key, given),
        "cryptogram": lambda: suite.cryptogram(key, given),
        "mac": lambda: suite.mac(key, given),
        "tac": lambda: suite.mac(suite.tac_key(key), given),
        "encrypt": lambda: suite.encrypt(key, Secret(given)),
    }
    return operations[vector["operation"]]()


@pytest.mark.parametrize("vector", VECTORS)
def test_published_vector(vector):
    result = compute(vector)
    assert (result.reveal() if isinstance(result, Secret) else result) == bytes.fromhex(vector["result"])


@pytest.mark.parametrize("algorithm", ["DES", "SM4"])
def test_published_pin_block_decrypts_to_the_pin(algorithm):
    (vector,) = (v.values[0] for v in VECTORS if v.values[0]["name"] == f"PIN block, {algorithm}")
    suite = suite_for(Algorithm[algorithm])
    pin = suite.decrypt(key_of(vector), bytes.fromhex(vector["result"]))
    assert pin == Secret(bytes.fromhex("123456"))


# --- second computation, from nothing but OpenSSL's block cipher and the text of the rules ---


def xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


@pytest.fixture
def rng(request):
    return random.Random(request.node.name)


@pytest.mark.parametrize(("suite", "size"), KEYS)
def test_card_key_agrees_with_openssl(suite: CipherSuite, size, openssl, rng):
    root, region, last = rng.randbytes(size), f"99{rng.randrange(10000):04}", rng.randbytes(8)
    expected = root
    for factor in (f"{region[:2]}0000sh".encode(), f"{region}sx".encode(), last):
        inverted = xor(factor, b"\xff" * 8)
        if suite is SM4:
            expected = openssl(suite.algorithm, expected, factor + inverted)
        elif size == 16:
            expected = openssl(suite.algorithm, expected, factor) + openssl(suite.algorithm, expected, inverted)
        else:
            expected = openssl(suite.algorithm, expected, factor)
    assert card_key(suite, Secret(root), region, last) == Secret(expected)


@pytest.mark.parametrize(("suite", "size"), KEYS)
@pytest.mark.parametrize("length", [4, 8])
def test_session_key_agrees_with_openssl(suite: CipherSuite, size, length, openssl, rng):
    key, challenge = rng.randbytes(size), rng.randbytes(length)
    padded = challenge + bytes((16 if suite is SM4 else 8) - length)
    assert suite.session_key(Secret(key), challenge) == Secret(openssl(suite.algorithm, key, padded))


def test_sm4_session_key_takes_a_whole_block(openssl, rng):
    key, challenge = rng.randbytes(16), rng.randbytes(16)
    assert SM4.session_key(Secret(key), challenge) == Secret(openssl(Algorithm.SM4, key, challenge))


@pytest.mark.parametrize("suite", SUITES)
def test_cryptogram_agrees_with_openssl(suite: CipherSuite, openssl, rng):
    session, original = rng.randbytes(suite.session_size), rng.randbytes(8)
    if suite is SM4:
        whole = openssl(suite.algorithm, session, original + bytes(8))
        expected = xor(whole[:8], whole[8:])
    else:
        expected = openssl(suite.algorithm, session, original)
    assert suite.cryptogram(Secret(session), original) == expected


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("length", [0, 5, 7, 8, 15, 16, 33])
def test_mac_agrees_with_openssl(suite: CipherSuite, length, openssl, rng):
    session, data = rng.randbytes(suite.session_size), rng.randbytes(length)
    padded = data + b"\x80"
    while len(padded) % suite.block:
        padded += b"\x00"
    chain = bytes(suite.block)
    for start in range(0, len(padded), suite.block):
        chain = openssl(suite.algorithm, session, xor(chain, padded[start : start + suite.block]))
    folded = xor(xor(chain[:4], chain[4:8]), xor(chain[8:12], chain[12:])) if suite is SM4 else chain[:4]
    assert suite.mac(Secret(session), data) == folded


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("length", [1, 3, 7, 8, 15, 16])
def test_encrypted_data_agrees_with_openssl(suite: CipherSuite, length, openssl, rng):
    session, data = rng.randbytes(suite.session_size), rng.randbytes(length)
    plain = bytes((length,)) + data
    if len(plain) % suite.block:
        plain += b"\x80"
        while len(plain) % suite.block:
            plain += b"\x00"
    encrypted = suite.encrypt(Secret(session), Secret(data))
    assert encrypted == openssl(suite.algorithm, session, plain)
    assert suite.decrypt(Secret(session), encrypted) == Secret(data)


# --- edges ---


def test_pin_of_fifteen_digits_takes_two_des_blocks():
    assert len(TRIPLE_DES.encrypt(Secret(bytes(8)), Secret(bytes(8)))) == 16


def test_des_tac_key_is_left_half_xor_right_half():
    assert TRIPLE_DES.tac_key(Secret(bytes.fromhex("00112233445566770123456789abcdef"))) == Secret(
        bytes.fromhex("01326754cdfeab98")
    )


def test_sm4_tac_key_is_the_key():
    assert SM4.tac_key(Secret(bytes(range(16)))) == Secret(bytes(range(16)))


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("00800000 00000000", id="length zero"),
        pytest.param("08313233 34353637", id="length beyond the end"),
        pytest.param("03313233 00000000", id="padding without 80"),
        pytest.param("03313233 80000001", id="padding that does not end in 00"),
        pytest.param("03313233 80000000 8000000000000000", id="a block too many"),
    ],
)
def test_decrypted_data_of_another_form_is_refused(frame, openssl):
    session = bytes(range(8))
    with pytest.raises(MalformedError, match="form"):
        TRIPLE_DES.decrypt(Secret(session), openssl(Algorithm.DES, session, bytes.fromhex(frame)))


def wrong_calls(suite: CipherSuite):
    key, session = Secret(bytes(16)), Secret(bytes(suite.session_size))
    yield "no key", lambda: suite.diversify(Secret(b""), bytes(8))
    yield "key of 24 bytes", lambda: suite.diversify(Secret(bytes(24)), bytes(8))
    yield "factor of 7 bytes", lambda: suite.diversify(key, bytes(7))
    yield "factor of 16 bytes", lambda: suite.diversify(key, bytes(16))
    yield "empty session factor", lambda: suite.session_key(key, b"")
    yield "session factor of 5 bytes", lambda: suite.session_key(key, bytes(5))
    yield "original of 7 bytes", lambda: suite.cryptogram(session, bytes(7))
    yield "original of 16 bytes", lambda: suite.cryptogram(session, bytes(16))
    yield "nothing to encrypt", lambda: suite.encrypt(session, Secret(b""))
    yield "256 bytes to encrypt", lambda: suite.encrypt(session, Secret(bytes(256)))
    yield "nothing to decrypt", lambda: suite.decrypt(session, b"")
    yield "half a block to decrypt", lambda: suite.decrypt(session, bytes(suite.block // 2))
    yield "TAC key of 24 bytes", lambda: suite.tac_key(Secret(bytes(24)))
    yield "MAC key of 24 bytes", lambda: suite.mac(Secret(bytes(24)), b"")


WRONG = [
    pytest.param(call, id=f"{suite.algorithm.name}-{name}")
    for suite in (TRIPLE_DES, SM4)
    for name, call in wrong_calls(suite)
] + [
    pytest.param(lambda: TRIPLE_DES.session_key(Secret(bytes(16)), bytes(16)), id="DES-session factor of 16 bytes"),
    pytest.param(lambda: TRIPLE_DES.mac(Secret(bytes(16)), b""), id="DES-MAC under a card key"),
    pytest.param(lambda: TRIPLE_DES.cryptogram(Secret(bytes(16)), bytes(8)), id="DES-cryptogram under a card key"),
    pytest.param(lambda: SM4.diversify(Secret(bytes(8)), bytes(8)), id="SM4-key of 8 bytes"),
]


@pytest.mark.parametrize("call", WRONG)
def test_lengths_that_the_algorithm_does_not_take_are_refused(call):
    with pytest.raises(MalformedError, match=r"bytes"):
        call()


def test_ssf33_is_refused_by_name():
    with pytest.raises(AlgorithmUnsupportedError, match="SSF33"):
        suite_for(Algorithm.SSF33)


@pytest.mark.parametrize(("code", "suite"), [(1, TRIPLE_DES), (3, SM4)])
def test_suite_is_chosen_by_the_algorithm_identifier(code, suite):
    assert suite_for(Algorithm(code)) is suite


CANARY = b"CANARY-KEY-16byt"


def spoken(thing: object) -> str:
    return f"{thing!r} {thing!s} {thing} {getattr(thing, '__dict__', '')}"


@pytest.mark.parametrize("suite", SUITES)
def test_keys_never_show(suite: CipherSuite, caplog):
    caplog.set_level(0)
    key = Secret(CANARY)
    derived = (suite.diversify(key, bytes(8)), suite.session_key(key, bytes(8)), suite.tac_key(key))
    hidden = [CANARY, *(secret.reveal() for secret in derived)]
    text = " ".join(spoken(thing) for thing in (suite, key, *derived))
    for call in (lambda: suite.diversify(key, b"1"), lambda: suite.mac(Secret(CANARY[:5]), b"")):
        with pytest.raises(MalformedError) as caught:
            call()
        text += f"{caught.value!r} {caught.value}"
    text += caplog.text
    for value in hidden:
        for form in (repr(value)[2:-1], value.hex(), value.hex(" "), str(list(value))[1:-1]):
            assert form.lower() not in text.lower()
    for secret in derived:
        with pytest.raises(TypeError):
            pickle.dumps(secret)


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_holds_no_state(suite: CipherSuite):
    with pytest.raises(AttributeError):
        suite.last_key = CANARY


@pytest.mark.parametrize(("suite", "size"), KEYS)
def test_encrypt_blocks_takes_whole_blocks_one_by_one(suite: CipherSuite, size: int) -> None:
    key, first, second = Secret(bytes(range(size))), bytes(suite.block), bytes(range(suite.block))
    both = suite.encrypt_blocks(key, first + second)
    assert both == suite.encrypt_blocks(key, first) + suite.encrypt_blocks(key, second)
    assert suite.encrypt_blocks(key, first) == suite.session_key(key, first).reveal()
    assert suite.decrypt_blocks(key, both) == first + second
    for refused in (b"", first[1:]):
        for bare in (suite.encrypt_blocks, suite.decrypt_blocks):
            with pytest.raises(MalformedError, match="no whole number of blocks"):
                bare(key, refused)
