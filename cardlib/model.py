"""What a card consists of, as declarations: items in files, files in directories, directories in a profile.

Everything else derives from them: what a reader asks for, what a personaliser writes, what a simulated card enforces,
which bytes may be logged. Nothing is keyed by tag alone, because 1.0 uses tags with other meanings: an item is found in
its file, a file in its profile. Items are declared in :mod:`cardlib.items`, files in :mod:`cardlib.files`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Self

from cardlib.files import (
    RECORDS,
    AddressableFile,
    CyclicFile,
    ElementaryFile,
    FileClass,
    FileContents,
    InternalFile,
    LinearFile,
    Structure,
    TransparentFile,
)
from cardlib.items import Declared, Field, Item, Joined, Reading, Records
from cardlib.keys import KEYS, KeyDeclaration
from cardlib.rules import Rule

__all__ = [
    "RECORDS",
    "AddressableFile",
    "CardProfile",
    "CyclicFile",
    "Declared",
    "Directory",
    "ElementaryFile",
    "Field",
    "FileClass",
    "FileContents",
    "InternalFile",
    "Item",
    "Joined",
    "LinearFile",
    "Reading",
    "Records",
    "Rule",
    "Structure",
    "TransparentFile",
]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, eq=False)
class Directory:
    """One directory, DDF or ADF (目录).

    ``df_name`` is the name or AID by which it is selected, 5…16 bytes; ``fid`` its file identifier, DFxx, None for the
    SSSE, to which the specification gives none.
    """

    name: str
    chinese: str
    df_name: bytes
    fid: int | None = None
    files: tuple[ElementaryFile, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class CardProfile:
    """The layout of all cards of one version of the specification (卡片结构): its directories, the SSSE first."""

    version: str
    directories: tuple[Directory, ...]
    keys: Mapping[str, KeyDeclaration] = field(default_factory=lambda: KEYS, repr=False)
    """What the names in access rules mean: key and its id on the card."""

    def __post_init__(self) -> None:
        names = [file.name for directory in self.directories for file in directory.files]
        if len(set(names)) != len(names):
            raise ValueError(f"profile {self.version} declares a file name twice")

    @property
    def name(self) -> bytes:
        """DF name of the SSSE, by which a social security card is recognised."""
        return self.directories[0].df_name

    def directory_with_name(self, df_name: bytes) -> str | None:
        """Our name of the directory selected by this DF name or AID, None for one that the profile does not have."""
        return next((directory.name for directory in self.directories if directory.df_name == df_name), None)

    def files(self, directory: str) -> tuple[ElementaryFile, ...]:
        """The files of a directory, none for one that the profile does not have."""
        return next((found.files for found in self.directories if found.name == directory), ())

    def file(self, directory: str, fid: int) -> AddressableFile:
        """The file with this identifier; raises :class:`KeyError`."""
        for file in self.files(directory):
            if isinstance(file, AddressableFile) and file.fid == fid:
                return file
        raise KeyError(f"{directory}/{fid:04X}")

    def file_named(self, name: str) -> ElementaryFile:
        """The file of this English name; raises :class:`KeyError`."""
        return next(file for file in self.directory_of(name).files if file.name == name)

    def directory_of(self, file_name: str) -> Directory:
        """The directory that holds the file of this English name; raises :class:`KeyError`."""
        for directory in self.directories:
            if any(file.name == file_name for file in directory.files):
                return directory
        raise KeyError(file_name)

    def derive(
        self,
        version: str,
        *,
        add: Mapping[str, Iterable[ElementaryFile]] = _NOTHING,
        remove: Collection[str] = (),
        **changes: Mapping[str, Any],
    ) -> Self:
        """The profile of another version, as a difference: for each file named, the attributes that change.

        ``V2.derive("3.0", holder={"read": Key("RKSSSE")})``. ``add``: further files by directory; ``remove``: names of
        files, and of directories with all their files. Items are replaced by ``{"items": file.replacing(...)}``. Raises
        :class:`KeyError` for a file or a directory that does not exist.
        """
        known = {directory.name for directory in self.directories}
        for name in (*changes, *(name for name in remove if name not in known)):
            self.file_named(name)
        for name in add.keys() - known:
            raise KeyError(name)
        directories = tuple(
            replace(
                directory,
                files=(
                    *(_changed(file, changes) for file in directory.files if file.name not in remove),
                    *add.get(directory.name, ()),
                ),
            )
            for directory in self.directories
            if directory.name not in remove
        )
        return replace(self, version=version, directories=directories)


def _changed(file: ElementaryFile, changes: Mapping[str, Mapping[str, Any]]) -> ElementaryFile:
    return replace(file, **changes[file.name]) if file.name in changes else file
