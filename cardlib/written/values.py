"""From what people write in TOML or JSON to the values that items hold (数据项的取值)."""

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from cardlib.errors import ItemError
from cardlib.files import any_value
from cardlib.items import Declared, Item, Joined
from cardlib.model import RECORDS, CyclicFile, ElementaryFile, TransparentFile
from cardlib.schema import Binary, Code, Date, Identifier, Number, Parts, Schema, SchemaError
from cardlib.values import CardDate, CardIdentifier, Value
from cardlib.written.mistakes import unknown

BLANK = ""
"""What is written for an item that shall be blank."""


class Leaf(ABC):
    """What stands in the place of something written, and gives its value once the type is known (占位)."""

    @abstractmethod
    def value(self, schema: Schema, fill: int) -> Value:
        """The value, which the schema can hold; ``fill`` as for :func:`read`. Raises :class:`SchemaError`."""


def file_values(file: ElementaryFile, written: object, place: str, mistakes: list[str]) -> dict[str, Value]:
    """The values of a file from a table of its items, or of a cyclic file from a list of tables, the newest first.

    Everything that an item cannot hold is told in ``mistakes`` and left out.
    """
    if not isinstance(file, CyclicFile):
        return _items(file, written, place, mistakes)
    if not isinstance(written, list):
        mistakes.append(f"{place}: takes records, the newest first: write [[{place}]]")
        return {}
    records = (_items(file, record, f"{place}[{number}]", mistakes) for number, record in enumerate(written, 1))
    return {RECORDS: tuple(MappingProxyType(record) for record in records)}


def _items(file: ElementaryFile, written: object, place: str, mistakes: list[str]) -> dict[str, Value]:
    if not isinstance(written, Mapping):
        mistakes.append(f"{place}: takes the names of items, each with its value")
        return {}
    declared = {one.name: one for one in file.declarations}
    found: dict[str, Value] = {}
    for name, value in written.items():
        if name not in declared:
            mistakes.append(f"{place}.{name}: {unknown('item', name, declared)}")
            continue
        try:
            found[name] = _value(file, declared[name], value)
        except (SchemaError, ItemError) as error:
            mistakes.append(f"{place}.{name}: {error.reason}")
    return found


def _value(file: ElementaryFile, one: Declared, written: object) -> Value:
    """The value of one item, checked; raises :class:`SchemaError` or :class:`ItemError`."""
    assert isinstance(one, Item | Joined), "nothing else declares values"
    # Nobody counts the zeros behind a picture.
    fill = one.schema.size if isinstance(file, TransparentFile) else 0
    if isinstance(one, Item) and one.repeat > 1:
        if not isinstance(written, list) or len(written) > one.repeat:
            raise SchemaError(f"takes a list of up to {one.repeat} values")
        return tuple(_checked(one.schema, read(one.schema, each)) for each in written)
    return _checked(one.schema, read(one.schema, written, fill))


def _checked(schema: Schema, value: Value) -> Value:
    schema.encode(value)
    return value


def read(schema: Schema, written: object, fill: int = 0) -> Value:
    """The value of something written, None for a blank; what it is has been looked at, not whether it fits.

    ``fill``: bytes that binary values are filled up to with 00. Raises :class:`SchemaError`.
    """
    if isinstance(written, Leaf):
        return written.value(schema, fill)
    if written == BLANK:
        return None
    for kind, reader in _READERS:
        if isinstance(schema, kind):
            return reader(schema, written)
    if isinstance(schema, Binary):
        return _octets(written).ljust(fill, b"\x00")
    if not isinstance(written, str):
        raise SchemaError("takes text in quotation marks")
    return written


def _date(schema: Schema, written: object) -> Value:
    """Digits, with hyphens or without, or a date as TOML has it."""
    if isinstance(written, dt.date) and not isinstance(written, dt.datetime):
        return CardDate.of(written)
    if not isinstance(written, str):
        raise SchemaError(f"takes a date of {2 * schema.size} digits in quotation marks")
    return CardDate(written.replace("-", ""))


def _code(schema: Schema, written: object) -> Value:
    assert isinstance(schema, Code)
    if not isinstance(written, str):
        raise SchemaError(f"takes a code of the table {schema.table.name} in quotation marks")
    return schema.table[written]


def _number(_schema: Schema, written: object) -> Value:
    if not isinstance(written, int) or isinstance(written, bool):
        raise SchemaError("takes a whole number, without quotation marks")
    return written


def _identifier(_schema: Schema, written: object) -> Value:
    if not isinstance(written, str):
        raise SchemaError("takes 32 digits in quotation marks")
    return CardIdentifier(written.upper())


def _parts(schema: Schema, written: object) -> Value:
    assert isinstance(schema, Parts)
    parts = {part.name: part.schema for part in schema.parts}
    if not isinstance(written, Mapping):
        raise SchemaError(f"takes a table of: {', '.join(parts)}")
    found: dict[str, Value] = {}
    for name, value in written.items():
        if name not in parts:
            raise SchemaError(f"{name}: {unknown('part', name, parts)}")
        try:
            found[name] = _checked(parts[name], read(parts[name], value))
        except SchemaError as error:
            raise SchemaError(f"{name}: {error.reason}") from None
    # A card cannot tell a value whose parts are all blank from a blank one.
    return MappingProxyType({name: found.get(name) for name in parts}) if any_value(found) else None


def _octets(written: object) -> bytes:
    try:
        return bytes.fromhex(written if isinstance(written, str) else "?")
    except ValueError:
        raise SchemaError("takes hexadecimal digits in quotation marks") from None


_READERS: Final[tuple[tuple[type[Any], Callable[[Schema, object], Value]], ...]] = (
    (Date, _date),
    (Code, _code),
    (Number, _number),
    (Identifier, _identifier),
    (Parts, _parts),
)
"""How schemas are written that are neither text nor bytes."""
