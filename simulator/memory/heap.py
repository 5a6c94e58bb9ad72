"""Where the blocks of directories and files lie, and where there is room for another (存储空间)."""

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from simulator.command import SW, Refused
from simulator.files import Kind
from simulator.memory import layout
from simulator.memory.eeprom import Eeprom
from simulator.memory.journal import CAPACITY, END
from simulator.memory.layout import HEADER, Block

MOST_LINEAR: Final = CAPACITY - 1024
"""Bytes of records that a linear file can have: a record of another length moves all behind it, in one unit. What is
left is for the lengths of 254 records, and for more that a command may write."""

HEAP: Final = END
"""Address of the first block."""

Charge: TypeAlias = Callable[[Kind, int, int, bytes], int]
"""Bytes that a directory or file of this kind, size, count and name takes of the space of those above it."""


class Heap:
    """The blocks in a chip's memory, one behind the other. They are listed once: call :meth:`changed` after changes."""

    __slots__ = ("_charge", "_eeprom", "_listed")

    def __init__(self, eeprom: Eeprom, charge: Charge) -> None:
        self._eeprom = eeprom
        self._charge = charge
        self._listed: tuple[Block, ...] | None = None

    def changed(self) -> None:
        """Headers were written."""
        self._listed = None

    @property
    def live(self) -> list[Block]:
        """Blocks that are not deleted, in the order of their addresses."""
        return [block for block in self._blocks if block.state == layout.LIVE]

    def below(self, at: int) -> list[Block]:
        """All that is in the block at this address, deepest first, and the block itself."""
        return _below(at, self.live)

    def require_size(self, kind: Kind, size: int) -> None:
        """Refuse with 6A84 a file whose updates the journal could not undo."""
        if kind is Kind.LINEAR and size > MOST_LINEAR:
            raise Refused(SW.FILE_FULL)

    def free(self, length: int) -> int:
        """Where a block can lie: in the place of a deleted one of the same length, or behind the last that lives.

        Refuses with 6A84 when there is no such place.
        """
        blocks = list(self._blocks)
        deleted = None
        while blocks and blocks[-1].state == layout.DELETED:
            deleted = blocks.pop()
        for block in blocks:
            if block.state == layout.DELETED and block.length == length:
                return block.at
        at = blocks[-1].at + blocks[-1].length if blocks else HEAP
        if at + length > self._eeprom.size:
            raise Refused(SW.FILE_FULL)
        if deleted is not None:
            # What lies behind is overwritten, so nobody may look for headers there any more.
            self.changed()
            self._eeprom.write(at, b"\xff")
        return at

    def clear(self, block: Block) -> None:
        """Give the body of a block that is not there yet its first contents, and see that none follows the last."""
        end = block.at + block.length
        match block.kind:
            case Kind.KEYS:
                for slot in range(block.body, end, block.size):
                    self._eeprom.write(slot, b"\xff")
            case Kind.AMOUNTS:
                self._eeprom.write(block.body, bytes(block.size))
            case _:  # the counters; what they do not cover is never read
                self._eeprom.write(block.body, bytes(min(2, end - block.body)))
        if not any(found.at == end for found in self._blocks) and end < self._eeprom.size:
            self._eeprom.write(end, b"\xff")

    def require_space(self, parent: int | None, charge: int) -> None:
        """Refuse with 6A84 when a directory above, from the one at ``parent`` on, has no space for so much more."""
        live = self.live
        by_address = {block.at: block for block in live}
        above = None if parent is None else by_address.get(parent)
        while above is not None:
            if above.space is not None:
                inside = (block for block in _below(above.at, live) if block.at != above.at)
                taken = sum(self._charge(block.kind, block.size, block.count, block.name) for block in inside)
                if taken + charge > above.space:
                    raise Refused(SW.FILE_FULL)
            above = by_address.get(above.parent)

    @property
    def _blocks(self) -> tuple[Block, ...]:
        if self._listed is None:
            self._listed = tuple(self._read())
        return self._listed

    def _read(self) -> Iterable[Block]:
        at = HEAP
        while at + HEADER <= self._eeprom.size:
            block = layout.unpacked(at, self._eeprom.read(at, HEADER))
            if block is None:
                return
            yield block
            at += block.length


def _below(at: int, live: list[Block]) -> list[Block]:
    inside = [block for block in live if block.parent == at]
    below = [deeper for block in inside for deeper in _below(block.at, live)]
    return below + [block for block in live if block.at == at]
