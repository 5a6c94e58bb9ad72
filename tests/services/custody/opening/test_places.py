"""Which custodian a service uses: every place where keys may be."""

from dataclasses import replace

import pytest

from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.custody import NoKeys
from cardlib.errors import AlgorithmUnsupportedError, KeyUnavailableError
from cardlib.key_requests import Cryptogram, KeyRequest
from services.config import ConfigError
from services.custody.centre import CentreCustodian
from services.custody.development import DevelopmentCustodian
from services.custody.keystore import (
    KeystoreCustodian,
    Passphrases,
)
from services.custody.opening import open_custodian
from services.custody.pkcs11 import Pkcs11Custodian
from tests.services.custody import openssl
from tests.services.custody.opening.conftest import IRK, PHRASES, PUK, asked, config, filled, right
from tests.services.custody.tasks import FACTOR, ORIGINAL, ROOTS, card, purchase
from tests.services.key_centre import centre

NUMBER = bytes.fromhex("990000000042")
"""Terminal number of the counter."""


def test_keys_are_the_published_ones_in_development_and_none_in_production() -> None:
    assert isinstance(open_custodian(config(mode="development")), DevelopmentCustodian)
    assert isinstance(open_custodian(config()), NoKeys)
    assert isinstance(open_custodian(config(mode="development", serve_keys=True)), DevelopmentCustodian)


def test_without_keys_none_are_served() -> None:
    with pytest.raises(ConfigError, match="serve_keys: there are no keys to serve; set keystore, hsm_library or psam"):
        open_custodian(config(serve_keys=True))


def test_a_keystore_opens_with_a_key_in_a_file(keystore, key, counter) -> None:
    custodian = open_custodian(config(keystore=keystore, keystore_key=key, serve_keys=True))
    assert isinstance(custodian, KeystoreCustodian)
    assert asked(custodian) == right()
    with pytest.raises(KeyUnavailableError, match="no terminal number"):
        custodian.perform(KeyRequest(card(), (purchase(),)))
    custodian.close()


def test_a_keystore_opens_with_passphrases_from_descriptors_in_the_order_of_the_holders(locked, descriptors) -> None:
    fds = descriptors(PHRASES[0] + "\n", PHRASES[1])
    assert asked(open_custodian(config(keystore=locked, keystore_passphrase_fds=fds))) == right()
    swapped = descriptors(*reversed(PHRASES))
    with pytest.raises(ConfigError, match=r"keystore: .*locked\.json stays closed.*Every holder enters"):
        open_custodian(config(keystore=locked, keystore_passphrase_fds=swapped))


def test_descriptors_are_separated_by_commas_in_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("SSCARD_KEYSTORE", "/k.json")
    monkeypatch.setenv("SSCARD_KEYSTORE_PASSPHRASE_FDS", "3, 4")
    assert config().keystore_passphrase_fds == (3, 4)


def test_purchases_have_the_terminal_number_of_the_counter(keystore, key, counter) -> None:
    custodian = open_custodian(config(keystore=keystore, keystore_key=key, terminal_counter=counter))
    (answer,) = custodian.perform(KeyRequest(card(), (replace(purchase(), terminal=NUMBER),)))
    assert (answer[:6].hex(), int.from_bytes(answer[6:10], "big")) == ("990000000042", 7)


def test_a_keystore_of_development_is_for_development_only(tmp_path, descriptors) -> None:
    made = filled(tmp_path / "d.json", Passphrases((Secret(b"short"),)), development=True)
    settings = {"keystore": made, "mode": "development"}
    custodian = open_custodian(config(**settings, keystore_passphrase_fds=descriptors("short")))
    assert isinstance(custodian, KeystoreCustodian)
    with pytest.raises(ConfigError, match=r"keystore: .* made for development, and this is production.*makes a keysto"):
        open_custodian(config(keystore=made, keystore_passphrase_fds=descriptors("short")))


def test_an_hsm_has_the_keys(hsm, counter) -> None:
    custodian = open_custodian(config(**hsm, terminal_counter=counter))
    assert isinstance(custodian, Pkcs11Custodian)
    assert asked(custodian) == right()
    (answer,) = custodian.perform(KeyRequest(card(), (replace(purchase(), terminal=NUMBER),)))
    assert answer[:6].hex() == "990000000042"
    custodian.close()


def test_the_table_says_where_keys_are_on_the_hsm(hsm, tmp_path) -> None:
    table = tmp_path / "hsm.toml"
    table.write_text('[[keys]]\nname = "IRK"\nlabel = "PUK/1"\n')
    custodian = open_custodian(config(**hsm, hsm_keys=table))
    exchanged = openssl.Card(card(), {**ROOTS, IRK: ROOTS[PUK]})
    assert asked(custodian) == exchanged.answer(Cryptogram(IRK, FACTOR, ORIGINAL)) != right()
    custodian.close()


def test_a_pin_is_not_tried_at_the_start(hsm, softhsm, tmp_path) -> None:
    """A service that is started again and again would lock the token."""
    (tmp_path / "wrong").write_text("000000")
    custodian = open_custodian(config(**hsm | {"hsm_pin_file": tmp_path / "wrong"}))
    with pytest.raises(KeyUnavailableError, match="refused the PIN"):
        asked(custodian)


def test_a_centre_is_asked(keystore, key) -> None:
    held = open_custodian(config(keystore=keystore, keystore_key=key))
    with centre(held) as running:
        custodian = open_custodian(config(centre=running.address))
        assert isinstance(custodian, CentreCustodian)
        assert asked(custodian) == right()
        custodian.close()


def test_sm4_cards_are_served_by_an_hsm_whose_numbers_are_known(hsm, tmp_path) -> None:
    whose = card(Algorithm.SM4)
    with pytest.raises(AlgorithmUnsupportedError):
        asked(open_custodian(config(**hsm)), whose)
    table = tmp_path / "hsm.toml"
    table.write_text('[sm4]\nkey_type = "80000011"\nencrypt = "80000101"\nderive = "80000102"\n')
    with pytest.raises(KeyUnavailableError, match="has no secret key of type 80000011"):
        asked(open_custodian(config(**hsm, hsm_keys=table)), whose)
