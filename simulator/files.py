"""The file system: directories and elementary files, and what is selected among them [S2.3 §5].

The tree is what personalisation left on the card; it does not change while cards are read, so any number of cards may
share one. :class:`Selection` is what one powered card remembers of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cardlib.rules import Rule
from simulator.command import SW, Refused
from simulator.credentials import KeyRecord, PinRecord

MF_FID = 0x3F00
"""FID of the master file (主文件) [S2.3 §5.2]."""

MAX_SFI = 0x1E
"""Short file identifiers are 01…1E [S2.3 §5.2.3]."""


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A linear file of variable-length records (变长线性记录文件).

    ``fid``: 2-byte file identifier, whose low five bits are the SFI. ``read``: who may read. ``records``: in order of
    creation, each a simple TLV object as READ RECORD answers it: tag, length, value [S2.3 §5.3.1].
    """

    fid: int
    read: Rule
    records: tuple[bytes, ...] = field(repr=False)

    def find(self, identifier: int, indexes: range) -> int:
        """The first of ``indexes`` whose record has this tag (00: any tag); refuses with 6A83."""
        for index in indexes:
            if identifier in {0, self.records[index][0]}:
                return index
        raise Refused(SW.RECORD_NOT_FOUND)


@dataclass(frozen=True, slots=True)
class TransparentFile:
    """A file of plain bytes (透明文件), read by offset."""

    fid: int
    read: Rule
    content: bytes = field(repr=False)


File: TypeAlias = RecordFile | TransparentFile


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """The MF, a DDF or an ADF (目录文件).

    ``fid``: file identifier. ``name``: DF name, 5…16 bytes, or b"" for none. ``fci``: what SELECT answers, b"" for
    nothing but 9000. ``files`` and ``directories``: what lies immediately below. ``pin`` and ``keys``: the secrets
    kept at this level. Two directories are the same only if they are one object.
    """

    fid: int
    name: bytes = b""
    fci: bytes = b""
    files: tuple[File, ...] = ()
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
