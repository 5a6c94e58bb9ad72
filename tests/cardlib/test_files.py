"""Files as declarations: reading and writing them whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apdu.errors import CardError, TlvError
from cardlib.codes import SEX
from cardlib.errors import ItemError
from cardlib.files import RECORDS, CyclicFile, FileClass, InternalFile, LinearFile, Structure, TransparentFile
from cardlib.items import Item, Joined
from cardlib.rules import COS, FREE, NEVER, NONE, PIN
from cardlib.schema import an, binary, btlv, cn, coded, date, number
from cardlib.values import CardDate, Concern


def item(tag: int, name: str, schema: Any, vector: Any = ("", None), **more: Any) -> Item:
    return Item(tag=tag, name=name, chinese="项", schema=schema, vector=vector, proto=None, sensitive=True, **more)


FIRST, REST = item(0x09, "name", an(6)), item(0x4E, "name_extension", an(4))
NAME = Joined(name="name", chinese="姓名", parts=(FIRST, REST), vector=("", None), proto="name", sensitive=True)
SEX_ITEM, DAY = item(0x0A, "sex", coded(SEX, an(1))), item(0x0D, "day", date())
DEGREE = item(0x40, "degree", btlv({0x57: ("code", an(3), "代码"), 0x58: ("subject", cn(3), "专业")}))


def linear(*items: Item, views: tuple[Joined, ...] = ()) -> LinearFile:
    return LinearFile(
        fid=0xEF15, name="sample", chinese="样", read=FREE, update=PIN, items=items, views=views, clause="S1"
    )


FILE = linear(FIRST, SEX_ITEM, REST, DAY, DEGREE, views=(NAME,))
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
    contents = FILE.parse(RUN)
    assert dict(contents.values) == VALUES
    assert contents.warnings == ()


def test_a_character_that_straddles_two_records_is_read_whole() -> None:
    records = FILE.encode({"name": "A张三李四"})
    assert records[0] == bytes.fromhex("0906 41D5C5C8FDC0")
    assert records[2] == bytes.fromhex("4E04 EECBC4 00")
    assert FILE.parse(b"".join(records)).values["name"] == "A张三李四"


def test_missing_values_are_written_blank() -> None:
    assert b"".join(FILE.encode({})) == bytes.fromhex(
        "0906 000000000000 0A01 00 4E04 00000000 0D04 FFFFFFFF 400A 5703 000000 5803 FFFFFF"
    )


def test_a_blank_file_has_no_values_and_no_warnings() -> None:
    contents = FILE.parse(b"".join(FILE.encode({})))
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
    records = dict(FILE.split(RUN))
    del records[tag]
    if stored is not None:
        records[tag] = (bytes.fromhex(stored),)
    contents = FILE.decode(records)
    assert contents.values[field] == value
    assert [(warning.file, warning.item, warning.code) for warning in contents.warnings] == [
        ("sample", field, concern) for concern in found
    ]


def test_unknown_and_repeated_tags_do_not_disturb() -> None:
    records = FILE.split(RUN + bytes.fromhex("EA01010A0132"))
    assert records[0xEA] == (b"\x01",)
    contents = FILE.decode(records)
    assert contents.raw[0xEA] == (b"\x01",)
    assert contents.raw[0x0A] == (b"1", b"2")
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
        linear(SEX_ITEM, twice)


def test_contents_show_names_but_no_data() -> None:
    contents = FILE.parse(RUN)
    shown = f"{contents!r}{contents}{contents.warnings!r}"
    assert "name" in shown
    assert not any(secret in shown for secret in ("张三", "19900101", "D5C5", "d5c5", "男", "080902"))


@given(st.binary(max_size=300))
def test_any_bytes_split_or_raise_a_card_error_and_decode_never_fails(run: bytes) -> None:
    try:
        records = FILE.split(run)
    except CardError:
        records = {0x09: (run,), 0x0A: (run, run), 0x0D: (run,), 0x40: (run,), 0x4E: (run[::-1],)}
    FILE.decode(records)


@given(st.dictionaries(st.sampled_from([0x09, 0x4E, 0x0A, 0x0D, 0x40, 0xEA]), st.tuples(st.binary(max_size=12))))
def test_whatever_is_read_without_a_warning_can_be_written_and_reads_back(records: dict[int, tuple[bytes]]) -> None:
    contents = FILE.decode(records)
    doubtful = {warning.item for warning in contents.warnings}
    sound = {name: value for name, value in contents.values.items() if name not in doubtful}
    again = FILE.parse(b"".join(FILE.encode(sound)))
    assert {name: again.values[name] for name in sound} == sound


def untagged(name: str, schema: Any, vector: Any) -> Item:
    return item(None, name, schema, vector)


PLACE = {"chinese": "样", "read": PIN, "update": NEVER}
LOG = CyclicFile(
    fid=0xEF08,
    name="log",
    records=3,
    items=(untagged("sequence", number(2), ("0007", 7)), untagged("sex", coded(SEX, an(1)), ("31", SEX["1"]))),
    **PLACE,
)


def test_a_cyclic_file_is_as_long_as_its_least_number_of_records() -> None:
    assert (LOG.structure, LOG.record_size, LOG.size) == (Structure.CYCLIC, 3, 9)
    assert LOG.sample == {RECORDS: ({"sequence": 7, "sex": SEX["1"]},)}


def test_the_records_of_a_cyclic_file_are_read_newest_first_without_those_never_written() -> None:
    contents = LOG.parse(bytes.fromhex("000832" + "000731" + "FFFF00" + "000000" + "FFFFFF"))
    assert contents.values == {RECORDS: ({"sequence": 8, "sex": SEX["2"]}, {"sequence": 7, "sex": SEX["1"]})}
    assert contents.warnings == ()
    assert contents.raw[0][0] == bytes.fromhex("000832")
    assert len(contents.raw[0]) == 5


def test_whatever_is_wrong_with_a_cyclic_record_is_said_once_for_all_records() -> None:
    contents = LOG.parse(bytes.fromhex("000837" + "000736" + "0006"))
    assert [(warning.item, warning.code) for warning in contents.warnings] == [
        ("sex", Concern.CODE_UNKNOWN),
        ("sex", Concern.LENGTH_DIFFERS),
    ]
    assert contents.values[RECORDS][2] == {"sequence": 6, "sex": None}


def test_cyclic_records_are_written_newest_first_and_never_blank() -> None:
    assert LOG.encode({RECORDS: ({"sequence": 8}, {"sequence": 7, "sex": SEX["1"]})}) == [
        bytes.fromhex("000800"),
        bytes.fromhex("000731"),
    ]
    assert LOG.encode({}) == []


@pytest.mark.parametrize(
    "values",
    [
        {RECORDS: ({},)},
        {RECORDS: ({"sequence": 0},)},
        {RECORDS: ("a record",)},
        {RECORDS: [{"sequence": 8}]},
        {RECORDS: ({"sequence": 8, "length": 3},)},
        {RECORDS: ({"sequence": 70000},)},
        {"sequence": 8},
    ],
)
def test_cyclic_records_that_would_not_read_back_are_refused(values: Any) -> None:
    with pytest.raises(ItemError) as caught:
        LOG.encode(values)
    assert caught.value.file == "log"


def test_a_transparent_file_holds_the_bytes_of_its_only_item() -> None:
    photo = TransparentFile(
        fid=0xEF08, name="photo", items=(untagged("content", binary(4), ("01020304", None)),), **PLACE
    )
    assert (photo.structure, photo.size) == (Structure.TRANSPARENT, 4)
    assert photo.encode({"content": b"\1\2\3\4"}) == [b"\1\2\3\4"]
    contents = photo.parse(b"\1\2\3\4")
    assert contents.values == {"content": b"\1\2\3\4"}
    assert contents.raw == {0: (b"\1\2\3\4",)}
    assert [warning.code for warning in photo.parse(b"\1").warnings] == [Concern.LENGTH_DIFFERS]


def test_an_internal_file_has_fields_and_no_identifier() -> None:
    amounts = InternalFile(
        name="amounts",
        chinese="额",
        read=NONE,
        update=COS,
        items=(untagged("counter", number(2), ("0001", 1)), untagged("balance", number(4), ("00000064", 100))),
    )
    assert (amounts.fid, amounts.structure, amounts.file_class) == (None, Structure.INTERNAL, FileClass.INTERNAL)
    assert amounts.size == 6
    assert amounts.encode(amounts.sample) == [bytes.fromhex("000100000064")]
    assert amounts.parse(bytes.fromhex("000100000064")).values == amounts.sample
    with pytest.raises(ValueError, match="no file identifier"):
        _ = amounts.sfi


def test_a_file_says_which_records_it_lacks_by_their_names() -> None:
    contents = FILE.parse(b"")
    assert {warning.item for warning in contents.warnings} == {"name", "sex", "day", "degree"}
    assert contents.warning(Concern.EXPIRED, "day").item_zh == "项"
