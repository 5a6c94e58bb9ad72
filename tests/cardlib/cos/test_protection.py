"""The cryptography of building; vectors of FMCOS computed apart from this code, from its manual's rules."""

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.cos.protection import (
    encrypted_key,
    loading_mac,
    plain_authentication,
    ssc_authentication,
    transport_cryptogram,
)
from cardlib.crypto import Algorithm

OLD = Secret(bytes.fromhex("39FF39FF39FF39FF39FF39FF39023902"))
NEW = bytes.fromhex("39FF39FF39FF39FF39FF39FF39033903")
CHALLENGE = bytes.fromhex("11223344")
CIPHER = bytes.fromhex("EEB940584356240FB529A46073C49A5D2A9665581FAC17A3")


def test_a_key_is_encrypted_with_its_header_behind_a_length_byte() -> None:
    assert encrypted_key(Algorithm.DES, OLD, Secret(bytes.fromhex("F9F0FAAA88") + NEW)) == CIPHER


@pytest.mark.parametrize(
    ("key", "message", "mac"),
    [
        pytest.param(OLD, bytes.fromhex("84D439001C") + CIPHER, "ADC3BB5C", id="retail MAC, 16-byte key"),
        pytest.param(
            Secret(bytes.fromhex("36FF36FF36FF3601")), bytes.fromhex("04D68501061122"), "003E9531", id="8-byte key"
        ),
    ],
)
def test_mac_begins_with_the_challenge(key: Secret, message: bytes, mac: str) -> None:
    assert loading_mac(Algorithm.DES, key, CHALLENGE, message) == bytes.fromhex(mac)


@pytest.mark.parametrize("challenge", [bytes(range(4)), bytes(range(8)), bytes(range(16))])
def test_mac_of_sm4_is_folded_cbc(challenge: bytes) -> None:
    key, message = bytes(range(16)), bytes(32)
    cbc = Cipher(algorithms.SM4(key), modes.CBC(challenge + bytes(16 - len(challenge)))).encryptor()
    last = cbc.update(message + b"\x80" + bytes(15))[-16:]
    expected = bytes(last[at] ^ last[at + 4] ^ last[at + 8] ^ last[at + 12] for at in range(4))
    assert loading_mac(Algorithm.SM4, Secret(key), challenge, message) == expected


def test_no_mac_begins_with_a_challenge_of_another_length() -> None:
    with pytest.raises(MalformedError, match="4 or 8 bytes, not 16"):
        loading_mac(Algorithm.DES, OLD, bytes(16), b"")


def test_ssc_authentication_takes_two_steps() -> None:
    key = Secret(bytes.fromhex("404142434445464748494A4B4C4D4E4F"))
    challenge = bytes.fromhex("1122334455667788")
    assert ssc_authentication(Algorithm.DES, key, challenge) == bytes.fromhex("032F4CE56861045A") + challenge


@pytest.mark.parametrize(
    ("key", "challenge", "cryptogram"),
    [
        ("39FF39FF39FF39FF39FF39FF39013901", "11223344", "1DF4FE1331C256FE"),
        ("0102030405060708", "BB83BFF3", "74B0047DD681D96C"),
    ],
)
def test_plain_authentication_takes_one(key: str, challenge: str, cryptogram: str) -> None:
    assert plain_authentication(Secret(bytes.fromhex(key)), bytes.fromhex(challenge)) == bytes.fromhex(cryptogram)


def test_transport_key_encrypts_one_block() -> None:
    # The same single-DES vector, its padding written out.
    key = Secret(bytes.fromhex("0102030405060708"))
    assert transport_cryptogram(key, bytes.fromhex("BB83BFF300000000")) == bytes.fromhex("74B0047DD681D96C")
    with pytest.raises(MalformedError, match="8 bytes, not 6"):
        transport_cryptogram(key, bytes(6))
