"""Regional profile files: what they turn a profile into, and every fault that they can have."""

import re
import tomllib
from pathlib import Path

import pytest

from cardlib.keys import KEYS, Level, Purpose
from cardlib.model import CyclicFile, LinearFile, TransparentFile
from cardlib.profiles import ALL
from cardlib.profiles.v2 import V2
from cardlib.regional import RegionalProfileError, load
from cardlib.values import CardDate, Coded

FILES = Path(__file__).parents[2] / "vectors" / "regional"
PERSON_NUMBER = FILES / "person-number.toml"
EVERYTHING = FILES / "everything.toml"


def test_the_example_of_the_field_adds_a_file_to_the_environment() -> None:
    profile = load(PERSON_NUMBER).profile_for(V2, "990000")
    file = profile.file("SSSE", 0xEF0D)
    assert (file.name, file.sfi, str(file.read), str(file.update)) == ("person_number", 0x0D, "free", "UKPERSON")
    assert [(item.tag, item.name, item.size) for item in file.items] == [
        (0xEA, "person_number", 12),
        (0xEB, "first_application_region", 3),
    ]
    contents = file.parse(bytes.fromhex("EA0C393930303030303030303137EB03990000"))
    assert dict(contents.values) == {"person_number": "990000000017", "first_application_region": "990000"}
    assert contents.warnings == ()


def test_the_rest_of_the_profile_stays_as_it_is() -> None:
    profile = load(PERSON_NUMBER).profile_for(V2, "990000")
    assert profile.version == "2.0"
    assert profile.files("SSSE")[:-1] == V2.files("SSSE")
    assert [directory.files for directory in profile.directories[1:]] == [
        directory.files for directory in V2.directories[1:]
    ]


@pytest.mark.parametrize(
    ("version", "region", "extended"),
    [
        ("2.0", "990000", True),
        ("3.0", "990000", True),
        ("1.0", "990000", False),
        ("2.0", "990001", False),
        ("2.0", None, False),
    ],
)
def test_only_cards_of_its_regions_and_versions_are_extended(
    version: str, region: str | None, *, extended: bool
) -> None:
    (base,) = (profile for profile in ALL if profile.version == version)
    assert (load(PERSON_NUMBER).profile_for(base, region) is not base) is extended


def test_a_region_may_be_given_by_its_first_digits() -> None:
    assert load(EVERYTHING).profile_for(V2, "990281").directories[-1].name == "DF0A"


def test_without_files_nothing_is_extended() -> None:
    assert load().profile_for(V2, "990000") is V2
    assert load().keys == KEYS


def test_a_directory_is_added_with_its_identifiers() -> None:
    directory = load(EVERYTHING).profile_for(V2, "990100").directories[-1]
    assert (directory.name, directory.fid, directory.df_name.hex()) == ("DF0A", 0xDF0A, "d156000005f0")
    assert [(file.name, type(file)) for file in directory.files] == [("library", LinearFile), ("visits", CyclicFile)]


def test_every_kind_of_item_is_understood() -> None:
    profile = load(EVERYTHING).profile_for(V2, "990100")
    library = profile.file_named("library")
    assert library.sample == {
        "reader_kind": Coded("2", "成人", "adult", known=True),
        "loans": ({"due_month": CardDate("202405"), "deposit": 10_000}, None),
    }
    assert library.secure_messaging == "STKDF0A"
    assert str(library.read) == "PIN|RK1DF0A"
    assert [item.sensitive for item in library.items] == [False, True]
    visits = profile.file_named("visits")
    assert isinstance(visits, CyclicFile)
    assert (visits.records, visits.record_size) == (5, 9)
    assert visits.sample == {"records": ({"time": CardDate("20240102030405"), "number": 258},)}
    notice = profile.file_named("notice")
    assert isinstance(notice, TransparentFile)
    assert notice.sample == {"content": b"\x01\x02\x03\x04"}


def test_standard_files_get_items_and_records() -> None:
    profile = load(EVERYTHING).profile_for(V2, "990100")
    residence = profile.file_named("residence")
    assert residence.items[:-1] == V2.file_named("residence").items
    assert residence.sample["residence_permit_months"] == 12
    history = profile.file_named("employment_history")
    assert isinstance(history, CyclicFile)
    assert history.records == 10


