"""Items as declarations: one record, several of one tag, one that may be missing, one text over several."""

from typing import Any

import pytest

from cardlib.codes import SEX
from cardlib.errors import ItemError
from cardlib.items import Item, Joined
from cardlib.schema import an, btlv, cn, coded, money
from cardlib.values import Concern


def item(tag: int | None, name: str, schema: Any, vector: Any = ("", None), **more: Any) -> Item:
    return Item(tag=tag, name=name, chinese="项", schema=schema, vector=vector, proto=None, sensitive=True, **more)


FIRST, REST = item(0x09, "name", an(6)), item(0x4E, "name_extension", an(4))
NAME = Joined(name="name", chinese="姓名", parts=(FIRST, REST), vector=("", None), proto="name", sensitive=True)
SEX_ITEM = item(0x0A, "sex", coded(SEX, an(1)), ("31", SEX["1"]))
DEGREE = item(0x40, "degree", btlv({0x57: ("code", an(3), "代码"), 0x58: ("subject", cn(3), "专业")}))
AMOUNTS = item(0x41, "amounts", money(2), ("0012", 12), repeat=3)
EXTRA = item(0x60, "extra", an(2), optional=True)


def test_an_item_knows_the_length_of_its_record() -> None:
    assert (FIRST.size, FIRST.record_size, FIRST.tags) == (6, 8, (0x09,))
    untagged = item(None, "amount", money(2))
    assert (untagged.size, untagged.record_size, untagged.tags) == (2, 2, ())
    assert untagged.encode(12) == b"\x00\x12"


def test_an_item_of_broken_structure_raises_by_itself() -> None:
    with pytest.raises(ItemError, match="degree"):
        DEGREE.decode(b"\x57\xff")


def test_an_item_has_one_value_from_the_first_record_of_its_tag() -> None:
    assert SEX_ITEM.names == ("sex",)
    assert SEX_ITEM.read({0x0A: (b"1", b"2")}) == {"sex": (SEX["1"], ())}
    assert SEX_ITEM.read({}) == {"sex": (None, (Concern.RECORD_MISSING,))}
    assert SEX_ITEM.write({"sex": SEX["2"], "other": "x"}) == (b"\x0a\x012",)
    assert SEX_ITEM.write({}) == (b"\x0a\x01\x00",)
    assert SEX_ITEM.sample == {"sex": SEX["1"]}


def test_several_records_of_one_tag_are_one_value_in_their_order() -> None:
    assert AMOUNTS.read({0x41: (b"\x00\x12", b"\xff\xff", b"\x00\x34")}) == {"amounts": ((12, None, 34), ())}
    assert AMOUNTS.write({"amounts": (12, None, 34)}) == (b"A\x02\x00\x12", b"A\x02\xff\xff", b"A\x02\x00\x34")
    assert AMOUNTS.write({"amounts": (12,)}) == (b"A\x02\x00\x12", b"A\x02\xff\xff", b"A\x02\xff\xff")
    assert AMOUNTS.write({}) == (b"A\x02\xff\xff",) * 3
    assert AMOUNTS.sample == {"amounts": (12, None, None)}


def test_missing_and_surplus_records_of_a_repeated_tag_are_noticed_and_left() -> None:
    assert AMOUNTS.read({0x41: (b"\x00\x12",)}) == {"amounts": ((12, None, None), (Concern.RECORD_MISSING,))}
    assert AMOUNTS.read({0x41: (b"\x00\x12",) * 4}) == {"amounts": ((12, 12, 12), ())}
    found = AMOUNTS.read({0x41: (b"\xab", b"\xab", b"\x00\x12")})
    assert found == {"amounts": (("AB", "AB", 12), (Concern.LENGTH_DIFFERS, Concern.NUMBER_NOT_DIGITS))}


@pytest.mark.parametrize("wrong", [(1, 2, 3, 4), 12, [1], (10000,)])
def test_a_repeated_item_takes_a_tuple_of_so_many_values_at_most(wrong: Any) -> None:
    with pytest.raises(ItemError, match="amounts"):
        AMOUNTS.write({"amounts": wrong})


def test_an_optional_record_may_be_missing_and_is_not_written_blank() -> None:
    assert EXTRA.read({}) == {"extra": (None, ())}
    assert EXTRA.read({0x60: (b"ab",)}) == {"extra": ("ab", ())}
    assert EXTRA.write({}) == ()
    assert EXTRA.write({"extra": "ab"}) == (b"\x60\x02ab",)


def test_a_joined_item_stands_for_the_records_of_its_parts() -> None:
    assert (NAME.names, NAME.tags, NAME.schema.size) == (("name",), (0x09, 0x4E), 10)
    assert NAME.write({"name": "A张三李四"}) == (
        bytes.fromhex("0906 41D5C5C8FDC0"),
        bytes.fromhex("4E04 EECBC4 00"),
    )


def test_a_blank_of_a_latin_name_where_the_records_meet_is_kept() -> None:
    assert NAME.read({0x09: (b"JOHN  ",), 0x4E: (b"DOE\0",)}) == {"name": ("JOHN  DOE", ())}
    assert NAME.read({0x09: (b"JOHN\0\0",), 0x4E: (b"\xff\xff\xff\xff",)}) == {"name": ("JOHN", ())}


def test_a_name_too_long_for_all_its_records_is_refused() -> None:
    with pytest.raises(ItemError, match="name: takes up to 10 bytes"):
        NAME.write({"name": "张三李四王五"})
