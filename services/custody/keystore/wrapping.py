"""Keys on their way from one keystore to another (密钥密文): a file of wrapped keys.

JSON: ``format`` "sscard wrapped keys", ``format_version`` 1; ``id``: 32 hex digits, random for each file; ``under``:
what opens it, ``{"key": name, "version": n, "check_value": "…"}`` or ``{"lock": …}`` as in a keystore; ``keys``: the
records of the keys, in clear and without values; ``nonce`` and ``sealed``: AES-256-GCM of the values, one after the
other in the order of ``keys``, each of ``size`` bytes. Its associated data is everything else in canonical JSON
(:func:`~services.custody.keystore.sealing.canonical`), so nothing can be renamed, moved, added or left out.

The sealing key is HKDF-SHA-256 of the wrapping key, or of what Argon2id makes of a passphrase: salt = ``id``, info =
"sscard wrapped keys 1". The wrapping key itself never encrypts: its check value would be three bytes of GCM's hash key.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from apdu.secret import Secret
from cardlib.keys import KEYS, KeyDeclaration, KeyReference
from services.custody.keystore.errors import KeyRefusedError, KeystoreError, WrappedKeysError
from services.custody.keystore.records import KeyPlan, KeyRecord, check_values
from services.custody.keystore.sealing import (
    Costs,
    Passphrases,
    SealBrokenError,
    canonical,
    derive,
    expand,
    new_lock,
    require_strong,
    seal,
    unseal,
)
from services.custody.keystore.store import HOLDERS, Keystore

FORMAT: Final = "sscard wrapped keys"
_LABEL: Final = "sscard wrapped keys 1"
_SAME: Final = ("version", "algorithm", "steps", "region")


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key that came in a file: its record there, and its value."""

    record: KeyRecord
    value: Secret

    def plan(self, keys: Mapping[str, KeyDeclaration]) -> KeyPlan:
        """The same key for this keystore; ``keys``: what is known of cards' keys by their names."""
        at = self.record
        return KeyPlan(at.name, at.version, at.algorithm, at.steps, at.region, keys)

    def differences(self, plan: KeyPlan) -> list[str]:
        """In what it is not the key that is planned; its value does for no other."""
        pairs = [(name, str(getattr(self.record, name)), str(getattr(plan, name))) for name in _SAME]
        return [f"{name} {has or 'all'}, not {wanted or 'all'}" for name, has, wanted in pairs if has != wanted]


def wrapped(
    keystore: Keystore, records: Sequence[KeyRecord], under: KeyRecord | Passphrases, *, costs: Costs | None = None
) -> bytes:
    """A file with these keys; ``under``: an active key of the keystore that wraps others, or a passphrase.

    In production passphrases are of two people here, too. Raises KeyRefusedError for a key that does not wrap others, a
    key under itself, weak passphrases.
    """
    if not records:
        raise KeyRefusedError("there is no key to export")
    identifier = os.urandom(16)
    if isinstance(under, KeyRecord):
        if not (under.wraps and under.active):
            raise KeyRefusedError(f"{under} is no active key that wraps others")
        if under in records:
            raise KeyRefusedError(f"{under} cannot be wrapped by itself")
        says: dict[str, Any] = {"key": under.name, "version": under.version, "check_value": under.check_values[0]}
        key = expand(keystore.value(under), identifier, _LABEL)
    else:
        require_strong(under, holders=1 if keystore.development else HOLDERS)
        says = {"lock": new_lock(under, costs or Costs())}
        key = derive(under, says["lock"], identifier, _LABEL)
    document: dict[str, Any] = {
        "format": FORMAT,
        "format_version": 1,
        "id": identifier.hex(),
        "under": says,
        "keys": [record.public() for record in records],
    }
    values = Secret(b"".join(keystore.value(record).reveal() for record in records))
    document.update(seal(key, values, canonical(document)))
    return (json.dumps(document, indent=1) + "\n").encode("ascii")


def wrapped_under(path: Path, content: bytes) -> KeyReference | int:
    """What opens the file: a key that wraps others, or so many passphrases; raises WrappedKeysError."""
    under = _document(path, content)["under"]
    try:
        if "lock" in under:
            return len(under["lock"]["salts"])
        return KeyReference(str(under["key"]), int(under["version"]))
    except (KeyError, TypeError, ValueError):
        raise WrappedKeysError(f"{path} does not say what opens it") from None


def unwrapped(path: Path, content: bytes, keystore: Keystore, opener: Passphrases | None = None) -> list[WrappedKey]:
    """The keys in a file; ``opener``: where passphrases open it, and not a key of ``keystore``.

    Raises WrappedKeysError, and KeyRefusedError when the wrapping key is not here.
    """
    document = _document(path, content)
    try:
        identifier, under = bytes.fromhex(document["id"]), document["under"]
        box = {name: document.pop(name) for name in ("nonce", "sealed")}
        records = [KeyRecord.of(entry) for entry in document["keys"]]
        if opener is not None:
            key = derive(opener, under["lock"], identifier, _LABEL)
        else:
            record = keystore.wrapping_key(KeyReference(under["key"], under["version"]))
            key = expand(keystore.value(record), identifier, _LABEL)
        values = unseal(key, box, canonical(document)).reveal()
        return list(_cut(records, values))
    except SealBrokenError as error:
        raise WrappedKeysError(f"{path} stays closed: {error}") from None
    except KeystoreError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError):
        raise WrappedKeysError(f"{path} is damaged") from None


def _cut(records: Sequence[KeyRecord], values: bytes) -> Iterator[WrappedKey]:
    if sum(record.size for record in records) != len(values):
        raise ValueError("sizes")
    at = 0
    for record in records:
        value = Secret(values[at : at + record.size])
        at += record.size
        if check_values(record.algorithm, value) != record.check_values:
            raise ValueError("check value")
        yield WrappedKey(record, value)


def _document(path: Path, content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
        known = document["format"] == FORMAT and document["format_version"] == 1
    except (ValueError, KeyError, TypeError, RecursionError):
        known, document = False, {}
    if not known:
        raise WrappedKeysError(f"{path} is no file of wrapped keys that this software knows")
    assert isinstance(document, dict), "it has keys, and JSON has no other thing with keys"
    return document


def take_in(
    keystore: Keystore,
    arrived: Sequence[WrappedKey],
    *,
    keys: Mapping[str, KeyDeclaration] = KEYS,
    clock: datetime | None = None,
) -> tuple[KeyRecord, ...]:
    """Put keys that came in a file into a keystore that is being changed; as :meth:`Keystore.add`, all or none.

    ``keys``: what is known of cards' keys by their names. Retired keys are refused.
    """
    if retired := [str(key.record) for key in arrived if not key.record.active]:
        raise KeyRefusedError(f"retired where it comes from: {', '.join(retired)}")
    return tuple(keystore.add(key.plan(keys), key.value, clock=clock) for key in arrived)


def the_one(arrived: Sequence[WrappedKey], plan: KeyPlan) -> WrappedKey:
    """Of the keys that came in a file the one that is planned; else KeyRefusedError says in what others differ."""
    named = [key for key in arrived if key.record.name == plan.name]
    for key in named:
        if not key.differences(plan):
            return key
    told = "; ".join(f"one has {', '.join(key.differences(plan))}" for key in named) or "it has no key of this name"
    raise KeyRefusedError(f"the file has not got version {plan.version} of {plan.name} as it is here: {told}")
