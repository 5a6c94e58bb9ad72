"""What a card consists of, as declarations: items in files, files in directories, directories in a profile.

Everything else derives from them: what a reader asks for, what a personaliser writes, what a simulated card enforces,
which bytes may be logged. Nothing is keyed by tag alone, because 1.0 uses tags with other meanings: an item is found in
its file, a file in its profile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Any, Self, TypeAlias

from apdu.tlv import encode_simple, parse_simple
from cardlib.errors import ItemError
from cardlib.rules import Rule
from cardlib.schema import Schema, SchemaError, an
from cardlib.values import Concern, ItemWarning, Value, concerns

__all__ = [
    "CardProfile",
    "Directory",
    "ElementaryFile",
    "Field",
    "FileContents",
    "Item",
    "Joined",
    "Rule",
    "Structure",
]

Records: TypeAlias = Mapping[int, bytes]
"""Records of one file: their values by tag, tag and length bytes left out."""

Reading: TypeAlias = tuple[Value, tuple[Concern, ...]]


class Structure(Enum):
    """How an elementary file is built (文件结构); the value is the letter of the specification's tables [S1 §5]."""

    LINEAR_VARIABLE = "V"
    """Records of different lengths, each ``tag len value`` (变长线性记录)."""
    LINEAR_FIXED = "F"
    """Records of one length, each ``tag len value`` (定长线性记录)."""
    CYCLIC = "C"
    """Records of one length without tag; the newest is number 1 (循环定长记录)."""
    TRANSPARENT = "T"
    """Plain bytes (透明)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Declared:
    """What items and joined items have in common.

    ``name``: English name, the key of the value; ``chinese``: the specification's term. ``vector``: (hex digits of the
    stored value, decoded value) of an invented person, which is test case, example and sample datum at once. ``proto``:
    field of the file's message, None where the item has none of its own. ``sensitive``: says something about a person,
    or which card it is; kept out of logs.
    """

    name: str
    chinese: str
    vector: tuple[str, Value]
    proto: str | None
    sensitive: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Item(_Declared):
    """One data item of a file (数据项): ``tag`` is 01…FE, ``schema`` knows type and size."""

    tag: int
    schema: Schema

    @property
    def size(self) -> int:
        """Length of the value in bytes, without tag and length byte."""
        return self.schema.size

    def decode(self, raw: bytes) -> Value:
        """The value of stored bytes, None for a blank item.

        Tolerant: raises :class:`~cardlib.errors.ItemError` only where a structure cannot be taken apart.
        """
        try:
            return self.schema.decode(raw)
        except SchemaError as error:
            raise ItemError(self.name, error.reason) from None

    def encode(self, value: Value) -> bytes:
        """The record: tag, length, value; None is written as blank.

        Strict: raises :class:`~cardlib.errors.ItemError` for a value that would not read back the same.
        """
        try:
            return encode_simple(self.tag, self.schema.encode(value))
        except SchemaError as error:
            raise ItemError(self.name, error.reason) from None

    def read(self, records: Records) -> Reading:
        """The value among the records of a file, and what is to be said about it; never raises."""
        raw = records.get(self.tag)
        if raw is None:
            return None, (Concern.RECORD_MISSING,)
        length = () if len(raw) == self.size else (Concern.LENGTH_DIFFERS,)
        try:
            value = self.decode(raw)
        except ItemError:
            return None, (*length, Concern.ITEM_UNREADABLE)
        return value, (*length, *concerns(value))

    def write(self, value: Value) -> tuple[bytes, ...]:
        """The records that hold the value; raises :class:`~cardlib.errors.ItemError`."""
        return (self.encode(value),)


@dataclass(frozen=True, kw_only=True, eq=False)
class Joined(_Declared):
    """One text spread over several records (拆分存放的数据项): ``parts`` are text items, in order.

    The bytes are joined before they are decoded, because a character may straddle two records [S1 §8.1.2.2].
    """

    parts: tuple[Item, ...]

    @property
    def schema(self) -> Schema:
        """Text as long as all parts together."""
        return an(sum(part.size for part in self.parts))

    def read(self, records: Records) -> Reading:
        """As :meth:`Item.read`, from as many of the parts as there are."""
        raw = [records.get(part.tag) for part in self.parts]
        found: list[Concern] = []
        if None in raw:
            found.append(Concern.RECORD_MISSING)
        if any(r is not None and len(r) != part.size for r, part in zip(raw, self.parts, strict=True)):
            found.append(Concern.LENGTH_DIFFERS)
        # Blanks are kept: a Latin name may have one where the parts meet.
        text = b"".join((r or b"").rstrip(b"\x00\xff") for r in raw)
        value = self.schema.decode(text)
        return value, (*found, *concerns(value))

    def write(self, value: Value) -> tuple[bytes, ...]:
        """As :meth:`Item.write`: one record for each part."""
        try:
            raw = self.schema.encode(value)
        except SchemaError as error:
            raise ItemError(self.name, error.reason) from None
        records = []
        for part in self.parts:
            records.append(encode_simple(part.tag, raw[: part.size]))
            raw = raw[part.size :]
        return tuple(records)


Field: TypeAlias = Item | Joined
"""What has a value of its own in :class:`FileContents`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ElementaryFile:
    """One elementary file (基本文件): where it stands, who may use it, and its items in record order.

    ``fid``: two bytes, EFxx. ``name`` is unique in the profile. ``views`` are items joined from several records; their
    parts have no value of their own.
    """

    fid: int
    name: str
    chinese: str
    structure: Structure
    read: Rule
    update: Rule
    items: tuple[Item, ...]
    views: tuple[Joined, ...] = ()

    def __post_init__(self) -> None:
        names = [field.name for field in self.fields]
        tags = [item.tag for item in self.items]
        if len(set(names)) != len(names) or len(set(tags)) != len(tags):
            raise ValueError(f"file {self.name} declares a name or a tag twice")

    @property
    def sfi(self) -> int:
        """Short file identifier: the low five bits of the file identifier [S2.3 §5.2.3]."""
        return self.fid & 0x1F

    @property
    def size(self) -> int:
        """Bytes of all records together, tags and length bytes included."""
        return sum(item.size + 2 for item in self.items)

    @property
    def fields(self) -> tuple[Field, ...]:
        """What has a value: the items in record order, a joined item in the place of its first part."""
        starts = {view.parts[0].tag: view for view in self.views}
        hidden = {part.tag for view in self.views for part in view.parts}
        return tuple(starts.get(item.tag, item) for item in self.items if item.tag in starts or item.tag not in hidden)

    def item_named(self, name: str) -> Item:
        """The item of this English name; raises :class:`KeyError`."""
        for item in self.items:
            if item.name == name:
                return item
        raise KeyError(name)

    def replacing(self, *items: Item) -> tuple[Item, ...]:
        """The file's items, with these in the place of those of the same tag: what a later version declares anew."""
        by_tag = {item.tag: item for item in items}
        return tuple(by_tag.get(item.tag, item) for item in self.items)

    def split(self, run: bytes) -> dict[int, bytes]:
        """Records as READ RECORD returns them, back to back, as values by tag.

        Unknown tags are kept; of a tag that stands twice the first record counts. Raises
        :class:`~apdu.errors.TlvError` for a record that is cut off.
        """
        return dict(reversed(parse_simple(run)))

    def decode(self, records: Records) -> "FileContents":
        """The values of all fields, with a warning about everything that is not as specified; never raises."""
        values: dict[str, Value] = {}
        warnings: list[ItemWarning] = []
        for field in self.fields:
            values[field.name], found = field.read(records)
            warnings += [ItemWarning(concern, self.name, field.name, field.chinese) for concern in found]
        return FileContents(self, MappingProxyType(values), tuple(warnings), MappingProxyType(dict(records)))

    def encode(self, values: Mapping[str, Value]) -> list[bytes]:
        """All records in order, blank for fields without a value.

        Raises :class:`~cardlib.errors.ItemError` for a value that would not read back the same, and for a name that no
        field has.
        """
        unknown = values.keys() - {field.name for field in self.fields}
        if unknown:
            raise ItemError(min(unknown), "is no item of the file", file=self.name)
        try:
            written = [record for field in self.fields for record in field.write(values.get(field.name))]
        except ItemError as error:
            raise error.within(self.name) from None
        order = [item.tag for item in self.items]
        return sorted(written, key=lambda record: order.index(record[0]))


