"""How a keystore's contents are sealed: what opens it, the key that follows from that, and AES-256-GCM.

Key derivation, so that somebody else could open a file with its passphrases:

- A passphrase is Unicode in form NFC, in UTF-8. Argon2id [RFC 9106] of it, with the salt of its place, gives 32 bytes;
  what several holders' passphrases give is put one after the other, in their order.
- A key of 32 bytes from a file descriptor is taken as it is.
- HKDF-SHA-256 of that, with the file's identifier as salt and a label as info, is the key that seals.

So neither of two holders has half a key: each lacks all of it, and nothing in the file tells whether one passphrase
alone is right.
"""

import json
import os
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Final, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from apdu.secret import Secret
from services.custody.keystore.errors import KeyRefusedError, KeystoreError

KEY: Final = 32
"""Bytes of a sealing key, and of the key that a file descriptor gives."""
SALT: Final = 16
NONCE: Final = 12
SHORTEST: Final = 12
"""Characters of the shortest passphrase that is taken in production."""
_MOST: Final = {"iterations": 10, "lanes": 64, "memory_kib": 1024 * 1024}
"""What a file may ask of Argon2id: some times the default, and no more than a small machine has."""


class SealBrokenError(Exception):
    """What was sealed does not open: the wrong key, or altered; callers say which file it is about."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What Argon2id costs: passes, lanes and memory in KiB. The default takes half a second and 256 MiB."""

    iterations: int = 3
    lanes: int = 4
    memory_kib: int = 256 * 1024

    def require_sane(self) -> None:
        """Raise ValueError for what no keystore was made with: a file may not ask for all memory there is."""
        for name, value in asdict(self).items():
            if type(value) is not int or not 1 <= value <= _MOST[name]:
                raise ValueError("costs of Argon2id out of bounds")
        if self.memory_kib < 8 * self.lanes:
            raise ValueError("too little memory for so many lanes")


@dataclass(frozen=True, slots=True)
class Passphrases:
    """One passphrase of each holder, in the order in which the keystore was made."""

    values: tuple[Secret, ...]


@dataclass(frozen=True, slots=True)
class CredentialKey:
    """A key of 32 bytes that the system keeps and hands over, such as a systemd credential."""

    value: Secret


Opener: TypeAlias = Passphrases | CredentialKey
"""What opens a keystore."""


def passphrase(typed: bytes | str) -> Secret:
    """A passphrase as it is typed, or read from a file with a line end; KeyRefusedError if it is empty or no UTF-8."""
    try:
        text = typed.decode() if isinstance(typed, bytes) else typed
        value = unicodedata.normalize("NFC", text.removesuffix("\n").removesuffix("\r")).encode()
    except UnicodeError:
        raise KeyRefusedError("a passphrase is text in UTF-8") from None
    if not value:
        raise KeyRefusedError("a passphrase is empty")
    return Secret(value)


def require_strong(opener: Opener, *, holders: int) -> None:
    """Raise KeyRefusedError unless a keystore may be made with this; ``holders``: how many at least."""
    if isinstance(opener, CredentialKey):
        if len(opener.value) != KEY or len(set(opener.value.reveal())) < KEY // 4:
            raise KeyRefusedError(f"the key that opens a keystore is {KEY} random bytes, as from /dev/urandom")
        return
    if len(opener.values) < holders:
        raise KeyRefusedError(f"in production it takes {holders} passphrases, of {holders} people")
    if len(set(opener.values)) < len(opener.values):
        raise KeyRefusedError("two holders have the same passphrase, so one of them alone could open it")
    if holders > 1 and any(_nearly_alike(one, other) for one, other in combinations(opener.values, 2)):
        raise KeyRefusedError("two passphrases differ by one character at most: each holder thinks of their own, alone")
    if holders > 1 and any(len(value.reveal().decode()) < SHORTEST for value in opener.values):
        raise KeyRefusedError(f"a passphrase has at least {SHORTEST} characters in production")


