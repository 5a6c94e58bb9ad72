"""Years, months, days and seconds."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardlib.schema import Schema, SchemaError, date, month, timestamp, year
from cardlib.values import CardDate, Concern, Value


@pytest.mark.parametrize(
    ("schema", "stored", "value"),
    [
        (date(), "19900101", CardDate("19900101")),
        (date(), "20120230", CardDate("20120230")),
        (date(), "32303132", CardDate("2012", standard=False)),
        (date(), "00000000", None),
        (date(), "20202020", None),
        (year(), "2017", CardDate("2017")),
        (year(), "2000", CardDate("2000")),
        (year(), "2020", CardDate("2020")),
        (year(), "0000", None),
        (month(), "201707", CardDate("201707")),
        (month(), "201713", CardDate("201713")),
        (month(), "202020", None),
        (timestamp(), "20240102030405", CardDate("20240102030405")),
        (timestamp(), "00000000000000", None),
    ],
)
def test_reading_is_tolerant(schema: Schema, stored: str, value: Value) -> None:
    assert schema.decode(bytes.fromhex(stored)) == value


@pytest.mark.parametrize(
    ("schema", "stored"), [(month(), "201713"), (timestamp(), "20240102250000"), (date(), "2012A1B2"), (year(), "20A4")]
)
def test_what_is_not_in_the_calendar_is_kept_and_said_so(schema: Schema, stored: str) -> None:
    value = schema.decode(bytes.fromhex(stored))
    assert schema.concerns(value) == (Concern.DATE_IMPOSSIBLE,)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (date(), CardDate("20120230")),
        (date(), CardDate("2012", standard=False)),
        (date(), CardDate("19900101", standard=False)),
        (date(), CardDate("2012")),
        (date(), "19900101"),
        (year(), CardDate("20120301")),
        (month(), CardDate("2012")),
        (timestamp(), CardDate("20120301")),
    ],
)
def test_writing_refuses_what_would_not_read_back(schema: Schema, value: Value) -> None:
    with pytest.raises(SchemaError):
        schema.encode(value)


@given(st.dates())
def test_days_read_back(day: dt.date) -> None:
    value = CardDate.of(day)
    assert date().decode(date().encode(value)) == value
