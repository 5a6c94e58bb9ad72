"""Digits, text, bytes and identifiers: the types ``cn``, ``an`` and ``b`` as they stand [S1 §7]."""

import re

import construct as cs

from cardlib.errors import ItemError
from cardlib.schema.base import PADDING, Schema, SchemaError
from cardlib.text import decode_text_leniently, encode_text
from cardlib.values import CardIdentifier, Concern, Value


class Digits(Schema):
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


class Region(Digits):
    """A region code of GB/T 2260: any six decimal digits, since codes come and go faster than cards."""

    def concerns(self, value: Value) -> tuple[Concern, ...]:
        """Whether it has the form of a region code."""
        sound = value is None or (isinstance(value, str) and re.fullmatch("[0-9]{6}", value))
        return () if sound else (Concern.REGION_MALFORMED,)


class Text(Schema):
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


class Binary(Schema):
    """Bytes as they are."""

    notation = "b"

    def _read(self, stored: bytes) -> Value:
        return stored if any(stored) else None

    def _write(self, value: Value) -> bytes:
        if not isinstance(value, bytes) or len(value) != self.size:
            raise SchemaError(f"takes {self.size} bytes")
        return value


class Identifier(Schema):
    """The card identifier: all 32 digits count, trailing F too."""

    notation = "cn"
    filler = b"\xff"

    def _read(self, stored: bytes) -> Value:
        return CardIdentifier(stored.hex().upper()) if stored.strip(b"\x00\xff") else None

    def _write(self, value: Value) -> bytes:
        if not isinstance(value, CardIdentifier) or not re.fullmatch("[0-9]{6}D156000005[0-9A-F]{16}", value.digits):
            raise SchemaError("takes a card identifier: six digits of a region, D156000005, 16 hexadecimal digits")
        return bytes.fromhex(value.digits)


def cn(size: int) -> Schema:
    """Packed decimal digits, left aligned, filled up with F; ``str`` of up to 2 × ``size`` digits.

    A–F inside are kept: serial numbers hold them. All FF and all 00 are blank.
    """
    return Digits(cs.Bytes(size))


def region() -> Schema:
    """A region (行政区划代码) of GB/T 2260, cn 3; ``str`` of six digits, unknown codes included."""
    return Region(cs.Bytes(3))


def an(size: int) -> Schema:
    """Text of ``size`` bytes of GB 18030, left aligned, filled up with 00; ``str``."""
    return Text(cs.Bytes(size))


def binary(size: int) -> Schema:
    """``size`` bytes without meaning to us; all 00 is blank."""
    return Binary(cs.Bytes(size))


def card_identifier() -> Schema:
    """The card identifier (卡的识别码), cn 16; :class:`~cardlib.values.CardIdentifier`."""
    return Identifier(cs.Bytes(16))
