"""What a chip has stored: directories, files and their contents, keys and their counters (存储管理).

Every change is made through the journal, so that what one command changes is there altogether or not at all; the card
calls :meth:`Store.commit` at a command's end. A sloppy chip journals the medical account only, and the bytes that keep
the chip alive: its own, headers, try counters (防拔).
"""

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Protocol

from apdu.secret import Secret
from simulator import credentials
from simulator.access import FileRights
from simulator.command import SW, Refused
from simulator.credentials import Key, KeyUse
from simulator.files import INTERNAL_KINDS, Directory, File, Kind
from simulator.memory import layout, system
from simulator.memory.eeprom import Eeprom
from simulator.memory.heap import Heap
from simulator.memory.journal import Journal, JournalFullError
from simulator.memory.layout import HEADER, MAX_RECORDS, Block


class Coding(Protocol):
    """What the bytes that a dialect stores mean."""

    def rights(self, kind: Kind, parameters: bytes) -> FileRights:
        """Who may use a file, from its parameters."""
        ...

    def key_use(self, type_byte: int) -> KeyUse:
        """What a key of this type is for."""
        ...

    def charge(self, kind: Kind, size: int, count: int, name: bytes) -> int:
        """Bytes that a directory or file takes of the space of those above it."""
        ...


class Store:
    """The contents of one chip's memory. ``sloppy``: without a journal for what files and keys hold.

    Objects it returns are a view: after a change of the structure, :attr:`root` is a new one. Call :meth:`recover` at
    every power-on and reset. Not thread-safe.
    """

    def __init__(self, eeprom: Eeprom, coding: Coding, *, sloppy: bool = False) -> None:
        self.eeprom = eeprom
        self.system = system.SystemArea(eeprom)
        self._coding = coding
        self._sloppy = sloppy
        self._journal = Journal(eeprom)
        self._heap = Heap(eeprom, coding.charge)
        self._root: Directory | None = None
        self._mounted = False
        self._rights: dict[tuple[Kind, bytes], FileRights] = {}
        self._records: dict[int, tuple[bytes, ...]] = {}
        self._keys: dict[int, tuple[Key, ...]] = {}

    @property
    def root(self) -> Directory | None:
        """The MF with all below it; None on a chip without one."""
        if not self._mounted:
            self._root = self._mount()
            self._mounted = True
        return self._root

    def recover(self) -> None:
        """Put back what a command that was cut off had changed; forget nothing else. May itself be cut off."""
        changed = True  # until it is known better: recovery may be cut off behind its last write
        try:
            changed = self._journal.recover()
        finally:
            if changed or self._sloppy:
                self._forget()

    def commit(self) -> None:
        """Everything since the last commit has happened for good."""
        self._journal.commit()

    def undo(self) -> bool:
        """Everything since the last commit has not happened; whether there was anything."""
        if not self._journal.open:
            return False
        self._journal.undo()
        self._forget()
        return True

    def write(self, at: int, data: bytes, *, guarded: bool = False) -> None:
        """Change bytes; ``guarded``: a sloppy chip can undo it too. Refuses with 6581 when the journal is full."""
        if self._sloppy and not guarded:
            self.eeprom.write(at, data)
            return
        try:
            self._journal.write(at, data)
        except JournalFullError:
            raise Refused(SW.MEMORY) from None

    # Structure

    def create(  # noqa: PLR0913  the fields of a header
        self,
        parent: Directory | None,
        kind: Kind,
        fid: int,
        *,
        sfi: int = 0,
        size: int = 0,
        count: int = 0,
        parameters: bytes = b"",
        name: bytes = b"",
        lock_level: int = 0,
        space: int | None = None,
    ) -> int:
        """Create a directory or an empty file; returns its address.

        Refuses with 6A84 when memory, or the space of a directory above, is used up. ``parent`` None: the MF itself.
        """
        self._heap.require_size(kind, size)
        length = HEADER + layout.body_size(kind, size, count)
        above = parent.at if parent else None
        self._heap.require_space(above, self._coding.charge(kind, size, count, name))
        at = self._heap.free(length)
        block = Block(
            at,
            layout.LIVE,
            kind,
            fid,
            length,
            above or 0,
            sfi,
            0,
            size,
            count,
            lock_level,
            name,
            space,
            parameters,
        )
        # Free memory needs no journal: the header, written last, is what makes it a block.
        self._heap.clear(block)
        self.write(at, block.packed(), guarded=True)
        self._records.pop(at, None)
        self._keys.pop(at, None)
        self._look_again()
        return at

    def delete(self, entry: Directory | File) -> None:
        """Delete a file, or a directory with all that is in it."""
        for block in self._heap.below(entry.at):
            self.write(block.at, bytes((layout.DELETED,)), guarded=True)
        self._forget()

    def end(self, directory: Directory) -> None:
        """The directory's structure is final from now on."""
        self._flag(directory, layout.ENDED)

    def block(self, directory: Directory) -> None:
        """Block a directory for good."""
        self._flag(directory, layout.BLOCKED)

    def unblock(self, directory: Directory) -> None:
        """Take a block back, where a dialect knows how."""
        at = directory.at + layout.FLAGS_AT
        self.write(at, bytes((self.eeprom.read(at, 1)[0] & ~layout.BLOCKED,)), guarded=True)
        self._forget()

    def block_card(self) -> None:
        """Block the whole card for good."""
        self.write(system.BLOCKED_AT, b"\x01", guarded=True)

    def set_life_cycle(self, life_cycle: system.LifeCycle) -> None:
        """The chip's life has gone on."""
        self.write(system.LIFE_CYCLE_AT, bytes((life_cycle,)), guarded=True)

    def set_historical_bytes(self, historical: bytes) -> None:
        """Other historical bytes, at most 15, from the next reset on."""
        self.write(system.HISTORICAL_AT, bytes((len(historical),)) + historical, guarded=True)

    def set_transport_tries(self, left: int) -> None:
        """Tries left for the transport key."""
        self.write(system.TRANSPORT_TRIES_AT, bytes((left,)), guarded=True)

    # Contents

    def records(self, file: File) -> tuple[bytes, ...]:
        """The file's records as they are now; those of a cyclic file the newest first."""
        found = self._records.get(file.at)
        if found is None:
            found = self._records[file.at] = tuple(self._read_records(file))
        return found

    def write_record(self, file: File, index: int, data: bytes) -> None:
        """Replace a record of a linear file, or append one behind the last.

        Refuses with 6A84 when the file cannot hold it.
        """
        records = self.records(file)
        written = (*records[:index], data, *records[index + 1 :])
        room = len(written) <= MAX_RECORDS
        if file.kind is Kind.FIXED:
            room &= len(written) <= file.count
        else:
            # Of records shorter than two bytes there may be more than lengths were reckoned with.
            taken = 2 + sum(2 + len(record) for record in written)
            room &= sum(map(len, written)) <= file.size and taken <= layout.body_size(file.kind, file.size, file.count)
        if not room:
            raise Refused(SW.FILE_FULL)
        body = file.at + HEADER
        self._records.pop(file.at, None)
        if file.kind is Kind.FIXED:
            self.write(body + 1 + index * file.size, data)
            self.write(body, bytes((len(written),)))
            return
        place = sum(2 + len(record) for record in records[:index])
        tail = b"".join(len(record).to_bytes(2, "big") + record for record in written[index:])
        self.write(body + 2 + place, tail)
        self.write(body, (place + len(tail)).to_bytes(2, "big"))

    def append_newest(self, file: File, data: bytes, *, guarded: bool = False) -> None:
        """A new first record of a cyclic file, in the place of the oldest when there are as many as it can hold."""
        body = file.at + HEADER
        first, count = self.eeprom.read(body, 2)
        first = (first - 1) % file.count
        self._records.pop(file.at, None)
        self.write(body + 2 + first * file.size, data, guarded=guarded)
        self.write(body, bytes((first, min(count + 1, file.count))), guarded=guarded)

    def content(self, file: File) -> bytes:
        """All bytes of a transparent file; those behind the last that was written are 00."""
        return self.eeprom.read(file.at + HEADER + 2, self.written(file)).ljust(file.size, b"\x00")

    def written(self, file: File) -> int:
        """How far a transparent file has ever been written, in bytes from its beginning."""
        return min(int.from_bytes(self.eeprom.read(file.at + HEADER, 2), "big"), file.size)

    def write_content(self, file: File, offset: int, data: bytes, *, guarded: bool = False) -> None:
        """Bytes of a transparent file, within its size."""
        body, end, written = file.at + HEADER, offset + len(data), self.written(file)
        if offset > written:
            # What lies between may be remains of a deleted file; nobody reads it before the counter says so.
            self.eeprom.write(body + 2 + written, bytes(offset - written))
        self.write(body + 2 + offset, data, guarded=guarded)
        if end > written:
            self.write(body, end.to_bytes(2, "big"), guarded=guarded)

    # Keys

    def keys(self, owner: Directory | File) -> tuple[Key, ...]:
        """The keys of a directory, and its PIN, in the order of their slots; or those of one key file."""
        file = _key_file(owner)
        if file is None:
            return ()
        found = self._keys.get(file.at)
        if found is None:
            found = self._keys[file.at] = tuple(self._read_keys(file))
        return found

    def store_key(self, owner: Directory | File, key: Key, *, left: int | None = None) -> None:
        """Store a key in the slot it came from, or in a free one; ``left``: its tries, all if None.

        Refuses with 6A82 without a file for keys, 6A84 when that is full.
        """
        file = _key_file(owner)
        if file is None:
            raise Refused(SW.FILE_NOT_FOUND)
        at = key.at
        if at < 0:
            body = file.at + HEADER
            used = {held.at for held in self.keys(file)}
            slots = range(body, body + file.count * file.size, file.size)
            at = next((place for place in slots if place not in used), -1)
            if at < 0:
                raise Refused(SW.FILE_FULL)
        others = [held for held in self.keys(file) if held.at != at]
        self._keys.pop(file.at, None)
        self.write(at, credentials.packed(key, left))
        self._keys[file.at] = tuple(sorted((*others, *self._read_key(file, at)), key=attrgetter("at")))

    def write_value(self, owner: Directory | File, key: Key, value: Secret) -> None:
        """Give a key or PIN another value; its counter stays as it is."""
        file = _key_file(owner)
        if file is not None:
            self._keys.pop(file.at, None)
        self.write(key.value_at, credentials.packed_value(value))

    def tries_left(self, key: Key) -> int | None:
        """Tries left; None for a key whose failures are not counted."""
        return None if key.tries is None else self.eeprom.read(key.counter_at, 1)[0]

    def write_tries(self, key: Key, left: int) -> None:
        """Set a counter: whole also on a sloppy chip, where a torn byte would be more tries than there ever were."""
        self.write(key.counter_at, bytes((left,)), guarded=True)

    # Inside

    def _look_again(self) -> None:
        """The structure is another one; what the files hold is not."""
        self._mounted = False
        self._heap.changed()

    def _forget(self) -> None:
        self._look_again()
        self._records.clear()
        self._keys.clear()

    def _flag(self, directory: Directory, flag: int) -> None:
        at = directory.at + layout.FLAGS_AT
        self.write(at, bytes((self.eeprom.read(at, 1)[0] | flag,)), guarded=True)
        self._forget()

    def _mount(self) -> Directory | None:
        inside: dict[int, list[Block]] = {}
        for block in self._heap.live:
            inside.setdefault(block.parent, []).append(block)
        roots = inside.get(0, ())
        return self._directory(roots[0], inside) if roots else None

    def _directory(self, block: Block, inside: Mapping[int, list[Block]]) -> Directory:
        blocks = inside.get(block.at, ())
        files = [self._file(held) for held in blocks if held.kind is not Kind.DIRECTORY]
        internal = [file for file in files if file.kind in INTERNAL_KINDS]
        return Directory(
            block.at,
            block.fid,
            block.name,
            block.lock_level,
            bool(block.flags & layout.ENDED),
            bool(block.flags & layout.BLOCKED),
            block.space,
            block.parameters,
            tuple(file for file in files if file not in internal),
            tuple(internal),
            tuple(self._directory(held, inside) for held in blocks if held.kind is Kind.DIRECTORY),
        )

    def _file(self, block: Block) -> File:
        form = (block.kind, block.parameters)
        rights = self._rights.get(form)
        if rights is None:
            rights = self._rights[form] = self._coding.rights(*form)
        return File(block.at, block.kind, block.fid, block.sfi, block.size, block.count, block.parameters, rights)

    def _read_records(self, file: File) -> Iterable[bytes]:
        body = file.at + HEADER
        match file.kind:
            case Kind.CYCLIC:
                first, count = self.eeprom.read(body, 2)
                for index in range(min(count, file.count)):
                    yield self.eeprom.read(body + 2 + (first + index) % file.count * file.size, file.size)
            case Kind.FIXED:
                for index in range(min(self.eeprom.read(body, 1)[0], file.count)):
                    yield self.eeprom.read(body + 1 + index * file.size, file.size)
            case _:
                # Counters that a cut has torn on a sloppy chip may not lead into another file.
                most = layout.body_size(file.kind, file.size, file.count) - 2
                used = min(int.from_bytes(self.eeprom.read(body, 2), "big"), most)
                content = self.eeprom.read(body + 2, used)
                place = 0
                while place + 2 <= used:
                    size = int.from_bytes(content[place : place + 2], "big")
                    yield content[place + 2 : place + 2 + size]
                    place += 2 + size

    def _read_keys(self, file: File) -> Iterable[Key]:
        for at in range(file.at + HEADER, file.at + HEADER + file.count * file.size, file.size):
            yield from self._read_key(file, at)

    def _read_key(self, file: File, at: int) -> Iterable[Key]:
        """The key in a slot, if there is one."""
        slot = self.eeprom.read(at, file.size)
        if credentials.is_used(slot):
            yield credentials.unpacked(slot, self._coding.key_use(slot[1]), at)


def _key_file(owner: Directory | File) -> File | None:
    return owner if isinstance(owner, File) else owner.internal_file(Kind.KEYS)
