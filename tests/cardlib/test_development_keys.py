"""The published development keys: complete, reproducible, and marked as what they are."""

import hashlib
from importlib.resources import files

import pytest

from apdu.secret import Secret
from cardlib import development_keys
from cardlib.keys import KEYS, KeyReference

TEXT = files("cardlib").joinpath("data", "development-keys.toml").read_text(encoding="utf-8")


def test_every_key_is_there_in_three_versions():
    expected = {KeyReference(name, version) for name in KEYS for version in (1, 2, 3)}
    assert set(development_keys.load()) == expected


@pytest.mark.parametrize("name", sorted(KEYS))
def test_values_follow_the_documented_derivation(name):
    keys = development_keys.load()
    for version in (1, 2, 3):
        digest = hashlib.sha256(f"sscard development key {name} {version}".encode("ascii")).digest()
        assert keys[KeyReference(name, version)] == Secret(digest[:16])


def test_no_two_keys_are_the_same():
    values = list(development_keys.load().values())
    assert len(set(values)) == len(values)


def test_the_file_warns_in_both_languages_before_the_first_key():
    header = TEXT[: TEXT.index("[keys]")]
    assert "NEVER USE THEM ON A REAL CARD" in header
    assert "严禁用于真实社会保障卡" in header


def test_loaded_keys_do_not_show():
    keys = development_keys.load()
    text = f"{keys!r} {keys}"
    assert not any(secret.reveal().hex() in text or repr(secret.reveal()) in text for secret in keys.values())
    with pytest.raises(TypeError):
        keys[KeyReference("IRK")] = Secret(bytes(16))
