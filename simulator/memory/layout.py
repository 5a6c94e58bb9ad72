"""How directories and files lie in memory: blocks, one behind the other, each with a header.

Header, 64 bytes: state(1) kind(1) FID(2) length of the block(4) address of the parent's block(4) SFI(1) flags(1)
size(2) count(2) lock level(1) length of the name(1) name(16) space(4) spare(8) parameters(16). Numbers are big-endian.
"""

import struct
from dataclasses import dataclass
from typing import Final

from simulator.files import Kind

HEADER: Final = 64
LIVE: Final = 0xA5
DELETED: Final = 0x00

FLAGS_AT: Final = 13
"""Offset of the flags in a header."""

ENDED: Final = 0x01
BLOCKED: Final = 0x02
NO_SPACE_LIMIT: Final = 0xFFFF_FFFF

_COUNTERS: Final = {Kind.LINEAR: 2, Kind.CONTROL: 2, Kind.FIXED: 1, Kind.CYCLIC: 2, Kind.TRANSPARENT: 2}
"""Bytes before a file's contents: how many are used, or which record is the newest."""

_KINDS: Final = frozenset(Kind)
_FORM: Final = struct.Struct(">BBHIIBBHHBB16sI8x16s")


@dataclass(frozen=True, slots=True)
class Block:
    """A header, taken apart; ``at`` is its address, ``length`` counts header and body."""

    at: int
    state: int
    kind: Kind
    fid: int
    length: int
    parent: int
    sfi: int = 0
    flags: int = 0
    size: int = 0
    count: int = 0
    lock_level: int = 0
    name: bytes = b""
    space: int | None = None
    parameters: bytes = b""

    @property
    def body(self) -> int:
        """Address of what follows the header."""
        return self.at + HEADER

    def packed(self) -> bytes:
        """The 64 bytes of the header."""
        space = NO_SPACE_LIMIT if self.space is None else self.space
        return _FORM.pack(
            self.state,
            self.kind,
            self.fid,
            self.length,
            self.parent,
            self.sfi,
            self.flags,
            self.size,
            self.count,
            self.lock_level,
            len(self.name),
            self.name,
            space,
            self.parameters,
        )


def unpacked(at: int, header: bytes) -> Block | None:
    """The block with this header at this address; None where no block begins."""
    state, kind, fid, length, parent, sfi, flags, size, count, lock, named, name, space, parameters = _FORM.unpack(
        header
    )
    if state not in {LIVE, DELETED} or length < HEADER or kind not in _KINDS:
        return None
    limit = None if space == NO_SPACE_LIMIT else space
    return Block(
        at, state, Kind(kind), fid, length, parent, sfi, flags, size, count, lock, name[:named], limit, parameters
    )


def body_size(kind: Kind, size: int, count: int) -> int:
    """Bytes that a file of this kind takes behind its header."""
    if kind in {Kind.FIXED, Kind.CYCLIC, Kind.KEYS}:
        size *= count
    elif kind in {Kind.LINEAR, Kind.CONTROL}:  # a length of two bytes before each record
        size += 2 * min(MAX_RECORDS, max(1, size // 2))
    return _COUNTERS.get(kind, 0) + size


MAX_RECORDS: Final = 254
"""Records are numbered 01…FE [S2.3 §5.3.1]."""
