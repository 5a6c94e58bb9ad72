"""The grammar of the interface's file addresses and of the values in their places [S3 §10].

::

    address = file { file }
    file    = directory "EF" hex hex [ "|" ] { entry "|" } "$"      SSSEEF05|06|07|$DF01EF15|2A|40:2|$
    entry   = tag [ ":" number ]            of a linear file: its second record with tag 40 is 40:2
            | number                        of a cyclic file: its records count from the newest, 1
    values  = the same, with the value of each entry in its place   DF01EF0A|CHN|$

A file of which the whole is meant has no entries: a transparent file, or all records of a cyclic one. What an entry
means is decided when the file is known: see :mod:`cardlib.national.selection`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from apdu.errors import MalformedError

FILE_END, PLACE_END, PART_END = "$", "|", "^"

MAX_CHARACTERS: Final = 65_536
"""Longer strings are refused; the interface's longest buffer has 20 KiB."""

_HEAD: Final = re.compile("(?P<directory>SSSE|DF[0-9A-F]{2})(?P<file>EF[0-9A-F]{2})")
_ENTRY: Final = re.compile("(?P<code>[0-9A-F]{1,3})(?::(?P<number>[0-9]{1,3}))?")

_ESCAPES: Final = str.maketrans({FILE_END: "＄", PLACE_END: "｜", PART_END: "＾"})


class AddressError(MalformedError):
    """A file address or the values that go with it are not as the interface wants them (文件地址错误).

    ``position``: index of the character at which it was noticed, from 0. ``reason`` never quotes a value.
    """

    def __init__(self, position: int, reason: str) -> None:
        self.position = position
        self.reason = reason
        super().__init__(f"at character {position + 1}: {reason}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a file address, at a ``position`` in the text.

    ``code``: one to three hexadecimal digits in upper case; ``number``: the one behind the colon, None where there is
    none.
    """

    code: str
    number: int | None = None
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return self.code if self.number is None else f"{self.code}:{self.number}"


@dataclass(frozen=True, slots=True)
class FileAddress:
    """One file and what is meant of it: ``directory`` SSSE or DFxx, ``fid`` 0xEFxx."""

    directory: str
    fid: int
    entries: tuple[Entry, ...] = ()
    position: int = field(default=0, compare=False)

    @property
    def head(self) -> str:
        """Directory and file, e.g. ``DF01EF15``."""
        return f"{self.directory}{self.fid:04X}"

    def __str__(self) -> str:
        return _printed(self.head, map(str, self.entries))


@dataclass(frozen=True, slots=True, repr=False)
class FileValues:
    """One file's values in the places of its entries; several records of a cyclic file take as many places.

    ``positions`` tells where the values stand in the text. The ``repr`` shows no value.
    """

    head: str
    values: tuple[str, ...]
    position: int = field(default=0, compare=False)
    positions: tuple[int, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return _printed(self.head, self.values)

    def __repr__(self) -> str:
        return f"<{self.head}: {len(self.values)} values>"


def parse_address(text: str) -> tuple[FileAddress, ...]:
    """The files of an address, in order; lower-case digits are understood.

    Raises :class:`AddressError` for everything the grammar does not allow, and for an empty address.
    """
    addresses = []
    for position, places in _files(text.upper()):
        head = _head(position, places[0][1])
        entries = []
        for at, place in places[1:]:
            found = _ENTRY.fullmatch(place)
            if found is None:
                raise AddressError(at, "is no tag and no record number")
            number = found["number"]
            entries.append(Entry(found["code"], None if number is None else int(number), at))
        addresses.append(FileAddress(head["directory"], int(head["file"], 16), tuple(entries), position))
    return tuple(addresses)


def format_address(addresses: Iterable[FileAddress]) -> str:
    """The address as text."""
    return "".join(map(str, addresses))


def parse_values(text: str) -> tuple[FileValues, ...]:
    """The values of each file, in order; raises :class:`AddressError` as :func:`parse_address` does."""
    return tuple(
        FileValues(
            _head(position, places[0][1].upper()).group(),
            tuple(value for _, value in places[1:]),
            position,
            tuple(at for at, _ in places[1:]),
        )
        for position, places in _files(text)
    )


def format_values(files: Iterable[FileValues]) -> str:
    """The values as text; see :func:`escaped` for values that hold a sign of the grammar."""
    return "".join(map(str, files))


def escaped(value: str) -> str:
    """A value with full-width forms in the place of ``$``, ``|`` and ``^``.

    The interface has no way to write them; left as they are, they would shift all that follows.
    """
    return value.translate(_ESCAPES)


def _printed(head: str, places: Iterable[str]) -> str:
    return head + PLACE_END + "".join(place + PLACE_END for place in places) + FILE_END


def _files(text: str) -> Iterator[tuple[int, list[tuple[int, str]]]]:
    """Each file's position, and its places, the head first, with theirs."""
    if not text:
        raise AddressError(0, "is empty")
    if len(text) > MAX_CHARACTERS:
        raise AddressError(MAX_CHARACTERS, f"is longer than {MAX_CHARACTERS} characters")
    position = 0
    while position < len(text):
        end = text.find(FILE_END, position)
        if end < 0:
            raise AddressError(len(text), "a file is not ended by $")
        places, at = [], position
        for place in text[position:end].split(PLACE_END):
            places.append((at, place))
            at += len(place) + 1
        if len(places) > 1:
            last, rest = places.pop()
            if rest:
                raise AddressError(last + len(rest), "an entry is not ended by |")
        yield position, places
        position = end + 1


def _head(position: int, text: str) -> re.Match[str]:
    found = _HEAD.fullmatch(text)
    if found is None:
        raise AddressError(position, "is no directory and file, such as SSSEEF05 or DF01EF15")
    return found
