"""Addresses against a profile: what to read and to write, and results in the interface's format."""

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardlib.model import CyclicFile, LinearFile, TransparentFile
from cardlib.national import AddressError, parse_address, resolve, results, updates
from cardlib.profiles import ALL
from cardlib.profiles.v1 import V1
from cardlib.profiles.v2 import V2
from cardlib.values import CardDate

EXAMPLE = "SSSEEF05|06|07|$DF01EF15|2A|40:2|$"


def contents(*names: str, profile=V2, **values):
    found = {}
    for name in names:
        file = profile.file_named(name)
        records = file.encode(values.get(name, file.sample))
        found[name] = file.parse(b"".join(records))
    return found


def selected(text: str, profile=V2):
    return resolve(parse_address(text), profile)


def test_the_example_of_the_interface_is_resolved() -> None:
    issuer, education = selected(EXAMPLE)
    assert (issuer.file.name, [(item.name, number) for item, number in issuer.items]) == (
        "issuer",
        [("expiry_date", 1), ("card_number", 1)],
    )
    assert [(item.name, number) for item, number in education.items] == [("education_level", 1), ("degrees", 2)]


def test_results_stand_in_the_places_of_the_address() -> None:
    assert results(selected("DF01EF0A|37|$"), contents("nationality")) == b"DF01EF0A|ZZZ|$"
    held = contents("issuer", "education")
    assert results(selected(EXAMPLE), held) == b"SSSEEF05|20390303|T00000001|$DF01EF15|21||$"
    first = results(selected("DF01EF15|40|40:1|$"), held)
    assert first == "DF01EF15|408^080605^虚构大学|408^080605^虚构大学|$".encode("gb18030")


def test_a_file_that_was_not_read_and_a_record_that_is_not_there_are_empty() -> None:
    assert results(selected(EXAMPLE), {}) == b"SSSEEF05|||$DF01EF15|||$"


HISTORY = {
    "records": (
        {"occupation": "2020701", "start_date": CardDate("20120701"), "end_date": None, "employer_name": "虚构公司"},
        {
            "occupation": "4010101",
            "start_date": CardDate("20100101"),
            "end_date": CardDate("20120630"),
            "employer_name": "a|b",
        },
    )
}


def test_a_cyclic_file_has_fields_in_records() -> None:
    held = contents("employment_history", employment_history=HISTORY)
    newest, older = "2020701^20120701^^虚构公司", "4010101^20100101^20120630^a｜b"
    assert results(selected("DF02EF07$"), held).decode("gb18030") == f"DF02EF07|{newest}|{older}|$"
    assert results(selected("DF02EF07|2|$"), held).decode("gb18030") == f"DF02EF07|{older}|$"
    assert results(selected("DF02EF07|4|1|$"), held).decode("gb18030") == f"DF02EF07||{newest}|$"


def test_blank_records_of_a_cyclic_file_are_left_out() -> None:
    file = V2.file_named("employment_history")
    (record, _) = file.encode(HISTORY)
    held = {"employment_history": file.parse(record + bytes(file.record_size) + b"\xff" * file.record_size)}
    assert results(selected("DF02EF07$"), held).count(b"2020701") == 1
    assert results(selected("DF02EF07$"), held).endswith("虚构公司|$".encode("gb18030"))


def test_a_transparent_file_is_upper_case_hexadecimal() -> None:
    photo = V2.file_named("photo")
    content = bytes.fromhex(photo.items[0].vector[0])
    assert (
        results(selected("SSSEEF08$"), {"photo": photo.parse(content)})
        == b"SSSEEF08|" + content.hex().upper().encode() + b"|$"
    )


