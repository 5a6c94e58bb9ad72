"""Which keys there can be, and their check values as the openssl command computes them."""

import subprocess
from datetime import UTC, datetime

import pytest

from apdu.secret import Secret
from cardlib.keys import KeyDeclaration, Level, Purpose
from services.custody.keystore.errors import KeyRefusedError
from services.custody.keystore.records import KeyAlgorithm, KeyPlan, KeyRecord, State, check_values, same_value

DES, SM4, EITHER, AES = KeyAlgorithm.DES, KeyAlgorithm.SM4, KeyAlgorithm.EITHER, KeyAlgorithm.AES
NOW = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
GOOD = Secret(bytes.fromhex("00112233445566778899aabbccddeeff"))


def openssl_kcv(cipher: str, key: bytes) -> str:
    if cipher == "des-ede3-ecb":
        key = key * 3 if len(key) == 8 else key + key[:8]
    done = subprocess.run(
        ["openssl", "enc", f"-{cipher}", "-nopad", "-K", key.hex()], input=bytes(16), capture_output=True, check=True
    )
    return done.stdout[:3].hex().upper()


@pytest.mark.parametrize(
    ("algorithm", "size", "ciphers"),
    [
        (DES, 16, ["des-ede3-ecb"]),
        (DES, 8, ["des-ede3-ecb"]),
        (SM4, 16, ["sm4-ecb"]),
        (EITHER, 16, ["des-ede3-ecb", "sm4-ecb"]),
        (AES, 32, ["aes-256-ecb"]),
    ],
)
def test_check_values_are_what_openssl_computes(algorithm, size, ciphers):
    value = bytes(range(7, 7 + size))
    assert check_values(algorithm, Secret(value)) == tuple(openssl_kcv(cipher, value) for cipher in ciphers)


def test_a_record_says_everything_but_the_value():
    record = KeyPlan("UKSSSE", 2, SM4, 2, "99").record(GOOD, development_mode=False, clock=NOW)
    assert record == KeyRecord(
        "UKSSSE",
        2,
        SM4,
        Level.PROVINCIAL,
        2,
        "99",
        16,
        check_values(SM4, GOOD),
        State.ACTIVE,
        "2024-01-02T03:04:05+00:00",
    )
    assert KeyRecord.of(record.public()) == record
    assert KeyRecord.of(record.retired().public()).state is State.RETIRED


@pytest.mark.parametrize(
    "change",
    [
        {"version": "1"}, {"version": True}, {"steps": None}, {"algorithm": "DES"}, {"level": "全国"}, {"name": 5},
        {"state": "on"}, {"size": 16.0}, {"check_values": 5}, {"check_values": [5]}, {"created": 5}, {"region": 99},
    ],
)  # fmt: skip
def test_a_malformed_record_is_none(change):
    entry = KeyPlan("IRK", 1, SM4).record(GOOD, development_mode=False).public()
    with pytest.raises((KeyError, TypeError, ValueError)):
        KeyRecord.of({**entry, **change})


