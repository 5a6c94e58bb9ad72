"""A profile taken apart into plain rows: directories, files, items; numbers in the notation of the specification."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cardlib.describe import describe_value
from cardlib.model import CardProfile, CyclicFile, Declared, Directory, ElementaryFile, Item, Joined, LinearFile
from cardlib.schema import Btlv, Code, Parts, Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """One item, one field of a record, or one part of an item.

    ``record``: number of its (first) record, None where it has no record of its own. ``tag``: two hexadecimal digits;
    several for what is joined from several records; "" where there is none. ``parent``: tag of the item that this is a
    part of, "record" for a field of a cyclic record. ``length``: bytes of the value, without tag and length byte.
    ``tables``: names of the code tables that say what it means. ``example`` and ``stored``: the vector, as people read
    it and as hexadecimal digits; the example of an item with parts is that of its parts. ``note``: what sets it apart
    from its neighbours.
    """

    record: int | None = None
    tag: str = ""
    parent: str = ""
    repeat: int = 1
    name: str
    chinese: str = ""
    type: str
    length: int
    tables: tuple[str, ...] = ()
    sensitive: bool
    proto: str | None = None
    example: str = ""
    stored: str = ""
    note: str = ""

    @property
    def record_numbers(self) -> str:
        """Numbers of the records: "2", or "2–4" of a repeated tag."""
        if self.record is None:
            return ""
        return str(self.record) if self.repeat == 1 else f"{self.record}–{self.record + self.repeat - 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One file. ``size``: bytes of all records; ``records``: how many, of a cyclic file the least number."""

    directory: str
    fid: str
    sfi: str
    name: str
    chinese: str
    structure: str
    size: int
    records: int | None
    record_size: int | None
    read: str
    update: str
    secure_messaging: str | None
    file_class: str
    clause: str
    items: tuple[ItemRow, ...]

    @property
    def record_count(self) -> str:
        """How many records, "≥4×85" for at least four of 85 bytes; "–" where there are none."""
        if self.records is None:
            return "–"
        return str(self.records) if self.record_size is None else f"≥{self.records}×{self.record_size}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryRow:
    """One directory; ``df_name`` in hexadecimal."""

    name: str
    chinese: str
    fid: str
    df_name: str
    files: tuple[FileRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRow:
    """One version of the card."""

    version: str
    directories: tuple[DirectoryRow, ...]


def shortened(text: str, most: int = 64) -> str:
    """A text that is too long for a table, cut."""
    return text if len(text) <= most else f"{text[:most]}…"


def profile_row(profile: CardProfile) -> ProfileRow:
    """The whole profile."""
    return ProfileRow(version=profile.version, directories=tuple(map(_directory, profile.directories)))


def _directory(directory: Directory) -> DirectoryRow:
    return DirectoryRow(
        name=directory.name,
        chinese=directory.chinese,
        fid=_fid(directory.fid),
        df_name=directory.df_name.hex().upper(),
        files=tuple(file_row(directory, file) for file in directory.files),
    )


def file_row(directory: Directory, file: ElementaryFile) -> FileRow:
    """One file with its items in record order, each followed by its parts; last what is joined or read otherwise."""
    records, record_size = None, None
    if isinstance(file, CyclicFile):
        records, record_size = file.records, file.record_size
    elif isinstance(file, LinearFile):
        records = sum(item.repeat for item in file.items)
    return FileRow(
        directory=directory.name,
        fid=_fid(file.fid),
        sfi="" if file.fid is None else f"{file.sfi:02X}",
        name=file.name,
        chinese=file.chinese,
        structure=file.structure.value,
        size=file.size,
        records=records,
        record_size=record_size,
        read=str(file.read),
        update=str(file.update),
        secure_messaging=file.secure_messaging,
        file_class=file.file_class.value,
        clause=file.clause,
        items=(*_items(file), *_views(file)),
    )


def _items(file: ElementaryFile) -> Iterator[ItemRow]:
    number = 1
    for item in file.items:
        in_record = isinstance(file, CyclicFile)
        yield _item(item, record=number if item.tags else None, parent="record" if in_record else "")
        yield from _parts(item)
        number += item.repeat


def _views(file: ElementaryFile) -> Iterator[ItemRow]:
    """What is declared besides the records as they stand: texts joined from several, second meanings of a record."""
    for declared in file.declarations:
        if isinstance(declared, Joined):
            yield _row(declared, declared.schema, tag=" ".join(map(_tag, declared.tags)), note="joined 合并")
        elif isinstance(declared, Item) and declared not in file.items:
            yield _item(declared, note="rewritten 改写")
            yield from _parts(declared)


def _item(item: Item, record: int | None = None, parent: str = "", note: str = "") -> ItemRow:
    tag = "" if item.tag is None else _tag(item.tag)
    note = note or ("optional 可缺" if item.optional else "")
    return _row(item, item.schema, record=record, tag=tag, parent=parent, repeat=item.repeat, note=note)


def _row(  # noqa: PLR0913  # what the kinds of rows differ in
    declared: Declared,
    schema: Schema,
    *,
    record: int | None = None,
    tag: str = "",
    parent: str = "",
    repeat: int = 1,
    note: str = "",
) -> ItemRow:
    stored, value = declared.vector
    return ItemRow(
        record=record,
        tag=tag,
        parent=parent,
        repeat=repeat,
        name=declared.name,
        chinese=declared.chinese,
        type=schema.notation,
        length=schema.size,
        tables=_tables(schema),
        sensitive=declared.sensitive,
        proto=declared.proto,
        example="" if isinstance(schema, Parts) else describe_value(value),
        stored=stored,
        note=note,
    )


def _parts(item: Item) -> Iterator[ItemRow]:
    """The parts of an item that has some: inner items of a BTLV item, codes that are glued together."""
    schema = item.schema
    if not isinstance(schema, Parts):
        return
    tags = {part.name: _tag(tag) for tag, part in schema.inner.items()} if isinstance(schema, Btlv) else {}
    _, values = item.vector
    for part in schema.parts:
        value = values.get(part.name) if isinstance(values, Mapping) else None
        yield ItemRow(
            tag=tags.get(part.name, ""),
            parent="" if item.tag is None else _tag(item.tag),
            name=part.name,
            chinese=part.chinese,
            type=part.schema.notation,
            length=part.schema.size,
            tables=_tables(part.schema),
            sensitive=item.sensitive,
            example=describe_value(value),
            stored="" if value is None else part.schema.encode(value).hex().upper(),
        )


def _tables(schema: Schema) -> tuple[str, ...]:
    return (schema.table.name,) if isinstance(schema, Code) else ()


def _tag(tag: int) -> str:
    return f"{tag:02X}"


def _fid(fid: int | None) -> str:
    return "" if fid is None else f"{fid:04X}"
