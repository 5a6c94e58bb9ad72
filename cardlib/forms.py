"""How a given kind of card wants to be read: found out once per card type, then remembered.

The standard lets a whole file be read by one command. Cards in the field differ: some know no SFI, some cannot return
several records at once, one maker's cards need SELECT MF first (seen in public wire traces: S5, S6, S7, S9).
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from apdu.command import CommandAPDU
from apdu.flow import Step
from apdu.status import OK
from cardlib import commands
from cardlib.commands import RecordMode
from cardlib.model import AddressableFile, CyclicFile, Directory, Item, TransparentFile

RID: Final = bytes.fromhex("D156000005")
"""What the AIDs of social security applications begin with."""

RECORD_NOT_FOUND: Final = 0x6A83
END_REACHED: Final = 0x6282
OFFSET_OUTSIDE: Final = 0x6B00

LONGEST_ANSWER: Final = 256
"""Bytes that one answer can hold."""

MOST_RECORDS: Final = 254
"""The highest record number [S2.3 §5.3]."""

# Status words by which a card says that it does not know this way of asking. 6982 is not among them: it means "no".
NOT_UNDERSTOOD: Final = frozenset({0x6700, 0x6981, 0x6986, 0x6A80, 0x6A81, 0x6A82, 0x6A83, 0x6A86, 0x6B00, 0x6D00})


class Reading(Enum):
    """A way to read all records of a file: (select the EF first with this P1 or not, record by record or all)."""

    WHOLE_BY_SFI = (None, "whole")
    WHOLE_SELECTED_02 = (0x02, "whole")
    WHOLE_SELECTED_00 = (0x00, "whole")
    BY_TAG_SELECTED_02 = (0x02, "tag")
    BY_TAG_SELECTED_00 = (0x00, "tag")
    BY_NUMBER_SELECTED_02 = (0x02, "number")
    BY_NUMBER_SELECTED_00 = (0x00, "number")

    @property
    def takes_tags(self) -> bool:
        """Whether a card that is read this way can be asked for a record by its tag."""
        return self not in {Reading.BY_NUMBER_SELECTED_02, Reading.BY_NUMBER_SELECTED_00}

    def select(self, file: AddressableFile) -> tuple[Step, ...]:
        """The SELECT that comes before this file is read or updated, if there is one."""
        p1, _ = self.value
        return () if p1 is None else (Step(commands.select_file(file.fid, p1=p1)),)

    def sfi(self, file: AddressableFile) -> int:
        """The short file identifier that commands carry; 0 where the file is selected first."""
        return file.sfi if self.value[0] is None else 0

    def steps(self, file: AddressableFile) -> tuple[Step, ...]:
        """The commands that read ``file`` this way; the data of their answers, joined, are its content.

        A script of them ends before its last step where the card has fewer records or bytes than the profile says.
        """
        sfi = self.sfi(file)
        if isinstance(file, TransparentFile):
            return (*self.select(file), *slices(file.size, sfi))
        lengths = record_lengths(file)
        match self.value[1]:
            case "whole":
                reads = whole(lengths, sfi)
            case "tag" if _has_tags_of_its_own(file):
                reads = tuple(step for item in file.items for step in _by_tag(item, sfi))
            case _:
                reads = by_number(lengths or (LONGEST_ANSWER,) * MOST_RECORDS, sfi)
        return (*self.select(file), *reads)

    def item_steps(self, file: AddressableFile, items: Iterable[Item]) -> tuple[Step, ...]:
        """The commands that read these items of a linear file alone, record by record."""
        return (*self.select(file), *(step for item in items for step in _by_tag(item, self.sfi(file))))


def _has_tags_of_its_own(file: AddressableFile) -> bool:
    """Whether the records of a file can be told apart by their tags, and are known."""
    return bool(file.items) and not isinstance(file, CyclicFile) and all(item.repeat == 1 for item in file.items)


def record_lengths(file: AddressableFile) -> tuple[int, ...]:
    """Bytes of each record of a linear or cyclic file, in order, as the profile has them."""
    if isinstance(file, CyclicFile):
        return (file.record_size,) * file.records
    return tuple(item.record_size for item in file.items for _ in range(item.repeat))


def wire_bytes(steps: Iterable[Step]) -> int:
    """Bytes that these commands and their answers put on the wire by T=0: header, procedure byte, data, status word."""
    return sum(5 + 1 + step.command.nc + (step.command.ne or 0) + 2 for step in steps)


def by_number(lengths: Iterable[int], sfi: int, *, first: int = 1) -> tuple[Step, ...]:
    """READ RECORD of one record after the other; stops where the card has no more."""
    return tuple(
        Step(commands.read_record(number, RecordMode.NUMBER, sfi=sfi, ne=length))
        for number, length in enumerate(lengths, first)
    )


def whole(lengths: tuple[int, ...], sfi: int) -> tuple[Step, ...]:
    """As many records as one answer holds are read by one command: all of them, or else the last ones."""
    start = next(at for at in range(len(lengths) + 1) if sum(lengths[at:]) <= LONGEST_ANSWER)
    # Nothing is published about the items of some files of 1.0: whatever there is, then.
    size = sum(lengths[start:]) or LONGEST_ANSWER
    tail = commands.read_record(start + 1, RecordMode.FROM_NUMBER_TO_LAST, sfi=sfi, ne=size)
    return (*by_number(lengths[:start], sfi), Step(tail))


def _by_tag(item: Item, sfi: int) -> tuple[Step, ...]:
    """READ RECORD of all records of a tag. One that is missing is a warning about the data, no reason to stop."""
    assert item.tag is not None, "records without tags are read by number"
    first = commands.read_record(item.tag, RecordMode.FIRST_WITH_IDENTIFIER, sfi=sfi, ne=item.record_size)
    # An SFI would put the record pointer back before the first record [S2.3 §5.3]; the file is the current one by now.
    following = commands.read_record(item.tag, RecordMode.NEXT_WITH_IDENTIFIER, ne=item.record_size)
    return tuple(Step(command, (OK, RECORD_NOT_FOUND)) for command in (first, *(following,) * (item.repeat - 1)))


def slices(size: int, sfi: int) -> tuple[Step, ...]:
    """READ BINARY of one answer's length after the other. An SFI leaves one byte for the offset: the first alone."""
    return tuple(
        Step(
            commands.read_binary(at, sfi=sfi if at == 0 else 0, ne=min(LONGEST_ANSWER, size - at)),
            (OK, END_REACHED),
        )
        for at in range(0, size, LONGEST_ANSWER)
    )