@dataclass(frozen=True, repr=False, eq=False)
class FileContents:
    """What a card holds in one file: ``values`` by field name, what is to be said about them, and the ``raw`` records.

    ``raw`` has the values of all records by tag, those that the profile does not know as well. The ``repr`` shows
    names only.
    """

    file: ElementaryFile
    values: Mapping[str, Value]
    warnings: tuple[ItemWarning, ...]
    raw: Records

    def warning(self, concern: Concern, name: str) -> ItemWarning:
        """A warning about the field of this name."""
        chinese = next(field.chinese for field in self.file.fields if field.name == name)
        return ItemWarning(concern, self.file.name, name, chinese)

    def __repr__(self) -> str:
        return f"<{self.file.name}: {', '.join(self.values)}; {len(self.warnings)} warnings>"


@dataclass(frozen=True, kw_only=True, eq=False)
class Directory:
    """One directory, DDF or ADF (目录): ``df_name`` is the name or AID by which it is selected, 5…16 bytes."""

    name: str
    chinese: str
    df_name: bytes
    files: tuple[ElementaryFile, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class CardProfile:
    """The layout of all cards of one version of the specification (卡片结构): its directories, the SSSE first."""

    version: str
    directories: tuple[Directory, ...]

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

    def file(self, directory: str, fid: int) -> ElementaryFile:
        """The file with this identifier; raises :class:`KeyError`."""
        for file in self.files(directory):
            if file.fid == fid:
                return file
        raise KeyError(f"{directory}/{fid:04X}")

    def file_named(self, name: str) -> ElementaryFile:
        """The file of this English name; raises :class:`KeyError`."""
        for directory in self.directories:
            for file in directory.files:
                if file.name == name:
                    return file
        raise KeyError(name)

    def derive(self, version: str, **changes: Mapping[str, Any]) -> Self:
        """The profile of another version, as a difference: for each file named, the attributes that change.

        ``V2.derive("3.0", holder={"read": Key("RKSSSE")})``. Raises :class:`KeyError` for a file that does not exist.
        """
        for name in changes:
            self.file_named(name)
        directories = tuple(
            replace(directory, files=_changed(directory.files, changes)) for directory in self.directories
        )
        return replace(self, version=version, directories=directories)


def _changed(files: Sequence[ElementaryFile], changes: Mapping[str, Mapping[str, Any]]) -> tuple[ElementaryFile, ...]:
    return tuple(replace(file, **changes[file.name]) if file.name in changes else file for file in files)
