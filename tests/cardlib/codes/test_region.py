"""Provinces against another program's list of GB/T 2260."""

import csv
from pathlib import Path

from cardlib.codes import PROVINCE, province

OTHER_LIST = Path(__file__).parents[2] / "vectors" / "items" / "provinces.csv"


def test_the_provinces_are_those_of_another_list() -> None:
    with OTHER_LIST.open(encoding="utf-8", newline="") as lines:
        rows = {row["code"]: row["name_zh"] for row in csv.DictReader(lines)}
    # That list is of identity numbers, where Taiwan is 83 (residence permits, since 2018); in GB/T 2260 it is 71.
    rows["71"] = rows.pop("83")
    assert {code: zh for code, zh, _ in PROVINCE.rows} == rows


def test_a_region_belongs_to_the_province_of_its_first_two_digits() -> None:
    assert (province("650100").zh, province("650100").en) == ("新疆维吾尔自治区", "Xinjiang")


def test_the_region_of_invented_people_belongs_to_no_province() -> None:
    assert not province("990000").known