@pytest.mark.parametrize(
    "plan",
    [
        KeyPlan("IRK", 1, SM4),
        KeyPlan("IRK", 3, DES, 3, "9901"),
        KeyPlan("UKSSSE", 1, SM4, 2, "99"),
        KeyPlan("UKSSSE", 1, SM4, 2, "990100"),
        KeyPlan("UKSSSE", 1, SM4, 1, "990100"),
        KeyPlan("UKSSSE", 1, SM4, 1, "3301"),
        KeyPlan("TMK", 1, SM4),
        KeyPlan("TRANSPORT", 20240501, DES),
        KeyPlan("TRANSPORT", 1, DES, 0, "99"),
        KeyPlan(
            "UKPERSON", 1, SM4, keys={"UKPERSON": KeyDeclaration("UKPERSON", Purpose.UPDATE, "SSSE", Level.ISSUER)}
        ),
    ],
    ids=str,
)
def test_such_keys_there_are(plan):
    record = plan.record(GOOD, development_mode=False)
    assert (record.name, record.version, record.region) == (plan.name, plan.version, plan.region)
    assert record.steps == (plan.steps if plan.steps is not None else 0 if plan.name == "TRANSPORT" else 3)


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (KeyPlan("UKPERSON", 1, SM4), "no key 'UKPERSON' on a card"),
        (KeyPlan("", 1, SM4), "no key ''"),
        (KeyPlan("IRK", 0, SM4), "versions 1, 2, 3, not 0"),
        (KeyPlan("IRK", 4, SM4), "versions 1, 2, 3, not 4"),
        (KeyPlan("IRK", 1, EITHER), "one value serves one algorithm"),
        (KeyPlan("IRK", 1, SM4, 0), "cannot be 0"),
        (KeyPlan("IRK", 1, SM4, 4), "cannot be 4"),
        (KeyPlan("IRK", 1, SM4, -1), "cannot be -1"),
        (KeyPlan("IRK", 1, SM4, 3, "9"), "the region has"),
        (KeyPlan("IRK", 1, SM4, 3, "９９"), "the region has"),
        (KeyPlan("UKSSSE", 1, SM4, 2), "the region has 2, 4, 6"),
        (KeyPlan("UKSSSE", 1, SM4, 1, "9901"), "the region has 6"),
        (KeyPlan("UKSSSE", 1, SM4, 1, "33"), "the region has 4, 6"),
        (KeyPlan("TRANSPORT", 1, SM4), "3DES key whatever"),
        (KeyPlan("TRANSPORT", 0, DES), "number of the lot"),
        (KeyPlan("TRANSPORT", 1, DES, 3), "cannot be 3"),
        (KeyPlan("IRK", 1, AES), "a name of its own"),
        (KeyPlan("kek", 1, AES), "a name of its own"),
        (KeyPlan("KEK", 1, AES, 1), "no region"),
        (KeyPlan("KEK", 1, AES, 0, "99"), "no region"),
        (KeyPlan("KEK", 0, AES), "versions are from 1"),
    ],
    ids=str,
)
def test_such_keys_there_are_not(plan, why):
    with pytest.raises(KeyRefusedError, match=why):
        plan.record(GOOD, development_mode=False)


@pytest.mark.parametrize(
    ("plan", "value", "why"),
    [
        (KeyPlan("IRK", 1, SM4), "00" * 16, "zeros"),
        (KeyPlan("KEK", 1, AES), "00" * 32, "zeros"),
        (KeyPlan("TRANSPORT", 1, DES), "00" * 16, "zeros"),
        (KeyPlan("IRK", 1, SM4), "11" * 15, "16 bytes, not 15"),
        (KeyPlan("IRK", 1, DES), "0123456789abcdef", "16 bytes, not 8"),
        (KeyPlan("STKSSSE", 1, SM4), "0123456789abcdef", "16 bytes, not 8"),
        (KeyPlan("KEK", 1, AES), "01" * 16, "32 bytes, not 16"),
        (KeyPlan("IRK", 1, DES), "0123456789abcdef" * 2, "halves"),
        (KeyPlan("IRK", 1, DES), "0123456789abcdef0022446688aaccee", "halves"),  # all that differs is parity
        (KeyPlan("IRK", 1, EITHER), "0123456789abcdef" * 2, "halves"),
    ],
)
def test_weak_values_are_refused_without_being_repeated(plan, value, why):
    with pytest.raises(KeyRefusedError, match=why) as caught:
        plan.record(Secret(bytes.fromhex(value)), development_mode=True)
    assert value[:16] not in str(caught.value)


