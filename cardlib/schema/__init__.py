"""Data types of the card as construct schemas: ``cn``, ``an``, ``b``, ``BTLV``, and what stands in them [S1 §7].

Reading is tolerant: cards pad with 00, FF and 20, and what cannot be understood is kept and says so in its value's
concerns. Writing is strict: a value is written only if nothing is to be said about it and it reads back the same.
Every schema knows its ``size`` in bytes; every error is a :class:`SchemaError` that never shows the value.
"""

from cardlib.schema.base import PADDING, Schema, SchemaError
from cardlib.schema.dates import Date, date, month, timestamp, year
from cardlib.schema.numbers import AsciiNumber, BinaryNumber, Number, PackedNumber, binary_money, count, money, number
from cardlib.schema.plain import Binary, Digits, Identifier, Region, Text, an, binary, card_identifier, cn, region
from cardlib.schema.structures import Btlv, Code, Composite, Part, Parts, btlv, coded, composite

__all__ = [
    "PADDING",
    "AsciiNumber",
    "Binary",
    "BinaryNumber",
    "Btlv",
    "Code",
    "Composite",
    "Date",
    "Digits",
    "Identifier",
    "Number",
    "PackedNumber",
    "Part",
    "Parts",
    "Region",
    "Schema",
    "SchemaError",
    "Text",
    "an",
    "binary",
    "binary_money",
    "btlv",
    "card_identifier",
    "cn",
    "coded",
    "composite",
    "count",
    "date",
    "money",
    "month",
    "number",
    "region",
    "timestamp",
    "year",
]
