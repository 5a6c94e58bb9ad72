"""Files that are rewritten whole or not at all, one writer at a time (原子写入)."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from services.custody.keystore.errors import KeystoreBusyError, KeystoreFileError

MOST: Final = 16 * 1024 * 1024
"""Bytes of the largest file that is read."""
LARGEST_SECRET: Final = 64 * 1024
"""Bytes that are read from a descriptor at most."""
_MODE: Final = 0o600


def read(path: Path) -> bytes:
    """The file's content; raises KeystoreFileError."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST + 1)
    except OSError as error:
        raise KeystoreFileError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > MOST:
        raise KeystoreFileError(f"{path} is too large to be what it should be")
    return content


def read_descriptor(number: int) -> bytes:
    """Everything that a file descriptor gives until its end: a secret; raises KeystoreFileError."""
    content = b""
    try:
        while len(content) <= LARGEST_SECRET and (more := os.read(number, LARGEST_SECRET)):
            content += more
    except OSError as error:
        raise KeystoreFileError(f"file descriptor {number} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_SECRET:
        raise KeystoreFileError(f"file descriptor {number} gives too much to be a secret")
    return content


def write(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of the file's, for its owner only; the caller holds :func:`exclusive`.

    Killed at any point, or the power cut, the file is the old one or the new one: the new one is written beside it and
    made durable, then takes its name, then that is made durable. What a killed writer left beside it is overwritten.
    Raises KeystoreFileError; then, too, the file is the old or the new one.
    """
    path = Path(os.path.realpath(path))
    beside = path.with_name(path.name + ".new")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
        try:
            os.fchmod(handle, _MODE)
            left = memoryview(content)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        beside.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        raise KeystoreFileError(f"{path} cannot be written: {error.strerror}") from None


@contextmanager
def exclusive(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Be the only one who changes the file; KeystoreBusyError when somebody else is, unless told to ``wait``.

    The lock is on a file beside it, since the file itself is replaced; the system lets go of it when a process dies.
    """
    path = Path(os.path.realpath(path))
    beside = path.with_name(path.name + ".lock")
    try:
        handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
    except OSError as error:
        raise KeystoreFileError(f"{beside} cannot be made: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise KeystoreBusyError(f"somebody else is changing {path}") from None
        except OSError as error:
            raise KeystoreFileError(f"{beside} cannot be locked: {error.strerror}") from None
        yield
    finally:
        os.close(handle)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
