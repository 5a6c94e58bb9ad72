"""What an update would write, and which commands it takes: worked out from the profile and from what the card holds."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from apdu.command import CommandAPDU
from apdu.errors import CardError
from apdu.tlv import parse_simple
from cardlib import commands
from cardlib.commands import RecordMode
from cardlib.errors import AccessForbiddenError, ChangesError, ItemError, NotInProfileError
from cardlib.forms import CardForms
from cardlib.model import (
    RECORDS,
    AddressableFile,
    CardProfile,
    CyclicFile,
    ElementaryFile,
    Field,
    Item,
    LinearFile,
    TransparentFile,
)
from cardlib.reused import Reused
from cardlib.values import Value

SLICE: Final = 255 - commands.MAC_SIZE
"""Bytes that one UPDATE BINARY writes, with room for a MAC."""


@dataclass(frozen=True)
class Write:
    """One command of an update, and the name of the value it belongs to."""

    name: str
    command: CommandAPDU


class Change(ABC):
    """The new values of one file. ``stored`` is what the card holds: records back to back, or the content."""

    file: AddressableFile
    values: Mapping[str, Value]

    @abstractmethod
    def differing(self, stored: bytes) -> frozenset[str]:
        """Names of the values that the card does not hold yet."""

    @abstractmethod
    def writes(self, stored: bytes, forms: CardForms) -> list[Write]:
        """The commands that write what differs, without SELECT and MAC."""

    @property
    def items(self) -> tuple[Item, ...] | None:
        """The items to read for a comparison; None where it takes the whole file."""
        return None


@dataclass(frozen=True)
class LinearChange(Change):
    """Records of a linear file, replaced where they stand, appended where there are none."""

    file: LinearFile
    values: Mapping[str, Value] = field(repr=False)

    @property
    def items(self) -> tuple[Item, ...] | None:
        """The items concerned, unless one has several records: those are written by their number."""
        tags = {tag for one in self._fields for tag in one.tags}
        items = tuple(item for item in self.file.items if item.tag in tags)
        return items if all(item.repeat == 1 for item in items) else None

    @property
    def _fields(self) -> list[Field]:
        return [one for one in self.file.fields if not self.values.keys().isdisjoint(one.names)]

    def differing(self, stored: bytes) -> frozenset[str]:
        """Names of the values whose records are not as they would be written."""
        records = parse_simple(stored)
        return frozenset(
            name
            for one in self._fields
            if any(_values(records, tag) != _values(self._new(one, stored), tag) for tag in one.tags)
            for name in one.names
            if name in self.values
        )

    def writes(self, stored: bytes, forms: CardForms) -> list[Write]:
        """UPDATE RECORD by tag where no other record has it and the card knows tags, else by number."""
        records = parse_simple(stored)
        sfi = forms.reading.sfi(self.file)
        free = len(records) + 1
        found: list[Write] = []
        for one in self._fields:
            name = next(name for name in one.names if name in self.values)
            for tag in one.tags:
                new = [value for of, value in self._new(one, stored) if of == tag]
                old = [(number, value) for number, (of, value) in enumerate(records, 1) if of == tag]
                by_tag = forms.reading.takes_tags and len(new) == 1 and len(old) <= 1
                for place, value in enumerate(new):
                    number = old[place][0] if place < len(old) else free
                    if place < len(old) and old[place][1] == value:
                        continue
                    free += place >= len(old)
                    p1, mode = (tag, RecordMode.FIRST_WITH_IDENTIFIER) if by_tag else (number, RecordMode.NUMBER)
                    record = bytes((tag, len(value))) + value
                    found.append(Write(name, commands.update_record(p1, mode, record, sfi=sfi)))
        return found

    def _new(self, one: Field, stored: bytes) -> Sequence[tuple[int, bytes]]:
        """The records of one field as they would be written; an item left out of a file stays so unless it is there."""
        records = parse_simple(b"".join(one.write({**self._kept(one, stored), **self.values})))
        if isinstance(one, Item) and not records and _values(parse_simple(stored), one.tags[0]):
            return parse_simple(one.encode(None))
        return records

    def _kept(self, one: Field, stored: bytes) -> Mapping[str, Value]:
        """What the card holds in records that mean the same as those that change (1.0) [S1 annex C]."""
        if not isinstance(one, Reused):
            return {}
        meant = one.after if any(item.name in self.values for item in one.after) else one.before
        held = self.file.parse(stored).values
        return {item.name: held[item.name] for item in meant}


@dataclass(frozen=True)
class CyclicChange(Change):
    """Records appended to a cyclic file, given newest first."""

    file: CyclicFile
    values: Mapping[str, Value] = field(repr=False)

    def differing(self, stored: bytes) -> frozenset[str]:
        """The name of the records, unless the newest ones on the card are already these."""
        return frozenset({RECORDS} if self._missing(stored) else ())

    def writes(self, stored: bytes, forms: CardForms) -> list[Write]:
        """UPDATE RECORD of the oldest first: each one becomes record number 1."""
        p1, mode = (1, RecordMode.NUMBER) if forms.append_as_record_1 else (0, RecordMode.PREVIOUS_WITH_IDENTIFIER)
        sfi = forms.reading.sfi(self.file)
        return [
            Write(RECORDS, commands.update_record(p1, mode, record, sfi=sfi))
            for record in reversed(self._missing(stored))
        ]

    def _missing(self, stored: bytes) -> list[bytes]:
        """The newest of the new records; the older ones may stand on the card from an update that was cut short."""
        new = self.file.encode(self.values)
        for count in range(len(new)):
            if stored.startswith(b"".join(new[count:])):
                return new[:count]
        return new


@dataclass(frozen=True)
class TransparentChange(Change):
    """The content of a transparent file."""

    file: TransparentFile
    values: Mapping[str, Value] = field(repr=False)

    def differing(self, stored: bytes) -> frozenset[str]:
        """The name of the content, unless it stands on the card."""
        return frozenset(() if self._content == stored else self.values)

    def writes(self, stored: bytes, forms: CardForms) -> list[Write]:  # noqa: ARG002  # offsets are the same in all
        """UPDATE BINARY of the slices that differ; the file has been selected."""
        (name,) = self.values
        content = self._content
        return [
            Write(name, commands.update_binary(at, content[at : at + SLICE]))
            for at in range(0, len(content), SLICE)
            if content[at : at + SLICE] != stored[at : at + SLICE]
        ]

    @property
    def _content(self) -> bytes:
        (content,) = self.file.encode(self.values)
        return content


def changes_of(profile: CardProfile, changes: Mapping[str, Mapping[str, Value]]) -> list[Change]:
    """The changes by file; raises :class:`~cardlib.errors.ChangesError` with everything that cannot be written."""
    files = {file.name: file for directory in profile.directories for file in directory.files}
    faults: list[CardError] = []
    found: list[Change] = []
    for name, values in changes.items():
        file = files.get(name)
        if file is None:
            faults.append(NotInProfileError(name))
        elif values:
            faults += _faults(file, values)
            if isinstance(file, LinearFile):
                found.append(LinearChange(file, values))
            elif isinstance(file, CyclicFile):
                found.append(CyclicChange(file, values))
            elif isinstance(file, TransparentFile):
                found.append(TransparentChange(file, values))
    if faults:
        raise ChangesError(faults)
    return found


def _faults(file: ElementaryFile, values: Mapping[str, Value]) -> list[CardError]:
    """What cannot be written, each value for itself."""
    if not isinstance(file, AddressableFile):
        return [AccessForbiddenError(file.name)]
    faults: list[CardError] = []
    for name, value in values.items():
        try:
            file.encode({name: value})
        except ItemError as error:
            faults.append(error)
    return faults


def _values(records: Sequence[tuple[int, bytes]], tag: int) -> tuple[bytes, ...]:
    return tuple(value for of, value in records if of == tag)
