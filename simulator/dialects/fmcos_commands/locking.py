"""Locked applications of the manual's world: for a time, or for good; and what locks them (应用锁定).

The mark stands in the directory's parameters, behind its descriptor, and is read from memory whenever it is asked for.
"""

from enum import IntEnum
from typing import Final

from simulator.files import Directory
from simulator.memory.layout import HEADER
from simulator.session import Session

FAILURES: Final = 3
"""Wrong MACs in a row that lock an application for good."""

_PARAMETERS: Final = HEADER - 16
_MARK: Final = _PARAMETERS + 9
_COUNT: Final = _PARAMETERS + 10


class Lock(IntEnum):
    """Whether a directory is locked."""

    OPEN = 0
    TEMPORARY = 1
    PERMANENT = 2


def lock_of(session: Session, directory: Directory) -> Lock:
    """Whether this directory is locked."""
    return Lock(session.store.eeprom.read(directory.at + _MARK, 1)[0])


def is_locked(session: Session) -> bool:
    """Whether the current directory, or one above it, is."""
    return any(lock_of(session, directory) is not Lock.OPEN for directory in session.selection.path)


def set_lock(session: Session, lock: Lock) -> None:
    """Lock or unlock the current directory."""
    session.store.write(session.directory.at + _MARK, bytes((lock,)), guarded=True)


def count_failure(session: Session) -> None:
    """A MAC is about to be compared: one failure more, for good, until :func:`forget_failures`."""
    session.store.write(session.directory.at + _COUNT, bytes((_failures(session) + 1,)), guarded=True)
    session.store.commit()


def forget_failures(session: Session) -> None:
    """It was right."""
    session.store.write(session.directory.at + _COUNT, b"\x00", guarded=True)


def exhausted(session: Session) -> bool:
    """Whether that failure was one too many; the directory is locked for good then."""
    if _failures(session) < FAILURES:
        return False
    set_lock(session, Lock.PERMANENT)
    session.store.commit()
    return True


def _failures(session: Session) -> int:
    return session.store.eeprom.read(session.directory.at + _COUNT, 1)[0]
