"""Access rules of files (访问控制): what must have happened on the card before a file is read or updated [S1 §5].

A rule is declared once, in the profile. The reader asks it which keys are involved, the simulated card whether it is
satisfied; its ``str`` is the notation of the specification's tables: ``free``, ``PIN|RK1DF01``,
``(PIN&RK3DF03)|UK4DF03``.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final


class Rule(ABC):
    """A condition on the security state of the card (安全状态)."""

    @abstractmethod
    def satisfied(self, *, pin: bool, keys: Collection[str]) -> bool:
        """Whether access is granted after PIN verification (``pin``) and external authentication by ``keys``."""

    @property
    @abstractmethod
    def keys(self) -> frozenset[str]:
        """Names of all keys that play a part in the rule."""


@dataclass(frozen=True, slots=True)
class _Free(Rule):
    def satisfied(self, *, pin: bool, keys: Collection[str]) -> bool:  # noqa: ARG002
        return True

    @property
    def keys(self) -> frozenset[str]:
        return frozenset()

    def __str__(self) -> str:
        return "free"


@dataclass(frozen=True, slots=True)
class _Pin(Rule):
    def satisfied(self, *, pin: bool, keys: Collection[str]) -> bool:  # noqa: ARG002
        return pin

    @property
    def keys(self) -> frozenset[str]:
        return frozenset()

    def __str__(self) -> str:
        return "PIN"


@dataclass(frozen=True, slots=True)
class Key(Rule):
    """External authentication with the key of this name in the specification, such as ``RKSSSE`` (外部认证)."""

    name: str

    def satisfied(self, *, pin: bool, keys: Collection[str]) -> bool:  # noqa: ARG002
        """Whether the key is among those authenticated."""
        return self.name in keys

    @property
    def keys(self) -> frozenset[str]:
        """The key itself."""
        return frozenset({self.name})

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, init=False)
class _Compound(Rule):
    parts: tuple[Rule, ...]

    def __init__(self, *parts: Rule) -> None:
        object.__setattr__(self, "parts", parts)

    @property
    def keys(self) -> frozenset[str]:
        return frozenset().union(*(part.keys for part in self.parts))

    def _joined(self, sign: str) -> str:
        return sign.join(f"({part})" if isinstance(part, _Compound) else str(part) for part in self.parts)


class AnyOf(_Compound):
    """One of several rules is enough (或)."""

    __slots__ = ()

    def satisfied(self, *, pin: bool, keys: Collection[str]) -> bool:
        """Whether one part is satisfied."""
        return any(part.satisfied(pin=pin, keys=keys) for part in self.parts)

    def __str__(self) -> str:
        return self._joined("|")


class AllOf(_Compound):
    """All of several rules together (与)."""

    __slots__ = ()

    def satisfied(self, *, pin: bool, keys: Collection[str]) -> bool:
        """Whether every part is satisfied."""
        return all(part.satisfied(pin=pin, keys=keys) for part in self.parts)

    def __str__(self) -> str:
        return self._joined("&")


FREE: Final[Rule] = _Free()
"""No condition (自由)."""

PIN: Final[Rule] = _Pin()
"""The holder's PIN was verified (个人密码)."""
