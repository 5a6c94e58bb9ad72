"""What the page about templates and records shows is tried, and it tells all words that there are."""

import io
import re
from pathlib import Path

import pytest

from cardlib.issuance.checker import check
from cardlib.issuance.document import ChecksEntry, Document, KeysEntry, PinEntry
from cardlib.issuance.record import parse_json, read_csv
from cardlib.issuance.template import parse

PAGE = (Path(__file__).parents[2] / "docs" / "issuance-records.md").read_text(encoding="utf-8")
TABLES = (ChecksEntry, KeysEntry, PinEntry)


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


TEMPLATE, PREMADE = examples("toml")
(JSON,) = examples("json")
(CSV,) = examples("csv")


def photo(_name: str, _room: int) -> bytes:
    return b"\xff\xd8\xff\xd9"


def test_the_record_in_json_makes_an_order() -> None:
    (card,) = check(parse(TEMPLATE), [parse_json(JSON.encode())], photo).ok()
    assert card.order.contents["holder"]["name"] == "示例古丽·买买提样本"


def test_the_python_example_makes_orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("template.toml").write_text(TEMPLATE, encoding="utf-8")
    Path("persons.csv").write_bytes(CSV.encode("gb18030"))
    Path("photos").mkdir()
    Path("photos/1.jpg").write_bytes(photo("", 0))
    names: dict[str, object] = {}
    (example,) = examples("python")
    exec(compile(example, "issuance-records.md", "exec"), names)
    (order,) = names["orders"]  # type: ignore[misc]
    assert order.contents["photo"]["content"].startswith(photo("", 0))


def test_the_template_for_premade_cards_is_one() -> None:
    assert parse(PREMADE).premade


def test_the_faults_of_the_page_are_told_in_these_words() -> None:
    header, row = CSV.splitlines()
    header = header.replace("number,姓名", "number,nummer", 1)
    wrong = row.replace(",2,05,1985-03-12", ",7,05,1985-02-30").replace("990000198503120027", "")
    table = "\n".join((header, row, wrong.replace("T00000028", "T0000001X"), row))
    found = map(str, check(parse(TEMPLATE), read_csv(lambda: io.BytesIO(table.encode())), photo).faults)
    (shown,) = examples("text")
    assert set(shown.splitlines()) <= set(found)


@pytest.mark.parametrize("word", dict.fromkeys(name for table in TABLES for name in table.model_fields))
def test_every_word_of_a_table_is_on_the_page(word: str) -> None:
    assert f"`{word}`" in PAGE


@pytest.mark.parametrize("word", Document.model_fields)
def test_every_word_at_the_top_is_on_the_page(word: str) -> None:
    assert f"`{word}`" in PAGE or f"`[{word}]`" in PAGE or f"`[{word}.…]`" in PAGE
