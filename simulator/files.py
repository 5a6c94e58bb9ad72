"""The file system: directories and elementary files, and what is selected among them [S2.3 §5].

The tree is what personalisation left on the card; it never changes, so any number of cards may share one.
:class:`Memory` is what one card has written since, :class:`Selection` what it remembers of the tree while powered.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cardlib.rules import NEVER, Rule
from simulator.command import SW, Refused
from simulator.credentials import KeyRecord, PinRecord

MF_FID = 0x3F00
"""FID of the master file (主文件) [S2.3 §5.2]."""

MAX_SFI = 0x1E
"""Short file identifiers are 01…1E [S2.3 §5.2.3]."""


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """What every elementary file has (基本文件).

    ``fid``: 2-byte file identifier, whose low five bits are the SFI. ``read``, ``update``: who may.
    ``secure_messaging``: name of the maintenance key that has to authenticate updates; None: they come plain, as those
    of every file of the standard do [S2.7 §7.3]. Two files are the same only if they are one object.
    """

    fid: int
    read: Rule
    update: Rule = field(default=NEVER, kw_only=True)
    secure_messaging: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class RecordFile(File):
    """What linear and cyclic files have in common: ``records`` by number, the first is number 1."""

    records: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class LinearFile(RecordFile):
    """A linear file (线性记录文件): records in order of creation, simple TLV objects [S2.3 §5.3.1].

    A record is what READ RECORD answers: tag, length, value. ``space``: bytes that all of them together may take.
    ``fixed``: they all have one length (定长); else each has its own (变长).
    """

    space: int = field(default=0, kw_only=True)
    fixed: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class CyclicFile(RecordFile):
    """A cyclic file (循环定长记录文件): records without tag, ``size`` bytes each, the newest first.

    ``capacity``: a new one takes the place of the oldest when there are that many [S2.3 §5.3].
    """

    size: int = field(kw_only=True)
    capacity: int = field(kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class TransparentFile(File):
    """A file of plain bytes (透明文件), read by offset."""

    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class InternalFile:
    """A file without identifier that only the card's own operating system uses (内部文件), such as the amounts."""

    name: str
    content: bytes = field(repr=False)


class Memory:
    """What a card has written over the files of its image (可写存储); lasts as long as the card.

    The image's files are shared and stay as they are: a file is copied here when it is first written.
    """

    __slots__ = ("_contents", "_records")

    def __init__(self) -> None:
        self._records: dict[RecordFile, tuple[bytes, ...]] = {}
        self._contents: dict[TransparentFile, bytes] = {}

    def records(self, file: RecordFile) -> tuple[bytes, ...]:
        """The file's records as they are now."""
        return self._records.get(file, file.records)

    def content(self, file: TransparentFile) -> bytes:
        """The file's bytes as they are now."""
        return self._contents.get(file, file.content)

    def write_records(self, file: RecordFile, records: tuple[bytes, ...]) -> None:
        """Give the file other records, all at once."""
        self._records[file] = records

    def write_content(self, file: TransparentFile, content: bytes) -> None:
        """Give the file other bytes, all at once."""
        self._contents[file] = content


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """The MF, a DDF or an ADF (目录文件).

    ``fid``: file identifier. ``name``: DF name, 5…16 bytes, or b"" for none. ``fci``: what SELECT answers, b"" for
    nothing but 9000. ``files``, ``internal`` files and ``directories``: what lies immediately below. ``pin`` and
    ``keys``: the secrets kept at this level. Two directories are the same only if they are one object.
    """

    fid: int
    name: bytes = b""
    fci: bytes = b""
    files: tuple[File, ...] = ()
    internal: tuple[InternalFile, ...] = ()
    directories: tuple["Directory", ...] = ()
    pin: PinRecord | None = None
    keys: tuple[KeyRecord, ...] = ()
    by_fid: Mapping[int, File] = field(init=False, repr=False)
    by_sfi: Mapping[int, File] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_fid", {file.fid: file for file in self.files})
        object.__setattr__(self, "by_sfi", {file.fid & 0x1F: file for file in self.files})

    def walk(self, above: "Path" = ()) -> "Iterator[Path]":
        """The paths to this directory and to each one below it, in order of creation; ``above`` leads here."""
        path = (*above, self)
        yield path
        for directory in self.directories:
            yield from directory.walk(path)


Path: TypeAlias = tuple[Directory, ...]
"""The way from the MF to a directory, both included."""


class Selection:
    """Current directory, current file and record pointer of a powered card.

    ``path`` leads from the MF to the current directory; ``file`` is None until one is selected; ``pointer`` is the
    index of the current record, None when undefined; ``mf_was_selected`` tells whether SELECT MF came since power-on.
    """

    __slots__ = ("_root", "file", "mf_was_selected", "path", "pointer")

    def __init__(self, root: Directory) -> None:
        self._root = root
        self.path: Path = (root,)
        self.file: File | None = None
        self.pointer: int | None = None
        self.mf_was_selected = False

    @property
    def directory(self) -> Directory:
        """The current directory."""
        return self.path[-1]

    def enter(self, path: Path) -> None:
        """Make a directory current; no file of it is."""
        self.path, self.file, self.pointer = path, None, None
        self.mf_was_selected |= len(path) == 1

    def use(self, file: File) -> None:
        """Make a file of the current directory current; its record pointer is undefined [S2.3 §5.3]."""
        self.file, self.pointer = file, None

    def file_by_fid(self, fid: int) -> File | None:
        """A file in the current directory, or None."""
        return self.directory.by_fid.get(fid)

    def file_by_sfi(self, sfi: int) -> File:
        """The file that ``sfi`` means in the current directory, 00 = the current file; refuses with 6986 or 6A82."""
        if sfi == 0:
            if self.file is None:
                raise Refused(SW.NO_CURRENT_FILE)
            return self.file
        file = self.directory.by_sfi.get(sfi)
        if file is None:
            raise Refused(SW.FILE_NOT_FOUND)
        return file

    def path_by_fid(self, fid: int) -> Path | None:
        """The way to the directory that ``fid`` means from here, None when there is none.

        Looked for among the MF, the current directory's children, the current directory, its siblings and its parent,
        in this order (ISO/IEC 7816-4 §11.1.1).
        """
        if fid == MF_FID:
            return (self._root,)
        above = self.path[:-1]
        candidates = [(*self.path, child) for child in self.directory.directories]
        candidates.append(self.path)
        if above:
            candidates += [(*above, sibling) for sibling in above[-1].directories]
            candidates.append(above)
        return next((path for path in candidates if path[-1].fid == fid), None)

    def path_by_name(self, name: bytes, *, following: bool) -> Path | None:
        """The way to the first directory of the card whose DF name begins with ``name``, or None [S2.5 §6.11].

        With ``following`` the first such directory after the current one.
        """
        paths = list(self._root.walk())
        start = paths.index(self.path) + 1 if following else 0
        return next((path for path in paths[start:] if path[-1].name.startswith(name)), None)
