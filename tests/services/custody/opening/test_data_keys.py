"""Where the key is that wraps the database's data keys: every place, and what is wrong with it."""

import secrets

import pytest
from pkcs11 import KeyType

from apdu.secret import Secret
from services.config import ConfigError
from services.custody.data_keys import WrapperError
from services.custody.data_keys_opening import open_wrapper
from services.custody.keystore import CredentialKey, KeyAlgorithm, KeyPlan, changing
from services.custody.opening import open_custodian
from tests.services.custody.conftest import DEVELOPMENT
from tests.services.custody.opening.conftest import PSAM, config, psam_readers

VALUE = Secret(bytes(range(32)))


@pytest.fixture
def with_wrapping_key(keystore, key):
    with changing(keystore, CredentialKey(Secret(key.read_bytes()))) as opened:
        opened.add(KeyPlan("DATABASE", 1, KeyAlgorithm.AES), Secret(secrets.token_bytes(32)))
    return keystore


def test_in_development_it_is_a_file_beside_the_database(tmp_path) -> None:
    settings = config(mode="development", database=str(tmp_path / "s.db"))
    with pytest.raises(WrapperError, match=r"there is no .*s\.data-key"):
        open_wrapper(settings, None, new=False)
    open_wrapper(settings, None, new=True)
    assert (tmp_path / "s.data-key").stat().st_size == 32


def test_in_production_it_has_a_place_or_there_is_no_registry(tmp_path) -> None:
    settings = config(database=str(tmp_path / "s.db"))
    with pytest.raises(ConfigError, match="set data_key_name to a key of the keystore or the HSM, or data_key to a fi"):
        open_wrapper(settings, None, new=True)
    assert list(tmp_path.iterdir()) == []
    open_wrapper(config(data_key=tmp_path / "key"), None, new=True)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_for_a_url_it_is_in_the_directory_for_state(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert config(database="postgresql+psycopg://db/cards").data_key_file == tmp_path / "sscard.data-key"


def test_the_keystore_has_it_and_keeps_it_under_a_new_lock(with_wrapping_key, key) -> None:
    settings = config(keystore=with_wrapping_key, keystore_key=key, data_key_name="DATABASE/1")
    wrapper = open_wrapper(settings, open_custodian(settings), new=True)
    assert wrapper.key_id.startswith("keystore DATABASE/1 ")
    wrapped = wrapper.wrap(VALUE, b"x")
    opener = CredentialKey(Secret(key.read_bytes()))
    with changing(with_wrapping_key, opener) as opened:
        opened.relock(opener)
    assert open_wrapper(settings, open_custodian(settings), new=False).unwrap(wrapped, b"x") == VALUE


@pytest.mark.parametrize("name", ["DATABASE/2", "DATABASE", "IRK/1"])
def test_a_key_that_the_keystore_has_not_is_named(with_wrapping_key, key, name) -> None:
    settings = config(keystore=with_wrapping_key, keystore_key=key, data_key_name=name)
    with pytest.raises(WrapperError, match=f"the keystore has no active AES-256 key {name}, which data_key_name names"):
        open_wrapper(settings, open_custodian(settings), new=True)


def test_an_hsm_has_it(hsm, softhsm) -> None:
    label = f"DATABASE/{secrets.token_hex(4)}"
    softhsm.store(DEVELOPMENT, {label: bytes(range(32))}, KeyType.AES, ENCRYPT=True, DECRYPT=True, DERIVE=False)
    settings = config(**hsm, data_key_name=label)
    custodian = open_custodian(settings)
    wrapper = open_wrapper(settings, custodian, new=True)
    assert wrapper.unwrap(wrapper.wrap(VALUE, b"x"), b"x") == VALUE
    custodian.close()


def test_it_is_where_it_is_when_a_psam_is_asked_first(with_wrapping_key, key) -> None:
    settings = config(keystore=with_wrapping_key, keystore_key=key, data_key_name="DATABASE/1", psam_reader=PSAM)
    custodian = open_custodian(settings, psam_readers())
    assert open_wrapper(settings, custodian, new=True).key_id.startswith("keystore DATABASE/1 ")
    custodian.close()


def test_without_the_custodian_that_has_it_it_is_not_there() -> None:
    settings = config(keystore="/k.json", data_key_name="DATABASE/1")
    with pytest.raises(ConfigError, match="data_key_name: the keystore or the HSM that has this key is not open here"):
        open_wrapper(settings, None, new=True)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"data_key_name": "DATABASE/1"}, "data_key_name is nothing without keystore or hsm_library"),
        (
            {"data_key": "/k", "data_key_name": "D/1", "keystore": "/k.json"},
            "data_key and data_key_name: one key",
        ),
    ],
)
def test_settings_that_contradict_are_refused(settings, fault) -> None:
    with pytest.raises(ConfigError, match=fault):
        config(**settings)
