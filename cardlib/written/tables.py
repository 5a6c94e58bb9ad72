"""Which tables hold the items of which files: ``[person]``, ``[issuer]``, and ``[files.…]`` for all others."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from cardlib.model import CardProfile, ElementaryFile
from cardlib.written.mistakes import unknown

_TABLE_OF: Final = MappingProxyType({"holder": "person", "issuer": "issuer"})
"""Files that have a table of their own, and what it is called."""
_FILES: Final = "files"

OF_ITEMS: Final = (*_TABLE_OF.values(), _FILES)
"""Tables that hold items."""


def place_of(file: str) -> str:
    """Where the items of a file are written."""
    return _TABLE_OF.get(file, f"{_FILES}.{file}")


def table(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table, an empty one in the place of what is none: the form tells of that."""
    found = tables.get(name)
    return found if isinstance(found, Mapping) else {}


def written_files(
    profile: CardProfile,
    tables: Mapping[str, Any],
    mistakes: list[str],
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[tuple[ElementaryFile, str, object]]:
    """Each file that is written about: its declaration, the place, and what is written there.

    ``elsewhere``: files that are written about in a table of another kind, and its name. Files that do not exist, or
    stand in the wrong place, are told in ``mistakes``.
    """
    for name, own in _TABLE_OF.items():
        if own in tables:
            yield profile.file_named(name), own, table(tables, own)
    files = {file.name: file for directory in profile.directories for file in directory.files}
    for name, written in table(tables, _FILES).items():
        place = f"{_FILES}.{name}"
        proper = elsewhere.get(name) or _TABLE_OF.get(name)
        if proper:
            mistakes.append(f"{place}: is written as [{proper}]")
        elif name not in files:
            mistakes.append(f"{place}: {unknown('file', name, (one for one in files if one not in _TABLE_OF))}")
        else:
            yield files[name], place, written
