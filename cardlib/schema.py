"""Data types of the card as construct schemas: ``cn``, ``an``, ``b``, ``BTLV``, and dates and codes over them [S1 §7].

Reading is tolerant: cards pad with 00, FF and 20, and what cannot be understood is kept and says so in its value's
concerns. Writing is strict: a value is written only if nothing is to be said about it and it reads back the same.
Every schema knows its ``size`` in bytes; every error is a :class:`SchemaError` that never shows the value.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import construct as cs

from apdu.errors import TlvError
from apdu.tlv import encode_simple, parse_simple
from cardlib.codes import CodeTable
from cardlib.errors import ItemError
from cardlib.text import decode_text_leniently, encode_text
from cardlib.values import CardDate, CardIdentifier, Coded, Value, concerns

PADDING = b"\x00\xff\x20"
"""Bytes with which cards in the field fill up texts; never the last byte of a GB 18030 character."""


class SchemaError(cs.ConstructError):  # type: ignore[misc]  # construct has no types
    """Bytes or a value that a schema does not allow; ``reason`` says which rule is broken, never with which value."""

    def __init__(self, reason: str, path: str | None = None) -> None:
        self.reason = reason
        super().__init__(reason, path=path)


class Schema(cs.Adapter, ABC):  # type: ignore[misc]  # construct has no types
    """One data type of a certain size: bytes in, a frozen value of :mod:`cardlib.values` out, and back."""

    notation = ""
    """How the specification writes the type: cn, an, b or BTLV."""
    filler = b"\x00"
    """The byte of which a blank item consists."""

    @cached_property
    def size(self) -> int:
        """Length in bytes."""
        return int(self.sizeof())

    def decode(self, raw: bytes) -> Value:
        """The value, None for a blank item; what is too long is cut, what is too short is filled up.

        Raises :class:`SchemaError` only for a structure that cannot be taken apart (BTLV).
        """
        value: Value = self.parse(raw[: self.size].ljust(self.size, self.filler))
        return value

    def encode(self, value: Value) -> bytes:
        """The bytes, ``size`` of them; None is written as blank. Raises :class:`SchemaError`."""
        for concern in concerns(value):
            raise SchemaError(concern.en)
        raw: bytes = self.build(value)
        if self.decode(raw) != value:
            raise SchemaError("would read back as something else")
        return raw

    def _decode(self, obj: Any, context: Any, path: str) -> Value:  # noqa: ARG002  # construct's signature
        try:
            return self._read(obj)
        except SchemaError as error:
            raise SchemaError(error.reason, path) from None

    def _encode(self, obj: Value, context: Any, path: str) -> Any:  # noqa: ARG002  # construct's signature
        try:
            return self._blank() if obj is None else self._write(obj)
        except SchemaError as error:
            raise SchemaError(error.reason, path) from None

    @abstractmethod
    def _read(self, stored: Any) -> Value:
        """What is ``stored`` as a value; ``stored`` comes from the schema below, bytes unless that is another type."""

    @abstractmethod
    def _write(self, value: Value) -> Any:
        """What to store for a value that is not None."""

    def _blank(self) -> Any:
        """What to store for None."""
        return self.filler * self.size


class _Cn(Schema):
    """Packed digits, left aligned, filled up with nibbles F."""

    notation = "cn"
    filler = b"\xff"

    def _read(self, stored: bytes) -> Value:
        digits = stored.hex().upper().rstrip("F")
        return digits if any(stored) and digits else None

    def _write(self, value: Value) -> bytes:
        if not isinstance(value, str) or not re.fullmatch("[0-9A-F]+", value) or len(value) > 2 * self.size:
            raise SchemaError(f"takes up to {2 * self.size} digits")
        return bytes.fromhex(value.ljust(2 * self.size, "F"))


class _An(Schema):
    """GB 18030 text, left aligned, filled up with 00; its length counts bytes."""

    notation = "an"

    def _read(self, stored: bytes) -> Value:
        return decode_text_leniently(stored.rstrip(PADDING)) or None

    def _write(self, value: Value) -> bytes:
        if not isinstance(value, str):
            raise SchemaError("takes text")
        try:
            raw = encode_text(value)
        except ItemError as error:
            raise SchemaError(error.reason) from None
        if len(raw) > self.size:
            raise SchemaError(f"takes up to {self.size} bytes of text, not {len(raw)}")
        return raw.ljust(self.size, self.filler)


class _Binary(Schema):
    """Bytes as they are."""

    notation = "b"

    def _read(self, stored: bytes) -> Value:
        return stored if any(stored) else None

    def _write(self, value: Value) -> bytes:
        if not isinstance(value, bytes) or len(value) != self.size:
            raise SchemaError(f"takes {self.size} bytes")
        return value


class _Date(Schema):
    """Packed YYYYMMDD; all FF, 00 or 20 is blank; a year of four ASCII digits is understood."""

    notation = "cn"
    filler = b"\xff"

    def _read(self, stored: bytes) -> Value:
        if not stored.strip(PADDING):
            return None
        if stored.isdigit():  # ASCII digits 30…39: as packed date its month would begin with 3
            return CardDate(stored.decode("ascii"), standard=False)
        return CardDate(stored.hex().upper())

    def _write(self, value: Value) -> bytes:
        if not isinstance(value, CardDate):
            raise SchemaError("takes a date")
        return bytes.fromhex(value.text)


class _Identifier(Schema):
    """The card identifier: all 32 digits count, trailing F too."""

    notation = "cn"
    filler = b"\xff"

    def _read(self, stored: bytes) -> Value:
        return CardIdentifier(stored.hex().upper()) if stored.strip(b"\x00\xff") else None

    def _write(self, value: Value) -> bytes:
        if not isinstance(value, CardIdentifier) or not re.fullmatch("[0-9A-F]{32}", value.digits):
            raise SchemaError("takes a card identifier of 32 hexadecimal digits")
        return bytes.fromhex(value.digits)


class _Coded(Schema):
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


class _Btlv(Schema):
    """Inner items ``tag len value`` back to back, one-byte tags and lengths; not BER [S2.3 §5.3.1]."""

    notation = "BTLV"

    def __init__(self, parts: Mapping[int, tuple[str, Schema]]) -> None:
        super().__init__(cs.Bytes(sum(2 + schema.size for _, schema in parts.values())))
        self.parts = parts

    def _read(self, stored: bytes) -> Value:
        try:
            inner = dict(reversed(parse_simple(stored)))
        except TlvError as error:
            raise SchemaError(str(error)) from None
        values = {name: schema.decode(inner.get(tag, b"")) for tag, (name, schema) in self.parts.items()}
        return MappingProxyType(values) if any(value is not None for value in values.values()) else None

    def _write(self, value: Value) -> bytes:
        if not isinstance(value, Mapping):
            raise SchemaError("takes a value for each inner item")
        return b"".join(
            encode_simple(tag, schema.encode(value.get(name))) for tag, (name, schema) in self.parts.items()
        )

    def _blank(self) -> bytes:
        return self._write({})


def cn(size: int) -> Schema:
    """Packed decimal digits, left aligned, filled up with F; ``str`` of up to 2 × ``size`` digits.

    A–F inside are kept: serial numbers hold them. All FF and all 00 are blank.
    """
    return _Cn(cs.Bytes(size))


def an(size: int) -> Schema:
    """Text of ``size`` bytes of GB 18030, left aligned, filled up with 00; ``str``."""
    return _An(cs.Bytes(size))


def binary(size: int) -> Schema:
    """``size`` bytes without meaning to us; all 00 is blank."""
    return _Binary(cs.Bytes(size))


def date() -> Schema:
    """A day, cn 4 YYYYMMDD; :class:`~cardlib.values.CardDate`."""
    return _Date(cs.Bytes(4))


def card_identifier() -> Schema:
    """The card identifier (卡的识别码), cn 16; :class:`~cardlib.values.CardIdentifier`."""
    return _Identifier(cs.Bytes(16))


def coded(table: CodeTable, code: Schema) -> Schema:
    """A code of a table, stored as ``code`` says; :class:`~cardlib.values.Coded`."""
    return _Coded(table, code)


def btlv(parts: Mapping[int, tuple[str, Schema]]) -> Schema:
    """Inner items by tag: (name, schema), in their order on the card; a frozen mapping from name to value."""
    return _Btlv(parts)
