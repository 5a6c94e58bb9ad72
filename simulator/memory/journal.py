"""The undo journal: what a command writes is there altogether or not at all, whenever power fails [S2.7 §14].

Before bytes change, what they were is written down here; the next number of the journal's head confirms the change and
makes those notes void in one write. Notes that are valid when the chip starts belong to a command that was cut off:
they are put back. The head is written alternately in two places, so that a torn head leaves the one before it.

Each note has a page of its own, and what it begins with is the journal's own number. So bytes of files, which whoever
talks to the chip may choose, lie only where old bytes are looked for, and can never be taken for a note.
"""

import zlib
from typing import Final

from simulator.memory.eeprom import PAGE, Eeprom

HEAD: Final = 0x0080
"""Where the heads are, each in a page of its own: number(4) ‖ check(4)."""

NOTES: Final = 0x00C0
"""Where the notes begin, one in a page: number(4) ‖ address(4) ‖ length(2) ‖ check(4) ‖ at most 18 old bytes."""

END: Final = 0x3000
"""Where the notes end at the latest, and everything else begins."""

_HEADS: Final = (HEAD, HEAD + 0x20)
_NOTE: Final = 14
_OLD: Final = PAGE - _NOTE

CAPACITY: Final = (END - NOTES) // PAGE * _OLD
"""Bytes that one command can change, where they are in one piece."""


class JournalFullError(Exception):
    """A command would change more than can be undone."""


class Journal:
    """The journal in a chip's memory. Call :meth:`recover` at every start, before anything is read.

    A unit begins by itself with the first :meth:`write` and ends with :meth:`commit` or :meth:`undo`.
    """

    __slots__ = ("_eeprom", "_next", "_notes", "_number")

    def __init__(self, eeprom: Eeprom) -> None:
        self._eeprom = eeprom
        self._number = 0
        self._next = NOTES
        self._notes: list[tuple[int, bytes]] = []

    def recover(self) -> bool:
        """Put back what a command that was cut off had changed; whether there was one. May itself be cut off."""
        self._number = max((number for at in _HEADS if (number := self._head(at)) is not None), default=0)
        self._notes = self._read_notes()
        self._next = NOTES
        if not self._notes:
            return False
        self.undo()
        return True

    @property
    def open(self) -> bool:
        """Whether a unit is under way."""
        return bool(self._notes)

    def write(self, at: int, data: bytes) -> None:
        """Change bytes as a part of the unit; raises :class:`JournalFullError` before anything has changed."""
        old = self._eeprom.read(at, len(data))
        if old == data:
            return
        first = next(index for index in range(len(data)) if old[index] != data[index])
        last = next(index for index in reversed(range(len(data))) if old[index] != data[index]) + 1
        at, data, old = at + first, data[first:last], old[first:last]
        pieces = range(0, len(old), _OLD)
        if self._next + len(pieces) * PAGE > END:
            raise JournalFullError
        for start in pieces:
            self._note(at + start, old[start : start + _OLD])
        self._eeprom.write(at, data)

    def commit(self) -> None:
        """Confirm the unit: from here on it has happened. Without changes nothing is written."""
        if self._notes:
            number = self._number + 1
            raw = number.to_bytes(4, "big")
            self._eeprom.write(_HEADS[number % 2], raw + _check(raw))
            self._number = number
            self._notes = []
            self._next = NOTES

    def undo(self) -> None:
        """Put everything back as it was before the unit."""
        for at, old in reversed(self._notes):
            self._eeprom.write(at, old)
        self.commit()

    def _note(self, at: int, old: bytes) -> None:
        head = self._number.to_bytes(4, "big") + at.to_bytes(4, "big") + len(old).to_bytes(2, "big")
        self._eeprom.write(self._next, head + _check(head + old) + old)
        self._next += PAGE
        self._notes.append((at, old))

    def _head(self, at: int) -> int | None:
        head = self._eeprom.read(at, 8)
        return int.from_bytes(head[:4], "big") if _check(head[:4]) == head[4:] else None

    def _read_notes(self) -> list[tuple[int, bytes]]:
        notes: list[tuple[int, bytes]] = []
        number = self._number.to_bytes(4, "big")
        for place in range(NOTES, END, PAGE):
            page = self._eeprom.read(place, PAGE)
            size = int.from_bytes(page[8:10], "big")
            old = page[_NOTE : _NOTE + size]
            if page[:4] != number or size > _OLD or _check(page[:10] + old) != page[10:_NOTE]:
                break
            notes.append((int.from_bytes(page[4:8], "big"), old))
        return notes


def _check(data: bytes) -> bytes:
    """CRC-32, begun so that erased memory is not right by chance."""
    return zlib.crc32(data, 0x5353_4331).to_bytes(4, "big")
