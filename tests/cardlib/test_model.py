"""Items, files and profiles as declarations; reading and writing whole files."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apdu.errors import CardError, TlvError
from cardlib.codes import SEX
from cardlib.errors import ItemError
from cardlib.model import CardProfile, Directory, ElementaryFile, Item, Joined, Structure
from cardlib.rules import FREE, PIN, Key
from cardlib.schema import an, btlv, cn, coded, date
from cardlib.values import CardDate, Concern


def item(tag: int, name: str, schema: Any, vector: Any = ("", None), **more: Any) -> Item:
    return Item(tag=tag, name=name, chinese="项", schema=schema, vector=vector, proto=None, sensitive=True, **more)


FIRST, REST = item(0x09, "name", an(6)), item(0x4E, "name_extension", an(4))
NAME = Joined(name="name", chinese="姓名", parts=(FIRST, REST), vector=("", None), proto="name", sensitive=True)
SEX_ITEM, DAY = item(0x0A, "sex", coded(SEX, an(1))), item(0x0D, "day", date())
DEGREE = item(0x40, "degree", btlv({0x57: ("code", an(3)), 0x58: ("subject", cn(3))}))


def elementary_file(*items: Item, views: tuple[Joined, ...] = (), **changes: Any) -> ElementaryFile:
    declared = {"fid": 0xEF15, "name": "sample", "chinese": "样", "structure": Structure.LINEAR_VARIABLE}
    return ElementaryFile(**{**declared, "read": FREE, "update": PIN, "items": items, "views": views, **changes})


FILE = elementary_file(FIRST, SEX_ITEM, REST, DAY, DEGREE, views=(NAME,))
VALUES = {
    "name": "张三李𠮷",
    "sex": SEX["1"],
    "day": CardDate("19900101"),
    "degree": {"code": "204", "subject": "080902"},
}
RUN = bytes.fromhex("0906 D5C5C8FDC0EE 0A01 31 4E04 9534B235 0D04 19900101 400A 5703 323034 5803 080902")


def test_a_file_derives_sfi_and_size_from_its_declaration() -> None:
    assert FILE.sfi == 0x15
    assert FILE.size == len(RUN)


def test_fields_are_the_items_with_a_joined_one_in_the_place_of_its_first_part() -> None:
    assert FILE.fields == (NAME, SEX_ITEM, DAY, DEGREE)


def test_a_file_is_written_in_record_order_and_reads_back() -> None:
    records = FILE.encode(VALUES)
    assert b"".join(records) == RUN
    assert len(records) == len(FILE.items)
    contents = FILE.decode(FILE.split(RUN))
    assert dict(contents.values) == VALUES
    assert contents.warnings == ()


def test_a_character_that_straddles_two_records_is_read_whole() -> None:
    records = FILE.encode({"name": "A张三李四"})
    assert records[0] == bytes.fromhex("0906 41D5C5C8FDC0")
    assert records[2] == bytes.fromhex("4E04 EECBC4 00")
    assert FILE.decode(FILE.split(b"".join(records))).values["name"] == "A张三李四"


def test_a_blank_of_a_latin_name_where_the_records_meet_is_kept() -> None:
    assert FILE.decode({0x09: b"JOHN  ", 0x4E: b"DOE\0"}).values["name"] == "JOHN  DOE"
    assert FILE.decode({0x09: b"JOHN\0\0", 0x4E: b"\xff\xff\xff\xff"}).values["name"] == "JOHN"


def test_missing_values_are_written_blank() -> None:
    assert b"".join(FILE.encode({})) == bytes.fromhex(
        "0906 000000000000 0A01 00 4E04 00000000 0D04 FFFFFFFF 400A 5703 000000 5803 FFFFFF"
    )


def test_a_blank_file_has_no_values_and_no_warnings() -> None:
    contents = FILE.decode(FILE.split(b"".join(FILE.encode({}))))
    assert set(contents.values.values()) == {None}
    assert contents.warnings == ()


@pytest.mark.parametrize(
    ("tag", "stored", "field", "found", "value"),
    [
        (0x0D, None, "day", [Concern.RECORD_MISSING], None),
        (0x4E, None, "name", [Concern.RECORD_MISSING], "张三李"),
        (0x0D, "1990", "day", [Concern.LENGTH_DIFFERS, Concern.DATE_IMPOSSIBLE], CardDate("1990FFFF")),
        (0x4E, "CBC400000000", "name", [Concern.LENGTH_DIFFERS], "张三李四"),
        (0x0D, "32303132", "day", [Concern.DATE_NOT_STANDARD], CardDate("2012", standard=False)),
        (0x0D, "20120230", "day", [Concern.DATE_IMPOSSIBLE], CardDate("20120230")),
        (0x0A, "37", "sex", [Concern.CODE_UNKNOWN], SEX["7"]),
        (0x4E, "CB000000", "name", [Concern.TEXT_UNDECODABLE], "张三李\ufffd"),
        (0x40, "57FF", "degree", [Concern.LENGTH_DIFFERS, Concern.ITEM_UNREADABLE], None),
    ],
)
def test_whatever_is_wrong_with_an_item_becomes_a_warning_about_it(
    tag: int, stored: str | None, field: str, found: list[Concern], value: object
) -> None:
    records = FILE.split(RUN)
    del records[tag]
    if stored is not None:
        records[tag] = bytes.fromhex(stored)
    contents = FILE.decode(records)
    assert contents.values[field] == value
    assert [(warning.file, warning.item, warning.code) for warning in contents.warnings] == [
        ("sample", field, concern) for concern in found
    ]


def test_unknown_and_repeated_tags_do_not_disturb() -> None:
    records = FILE.split(RUN + bytes.fromhex("EA01010A0132"))
    assert records[0xEA] == b"\x01"
    contents = FILE.decode(records)
    assert contents.raw[0xEA] == b"\x01"
    assert contents.values["sex"] == SEX["1"]


@pytest.mark.parametrize("run", ["09", "0906D5C5", "0A0131FF00", "000131"])
def test_records_that_are_cut_off_raise(run: str) -> None:
    with pytest.raises(TlvError):
        FILE.split(bytes.fromhex(run))


def test_a_refused_value_names_file_and_item_but_not_itself() -> None:
    with pytest.raises(ItemError) as caught:
        FILE.encode({"name": "张三李四王五"})
    assert (caught.value.file, caught.value.item) == ("sample", "name")
    assert "张" not in str(caught.value)
    with pytest.raises(ItemError) as caught:
        FILE.encode({"day": CardDate("20120230")})
    assert (caught.value.file, caught.value.item) == ("sample", "day")


def test_a_value_for_an_item_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ItemError, match=r"sample\.nickname: is no item"):
        FILE.encode({"nickname": "三"})


def test_an_item_of_broken_structure_raises_by_itself() -> None:
    with pytest.raises(ItemError, match="degree"):
        DEGREE.decode(b"\x57\xff")


def test_an_item_is_found_by_name() -> None:
    assert FILE.item_named("sex") is SEX_ITEM
    with pytest.raises(KeyError):
        FILE.item_named("nickname")


def test_items_can_be_declared_anew_for_a_later_version() -> None:
    longer = item(0x0A, "sex", an(2))
    assert FILE.replacing(longer) == (FIRST, longer, REST, DAY, DEGREE)


@pytest.mark.parametrize("twice", [item(0x0A, "other", an(1)), item(0x0B, "sex", an(1))], ids=["tag", "name"])
def test_a_file_that_declares_something_twice_is_refused(twice: Item) -> None:
    with pytest.raises(ValueError, match="twice"):
        elementary_file(SEX_ITEM, twice)


def test_contents_show_names_but_no_data() -> None:
    contents = FILE.decode(FILE.split(RUN))
    shown = f"{contents!r}{contents}{contents.warnings!r}"
    assert "name" in shown
    assert not any(secret in shown for secret in ("张三", "19900101", "D5C5", "d5c5", "男", "080902"))


PROFILE = CardProfile(
    version="8.0",
    directories=(
        Directory(name="SSSE", chinese="环境", df_name=b"first name", files=(FILE,)),
        Directory(name="DF01", chinese="区", df_name=b"other name", files=(elementary_file(DAY, name="days"),)),
    ),
)


def test_a_profile_finds_directories_and_files() -> None:
    assert PROFILE.name == b"first name"
    assert PROFILE.directory_with_name(b"other name") == "DF01"
    assert PROFILE.directory_with_name(b"third name") is None
    assert PROFILE.files("DF09") == ()
    assert PROFILE.file("DF01", 0xEF15) is PROFILE.file_named("days")
    with pytest.raises(KeyError):
        PROFILE.file("DF01", 0xEF16)
    with pytest.raises(KeyError):
        PROFILE.file_named("nights")


def test_a_profile_derives_another_as_a_difference() -> None:
    derived = PROFILE.derive("9.0", days={"read": Key("RK1DF01")})
    assert derived.version == "9.0"
    assert str(derived.file_named("days").read) == "RK1DF01"
    assert PROFILE.file_named("days").read == FREE
    assert derived.file_named("sample") is FILE


def test_a_difference_about_an_unknown_file_is_refused() -> None:
    with pytest.raises(KeyError):
        PROFILE.derive("9.0", nights={"read": FREE})


@given(st.binary(max_size=300))
def test_any_bytes_split_or_raise_a_card_error_and_decode_never_fails(run: bytes) -> None:
    try:
        records = FILE.split(run)
    except CardError:
        records = {0x09: run, 0x0A: run, 0x0D: run, 0x40: run, 0x4E: run[::-1]}
    FILE.decode(records)


@given(st.dictionaries(st.sampled_from([0x09, 0x4E, 0x0A, 0x0D, 0x40, 0xEA]), st.binary(max_size=12)))
def test_whatever_is_read_without_a_warning_can_be_written_and_reads_back(records: dict[int, bytes]) -> None:
    contents = FILE.decode(records)
    doubtful = {warning.item for warning in contents.warnings}
    sound = {name: value for name, value in contents.values.items() if name not in doubtful}
    again = FILE.decode(FILE.split(b"".join(FILE.encode(sound))))
    assert {name: again.values[name] for name in sound} == sound