REFUSED = {
    "SSSEEF0F|06|$": (0, "no file SSSEEF0F"),
    "SSSEEF05|06|$DF09EF05|01|$": (13, "no file DF09EF05"),
    "SSSEEF05$": (0, "name them"),
    "SSSEEF05|06|08|$": (12, "no item"),
    "SSSEEF05|6|$": (9, "no item"),
    "DF01EF15|40:4|$": (9, "records 1 to 3"),
    "DF01EF15|40:0|$": (9, "records 1 to 3"),
    "SSSEEF05|06:2|$": (9, "records 1 to 1"),
    "DF02EF07|0|$": (9, "no record number"),
    "DF02EF07|255|$": (9, "no record number"),
    "DF02EF07|A|$": (9, "no record number"),
    "DF02EF07|1:1|$": (9, "no record number"),
    "SSSEEF08|01|$": (9, "transparent"),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.items(), ids=REFUSED)
def test_what_the_card_does_not_have_is_refused_with_the_place(text: str, expected: tuple[int, str]) -> None:
    with pytest.raises(AddressError) as caught:
        selected(text)
    assert caught.value.position == expected[0]
    assert expected[1] in caught.value.reason


def test_the_profile_decides() -> None:
    with pytest.raises(AddressError, match=r"a 1\.0 card has no file SSSEEF08"):
        selected("SSSEEF08$", V1)
    assert selected("SSSEEF06|4E|$")
    with pytest.raises(AddressError, match="no item"):
        selected("SSSEEF06|4E|$", V1)


def test_values_to_write_stand_in_the_same_places() -> None:
    issuer, education = updates(
        selected(EXAMPLE), "SSSEEF05|20400101|T00000001|$DF01EF15|31|408^^虚构学院|$".encode("gb18030")
    )
    assert [(change.item.name, change.number) for change in (*issuer.changes, *education.changes)] == [
        ("expiry_date", 1),
        ("card_number", 1),
        ("education_level", 1),
        ("degrees", 2),
    ]
    assert issuer.changes[0].value == CardDate("20400101")
    assert education.changes[1].value == {"degree": "408", "subject": None, "school": "虚构学院"}
    assert repr(education) == "<education: 2 changes, 0 records>"
    assert "虚构" not in repr(education.changes)


def test_the_other_records_of_a_field_stay_as_they_are() -> None:
    held = contents("education")["education"]
    (update,) = updates(selected("DF01EF15|40:2|$"), "DF01EF15|402^^|$".encode("gb18030"))
    (first, second, third) = update.values(held.raw)["degrees"]
    assert first == held.values["degrees"][0]
    assert (second["degree"], third) == ("402", None)
    assert update.values(held.raw).keys() == {"degrees"}
    assert update.values({})["degrees"] == (None, second, None)


def test_the_name_and_its_extension_are_one_value() -> None:
    held = contents("holder")["holder"]
    (update,) = updates(selected("SSSEEF06|4E|$"), b"SSSEEF06||$")
    assert update.values(held.raw) == {"name": held.values["name"][:14]}


def test_a_character_across_the_border_of_two_records_stays_whole() -> None:
    name = V2.file_named("holder").fields[1].example
    held = contents("holder")["holder"]
    selection = selected("SSSEEF06|09|4E|$")
    read = results(selection, {"holder": held})
    first, second = read.decode("gb18030").split("|")[1:3]
    assert first + second == name
    assert len(first.encode("gb18030")) == 28, "the fifteenth character takes bytes 29 to 32"
    (update,) = updates(selection, read)
    assert update.values({}) == {"name": name}
    (update,) = updates(selected("SSSEEF06|09|$"), "SSSEEF06|甲|$".encode("gb18030"))
    assert update.values(held.raw) == {"name": f"甲{second}"}


def test_records_of_a_cyclic_file_are_appended_in_order() -> None:
    text = "DF02EF07|2020701^20120701^^虚构公司|4010101^20100101^20120630^b^|$"
    (update,) = updates(selected("DF02EF07$"), text.encode("gb18030"))
    assert [record["occupation"] for record in update.records] == ["2020701", "4010101"]
    assert update.records[0]["end_date"] is None
    assert update.changes == ()
    newest_first = update.values({})["records"]
    assert [record["occupation"] for record in newest_first] == ["4010101", "2020701"]


