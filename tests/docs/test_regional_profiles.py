"""The page about regional profiles shows a file that is tried, and tells all words that there are."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from cardlib.regional.document import Document, Meaning

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "regional-profiles.md").read_text(encoding="utf-8")


def words(model: type[BaseModel]) -> Iterator[str]:
    """Every word that may stand in a file."""
    for name, field in model.model_fields.items():
        yield name
        for inner in get_args(field.annotation):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from words(inner)


def test_the_example_is_the_one_that_is_tested() -> None:
    example = (ROOT / "tests" / "vectors" / "regional" / "person-number.toml").read_text(encoding="utf-8")
    assert f"```toml\n{example}```" in PAGE


@pytest.mark.parametrize("word", [*dict.fromkeys(words(Document)), *get_args(Meaning)])
def test_every_word_is_on_the_page(word: str) -> None:
    assert re.search(rf"\b{word}\b", PAGE)
