"""Data types: tolerant reading, strict writing."""

from types import MappingProxyType

import construct as cs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardlib.codes import ETHNICITY, SEX
from cardlib.schema import Schema, SchemaError, an, binary, btlv, card_identifier, cn, coded, date
from cardlib.values import CardDate, CardIdentifier, Coded, Value

# 学位信息, DF01/EF15 tag 40, without the code tables of its parts [S1 §8.2.7].
DEGREE = btlv({0x57: ("degree", an(3)), 0x58: ("subject", cn(3)), 0x59: ("school", an(4))})
DEGREE_BYTES = "5703323034" + "5803080902" + "5904B1B1B4F3"
DEGREE_VALUE = {"degree": "204", "subject": "080902", "school": "北大"}


@pytest.mark.parametrize(
    ("schema", "notation", "size", "blank"),
    [
        (cn(3), "cn", 3, "FFFFFF"),
        (an(4), "an", 4, "00000000"),
        (binary(2), "b", 2, "0000"),
        (date(), "cn", 4, "FFFFFFFF"),
        (card_identifier(), "cn", 16, "FF" * 16),
        (coded(SEX, an(1)), "an", 1, "00"),
        (coded(ETHNICITY, cn(1)), "cn", 1, "FF"),
        (DEGREE, "BTLV", 16, "5703000000" + "5803FFFFFF" + "590400000000"),
    ],
    ids=["cn", "an", "b", "date", "identifier", "code in an", "code in cn", "BTLV"],
)
def test_every_schema_knows_its_notation_its_size_and_its_blank(
    schema: Schema, notation: str, size: int, blank: str
) -> None:
    assert schema.notation == notation
    assert schema.size == size
    assert schema.encode(None) == bytes.fromhex(blank)
    assert schema.decode(bytes.fromhex(blank)) is None


@pytest.mark.parametrize(
    ("schema", "stored", "value"),
    [
        (cn(3), "990000", "990000"),
        (cn(3), "12345F", "12345"),
        (cn(4), "10000B26", "10000B26"),
        (cn(2), "0000", None),
        (cn(1), "20", "20"),
        (an(6), "D5C5C8FD0000", "张三"),
        (an(6), "D5C5C8FD2020", "张三"),
        (an(6), "D5C5C8FDFFFF", "张三"),
        (an(6), "D5C5C8FD20FF", "张三"),
        (an(3), "202020", None),
        (an(3), "FFFFFF", None),
        (an(5), "D5C5C80000", "张\ufffd"),
        (binary(2), "0100", b"\x01\x00"),
        (date(), "19900101", CardDate("19900101")),
        (date(), "20120230", CardDate("20120230")),
        (date(), "32303132", CardDate("2012", standard=False)),
        (date(), "00000000", None),
        (date(), "20202020", None),
        (card_identifier(), "519900D15600000510000B26FFFFFFFF", CardIdentifier("519900D15600000510000B26FFFFFFFF")),
        (card_identifier(), "00" * 16, None),
        (coded(SEX, an(1)), "31", SEX["1"]),
        (coded(SEX, an(1)), "37", Coded("7")),
        (coded(ETHNICITY, cn(1)), "20", ETHNICITY["20"]),
        (coded(ETHNICITY, cn(1)), "1F", Coded("1")),
        (DEGREE, DEGREE_BYTES, DEGREE_VALUE),
        (DEGREE, "5904B1B1B4F3" + "5803080902" + "5703323034", DEGREE_VALUE),
        (DEGREE, "5703323034", {"degree": "204", "subject": None, "school": None}),
        (DEGREE, "FF" * 16, None),
    ],
)
def test_reading_is_tolerant(schema: Schema, stored: str, value: Value) -> None:
    assert schema.decode(bytes.fromhex(stored)) == value


