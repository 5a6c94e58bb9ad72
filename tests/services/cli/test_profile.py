"""``sscard profile``, against the tables of the specification and the sums that can be taken of them by hand."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.cli import app

ITEMS = Path(__file__).parents[3] / "tests" / "vectors" / "items" / "items-2.0.csv"


def sscard(*arguments: str) -> Result:
    return CliRunner().invoke(app, ("profile", *arguments))


def shown(version: str) -> dict[str, dict[str, Any]]:
    """The files of a version by place, such as "DF01/EF05", as ``--json`` prints them."""
    result = sscard("show", version, "--json")
    assert result.exit_code == 0, result.output
    files = [file for directory in json.loads(result.stdout)["directories"] for file in directory["files"]]
    return {f"{file['directory']}/{file['fid']}": file for file in files}


@pytest.fixture(scope="module", name="v2")
def version_2() -> dict[str, dict[str, Any]]:
    return shown("2.0")


def test_the_basic_files_are_as_long_as_a_card_answers() -> None:
    # 40h and 5Bh stand in wire traces of 2.0 and 3.0 cards, 45h is the holder's file without the name extension.
    assert {version: (shown(version)["SSSE/EF05"]["size"], shown(version)["SSSE/EF06"]["size"]) for version in
            ("1.0", "2.0", "3.0")} == {"1.0": (0x40, 0x45), "2.0": (0x40, 0x5B), "3.0": (0x40, 0x5B)}  # fmt: skip


# [S1 T9], tag and length bytes included, added up by hand.
TOTALS = {
    "SSSE": (64, 91, 768, 4096),
    "DF01": (91, 173, 3, 3, 87, 15, 165, 296, 296, 296, 296, 296),
    "DF02": (436, 46, 4 * 85, 101, 83, 4 * 18),
    "DF03": (43, 401, 34, 17, 8, 165, 25, 4 * 41),
    "DF04": (182, 13, 30 * 28, 8 * 3, 20),
    "DF05": (506,),
    "DF06": (167, 217),
    "DF07": (24, 83, 9),
}


@pytest.mark.parametrize("directory", TOTALS)
def test_every_file_of_a_2_0_card_has_the_bytes_of_the_specification(
    directory: str, v2: dict[str, dict[str, Any]]
) -> None:
    found = tuple(file["size"] for file in v2.values() if file["directory"] == directory)
    assert found == TOTALS[directory]


def test_there_is_no_directory_without_a_total(v2: dict[str, dict[str, Any]]) -> None:
    assert {file["directory"] for file in v2.values()} == TOTALS.keys()


# Lengths that the specification prints for whole BTLV items; tags of 2.0 are unique, so the file needs no mention.
CONSTRUCTED = {
    "40": 0x34, "43": 0x6C, "44": 0x65, "99": 0x10, "4A": 0x61, "79": 0x27, "A3": 0x18, "A4": 0x17,
    "C3": 0x1A, "C4": 0x1A, "C5": 0x1A,
}  # fmt: skip


def test_every_btlv_item_is_as_long_as_its_parts_with_their_tags_and_lengths(v2: dict[str, dict[str, Any]]) -> None:
    items = [item for file in v2.values() for item in file["items"]]
    printed = {item["tag"]: item["length"] for item in items if item["type"] == "BTLV"}
    assert printed == CONSTRUCTED
    for tag, length in printed.items():
        assert sum(2 + part["length"] for part in items if part["parent"] == tag) == length


CYCLIC = {"DF02/EF07": (4, 0x55), "DF02/EF16": (4, 0x12), "DF04/EF08": (30, 0x1C), "DF04/EF15": (8, 0x03)}


def test_every_cyclic_record_is_as_long_as_its_fields(v2: dict[str, dict[str, Any]]) -> None:
    found = {place: (file["records"], file["record_size"]) for place, file in v2.items() if file["structure"] == "C"}
    assert found == CYCLIC
    for place, (_, size) in CYCLIC.items():
        assert sum(item["length"] for item in v2[place]["items"]) == size


COLUMNS = (
    *("directory", "file_fid", "structure", "read_rule", "update_rule", "file_class"),
    *("tag", "parent_tag", "repeat", "length_dec", "type", "name_zh"),
)
REMARK = "（1养老 2医疗 3失业 4预留）"
"""What the table adds to the name of an item of which each record has its own use."""


def test_what_is_shown_of_2_0_is_the_table_of_the_specification_line_by_line(v2: dict[str, dict[str, Any]]) -> None:
    with ITEMS.open(encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["type"] != "record"]
    expected = [tuple(row[column].removesuffix(REMARK) for column in COLUMNS) for row in rows]
    lines = [
        (
            *(file[key] for key in ("directory", "fid", "structure", "read", "update", "file_class")),
            *(str(item[key]) for key in ("tag", "parent", "repeat", "length")),
            # No type is published for what the card keeps for itself.
            "" if file["structure"] == "I" else item["type"],
            item["chinese"],
        )
        for file in v2.values()
        for item in file["items"]
        # What the table does not print: codes within a text, and texts of several records.
        if (item["tag"] or not item["parent"] or item["parent"] == "record") and "joined" not in item["note"]
    ]
    assert lines == expected


def test_the_table_shows_files_and_items_with_both_names_and_the_rules() -> None:
    result = sscard("show", "3.0")
    assert result.exit_code == 0, result.output
    for text in ("持卡人的基本信息文件", "RKSSSE", "social_security_number", "18 (12)", "≥30×28", "PIN&RK1DF04"):
        assert text in result.output


def test_the_versions_are_listed_with_their_sizes() -> None:
    listed = json.loads(sscard("list", "--json").stdout)
    assert [row["version"] for row in listed] == ["1.0", "2.0", "3.0"]
    # Eight directories, 41 files: see TOTALS; 207 lines of the table are items or fields of records.
    assert tuple(listed[1].values()) == ("2.0", 8, 41, 207)
    assert "规范版本" in sscard("list").stdout


REGIONAL = """
title = "Test region"
regions = ["9900"]
versions = ["2.0"]

[[files]]
directory = "SSSE"
fid = "EF0D"
name = "person_number"
chinese = "人员识别号文件"
structure = "V"
read = "free"
update = "UKSSSE"

[[files.items]]
tag = "EA"
name = "regional_person_number"
chinese = "人员识别号"
type = "an"
length = 12
example = "543030303030303030303031"
"""


@pytest.fixture(name="regional")
def regional_profile(tmp_path: Path) -> Path:
    file = tmp_path / "region.toml"
    file.write_text(REGIONAL, encoding="utf-8")
    return file


def test_what_a_region_adds_is_shown_with_the_rest(regional: Path) -> None:
    shown = json.loads(sscard("show", "2.0", "--regional", str(regional), "--json").stdout)
    files = {file["name"]: file for file in shown["directories"][0]["files"]}
    assert list(files) == ["issuer", "holder", "fingerprint", "photo", "person_number"]
    added = files["person_number"]
    assert (added["fid"], added["size"], added["items"][0]["tag"]) == ("EF0D", 14, "EA")


REFUSED = {
    "no such version": (("show", "4.0"), "there is no version '4.0' of the card; there are 1.0, 2.0, 3.0"),
    "no such file": (("show", "2.0", "--regional", "/nonexistent.toml"), "/nonexistent.toml: cannot be read"),
}


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_shown_is_said_in_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    result = sscard(*arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_a_regional_profile_about_other_versions_is_refused(regional: Path) -> None:
    result = sscard("show", "3.0", "--regional", str(regional))
    assert result.exit_code == 2
    assert "is about versions 2.0, not 3.0" in result.stderr
