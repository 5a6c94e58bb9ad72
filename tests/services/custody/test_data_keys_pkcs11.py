"""What wraps data keys, on SoftHSM; results are compared with the cryptography library."""

import secrets

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pkcs11 import KeyType

from apdu.secret import Secret
from services.custody.data_keys import NotWrappedHereError, WrapperError
from services.custody.data_keys_pkcs11 import TokenWrapper
from services.custody.pkcs11_token import Token
from tests.services.custody.conftest import OTHER

VALUE = Secret(bytes(range(32)))
GOOD = {"ENCRYPT": True, "DECRYPT": True, "DERIVE": False}


@pytest.fixture
def token(softhsm):
    opened = Token(softhsm.connect(OTHER))
    yield opened
    opened.close()


@pytest.fixture
def stored(softhsm):
    """Puts an AES key on the token, with a label of its own; label and value."""

    def store(value: bytes | None = None, **attributes) -> tuple[str, bytes]:
        label, key = f"DATABASE/{secrets.token_hex(4)}", value or secrets.token_bytes(32)
        softhsm.store(OTHER, {label: key}, KeyType.AES, **GOOD | attributes)
        return label, key

    return store


def test_the_token_wraps_as_aes_gcm_says(token, stored) -> None:
    label, key = stored()
    wrapper = TokenWrapper(token, label)
    wrapped = wrapper.wrap(VALUE, b"data 1")
    assert AESGCM(key).decrypt(wrapped[:12], wrapped[12:], b"data 1") == VALUE.reveal()
    assert wrapper.unwrap(wrapped, b"data 1") == VALUE
    assert wrapper.wrap(VALUE, b"data 1") != wrapped
    nonce = bytes(12)
    assert wrapper.unwrap(nonce + AESGCM(key).encrypt(nonce, VALUE.reveal(), b"x"), b"x") == VALUE
    assert wrapper.key_id == f"hsm {label}"


def test_what_was_not_wrapped_so_does_not_unwrap_and_the_token_goes_on(token, stored) -> None:
    (label, _), (other, _) = stored(), stored()
    wrapper = TokenWrapper(token, label)
    wrapped = wrapper.wrap(VALUE, b"data 1")
    for whose, bytes_, bound in (
        (TokenWrapper(token, other), wrapped, b"data 1"),
        (wrapper, wrapped, b"data 2"),
        (wrapper, wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"data 1"),
        (wrapper, wrapped[:-1], b"data 1"),
        (wrapper, wrapped[:28], b"data 1"),
        (wrapper, b"short", b"data 1"),
    ):
        with pytest.raises(NotWrappedHereError, match="configure the one that the database was made with"):
            whose.unwrap(bytes_, bound)
    assert wrapper.unwrap(wrapped, b"data 1") == VALUE


@pytest.mark.parametrize(
    ("attributes", "remedy"),
    [
        ({"EXTRACTABLE": True}, "CKA_EXTRACTABLE false"),
        ({"SENSITIVE": False}, "CKA_SENSITIVE true"),
        ({"DECRYPT": False}, "CKA_ENCRYPT and CKA_DECRYPT true"),
        ({"ENCRYPT": False}, "CKA_ENCRYPT and CKA_DECRYPT true"),
    ],
)
def test_a_key_that_is_not_guarded_or_cannot_do_it_is_refused(token, stored, attributes, remedy) -> None:
    wrapper = TokenWrapper(token, stored(**attributes)[0])
    for call in (lambda: wrapper.wrap(VALUE, b"x"), lambda: wrapper.unwrap(bytes(60), b"x")):
        with pytest.raises(WrapperError, match=remedy):
            call()


def test_a_key_that_is_not_there_is_named(token) -> None:
    with pytest.raises(WrapperError, match="the HSM has no secret key of type AES with label 'MISSING'"):
        TokenWrapper(token, "MISSING").wrap(VALUE, b"x")


def test_a_lost_session_is_opened_again(token, stored) -> None:
    wrapper = TokenWrapper(token, stored()[0])
    wrapped = wrapper.wrap(VALUE, b"x")
    token._session.close()
    assert wrapper.unwrap(wrapped, b"x") == VALUE
