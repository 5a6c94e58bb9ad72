"""Persons' records: JSON and CSV, in the encodings that offices have."""

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardlib.issuance.faults import OrderFaultsError
from cardlib.issuance.record import PersonRecord, encoding_of, parse_json, read_csv


def rows(data: bytes, encoding=None) -> list[PersonRecord]:
    return list(read_csv(lambda: io.BytesIO(data), encoding))


def refusal(data: bytes, encoding=None) -> str:
    with pytest.raises(OrderFaultsError) as refused:
        rows(data, encoding)
    (fault,) = refused.value.faults
    assert fault.message_zh
    return str(fault)


def values(data: bytes, encoding=None) -> list[dict[str, str]]:
    return [dict(record.values) for record in rows(data, encoding)]


# --- JSON ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_json_object_is_one_record(mark):
    record = parse_json(mark + '{"name": "示例一", "count": 3}'.encode())
    assert record.values == {"name": "示例一", "count": 3}
    assert record.place_of("name") == "record.name"
    assert record.faults == ()


@pytest.mark.parametrize(
    "data", [b"[]", b"7", b"{", '{"name": "示例"}'.encode("gb18030"), b"[" * 100_000, b"1" * 5000, b'{"a": \xff}']
)
def test_what_is_no_json_object(data):
    with pytest.raises(OrderFaultsError, match=r"^record: "):
        parse_json(data)


@pytest.mark.parametrize("depth", range(200, 1000, 7))
def test_objects_nested_ever_deeper_are_read_or_refused(depth):
    data = b'{"a":' * depth + b"1" + b"}" * depth
    try:
        record = parse_json(data)
    except OrderFaultsError as error:
        assert str(error) == "record: is no JSON that can be read"  # noqa: PT017 - either is right
    else:
        assert record.faults == ()


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"a": {"b": 1, "b": 2}}', '{"a": [{"b": 1, "b": 2}]}'])
def test_a_name_that_stands_twice_is_a_fault(text):
    (fault,) = parse_json(text.encode(), "person 7").faults
    assert str(fault) == "person 7: a name stands twice in an object"


# --- CSV -------------------------------------------------------------------------------------------------------------
TABLE = "name,姓名\r\n示例一,𠮷丑\r\n\r\n示例二,\r\n"


@pytest.mark.parametrize("data", [
    TABLE.encode(),
    b"\xef\xbb\xbf" + TABLE.encode(),
    TABLE.encode("gb18030"),
    b"\x84\x31\x95\x33" + TABLE.encode("gb18030"),
    TABLE.replace("\r\n", "\n").rstrip().encode(),
])  # fmt: skip
def test_rows_are_read_in_every_encoding(data):
    first, second = rows(data)
    assert (first.values, second.values) == ({"name": "示例一", "姓名": "𠮷丑"}, {"name": "示例二", "姓名": ""})
    assert (first.place, second.place) == ("row 2", "row 4")
    assert second.place_of("姓名") == "row 4, column 姓名"


@settings(deadline=None)
@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="gb18030", exclude_categories=("C", "Z")), min_size=1, max_size=9),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=9,
    ),
    st.sampled_from(["utf-8", "gb18030"]),
)
def test_what_a_spreadsheet_writes_is_read_as_it_was(table, encoding):
    written = io.StringIO(newline="")
    csv.writer(written).writerows([["a", "b", "c"], *table])
    found = [list(record.values.values()) for record in rows(written.getvalue().encode(encoding), encoding)]
    assert found == table


def test_bytes_of_either_edition_of_gb_18030_are_one_character():
    assert values(b"a\n\xa6\xd9\n\x84\x31\x82\x36\n", "gb18030") == [{"a": "\ufe10"}, {"a": "\ufe10"}]


def test_a_short_text_that_may_be_either_encoding_is_refused():
    # C2B7 C4A3 is 路模 in GBK and ·ģ in UTF-8.
    data = "a\n路模\n".encode("gb18030")
    assert data.decode("utf-8") == "a\n·ģ\n"
    assert refusal(data) == "file: may be UTF-8 or GB 18030: save it with a byte order mark, or say which"
    assert values(data, "gb18030") == [{"a": "路模"}]
    assert encoding_of(["示例".encode()]) == "utf-8"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("a\n示例\n".encode("utf-16"), "file: is UTF-16: save it as UTF-8 or GB 18030"),
        (b"a\n\xff\xff\n", "file: is neither UTF-8 nor GB 18030: save it as UTF-8 or GB 18030"),
        (b"", "file: has no header with the names of the columns"),
        (b"\n,,\n", "file: has no header with the names of the columns"),
        (b"a,b,a\n1,2,3\n", "row 1: columns 1 and 3 have one name"),
        (b'a\n"1', "row 2: is no CSV: a quotation mark is not closed, or a cell is too long"),
        (b"a\n" + b"x" * 200_000, "row 2: is no CSV: a quotation mark is not closed, or a cell is too long"),
    ],
)
def test_what_is_no_table(data, told):
    assert refusal(data) == told


def test_bytes_that_the_stated_encoding_does_not_have():
    assert refusal("a\n示例一\n".encode("gb18030"), "utf-8").startswith("line 2: holds bytes that are no UTF-8")
    assert refusal(b"a\n\xff\xff\n", "gb18030").startswith("line 2: holds bytes that are no GB 18030")


def test_columns_without_a_name_hold_nothing():
    fine, wrong = rows(b"a,b,,\n1,2,,\n1,2,3,\n")
    assert (dict(fine.values), fine.faults) == ({"a": "1", "b": "2"}, ())
    assert [str(fault) for fault in wrong.faults] == ["row 3: has something in a column without a name"]


def test_rows_that_are_too_short_or_too_long():
    short, long, padded = rows(b"a,b\n1\n1,2,3\n1,2,,\n")
    assert [str(fault) for fault in short.faults] == ["row 2: has 1 cells, and the header 2"]
    assert [str(fault) for fault in long.faults] == ["row 3: has 3 cells, and the header 2"]
    assert padded.faults == ()
    assert short.values == {"a": "1", "b": ""}


def test_blanks_around_a_cell_are_nobodys():
    assert values(b'"a",b\n" 1\t", 2\n') == [{"a": "1", "b": "2"}]


def test_only_one_row_is_held_at_a_time():
    class Endless(io.BytesIO):
        lines = 0

        def __next__(self) -> bytes:
            self.lines += 1
            return b"a\n" if self.lines == 1 else b"1\n"

    opened: list[Endless] = []

    def source() -> Endless:
        opened.append(Endless())
        return opened[-1]

    records = read_csv(source, "utf-8")
    assert [next(records).place for _ in range(3)] == ["row 2", "row 3", "row 4"]
    assert [one.lines for one in opened] == [2, 4], "header and first row are looked at before"


def test_a_header_is_looked_at_before_a_record_is_asked_for():
    with pytest.raises(OrderFaultsError, match="columns 1 and 2 have one name"):
        read_csv(lambda: io.BytesIO(b"a,a\n1,2\n"))


@pytest.mark.parametrize("data", [b"a,b\n", b"a,b\n\n , \n"])
def test_a_header_without_records_is_a_fault(data):
    assert refusal(data) == "file: has a header, and no record below it"


def test_nothing_of_a_record_is_shown():
    data = json.dumps({"name": "MARKER"}).encode()
    assert "MARKER" not in repr([parse_json(data), *rows(b"a\nMARKER\n")])
    with pytest.raises(OrderFaultsError) as refused:
        parse_json(b'{"name": "MARKER",}')
    assert "MARKER" not in str(refused.value)
