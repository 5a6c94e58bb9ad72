"""How mistakes in what people write are told (填写错误): each with its place, never with a value."""

import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError

TOO_DEEP: Final = "has tables or lists that are nested too deeply"


def tables(text: str) -> dict[str, Any]:
    """The tables of a TOML text, with a byte order mark or without; raises :class:`ValueError` with a sentence."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except ValueError as error:
        raise ValueError(f"is no TOML file in UTF-8: {error}") from None
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """A sentence about a name that nothing has: the nearest one that something has, or all of them."""
    names = list(known)
    near = get_close_matches(name, names, n=1)
    return f"there is no such {what}; " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}")


def told(error: ValidationError) -> list[str]:
    """Everything that is wrong with a form."""
    return [
        f"{place(detail['loc'])}: {detail['msg'].removeprefix('Value error, ')}"
        for detail in error.errors(include_url=False, include_input=False, include_context=False)
    ]


def place(steps: Iterable[int | str]) -> str:
    """``files.skills.degrees[2]``, counted from 1 as people do."""
    words = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in steps)
    return words.removeprefix(".")


def mistakes_in(table: str, mistakes: Iterable[str]) -> bool:
    """Whether any of the mistakes stands in this table."""
    return any(mistake.startswith((f"{table}.", f"{table}[", f"{table}:")) for mistake in mistakes)
