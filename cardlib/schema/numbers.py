"""Numbers: sums of money, counts and counters, as packed digits, ASCII digits or binary. Values are ``int``.

Where a card holds something else than digits, the value is that text, with a concern about it.
"""

import construct as cs

from cardlib.schema.base import PADDING, Schema, SchemaError
from cardlib.text import decode_text_leniently
from cardlib.values import Concern, Value


class Number(Schema):
    """What the three kinds of numbers have in common: 0 up to ``largest``. ``money``: it is an amount in fen (分)."""

    largest: int

    def __init__(self, size: int, *, money: bool = False) -> None:
        super().__init__(cs.Bytes(size))
        self.money = money

    def concerns(self, value: Value) -> tuple[Concern, ...]:
        """Whether it is text instead of a number."""
        return (Concern.NUMBER_NOT_DIGITS,) if isinstance(value, str) else ()

    def _checked(self, value: Value) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= self.largest:
            raise SchemaError(f"takes a whole number from 0 to {self.largest}")
        return value


class PackedNumber(Number):
    """Packed decimal digits; written in full width, read without the nibbles F behind them.

    The padding rule of [S1 §7] taken by the letter would write 12345 as ``12345F``; leading zeros mean the same to
    every reader.
    """

    notation = "cn"
    filler = b"\xff"

    @property
    def largest(self) -> int:  # type: ignore[override]  # what the size allows
        """As many nines as there are nibbles."""
        return int(10 ** (2 * self.size)) - 1

    def _read(self, stored: bytes) -> Value:
        digits = stored.hex().upper().rstrip("F")
        return int(digits) if digits.isdecimal() else digits or None

    def _write(self, value: Value) -> bytes:
        return bytes.fromhex(f"{self._checked(value):0{2 * self.size}}")


class AsciiNumber(Number):
    """ASCII digits, written in full width; blanks around them do not count."""

    notation = "an"

    @property
    def largest(self) -> int:  # type: ignore[override]  # what the size allows
        """As many nines as there are bytes."""
        return int(10**self.size) - 1

    def _read(self, stored: bytes) -> Value:
        digits = stored.strip(PADDING)
        return int(digits) if digits.isdigit() else decode_text_leniently(digits) or None

    def _write(self, value: Value) -> bytes:
        return f"{self._checked(value):0{self.size}}".encode("ascii")


class BinaryNumber(Number):
    """An unsigned number, most significant byte first; all FF is blank, because 0 is an amount."""

    notation = "b"
    filler = b"\xff"

    @property
    def largest(self) -> int:  # type: ignore[override]  # what the size allows
        """All FF is taken."""
        return int(256**self.size) - 2

    def _read(self, stored: bytes) -> Value:
        return int.from_bytes(stored, "big") if stored.strip(b"\xff") else None

    def _write(self, value: Value) -> bytes:
        return self._checked(value).to_bytes(self.size, "big")


def money(size: int) -> Schema:
    """A sum of money in fen (分), packed digits, cn ``size``."""
    return PackedNumber(size, money=True)


def count(size: int) -> Schema:
    """A number of months or times, ASCII digits, an ``size``."""
    return AsciiNumber(size)


def number(size: int) -> Schema:
    """A counter, binary, b ``size``, most significant byte first."""
    return BinaryNumber(size)


def binary_money(size: int) -> Schema:
    """A sum of money in fen (分), binary, b ``size``, most significant byte first."""
    return BinaryNumber(size, money=True)
