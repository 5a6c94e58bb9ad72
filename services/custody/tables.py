"""Tables that say where a deployment's keys are: TOML files, of which everything that is wrong is told at once."""

import tomllib
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from cardlib.regional.document import number_in_hexadecimal
from services.config import ConfigError

Number = Annotated[int, BeforeValidator(number_in_hexadecimal)]
"""Written in hexadecimal digits, as specifications and vendors' headers have it."""


class Entry(BaseModel):
    """A table of such a file: a word that is not known is a fault, not a comment."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


T = TypeVar("T", bound=Entry)


def read_table(path: Path, form: type[T]) -> T:
    """The file in its form; raises :class:`~services.config.ConfigError` with all faults of the form."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is no TOML file in UTF-8: {error}") from None
    try:
        return form.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    require_none(
        path, (f"{_place(detail['loc'])}: {detail['msg'].removeprefix('Value error, ')}" for detail in details)
    )
    raise AssertionError("a validation error has details")


def require_none(path: Path, faults: Iterable[str]) -> None:
    """Raise :class:`~services.config.ConfigError` with all the faults of a file, if there are any."""
    if text := "; ".join(f"{path}: {fault}" for fault in faults):
        raise ConfigError(text)


def unknown_keys(names: Iterable[str], known: Collection[str]) -> Iterator[str]:
    """A fault for each key that no card has."""
    return (f"{_row(number)}: there is no key {name}" for number, name in enumerate(names) if name not in known)


def doubles(marks: Iterable[Hashable], what: str) -> Iterator[str]:
    """A fault for each row of which another one has the same marks; ``what``: what that means."""
    rows = list(marks)
    times = Counter(rows)
    return (f"{_row(number)}: {what}" for number, mark in enumerate(rows) if mark is not None and times[mark] > 1)


def _row(number: int) -> str:
    return f"keys[{number + 1}]"


def _place(location: tuple[int | str, ...]) -> str:
    """``keys[1].levels``, counted from 1 as people do."""
    words = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in location)
    return words.removeprefix(".")
