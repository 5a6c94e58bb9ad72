"""Data items (数据项) as declarations: one item, and one text that is spread over several."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from apdu.tlv import encode_simple
from cardlib.errors import ItemError
from cardlib.schema import Schema, SchemaError, an
from cardlib.values import Concern, Value

Records: TypeAlias = Mapping[int, tuple[bytes, ...]]
"""What a file holds: values by tag, tag and length bytes left out; of a repeated tag all of them, in order.

What has no tag stands under 0: the records of a cyclic file, the content of a transparent one.
"""

Reading: TypeAlias = tuple[Value, tuple[Concern, ...]]
"""A value and what is to be said about it."""


class Field(ABC):
    """What has values of its own in a file: usually one, an item's.

    Records that have to be understood together are one field: :class:`Joined` has one value from several records.
    """

    @property
    @abstractmethod
    def declarations(self) -> "tuple[Declared, ...]":
        """What declares the values, one for each of ``names``."""

    @property
    @abstractmethod
    def tags(self) -> tuple[int, ...]:
        """Tags of the records that hold the values."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the values."""
        return tuple(declared.name for declared in self.declarations)

    @property
    def sample(self) -> dict[str, Value]:
        """Values of an invented person by name, from the vectors."""
        return {declared.name: declared.example for declared in self.declarations}

    @abstractmethod
    def read(self, records: Records) -> dict[str, Reading]:
        """The values among the records of a file, by name, and what is to be said about them; never raises."""

    @abstractmethod
    def write(self, values: Mapping[str, Value]) -> tuple[bytes, ...]:
        """The records that hold those of the values that are this field's, blank where there is none.

        Raises :class:`~cardlib.errors.ItemError` for a value that would not read back the same.
        """


@dataclass(frozen=True, kw_only=True, eq=False)
class Declared(Field):
    """What items and joined items have in common: one value under one name.

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

    @property
    def declarations(self) -> "tuple[Declared, ...]":
        """Itself."""
        return (self,)

    @property
    def example(self) -> Value:
        """The value of the vector."""
        return self.vector[1]


@dataclass(frozen=True, kw_only=True, eq=False)
class Item(Declared):
    """One data item (数据项): ``tag`` is 01…FE, ``schema`` knows type and size.

    ``tag`` None: a field of records without tags, or the content of a transparent file. ``repeat``: that many
    consecutive records have the tag; above 1 the value is a tuple of as many values, None for each blank or missing
    one, while the vector is that of one record. ``optional``: a card without the record is as it should be, and a blank
    record is not written.
    """

    tag: int | None
    schema: Schema
    repeat: int = 1
    optional: bool = False

    @property
    def size(self) -> int:
        """Length of one value in bytes, without tag and length byte."""
        return self.schema.size

    @property
    def record_size(self) -> int:
        """Length of one record in bytes, with tag and length byte where it has them."""
        return self.size if self.tag is None else self.size + 2

    @property
    def tags(self) -> tuple[int, ...]:
        """The tag, if it has one."""
        return () if self.tag is None else (self.tag,)

    @property
    def example(self) -> Value:
        """The value of the vector; of several records the first alone is filled."""
        return self.vector[1] if self.repeat == 1 else (self.vector[1], *(None,) * (self.repeat - 1))

    def decode(self, raw: bytes) -> Value:
        """The value of one record's stored bytes, None for a blank item.

        Tolerant: raises :class:`~cardlib.errors.ItemError` only where a structure cannot be taken apart.
        """
        try:
            return self.schema.decode(raw)
        except SchemaError as error:
            raise ItemError(self.name, error.reason) from None

    def encode(self, value: Value) -> bytes:
        """One record: tag, length, value, or the value alone for an item without tag; None is written as blank.

        Strict: raises :class:`~cardlib.errors.ItemError` for a value that would not read back the same.
        """
        try:
            return self.record(self.schema.encode(value))
        except SchemaError as error:
            raise ItemError(self.name, error.reason) from None

    def record(self, raw: bytes) -> bytes:
        """One record with these bytes as its value."""
        return raw if self.tag is None else encode_simple(self.tag, raw)

    def understand(self, raw: bytes) -> Reading:
        """As :meth:`decode`, with what is to be said about the value; never raises."""
        length = () if len(raw) == self.size else (Concern.LENGTH_DIFFERS,)
        try:
            value = self.decode(raw)
        except ItemError:
            return None, (*length, Concern.ITEM_UNREADABLE)
        return value, (*length, *self.schema.concerns(value))

    def stored(self, records: Records) -> tuple[bytes, ...]:
        """This item's values among the records of a file, as they are stored: ``repeat`` of them at most."""
        return () if self.tag is None else records.get(self.tag, ())[: self.repeat]

    def read(self, records: Records) -> dict[str, Reading]:
        """The value, a tuple if the item has several records; never raises."""
        stored = self.stored(records)
        readings = [self.understand(raw) for raw in stored]
        missing = self.repeat - len(stored)
        if missing:
            readings.append((None, () if self.optional else (Concern.RECORD_MISSING,)))
        found = tuple(dict.fromkeys(concern for _, concerns in readings for concern in concerns))
        if self.repeat == 1:
            return {self.name: (readings[0][0], found)}
        values = tuple(value for value, _ in readings[: len(stored)])
        return {self.name: ((*values, *(None,) * missing), found)}

    def write(self, values: Mapping[str, Value]) -> tuple[bytes, ...]:
        """One record, or ``repeat`` of them; a tuple of values may be shorter."""
        value = values.get(self.name)
        if self.repeat == 1:
            return () if value is None and self.optional else (self.encode(value),)
        several = () if value is None else value
        if not isinstance(several, tuple) or len(several) > self.repeat:
            raise ItemError(self.name, f"takes a tuple of up to {self.repeat} values")
        return tuple(self.encode(one) for one in (*several, *(None,) * (self.repeat - len(several))))


@dataclass(frozen=True, kw_only=True, eq=False)
class Joined(Declared):
    """One text spread over several records (拆分存放的数据项): ``parts`` are text items, in order.

    The bytes are joined before they are decoded, because a character may straddle two records [S1 §8.1.2.2].
    """

    parts: tuple[Item, ...]

    @property
    def tags(self) -> tuple[int, ...]:
        """The tags of the parts."""
        return tuple(tag for part in self.parts for tag in part.tags)

    @property
    def schema(self) -> Schema:
        """Text as long as all parts together."""
        return an(sum(part.size for part in self.parts))

    def read(self, records: Records) -> dict[str, Reading]:
        """The text of as many of the parts as there are; never raises."""
        stored = [part.stored(records) for part in self.parts]
        found: list[Concern] = []
        if () in stored:
            found.append(Concern.RECORD_MISSING)
        if any(raw and len(raw[0]) != part.size for raw, part in zip(stored, self.parts, strict=True)):
            found.append(Concern.LENGTH_DIFFERS)
        # Blanks are kept: a Latin name may have one where the parts meet.
        text = b"".join(raw[0].rstrip(b"\x00\xff") for raw in stored if raw)
        value = self.schema.decode(text)
        return {self.name: (value, (*found, *self.schema.concerns(value)))}

    def write(self, values: Mapping[str, Value]) -> tuple[bytes, ...]:
        """One record for each part."""
        try:
            raw = self.schema.encode(values.get(self.name))
        except SchemaError as error:
            raise ItemError(self.name, error.reason) from None
        records = []
        for part in self.parts:
            records.append(part.record(raw[: part.size]))
            raw = raw[part.size :]
        return tuple(records)