@dataclass(frozen=True, slots=True)
class CardForms:
    """What a card type understands. The defaults are the standard's, in the fewest commands."""

    select_mf_first: bool = False
    reading: Reading = Reading.WHOLE_BY_SFI
    key_version: int | None = None
    """Key version byte behind the authentication data, or None for none: both are in use [S4, S7]."""
    other_df_name: bool = False
    """Directories are found by what :func:`ways_to_select` gives second."""
    append_as_record_1: bool = False
    """A cyclic file takes a new record as record number 1 (S5), not by P1 00 and mode PREVIOUS (S8)."""


STANDARD: Final = CardForms()


def ways_to_select(directory: Directory) -> tuple[CommandAPDU, ...]:
    """The commands that select a directory, the better one first: by AID, or by FID where it has none [S1 §5.1].

    A directory without AID can be called by its label, if not found by FID [S2.3 §6]. The FCI is not asked for.
    """
    by_name = commands.select_name(directory.df_name, ne=None)
    if directory.fid is None:
        return (by_name,)
    by_fid = commands.select_directory(directory.fid)
    return (by_name, by_fid) if directory.df_name.startswith(RID) else (by_fid, by_name)


class FormMemory:
    """Forms by card type, for as long as the process lives; safe to share between threads.

    The type of a card is T1–T7 of its historical bytes: chip vendor, COS, card maker [S2.2 §8]; at most ``size`` types
    are kept, the least recently used is dropped.
    """

    def __init__(self, size: int = 1024) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._forms: OrderedDict[bytes, CardForms] = OrderedDict()

    def recall(self, historical_bytes: bytes) -> CardForms:
        """The forms that worked for the last card of this type, else the standard's."""
        with self._lock:
            forms = self._forms.get(historical_bytes[:7], STANDARD)
            if forms is not STANDARD:
                self._forms.move_to_end(historical_bytes[:7])
            return forms

    def remember(self, historical_bytes: bytes, forms: CardForms) -> None:
        """Keep the forms that worked for a card."""
        with self._lock:
            self._forms[historical_bytes[:7]] = forms
            self._forms.move_to_end(historical_bytes[:7])
            while len(self._forms) > self._size:
                self._forms.popitem(last=False)
