"""Nobody changes a keystore unnoticed."""

import copy
import json

import pytest

from apdu.secret import Secret
from services.custody.keystore import create_keystore, open_keystore, passphrases_of, public_records
from services.custody.keystore.errors import KeystoreDamagedError, KeystoreError
from services.custody.keystore.sealing import SealBrokenError, canonical, seal, unseal


def leaves(document, path=()):
    """Every place in the file that has a value of its own."""
    if isinstance(document, dict | list):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for key, inner in items:
            yield from leaves(inner, (*path, key))
    else:
        yield path


def test_every_single_value_that_is_changed_is_noticed(filled, opener):
    document = json.loads(filled.read_bytes())
    places = list(leaves(document))
    assert len(places) > 50
    for place in places:
        changed = copy.deepcopy(document)
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        old = inner[place[-1]]
        other = {"production": "development", "active": "retired", "SM4": "3DES", "": "99"}.get(old)
        if other is None:
            other = old + 1 if isinstance(old, int) else ("A" if old[0] != "A" else "B") + old[1:]
        inner[place[-1]] = other
        filled.write_text(json.dumps(changed))
        with pytest.raises(KeystoreError):
            open_keystore(filled, opener, development_mode=True)


def moved(document):
    first, second, *_ = document["keys"]
    for name in ("nonce", "sealed"):
        first[name], second[name] = second[name], first[name]


def renamed(document):
    first, second, *_ = document["keys"]
    first["version"], second["version"] = 2, 1


ALTERATIONS = {
    "two values swapped": moved,
    "two names swapped": renamed,
    "an entry removed": lambda document: document["keys"].pop(1),
    "all removed": lambda document: document["keys"].clear(),
    "an entry doubled": lambda document: document["keys"].append(document["keys"][0]),
    "two entries in another order": lambda document: document["keys"].reverse(),
    "a field added": lambda document: document.update(comment="harmless"),
    "a field of an entry added": lambda document: document["keys"][0].update(comment="harmless"),
    "an entry without its value": lambda document: document["keys"][0].pop("sealed"),
    "no seal on the whole": lambda document: document.pop("whole"),
    "no keys": lambda document: document.pop("keys"),
    "keys of another kind": lambda document: document.update(keys={}),
}


@pytest.mark.parametrize("what", ALTERATIONS)
def test_an_alteration_is_noticed(filled, opener, what):
    document = json.loads(filled.read_bytes())
    ALTERATIONS[what](document)
    filled.write_text(json.dumps(document))
    with pytest.raises(KeystoreDamagedError):
        open_keystore(filled, opener)


@pytest.mark.parametrize("alter", [moved, renamed])
def test_a_value_does_not_open_in_anothers_place_even_under_a_seal_that_is_right(filled, opener, alter):
    """The seal on the whole is made anew here, so that only the binding of each value is left to notice it."""
    keystore, document = open_keystore(filled, opener), json.loads(filled.read_bytes())
    alter(document)
    del document["whole"]
    document["whole"] = seal(keystore._data_key, Secret(b""), canonical(document))
    filled.write_text(json.dumps(document))
    with pytest.raises(KeystoreDamagedError):
        open_keystore(filled, opener)


def test_entries_of_another_keystore_do_not_open_in_this(filled, opener, tmp_path):
    other = tmp_path / "other.json"
    create_keystore(other, opener)
    document, foreign = json.loads(filled.read_bytes()), json.loads(other.read_bytes())
    foreign["keys"] = document["keys"]
    other.write_text(json.dumps(foreign))
    with pytest.raises(KeystoreDamagedError):
        open_keystore(other, opener)


def test_nor_would_they_if_both_keystores_had_one_data_key(filled, opener, tmp_path):
    other = tmp_path / "other.json"
    create_keystore(other, opener)
    keystore, foreign = open_keystore(filled, opener), open_keystore(other, opener)
    entry, record = json.loads(filled.read_bytes())["keys"][0], keystore.records[0]
    assert unseal(keystore._data_key, entry, keystore._bound(record)) == keystore.value(record)
    with pytest.raises(SealBrokenError):
        unseal(keystore._data_key, entry, foreign._bound(record))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"5", b'"format"', b"{}", b'{"format": "sscard keystore"}', b"\xff\xfe", b"[" * 100000,
     b'{"format": "another", "format_version": 1}', b'{"format": "sscard keystore", "format_version": 2}',
     b'{"format": "sscard keystore", "format_version": 1, "keys": 5, "lock": 5}',
     b'{"format": "sscard keystore", "format_version": 1, "keys": [5], "lock": {}}'],
    ids=range(14),
)  # fmt: skip
def test_what_is_no_keystore_is_not_taken_for_one(tmp_path, opener, content):
    path = tmp_path / "keystore.json"
    path.write_bytes(content)
    for use in (open_keystore, lambda path, _: public_records(path), lambda path, _: passphrases_of(path)):
        with pytest.raises(KeystoreDamagedError):
            use(path, opener)


def test_a_file_that_ends_early_is_damaged(filled, opener):
    content = filled.read_bytes()
    for size in range(0, len(content) - 2, 97):
        filled.write_bytes(content[:size])
        with pytest.raises(KeystoreDamagedError):
            open_keystore(filled, opener)
