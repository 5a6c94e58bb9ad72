"""All code tables against the specification's, line by line, in both directions."""

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from cardlib import codes
from cardlib.codes import CodeTable

PUBLISHED = Path(__file__).parents[2] / "vectors" / "items" / "code-tables.csv"

Rows = tuple[tuple[str, str, str], ...]


def published() -> dict[str, Rows]:
    """The rows of the published tables, by where the specification has them."""
    tables: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    with PUBLISHED.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            tables[row["table"]].append((row["code"], row["meaning_zh"], row["meaning_en"]))
    return {clause: tuple(rows) for clause, rows in tables.items()}


def place(table: CodeTable) -> str:
    """Where the specification has the table; another standard may be named after it."""
    return table.clause.partition(";")[0]


@pytest.mark.parametrize("clause", published())
def test_every_published_table_is_there_row_by_row(clause: str) -> None:
    (table,) = (table for table in codes.ALL if place(table) == clause)
    assert table.rows == published()[clause]


def test_no_table_is_there_that_was_not_published() -> None:
    assert {place(table) for table in codes.ALL if table is not codes.PROVINCE} == published().keys()


def test_every_table_of_the_package_is_among_all() -> None:
    exported = [table for table in vars(codes).values() if isinstance(table, CodeTable)]
    assert len(exported) == len(codes.ALL)
    assert all(table in codes.ALL for table in exported)


@pytest.mark.parametrize("table", codes.ALL, ids=lambda table: table.name)
def test_no_code_stands_twice(table: CodeTable) -> None:
    found = [code for code, _, _ in table.rows]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("kind", ["name", "chinese", "clause"])
def test_names_are_unique(kind: str) -> None:
    names = [getattr(table, kind) for table in codes.ALL]
    assert len(set(names)) == len(names)