def test_what_is_added_reads_back_as_it_was_written() -> None:
    profile = load(EVERYTHING).profile_for(V2, "990100")
    for name in ("library", "visits", "notice", "residence"):
        file = profile.file_named(name)
        assert dict(file.parse(b"".join(file.encode(file.sample))).values) == file.sample


def test_messages_have_no_fields_for_what_is_added() -> None:
    profile = load(EVERYTHING).profile_for(V2, "990100")
    assert {item.proto for item in profile.file_named("library").items} == {None}


def test_keys_of_the_region_stand_beside_those_of_the_standard() -> None:
    keys = load(PERSON_NUMBER, EVERYTHING).keys
    assert keys.keys() - KEYS.keys() == {"UKPERSON", "RK1DF0A", "UK1DF0A", "STKDF0A"}
    key = keys["UKPERSON"]
    assert (key.purpose, key.directory, key.level, key.card_id) == (Purpose.UPDATE, "SSSE", Level.ISSUER, 0x0D)


with (FILES / "faults.toml").open("rb") as faults:
    FAULTS = tomllib.load(faults)["faults"]


@pytest.mark.parametrize("change", FAULTS, ids=lambda change: change["fault"])
def test_a_fault_is_told(change: dict[str, str], tmp_path: Path) -> None:
    whole = (FILES / f"{change['file']}.toml").read_text(encoding="utf-8")
    assert change["text"] in whole
    copy = tmp_path / "copy.toml"
    copy.write_text(whole.replace(change["text"], change["instead"], 1), encoding="utf-8")
    with pytest.raises(RegionalProfileError) as refused:
        load(copy)
    assert f"{copy}: {change['fault']}" in refused.value.faults


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = PERSON_NUMBER.read_text(encoding="utf-8")
    for old, new in (
        ('"3.0"]', '"4.0"]'),
        ('fid = "EF0D"', 'fid = "EF0B"'),
        ('tag = "EB"', 'tag = "08"'),
        ("length = 12", "length = 9"),
    ):
        text = text.replace(old, new, 1)
    copy = tmp_path / "copy.toml"
    copy.write_text(text, encoding="utf-8")
    missing = tmp_path / "missing.toml"
    with pytest.raises(RegionalProfileError) as refused:
        load(copy, missing)
    assert refused.value.faults == (
        f"{copy}: there is no version 4.0",
        f"{copy}: file person_number: EF0B is the standard's: new files begin with EF0C",
        f"{copy}: item first_application_region: the tag 08 is taken",
        f"{copy}: item person_number: the example is not a stored value of 9 bytes, filled up as an is",
        f"{missing}: cannot be read: No such file or directory",
    )
    assert str(refused.value) == "\n".join(refused.value.faults)


def test_entries_of_the_right_form_are_checked_beside_those_of_a_wrong_one(tmp_path: Path) -> None:
    text = (
        EVERYTHING.read_text(encoding="utf-8")
        .replace('structure = "T"', 'structure = "?"')
        .replace("records = 10", "records = 4")
    )
    copy = tmp_path / "copy.toml"
    copy.write_text(text, encoding="utf-8")
    with pytest.raises(RegionalProfileError) as refused:
        load(copy)
    assert [re.sub("^.*?copy.toml: ", "", fault) for fault in refused.value.faults] == [
        "files[3].structure: Input should be 'V', 'F', 'C' or 'T'",
        "addition to employment_history: there are 4 records already (version 2.0)",
        "addition to employment_history: there are 4 records already (version 3.0)",
    ]


@pytest.mark.parametrize("content", [b"title = ", b'title = "\xff"'], ids=["no TOML", "no UTF-8"])
def test_what_is_no_toml_is_refused(content: bytes, tmp_path: Path) -> None:
    copy = tmp_path / "copy.toml"
    copy.write_bytes(content)
    with pytest.raises(RegionalProfileError, match="is no TOML file in UTF-8"):
        load(copy)


def test_two_files_about_the_same_cards_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    text = PERSON_NUMBER.read_text(encoding="utf-8").replace('regions = ["990000"]', 'regions = ["99"]')
    other.write_text(text, encoding="utf-8")
    with pytest.raises(RegionalProfileError) as refused:
        load(PERSON_NUMBER, other)
    assert refused.value.faults == (
        f"{other}: region 99: the profile 'Person number of region 990000' is about these cards too",
        f"{other}: key UKPERSON: the profile 'Person number of region 990000' has a key of this name",
    )
