"""The keystore itself (密钥库): made, opened, changed; see :mod:`services.custody.keystore` for its file."""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from apdu.secret import Secret
from cardlib.keys import VERSIONS, KeyReference
from services.custody.keystore import files
from services.custody.keystore.errors import (
    DevelopmentKeystoreError,
    KeyRefusedError,
    KeystoreDamagedError,
    KeystoreFileError,
    KeystoreLockedError,
)
from services.custody.keystore.records import KeyPlan, KeyRecord, same_value
from services.custody.keystore.sealing import (
    KEY,
    Costs,
    Opener,
    SealBrokenError,
    canonical,
    derive,
    new_lock,
    require_strong,
    seal,
    unseal,
)

FORMAT: Final = "sscard keystore"
FORMAT_VERSION: Final = 1
PRODUCTION, DEVELOPMENT = "production", "development"
HOLDERS: Final = 2
"""People who open a keystore of production together, where it opens with passphrases."""

_log = logging.getLogger(__name__)  # not structlog's: unless set up, that writes among a command's output
_LABEL: Final = "sscard keystore 1"
_HEAD: Final = ("format", "format_version", "id", "mode", "created", "lock")
"""What is bound to the data key: it changes with the lock only, and then the data key does, too."""


class Keystore:
    """An opened keystore: its records, and their values as Secrets. Make one with :func:`open_keystore`.

    Nothing changes it but :func:`changing`. May be read from several threads.
    """

    def __init__(self, path: Path, head: Mapping[str, Any], data_key: Secret) -> None:
        self.path = path
        self.digest = ""
        """SHA-256 of the file as it was last read or written, hex."""
        self.generation = 0
        """How often the file has been written."""
        self._head = dict(head)
        self._data_key = data_key
        self._keys: dict[KeyRecord, Secret] = {}
        self._changed = False

    @property
    def identifier(self) -> str:
        """The file's own random identifier, 32 hex digits; a copy has the same."""
        return str(self._head["id"])

    @property
    def development(self) -> bool:
        """Whether it was made for development."""
        return bool(self._head["mode"] == DEVELOPMENT)

    @property
    def records(self) -> tuple[KeyRecord, ...]:
        """What it holds, in the order in which it came."""
        return tuple(self._keys)

    def value(self, record: KeyRecord) -> Secret:
        """The value of a key that is one of :attr:`records`."""
        return self._keys[record]

    def wrapping_key(self, reference: KeyReference) -> KeyRecord:
        """The active key of this name that wraps others; raises KeyRefusedError."""
        for record in self._keys:
            if record.reference == reference and record.wraps and record.active:
                return record
        raise KeyRefusedError(
            f"there is no active key {reference.name} version {reference.version} that wraps others here"
        )

    def add(self, plan: KeyPlan, value: Secret, *, clock: datetime | None = None) -> KeyRecord:
        """Put a key in; raises KeyRefusedError, and then nothing is changed.

        Refused: weak values, a value that is here already (a key serves one function [S2.4 §7.1]), and a key in the
        place of another one: cards in circulation hold the old value, so a version is given once.
        """
        self.require_room(plan)
        record = plan.record(value, development_mode=self.development, clock=clock)
        for other, held in self._keys.items():
            same = same_value(record.algorithm, value, other.algorithm, held)
            if same and not (record.name == other.name and record.steps == other.steps == 0):
                raise KeyRefusedError(f"this value is here already, as {other}; a key serves one function only")
        self._keys[record] = value
        self._changed = True
        return record

    def require_room(self, plan: KeyPlan) -> None:
        """Raise KeyRefusedError unless :meth:`add` could put in some value as this key."""
        plan.require(development_mode=self.development)
        for other in self._keys:
            if other.competes_with(plan):
                raise KeyRefusedError(f"{other} is here already; a version of a key is given once")

    def next_version(self, record: KeyRecord) -> int:
        """The version that follows the last one of this key; KeyRefusedError when all have been given [S2.9 annex B].

        Keys of the chip and those that wrap others have no end of versions.
        """
        following = max(other.version for other in self._keys if other.same_key(record)) + 1
        if record.steps and following not in VERSIONS:
            raise KeyRefusedError(
                f"all versions of {record.name} have been given ({', '.join(map(str, VERSIONS))}): a card has room for "
                "no more, and a number is not used again, since cards in circulation hold its value"
            )
        return following

    def retire(self, record: KeyRecord) -> KeyRecord:
        """Use a key no longer; KeyRefusedError when it is retired already, or cards would be left without one."""
        if not record.active:
            raise KeyRefusedError(f"{record} is retired already")
        if record.steps and not any(other.active and other.same_key(record) for other in self._keys if other != record):
            raise KeyRefusedError(f"{record} is the only active version; put the next one in first")
        retired = record.retired()
        self._keys = {retired if at == record else at: value for at, value in self._keys.items()}
        self._changed = True
        return retired

    def relock(self, opener: Opener, *, costs: Costs | None = None) -> None:
        """Have it opened by this from now on, with a new data key; its keys stay as they are, the retired ones, too.

        Raises KeyRefusedError for weak passphrases or keys, as :func:`create_keystore`.
        """
        require_strong(opener, holders=1 if self.development else HOLDERS)
        self._head, self._data_key = _locked(self._head, opener, costs)
        self._changed = True

    @property
    def changed(self) -> bool:
        """Whether something is here that is not in the file yet."""
        return self._changed

    def to_bytes(self) -> bytes:
        """The file, one generation later."""
        document: dict[str, Any] = {**self._head, "generation": self.generation + 1}
        document["keys"] = [
            {**record.public(), **seal(self._data_key, value, self._bound(record))}
            for record, value in self._keys.items()
        ]
        document["whole"] = seal(self._data_key, Secret(b""), canonical(document))
        return (json.dumps(document, indent=1) + "\n").encode("ascii")

    def written(self, content: bytes) -> None:
        """Note that ``content`` is in the file now."""
        self.generation += 1
        self.digest = hashlib.sha256(content).hexdigest()
        self._changed = False

    def _bound(self, record: KeyRecord) -> bytes:
        return canonical({"of": self.identifier, **record.public()})

    @classmethod
    def parse(cls, path: Path, content: bytes, opener: Opener) -> Self:
        """Open the file's content; raises KeystoreLockedError and KeystoreDamagedError."""
        document = document_of(path, content)
        try:
            head = {name: document[name] for name in _HEAD}
            key = derive(opener, head["lock"], bytes.fromhex(head["id"]), _LABEL)
            keystore = cls(path, head, unseal(key, document["data_key"], canonical(head)))
            keystore._head["data_key"] = document["data_key"]
        except SealBrokenError as error:
            raise KeystoreLockedError(f"{path} stays closed: {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise KeystoreDamagedError(f"{path} is damaged at its head") from None
        try:
            keystore._read(document)
        except (SealBrokenError, KeyError, TypeError, ValueError, AttributeError):
            raise KeystoreDamagedError(
                f"{path} is not as it was written: something in it was changed, added, removed or moved"
            ) from None
        keystore.digest = hashlib.sha256(content).hexdigest()
        return keystore

    def _read(self, document: dict[str, Any]) -> None:
        whole = document.pop("whole")
        unseal(self._data_key, whole, canonical(document))
        self.generation = document["generation"]
        for entry in document["keys"]:
            record = KeyRecord.of(entry)
            self._keys[record] = unseal(self._data_key, entry, self._bound(record))

    def __repr__(self) -> str:
        return f"<keystore {self.identifier[:8]} of {len(self._keys)} keys>"

    def __reduce__(self) -> str | tuple[object, ...]:
        msg = "a keystore cannot be serialised"
        raise TypeError(msg)


def document_of(path: Path, content: bytes) -> dict[str, Any]:
    """The JSON of a keystore, unopened; raises KeystoreDamagedError unless it says that it is one."""
    try:
        document = json.loads(content)
        kind, version = document["format"], document["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise KeystoreDamagedError(f"{path} is no keystore, or is damaged") from None
    if kind != FORMAT:
        raise KeystoreDamagedError(f"{path} is no keystore")
    if version != FORMAT_VERSION:
        raise KeystoreDamagedError(f"{path} has format {version!r}, and this software knows {FORMAT_VERSION}")
    assert isinstance(document, dict), "it has keys, and JSON has no other thing with keys"
    return document


def public_records(path: Path) -> tuple[KeyRecord, ...]:
    """What an unopened file says of itself, which nobody has verified; raises KeystoreError."""
    try:
        return tuple(KeyRecord.of(entry) for entry in document_of(path, files.read(path))["keys"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise KeystoreDamagedError(f"{path} is damaged") from None


def passphrases_of(path: Path) -> int:
    """How many passphrases open the file, 0: a key from a file descriptor does; raises KeystoreError."""
    try:
        lock = document_of(path, files.read(path))["lock"]
        return len(lock["salts"]) if lock["method"] == "passphrases" else 0
    except (KeyError, TypeError):
        raise KeystoreDamagedError(f"{path} is damaged at its head") from None


def create_keystore(
    path: Path,
    opener: Opener,
    *,
    development_mode: bool = False,
    costs: Costs | None = None,
    clock: datetime | None = None,
) -> Keystore:
    """Make a keystore without keys. ``costs``: of Argon2id, cheaper in tests.

    Raises KeystoreFileError where something is there already, KeyRefusedError for weak passphrases or keys.
    """
    require_strong(opener, holders=1 if development_mode else HOLDERS)
    head = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "id": os.urandom(16).hex(),
        "mode": DEVELOPMENT if development_mode else PRODUCTION,
        "created": (clock or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds"),
    }
    if os.path.lexists(path):  # before anything is made beside it
        raise KeystoreFileError(f"{path} is there already, and is left as it is")
    keystore = Keystore(path, *_locked(head, opener, costs))
    with files.exclusive(path):
        _write(keystore, new=True)
    return keystore


def _locked(head: Mapping[str, Any], opener: Opener, costs: Costs | None) -> tuple[dict[str, Any], Secret]:
    """A head with a new lock, and the new data key in it."""
    locked = {name: value for name, value in head.items() if name in _HEAD}
    locked["lock"] = new_lock(opener, costs or Costs())
    data_key = Secret(os.urandom(KEY))
    sealing_key = derive(opener, locked["lock"], bytes.fromhex(locked["id"]), _LABEL)
    return {**locked, "data_key": seal(sealing_key, data_key, canonical(locked))}, data_key


def open_keystore(path: Path, opener: Opener, *, development_mode: bool = False) -> Keystore:
    """Open a keystore to use it, while others may change it; raises KeystoreError."""
    content, others = files.read_with_access(path)
    keystore = Keystore.parse(path, content, opener)
    if others:
        _log.warning("%s is open to other users than the service's: chmod 0600, and find out who has a copy", path)
    if keystore.development and not development_mode:
        raise DevelopmentKeystoreError(f"{path} was made for development, and this is production")
    return keystore


@contextmanager
def changing(path: Path, opener: Opener, *, development_mode: bool = False) -> Iterator[Keystore]:
    """Open a keystore to change it, as the only one; what was changed is written at the end, unless it raised.

    Raises KeystoreError; KeystoreBusyError when somebody else is at it.
    """
    if not path.exists():  # before a lock is left beside nothing
        raise KeystoreFileError(f"{path} is not there; `sscard keys init` makes a keystore")
    with files.exclusive(path):
        keystore = open_keystore(path, opener, development_mode=development_mode)
        yield keystore
        if keystore.changed:
            _write(keystore)


def _write(keystore: Keystore, *, new: bool = False) -> None:
    content = keystore.to_bytes()
    files.write(keystore.path, content, new=new)
    keystore.written(content)
