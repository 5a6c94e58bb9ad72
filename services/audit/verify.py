"""Examining the chain (审计校验): any entry that was changed, removed, put in or moved, and where.

The chain by itself shows what was done to some of its entries. Who can write to the database can also compute all
hashes again, or cut its end off: that is shown by a signed checkpoint from before, and by nothing else.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from cardlib.crypto.sm3 import SM3_SIZE
from services.audit.chain import AuditChain, Found
from services.audit.checkpoint import Checkpoint
from services.audit.entry import FIELDS, START, hash_of

PIECE: Final = 1000
"""Entries that are read at once."""
MOST: Final = 100
"""Faults that are told one by one."""


class FaultKind(StrEnum):
    """What is wrong (异常); the value stands in the command's output."""

    CHANGED = "changed"
    """An entry's hash does not follow from the entry and the one before it (内容或顺序被改动)."""
    MISSING = "missing"
    """There is a gap in the numbers (记录缺失)."""
    FOREIGN = "foreign"
    """There is a row that nobody can have appended here (多余记录)."""
    CUT_OFF = "cut off"
    """The chain ends before a checkpoint (尾部被截断)."""
    REWRITTEN = "rewritten"
    """The entry is not the one that a checkpoint was signed for (与检查点不符)."""
    UNGUARDED = "unguarded"
    """The triggers are gone that keep rows from being changed (防改触发器缺失)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; ``first`` … ``last``: sequence numbers of the entries, 0 where it is about none."""

    kind: FaultKind
    first: int
    last: int
    text: str


@dataclass(slots=True)
class Examination:
    """What was found. ``entries``: how many were examined; ``end``: number and hash of the last one."""

    entries: int = 0
    end: tuple[int, bytes] = (0, START)
    checkpoints: int = 0
    """How many checkpoints were compared."""
    signed: int = 0
    """The last entry that an agreeing checkpoint was signed for, 0 where there is none."""
    faults: list[Fault] = field(default_factory=list)
    more: int = 0
    """Faults beyond :data:`MOST`."""

    @property
    def unbroken(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def note(self, kind: FaultKind, first: int, last: int, text: str) -> None:
        """Put a fault down."""
        if len(self.faults) < MOST:
            self.faults.append(Fault(kind, first, last, text))
        else:
            self.more += 1


def examine(
    chain: AuditChain,
    checkpoints: Iterable[Checkpoint] = (),
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Examination:
    """Examine the whole chain as it is now, while others may append to it.

    ``checkpoints``: their signatures are verified already. ``progress`` is told how many entries are done, of how many.
    Raises :class:`~services.audit.errors.AuditError` where the database cannot be read.
    """
    examination = Examination()
    if not chain.guarded():
        text = "the database would let rows be changed: its triggers are gone"
        examination.note(FaultKind.UNGUARDED, 0, 0, text)
    # Before the chain is looked at: what is signed later may be of entries that come later, too.
    signed = _by_sequence(checkpoints)
    count, last = chain.extent()
    walk = _Walk(examination, signed)
    for piece in chain.rows(end=last, piece=PIECE):
        for row in piece:
            walk.step(row)
        if progress is not None:
            progress(examination.entries, count)
    walk.finish(count)
    return examination


def _by_sequence(checkpoints: Iterable[Checkpoint]) -> dict[int, list[Checkpoint]]:
    signed: dict[int, list[Checkpoint]] = {}
    for checkpoint in checkpoints:
        signed.setdefault(checkpoint.sequence, []).append(checkpoint)
    return signed


class _Walk:
    """From one row to the next. After a fault it goes on from the row as it stands, to find the next one."""

    def __init__(self, examination: Examination, signed: dict[int, list[Checkpoint]]) -> None:
        self._found = examination
        self._signed = signed

    def step(self, row: Found) -> None:
        found = self._found
        number, previous = found.end
        found.entries += 1
        if not _is_number(row.sequence) or row.sequence <= number:
            found.note(FaultKind.FOREIGN, number, number, f"behind entry {number} is a row that is none")
            return
        if row.sequence > number + 1:
            self._missing(number + 1, row.sequence - 1)
        elif not _has_form(row):
            text = f"entry {row.sequence} is not of the form of an entry"
            found.note(FaultKind.CHANGED, row.sequence, row.sequence, text)
        elif hash_of(previous, row.sequence, row.texts) != row.hash:
            text = f"entry {row.sequence} is not what was put on record behind entry {number}"
            found.note(FaultKind.CHANGED, row.sequence, row.sequence, text)
        found.end = (row.sequence, row.hash if isinstance(row.hash, bytes) else START)
        self._compare(*found.end)

    def finish(self, count: int) -> None:
        found = self._found
        if count != found.entries:
            # Two rows of one number, or one of none: only a table that was made anew has room for them.
            found.note(FaultKind.FOREIGN, 0, 0, f"there are {count} rows, and {found.entries} entries in their order")
        for number in sorted(number for number in self._signed if number > found.end[0]):
            text = f"the chain ends at entry {found.end[0]}, and a checkpoint was signed for entry {number}"
            found.note(FaultKind.CUT_OFF, found.end[0] + 1, number, text)
            found.checkpoints += len(self._signed[number])

    def _missing(self, first: int, last: int) -> None:
        which = f"entry {first} is" if first == last else f"entries {first} to {last} are"
        self._found.note(FaultKind.MISSING, first, last, f"{which} missing")
        # What stands behind a gap cannot be told from what was put there: the hash before it is not known.
        for number in sorted(number for number in self._signed if first <= number <= last):
            self._found.checkpoints += len(self._signed.pop(number))

    def _compare(self, number: int, value: bytes) -> None:
        found = self._found
        for checkpoint in self._signed.get(number, ()):
            found.checkpoints += 1
            if checkpoint.hash == value:
                found.signed = max(found.signed, number)
                continue
            text = (
                f"entry {number} is not the one that a checkpoint was signed for: among the entries {found.signed + 1} "
                f"to {number} are such as were not put on record"
            )
            found.note(FaultKind.REWRITTEN, found.signed + 1, number, text)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and 0 < value < 1 << 63


def _has_form(row: Found) -> bool:
    texts: Sequence[Any] = row.texts
    return (
        len(texts) == len(FIELDS)
        and all(isinstance(text, str) for text in texts)
        and isinstance(row.hash, bytes)
        and len(row.hash) == SM3_SIZE
    )