def _nearly_alike(one: Secret, other: Secret) -> bool:
    """Whether one passphrase becomes the other by putting in, leaving out or changing one character, or by capitals."""
    shorter, longer = sorted((value.reveal().decode().casefold() for value in (one, other)), key=len)
    if len(longer) > len(shorter) + 1:
        return False
    at = next((at for at, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter))
    return longer[at + 1 :] in {shorter[at:], shorter[at + 1 :]}


def new_lock(opener: Opener, costs: Costs) -> dict[str, Any]:
    """What a file says of how it is opened: method, salts and costs."""
    if isinstance(opener, CredentialKey):
        return {"method": "key"}
    salts = [b64(os.urandom(SALT)) for _ in opener.values]
    return {"method": "passphrases", "argon2id": asdict(costs), "salts": salts}


def derive(opener: Opener, lock: Mapping[str, Any], salt: bytes, label: str) -> Secret:
    """The key that seals a file whose ``lock`` is this; ``salt``: the file's identifier.

    Raises SealBrokenError when the file opens otherwise, KeyError, TypeError or ValueError for a malformed lock, and
    KeystoreError where the machine has not got the memory.
    """
    if lock["method"] == "key":
        if not isinstance(opener, CredentialKey):
            raise SealBrokenError("it opens with a key from a file descriptor, not with passphrases")
        material = opener.value.reveal()
    elif lock["method"] == "passphrases":
        costs, salts = Costs(**lock["argon2id"]), [unb64(text) for text in lock["salts"]]
        costs.require_sane()
        if not isinstance(opener, Passphrases) or len(opener.values) != len(salts):
            raise SealBrokenError(f"it opens with passphrases, {len(salts)} of them")
        pairs = zip(opener.values, salts, strict=True)
        material = b"".join(_stretched(value, salt, costs) for value, salt in pairs)
    else:
        raise ValueError("unknown way of opening")
    return expand(Secret(material), salt, label)


def _stretched(value: Secret, salt: bytes, costs: Costs) -> bytes:
    kdf = Argon2id(salt=salt, length=KEY, iterations=costs.iterations, lanes=costs.lanes, memory_cost=costs.memory_kib)
    try:
        return kdf.derive(value.reveal())
    except MemoryError:
        raise KeystoreError(
            f"opening it takes {costs.memory_kib // 1024} MiB of memory for a moment, and there is not so much; have "
            "the service and its limits leave room for that"
        ) from None


def expand(material: Secret, salt: bytes, label: str) -> Secret:
    """HKDF-SHA-256, 32 bytes."""
    return Secret(HKDF(SHA256(), KEY, salt, label.encode("ascii")).derive(material.reveal()))


def seal(key: Secret, value: Secret, bound: bytes) -> dict[str, str]:
    """AES-256-GCM with a random nonce; ``bound`` is authenticated with it (associated data)."""
    nonce = os.urandom(NONCE)
    return {"nonce": b64(nonce), "sealed": b64(AESGCM(key.reveal()).encrypt(nonce, value.reveal(), bound))}


def unseal(key: Secret, box: Mapping[str, Any], bound: bytes) -> Secret:
    """Undo :func:`seal`; SealBrokenError if anything differs, KeyError, TypeError or ValueError if it is malformed."""
    nonce, sealed = unb64(box["nonce"]), unb64(box["sealed"])
    if len(nonce) != NONCE:
        raise ValueError("nonce")
    try:
        return Secret(AESGCM(key.reveal()).decrypt(nonce, sealed, bound))
    except InvalidTag:
        raise SealBrokenError("what was given does not open it, or it was altered") from None


def canonical(value: Any) -> bytes:
    """JSON in one form only, to be authenticated: keys sorted, no white space, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def b64(value: bytes) -> str:
    """Base64, as in files."""
    return b64encode(value).decode("ascii")


def unb64(text: Any) -> bytes:
    """Undo :func:`b64`; TypeError or ValueError."""
    if not isinstance(text, str):
        raise TypeError("not base64")
    return b64decode(text, validate=True)
