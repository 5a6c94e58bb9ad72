"""Access rules of files (访问控制): what must have happened on the card before a file is read or updated [S1 §5].

A rule is declared once, in the profile. The reader asks it which keys are involved, the simulated card whether it is
satisfied; its ``str`` is the notation of the specification's tables: ``free``, ``PIN|RK1DF01``,
``(PIN&RK3DF03)|UK4DF03``.
"""

import re
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
class _Closed(Rule):
    word: str

    def satisfied(self, *, pin: bool, keys: Collection[str]) -> bool:  # noqa: ARG002
        return False

    @property
    def keys(self) -> frozenset[str]:
        return frozenset()

    def __str__(self) -> str:
        return self.word


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

NEVER: Final[Rule] = _Closed("never")
"""No command may do it; the card's operating system does it by itself (禁止)."""

NONE: Final[Rule] = _Closed("none")
"""There is no such access: the file has no identifier (无)."""

COS: Final[Rule] = _Closed("COS")
"""The card's operating system alone (卡内操作系统)."""

_WORDS: Final = {str(rule): rule for rule in (FREE, PIN, NEVER, NONE, COS)}
_TOKEN: Final = re.compile(r"[|&()]|[A-Za-z0-9]+")


def rule(notation: str) -> Rule:
    """The rule of this notation, the one of the specification's tables: ``free``, ``PIN|RK1DF01``.

    ``|`` and ``&`` do not mix without parentheses. Raises :class:`ValueError`.
    """
    tokens = _TOKEN.findall(notation)
    if "".join(tokens) != notation:
        raise ValueError(f"{notation!r} is no access rule")
    found = _compound(tokens, notation)
    if tokens:
        raise ValueError(f"{notation!r} is no access rule")
    return found


def _compound(tokens: list[str], notation: str) -> Rule:
    """A rule and the further ones joined to it by one and the same sign; takes its tokens away."""
    parts = [_single(tokens, notation)]
    sign = tokens[0] if tokens else ""
    while tokens and tokens[0] == sign and sign in {"|", "&"}:
        tokens.pop(0)
        parts.append(_single(tokens, notation))
    if len(parts) == 1:
        return parts[0]
    return AnyOf(*parts) if sign == "|" else AllOf(*parts)


def _single(tokens: list[str], notation: str) -> Rule:
    word = tokens.pop(0) if tokens else ""
    if word == "(":
        inner = _compound(tokens, notation)
        if not tokens or tokens.pop(0) != ")":
            raise ValueError(f"{notation!r} lacks a parenthesis")
        return inner
    if not word.isalnum():
        raise ValueError(f"{notation!r} is no access rule")
    return _WORDS.get(word) or Key(word)
