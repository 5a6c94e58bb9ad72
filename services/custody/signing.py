"""Keys that sign what the service says of itself (签名密钥): Ed25519, in files as OpenSSL reads and writes them."""

from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from cardlib.crypto.sm3 import sm3
from services.custody.keystore import files
from services.custody.keystore.errors import KeystoreError

SIGNATURE_SIZE: Final = 64
"""Bytes of a signature."""
_WAIT: Final = 5.0
"""Seconds that one process waits for another one that makes the key."""


class SigningKeyError(Exception):
    """A file is no key that can be used; the message says why, in a sentence."""


class PublicKey:
    """Verifies signatures of one key."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    @property
    def key_id(self) -> str:
        """Tells keys apart: 16 hexadecimal digits, the beginning of SM3 over the key."""
        return sm3(self._key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hex()[:16]

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether the signature is this key's, of these data."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def pem(self) -> str:
        """The key as a file that OpenSSL reads."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


class SigningKey:
    """Signs; its secret half is shown to nobody."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    def sign(self, data: bytes) -> bytes:
        """The signature of ``data``: :data:`SIGNATURE_SIZE` bytes, the same each time."""
        return self._key.sign(data)


def open_signing_key(path: Path, *, development_mode: bool = False) -> SigningKey:
    """The key in a file, which is made, readable by nobody else, where there is none.

    Several processes may do so at once. Raises :class:`SigningKeyError`, in production also where others can read it.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with files.exclusive(path, wait=_WAIT):
                if not path.exists():
                    made = Ed25519PrivateKey.generate()
                    files.write(path, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), new=True)
        content = files.read_secret(path, development_mode=development_mode)
    except KeystoreError as error:
        raise SigningKeyError(str(error)) from None
    except OSError as error:
        raise SigningKeyError(f"{path} cannot be made: {error.strerror}") from None
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SigningKeyError(f"{path} is no private key of Ed25519 without a passphrase") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError(f"{path} is a key of another kind than Ed25519")
    return SigningKey(key)


def read_public_key(path: Path) -> PublicKey:
    """The public key in a file; raises :class:`SigningKeyError`."""
    try:
        key = load_pem_public_key(files.read(path))
    except KeystoreError as error:
        raise SigningKeyError(str(error)) from None
    except (ValueError, UnsupportedAlgorithm):
        raise SigningKeyError(f"{path} is no public key of Ed25519") from None
    if not isinstance(key, Ed25519PublicKey):
        raise SigningKeyError(f"{path} is a key of another kind than Ed25519")
    return PublicKey(key)
