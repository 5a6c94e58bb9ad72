"""What the page about faults shows is tried, and it tells all words that there are."""

import re
from pathlib import Path
from typing import get_args

import pytest

from simulator.fault_scripts import AnyEntry, load
from simulator.faults import ALWAYS, Delay, Status

PAGE = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")
ENTRIES = get_args(get_args(AnyEntry)[0])


def example(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_script_of_the_page_says_what_the_page_says(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(example("toml"), encoding="utf-8")
    first, second = load(path)
    assert (first.effect, first.instruction, first.at, first.card) == (Status(0x6581), 0xB2, 2, 1)
    assert (second.effect, second.at, second.times) == (Delay(0.5), 10, ALWAYS)


def test_the_python_example_runs() -> None:
    names: dict[str, object] = {}
    exec(compile(example("python"), "faults.md", "exec"), names)
    assert "pulled" in names


@pytest.mark.parametrize("word", dict.fromkeys(name for entry in ENTRIES for name in entry.model_fields))
def test_every_word_is_on_the_page(word: str) -> None:
    assert f"`{word}`" in PAGE


@pytest.mark.parametrize("kind", [get_args(entry.model_fields["kind"].annotation)[0] for entry in ENTRIES])
def test_every_kind_is_on_the_page(kind: str) -> None:
    assert f'`"{kind}"`' in PAGE
