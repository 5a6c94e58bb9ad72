"""Version 1.0 against what is published of it, line by line, and rewritten records as annex C has them."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from cardlib.codes import (
    IDENTITY_CLASS,
    OFFLINE_SETTLEMENT_ALLOWED,
    PENSION_KIND,
    POLITICAL_AFFILIATION,
)
from cardlib.model import AddressableFile, CyclicFile, Directory, ElementaryFile, LinearFile
from cardlib.profiles.v1 import V1
from cardlib.profiles.v2 import V2
from cardlib.reused import Reused
from cardlib.schema import Btlv
from cardlib.values import CardDate, Value

PUBLISHED = Path(__file__).parents[2] / "vectors" / "items" / "items-1.0.csv"
Row = dict[str, str]

UNPUBLISHED = {
    ("DF01", "EF06"): ("通讯地址", "通讯地址邮政编码"),
    ("DF01", "EF09"): ("单位类型",),
    ("DF02", ""): ("",),
    ("DF03", "EF06"): ("丧失劳动能力鉴定结论",),
    ("DF03", "EF07"): ("月养老金支付金额", "基本养老保险个人账户单位缴纳部分本息储存额"),
    ("DF03", "EF08"): ("",),
    ("DF03", "EF09"): ("",),
    ("DF03", "EF0A"): ("",),
    ("DF04", "EF09"): ("",),
}
"""Items that existed, of unpublished tag and length; "" where of a file no item is published."""

ANNEX_C = {
    ("DF01", "EF09"): [("32",)],
    ("DF01", "EF0A"): [("37",), ("38", "39")],
    ("DF02", "EF06"): [("4D",), ("50",)],
    ("DF02", "EF09"): [("55", "56", "96"), ("97",)],
    ("DF03", "EF05"): [("61",)],
    ("DF03", "EF07"): [("71", "6F", "70")],
    ("DF04", "EF05"): [("81",), ("84",), ("87",)],
    ("DF04", "EF06"): [("90", "92"), ("93",)],
}
"""Tags that are used again, each marked one with those that follow it; 4B and 4F of DF02/EF06 cannot be marked."""


def published() -> list[Row]:
    with PUBLISHED.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def files() -> Iterator[tuple[str, ElementaryFile]]:
    for directory in V1.directories:
        for file in directory.files:
            yield directory.name, file


def fid(file: ElementaryFile) -> str:
    assert isinstance(file, AddressableFile)
    return f"{file.fid:04X}"


def lines(directory: Directory) -> Iterator[tuple[str, ...]]:
    """Of every item: file, structure, tag, outer tag, repetitions, Chinese name, type, length in bytes."""
    for file in directory.files:
        place = (fid(file), file.chinese, file.structure.value)
        if isinstance(file, CyclicFile):
            yield (*place, "", "", str(file.records), "", "record", str(file.record_size))
        outer = "record" if isinstance(file, CyclicFile) else ""
        for item in file.items:
            tag = "" if item.tag is None else f"{item.tag:02X}"
            yield (*place, tag, outer, str(item.repeat), item.chinese, item.schema.notation, str(item.size))
            for number, part in item.schema.inner.items() if isinstance(item.schema, Btlv) else ():
                schema = part.schema
                yield (*place, f"{number:02X}", tag, "1", part.chinese, schema.notation, str(schema.size))


@pytest.mark.parametrize("directory", V1.directories, ids=lambda directory: directory.name)
def test_the_items_are_the_published_ones_line_by_line(directory: Directory) -> None:
    columns = ("file_fid", "file_name_zh", "structure", "tag", "parent_tag", "repeat")
    rows = [
        (
            *(row[column] for column in columns),
            "" if row["type"] == "record" else row["name_zh"],
            row["type"],
            row["length_dec"],
        )
        for row in published()
        if row["directory"] == directory.name and row["length_dec"]
    ]
    assert list(lines(directory)) == rows


def test_what_is_not_published_is_known_by_name() -> None:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for row in published():
        if not row["length_dec"]:
            place = (row["directory"], row["file_fid"])
            found[place] = (*found.get(place, ()), row["name_zh"])
    assert found == UNPUBLISHED
    declared = {(directory, fid(file)) for directory, file in files()}
    assert found.keys() - declared == {("DF02", "")}


@pytest.mark.parametrize(("directory", "file"), [pytest.param(d, f, id=f"{d}-{f.name}") for d, f in files()])
def test_the_rules_are_the_published_ones(directory: str, file: ElementaryFile) -> None:
    rows = [row for row in published() if (row["directory"], row["file_fid"]) == (directory, fid(file))]
    assert {row["file_name_zh"] for row in rows} == {file.chinese}
    assert {row["structure"] for row in rows} == {file.structure.value}
    assert {row["update_rule"] for row in rows} == {str(file.update)}
    if file.name == "employment_certificate":  # neither read rule nor class is published
        assert {(row["read_rule"], row["file_class"]) for row in rows} == {("", "")}
    else:
        assert {(row["read_rule"], row["file_class"]) for row in rows} == {(str(file.read), file.file_class.value)}
        assert all(row["clause"].startswith(file.clause.partition(" T9")[0].partition(";")[0]) for row in rows)


def test_every_directory_and_file_is_a_published_one() -> None:
    declared = [(directory, fid(file)) for directory, file in files()]
    assert declared == list(
        dict.fromkeys((row["directory"], row["file_fid"]) for row in published() if row["file_fid"])
    )
    names = {directory.name: (directory.df_name, directory.fid) for directory in V2.directories}
    assert all(names[directory.name] == (directory.df_name, directory.fid) for directory in V1.directories)


def test_files_of_fixed_records_have_records_of_one_length() -> None:
    lengths = {file.name: {item.size for item in file.items} for _, file in files() if file.structure.value == "F"}
    assert lengths == {"personal_status": {1}, "nationality": {4}, "offline_settlement": {4}}


def test_the_tags_of_annex_c_are_used_again_and_no_others() -> None:
    found = {
        (directory, fid(file)): [tuple(f"{tag:02X}" for tag in view.tags) for view in file.views]
        for directory, file in files()
        if isinstance(file, LinearFile) and file.views
    }
    assert found == ANNEX_C


def test_what_a_tag_is_used_for_again_is_what_2_0_has_under_it() -> None:
    for directory, file in files():
        for view in file.views if isinstance(file, LinearFile) else ():
            assert isinstance(view, Reused)
            for item in view.after:
                (standard,) = (found for found in V2.file(directory, file.fid or 0).items if found.tag == item.tag)
                # The number of a rewritten certificate is packed, as annex C has it, and text in table 9.
                assert item is standard or (item.tag, item.size, standard.size) == (0x55, 8, 16)


REWRITTEN: list[tuple[str, str, dict[str, Value]]] = [
    # Bytes by the rule of annex C: the value in its type of 2.0, EE up to the length of 1.0.
    ("employer", "32 03 3234EE", {"identity_class": IDENTITY_CLASS["24"]}),
    (
        "nationality",
        "37 04 434F4DEE 38 04 3133EEEE",
        {"nationality": "COM", "political_affiliation": POLITICAL_AFFILIATION["13"]},
    ),
    ("nationality", "38 04 3031EEEE 39 04 20010701", {"party_joining_date": CardDate("20010701")}),
    ("employment", "4D 04 990000EE", {"employment_registration_region": "990000"}),
    ("employment", "50 04 990000EE", {"unemployment_registration_region": "990000"}),
    (
        "employment_certificate",
        "55 0A 9900001900000017EEEE 96 04 20150301",
        {"certificate_number": "9900001900000017", "issue_date": CardDate("20150301")},
    ),
    ("employment_certificate", "97 04 990000EE", {"issuing_region": "990000"}),
    ("unemployment_insurance", "61 04 990000EE", {"insured_region": "990000"}),
    (
        "pension",
        "71 04 990000EE 70 03 313130 6F 04 20300101",
        {"insured_region": "990000", "insurance_type": PENSION_KIND["110"], "benefit_start_date": CardDate("20300101")},
    ),
    (
        "medical_insurance",
        "81 46 3331303031303030" + "EE" * 62,
        {
            "insurance_type_and_marks": V2.file_named("medical_insurance")
            .item_named("insurance_type_and_marks")
            .vector[1]
        },
    ),
    (
        "medical_insurance",
        "84 46 990000" + "EE" * 67,
        {"insured_region": "990000", "designated_institution_name_2": None},
    ),
    (
        "medical_insurance",
        "87 46 3939303030303139303030303030303137" + "EE" * 53,
        {"health_record_number": "99000019000000017"},
    ),
    (
        "offline_settlement",
        "90 04 31EEEEEE 92 04 00012345 93 04 3037EEEE",
        {
            "offline_settlement_permitted": OFFLINE_SETTLEMENT_ALLOWED["1"],
            "offline_settlement_total": 12_345,
            "offline_settlement_count": 7,
        },
    ),
]


@pytest.mark.parametrize(
    ("name", "run", "expected"), REWRITTEN, ids=[f"{name}-{run[:2]}" for name, run, _ in REWRITTEN]
)
def test_a_rewritten_record_has_the_meaning_of_2_0(name: str, run: str, expected: dict[str, Value]) -> None:
    contents = V1.file_named(name).parse(bytes.fromhex(run))
    assert {item: contents.values[item] for item in expected} == expected


def test_first_job_and_end_of_contract_are_never_rewritten() -> None:
    contents = V1.file_named("employment").parse(bytes.fromhex("4B04 20080701 4F04 20110630"))
    assert contents.values["first_job_date"] == CardDate("20080701")
    assert contents.values["contract_end_date"] == CardDate("20110630")
    assert "employment_registration" not in contents.values


def test_unknown_tags_come_back_raw() -> None:
    contents = V1.file_named("work_injury_insurance").parse(bytes.fromhex("7A03990000 7B0420190401"))
    assert dict(contents.values) == {}
    assert dict(contents.raw) == {0x7A: (bytes.fromhex("990000"),), 0x7B: (bytes.fromhex("20190401"),)}
