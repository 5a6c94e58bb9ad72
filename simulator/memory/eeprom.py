"""EEPROM: bytes that outlive power, written page by page; power may be lost at any page (电可擦除存储器)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

PAGE: Final = 32
"""Bytes of a page: what one write of the memory can change."""

ERASED: Final = 0xFF
"""What memory that was never written holds."""


class PowerLostError(Exception):
    """Power failed while memory was written; whatever was to follow does not happen."""


class CutMoment(Enum):
    """When power fails, in relation to a page write (断电时机)."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Cut:
    """Power fails at the ``write``-th page write from when this is armed, counted from 1.

    ``DURING``: ``written`` bytes of those that the write changes are new, the one behind them is erased, the rest is
    as it was; None: half of them.
    """

    write: int
    moment: CutMoment = CutMoment.DURING
    written: int | None = None


class Eeprom:
    """A chip's memory of ``size`` bytes, of which ``content`` is what was written so far; the rest is erased.

    Content is shared until the first write, so many cards can begin with the same. ``store`` is called with address
    and bytes of each page write, before it returns: a file that holds the same bytes. A page is written only when
    that changes it. Not thread-safe.
    """

    __slots__ = ("_content", "_cut", "_remaining", "_size", "_store", "writes")

    def __init__(
        self, content: bytes = b"", *, size: int = 0x10000, store: Callable[[int, bytes], object] | None = None
    ) -> None:
        if len(content) > size:
            raise ValueError(f"{len(content)} bytes do not fit into {size}")
        self._content: bytes | bytearray = content
        self._size = size
        self._store = store
        self._cut: Cut | None = None
        self._remaining = 0
        self.writes = 0
        """Pages written since it was made."""

    @property
    def size(self) -> int:
        """Bytes there are, written or not."""
        return self._size

    @property
    def content(self) -> bytes:
        """Everything up to the last byte that was ever written."""
        return bytes(self._content)

    def read(self, at: int, size: int) -> bytes:
        """Bytes from an address on."""
        data = bytes(self._content[at : at + size])
        return data if len(data) == size else data.ljust(size, b"\xff")

    def arm(self, cut: Cut | None) -> None:
        """Have power fail at a write to come; None: no more."""
        self._cut = cut
        self._remaining = cut.write if cut else 0

    @property
    def armed(self) -> bool:
        """Whether power is still to fail: :meth:`arm` was told so, and as many writes have not come yet."""
        return self._cut is not None

    def write(self, at: int, data: bytes) -> None:
        """Write bytes, page by page; raises :class:`PowerLostError` where power fails, IndexError beyond the end."""
        if at < 0 or at + len(data) > self._size:
            raise IndexError(f"{len(data)} bytes at {at:X} are beyond the end of the memory")
        end = at + len(data)
        start = at
        while start < end:
            stop = min(end, (start // PAGE + 1) * PAGE)
            part = data[start - at : stop - at]
            if self.read(start, len(part)) != part:
                self._write_page(start, part)
            start = stop

    def _write_page(self, at: int, part: bytes) -> None:
        cut = self._cut
        if cut is not None:
            self._remaining -= 1
            if self._remaining > 0:
                cut = None
            else:
                self._cut = None
        if cut is not None and cut.moment is CutMoment.BEFORE:
            raise PowerLostError
        if cut is not None and cut.moment is CutMoment.DURING:
            part = self._torn(at, part, cut.written)
        if isinstance(self._content, bytes):
            self._content = bytearray(self._content)
        if len(self._content) < at:
            self._content += b"\xff" * (at - len(self._content))
        self._content[at : at + len(part)] = part
        self.writes += 1
        if self._store is not None:
            self._store(at, part)
        if cut is not None:
            raise PowerLostError

    def _torn(self, at: int, part: bytes, written: int | None) -> bytes:
        old = self.read(at, len(part))
        changed = [index for index in range(len(part)) if old[index] != part[index]]
        done = min(len(changed) // 2 if written is None else written, len(changed))
        torn = bytearray(old)
        for index in changed[:done]:
            torn[index] = part[index]
        for index in changed[done : done + 1]:
            torn[index] = ERASED
        return bytes(torn)


def eeprom_of(chip: object) -> Eeprom | None:
    """The memory of a chip that has one to show as ``eeprom``, also through what is wrapped around it; else None."""
    found = getattr(chip, "eeprom", None)
    return found if isinstance(found, Eeprom) else None
