"""Markdown as the manual needs it: headings that links can reach, and tables."""

import re
from collections.abc import Iterable, Iterator, Sequence


def plain(text: str) -> str:
    """Text that is shown as it is: characters with a meaning in Markdown lose it."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", text)


def code(text: str) -> str:
    """Text in the face of code; nothing for nothing. Names, hexadecimal and rules only: no backquote, no line."""
    return f"`{text}`" if text else ""


def anchor(name: str) -> str:
    """The name under which a heading is reached: that of a table or file, in lower case, with hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def heading(level: int, text: str, name: str = "") -> Iterator[str]:
    """The lines of a heading, with an anchor of its own if it has a ``name``."""
    yield f"{'#' * level} {text}" + (f" {{ #{anchor(name)} }}" if name else "")
    yield ""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; columns in which no row has anything are left out."""
    filled = [tuple(row) for row in rows]
    kept = [column for column in range(len(headings)) if any(row[column] for row in filled)]
    yield _line(headings[column] for column in kept)
    yield _line("---" for _ in kept)
    for row in filled:
        yield _line(row[column] for column in kept)
    yield ""


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