@pytest.mark.parametrize(
    ("plan", "value"),
    [
        (KeyPlan("STKSSSE", 1, DES), "0123456789abcdef"),
        (KeyPlan("IRK", 1, SM4), "0123456789abcdef" * 2),  # SM4 has no halves
        (KeyPlan("TRANSPORT", 1, DES), "ff" * 16),  # what many chips come with
        (KeyPlan("TRANSPORT", 1, DES), "ff" * 8),
        (KeyPlan("IRK", 1, EITHER), "00112233445566778899aabbccddeeff"),
    ],
)
def test_such_values_are_taken(plan, value):
    assert plan.record(Secret(bytes.fromhex(value)), development_mode=True).size == len(value) // 2


def des(key: bytes, block: bytes) -> bytes:
    """DES by the openssl command, as 3DES with one key three times."""
    command = ["openssl", "enc", "-des-ede3-ecb", "-nopad", "-K", (key * 3).hex()]
    return subprocess.run(command, input=block, capture_output=True, check=True).stdout


PAIRS = [
    ("0101010101010101", "0101010101010101"), ("fefefefefefefefe", "fefefefefefefefe"),
    ("e0e0e0e0f1f1f1f1", "e0e0e0e0f1f1f1f1"), ("1f1f1f1f0e0e0e0e", "1f1f1f1f0e0e0e0e"),
    ("01fe01fe01fe01fe", "fe01fe01fe01fe01"), ("1fe01fe00ef10ef1", "e01fe01ff10ef10e"),
    ("01e001e001f101f1", "e001e001f101f101"), ("1ffe1ffe0efe0efe", "fe1ffe1ffe0efe0e"),
    ("011f011f010e010e", "1f011f010e010e01"), ("e0fee0fef1fef1fe", "fee0fee0fef1fef1"),
]  # fmt: skip
"""The weak keys of DES and the pairs of semi-weak ones: what one enciphers, the other deciphers by enciphering."""


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_keys_of_des_that_undo_each_other_are_refused_with_any_parity(pair):
    one, other = map(bytes.fromhex, pair)
    assert des(other, des(one, b"any text")) == b"any text"
    good = bytes.fromhex("0123456789abcdef")
    for key in {one, other}:
        without = bytes(byte & 0xFE for byte in key)
        for plan, value in (
            (KeyPlan("STKSSSE", 1, DES), key),
            (KeyPlan("STKSSSE", 1, DES), without[:7] + b"\x01" if not any(without) else without),
            (KeyPlan("IRK", 1, DES), key + good),
            (KeyPlan("IRK", 1, EITHER), good + key),
        ):
            with pytest.raises(KeyRefusedError, match="weak or semi-weak"):
                plan.record(Secret(value), development_mode=True)
        KeyPlan("IRK", 1, SM4).record(Secret(key + good), development_mode=False)


ONE, OTHER = bytes.fromhex("0123456789abcdef"), bytes.fromhex("fedcba9876543210")


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ((DES, ONE + OTHER), (DES, ONE + OTHER), True),
        ((DES, ONE + OTHER), (DES, bytes(byte ^ 1 for byte in ONE + OTHER)), True),
        ((SM4, ONE + OTHER), (DES, bytes(byte ^ 1 for byte in ONE + OTHER)), True),
        ((DES, ONE), (DES, ONE + OTHER), True),
        ((DES, OTHER), (DES, ONE + OTHER), True),
        ((DES, bytes(byte ^ 1 for byte in OTHER)), (EITHER, ONE + OTHER), True),
        ((DES, ONE), (DES, OTHER), False),
        ((DES, ONE + OTHER), (DES, OTHER + ONE), False),
        ((DES, ONE[1:] + OTHER[:1]), (DES, ONE + OTHER), False),
        ((SM4, ONE + OTHER), (SM4, ONE + OTHER), True),
        ((SM4, ONE + OTHER), (SM4, bytes(byte ^ 1 for byte in ONE + OTHER)), False),
    ],
)
def test_values_are_compared_as_their_ciphers_see_them(left, right, same):
    for one, other in ((left, right), (right, left)):
        assert same_value(one[0], Secret(one[1]), other[0], Secret(other[1])) is same
