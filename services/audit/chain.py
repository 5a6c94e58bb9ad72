"""The port to where the chain is kept. Implementation: :class:`services.store.audit.SqlAuditChain`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from services.audit.entry import Link, Texts


@dataclass(frozen=True, slots=True)
class Found:
    """A row as it was found, which is anything: nobody has checked it yet."""

    sequence: Any
    texts: tuple[Any, ...]
    hash: Any


@dataclass(frozen=True, slots=True)
class Query:
    """Which entries are wanted; "" and nothing: all. Moments as they are kept, in UTC."""

    since: str = ""
    until: str = ""
    """Before this moment."""
    equal: dict[str, str] = field(default_factory=dict)
    """Texts that have to be these, by the name of the field."""
    newest: int = 0
    """No more than so many, the newest; 0: all."""


class AuditChain(Protocol):
    """The chain in its database. Every method raises :class:`~services.audit.errors.AuditError` where it fails."""

    def append(self, entries: Sequence[Texts]) -> Link:
        """Put entries at the end, all or none, one process after the other; the new end, when all are on disk."""

    def end(self) -> Link | None:
        """The newest entry, None where there is none."""

    def extent(self) -> tuple[int, int]:
        """How many rows there are, whatever they are, and the highest sequence; both 0 where there is none."""

    def guarded(self) -> bool:
        """Whether the database still refuses to change and delete entries."""

    def rows(self, *, end: int, piece: int) -> Iterator[Sequence[Found]]:
        """All rows whose sequence is up to ``end``, by sequence, in pieces; between two of them others may write."""

    def select(self, query: Query) -> Iterator[Link]:
        """Entries by sequence, read in pieces; not checked."""