@pytest.mark.parametrize(
    ("schema", "stored", "value"),
    [
        (an(9), "543030303030303031" + "3939", "T00000001"),
        (an(30), "D5C5C8FD", "张三"),
        (cn(3), "9900", "9900"),
        (date(), "2019", CardDate("2019FFFF")),
        (coded(SEX, an(1)), "", None),
    ],
    ids=["too long", "text too short", "digits too short", "date too short", "empty"],
)
def test_a_record_of_another_length_is_cut_or_filled_up(schema: Schema, stored: str, value: Value) -> None:
    assert schema.decode(bytes.fromhex(stored)) == value


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (cn(2), "12345"),
        (cn(2), "12a4"),
        (cn(2), "12F"),
        (cn(2), "0000"),
        (cn(2), ""),
        (cn(2), "１２"),
        (cn(2), b"12"),
        (an(3), "张三"),
        (an(4), "ab "),
        (an(4), "a\0"),
        (an(4), ""),
        (an(4), "\ue81e"),
        (an(4), "\ufffd"),
        (an(4), "\x1b[m"),
        (an(4), CardDate("19900101")),
        (binary(2), b"\x01"),
        (binary(2), b"\x00\x00"),
        (binary(2), "01"),
        (date(), CardDate("20120230")),
        (date(), CardDate("2012", standard=False)),
        (date(), CardDate("19900101", standard=False)),
        (date(), "19900101"),
        (card_identifier(), CardIdentifier("990000")),
        (card_identifier(), CardIdentifier("F" * 32)),
        (card_identifier(), "990000D156000005000A0B1CFFFFFFFF"),
        (coded(SEX, an(1)), Coded("7")),
        (coded(SEX, an(1)), Coded("7", "第七", "seventh", known=True)),
        (coded(SEX, an(1)), "1"),
        (DEGREE, "204"),
        (DEGREE, {"degree": "204"}),
        (DEGREE, {**DEGREE_VALUE, "surplus": "1"}),
        (DEGREE, {**DEGREE_VALUE, "school": "北京大学"}),
        (DEGREE, {"degree": None, "subject": None, "school": None}),
    ],
)
def test_writing_refuses_what_would_not_read_back(schema: Schema, value: Value) -> None:
    with pytest.raises(SchemaError):
        schema.encode(value)


def test_a_broken_structure_raises() -> None:
    with pytest.raises(SchemaError):
        DEGREE.decode(bytes.fromhex("57FF323034"))


def test_a_constructed_value_is_frozen_and_no_type_of_construct() -> None:
    value = DEGREE.decode(bytes.fromhex(DEGREE_BYTES))
    assert isinstance(value, MappingProxyType)
    assert DEGREE.encode(value) == bytes.fromhex(DEGREE_BYTES)


def test_errors_belong_to_construct_and_name_the_path_but_not_the_value() -> None:
    with pytest.raises(cs.ConstructError) as caught:
        an(3).encode("王小二麻子")
    assert caught.value.path == "(building)"
    assert "takes up to 3 bytes of text, not 10" in str(caught.value)
    assert "王" not in str(caught.value)


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.text("0123456789", min_size=1, max_size=2 * n))))
def test_digits_read_back(case: tuple[int, str]) -> None:
    size, digits = case
    if digits != "0" * 2 * size:
        assert cn(size).decode(cn(size).encode(digits)) == digits


@given(st.dates())
def test_days_read_back(day: object) -> None:
    value = CardDate.of(day)
    assert date().decode(date().encode(value)) == value


@given(st.binary(min_size=4, max_size=4))
def test_digits_that_read_as_a_value_are_written_as_they_were(stored: bytes) -> None:
    value = cn(4).decode(stored)
    if value is not None:
        assert cn(4).encode(value) == stored


@given(st.binary(max_size=40))
def test_any_bytes_are_a_text_a_date_and_a_code(stored: bytes) -> None:
    for schema in (an(9), cn(9), date(), card_identifier(), coded(SEX, an(1)), coded(ETHNICITY, cn(1)), binary(3)):
        schema.decode(stored)
