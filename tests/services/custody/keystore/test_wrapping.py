"""Keys on their way between keystores: nobody without the wrapping key learns or changes anything."""

import copy
import dataclasses
import json
import os
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apdu.secret import Secret
from cardlib.keys import KeyReference
from services.custody.keystore import (
    KeyAlgorithm,
    KeyPlan,
    Passphrases,
    changing,
    create_keystore,
    open_keystore,
    passphrase,
)
from services.custody.keystore.errors import KeyRefusedError, WrappedKeysError
from services.custody.keystore.wrapping import take_in, the_one, unwrapped, wrapped, wrapped_under
from tests.services.custody.keystore.conftest import CHEAP

SM4, AES = KeyAlgorithm.SM4, KeyAlgorithm.AES
KEK = Secret(bytes(range(1, 33)))
IRK, UK, STK = Secret(bytes(range(16))), Secret(bytes(range(50, 66))), Secret(bytes(range(80, 88)))
BOTH = Passphrases((passphrase("first holder's passphrase"), passphrase("second holder's passphrase")))
FILE = Path("keys.json")


@pytest.fixture
def sender(path, opener):
    with changing(path, opener) as keystore:
        keystore.add(KeyPlan("IRK", 1, SM4), IRK)
        keystore.add(KeyPlan("UKSSSE", 2, SM4, 2, "99"), UK)
        keystore.add(KeyPlan("STKSSSE", 1, KeyAlgorithm.DES), STK)
        keystore.add(KeyPlan("KEK", 1, AES), KEK)
    return open_keystore(path, opener)


@pytest.fixture
def receiver(tmp_path, opener):
    path = tmp_path / "receiver.json"
    create_keystore(path, opener)
    with changing(path, opener) as keystore:
        keystore.add(KeyPlan("KEK", 1, AES), KEK)
    return path


def of_cards(keystore):
    return [at for at in keystore.records if not at.wraps]


@pytest.fixture
def under_key(sender):
    return wrapped(sender, of_cards(sender), sender.wrapping_key(KeyReference("KEK", 1)))


@pytest.fixture
def under_passphrases(sender):
    return wrapped(sender, of_cards(sender), BOTH, costs=CHEAP)


def test_what_goes_out_comes_in_elsewhere(under_key, receiver, opener, sender):
    assert wrapped_under(FILE, under_key) == KeyReference("KEK", 1)
    with changing(receiver, opener) as keystore:
        take_in(keystore, unwrapped(FILE, under_key, keystore))
    opened = open_keystore(receiver, opener)
    assert [(str(at), opened.value(at)) for at in of_cards(opened)] == [
        ("IRK version 1 (SM4)", IRK),
        ("UKSSSE version 2 (SM4 of region 99)", UK),
        ("STKSSSE version 1 (3DES)", STK),
    ]
    assert [at.check_values for at in of_cards(opened)] == [at.check_values for at in of_cards(sender)]


def test_under_passphrases_too(under_passphrases, receiver, opener):
    assert wrapped_under(FILE, under_passphrases) == 2
    with changing(receiver, opener) as keystore:
        keys = unwrapped(FILE, under_passphrases, keystore, BOTH)
    assert [key.value for key in keys] == [IRK, UK, STK]


def test_others_can_unwrap_it_from_the_description_of_the_format(under_key):
    document = json.loads(under_key)
    nonce, sealed = (b64decode(document.pop(name)) for name in ("nonce", "sealed"))
    bound = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    options = [
        "digest:SHA256",
        f"hexkey:{KEK.reveal().hex()}",
        f"hexsalt:{document['id']}",
        "info:sscard wrapped keys 1",
    ]
    arguments = [argument for option in options for argument in ("-kdfopt", option)]
    done = subprocess.run(["openssl", "kdf", "-keylen", "32", *arguments, "HKDF"], capture_output=True, check=True)
    key = bytes.fromhex(done.stdout.decode().replace(":", ""))
    assert AESGCM(key).decrypt(nonce, sealed, bound) == IRK.reveal() + UK.reveal() + STK.reveal()


def test_no_key_is_in_the_file_in_any_form(under_key, under_passphrases):
    for content in (under_key, under_passphrases):
        raw = content + b64decode(json.loads(content)["sealed"])
        for secret in (IRK, UK, STK, KEK):
            assert secret.reveal() not in raw
            assert secret.reveal().hex().encode() not in raw.lower()


@pytest.mark.parametrize(
    "wrong",
    [
        Passphrases((BOTH.values[0],)),
        Passphrases(BOTH.values[::-1]),
        Passphrases((BOTH.values[0], BOTH.values[0])),
    ],
    ids=["one", "other order", "one twice"],
)
def test_other_passphrases_do_not_open_it(under_passphrases, sender, wrong):
    with pytest.raises(WrappedKeysError):
        unwrapped(FILE, under_passphrases, sender, wrong)


def test_another_key_of_the_same_name_does_not_open_it(under_key, tmp_path, opener):
    path = tmp_path / "other.json"
    create_keystore(path, opener)
    with changing(path, opener) as keystore:
        with pytest.raises(KeyRefusedError, match="no active key KEK"):
            unwrapped(FILE, under_key, keystore)
        keystore.add(KeyPlan("KEK", 1, AES), Secret(os.urandom(32)))
        with pytest.raises(WrappedKeysError, match="stays closed"):
            unwrapped(FILE, under_key, keystore)


