"""The terminal number of purchases, and its sequence numbers (终端机编号, 终端交易序号): each given out once, ever.

A small file of its own beside the keystore, since it changes with every few purchases and holds no secret. JSON:
``format`` "sscard terminal counter", ``format_version`` 1, ``terminal``: 12 digits, ``next``: the lowest number that
has not been reserved. Numbers are reserved in the file, durably, before the first of them is used; what a killed
process had reserved and not used is lost, which leaves a gap and repeats nothing.
"""

import json
import os
import threading
from pathlib import Path
from typing import Final, Self
from weakref import WeakSet

from services.custody.keystore import files
from services.custody.keystore.errors import TerminalCounterError

FORMAT: Final = "sscard terminal counter"
LAST: Final = 0xFFFFFFFF
"""The last sequence number: 4 bytes [S2.9 §9.9]."""
RESERVED: Final = 64
"""Numbers that are reserved at once: one write for as many purchases."""
WAIT: Final = 10.0
"""Seconds until another process that reserves numbers is done, which takes one write; then it hangs."""


class TerminalCounter:
    """Gives out terminal sequence numbers, from 1; several processes may share the file, and threads the counter."""

    def __init__(self, path: Path, number: bytes, *, reserved: int = RESERVED) -> None:
        self._path = path
        self._number = number
        self._at_once = reserved
        self._begin()
        _counters.add(self)

    def _begin(self) -> None:
        self._guard = threading.Lock()
        self._here = range(0)

    @classmethod
    def create(cls, path: Path, number: str, *, start: int = 1) -> Self:
        """Make the file; ``number``: terminal number, 12 digits; ``start``: above every number already used.

        Raises KeystoreFileError where there is one already, TerminalCounterError for values that cannot be.
        """
        if len(number) != 12 or not (number.isascii() and number.isdigit()):
            raise TerminalCounterError("a terminal number has 12 digits")
        if not 1 <= start <= LAST:
            raise TerminalCounterError(f"terminal sequence numbers are from 1 to {LAST}")
        with files.exclusive(path, wait=WAIT):
            files.write(path, _content(number, start), new=True)
        return cls(path, bytes.fromhex(number))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Use the file, which is never begun anew by itself; raises KeystoreFileError and TerminalCounterError."""
        number, _ = _parse(path)
        return cls(path, bytes.fromhex(number))

    @property
    def number(self) -> bytes:
        """The terminal number (终端机编号), 6 bytes."""
        return self._number

    def next(self) -> int:
        """A number that was never given out before; raises KeystoreFileError, KeystoreBusyError, TerminalCounterError.

        A process that was forked begins with numbers of its own.
        """
        with self._guard:
            if not self._here:
                self._here = self._reserve()
            number, self._here = self._here[0], self._here[1:]
            return number

    def _reserve(self) -> range:
        with files.exclusive(self._path, wait=WAIT):
            number, first = _parse(self._path)
            if bytes.fromhex(number) != self._number:
                raise TerminalCounterError(f"{self._path} has become another terminal's")
            if first > LAST:
                raise TerminalCounterError(f"the last terminal sequence number of {number} has been given out")
            numbers = range(first, min(first + self._at_once, LAST + 1))
            files.write(self._path, _content(number, numbers.stop))
        return numbers

    def __repr__(self) -> str:
        return f"<terminal counter of {self._number.hex()}>"


_counters: Final[WeakSet[TerminalCounter]] = WeakSet()


def _begin_all() -> None:
    """In a child: what the parent has reserved is the parent's, and so is a lock that one of its threads held."""
    for counter in list(_counters):
        counter._begin()  # noqa: SLF001  of this module


os.register_at_fork(after_in_child=_begin_all)


def _content(number: str, following: int) -> bytes:
    document = {"format": FORMAT, "format_version": 1, "terminal": number, "next": following}
    return (json.dumps(document, indent=1) + "\n").encode("ascii")


def _parse(path: Path) -> tuple[str, int]:
    try:
        document = json.loads(files.read(path))
        number, following = document["terminal"], document["next"]
        usable = (document["format"], document["format_version"]) == (FORMAT, 1)
        usable = usable and len(bytes.fromhex(number)) == 6 and type(following) is int and 1 <= following <= LAST + 1
    except (ValueError, KeyError, TypeError, RecursionError):
        usable, number, following = False, "", 0
    if not usable:
        raise TerminalCounterError(
            f"{path} is damaged; make it anew with a start above the last number that the ledger has seen"
        )
    return number, following
