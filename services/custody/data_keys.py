"""Keys of personal values in a database (数据密钥), and what wraps them (密钥加密密钥).

Values are sealed under a data key: random, kept in the database, but only wrapped by a key that is not there. So a copy
of the database shows nothing about anybody without that other key, and a data key is exchanged without a visit to an
HSM for every value. Who loses the key that wraps, loses every personal value in the database for good: no part of this
software can bring them back. It is backed up apart from the database.

Sealing and :class:`AesWrapper` are AES-256-GCM [NIST SP 800-38D]: a random nonce of 12 bytes, the ciphertext, a tag of
16 bytes; what the value belongs to is authenticated with it (associated data).
"""

import os
from abc import ABC, abstractmethod
from typing import Final, Protocol, runtime_checkable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from apdu.secret import Secret

KEY: Final = 32
"""Bytes of a data key, and of the key of an :class:`AesWrapper`."""
NONCE: Final = 12
TAG: Final = 16


class WrapperError(Exception):
    """What wraps data keys cannot be used now; the message says why and what to do, in a sentence."""


class NotWrappedHereError(WrapperError):
    """A data key does not unwrap: it was wrapped by another key, for another database, or altered."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"the key {key_id} does not unwrap the database's data keys: configure the one that the database was made "
            "with, or restore both from the same backup"
        )


class NotSealedHereError(Exception):
    """A sealed value does not open: the wrong key, another place, or altered. Callers say which value it is."""


class DataKey:
    """Seals values. May be used from several threads. Raises ValueError unless the key has 32 bytes."""

    def __init__(self, key: Secret) -> None:
        if len(key) != KEY:
            raise ValueError(f"a data key has {KEY} bytes")
        self._cipher = AESGCM(key.reveal())

    def seal(self, value: Secret, bound: bytes) -> bytes:
        """Nonce, ciphertext and tag; ``bound`` is needed to open it."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, value.reveal(), bound)

    def open(self, sealed: bytes, bound: bytes) -> Secret:
        """Undo :meth:`seal`; raises :class:`NotSealedHereError` if anything differs."""
        if len(sealed) < NONCE + TAG:
            raise NotSealedHereError("a sealed value is cut short")
        try:
            return Secret(self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], bound))
        except InvalidTag:
            raise NotSealedHereError("a sealed value does not open") from None

    def __repr__(self) -> str:
        return "<DataKey>"


class KeyWrapper(ABC):
    """The key that wraps data keys, wherever it is. May be used from several threads."""

    @property
    @abstractmethod
    def key_id(self) -> str:
        """Which key it is, up to 255 characters, for people and for the database; nothing follows from it."""

    @abstractmethod
    def wrap(self, key: Secret, bound: bytes) -> bytes:
        """A key of 32 bytes, wrapped; ``bound``, which says what it is for, is needed to unwrap it.

        Raises :class:`WrapperError`.
        """

    @abstractmethod
    def unwrap(self, wrapped: bytes, bound: bytes) -> Secret:
        """Undo :meth:`wrap`; raises :class:`NotWrappedHereError`, or :class:`WrapperError` where it cannot be tried."""


@runtime_checkable
class HasWrappers(Protocol):
    """A custodian that has keys which wrap others (密钥加密密钥)."""

    def data_key_wrapper(self, name: str) -> KeyWrapper:
        """The key of this name; raises :class:`WrapperError`."""
        ...


class AesWrapper(KeyWrapper):
    """Wraps with a key of 32 bytes that is in this process. ``name``: where it comes from, for people."""

    def __init__(self, key: Secret, name: str) -> None:
        if len(key) != KEY:
            raise WrapperError(f"{name} has {len(key)} bytes, and a key that wraps data keys has {KEY}")
        self._key = DataKey(_derived(key, b"wrapping data keys"))
        self._key_id = f"{name} {_derived(key, b'key id').reveal().hex()[:16]}"

    @property
    def key_id(self) -> str:
        """The name, and 16 hexadecimal digits that tell keys apart."""
        return self._key_id

    def wrap(self, key: Secret, bound: bytes) -> bytes:
        """See the port."""
        return self._key.seal(key, bound)

    def unwrap(self, wrapped: bytes, bound: bytes) -> Secret:
        """See the port."""
        try:
            return self._key.open(wrapped, bound)
        except NotSealedHereError:
            raise NotWrappedHereError(self._key_id) from None


def _derived(key: Secret, use: bytes) -> Secret:
    """HKDF-SHA-256: a key for each use, so that a key of a keystore may serve here beside what it is there for."""
    return Secret(HKDF(SHA256(), KEY, b"sscard database", use).derive(key.reveal()))
