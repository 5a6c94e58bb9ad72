"""Placeholders of a template (占位符): ``${name}``, or ``${name?}`` for what a record may leave blank.

A placeholder stands for one whole value and has the type of the item in whose place it stands; the same one may stand
in several places.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cardlib.schema import Binary, Code, Date, Number, Parts, Region, Schema, SchemaError, Text
from cardlib.values import Value
from cardlib.written.values import Leaf

_NAME: Final = r"[^\W\d]\w{0,39}"
_WHOLE: Final = re.compile(rf"\$\{{({_NAME})(\?)?\}}")
_BEGINNING: Final = "${"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder in one place of the template; ``optional``: a record may leave it blank."""

    name: str
    optional: bool


@dataclass
class Use:
    """What a placeholder stands for, all its places together.

    ``optional``: blank is allowed in all of them. ``takes``: what is written for it, in words, one for each kind of
    place; for the manual and for who prepares the records.
    """

    name: str
    optional: bool = True
    places: list[str] = field(default_factory=list)
    takes: list[str] = field(default_factory=list)

    def stands(self, place: str, takes: str, *, optional: bool) -> None:
        """It stands in this place too."""
        self.optional = self.optional and optional
        self.places.append(place)
        if takes not in self.takes:
            self.takes.append(takes)


class Source(ABC):
    """What gives values to placeholders."""

    @abstractmethod
    def value(self, placeholder: Placeholder, schema: Schema, fill: int) -> Value:
        """The value of the placeholder where this type is wanted; raises :class:`SchemaError`."""


@dataclass(frozen=True, slots=True)
class _Filled(Leaf):
    placeholder: Placeholder
    source: Source

    def value(self, schema: Schema, fill: int) -> Value:
        return self.source.value(self.placeholder, schema, fill)


def placeholder_in(text: str) -> Placeholder | None:
    """The placeholder that is written, None for a text without any.

    Raises :class:`SchemaError` for one that is badly written, or is not the whole text.
    """
    if _BEGINNING not in text:
        return None
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise SchemaError("takes a placeholder alone, such as ${name}, or ${name?} where blank is allowed")
    return Placeholder(found[1], found[2] is not None)


def pieces(text: str) -> Iterator[str | Placeholder]:
    """What a text consists of, in order: plain text and placeholders; for texts that are put together."""
    at = 0
    for found in _WHOLE.finditer(text):
        yield text[at : found.start()]
        yield Placeholder(found[1], found[2] is not None)
        at = found.end()
    yield text[at:]


def placeholders(written: object) -> list[Placeholder]:
    """All placeholders in what is written for an item; raises as :func:`placeholder_in`."""
    match written:
        case str():
            found = placeholder_in(written)
            return [found] if found else []
        case Mapping():
            return [one for value in written.values() for one in placeholders(value)]
        case list():
            return [one for value in written for one in placeholders(value)]
        case _:
            return []


def filled(written: Any, source: Source) -> Any:
    """What is written, with leaves in the place of placeholders that take their values from ``source``."""
    match written:
        case str():
            found = placeholder_in(written)
            return _Filled(found, source) if found else written
        case Mapping():
            return {name: filled(value, source) for name, value in written.items()}
        case list():
            return [filled(value, source) for value in written]
        case _:
            return written


def in_words(schema: Schema) -> str:  # noqa: PLR0911 - one for each kind
    """What is written for a value of this type, in words."""
    match schema:
        case Number():
            return f"whole number up to {schema.largest}"
        case Code():
            return f"code of the table {schema.table.name}"
        case Date():
            return f"date of {2 * schema.size} digits"
        case Region():
            return "six digits"
        case Binary():
            return f"file, or base64, of up to {schema.size} bytes"
        case Parts():
            return f"object of {', '.join(part.name for part in schema.parts)}"
        case Text():
            return f"text of up to {schema.size} bytes of GB 18030"
        case _:
            return f"up to {2 * schema.size} digits"
