"""Elementary files (基本文件) as declarations: what they hold, who may use them, how bytes become values and back."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from apdu.tlv import parse_simple
from cardlib.errors import ItemError
from cardlib.items import Declared, Field, Item, Reading, Records
from cardlib.rules import Rule
from cardlib.values import Concern, ItemWarning, Value

RECORDS: Final = "records"
"""Name of the only value of a cyclic file: a tuple of mappings, one for each record."""

UNTAGGED: Final = 0
"""Where :data:`~cardlib.items.Records` keeps what has no tag."""


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
    INTERNAL = "I"
    """Kept by the card's operating system, out of reach of any command (内部)."""


class FileClass(Enum):
    """Whether a card of the specification has the file in use (文件类别) [S1 §5; S1 annex B; S2.6]."""

    ACTIVE = "active"
    """启用"""
    PRESET = "preset"
    """预设: defined, not in use yet."""
    RESERVED = "reserved"
    """预留: space for later."""
    MANDATORY = "mandatory"
    """必备, in 1.0."""
    OPTIONAL = "optional"
    """可选, in 1.0."""
    INFORMATIVE = "informative"
    """资料性附录: proposed in the specification's annex B."""
    INTERNAL = "internal"
    """内部: the operating system's own."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ElementaryFile(ABC):
    """One elementary file (基本文件): where it stands, who may use it, and its items in record order.

    ``fid``: two bytes, EFxx, None for an internal file. ``name`` is unique in the profile. ``clause``: where the
    specification has the file. ``secure_messaging``: name of the key, an STK, whose MAC updates need (安全报文); None
    where they need none, as in every file of [S1].
    """

    fid: int | None
    name: str
    chinese: str
    structure: Structure
    read: Rule
    update: Rule
    items: tuple[Item, ...]
    file_class: FileClass = FileClass.ACTIVE
    clause: str = ""
    secure_messaging: str | None = None

    def __post_init__(self) -> None:
        names = [name for field in self.fields for name in field.names]
        tags = [tag for item in self.items for tag in item.tags]
        if len(set(names)) != len(names) or len(set(tags)) != len(tags):
            raise ValueError(f"file {self.name} declares a name or a tag twice")

    @property
    def sfi(self) -> int:
        """Short file identifier: the low five bits of the file identifier [S2.3 §5.2.3]."""
        if self.fid is None:
            raise ValueError(f"file {self.name} has no file identifier")
        return self.fid & 0x1F

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes of the whole file, tags and length bytes included."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """What has values: in the file, or in each record of a cyclic file; in record order."""
        return self.items

    @property
    def declarations(self) -> tuple[Declared, ...]:
        """What declares the values of all fields: names, Chinese names, schemas, fields of messages."""
        return tuple(declared for field in self.fields for declared in field.declarations)

    @property
    def sample(self) -> dict[str, Value]:
        """Contents of an invented person's file, from the vectors of its items."""
        return {name: value for field in self.fields for name, value in field.sample.items()}

    def item_named(self, name: str) -> Item:
        """The item of this English name; raises :class:`KeyError`."""
        for item in self.items:
            if item.name == name:
                return item
        raise KeyError(name)

    def replacing(self, *items: Item) -> tuple[Item, ...]:
        """The file's items, with these in the place of those of the same tag: what another version declares anew."""
        by_tag = {item.tag: item for item in items}
        return tuple(by_tag.get(item.tag, item) for item in self.items)

    @abstractmethod
    def parse(self, run: bytes) -> "FileContents":
        """The values of the whole file, with a warning about everything that is not as specified.

        ``run``: what READ RECORD answers for all records, back to back, or the content of a transparent file. Raises
        :class:`~apdu.errors.TlvError` for a record that is cut off.
        """

    @abstractmethod
    def encode(self, values: Mapping[str, Value]) -> list[bytes]:
        """All records in order, blank where there is no value; of a transparent file its content.

        Raises :class:`~cardlib.errors.ItemError` for a value that would not read back the same, and for a name that
        nothing in the file has.
        """

    def _refuse_unknown(self, values: Mapping[str, Value], known: Iterable[str]) -> None:
        unknown = values.keys() - set(known)
        if unknown:
            raise ItemError(min(unknown), "is no item of the file", file=self.name)

    def _warnings(self, readings: Iterable[tuple[Declared, Reading]]) -> tuple[ItemWarning, ...]:
        """Each concern about each item once."""
        found = (
            ItemWarning(concern, self.name, declared.name, declared.chinese)
            for declared, (_, concerns) in readings
            for concern in concerns
        )
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, kw_only=True, eq=False)
class AddressableFile(ElementaryFile, ABC):
    """A file that commands can reach."""

    fid: int


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearFile(AddressableFile):
    """Records ``tag len value``, of different lengths or of one (线性记录文件).

    ``views`` are fields over several records, or over one that has several meanings; their items have no value of their
    own.
    """

    structure: Structure = Structure.LINEAR_VARIABLE
    views: tuple[Field, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all records together, tags and length bytes included."""
        return sum(item.record_size * item.repeat for item in self.items)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The items in record order, a view in the place of the first of its items."""
        starts: dict[int | None, Field] = {view.tags[0]: view for view in self.views}
        hidden = {tag for view in self.views for tag in view.tags}
        return tuple(starts.get(item.tag, item) for item in self.items if item.tag in starts or item.tag not in hidden)

    def split(self, run: bytes) -> Records:
        """Records as READ RECORD returns them, back to back, as values by tag; unknown tags are kept.

        Raises :class:`~apdu.errors.TlvError` for a record that is cut off.
        """
        records: dict[int, tuple[bytes, ...]] = {}
        for tag, value in parse_simple(run):
            records[tag] = (*records.get(tag, ()), value)
        return records

    def decode(self, records: Records) -> "FileContents":
        """The values of all fields, with a warning about everything that is not as specified; never raises."""
        readings = {name: reading for field in self.fields for name, reading in field.read(records).items()}
        return FileContents(
            self,
            MappingProxyType({name: value for name, (value, _) in readings.items()}),
            self._warnings((declared, readings[declared.name]) for declared in self.declarations),
            MappingProxyType(dict(records)),
        )

    def parse(self, run: bytes) -> "FileContents":
        """The values of the answers to READ RECORD, back to back."""
        return self.decode(self.split(run))

    def encode(self, values: Mapping[str, Value]) -> list[bytes]:
        """All records in order; a view's stand where its items are."""
        self._refuse_unknown(values, (name for field in self.fields for name in field.names))
        try:
            written = [record for field in self.fields for record in field.write(values)]
        except ItemError as error:
            raise error.within(self.name) from None
        order = [item.tag for item in self.items]
        return sorted(written, key=lambda record: order.index(record[0]))


class _UntaggedFile(ElementaryFile, ABC):
    """A file whose items stand one behind the other, without tags."""

    def _understand(self, raw: bytes, items: Iterable[Item] | None = None) -> dict[str, Reading]:
        """The values of one run of all items, or of these."""
        readings = {}
        for item in self.items if items is None else items:
            readings[item.name] = item.understand(raw[: item.size])
            raw = raw[item.size :]
        return readings

    def _run(self, values: Mapping[str, Value]) -> bytes:
        """One run of all items."""
        self._refuse_unknown(values, (item.name for item in self.items))
        try:
            return b"".join(item.encode(values.get(item.name)) for item in self.items)
        except ItemError as error:
            raise error.within(self.name) from None

    def parse(self, run: bytes) -> "FileContents":
        """The values of the file's content."""
        readings = self._understand(run)
        return FileContents(
            self,
            MappingProxyType({name: value for name, (value, _) in readings.items()}),
            self._warnings((item, readings[item.name]) for item in self.items),
            MappingProxyType({UNTAGGED: (run,)}),
        )

    def encode(self, values: Mapping[str, Value]) -> list[bytes]:
        """The content."""
        return [self._run(values)]

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return sum(item.size for item in self.items)


@dataclass(frozen=True, kw_only=True, eq=False)
class CyclicFile(AddressableFile, _UntaggedFile):
    """Records of one length, the newest first, the oldest overwritten (循环定长记录文件); items are fields of a record.

    ``records``: how many a card has at least. The file has one value, ``records``: a tuple of mappings from the items'
    names, newest first; records that were never written are left out. ``short_record_items``: how many of the items the
    records of simpler cards have, 0 where all cards have all.
    """

    structure: Structure = Structure.CYCLIC
    records: int
    short_record_items: int = 0

    @property
    def record_size(self) -> int:
        """Bytes of one record."""
        return _length(self.items)

    @property
    def size(self) -> int:
        """Bytes of the least number of records."""
        return self.record_size * self.records

    @property
    def sample(self) -> dict[str, Value]:
        """One record, from the vectors of the items."""
        return {RECORDS: (super().sample,)}

    def parse(self, run: bytes) -> "FileContents":
        """The values of all records, back to back, number 1 (the newest) first."""
        # The length of a run may fit both kinds of records; they make sense as one of them.
        layouts = [self.items, self.items[: self.short_record_items]] if self.short_record_items else [self.items]
        fitting = [items for items in layouts if len(run) % _length(items) == 0] or layouts[:1]
        return min((self._parse(run, items) for items in fitting), key=lambda contents: len(contents.warnings))

    def _parse(self, run: bytes, items: Sequence[Item]) -> "FileContents":
        size = _length(items)
        stored = tuple(run[at : at + size] for at in range(0, len(run), size))
        readings = [self._understand(raw, items) for raw in stored if _is_written(raw)]
        absent = dict.fromkeys(item.name for item in self.items[len(items) :])
        records = (
            MappingProxyType({**{name: value for name, (value, _) in reading.items()}, **absent})
            for reading in readings
        )
        return FileContents(
            self,
            MappingProxyType({RECORDS: tuple(record for record in records if any_value(record))}),
            self._warnings((item, reading[item.name]) for reading in readings for item in items),
            MappingProxyType({UNTAGGED: stored}),
        )

    def encode(self, values: Mapping[str, Value]) -> list[bytes]:
        """The records of ``values["records"]``, newest first; blank ones are neither added nor taken."""
        self._refuse_unknown(values, (RECORDS,))
        records = values.get(RECORDS) or ()
        if not isinstance(records, tuple):
            raise ItemError(RECORDS, "takes a tuple of records", file=self.name)
        return [self.encode_record(record) for record in records]

    def encode_record(self, record: Value) -> bytes:
        """One record from a mapping of the items' names; raises as :meth:`encode`."""
        raw = self._run(record) if isinstance(record, Mapping) and any_value(record) else b""
        if not _is_written(raw):
            raise ItemError(RECORDS, "takes records that hold something", file=self.name)
        return raw


@dataclass(frozen=True, kw_only=True, eq=False)
class TransparentFile(AddressableFile, _UntaggedFile):
    """Plain bytes (透明文件), as many as its only item has."""

    structure: Structure = Structure.TRANSPARENT


@dataclass(frozen=True, kw_only=True, eq=False)
class InternalFile(_UntaggedFile):
    """What the card's operating system keeps for itself (内部文件); no command reads or writes it."""

    fid: None = None
    structure: Structure = Structure.INTERNAL
    file_class: FileClass = FileClass.INTERNAL


@dataclass(frozen=True, repr=False, eq=False)
class FileContents:
    """What a card holds in one file: ``values`` by name, what is to be said about them, and the ``raw`` records.

    ``raw`` has the values of all records by tag, those that the profile does not know as well. The ``repr`` shows
    names only.
    """

    file: ElementaryFile
    values: Mapping[str, Value]
    warnings: tuple[ItemWarning, ...]
    raw: Records

    def warning(self, concern: Concern, name: str) -> ItemWarning:
        """A warning about the value of this name."""
        chinese = next(declared.chinese for declared in self.file.declarations if declared.name == name)
        return ItemWarning(concern, self.file.name, name, chinese)

    def __repr__(self) -> str:
        return f"<{self.file.name}: {', '.join(self.values)}; {len(self.warnings)} warnings>"


def _length(items: Iterable[Item]) -> int:
    return sum(item.size for item in items)


def _is_written(raw: bytes) -> bool:
    """Whether a record is other than a card has it from the start, all 00 or all FF."""
    return bool(raw.strip(b"\x00")) and bool(raw.strip(b"\xff"))


def any_value(record: Mapping[str, Value]) -> bool:
    """Whether a record holds anything at all."""
    return any(value is not None for value in record.values())
