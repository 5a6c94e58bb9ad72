"""From messages to the card's typed values, for updates. The declared schema of an item says which kind it takes."""

import re
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from google.protobuf.message import Message

from cardlib.model import RECORDS, CyclicFile, ElementaryFile, Item, Joined
from cardlib.schema import Binary, Code, Date, Identifier, Number, Parts, Schema
from cardlib.values import CardDate, CardIdentifier, Value
from services.errors import InvalidRequestError
from sscard.v1 import items_pb2, values_pb2

_ISO: Final = re.compile("[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2})?)?)?")


def typed_values(
    file: ElementaryFile, message: Message, path: str, names: Collection[str] | None = None
) -> dict[str, Value]:
    """The values by name in the typed message of a file: those that are set, or exactly ``names``, None where unset.

    ``path`` is that of the message in the request. Raises :class:`~services.errors.InvalidRequestError`.
    """
    values: dict[str, Value] = {}
    for name, field, schema, several in _fields(file):
        if field not in message.DESCRIPTOR.fields_by_name or (names is not None and name not in names):
            continue
        if _is_set(message, field):
            content, where = getattr(message, field), f"{path}.{field}"
            values[name] = (
                tuple(_typed(schema, one, where) for one in content) if several else _typed(schema, content, where)
            )
        elif names is not None:
            values[name] = None
    return values


def generic_value(file: ElementaryFile, name: str, value: items_pb2.ItemValue, path: str) -> Value:
    """The value of the file's item ``name``; None for a message without a kind.

    Raises :class:`~services.errors.InvalidRequestError`.
    """
    kind, several = next((kind, several) for known, _, kind, several in _fields(file) if known == name)
    if several and value.WhichOneof("kind") is not None:
        return tuple(_generic(kind, one, path) for one in _of_kind("list", value, path).values)
    return _generic(kind, value, path)


def value_names(file: ElementaryFile) -> frozenset[str]:
    """Names of the values that a file has."""
    return frozenset(name for name, _, _, _ in _fields(file))


_Kind: TypeAlias = Schema | Mapping[str, Schema]
"""What a value has to be: of one schema, or a record of a cyclic file, whose fields have schemas by name."""


def _fields(file: ElementaryFile) -> Iterator[tuple[str, str, _Kind, bool]]:
    """Name, field of the message ("" where it has none), kind, and whether it is repeated, of a file's values."""
    if isinstance(file, CyclicFile):
        yield RECORDS, RECORDS, {item.name: item.schema for item in file.items}, True
        return
    for declared in file.declarations:
        assert isinstance(declared, Item | Joined), "these have a schema"
        yield declared.name, declared.proto or "", declared.schema, isinstance(declared, Item) and declared.repeat > 1


def _typed(kind: _Kind, content: object, path: str) -> Value:
    """The value in a field of a typed message."""
    parts = _parts(kind)
    if parts is None:
        return _scalar(kind, content, path)
    assert isinstance(content, Message), "what has parts is a message"
    return _frozen(
        {
            name: _typed(part, getattr(content, name), f"{path}.{name}") if _is_set(content, name) else None
            for name, part in parts.items()
        }
    )


def _generic(kind: _Kind, value: items_pb2.ItemValue, path: str) -> Value:
    """The value in a message that has a place for every kind."""
    if value.WhichOneof("kind") is None:
        return None
    parts = _parts(kind)
    if parts is None:
        return _scalar(kind, _of_kind(_place(kind), value, path), path)
    given = {item.name: item.value for item in _of_kind("group", value, path).items}
    if unknown := given.keys() - parts.keys():
        raise InvalidRequestError(path, f"there is no part {min(unknown)!r}")
    return _frozen(
        {name: _generic(part, given[name], f"{path}.{name}") if name in given else None for name, part in parts.items()}
    )


def _parts(kind: _Kind) -> Mapping[str, Schema] | None:
    if isinstance(kind, Parts):
        return {part.name: part.schema for part in kind.parts}
    return kind if isinstance(kind, Mapping) else None


def _scalar(kind: _Kind, content: object, path: str) -> Value:
    """The value that one field of a message holds."""
    match kind, content:
        case Code(), values_pb2.CodedValue():
            return kind.table[content.code]
        case Date(), str():
            if not _ISO.fullmatch(content):
                raise InvalidRequestError(path, "is no date such as 2024-01-31")
            return CardDate("".join(filter(str.isdigit, content)))
        case Identifier(), str():
            return CardIdentifier(content)
        case _, str() | int() | bytes():
            return content
    raise AssertionError("the field has the form of the schema")


def _place(kind: _Kind) -> str:
    """The field of ItemValue for a schema."""
    match kind:
        case Code():
            return "coded"
        case Date():
            return "date"
        case Number():
            return "fen" if kind.money else "number"
        case Binary():
            return "data"
    return "text"


def _of_kind(place: str, value: items_pb2.ItemValue, path: str) -> Any:
    found = value.WhichOneof("kind")
    if found != place:
        raise InvalidRequestError(path, f"takes `{place}`, not `{found}`")
    return getattr(value, place)


def _frozen(parts: dict[str, Value]) -> Value:
    return MappingProxyType(parts) if any(part is not None for part in parts.values()) else None


def _is_set(message: Message, field: str) -> bool:
    if message.DESCRIPTOR.fields_by_name[field].is_repeated:
        return len(getattr(message, field)) > 0
    return message.HasField(field)
