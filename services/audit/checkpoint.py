"""Signed checkpoints (检查点): at this moment the chain ended with this entry.

They are kept outside of the database, best where nobody comes who can write to it. A file of them has one on each line,
in JSON.
"""

import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cardlib.crypto.sm3 import SM3_SIZE
from services.audit.entry import Link
from services.custody.signing import SIGNATURE_SIZE, PublicKey, SigningKey

_KIND: Final = "sscard audit checkpoint 1"
LINE_END: Final = "\n"


class CheckpointError(Exception):
    """A checkpoint cannot be written, read or believed; the message says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """That the chain had this entry. ``hash``: 32 bytes; ``moment``: ISO 8601 in UTC; ``key``: id of who signed."""

    sequence: int
    hash: bytes
    moment: str
    station: str
    key: str
    signature: bytes = b""

    def signed(self) -> bytes:
        """What is signed: five lines after their heading, in UTF-8, each with its line feed."""
        told = (_KIND, self.sequence, self.hash.hex(), self.moment, self.station, self.key)
        return "".join(f"{line}\n" for line in told).encode()

    def line(self) -> str:
        """One line of a file, without its end."""
        told = {
            "sequence": self.sequence,
            "hash": self.hash.hex(),
            "moment": self.moment,
            "station": self.station,
            "key": self.key,
            "signature": self.signature.hex(),
        }
        return json.dumps(told, ensure_ascii=False)


def checkpoint_of(end: Link, key: SigningKey, *, station: str, now: datetime) -> Checkpoint:
    """Sign that the chain has this entry. ``now``: aware; ``station``: name of this machine."""
    moment = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    # A line for each: else a name could say what stands behind it.
    name = "".join(sign if sign.isprintable() else "?" for sign in station)
    bare = Checkpoint(end.sequence, end.hash, moment, name, key.public.key_id)
    signature = key.sign(bare.signed())
    return Checkpoint(bare.sequence, bare.hash, bare.moment, bare.station, bare.key, signature)


def add_to(path: Path, checkpoint: Checkpoint) -> None:
    """Put a checkpoint at the end of a file, on the disk; a new file is readable by nobody else.

    Several processes may do so at once, and one that was killed leaves a line that is not whole, after which the next
    one begins a line of its own. Raises :class:`CheckpointError`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            size = os.fstat(handle).st_size
            whole = not size or os.pread(handle, 1, size - 1) == b"\n"
            line = f"{'' if whole else LINE_END}{checkpoint.line()}{LINE_END}".encode()
            if os.write(handle, line) != len(line):
                raise CheckpointError(f"the checkpoint is not written to {path}: there is no room for all of it")
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise CheckpointError(f"the checkpoint is not written to {path}: {error.strerror}") from None


def read_checkpoints(path: Path, keys: Iterable[PublicKey]) -> list[Checkpoint]:
    """The checkpoints of a file, each with a signature of one of these keys; raises :class:`CheckpointError`.

    A line that ends before its time, as a process leaves it that is killed, is passed over.
    """
    known = {key.key_id: key for key in keys}
    try:
        lines = path.read_text(encoding="utf-8").split(LINE_END)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise CheckpointError(f"the checkpoints in {path} cannot be read: {why}") from None
    found = []
    for number, line in enumerate(lines, 1):
        if not line.endswith("}"):
            continue
        checkpoint = _parsed(line)
        if checkpoint is None:
            raise CheckpointError(f"{path}, line {number} is no checkpoint")
        if checkpoint.key not in known:
            raise CheckpointError(f"{path}, line {number} was signed with the key {checkpoint.key}: give that as well")
        if not known[checkpoint.key].verifies(checkpoint.signature, checkpoint.signed()):
            raise CheckpointError(f"{path}, line {number} has a signature that is not right: somebody has altered it")
        found.append(checkpoint)
    return found


def _parsed(line: str) -> Checkpoint | None:
    try:
        told: Any = json.loads(line)
        checkpoint = Checkpoint(
            sequence=told["sequence"],
            hash=bytes.fromhex(told["hash"]),
            moment=told["moment"],
            station=told["station"],
            key=told["key"],
            signature=bytes.fromhex(told["signature"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    texts: tuple[Any, ...] = (checkpoint.moment, checkpoint.station, checkpoint.key)
    whole = (
        type(checkpoint.sequence) is int
        and checkpoint.sequence > 0
        and len(checkpoint.hash) == SM3_SIZE
        and len(checkpoint.signature) == SIGNATURE_SIZE
        and all(isinstance(text, str) and text.isprintable() for text in texts)
    )
    return checkpoint if whole else None
