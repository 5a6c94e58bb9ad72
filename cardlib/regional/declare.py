"""Entries of a regional profile file as declarations: items with their schemas, and files."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from cardlib.codes import CodeTable
from cardlib.errors import ItemError
from cardlib.files import AddressableFile, CyclicFile, FileClass, LinearFile, Structure, TransparentFile
from cardlib.items import Item
from cardlib.regional.document import FileEntry, ItemEntry, PartEntry
from cardlib.schema import (
    Schema,
    SchemaError,
    an,
    binary,
    binary_money,
    btlv,
    cn,
    coded,
    count,
    date,
    money,
    month,
    number,
    region,
    timestamp,
    year,
)

_LONGEST: Final = 253
"""Bytes of a value, so that its record fits into one command."""

_PLAIN: Final[Mapping[str, Callable[[int], Schema]]] = MappingProxyType({"an": an, "cn": cn, "b": binary})
_MEANT: Final[Mapping[str, tuple[str, Callable[[int], Schema]]]] = MappingProxyType(
    {"money": ("cn", money), "count": ("an", count), "number": ("b", number), "binary_money": ("b", binary_money)}
)
_FIXED: Final[Mapping[str, Callable[[], Schema]]] = MappingProxyType(
    {"date": date, "month": month, "year": year, "timestamp": timestamp, "region": region}
)


def item(entry: ItemEntry) -> Item:
    """The item of an entry. Raises :class:`ValueError` with what is wrong, also with the example."""
    schema = _constructed(entry) if entry.type == "BTLV" else _simple(entry)
    if entry.tag is not None and schema.size > _LONGEST:
        raise ValueError(f"a record with tag and length holds up to {_LONGEST} bytes, not {schema.size}")
    try:
        value = schema.decode(entry.example)
        canonical = schema.encode(value) == entry.example
    except SchemaError as error:
        raise ValueError(f"the example: {error.reason}") from None
    if value is None or not canonical:
        raise ValueError(f"the example is not a stored value of {schema.size} bytes, filled up as {entry.type} is")
    return Item(
        tag=entry.tag,
        name=entry.name,
        chinese=entry.chinese,
        schema=schema,
        vector=(entry.example.hex().upper(), value),
        # Messages have fields for what is standard; the list of items has the rest.
        proto=None,
        sensitive=entry.sensitive,
        repeat=entry.repeat,
    )


def file(entry: FileEntry, items: Iterable[Item]) -> AddressableFile:
    """The file of an entry, whose items were made before."""
    common: dict[str, Any] = {
        "fid": entry.fid,
        "name": entry.name,
        "chinese": entry.chinese,
        "read": entry.read,
        "update": entry.update,
        "items": tuple(items),
        "file_class": FileClass.ACTIVE,
        "secure_messaging": entry.secure_messaging,
    }
    match Structure(entry.structure):
        case Structure.CYCLIC:
            return CyclicFile(**common, records=entry.records or 1)
        case Structure.TRANSPARENT:
            return TransparentFile(**common)
        case structure:
            return LinearFile(**common, structure=structure)


def _constructed(entry: ItemEntry) -> Schema:
    if not entry.parts or entry.length is not None or entry.meaning or entry.codes:
        raise ValueError("type BTLV takes parts, and no length, meaning or codes")
    names = [part.name for part in entry.parts]
    tags = [part.tag for part in entry.parts]
    if len(set(names)) < len(names) or len(set(tags)) < len(tags):
        raise ValueError("two parts have the same name or the same tag")
    return btlv({part.tag: (part.name, _simple(part), part.chinese) for part in entry.parts})


def _simple(entry: ItemEntry | PartEntry) -> Schema:
    if isinstance(entry, ItemEntry) and entry.parts:
        raise ValueError(f"an item of type {entry.type} has no parts")
    if entry.length is None:
        raise ValueError("length is missing")
    if entry.codes:
        return _of_codes(entry, entry.length)
    if entry.meaning is None:
        return _PLAIN[entry.type](entry.length)
    if entry.meaning in _FIXED:
        schema = _FIXED[entry.meaning]()
        notation = "cn"
    else:
        notation, make = _MEANT[entry.meaning]
        schema = make(entry.length)
    if (entry.type, entry.length) != (notation, schema.size):
        raise ValueError(f"a {entry.meaning} is {notation} {schema.size}, not {entry.type} {entry.length}")
    return schema


def _of_codes(entry: ItemEntry | PartEntry, length: int) -> Schema:
    if entry.meaning or entry.type == "b":
        raise ValueError("codes are of type an or cn, and have no other meaning")
    rows = tuple((code.code, code.zh, code.en) for code in entry.codes)
    if len({code for code, _, _ in rows}) < len(rows):
        raise ValueError("a code stands twice")
    table = CodeTable(entry.name.replace("_", " "), entry.chinese, "regional profile", rows)
    schema = coded(table, _PLAIN[entry.type](length))
    for code, _, _ in rows:
        try:
            schema.encode(table[code])
        except (SchemaError, ItemError):
            raise ValueError(f"the code {code!r} is no {entry.type} {length}") from None
    return schema
