"""Years, months, days and seconds, packed [S1 §7: GB/T 7408, basic form]; :class:`~cardlib.values.CardDate`."""

import re

import construct as cs

from cardlib.schema.base import PADDING, Schema, SchemaError
from cardlib.values import CardDate, Value


class Date(Schema):
    """Packed digits; all FF, 00 or 20 is blank; in the place of a day four ASCII digits, a year, are understood."""

    notation = "cn"
    filler = b"\xff"

    def _read(self, stored: bytes) -> Value:
        value = CardDate(stored.hex().upper())
        if not stored.strip(PADDING) and value.first_day is None:  # the years 2000 and 2020 are not blank
            return None
        # ASCII digits 30…39: as a packed day its month would begin with 3.
        if self.size == 4 and stored.isdigit():
            return CardDate(stored.decode("ascii"), standard=False)
        return value

    def _write(self, value: Value) -> bytes:
        if not isinstance(value, CardDate) or not re.fullmatch(f"[0-9]{{{2 * self.size}}}", value.text):
            raise SchemaError(f"takes a date of {2 * self.size} digits")
        return bytes.fromhex(value.text)


def year() -> Schema:
    """A year, cn 2, YYYY."""
    return Date(cs.Bytes(2))


def month() -> Schema:
    """A month, cn 3, YYYYMM."""
    return Date(cs.Bytes(3))


def date() -> Schema:
    """A day, cn 4, YYYYMMDD."""
    return Date(cs.Bytes(4))


def timestamp() -> Schema:
    """A second, cn 7, YYYYMMDDhhmmss."""
    return Date(cs.Bytes(7))
