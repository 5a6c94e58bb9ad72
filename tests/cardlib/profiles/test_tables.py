"""The profiles against the specification's tables, line by line, and every vector worked out a second time.

The second computation knows the type and the length of an item from the table alone, and makes texts by iconv.
"""

import csv
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from cardlib.model import CardProfile, CyclicFile, Directory, ElementaryFile, InternalFile, Item, Joined
from cardlib.profiles import ALL
from cardlib.schema import Btlv
from cardlib.values import CardDate, CardIdentifier, Coded, Value

PUBLISHED = Path(__file__).parents[2] / "vectors" / "items"
V2 = ALL[1]
Row = dict[str, str]


@cache
def published(version: str) -> tuple[Row, ...]:
    with (PUBLISHED / f"items-{version}.csv").open(encoding="utf-8", newline="") as lines:
        return tuple(csv.DictReader(lines))


# The tables, line by line.


def declared_file(directory: Directory, file: ElementaryFile) -> Iterator[Row]:
    """The lines of the published table that a file stands for."""
    common = {
        "directory": directory.name,
        "file_fid": "" if file.fid is None else f"{file.fid:04X}",
        "file_name_zh": file.chinese,
        "structure": file.structure.value,
        "read_rule": str(file.read),
        "update_rule": str(file.update),
        "file_class": file.file_class.value,
        "clause": file.clause,
        "record_no": "",
        "tag": "",
        "parent_tag": "",
        "repeat": "1",
    }
    if isinstance(file, CyclicFile):
        record = {"repeat": str(file.records), "name_zh": "", "type": "record", "length_dec": str(file.record_size)}
        yield {**common, **record}
        common["parent_tag"] = "record"
    number = 1
    for item in file.items:
        line = {**common, "name_zh": item.chinese, "type": item.schema.notation, "length_dec": str(item.size)}
        if isinstance(file, InternalFile):
            line["type"] = ""
        if item.tag is not None:
            line |= {"record_no": str(number), "tag": f"{item.tag:02X}", "repeat": str(item.repeat)}
        yield line
        if isinstance(item.schema, Btlv):
            for tag, part in item.schema.inner.items():
                inner = {"tag": f"{tag:02X}", "parent_tag": line["tag"], "repeat": "1", "name_zh": part.chinese}
                yield {**line, **inner, "type": part.schema.notation, "length_dec": str(part.schema.size)}
        number += item.repeat


def comparable(row: Row) -> Row:
    """A line of the table as far as a declaration has a word for it."""
    remark = "（1养老 2医疗 3失业 4预留）"  # which record of the four is which
    return {**row, "name_zh": "" if row["type"] == "record" else row["name_zh"].removesuffix(remark)}


@pytest.mark.parametrize("directory", V2.directories, ids=lambda directory: directory.name)
def test_the_profile_is_the_published_table_line_by_line(directory: Directory) -> None:
    lines = [line for file in directory.files for line in declared_file(directory, file)]
    rows = [comparable(row) for row in published("2.0") if row["directory"] == directory.name]
    for line, row in zip(lines, rows, strict=False):
        # A file names the clause that its items' clauses begin with.
        assert line["clause"]
        assert row["clause"].startswith(line.pop("clause"))
        del row["clause"]
        assert line == row
    assert len(lines) == len(rows)


def test_no_directory_of_the_published_table_is_left_out() -> None:
    assert [directory.name for directory in V2.directories] == list(
        dict.fromkeys(row["directory"] for row in published("2.0"))
    )


# Lengths of the files, tags and length bytes included, and of what is put together, as published beside the tables.
FILES = {
    "SSSE": (64, 91, 768, 4096),
    "DF01": (91, 173, 3, 3, 87, 15, 165, 296, 296, 296, 296, 296),
    "DF02": (436, 46, 4 * 85, 101, 83, 4 * 18),
    "DF03": (43, 401, 34, 17, 8, 165, 25, 4 * 41),
    "DF04": (182, 13, 30 * 28, 8 * 3, 20),
    "DF05": (506,),
    "DF06": (167, 217),
    "DF07": (24, 83, 9),
}
CONSTRUCTED = {
    0x40: 0x34, 0x43: 0x6C, 0x44: 0x65, 0x99: 0x10, 0x4A: 0x61, 0x79: 0x27,
    0xA3: 0x18, 0xA4: 0x17, 0xC3: 0x1A, 0xC4: 0x1A, 0xC5: 0x1A,
}  # fmt: skip
CYCLIC = {
    "employment_history": 0x55,
    "employment_policies": 0x12,
    "medical_transactions": 0x1C,
    "special_settlements": 0x03,
}


@pytest.mark.parametrize("directory", FILES)
def test_the_files_have_the_published_sizes(directory: str) -> None:
    assert tuple(file.size for file in V2.files(directory)) == FILES[directory]


def test_constructed_items_and_cyclic_records_have_the_published_lengths() -> None:
    files = [file for directory in V2.directories for file in directory.files]
    constructed = {item.tag: item.size for file in files for item in file.items if isinstance(item.schema, Btlv)}
    assert constructed == CONSTRUCTED
    assert {file.name: file.record_size for file in files if isinstance(file, CyclicFile)} == CYCLIC


