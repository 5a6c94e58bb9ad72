"""Addresses resolved against a card's profile: what to read or to write, and the answer in the interface's format."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cardlib.errors import ItemError
from cardlib.files import RECORDS, UNTAGGED
from cardlib.items import Item, Joined, Records
from cardlib.model import AddressableFile, CardProfile, CyclicFile, FileContents, LinearFile
from cardlib.national.address import (
    PART_END,
    AddressError,
    Entry,
    FileAddress,
    FileValues,
    escaped,
    format_values,
    parse_values,
)
from cardlib.national.texts import joined_texts, split_parts, text_of, value_of
from cardlib.schema import Schema, SchemaError
from cardlib.text import decode_text, encode_text
from cardlib.values import Value

MAX_RECORD = 254


@dataclass(frozen=True, slots=True)
class Selection:
    """One file of an address, found in a profile.

    ``items``: of a linear file, each item meant and which of its records, from 1. ``numbers``: of a cyclic file, the
    records meant, from 1, the newest; none = all of them. Both are empty for a transparent file, which is meant whole.
    """

    address: FileAddress
    file: AddressableFile
    items: tuple[tuple[Item, int], ...] = ()
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Change:
    """A new value for one record: the ``item``, which of its records, from 1, and what to write."""

    item: Item
    number: int
    value: Value

    def __repr__(self) -> str:
        return f"<{self.item.name}:{self.number}>"


@dataclass(frozen=True, slots=True, repr=False)
class Update:
    """What to write to one file: ``changes`` of a linear or transparent one, ``records`` to append to a cyclic one.

    Records stand in the order in which they are appended: the last becomes the newest.
    """

    file: AddressableFile
    changes: tuple[Change, ...] = ()
    records: tuple[Mapping[str, Value], ...] = ()

    def values(self, current: Records) -> dict[str, Value]:
        """The values of all fields that the update touches, by name, as :mod:`cardlib.flows.update_items` takes them.

        ``current``: what the file holds now. A field may rest on several records, of which an address names one: the
        name and its extension, or the rows of a repeated item. The others stay.
        """
        records = dict(current)
        if self.records:
            return {RECORDS: self.records[::-1]}
        touched: dict[str, Value] = {
            change.item.name: change.value for change in self.changes if change.item.tag is None
        }
        views = {tag: view for view in _joined(self.file) for tag in view.tags}
        texts = {tag: text for view in _joined(self.file) for tag, text in joined_texts(view, current).items()}
        tagged = [(change.item.tag, change) for change in self.changes if change.item.tag is not None]
        for tag, change in tagged:
            if tag in views:
                texts[tag] = str(change.value or "")
                touched[views[tag].name] = "".join(texts[one] for one in views[tag].tags) or None
                continue
            schema, held = change.item.schema, list(records.get(tag, ()))
            held += [schema.encode(None)] * (change.number - len(held))
            held[change.number - 1] = schema.encode(change.value)
            records[tag] = tuple(held)
        tags = {tag for tag, _ in tagged} - views.keys()
        for field in self.file.fields:
            if tags.intersection(field.tags):
                touched |= {name: value for name, (value, _) in field.read(records).items()}
        return touched

    def __repr__(self) -> str:
        return f"<{self.file.name}: {len(self.changes)} changes, {len(self.records)} records>"


def resolve(addresses: Iterable[FileAddress], profile: CardProfile) -> tuple[Selection, ...]:
    """What an address means on a card of this profile.

    Raises :class:`AddressError`, with the place, for a file or an item that the profile does not have, and for an entry
    that does not fit the structure of its file.
    """
    return tuple(_selection(address, profile) for address in addresses)


def results(selections: Iterable[Selection], contents: Mapping[str, FileContents]) -> bytes:
    """What was read, in the places of the address, GB 18030. ``contents``: by name of the file.

    A record that the card does not have is empty, and so is all of a file that is not among ``contents``.
    """
    files = []
    for selection in selections:
        held = contents.get(selection.file.name)
        values = tuple(_texts(selection, held.raw if held is not None else MappingProxyType({})))
        files.append(FileValues(selection.address.head, values))
    return encode_text(format_values(files))


def updates(selections: Sequence[Selection], data: bytes) -> tuple[Update, ...]:
    """What to write, from values in the places of the address, GB 18030; strict.

    Raises :class:`AddressError`, with the place, where the values are not those of the address, and where one may not
    be written to its item.
    """
    try:
        text = decode_text(data)
    except ItemError:
        raise AddressError(0, "holds bytes that are no GB 18030 text") from None
    files = parse_values(text)
    if len(files) != len(selections):
        raise AddressError(len(text), f"has values of {len(files)} files, the address names {len(selections)}")
    return tuple(_update(selection, values) for selection, values in zip(selections, files, strict=True))


def _selection(address: FileAddress, profile: CardProfile) -> Selection:
    try:
        file = profile.file(address.directory, address.fid)
    except KeyError:
        raise AddressError(address.position, f"a {profile.version} card has no file {address.head}") from None
    if isinstance(file, LinearFile):
        if not address.entries:
            raise AddressError(address.position, f"{address.head} holds items: name them")
        return Selection(address, file, items=tuple(_item(file, entry) for entry in address.entries))
    if isinstance(file, CyclicFile):
        return Selection(address, file, numbers=tuple(_number(entry) for entry in address.entries))
    if address.entries:
        raise AddressError(address.entries[0].position, f"{address.head} is transparent: it has no items")
    return Selection(address, file)


def _item(file: LinearFile, entry: Entry) -> tuple[Item, int]:
    item = next((item for item in file.items if f"{item.tag:02X}" == entry.code), None)
    if item is None:
        raise AddressError(entry.position, f"the file {file.name} has no item of this tag")
    number = 1 if entry.number is None else entry.number
    if not 1 <= number <= item.repeat:
        raise AddressError(entry.position, f"the item {item.name} has records 1 to {item.repeat}")
    return item, number


def _number(entry: Entry) -> int:
    if entry.number is not None or not entry.code.isdecimal() or not 1 <= int(entry.code) <= MAX_RECORD:
        raise AddressError(entry.position, f"is no record number from 1 to {MAX_RECORD}")
    return int(entry.code)


def _texts(selection: Selection, raw: Records) -> Iterator[str]:
    file = selection.file
    if isinstance(file, CyclicFile):
        stored = raw.get(UNTAGGED, ())
        if selection.numbers:
            chosen = [stored[number - 1] if number <= len(stored) else b"" for number in selection.numbers]
        else:
            chosen = [record for record in stored if record.strip(b"\x00") and record.strip(b"\xff")]
        for record in chosen:
            yield _record_text(file, record) if record else ""
    elif isinstance(file, LinearFile):
        joined = {tag: text for view in _joined(file) for tag, text in joined_texts(view, raw).items()}
        for item, number in selection.items:
            held = item.stored(raw)
            if item.tag in joined:
                yield escaped(joined[item.tag])
            else:
                yield text_of(item.schema, held[number - 1]) if number <= len(held) else ""
    else:
        for content in raw.get(UNTAGGED, ()):
            yield content.hex().upper()


def _record_text(file: CyclicFile, record: bytes) -> str:
    texts = []
    for item in file.items:
        texts.append(text_of(item.schema, record[: item.size]))
        record = record[item.size :]
    return PART_END.join(texts)


def _update(selection: Selection, given: FileValues) -> Update:
    file = selection.file
    if given.head != selection.address.head:
        raise AddressError(given.position, f"the address has {selection.address.head} in this place")
    if isinstance(file, CyclicFile):
        if selection.numbers:
            raise AddressError(selection.address.entries[0].position, "records of a cyclic file are appended only")
        records = (_record(file, text, at) for text, at in zip(given.values, given.positions, strict=True))
        return Update(file, records=tuple(records))
    places = selection.items or ((file.items[0], 1),)
    if len(given.values) != len(places):
        raise AddressError(given.position, f"has {len(given.values)} values, the address names {len(places)}")
    # A part of a joined item may hold what the parts after it have room for.
    schemas = {part: view.schema for view in _joined(file) for part in view.parts}
    return Update(
        file,
        tuple(
            Change(item, number, _value(schemas.get(item, item.schema), item, text, at))
            for (item, number), text, at in zip(places, given.values, given.positions, strict=True)
        ),
    )


def _record(file: CyclicFile, text: str, position: int) -> Mapping[str, Value]:
    try:
        texts = split_parts(text, len(file.items))
    except SchemaError as error:
        raise AddressError(position, f"a record of {file.name} {error.reason}") from None
    values = {}
    for item, part in zip(file.items, texts, strict=True):
        values[item.name] = _value(item.schema, item, part, position)
        position += len(part) + 1
    return MappingProxyType(values)


def _joined(file: AddressableFile) -> tuple[Joined, ...]:
    return tuple(field for field in file.fields if isinstance(field, Joined))


def _value(schema: Schema, item: Item, text: str, position: int) -> Value:
    try:
        return value_of(schema, text)
    except SchemaError as error:
        raise AddressError(position, f"{item.name} {error.reason}") from None
