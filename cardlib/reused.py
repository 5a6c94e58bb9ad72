"""Records of 1.0 cards that 2.0 uses for something else (数据项标识复用) [S1 annex C].

A record keeps its length for the life of the card. Where the meaning that 2.0 gives to the tag is shorter, a rewritten
record is filled up with EE, which neither digits nor blanks end with; where the length is the same nothing can be
marked, and the record means whatever its companion does, the marked record beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cardlib.errors import ItemError
from cardlib.items import Declared, Field, Item, Reading, Records
from cardlib.values import Value

MARK: Final = b"\xee"
"""The byte that fills up a record rewritten with its meaning of 2.0."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reused(Field):
    """Records with two sets of meanings: ``before``, that of 1.0, and ``after``, that of 2.0, tag by tag the same.

    The first is the one that is marked; the others, if any, follow it. Either all values of one set are there or all of
    the other: what is not meant is None.
    """

    before: tuple[Item, ...]
    after: tuple[Item, ...]

    def __post_init__(self) -> None:
        pairs = list(zip(self.before, self.after, strict=True))
        if any(old.tag != new.tag for old, new in pairs):
            raise ValueError("both meanings of a record have its tag")
        (marked, meant), *companions = pairs
        if meant.size >= marked.size or any(old.size != new.size for old, new in companions):
            raise ValueError("the first meaning of 2.0 is shorter than that of 1.0, the others are as long")

    @property
    def declarations(self) -> tuple[Declared, ...]:
        """All items of 1.0, then all of 2.0."""
        return (*self.before, *self.after)

    @property
    def tags(self) -> tuple[int, ...]:
        """The tags, the marked one first."""
        return tuple(tag for item in self.before for tag in item.tags)

    @property
    def sample(self) -> dict[str, Value]:
        """A card as it was issued: the values of 1.0, and none of 2.0."""
        return {item.name: item.example for item in self.before} | dict.fromkeys(item.name for item in self.after)

    def rewritten(self, records: Records) -> bool:
        """Whether the card's records have the meanings of 2.0."""
        return any(self._marked(raw) for raw in self.before[0].stored(records))

    def read(self, records: Records) -> dict[str, Reading]:
        """The values of one set of meanings, and None for those of the other; never raises."""
        nothing: Reading = (None, ())
        if not self.rewritten(records):
            return {name: reading for item in self.before for name, reading in item.read(records).items()} | {
                item.name: nothing for item in self.after
            }
        marked, *companions = self.after
        (raw,) = self.before[0].stored(records)
        readings = {item.name: nothing for item in self.before}
        readings[marked.name] = marked.understand(raw[: marked.size])
        return readings | {name: reading for item in companions for name, reading in item.read(records).items()}

    def write(self, values: Mapping[str, Value]) -> tuple[bytes, ...]:
        """The records in the meanings of 2.0 if a value of 2.0 is given, else in those of 1.0.

        Raises :class:`~cardlib.errors.ItemError` for values of both, and as :meth:`~cardlib.items.Item.write`.
        """
        old, new = _given(self.before, values), _given(self.after, values)
        if old and new:
            raise ItemError(new[0], f"takes the record of {old[0]}, which has a value as well")
        if not new:
            first, *others = (record for item in self.before for record in item.write(values))
            if self._marked(first[2:]):
                raise ItemError(self.before[0].name, "would be taken for a record of 2.0")
            return (first, *others)
        marked, *companions = self.after
        raw = marked.encode(values.get(marked.name))[2:].ljust(self.before[0].size, MARK)
        return (self.before[0].record(raw), *(record for item in companions for record in item.write(values)))

    def _marked(self, raw: bytes) -> bool:
        filling = raw[self.after[0].size :]
        return bool(filling) and not filling.strip(MARK)


def _given(items: Sequence[Item], values: Mapping[str, Value]) -> list[str]:
    return [item.name for item in items if values.get(item.name) is not None]
