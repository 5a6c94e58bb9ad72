"""Directories and elementary files as a card sees them, and what is selected among them [S2.3 §5].

The objects here are a view of the chip's memory, made by :mod:`simulator.memory.store`; they never change, so any
number of cards of one image share them. What files hold is read from memory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

from simulator.access import FileRights
from simulator.command import SW, Refused

MF_FID = 0x3F00
"""FID of the master file (主文件) [S2.3 §5.2]."""

MAX_SFI = 0x1E
"""Short file identifiers are 01…1E [S2.3 §5.2.3]."""


class Kind(IntEnum):
    """What a piece of memory holds (文件类型)."""

    DIRECTORY = 0
    LINEAR = 1
    """Records of any length, in order of creation (变长记录文件)."""
    FIXED = 2
    """Records of one length, in order of creation (定长记录文件)."""
    CYCLIC = 3
    """Records of one length, the newest first (循环定长记录文件)."""
    TRANSPARENT = 4
    """Plain bytes (透明文件)."""
    KEYS = 5
    """Keys and PIN of its directory (密钥文件)."""
    AMOUNTS = 6
    """The medical account's amounts (内部金额文件)."""
    CONTROL = 7
    """Records of what SELECT answers (FCI文件)."""


INTERNAL_KINDS = frozenset({Kind.KEYS, Kind.AMOUNTS, Kind.CONTROL})
"""Of files that no command finds; only the operating system uses them."""


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """An elementary file (基本文件).

    ``at``: address in memory. ``fid``, ``sfi``: by which it is found; sfi 0: none. ``size``: bytes of a record of a
    file with records of one length, else the bytes that it holds at most. ``count``: records that it holds at most, or
    slots for keys. ``parameters``: 16 bytes as CREATE FILE gave them, the dialect's own. ``rights``: who may.
    Two files are the same only if they are one object.
    """

    at: int
    kind: Kind
    fid: int
    sfi: int
    size: int
    count: int
    parameters: bytes
    rights: FileRights

    @property
    def has_records(self) -> bool:
        """Whether record commands work on it."""
        return self.kind in {Kind.LINEAR, Kind.FIXED, Kind.CYCLIC}


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """The MF, a DDF or an ADF (目录文件).

    ``name``: DF name, 5…16 bytes, or b"" for none. ``lock_level``: the right by which it may be blocked, won in it;
    0: none of its own. ``ended``: its structure is final. ``space``: bytes for all that is in it, None: no limit of
    its own. ``parameters``: as for files. ``internal``: files that no command selects. Two directories are the same
    only if they are one object.
    """

    at: int
    fid: int
    name: bytes
    lock_level: int
    ended: bool
    blocked: bool
    space: int | None
    parameters: bytes
    files: tuple[File, ...] = ()
    internal: tuple[File, ...] = ()
    directories: tuple["Directory", ...] = ()
    by_fid: Mapping[int, File] = field(init=False, repr=False)
    by_sfi: Mapping[int, File] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_fid", {file.fid: file for file in self.files})
        object.__setattr__(self, "by_sfi", {file.sfi: file for file in self.files if file.sfi})

    def internal_file(self, kind: Kind) -> File | None:
        """Its internal file of this kind; None when there is none."""
        return next((file for file in self.internal if file.kind is kind), None)

    def walk(self, above: "Path" = ()) -> "Iterator[Path]":
        """The paths to this directory and to each one below it, in order of creation; ``above`` leads here."""
        path = (*above, self)
        yield path
        for directory in self.directories:
            yield from directory.walk(path)


Path: TypeAlias = tuple[Directory, ...]
"""The way from the MF to a directory, both included; empty on a chip without an MF."""


class Selection:
    """Current directory, current file and record pointer of a powered card.

    ``path`` leads from the MF to the current directory; ``file`` is None until one is selected; ``pointer`` is the
    index of the current record, None when undefined; ``mf_was_selected`` tells whether SELECT MF came since power-on.
    """

    __slots__ = ("file", "mf_was_selected", "path", "pointer", "root")

    def __init__(self, root: Directory | None) -> None:
        self.root = root
        self.path: Path = (root,) if root else ()
        self.file: File | None = None
        self.pointer: int | None = None
        self.mf_was_selected = False

    @property
    def directory(self) -> Directory:
        """The current directory; refuses with 6A82 on a chip without an MF."""
        if not self.path:
            raise Refused(SW.FILE_NOT_FOUND)
        return self.path[-1]

    def rebuilt(self, root: Directory | None) -> None:
        """The structure has changed: stay where we are as far as that is still there."""
        self.root = root
        places = {path[-1].at: path for path in root.walk()} if root else {}
        self.path = next(
            (places[level.at] for level in reversed(self.path) if level.at in places), (root,) if root else ()
        )
        if self.file is not None:
            at = self.file.at
            here = (*self.path[-1].files, *self.path[-1].internal) if self.path else ()
            self.file = next((file for file in here if file.at == at), None)

    def enter(self, path: Path) -> None:
        """Make a directory current; no file of it is."""
        self.path, self.file, self.pointer = path, None, None
        self.mf_was_selected |= len(path) == 1

    def use(self, file: File) -> None:
        """Make a file of the current directory current; its record pointer is undefined [S2.3 §5.3]."""
        self.file, self.pointer = file, None

    def file_by_fid(self, fid: int) -> File | None:
        """A file in the current directory, or None."""
        return self.path[-1].by_fid.get(fid) if self.path else None

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
        if self.root is None:
            return None
        if fid == MF_FID:
            return (self.root,)
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
        if self.root is None:
            return None
        paths = list(self.root.walk())
        start = paths.index(self.path) + 1 if following else 0
        return next((path for path in paths[start:] if path[-1].name.startswith(name)), None)
