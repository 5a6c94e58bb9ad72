"""The string formats of the national terminal interface (社会保障卡读写接口), which existing programs speak [S3].

Addresses of items, their values in the same places, and the line of the basic data. All strings are GB 18030 bytes on
the interface and text in here: the second byte of a Chinese character may be a ``|`` or a ``^``, so nothing may be cut
before it is decoded.
"""

from cardlib.national.address import (
    AddressError,
    Entry,
    FileAddress,
    FileValues,
    format_address,
    format_values,
    parse_address,
    parse_values,
)
from cardlib.national.identity import NO_PSAM, basic_line
from cardlib.national.selection import Change, Selection, Update, resolve, results, updates

__all__ = [
    "NO_PSAM",
    "AddressError",
    "Change",
    "Entry",
    "FileAddress",
    "FileValues",
    "Selection",
    "Update",
    "basic_line",
    "format_address",
    "format_values",
    "parse_address",
    "parse_values",
    "resolve",
    "results",
    "updates",
]
