"""Code tables against the specification's, line by line."""

import csv
from pathlib import Path

import pytest

from cardlib.codes import CARD_CATEGORY, ETHNICITY, SEX, CodeTable

PUBLISHED = Path(__file__).parents[1] / "vectors" / "items" / "code-tables.csv"


@pytest.mark.parametrize(
    ("table", "clause", "tag"),
    [(CARD_CATEGORY, "S1 T11", "02"), (SEX, "S1 T13", "0A"), (ETHNICITY, "S1 T14", "0B")],
    ids=["card category", "sex", "ethnicity"],
)
def test_the_table_is_the_published_one(table: CodeTable, clause: str, tag: str) -> None:
    with PUBLISHED.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["table"] == clause]
    assert {row["item_tag"] for row in rows} == {tag}
    assert table.rows == tuple((row["code"], row["meaning_zh"], row["meaning_en"]) for row in rows)


@pytest.mark.parametrize("table", [CARD_CATEGORY, SEX, ETHNICITY], ids=lambda table: table.name)
def test_no_code_stands_twice(table: CodeTable) -> None:
    codes = [code for code, _, _ in table.rows]
    assert len(set(codes)) == len(codes)


def test_a_known_code_has_its_meanings() -> None:
    female = SEX["2"]
    assert (female.code, female.zh, female.en, female.known) == ("2", "女性", "female", True)


def test_an_unknown_code_is_kept_and_marked() -> None:
    unknown = ETHNICITY["77"]
    assert (unknown.code, unknown.zh, unknown.en, unknown.known) == ("77", "", "", False)
