"""A sentence for every mistake in the settings of keys, and in what they name."""

import os
import sys

import pytest

from apdu.transport.inprocess import InProcessReaders
from services.config import ConfigError
from services.custody.opening import open_custodian
from tests.services.custody.conftest import PIN
from tests.services.custody.opening.conftest import PHRASES, PSAM, config, psam_readers


@pytest.mark.parametrize(
    ("settings", "sentences"),
    [
        ({"keystore": "k", "centre": "[::1]:1"}, ["keystore and centre: keys are in one place; set one"]),
        (
            {"keystore": "k", "hsm_library": "l", "hsm_token": "t", "hsm_pin_file": "p"},
            ["keystore and hsm_library: keys are in one place"],
        ),
        (
            {"hsm_library": "l", "centre": "[::1]:1"},
            ["hsm_library and centre: keys", "hsm_library: set hsm_token as well", "hsm_library: set hsm_pin_file as"],
        ),
        ({"keystore_key": "k"}, ["keystore_key is nothing without keystore"]),
        ({"keystore_passphrase_fds": [3]}, ["keystore_passphrase_fds is nothing without keystore"]),
        ({"terminal_counter": "c"}, ["terminal_counter is nothing without keystore or hsm_library"]),
        ({"terminal_counter": "c", "centre": "[::1]:1"}, ["terminal_counter is nothing without"]),
        ({"hsm_token": "t", "hsm_keys": "k"}, ["hsm_token is nothing without hsm_lib", "hsm_keys is nothing without"]),
        ({"hsm_pin_file": "p"}, ["hsm_pin_file is nothing without hsm_library"]),
        ({"psam_keys": "p"}, ["psam_keys is nothing without psam_reader"]),
        (
            {"keystore": "k", "keystore_key": "f", "keystore_passphrase_fds": [3, 4]},
            ["keystore_key and keystore_passphrase_fds: a keystore opens with a key or with passphrases"],
        ),
        (
            {"keystore": "k", "keystore_passphrase_fds": [3, 3]},
            ["keystore_passphrase_fds: every holder's passphrase has a file descriptor of its own"],
        ),
        ({"keystore": "k", "keystore_passphrase_fds": [-1]}, ["keystore_passphrase_fds"]),
        ({"serve_keys": True, "centre": "[::1]:1"}, ["serve_keys and centre"]),
        ({"psam_reader": "P", "psam_purchase_hold": 0}, ["psam_purchase_hold"]),
        ({"psam_reader": "P", "psam_wait": -1}, ["psam_wait"]),
    ],
)
def test_settings_that_do_not_go_together_are_refused_at_once(settings, sentences) -> None:
    with pytest.raises(ConfigError) as raised:
        config(**settings)
    for sentence in sentences:
        assert sentence in str(raised.value)


def refused(sentence: str, settings: dict[str, object], readers: InProcessReaders | None = None) -> None:
    with pytest.raises(ConfigError, match=sentence) as raised:
        open_custodian(config(**settings), readers)
    assert PIN not in str(raised.value)
    assert PHRASES[0] not in str(raised.value)


def test_what_is_wrong_with_a_keystore_is_said(keystore, locked, key, tmp_path, descriptors) -> None:
    (tmp_path / "short").write_bytes(bytes(31))
    (tmp_path / "other").write_bytes(os.urandom(32))
    for name in ("short", "other"):
        (tmp_path / name).chmod(0o600)
    (tmp_path / "broken").write_text("{}")
    missing = tmp_path / "missing"
    refused(r"keystore: .*missing cannot be read: No such file.*The admin", {"keystore": missing, "keystore_key": key})
    refused("keystore: .*missing cannot be read", {"keystore": keystore, "keystore_key": missing})
    refused("keystore_key: .*short has 31 bytes", {"keystore": keystore, "keystore_key": tmp_path / "short"})
    refused("keystore: .*stays closed", {"keystore": keystore, "keystore_key": tmp_path / "other"})
    refused("keystore: .*is no keystore, or is damaged", {"keystore": tmp_path / "broken", "keystore_key": key})
    refused("keystore: .*is no keystore, or is damaged", {"keystore": tmp_path / "broken"})
    refused("opens with a key: set keystore_key", {"keystore": keystore})
    refused("opens with 2 passphrases: start at a terminal.*keystore_passphrase_fds", {"keystore": locked})
    one = descriptors(PHRASES[0])
    refused("opens with passphrases, 2 of them", {"keystore": locked, "keystore_passphrase_fds": one})
    empty = descriptors("", PHRASES[1])
    refused("a passphrase is empty", {"keystore": locked, "keystore_passphrase_fds": empty})
    long = tmp_path / "long"
    long.write_bytes(bytes(70_000))
    with long.open("rb") as file:
        refused(
            "gives too much to be a secret", {"keystore": locked, "keystore_passphrase_fds": (file.fileno(), one[0])}
        )
    refused("descriptor 99 cannot be read: Bad file", {"keystore": locked, "keystore_passphrase_fds": (99, 98)})
    opened = {"keystore": keystore, "keystore_key": key}
    refused("terminal_counter: .*missing cannot be read", opened | {"terminal_counter": missing})
    refused("terminal_counter: .*broken is damaged; make it", opened | {"terminal_counter": tmp_path / "broken"})


def test_what_is_wrong_with_an_hsm_is_said(hsm, tmp_path, monkeypatch) -> None:
    text = tmp_path / "text"
    text.write_text("one\ntwo\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "gb").write_bytes("密码".encode("gb18030"))
    missing = tmp_path / "missing"
    refused("hsm_library: .*missing cannot be used as a PKCS#11 library", hsm | {"hsm_library": missing})
    refused("hsm_library: .*text cannot be used as a PKCS#11 library", hsm | {"hsm_library": text})
    refused("hsm_pin_file: .*missing cannot be read", hsm | {"hsm_pin_file": missing})
    refused("hsm_pin_file: .*holds no PIN", hsm | {"hsm_pin_file": text})
    refused("hsm_pin_file: .*holds no PIN", hsm | {"hsm_pin_file": tmp_path / "empty"})
    refused("hsm_pin_file: the PIN of the HSM is not UTF-8", hsm | {"hsm_pin_file": tmp_path / "gb"})
    refused("text is no TOML file", hsm | {"hsm_keys": text})
    refused("terminal_counter: .*is damaged", hsm | {"terminal_counter": text})
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    refused(r"hsm_library: python-pkcs11 is not installed: pip install 'sscard\[hsm\]'", hsm)


def test_what_is_wrong_with_a_psam_or_a_region_is_said(tmp_path, keystore, key) -> None:
    text = tmp_path / "text"
    text.write_text("one\n")
    refused("text is no TOML file", {"psam_reader": PSAM, "psam_keys": text}, psam_readers())
    refused("missing cannot be read", {"psam_reader": PSAM, "psam_keys": tmp_path / "missing"}, psam_readers())
    refused("text: is no TOML file", {"regional_profiles": (text,), "keystore": keystore, "keystore_key": key})
