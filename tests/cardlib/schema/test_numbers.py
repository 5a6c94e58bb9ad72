"""Money, counts and counters."""

import pytest

from cardlib.schema import Schema, SchemaError, binary_money, count, money, number
from cardlib.values import Concern, Value


@pytest.mark.parametrize(
    ("schema", "stored", "value"),
    [
        (money(4), "00012345", 12345),
        (money(4), "12345FFF", 12345),
        (money(4), "00000000", 0),
        (money(4), "99999999", 99999999),
        (count(3), "303836", 86),
        (count(3), "383600", 86),
        (count(3), "203836", 86),
        (count(3), "303030", 0),
        (count(3), "202020", None),
        (number(2), "0000", 0),
        (number(4), "00003039", 12345),
    ],
)
def test_numbers_are_read_however_they_are_filled_up(schema: Schema, stored: str, value: Value) -> None:
    assert schema.decode(bytes.fromhex(stored)) == value
    assert schema.concerns(value) == ()


@pytest.mark.parametrize(
    ("schema", "value", "stored"),
    [
        (money(4), 12345, "00012345"),
        (money(4), 0, "00000000"),
        (count(3), 7, "303037"),
        (count(2), 0, "3030"),
        (number(2), 513, "0201"),
        (number(4), 0, "00000000"),
    ],
)
def test_numbers_are_written_in_full_width(schema: Schema, value: int, stored: str) -> None:
    assert schema.encode(value) == bytes.fromhex(stored)


@pytest.mark.parametrize(
    ("schema", "stored", "kept"),
    [(money(4), "0012A4FF", "0012A4"), (count(3), "413132", "A12"), (count(3), "31B2B2", "1\u818a")],
)
def test_what_is_no_number_is_kept_and_said_so(schema: Schema, stored: str, kept: str) -> None:
    value = schema.decode(bytes.fromhex(stored))
    assert value == kept
    assert schema.concerns(value) == (Concern.NUMBER_NOT_DIGITS,)
    with pytest.raises(SchemaError, match="digits"):
        schema.encode(value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (money(2), 10000),
        (money(2), -1),
        (money(2), "12"),
        (money(2), 1.5),
        (money(2), True),
        (count(3), 1000),
        (number(1), 255),
        (number(1), b"1"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(schema: Schema, value: Value) -> None:
    with pytest.raises(SchemaError):
        schema.encode(value)


def test_binary_money_is_read_as_a_number_and_known_to_be_money() -> None:
    assert binary_money(4).decode(bytes.fromhex("000003E8")) == 1000
    assert [schema.money for schema in (binary_money(4), money(4), number(4), count(3))] == [True, True, False, False]
