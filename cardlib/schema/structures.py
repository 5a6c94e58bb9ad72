"""Types over other types: codes of a table, codes glued together, and constructed items (BTLV)."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import construct as cs

from apdu.errors import TlvError
from apdu.tlv import encode_simple, parse_simple
from cardlib.codes import CodeTable
from cardlib.schema.base import Schema, SchemaError
from cardlib.schema.plain import an
from cardlib.values import Coded, Concern, Value


class Code(Schema):
    """A code of a table, stored as another schema stores it."""

    def __init__(self, table: CodeTable, code: Schema) -> None:
        super().__init__(code)
        self.table = table
        self.notation = code.notation
        self.filler = code.filler

    def _read(self, stored: str | None) -> Value:
        return None if stored is None else self.table[stored]

    def _write(self, value: Value) -> str:
        if not isinstance(value, Coded):
            raise SchemaError(f"takes a code of the table {self.table.name}")
        return value.code

    def _blank(self) -> None:
        return None


class Part(NamedTuple):
    """One part of a value: its name, what it is stored as, and the specification's term for it."""

    name: str
    schema: Schema
    chinese: str


class Parts(Schema):
    """A value of several named ``parts``, in order on the card."""

    parts: tuple[Part, ...]

    def concerns(self, value: Value) -> tuple[Concern, ...]:
        """What is to be said about the parts, each concern once."""
        if not isinstance(value, Mapping):
            return super().concerns(value)
        found = (concern for part in self.parts for concern in part.schema.concerns(value.get(part.name)))
        return tuple(dict.fromkeys(found))

    def _blank(self) -> bytes:
        return self._joined({})

    def _write(self, value: Value) -> bytes:
        if not isinstance(value, Mapping):
            raise SchemaError(f"takes a value for each of: {', '.join(part.name for part in self.parts)}")
        return self._joined(value)

    @abstractmethod
    def _joined(self, values: Mapping[str, Value]) -> bytes:
        """What to store for values of the parts, blank for those that are not there."""

    @staticmethod
    def _frozen(values: dict[str, Value]) -> Value:
        return MappingProxyType(values) if any(value is not None for value in values.values()) else None


class Composite(Parts):
    """Parts of fixed lengths, one behind the other, without tags."""

    notation = "an"

    def __init__(self, parts: tuple[Part, ...]) -> None:
        super().__init__(cs.Bytes(sum(part.schema.size for part in parts)))
        self.parts = parts

    def _read(self, stored: bytes) -> Value:
        values: dict[str, Value] = {}
        for part in self.parts:
            values[part.name] = part.schema.decode(stored[: part.schema.size])
            stored = stored[part.schema.size :]
        return self._frozen(values)

    def _joined(self, values: Mapping[str, Value]) -> bytes:
        return b"".join(part.schema.encode(values.get(part.name)) for part in self.parts)


class Btlv(Parts):
    """Inner items ``tag len value`` back to back, one-byte tags and lengths; not BER [S2.3 §5.3.1]."""

    notation = "BTLV"

    def __init__(self, inner: Mapping[int, Part]) -> None:
        super().__init__(cs.Bytes(sum(2 + part.schema.size for part in inner.values())))
        self.inner = inner
        self.parts = tuple(inner.values())

    def _read(self, stored: bytes) -> Value:
        try:
            found = dict(reversed(parse_simple(stored)))
        except TlvError as error:
            raise SchemaError(str(error)) from None
        return self._frozen({part.name: part.schema.decode(found.get(tag, b"")) for tag, part in self.inner.items()})

    def _joined(self, values: Mapping[str, Value]) -> bytes:
        return b"".join(
            encode_simple(tag, part.schema.encode(values.get(part.name))) for tag, part in self.inner.items()
        )


def coded(table: CodeTable, code: Schema) -> Schema:
    """A code of a table, stored as ``code`` says; :class:`~cardlib.values.Coded`."""
    return Code(table, code)


def composite(parts: Iterable[tuple[str, int, CodeTable]]) -> Schema:
    """Codes glued together in one text: (name, characters, table) of each; a frozen mapping from name to Coded."""
    return Composite(tuple(Part(name, coded(table, an(size)), table.chinese) for name, size, table in parts))


def btlv(inner: Mapping[int, tuple[str, Schema, str]]) -> Schema:
    """Inner items by tag: (name, schema, Chinese name), in their order on the card; a frozen mapping from the names."""
    return Btlv({tag: Part(*part) for tag, part in inner.items()})
