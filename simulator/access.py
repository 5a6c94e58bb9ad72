"""Conditions on what must have happened on the card before a file is used (访问条件).

A dialect makes them from the access bytes of its CREATE FILE; the card asks them at every use. They know nothing of
names: a right is a level, won in a directory.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol


class Rights(Protocol):
    """What a card has granted, seen from where it stands; :class:`simulator.security.SecurityState` is it."""

    def own(self, level: int) -> bool:
        """Whether this level was won in the current directory."""
        ...

    def parents(self, level: int) -> bool:
        """Whether it was won in the directory above."""
        ...

    def register(self, *, mf: bool) -> int:
        """The security state 0…F of the current directory, or of the MF (安全状态寄存器)."""
        ...


class Condition(ABC):
    """Whether something is allowed here and now."""

    __slots__ = ()

    @abstractmethod
    def allows(self, rights: Rights) -> bool:
        """Whether it is."""


@dataclass(frozen=True, slots=True)
class _Fixed(Condition):
    answer: bool

    def allows(self, rights: Rights) -> bool:  # noqa: ARG002
        return self.answer


ALWAYS: Final[Condition] = _Fixed(answer=True)
NEVER: Final[Condition] = _Fixed(answer=False)


@dataclass(frozen=True, slots=True)
class Own(Condition):
    """One of these levels was won in the directory that the file lies in."""

    levels: frozenset[int]

    def allows(self, rights: Rights) -> bool:
        """Whether one was."""
        return any(map(rights.own, self.levels))


@dataclass(frozen=True, slots=True)
class Parents(Condition):
    """One of these levels was won in the directory above the one that the file lies in."""

    levels: frozenset[int]

    def allows(self, rights: Rights) -> bool:
        """Whether one was."""
        return any(map(rights.parents, self.levels))


@dataclass(frozen=True, slots=True)
class Either(Condition):
    """One of two is enough (或)."""

    first: Condition
    second: Condition

    def allows(self, rights: Rights) -> bool:
        """Whether one allows it."""
        return self.first.allows(rights) or self.second.allows(rights)


@dataclass(frozen=True, slots=True)
class Both(Condition):
    """Two together (与)."""

    first: Condition
    second: Condition

    def allows(self, rights: Rights) -> bool:
        """Whether both allow it."""
        return self.first.allows(rights) and self.second.allows(rights)


@dataclass(frozen=True, slots=True)
class StateBetween(Condition):
    """The security state of the current directory, or of the MF, is ``low`` to ``high``, 0…F; none if low > high."""

    low: int
    high: int
    mf: bool = False

    def allows(self, rights: Rights) -> bool:
        """Whether it is."""
        return self.low <= rights.register(mf=self.mf) <= self.high


class Protection(Enum):
    """How UPDATE commands to a file have to come (线路保护)."""

    PLAIN = "plain"
    MAC = "with a MAC"
    ENCRYPTED = "encrypted, with a MAC"


@dataclass(frozen=True, slots=True)
class FileRights:
    """Who may read and update a file, and how updates come; ``free_read``: no rule stands in the way of reading."""

    read: Condition
    update: Condition
    protection: Protection = Protection.PLAIN


FORBIDDEN: Final = FileRights(NEVER, NEVER)
"""Of files that no command reaches."""
