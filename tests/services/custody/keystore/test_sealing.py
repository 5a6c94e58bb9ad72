"""Opening and sealing, against the reference vector of Argon2id and the openssl command."""

import subprocess
import unicodedata
from base64 import b64encode
from types import SimpleNamespace

import pytest

from apdu.secret import Secret
from services.custody.keystore import Costs, CredentialKey, Passphrases, passphrase, sealing
from services.custody.keystore.errors import KeyRefusedError, KeystoreError
from services.custody.keystore.sealing import SealBrokenError, derive, new_lock, require_strong, seal, unseal

ID = bytes(range(16))


def hkdf(material: bytes, salt: bytes, info: str) -> bytes:
    options = ["digest:SHA256", f"hexkey:{material.hex()}", f"hexsalt:{salt.hex()}", f"info:{info}"]
    arguments = [argument for option in options for argument in ("-kdfopt", option)]
    done = subprocess.run(["openssl", "kdf", "-keylen", "32", *arguments, "HKDF"], capture_output=True, check=True)
    return bytes.fromhex(done.stdout.decode().replace(":", ""))


def test_a_passphrase_is_stretched_as_the_reference_program_of_argon2_does_it():
    """test.c of the reference implementation: Argon2id v19, t=2, m=65536, p=1, "password", "somesalt"."""
    stretched = bytes.fromhex("09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7")
    lock = {
        "method": "passphrases",
        "argon2id": {"iterations": 2, "lanes": 1, "memory_kib": 65536},
        "salts": [b64encode(b"somesalt").decode()] * 2,
    }
    both = Passphrases((Secret(b"password"), Secret(b"password")))
    assert derive(both, lock, ID, "a label").reveal() == hkdf(stretched * 2, ID, "a label")


def test_a_key_from_a_descriptor_is_expanded():
    key = bytes(range(32))
    assert derive(CredentialKey(Secret(key)), {"method": "key"}, ID, "x").reveal() == hkdf(key, ID, "x")


def test_what_is_made_by_default_costs_half_a_second_and_a_quarter_of_a_gigabyte():
    assert Costs() == Costs(iterations=3, lanes=4, memory_kib=262144)
    assert new_lock(Passphrases((Secret(b"a"),)), Costs())["argon2id"] == {
        "iterations": 3,
        "lanes": 4,
        "memory_kib": 262144,
    }


@pytest.mark.parametrize(
    "costs",
    [
        Costs(0, 1, 8),
        Costs(11, 1, 8),
        Costs(1, 65, 1024),
        Costs(1, 1, 1024 * 1024 + 1),
        Costs(1, 4, 31),
        Costs(1, 1, 2**31),
        Costs(1, 0, 8),
        Costs(True, 1, 8),
    ],
)
def test_a_file_cannot_ask_for_any_amount_of_work(costs):
    with pytest.raises(ValueError, match=r"bounds|memory"):
        costs.require_sane()


def test_the_most_that_a_file_may_ask_for_is_ten_passes_and_a_gigabyte():
    Costs(10, 64, 1024 * 1024).require_sane()


def test_a_machine_without_the_memory_says_so(monkeypatch):
    def none_left(*_):
        raise MemoryError("Not enough memory")

    monkeypatch.setattr(sealing, "Argon2id", lambda **_: SimpleNamespace(derive=none_left))
    both = phrases("first holder's words", "second one's phrase")
    with pytest.raises(KeystoreError, match="256 MiB"):
        derive(both, new_lock(both, Costs()), ID, "x")


def test_sealed_opens_with_the_same_key_and_the_same_binding_only():
    key, other = Secret(bytes(32)), Secret(bytes(31) + b"\x01")
    box = seal(key, Secret(b"value"), b"bound")
    assert unseal(key, box, b"bound") == Secret(b"value")
    for wrong, bound in ((other, b"bound"), (key, b"bounds"), (key, b"")):
        with pytest.raises(SealBrokenError):
            unseal(wrong, box, bound)


def test_the_same_value_never_looks_the_same():
    key = Secret(bytes(32))
    boxes = [seal(key, Secret(b"value"), b"") for _ in range(64)]
    assert len({box["nonce"] for box in boxes}) == len({box["sealed"] for box in boxes}) == 64


@pytest.mark.parametrize(
    "typed", ["示例口令𠮷é", unicodedata.normalize("NFD", "示例口令𠮷é"), "示例口令𠮷é\n", "示例口令𠮷é\r\n"]
)
def test_a_passphrase_is_the_same_however_it_is_typed(typed):
    assert passphrase(typed) == passphrase(typed.encode()) == Secret("示例口令𠮷é".encode())


@pytest.mark.parametrize("typed", [b"", b"\n", b"\xff\xfe", "", "\ud800"])
def test_no_passphrase_is_refused(typed):
    with pytest.raises(KeyRefusedError):
        passphrase(typed)


def phrases(*texts: str) -> Passphrases:
    return Passphrases(tuple(map(passphrase, texts)))


@pytest.mark.parametrize(
    ("opener", "holders"),
    [
        (phrases("one of one person"), 2),
        (phrases("the same of both", "the same of both"), 2),
        (phrases("long enough for it", "too short"), 2),
        (phrases("same", "same"), 1),
        (CredentialKey(Secret(bytes(32))), 2),
        (CredentialKey(Secret(bytes(range(31)))), 2),
        (CredentialKey(Secret(b"")), 1),
    ],
)
def test_what_is_too_weak_opens_no_keystore(opener, holders):
    with pytest.raises(KeyRefusedError):
        require_strong(opener, holders=holders)


@pytest.mark.parametrize(
    "other",
    [
        "correct horse battery",
        "correct horse batterY",
        "Correct Horse Battery",
        "correct horse batterx",
        "korrect horse battery",
        "correct house battery",
        "correct horse batter",
        "correct horse battery1",
        "orrect horse battery",
        "correct horse  battery",
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_passphrase_that_follows_from_the_others_is_none(other, turned):
    both = ("correct horse battery", other)
    with pytest.raises(KeyRefusedError, match=r"same passphrase|one character"):
        require_strong(phrases(*(both[::-1] if turned else both)), holders=2)


@pytest.mark.parametrize("other", ["correct horse batte", "corrext house battery", "correct horse battery12"])
def test_two_characters_are_another_passphrase(other):
    require_strong(phrases("correct horse battery", other), holders=2)


def test_what_is_strong_enough_does():
    require_strong(phrases("long enough for it", "another as long"), holders=2)
    require_strong(phrases("short"), holders=1)
    require_strong(CredentialKey(Secret(bytes(range(32)))), holders=2)
