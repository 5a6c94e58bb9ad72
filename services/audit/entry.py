"""An entry as it is kept: texts that fit, and the hash that ties it to the one before (审计链).

::

    hash = SM3("sscard audit 1" 00 ‖ previous hash ‖ sequence ‖ (length ‖ text) for each text)

The previous hash has 32 bytes, all 00 before the first entry; the sequence 8, the lengths 4, big-endian; texts are in
UTF-8, in the order of the fields of :class:`~services.audit.port.AuditEntry`. So no two chains have the same bytes, and
anybody can compute a hash again with any SM3.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC
from typing import Final, TypeAlias

from cardlib.crypto.sm3 import SM3_SIZE, sm3
from services.audit.errors import AuditError
from services.audit.port import AuditEntry
from services.identity_numbers import without_identity_numbers

FIELDS: Final = tuple(field.name for field in fields(AuditEntry))
"""Names of the texts of an entry, in the order in which they are hashed."""
LONGEST: Final = 200
"""Characters of one text."""
START: Final = bytes(SM3_SIZE)
"""What stands for the hash before the first entry."""
WITHHELD: Final = "[identity number withheld]"
"""Stands where somebody wrote an identity number into a text."""

Texts: TypeAlias = tuple[str, ...]
"""The texts of an entry, in the order of :data:`FIELDS`."""

_KIND: Final = b"sscard audit 1\0"


@dataclass(frozen=True, slots=True)
class Link:
    """One entry in the chain. ``sequence`` counts from 1, without gaps; ``hash`` is its own, 32 bytes."""

    sequence: int
    texts: Texts
    hash: bytes

    def __getitem__(self, field: str) -> str:
        """The text of one field."""
        return self.texts[FIELDS.index(field)]


def texts_of(entry: AuditEntry) -> Texts:
    r"""What is kept of an entry. Raises :class:`~services.audit.errors.AuditError` for a moment without time zone.

    A text is never a reason not to keep the entry: what cannot be printed is written as ``\u{…}``, what is too long is
    cut, with ``…`` at its end; and what looks like an identity number is withheld.
    """
    if entry.moment.tzinfo is None:
        raise AuditError("the moment of the entry has no time zone")
    moment = entry.moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return (moment, *(_fitted(str(getattr(entry, name))) for name in FIELDS[1:]))


def hash_of(previous: bytes, sequence: int, texts: Iterable[str]) -> bytes:
    """The hash of an entry behind the one whose hash is ``previous``: 32 bytes."""
    told = [_KIND, previous, sequence.to_bytes(8, "big")]
    for text in texts:
        written = text.encode("utf-8", "surrogatepass")
        told += (len(written).to_bytes(4, "big"), written)
    return sm3(b"".join(told))


def chained(end: Link | None, entries: Sequence[Texts]) -> list[Link]:
    """New entries as they follow the end of the chain, None where it is empty."""
    sequence, previous = (end.sequence, end.hash) if end is not None else (0, START)
    links = []
    for texts in entries:
        sequence += 1
        previous = hash_of(previous, sequence, texts)
        links.append(Link(sequence, texts, previous))
    return links


def _fitted(text: str) -> str:
    text = without_identity_numbers(text[: 2 * LONGEST], WITHHELD)
    text = "".join(sign if sign.isprintable() else f"\\u{{{ord(sign):04X}}}" for sign in text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
