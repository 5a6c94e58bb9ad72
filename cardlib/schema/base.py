"""What every data type of the card has in common."""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import construct as cs

from cardlib.values import Concern, Value, concerns

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
        for concern in self.concerns(value):
            raise SchemaError(concern.en)
        raw: bytes = self.build(value)
        if self.decode(raw) != value:
            raise SchemaError("would read back as something else")
        return raw

    def concerns(self, value: Value) -> tuple[Concern, ...]:
        """What is to be said about a value that stands where this type should."""
        return concerns(value)

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