def test_a_tag_stands_in_one_file_alone_but_for_the_last_registration_as_unemployed() -> None:
    used: Counter[int] = Counter()
    for directory in V2.directories:
        for file in directory.files:
            for item in file.items:
                used.update(item.tags)
                used.update(list(item.schema.inner) if isinstance(item.schema, Btlv) else [])
    relief = {0xE3: 3, 0xE4: 3, 0xE5: 3, 0xE6: 3, 0xE7: 3}
    assert {tag: times for tag, times in used.items() if times > 1} == {0x60: 2, **relief}


def test_every_file_that_a_command_can_reach_has_a_short_identifier_of_its_own() -> None:
    for directory in V2.directories:
        short = [file.sfi for file in directory.files if file.fid is not None]
        assert len(set(short)) == len(short)
        assert all(1 <= sfi <= 30 for sfi in short)


# The second computation.


@cache
def iconv(text: str) -> str:
    """A text in GB 18030, as hex digits."""
    made = subprocess.run(
        ["iconv", "-f", "UTF-8", "-t", "GB18030"], input=text.encode(), capture_output=True, check=True
    )
    return made.stdout.hex().upper()


def digits(value: Value, width: int) -> str:
    """What packed digits spell out; numbers fill their place with leading zeros."""
    if isinstance(value, int):
        return f"{value:0{width}}"
    return letters(value, width)


def letters(value: Value, width: int) -> str:
    """What a text spells out; numbers fill their place with leading zeros, codes glued together follow each other."""
    match value:
        case CardDate():
            return value.text
        case Coded():
            return value.code
        case CardIdentifier():
            return value.digits
        case int():
            return f"{value:0{width}}"
        case str():
            return value
        case Mapping():
            return "".join(letters(part, 0) for part in value.values())
    raise TypeError(type(value).__name__)


def stored(value: Value, row: Row, inner: list[Row]) -> str:
    """The hex digits that a value of a row's type and length has on the card."""
    size = int(row["length_dec"])
    match row["type"], value:
        case "BTLV", _:
            parts = list(value.values()) if isinstance(value, Mapping) else [None] * len(inner)
            return "".join(
                f"{part['tag']}{int(part['length_dec']):02X}{stored(one, part, [])}"
                for one, part in zip(parts, inner, strict=True)
            )
        case ("b" | "", int()):
            return f"{value:0{2 * size}X}"
        case ("b", bytes()):
            return value.hex().upper()
        case ("cn" | "", _):
            return ("" if value is None else digits(value, 2 * size)).ljust(2 * size, "F")
        case ("an", _):
            return ("" if value is None else iconv(letters(value, size))).ljust(2 * size, "0")
    raise TypeError(row["type"])


def meanings(profile: CardProfile, file: ElementaryFile) -> Iterator[tuple[str, Item]]:
    """All items of a file with the table that has them: 1.0 cards may have records rewritten in the meaning of 2.0."""
    for item in file.items:
        yield "1.0" if profile.version == "1.0" else "2.0", item
    for declared in file.declarations:
        if isinstance(declared, Item) and declared not in file.items:
            yield "2.0", declared


# In a record of 1.0 the 16 digits of the registration certificate's number are packed [S1 annex C].
REPACKED = {0x55: {"type": "cn", "length_dec": "8"}}

ITEMS = [
    pytest.param(version, directory, file, item, id=f"{profile.version}-{file.name}-{item.name}")
    for profile in ALL
    for directory in profile.directories
    for file in directory.files
    for version, item in meanings(profile, file)
]
JOINED = [
    pytest.param(view, id=f"{profile.version}-{file.name}-{view.name}")
    for profile in ALL
    for directory in profile.directories
    for file in directory.files
    for view in file.declarations
    if isinstance(view, Joined)
]


@pytest.mark.parametrize(("version", "directory", "file", "item"), ITEMS)
def test_a_second_computation_of_a_vector_gives_the_same(
    version: str, directory: Directory, file: ElementaryFile, item: Item
) -> None:
    fid = "" if file.fid is None else f"{file.fid:04X}"
    rows = [row for row in published(version) if (row["directory"], row["file_fid"]) == (directory.name, fid)]
    if item.tag is None:
        (row,) = [row for row in rows if row["name_zh"] == item.chinese and row["type"] != "record"]
    else:
        (row,) = [row for row in rows if row["tag"] == f"{item.tag:02X}" and not row["parent_tag"]]
    inner = [part for part in rows if item.tag is not None and part["parent_tag"] == row["tag"]]
    if item.tag is not None and item not in file.items:
        row = {**row, **REPACKED.get(item.tag, {})}
    expected, value = item.vector
    assert stored(value, row, inner) == expected


@pytest.mark.parametrize("view", JOINED)
def test_a_second_computation_of_a_joined_text_gives_the_same(view: Joined) -> None:
    expected, value = view.vector
    assert isinstance(value, str)
    assert iconv(value).ljust(2 * sum(part.size for part in view.parts), "0") == expected


@pytest.mark.parametrize("profile", ALL, ids=lambda profile: profile.version)
def test_every_item_has_a_vector_that_holds_something(profile: CardProfile) -> None:
    files = [file for directory in profile.directories for file in directory.files]
    blank = {item.name for file in files for item in file.items if item.vector[1] is None}
    # What holds the end of a long name has its example in the joined name.
    assert blank <= {"name_extension"}