def test_whatever_is_changed_in_the_file_is_noticed(under_key, sender):
    document = json.loads(under_key)
    first, second, third = document["keys"]
    changes = [
        {"keys": [second, first, third]},
        {"keys": [first, second]},
        {"keys": [first, second, third, third]},
        {"keys": [{**first, "name": "RKSSSE"}, second, third]},
        {"keys": [{**first, "region": "99"}, second, third]},
        {"keys": [{**first, "steps": 2}, second, third]},
        {"keys": [{**first, "size": 24}, {**second, "size": 8}, third]},
        {"keys": [{**first, "state": "retired"}, second, third]},
        {"keys": 5},
        {"id": "00" * 16},
        {"id": 5},
        {"nonce": "AAAAAAAAAAAAAAAA"},
        {"nonce": "AAAA"},
        {"sealed": document["sealed"][:-4] + "AAA="},
        {"sealed": 5},
        {"comment": "harmless"},
        {"under": {**document["under"], "check_value": "000000"}},
    ]
    for change in changes:
        changed = copy.deepcopy(document)
        changed.update(change)
        with pytest.raises(WrappedKeysError):
            unwrapped(FILE, json.dumps(changed).encode(), sender)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"5", b"\xff", b'{"format": "sscard keystore", "format_version": 1}', b"[" * 100000]
)
def test_what_is_no_file_of_wrapped_keys_is_not_taken_for_one(content, sender):
    for use in (lambda: unwrapped(FILE, content, sender), lambda: wrapped_under(FILE, content)):
        with pytest.raises(WrappedKeysError, match="no file of wrapped keys"):
            use()


@pytest.mark.parametrize("under", [{}, {"key": "KEK"}, {"lock": {}}, {"lock": 5}, 5, {"key": "KEK", "version": "x"}])
def test_a_file_that_does_not_say_what_opens_it_is_refused(under, under_key):
    document = {**json.loads(under_key), "under": under}
    with pytest.raises(WrappedKeysError, match="does not say"):
        wrapped_under(FILE, json.dumps(document).encode())


def test_nothing_goes_out_under_what_does_not_wrap(sender):
    records = of_cards(sender)
    kek = sender.wrapping_key(KeyReference("KEK", 1))
    for what, under, why in (
        (records, records[0], "no active key that wraps"),
        ([kek], kek, "by itself"),
        (records, kek.retired(), "no active key that wraps"),
        ([], kek, "no key to export"),
        (records, Passphrases((passphrase("only one passphrase"),)), "2 passphrases"),
        (records, Passphrases((passphrase("short"), passphrase("other"))), "12 characters"),
    ):
        with pytest.raises(KeyRefusedError, match=why):
            wrapped(sender, what, under, costs=CHEAP)


def test_all_come_in_or_none(under_key, receiver, opener):
    with changing(receiver, opener) as keystore:
        keystore.add(KeyPlan("UKSSSE", 2, SM4, 2, "99"), Secret(os.urandom(16)))
    before = receiver.read_bytes()
    with pytest.raises(KeyRefusedError, match="UKSSSE version 2"), changing(receiver, opener) as keystore:
        take_in(keystore, unwrapped(FILE, under_key, keystore))
    assert receiver.read_bytes() == before


IS_NOT = {"version": 3, "algorithm": KeyAlgorithm.DES, "steps": 1, "region": "98"}


@pytest.mark.parametrize("what", IS_NOT)
def test_a_key_that_is_but_called_the_same_is_not_the_one(under_key, sender, what):
    arrived = unwrapped(FILE, under_key, sender)
    plan = KeyPlan("UKSSSE", 2, SM4, 2, "99")
    assert the_one(arrived, plan).value == UK
    with pytest.raises(KeyRefusedError, match=rf"one has {what} [^;,]+, not {IS_NOT[what]}$"):
        the_one(arrived, dataclasses.replace(plan, **{what: IS_NOT[what]}))
    with pytest.raises(KeyRefusedError, match="no key of this name"):
        the_one(arrived, KeyPlan("RKSSSE", 1, SM4, 3))


def test_a_key_of_all_regions_is_not_one_of_a_single_region(under_key, sender):
    with pytest.raises(KeyRefusedError, match="one has region all, not 99"):
        the_one(unwrapped(FILE, under_key, sender), KeyPlan("IRK", 1, SM4, 3, "99"))


def test_what_is_retired_there_is_not_taken_in_here(sender, receiver, path, opener):
    with changing(path, opener) as keystore:
        keystore.add(KeyPlan("IRK", 2, SM4), Secret(os.urandom(16)))
        keystore.retire(keystore.records[0])
    sender = open_keystore(path, opener)
    content = wrapped(sender, of_cards(sender), sender.wrapping_key(KeyReference("KEK", 1)))
    with (
        changing(receiver, opener) as keystore,
        pytest.raises(KeyRefusedError, match="retired where it comes from: IRK"),
    ):
        take_in(keystore, unwrapped(FILE, content, keystore))
