"""Files that are rewritten whole or not at all, one writer at a time (原子写入); and how secrets are read.

They keep their owner: root, who may be at the keyboard, takes no file away from the user that the service runs as.
"""

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from services.custody.keystore.access import reached_by_others
from services.custody.keystore.errors import KeystoreBusyError, KeystoreFileError

MOST: Final = 16 * 1024 * 1024
"""Bytes of the largest file that is read."""
LARGEST_SECRET: Final = 64 * 1024
"""Bytes that are read from a descriptor at most."""
_MODE: Final = 0o600
_POLL: Final = 0.02
"""Seconds between two tries for a lock."""


def read(path: Path) -> bytes:
    """The file's content; raises KeystoreFileError, also for what is no file, such as a pipe that never ends."""
    return read_with_access(path)[0]


def read_secret(path: Path, *, development_mode: bool = False) -> bytes:
    """As :func:`read`, of a file that opens something; in production KeystoreFileError if others can get at it."""
    content, others = read_with_access(path)
    if others and not development_mode:
        raise KeystoreFileError(f"{path} is open to other users than the service's: chmod 0400, and make a new secret")
    return content


def read_with_access(path: Path) -> tuple[bytes, bool]:
    """As :func:`read`, and whether other users can read or write the file."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            _require_regular(file.fileno(), path)
            content, others = file.read(MOST + 1), reached_by_others(file.fileno())
    except OSError as error:
        raise KeystoreFileError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > MOST:
        raise KeystoreFileError(f"{path} is too large to be what it should be")
    return content, others


def _without_waiting(path: str, flags: int) -> int:
    """For :func:`open`: a pipe that nobody writes to is opened, to be refused."""
    return os.open(path, flags | os.O_NONBLOCK)


def _require_regular(handle: int, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        raise KeystoreFileError(f"{path} is not a regular file")


def read_descriptor(number: int) -> bytes:
    """Everything that a file descriptor gives until its end: a secret; raises KeystoreFileError.

    Afterwards it gives nothing any more, here or to a child: the null device has its number, so nothing else gets it.
    """
    content = b""
    try:
        try:
            while len(content) <= LARGEST_SECRET and (more := os.read(number, LARGEST_SECRET)):
                content += more
        finally:
            _nullify(number)
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else "there is no such number"
        raise KeystoreFileError(f"file descriptor {number} cannot be read: {why}") from None
    if len(content) > LARGEST_SECRET:
        raise KeystoreFileError(f"file descriptor {number} gives too much to be a secret")
    return content


def _nullify(number: int) -> None:
    os.fstat(number)  # what is not open stays so
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.dup2(null, number, inheritable=number <= 2)  # children have standard streams, whatever these are
    finally:
        os.close(null)


def write(path: Path, content: bytes, *, new: bool = False) -> None:
    """Put ``content`` in the place of the file's, for its owner only; the caller holds :func:`exclusive`.

    Killed at any point, or the power cut, the file is the old one or the new one: the new one is written beside it and
    made durable, then takes its name, then that is made durable. What a killed writer left beside it is taken away.
    ``new``: there must not be one yet, whoever made it. Raises KeystoreFileError; then, too, the file is the old or the
    new one.
    """
    path = Path(os.path.realpath(path))
    beside = path.with_name(path.name + ".new")
    try:
        owner = _owner(path)
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
        try:
            os.fchmod(handle, _MODE)
            _give(handle, path, owner)
            _write_all(handle, content)
        finally:
            os.close(handle)
        if new:
            os.link(beside, path)  # which, other than a rename, takes nobody's place
            beside.unlink()
        else:
            beside.replace(path)
        _sync_directory(path.parent)
    except FileExistsError:
        raise KeystoreFileError(f"{path} is there already, and is left as it is") from None
    except OSError as error:
        raise KeystoreFileError(f"{path} cannot be written: {error.strerror}") from None


@contextmanager
def reserved(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Make a new file that is to be written at the end: whether it can be is known before anything is done.

    What is yielded writes it, durably. Unless it did, the file is taken away again. Raises KeystoreFileError, also
    where a file is there already.
    """
    try:
        owner = _owner(path)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
    except FileExistsError:
        raise KeystoreFileError(f"{path} is there already, and is left as it is") from None
    except OSError as error:
        raise KeystoreFileError(f"{path} cannot be made: {error.strerror}") from None
    done = False

    def fill(content: bytes) -> None:
        nonlocal done
        try:
            _write_all(handle, content)
            _sync_directory(path.parent)
        except OSError as error:
            raise KeystoreFileError(f"{path} cannot be written: {error.strerror}") from None
        done = True

    try:
        _give(handle, path, owner)
        yield fill
    finally:
        os.close(handle)
        if not done:
            path.unlink(missing_ok=True)


@contextmanager
def exclusive(path: Path, *, wait: float = 0.0) -> Iterator[None]:
    """Be the only one who changes the file; KeystoreBusyError when somebody else still is after ``wait`` seconds.

    The lock is on a file beside it, since the file itself is replaced; the system lets go of it when a process dies.
    """
    path = Path(os.path.realpath(path))
    beside = path.with_name(path.name + ".lock")
    try:
        handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, _MODE)
    except OSError as error:
        raise KeystoreFileError(f"{beside} cannot be made or opened: {error.strerror}") from None
    try:
        _require_regular(handle, beside)
        if os.fstat(handle).st_nlink > 1:
            raise KeystoreFileError(f"{beside} has another name, too: find out who laid it there, and take it away")
        _give(handle, beside, _owner(path))
        _lock(handle, path, time.monotonic() + wait)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)  # a child that was forked meanwhile has the handle, too
    finally:
        os.close(handle)


def _lock(handle: int, path: Path, until: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise KeystoreBusyError(f"somebody else is changing {path}") from None
            time.sleep(_POLL)
        except OSError as error:
            raise KeystoreFileError(f"{path} cannot be locked: {error.strerror}") from None
        else:
            return


def _owner(path: Path) -> os.stat_result | None:
    """Of the file; of a new one that root makes, the directory's; None: whoever makes it."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat()
    return None if os.geteuid() else path.parent.stat()


def _give(handle: int, path: Path, owner: os.stat_result | None) -> None:
    """Make a file the owner's; raises KeystoreFileError where only they, or root, could."""
    made = os.fstat(handle)
    # The group can do nothing with it, so it is not worth a failure.
    if owner is None or (made.st_uid == owner.st_uid and os.geteuid()):
        return
    try:
        os.fchown(handle, owner.st_uid, owner.st_gid)
    except OSError as error:
        raise KeystoreFileError(
            f"{path} would not be its owner's any more ({error.strerror}): work as the user whose file it is, such as "
            "`sudo -u sscard sscard keys …`"
        ) from None


def _write_all(handle: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(handle, left) :]
    os.fsync(handle)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
