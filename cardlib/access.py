"""Which keys, and whether the PIN, it takes to read or update files: worked out from their rules (访问控制).

Nothing here talks to a card. A flow says what is at hand, asks what to get, and asks again when something could not be
had.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final, TypeAlias

from cardlib.keys import KEYS, Purpose
from cardlib.rules import Rule


@dataclass(frozen=True, slots=True)
class Way:
    """One way to satisfy a rule, with nothing in it that is not needed: the PIN or not, and keys by name."""

    pin: bool
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Need:
    """What to get for some rules in one directory: whether the PIN helps, and the ``keys``, in the order to ask."""

    pin: bool
    keys: tuple[str, ...]


Rules: TypeAlias = Mapping[str, Collection[Rule]]
"""Rules by the name of the directory in which they stand."""


@lru_cache(maxsize=1024)
def ways(rule: Rule) -> tuple[Way, ...]:
    """Every way to satisfy ``rule``, those with the fewest keys first and without the PIN before with it.

    None for a rule that nobody satisfies (never); one with nothing in it for a file that is free.
    """
    found: list[Way] = []
    for keys in _subsets(_in_order(rule.keys)):
        for pin in (False, True):
            way = Way(pin, frozenset(keys))
            if rule.satisfied(pin=pin, keys=way.keys) and not any(_within(less, way) for less in found):
                found.append(way)
    return tuple(found)


def needed(rules: Collection[Rule], *, pin: bool, missing: Collection[str] = (), held: Collection[str] = ()) -> Need:
    """The fewest keys of one directory that open as much as can be opened.

    ``pin``: the PIN was verified or can be. ``missing``: names of keys that cannot be had. ``held``: those whose right
    is won already; they are not asked for again. ``Need.pin`` says whether a file that can be opened then needs the
    PIN.
    """
    obtainable = {key for rule in rules for key in rule.keys} - set(missing) | set(held)
    open_to_us = [rule for rule in rules if rule.satisfied(pin=pin, keys=obtainable)]
    possible = [[way for way in ways(rule) if way.keys <= obtainable and (pin or not way.pin)] for rule in open_to_us]
    # Keys without which a file stays closed are settled before anything is tried out.
    certain = frozenset[str]().union(*(frozenset.intersection(*(way.keys for way in found)) for found in possible))
    optional = _in_order(obtainable - certain - set(held))
    chosen = certain | set(held)
    for more in _subsets(optional):
        chosen = certain | set(held) | set(more)
        if all(rule.satisfied(pin=pin, keys=chosen) for rule in open_to_us):
            break
    wants_pin = any(not rule.satisfied(pin=False, keys=chosen) for rule in open_to_us)
    return Need(wants_pin, tuple(_in_order(chosen - set(held))))


def pin_helps(rules: Rules, missing: Collection[str] = ()) -> bool:
    """Whether verifying the PIN opens more files of these directories, or as many with fewer keys."""
    return _success(rules, pin=True, missing=missing) > _success(rules, pin=False, missing=missing)


def _success(rules: Rules, *, pin: bool, missing: Collection[str]) -> tuple[int, int]:
    """How many files can be opened, and the fewer keys it takes the more."""
    opened = keys = 0
    for of_one in rules.values():
        need = needed(of_one, pin=pin, missing=missing)
        opened += sum(rule.satisfied(pin=pin, keys=need.keys) for rule in of_one)
        keys += len(need.keys)
    return opened, -keys


_LATER: Final = frozenset({Purpose.UPDATE})


def _in_order(keys: Iterable[str]) -> list[str]:
    """Keys by name, read keys before update keys: whoever may read need not be trusted to write."""
    return sorted(keys, key=lambda name: (name in KEYS and KEYS[name].purpose in _LATER, name))


def _subsets(keys: Collection[str]) -> Iterator[tuple[str, ...]]:
    for size in range(len(keys) + 1):
        yield from combinations(keys, size)


def _within(less: Way, more: Way) -> bool:
    return less.keys <= more.keys and less.pin <= more.pin
