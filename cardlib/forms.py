"""How a given kind of card wants to be read: found out once per card type, then remembered.

The standard lets a whole file be read by one command. Cards in the field differ: some know no SFI, some cannot return
several records at once, one maker's cards need SELECT MF first (seen in public wire traces: S5, S6, S7, S9).
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import Final

from apdu.flow import Step
from apdu.status import OK
from cardlib import commands
from cardlib.commands import RecordMode
from cardlib.model import ElementaryFile

RECORD_NOT_FOUND: Final = 0x6A83

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

    def steps(self, file: ElementaryFile) -> tuple[Step, ...]:
        """The commands that read ``file`` this way; the data of the READ RECORDs, joined, are its TLV records."""
        p1, unit = self.value
        select = () if p1 is None else (Step(commands.select_file(file.fid, p1=p1)),)
        if unit == "whole":
            sfi = file.sfi if p1 is None else 0
            return (*select, Step(commands.read_record(1, RecordMode.FROM_NUMBER_TO_LAST, sfi=sfi, ne=file.size)))
        mode = RecordMode.FIRST_WITH_IDENTIFIER if unit == "tag" else RecordMode.NUMBER
        reads = (
            # A record that is missing is a warning about the card's data, no reason to stop reading.
            Step(
                commands.read_record(item.tag if unit == "tag" else number, mode, ne=item.size + 2),
                (OK, RECORD_NOT_FOUND),
            )
            for number, item in enumerate(file.items, 1)
        )
        return (*select, *reads)


@dataclass(frozen=True, slots=True)
class CardForms:
    """What a card type understands. The defaults are the standard's, in the fewest commands."""

    select_mf_first: bool = False
    reading: Reading = Reading.WHOLE_BY_SFI
    key_version: int | None = None
    """Key version byte behind the authentication data, or None for none: both are in use [S4, S7]."""


STANDARD: Final = CardForms()


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
