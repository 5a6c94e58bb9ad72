"""Whatever is written to any file of any profile reads back, and what is read is written as it stood.

Values and stored bytes are made by hypothesis from the schema alone, each by rules of their own.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import singledispatch
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardlib.errors import ItemError
from cardlib.model import RECORDS, CyclicFile, ElementaryFile, Field, Item, Joined
from cardlib.profiles import ALL
from cardlib.reused import Reused
from cardlib.schema import (
    AsciiNumber,
    Binary,
    BinaryNumber,
    Btlv,
    Code,
    Composite,
    Date,
    Digits,
    Identifier,
    PackedNumber,
    Parts,
    Region,
    Schema,
    Text,
)
from cardlib.values import CardDate, CardIdentifier, Value

EXAMPLES = settings(max_examples=25, deadline=None)


def once(things: Iterator[tuple[str, Any]]) -> list[Any]:
    """Parameters, without what a later profile has from an earlier one."""
    seen: dict[int, tuple[str, Any]] = {}
    for name, thing in things:
        seen.setdefault(id(thing), (name, thing))
    return [pytest.param(thing, id=name) for name, thing in seen.values()]


FILES = once(
    (f"{profile.version}-{file.name}", file)
    for profile in ALL
    for directory in profile.directories
    for file in directory.files
)
ITEMS = once(
    (f"{profile.version}-{file.name}-{declared.name}", declared)
    for profile in ALL
    for directory in profile.directories
    for file in directory.files
    for declared in (*file.items, *file.declarations)
)

# Values.


@singledispatch
def values(schema: Schema) -> st.SearchStrategy[Any]:
    """Values that a schema can write, None left out."""
    raise TypeError(type(schema).__name__)


@values.register
def _(schema: Digits) -> st.SearchStrategy[str]:
    size = 2 * schema.size
    return st.text("0123456789", min_size=1, max_size=size).filter(lambda digits: digits != "0" * size)


@values.register
def _(schema: Region) -> st.SearchStrategy[str]:
    return st.from_regex(r"[1-9][0-9]{5}", fullmatch=True)


@values.register
def _(schema: Text) -> st.SearchStrategy[str]:
    # Left out: private use, of which nineteen characters are refused, and the characters that took their place, which
    # Python's codec writes otherwise.
    characters = st.characters(
        exclude_categories=["Cs", "Cc", "Co"],
        exclude_characters="\ufffd\u1e3f" + "".join(map(chr, (*range(0x9FB4, 0x9FBC), *range(0xFE10, 0xFE1A)))),
    )

    def fitting(text: str) -> str:
        while len(text.encode("gb18030")) > schema.size:
            text = text[:-1]
        return text.rstrip(" ")

    return st.text(characters, min_size=1, max_size=min(schema.size, 20)).map(fitting).filter(bool)


@values.register
def _(schema: Binary) -> st.SearchStrategy[bytes]:
    return (
        st.binary(min_size=1, max_size=min(16, schema.size)).filter(any).map(lambda raw: raw.ljust(schema.size, b"\0"))
    )


@values.register
def _(schema: Identifier) -> st.SearchStrategy[CardIdentifier]:
    return st.from_regex(r"[0-9]{6}D156000005[0-9A-F]{16}", fullmatch=True).map(CardIdentifier)


@values.register(PackedNumber)
@values.register(AsciiNumber)
@values.register(BinaryNumber)
def _(schema: Any) -> st.SearchStrategy[int]:
    digits = {"cn": 10 ** (2 * schema.size), "an": 10**schema.size, "b": 256**schema.size - 1}
    return st.integers(0, digits[schema.notation] - 1)


@values.register
def _(schema: Date) -> st.SearchStrategy[CardDate]:
    moments = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31))  # noqa: DTZ001  # cards know no time zone
    return moments.map(lambda moment: CardDate(f"{moment:%Y%m%d%H%M%S}"[: 2 * schema.size]))


@values.register
def _(schema: Code) -> st.SearchStrategy[Any]:
    return st.sampled_from([schema.table[code] for code, _, _ in schema.table.rows])


@values.register
def _(schema: Parts) -> st.SearchStrategy[Any]:
    mappings = st.fixed_dictionaries({part.name: st.none() | values(part.schema) for part in schema.parts})
    return mappings.filter(lambda mapping: any(value is not None for value in mapping.values()))


# Stored bytes.


@singledispatch
def canonical(schema: Schema) -> st.SearchStrategy[bytes]:
    """Bytes as the specification has them stored, blank ones among them."""
    raise TypeError(type(schema).__name__)


@canonical.register
def _(schema: Digits) -> st.SearchStrategy[bytes]:
    return (st.just("") | values(schema)).map(lambda digits: bytes.fromhex(digits.ljust(2 * schema.size, "F")))


@canonical.register
def _(schema: Text) -> st.SearchStrategy[bytes]:
    return (st.just("") | values(schema)).map(lambda text: text.encode("gb18030").ljust(schema.size, b"\0"))


@canonical.register
def _(schema: Binary) -> st.SearchStrategy[bytes]:
    return st.just(bytes(schema.size)) | values(schema)


@canonical.register
def _(schema: Identifier) -> st.SearchStrategy[bytes]:
    return st.just(b"\xff" * 16) | values(schema).map(lambda value: bytes.fromhex(value.digits))


@canonical.register
def _(schema: PackedNumber) -> st.SearchStrategy[bytes]:
    width = 2 * schema.size
    return (st.just("F" * width) | st.from_regex(f"[0-9]{{{width}}}", fullmatch=True)).map(bytes.fromhex)


@canonical.register
def _(schema: AsciiNumber) -> st.SearchStrategy[bytes]:
    digits = st.text("0123456789", min_size=schema.size, max_size=schema.size).map(str.encode)
    return st.just(bytes(schema.size)) | digits


@canonical.register
def _(schema: BinaryNumber) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=schema.size, max_size=schema.size)


@canonical.register
def _(schema: Date) -> st.SearchStrategy[bytes]:
    return st.just(b"\xff" * schema.size) | values(schema).map(lambda value: bytes.fromhex(value.text))


@canonical.register
def _(schema: Code) -> st.SearchStrategy[bytes]:
    codes = st.sampled_from([code for code, _, _ in schema.table.rows]) | st.just("")
    if schema.notation == "cn":
        return codes.map(lambda code: bytes.fromhex(code.ljust(2 * schema.size, "F")))
    return codes.map(lambda code: code.encode("gb18030").ljust(schema.size, b"\0"))


@canonical.register
def _(schema: Composite) -> st.SearchStrategy[bytes]:
    return st.tuples(*(canonical(part.schema) for part in schema.parts)).map(b"".join)


@canonical.register
def _(schema: Btlv) -> st.SearchStrategy[bytes]:
    def record(tag: int, raw: bytes) -> bytes:
        return bytes((tag, len(raw))) + raw

    inner = st.tuples(*(canonical(part.schema) for part in schema.inner.values()))
    return inner.map(lambda parts: b"".join(map(record, schema.inner, parts)))


# Whole files.


def held(field: Field) -> st.SearchStrategy[dict[str, Value]]:
    """Values that a field of a file can hold, by name."""
    match field:
        case Item(repeat=1) | Joined():
            return st.fixed_dictionaries({field.name: st.none() | values(field.schema)})
        case Item():
            several = [st.none() | values(field.schema)] * field.repeat
            return st.fixed_dictionaries({field.name: st.tuples(*several)})
        case Reused(before=before, after=after):
            either = [
                st.fixed_dictionaries(
                    {
                        item.name: (st.none() | values(item.schema)) if item in meant else st.none()
                        for item in before + after
                    }
                )
                for meant in (before, after)
            ]
            return st.one_of(either).filter(lambda meant: _is_written(field, meant))
    raise TypeError(type(field).__name__)


def _is_written(field: Reused, meant: dict[str, Value]) -> bool:
    """Whether it is none of the few values of 1.0 that look like one of 2.0, and are refused for that."""
    try:
        field.write(meant)
    except ItemError as error:
        if "taken for" not in error.reason:
            raise
        return False
    return True


def contents(file: ElementaryFile) -> st.SearchStrategy[dict[str, Value]]:
    """Values that a file can hold."""
    together = st.tuples(*map(held, file.fields)).map(
        lambda parts: {name: value for part in parts for name, value in part.items()}
    )
    if not isinstance(file, CyclicFile):
        return together
    # A record of zeros is one that was never written.
    records = together.filter(lambda record: any(value not in (None, 0) for value in record.values()))
    return st.lists(records, max_size=file.records).map(lambda several: {RECORDS: tuple(several)})


@pytest.mark.parametrize("file", FILES)
@EXAMPLES
@given(data=st.data())
def test_whatever_is_written_to_a_file_reads_back(file: ElementaryFile, data: st.DataObject) -> None:
    written = data.draw(contents(file))
    found = file.parse(b"".join(file.encode(written)))
    assert dict(found.values) == written
    assert found.warnings == ()


@pytest.mark.parametrize("item", ITEMS)
@EXAMPLES
@given(data=st.data())
def test_what_an_item_holds_in_the_standards_form_is_written_as_it_stood(
    item: Item | Joined, data: st.DataObject
) -> None:
    stored = data.draw(canonical(item.schema))
    value = item.schema.decode(stored)
    assert item.schema.concerns(value) == ()
    assert item.schema.encode(value) == stored


@pytest.mark.parametrize("file", FILES)
@EXAMPLES
@given(run=st.binary(max_size=300))
def test_any_records_whatsoever_are_read_without_an_exception(file: ElementaryFile, run: bytes) -> None:
    records = [item.record(run[: item.size] if item.tag is None else run[:254]) for item in file.items]
    assert file.parse(b"".join(records)).file is file
