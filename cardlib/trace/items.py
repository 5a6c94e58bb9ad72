"""Data fields taken apart into items, by the declaration of the file that they are read from or written to."""

from collections.abc import Iterator
from dataclasses import dataclass

from apdu.command import CommandAPDU
from apdu.errors import TlvError
from apdu.tlv import parse_simple
from cardlib.commands import RecordMode
from cardlib.describe import describe_value
from cardlib.follow import BINARY
from cardlib.items import Declared, Field, Item, Joined, Reading
from cardlib.model import CyclicFile, ElementaryFile, LinearFile, Records, TransparentFile
from cardlib.trace.parts import Part


@dataclass(frozen=True, slots=True, repr=False)
class SeenItem:
    """One thing that a command or an answer carried: an item of a file, or another element of a data field.

    ``name`` and ``chinese`` are those of the declaration; ``where`` tells several of a name apart, such as "record 2".
    ``value`` is the decoded value in words, "" for a blank. ``public``: whether it may be shown unasked. ``note`` says
    what is odd about it, without its value. The ``repr`` shows no data.
    """

    name: str
    chinese: str
    raw: bytes
    value: str
    public: bool
    where: str = ""
    note: str = ""

    def shown(self, *, show_data: bool = False) -> str:
        """One line: names, then the value, or how many bytes are masked."""
        value = self.value or "(blank)" if self.public or show_data else f"<{len(self.raw)} bytes masked>"
        words = (self.where, self.name, self.chinese, value, f"[{self.note}]" if self.note else "")
        return " ".join(word for word in words if word)

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self.raw)} bytes>"


def element(part: Part, raw: bytes) -> SeenItem:
    """What no file declares: always masked, in hexadecimal when asked for."""
    return SeenItem(part.name, part.chinese, raw, raw.hex(" ").upper(), public=False)


def unknown(raw: bytes, *, name: str = "data", where: str = "", note: str = "") -> tuple[SeenItem, ...]:
    """Bytes that nobody here can name; nothing where there are none."""
    return (SeenItem(name, "未知数据", raw, raw.hex(" ").upper(), public=False, where=where, note=note),) if raw else ()


def items_of(file: ElementaryFile | None, command: CommandAPDU, data: bytes) -> tuple[SeenItem, ...]:
    """The items among ``data``, which the command reads from this file or writes to it."""
    match file:
        case LinearFile() if command.ins not in BINARY:
            return tuple(_linear(file, command, data))
        case CyclicFile() if command.ins not in BINARY:
            return tuple(_cyclic(file, command, data))
        case TransparentFile() if command.ins in BINARY:
            return (_transparent(file.items[0], data),)
        case _:
            return unknown(data)


def _linear(file: LinearFile, command: CommandAPDU, data: bytes) -> Iterator[SeenItem]:
    try:
        records = parse_simple(data)
    except TlvError:
        yield from unknown(data, note="no records of the form tag, length, value")
        return
    by_tag: dict[int, tuple[bytes, ...]] = {}
    for tag, raw in records:
        by_tag[tag] = (*by_tag.get(tag, ()), raw)
    # A text over several records is one where all are there; a record with two meanings says itself which it has.
    views = {
        view.tags[0]: view
        for view in file.views
        if by_tag.keys() >= set(view.tags) or (view.tags[0] in by_tag and not isinstance(view, Joined))
    }
    hidden = {tag for view in views.values() for tag in view.tags}
    for index, (tag, raw) in enumerate(records):
        item = next((item for item in file.items if item.tag == tag), None)
        if tag in views:
            yield from _view(views[tag], by_tag)
        elif item is None:
            yield from unknown(raw, name=f"item {tag:02X}", note="not in the profile")
        elif tag not in hidden:
            yield _item(item, raw, _occurrence(file, item, command, index))


def _view(view: Field, records: Records) -> Iterator[SeenItem]:
    readings = view.read(records)
    there = [declared for declared in view.declarations if records.keys() >= set(declared.tags)]
    told = [declared for declared in there if readings[declared.name] != (None, ())]
    for declared in told or there[:1]:
        raw = b"".join(records[tag][0] for tag in declared.tags)
        yield _seen(declared, raw, readings[declared.name])


def _cyclic(file: CyclicFile, command: CommandAPDU, data: bytes) -> Iterator[SeenItem]:
    size, mode = file.record_size, command.p2 & 0x07
    if not data or len(data) % size:
        yield from unknown(data, note=f"no records of {size} bytes")
        return
    for index in range(len(data) // size):
        number = (
            {
                RecordMode.NUMBER: command.p1,
                RecordMode.FROM_NUMBER_TO_LAST: command.p1 + index,
                RecordMode.PREVIOUS_WITH_IDENTIFIER: 0,
            }.get(RecordMode(mode))
            if mode in set(RecordMode)
            else 0
        )
        where = f"record {number}" if number else "record"
        at = index * size
        for item in file.items:
            yield _item(item, data[at : at + item.size], where)
            at += item.size


def _transparent(item: Item, data: bytes) -> SeenItem:
    note = "" if len(data) == item.size else "part of it"
    return SeenItem(item.name, item.chinese, data, data.hex(" ").upper(), public=not item.sensitive, note=note)


def _item(item: Item, raw: bytes, where: str) -> SeenItem:
    return _seen(item, raw, item.understand(raw), where)


def _seen(declared: Declared, raw: bytes, reading: Reading, where: str = "") -> SeenItem:
    value, concerns = reading
    words = describe_value(value) or (raw.hex(" ").upper() if any(concerns) and value is None else "")
    note = "; ".join(concern.en for concern in concerns)
    return SeenItem(declared.name, declared.chinese, raw, words, not declared.sensitive, where, note)


def _occurrence(file: LinearFile, item: Item, command: CommandAPDU, index: int) -> str:
    """Which of several records with one tag it is, as far as the command tells: "1 of 3"."""
    if item.repeat == 1:
        return ""
    mode = command.p2 & 0x07
    if mode == RecordMode.FIRST_WITH_IDENTIFIER:
        return f"1 of {item.repeat}"
    if mode not in {RecordMode.NUMBER, RecordMode.FROM_NUMBER_TO_LAST}:
        return ""
    numbered = [(each, copy) for each in file.items for copy in range(1, each.repeat + 1)]
    at = command.p1 + index - 1
    fits = 0 <= at < len(numbered) and numbered[at][0] is item
    return f"{numbered[at][1]} of {item.repeat}" if fits else ""
