"""Which item has which code table: the declarations of 2.0 against the published tables, in both directions."""

import csv
from collections.abc import Iterator
from pathlib import Path

from cardlib import codes
from cardlib.model import CyclicFile
from cardlib.profiles.v2 import V2
from cardlib.schema import Btlv, Code, Composite, Schema

PUBLISHED = Path(__file__).parents[2] / "vectors" / "items" / "code-tables.csv"


def coded(place: str, schema: Schema) -> Iterator[tuple[str, str]]:
    """The places where a schema has codes, as the published table writes them, each with its table's clause."""
    if isinstance(schema, Code):
        yield place, schema.table.clause.partition(";")[0]
    elif isinstance(schema, Btlv):
        for tag, part in schema.inner.items():
            yield from coded(f"{tag:02X}", part.schema)
    elif isinstance(schema, Composite):
        start = 1
        for part in schema.parts:
            end = start + part.schema.size - 1
            yield from coded(f"{place}[{start}]" if start == end else f"{place}[{start}-{end}]", part.schema)
            start = end + 1


def declared() -> Iterator[tuple[str, str]]:
    for directory in V2.directories:
        for file in directory.files:
            for number, item in enumerate(file.items, start=1):
                if isinstance(file, CyclicFile):
                    place = f"{directory.name}EF{file.fid & 0xFF:02X}.{number}"
                else:
                    place = "" if item.tag is None else f"{item.tag:02X}"
                yield from coded(place, item.schema)


def published() -> Iterator[tuple[str, str]]:
    with PUBLISHED.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            # "46 13" are two items, "4B[1-2]" characters of one, "DF04EF08.2" a field of a cyclic record.
            for place in row["item_tag"].split():
                yield place, row["table"]


def test_every_coded_item_has_the_published_table_and_no_item_is_left_out() -> None:
    assert set(declared()) == set(published())


def test_every_published_table_is_used_by_an_item() -> None:
    used = {clause for _, clause in declared()}
    assert used == {table.clause.partition(";")[0] for table in codes.ALL if table is not codes.PROVINCE}