def test_a_transparent_file_is_written_whole() -> None:
    file = V2.file_named("photo")
    content = bytes.fromhex(file.items[0].vector[0])
    (update,) = updates(selected("SSSEEF08$"), b"SSSEEF08|" + content.hex().encode() + b"|$")
    assert update.values({}) == {"content": content}


UNWRITABLE = {
    "another file": ("SSSEEF05|06|$", "SSSEEF06|20400101|$", 0, "the address has SSSEEF05"),
    "too few files": (EXAMPLE, "SSSEEF05|20400101|T00000001|$", 29, "1 files"),
    "too few values": (EXAMPLE, "SSSEEF05|20400101|$DF01EF15|31|||$", 0, "1 values"),
    "no such day": ("SSSEEF05|06|$", "SSSEEF05|20400230|$", 9, "expiry_date"),
    "unknown code": ("SSSEEF06|0A|$", "SSSEEF06|7|$", 9, "sex"),
    "too long": ("SSSEEF05|07|$", "SSSEEF05|T000000011|$", 9, "card_number"),
    "too few parts": ("DF01EF15|40|$", "DF01EF15|402|$", 9, "3 parts"),
    "too few fields": ("DF02EF07$", "DF02EF07|2020701^20120701|$", 9, "4 parts"),
    "a field of a record": ("DF02EF07$", "DF02EF07|2020701^20120799^^x|$", 17, "start_date"),
    "a numbered record": ("DF02EF07|1|$", "DF02EF07|2020701^^^x|$", 9, "appended"),
    "no text": ("SSSEEF05|06|$", b"SSSEEF05|\xff|$", 0, "GB 18030"),
    "no end": ("SSSEEF05|06|$", "SSSEEF05|20400101|", 18, "not ended"),
}


@pytest.mark.parametrize(("address", "data", "position", "reason"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_what_may_not_be_written_is_refused_with_the_place(address, data, position, reason) -> None:
    with pytest.raises(AddressError) as caught:
        updates(selected(address), data if isinstance(data, bytes) else data.encode("gb18030"))
    assert caught.value.position == position
    assert reason in caught.value.reason


FILES = [
    pytest.param(profile, directory, file, id=f"{profile.version}-{file.name}")
    for profile in ALL
    for directory in profile.directories
    for file in directory.files
    # Of some files of 1.0 no item was published.
    if isinstance(file, LinearFile | CyclicFile | TransparentFile) and file.items
]


@pytest.mark.parametrize(("profile", "directory", "file"), FILES)
def test_every_file_is_addressed_and_its_values_go_there_and_back(profile, directory, file) -> None:
    head = f"{directory.name}{file.fid:04X}"
    entries = [
        f"{item.tag:02X}:{number}|"
        for item in (file.items if isinstance(file, LinearFile) else ())
        for number in range(1, item.repeat + 1)
    ]
    selection = selected(f"{head}|{''.join(entries)}$", profile)
    held = file.parse(b"".join(file.encode(file.sample)))
    read = results(selection, {file.name: held})
    (update,) = updates(selection, read)
    if isinstance(file, CyclicFile):
        assert update.records == held.values["records"]
    else:
        assert update.values({}) == {name: held.values[name] for name in held.values}
    assert results(selection, {file.name: held}) == read


NAMES = st.sampled_from(["甲", "乙", "亅", "乗", "𠮷", "a", "$", "|", "^", " b"])


@given(st.lists(NAMES, max_size=8).map("".join), st.dates().map(CardDate.of))
def test_any_text_goes_there_and_back_with_its_signs_in_full_width(name: str, birth: CardDate) -> None:
    file = V2.file_named("holder")
    name = name.strip()
    held = {"holder": file.parse(b"".join(file.encode({"name": name or None, "birth_date": birth})))}
    selection = selected("SSSEEF06|09|0D|$")
    (update,) = updates(selection, results(selection, held))
    found = update.values(MappingProxyType({}))
    expected = name.replace("$", "＄").replace("|", "｜").replace("^", "＾")
    assert (found["name"] or "", found["birth_date"]) == (expected, birth)
