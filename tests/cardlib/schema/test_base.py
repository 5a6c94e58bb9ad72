"""What all data types do: size, blank, tolerant reading, strict writing, errors that keep quiet."""

import construct as cs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardlib.codes import EMPLOYMENT_FORM, EMPLOYMENT_REGISTRATION, ETHNICITY, SEX
from cardlib.schema import (
    Schema,
    an,
    binary,
    btlv,
    card_identifier,
    cn,
    coded,
    composite,
    count,
    date,
    money,
    month,
    number,
    region,
    timestamp,
    year,
)
from cardlib.values import CardDate, Value

DEGREE = btlv({0x57: ("degree", an(3), "学位代码"), 0x58: ("subject", cn(3), "专业"), 0x59: ("school", an(4), "学校")})
REGISTRATION = composite((("type", 2, EMPLOYMENT_REGISTRATION), ("form", 3, EMPLOYMENT_FORM)))


@pytest.mark.parametrize(
    ("schema", "notation", "size", "blank"),
    [
        pytest.param(cn(3), "cn", 3, "FFFFFF", id="cn"),
        pytest.param(an(4), "an", 4, "00000000", id="an"),
        pytest.param(binary(2), "b", 2, "0000", id="b"),
        pytest.param(region(), "cn", 3, "FFFFFF", id="region"),
        pytest.param(money(4), "cn", 4, "FFFFFFFF", id="money"),
        pytest.param(count(3), "an", 3, "000000", id="count"),
        pytest.param(number(2), "b", 2, "FFFF", id="number"),
        pytest.param(year(), "cn", 2, "FFFF", id="year"),
        pytest.param(month(), "cn", 3, "FFFFFF", id="month"),
        pytest.param(date(), "cn", 4, "FFFFFFFF", id="day"),
        pytest.param(timestamp(), "cn", 7, "FFFFFFFFFFFFFF", id="second"),
        pytest.param(card_identifier(), "cn", 16, "FF" * 16, id="identifier"),
        pytest.param(coded(SEX, an(1)), "an", 1, "00", id="code in an"),
        pytest.param(coded(ETHNICITY, cn(1)), "cn", 1, "FF", id="code in cn"),
        pytest.param(REGISTRATION, "an", 5, "0000000000", id="codes"),
        pytest.param(DEGREE, "BTLV", 16, "5703000000" + "5803FFFFFF" + "590400000000", id="BTLV"),
    ],
)
def test_every_schema_knows_its_notation_its_size_and_its_blank(
    schema: Schema, notation: str, size: int, blank: str
) -> None:
    assert schema.notation == notation
    assert schema.size == size
    assert schema.encode(None) == bytes.fromhex(blank)
    assert schema.decode(bytes.fromhex(blank)) is None
    assert schema.concerns(None) == ()


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


def test_errors_belong_to_construct_and_name_the_path_but_not_the_value() -> None:
    with pytest.raises(cs.ConstructError) as caught:
        an(3).encode("王小二麻子")
    assert caught.value.path == "(building)"
    assert "takes up to 3 bytes of text, not 10" in str(caught.value)
    assert "王" not in str(caught.value)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_as_any_type_without_structure(stored: bytes) -> None:
    simple = (an(9), cn(9), region(), binary(3), money(4), count(3), number(4), year(), month(), date(), timestamp())
    for schema in (*simple, card_identifier(), coded(SEX, an(1)), coded(ETHNICITY, cn(1)), REGISTRATION):
        schema.concerns(schema.decode(stored))
