"""What wraps data keys, in a hardware security module (加密机): an AES key that never leaves its token.

On the token it is a CKK_AES of 32 bytes with CKA_SENSITIVE, CKA_ENCRYPT and CKA_DECRYPT true, CKA_EXTRACTABLE false.
Wrapping is CKM_AES_GCM with a random nonce that this process chooses; a token that insists on nonces of its own cannot
serve here. Needs the extra ``sscard[hsm]``.
"""

import os

from pkcs11 import KeyType

from apdu.secret import Secret
from services.custody.data_keys import NONCE, TAG, KeyWrapper, NotWrappedHereError, WrapperError
from services.custody.pkcs11_token import KeyObject, Token, TokenError


class TokenWrapper(KeyWrapper):
    """Wraps with the AES key of this label (CKA_LABEL) on a token, which others may be using too."""

    def __init__(self, token: Token, label: str) -> None:
        self._token = token
        self._stored = KeyObject(label, b"", KeyType.AES)
        self._key_id = f"hsm {label}"

    @property
    def key_id(self) -> str:
        """The label: the token tells no more of the key."""
        return self._key_id

    def wrap(self, key: Secret, bound: bytes) -> bytes:
        """See the port."""
        nonce = os.urandom(NONCE)
        try:
            return nonce + self._token.sealed(self._stored, nonce, key, bound)
        except TokenError as error:
            raise WrapperError(f"{self._key_id}: {error}") from None

    def unwrap(self, wrapped: bytes, bound: bytes) -> Secret:
        """See the port."""
        if len(wrapped) < NONCE + TAG:
            raise NotWrappedHereError(self._key_id)
        try:
            key = self._token.opened(self._stored, wrapped[:NONCE], wrapped[NONCE:], bound)
        except TokenError as error:
            raise WrapperError(f"{self._key_id}: {error}") from None
        if key is None:
            raise NotWrappedHereError(self._key_id)
        return key
