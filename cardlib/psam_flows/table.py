"""Which of a PSAM's keys is a card's, and how many levels above it: found out, never concluded from an id [S2.9 §8].

Ids are the deployment's; levels differ from PSAM to PSAM, so they are tried out, once for each PSAM.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from cardlib.psam import MAX_LEVELS, PsamKeyType
from cardlib.psam_keys import PsamKeyId


class Use(Enum):
    """What a session key is wanted for; the value are the types of keys that may do it [S2.9 §6.3]."""

    CRYPTOGRAM = (PsamKeyType.ENCRYPT, PsamKeyType.ENCRYPT_AND_MAC)
    MAC = (PsamKeyType.MAC, PsamKeyType.ENCRYPT_AND_MAC)
    PIN = (PsamKeyType.ENCRYPT_AND_MAC,)
    """One key encrypts the PIN and computes the MAC of the command around it; a MAC key (密钥类型6) cannot."""

    PURCHASE = (PsamKeyType.PURCHASE,)

    @property
    def finishes_mac(self) -> bool:
        """Whether it ends in a MAC; otherwise in an encryption."""
        return self is Use.MAC


LEVELS: Final = tuple(range(MAX_LEVELS, 0, -1))
"""The numbers of levels to try, in this order [S2.9 §8]."""


@dataclass(frozen=True, slots=True)
class Root:
    """A key of a PSAM as it was found: its type, and the factors that it needs."""

    kind: PsamKeyType
    levels: int


@dataclass(slots=True)
class LevelTable:
    """What was found out about one environment of one PSAM (密钥分散级数表).

    ``absent``: rows that nothing was found for, with whether some answer spoke of levels; it may have been given the
    key once it was elsewhere, so whoever connects it anew has this forgotten.
    """

    absent: dict[tuple[PsamKeyId, Use], bool] = field(default_factory=dict)
    _found: dict[PsamKeyId, dict[PsamKeyType, int]] = field(default_factory=dict)

    def known(self, row: PsamKeyId, use: Use) -> Root | None:
        """A key found for this row before that may do this; the type that the deployment declares before others."""
        found = self._found.get(row, {})
        return next((Root(kind, found[kind]) for kind in _kinds(row, use) if kind in found), None)

    def keep(self, row: PsamKeyId, root: Root) -> None:
        """It worked."""
        self._found.setdefault(row, {})[root.kind] = root.levels

    def forget_absent(self) -> None:
        """What was not there is to be looked for again."""
        self.absent.clear()

    def forget(self, row: PsamKeyId) -> None:
        """It no longer does."""
        self._found.pop(row, None)


def candidates(row: PsamKeyId, use: Use) -> Iterator[Root]:
    """What to try for a key, the type that the deployment declares first."""
    return (Root(kind, levels) for kind in _kinds(row, use) for levels in LEVELS)


def _kinds(row: PsamKeyId, use: Use) -> list[PsamKeyType]:
    return sorted(use.value, key=lambda kind: kind is not row.kind)
