"""What the page about card descriptions shows is tried, and it tells all words that there are."""

import re
from pathlib import Path
from types import GeneratorType

import pytest

from simulator.account.amounts import Amounts
from simulator.descriptions import DescriptionError, load, parse
from simulator.descriptions.document import BalancesEntry, Document, KeysEntry, NeighboursEntry, PinEntry
from simulator.memory.cardfile import create_card_file
from simulator.people import ready_image

PAGE = (Path(__file__).parents[2] / "docs" / "card-descriptions.md").read_text(encoding="utf-8")
TABLES = (BalancesEntry, KeysEntry, NeighboursEntry, PinEntry)


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (text,) = examples("toml")
    path = tmp_path / "card.toml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return path


def test_the_description_of_the_page_says_what_the_page_says(written: Path) -> None:
    card = load(written)
    assert (card.profile.version, card.serial, card.issue.pin_tries) == ("2.0", 2001, 3)
    assert card.contents["holder"]["name"] == "示例一"
    assert card.contents["issuer"]["expiry_date"] is None
    assert card.amounts == Amounts(balance=5000, year=b"\x20\x26", starting_day=b"\x01\x01")
    assert card.quirks.select_mf_first


@pytest.mark.usefixtures("written")
def test_the_first_python_example_makes_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSCARD_CARD_CACHE", "")
    names: dict[str, object] = {}
    exec(compile(examples("python")[0], "card-descriptions.md", "exec"), names)
    card = names["card"]
    assert card.power_on()[-4:] == bytes.fromhex("00002001")  # type: ignore[attr-defined]


def test_the_second_python_example_runs() -> None:
    names: dict[str, object] = {}
    exec(compile(examples("python")[1], "card-descriptions.md", "exec"), names)
    assert isinstance(names["number"], GeneratorType)


def test_the_third_python_example_opens_a_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    create_card_file(Path("sample.card"), ready_image("2.0")).close()
    names: dict[str, object] = {}
    exec(compile(examples("python")[2], "card-descriptions.md", "exec"), names)
    assert names["card"].power_on()  # type: ignore[attr-defined]


def test_the_mistakes_of_the_page_are_told_in_these_words() -> None:
    with pytest.raises(DescriptionError) as refused:
        parse('version = "2.0"\n[pin]\nvalue = "1"\n[person]\nnme = "示例"', where="card.toml")
    (shown,) = examples("text")
    assert sorted(refused.value.mistakes) == sorted(shown.splitlines())


@pytest.mark.parametrize("word", dict.fromkeys(name for table in TABLES for name in table.model_fields))
def test_every_word_of_a_table_is_on_the_page(word: str) -> None:
    assert f"`{word}`" in PAGE


@pytest.mark.parametrize("word", Document.model_fields)
def test_every_word_at_the_top_is_on_the_page(word: str) -> None:
    assert f"`{word}`" in PAGE or f"`[{word}]`" in PAGE or f"`[{word}.…]`" in PAGE
