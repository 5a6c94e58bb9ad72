"""Digits, text, bytes, regions and identifiers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardlib.schema import Schema, SchemaError, an, binary, card_identifier, cn, region
from cardlib.values import CardDate, CardIdentifier, Concern, Value


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
        (region(), "990000", "990000"),
        (region(), "9900FF", "9900"),
        (card_identifier(), "519900D15600000510000B26FFFFFFFF", CardIdentifier("519900D15600000510000B26FFFFFFFF")),
        (card_identifier(), "00" * 16, None),
    ],
)
def test_reading_is_tolerant(schema: Schema, stored: str, value: Value) -> None:
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
        (region(), "9900"),
        (region(), "99000A"),
        (region(), 990000),
        (card_identifier(), CardIdentifier("990000")),
        (card_identifier(), CardIdentifier("F" * 32)),
        (card_identifier(), "990000D156000005000A0B1CFFFFFFFF"),
    ],
)
def test_writing_refuses_what_would_not_read_back(schema: Schema, value: Value) -> None:
    with pytest.raises(SchemaError):
        schema.encode(value)


@pytest.mark.parametrize("stored", ["9900FF", "99000A", "F90000"])
def test_what_has_not_the_form_of_a_region_is_kept_and_said_so(stored: str) -> None:
    value = region().decode(bytes.fromhex(stored))
    assert value == stored.rstrip("F")
    assert region().concerns(value) == (Concern.REGION_MALFORMED,)


def test_a_region_that_nobody_knows_passes() -> None:
    assert region().concerns("990000") == ()


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.text("0123456789", min_size=1, max_size=2 * n))))
def test_digits_read_back(case: tuple[int, str]) -> None:
    size, digits = case
    if digits != "0" * 2 * size:
        assert cn(size).decode(cn(size).encode(digits)) == digits


@given(st.binary(min_size=4, max_size=4))
def test_digits_that_read_as_a_value_are_written_as_they_were(stored: bytes) -> None:
    value = cn(4).decode(stored)
    if value is not None:
        assert cn(4).encode(value) == stored
