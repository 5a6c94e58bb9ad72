"""BER-TLV and simple TLV. The FCIs are as cards sent them in public traces; the rest is written out by hand."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apdu import tlv
from apdu.errors import TlvError
from apdu.tlv import DataObject

SSSE = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")
FCI_30 = bytes.fromhex("6F1C840F7378312E73682EC9E7BBE1B1A3D5CFA50988011E9F0C03860103")
FCI_20 = bytes.fromhex("6F16840F7378312E73682EC9E7BBE1B1A3D5CFA50388011E")
FCI_MF = bytes.fromhex("6F10840E315041592E5359532E4444463031")


def test_the_fci_of_a_3_0_card_names_application_directory_and_algorithm() -> None:
    assert tlv.find(FCI_30, 0x6F, 0x84) == SSSE
    assert tlv.find(FCI_30, 0x6F, 0xA5, 0x88) == b"\x1e"
    assert tlv.find(FCI_30, 0x6F, 0xA5, 0x9F0C, 0x86) == b"\x03"


def test_the_fci_of_a_2_0_card_has_no_algorithm() -> None:
    assert tlv.find(FCI_20, 0x6F, 0xA5, 0x88) == b"\x1e"
    assert tlv.find(FCI_20, 0x6F, 0xA5, 0x9F0C, 0x86) is None


def test_the_fci_of_a_master_file_is_a_tree() -> None:
    name = DataObject(0x84, b"1PAY.SYS.DDF01")
    assert tlv.parse(FCI_MF) == (DataObject(0x6F, FCI_MF[2:], (name,)),)


def test_find_with_no_path_is_the_data_itself() -> None:
    assert tlv.find(b"\x01") == b"\x01"


@pytest.mark.parametrize(
    ("encoded", "tag", "value"),
    [
        ("8400", 0x84, b""),
        ("9F0C03860103", 0x9F0C, bytes.fromhex("860103")),
        ("5F810502AABB", 0x5F8105, b"\xaa\xbb"),
        ("84817F" + "11" * 127, 0x84, b"\x11" * 127),
        ("53820100" + "22" * 256, 0x53, b"\x22" * 256),
        ("538400000001AA", 0x53, b"\xaa"),
    ],
    ids=[
        "empty",
        "two-byte tag",
        "three-byte tag",
        "long form for a short length",
        "two-byte length",
        "four-byte length",
    ],
)
def test_tags_and_lengths_of_every_size_are_read(encoded: str, tag: int, value: bytes) -> None:
    assert tlv.parse(bytes.fromhex(encoded)) == (DataObject(tag, value),)


def test_padding_between_objects_is_skipped() -> None:
    assert tlv.parse(bytes.fromhex("00FF8401AA00008501BBFFFF")) == (
        DataObject(0x84, b"\xaa"),
        DataObject(0x85, b"\xbb"),
    )


@pytest.mark.parametrize(
    "encoded",
    ["84", "8402AA", "9F", "9F8C", "5F818205", "84820100", "8482", "8480AA0000", "8485000000000100", "6F038403AA"],
    ids=[
        "no length",
        "value cut off",
        "tag cut off",
        "longer tag cut off",
        "tag of four bytes",
        "long value cut off",
        "length cut off",
        "indefinite length",
        "length of five bytes",
        "cut off inside a template",
    ],
)
def test_a_defective_object_is_refused(encoded: str) -> None:
    with pytest.raises(TlvError):
        tlv.parse(bytes.fromhex(encoded))


def test_errors_do_not_quote_data() -> None:
    with pytest.raises(TlvError, match=r"^object 84 says 4 bytes, 2 follow$"):
        tlv.parse(bytes.fromhex("8404CAFE"))


def test_nesting_is_bounded() -> None:
    bomb = b""
    for _ in range(2000):
        bomb = tlv.encode(0x6F, bomb)
    with pytest.raises(TlvError, match="nested"):
        tlv.parse(bomb)
    with pytest.raises(TlvError, match="nested"):
        tlv.parse(FCI_30, max_depth=2)
    assert tlv.parse(FCI_20, max_depth=3)


def test_size_is_bounded() -> None:
    with pytest.raises(TlvError, match="at most 29"):
        tlv.parse(FCI_30, max_size=29)
    with pytest.raises(TlvError, match="at most 29"):
        tlv.find(FCI_30, 0x6F, max_size=29)
    with pytest.raises(TlvError, match="at most 3"):
        tlv.parse_simple(b"\x01\x00\x02\x00", max_size=3)


@pytest.mark.parametrize("tag", [0x00, 0xFF, 0x1F, 0x8401, 0x9F8C, 0x9F81_8283], ids=lambda tag: f"{tag:X}")
def test_what_is_no_tag_is_not_encoded(tag: int) -> None:
    with pytest.raises(TlvError):
        tlv.encode(tag, b"")


_leading = st.integers(0x01, 0xFE)
one_byte_tags = _leading.filter(lambda first: first & 0x1F != 0x1F)
long_first = st.sampled_from([0x1F, 0x3F, 0x5F, 0x7F, 0x9F, 0xBF, 0xDF])
two_byte_tags = st.builds(lambda a, b: a << 8 | b, long_first, st.integers(0x00, 0x7F))
three_byte_tags = st.builds(
    lambda a, b, c: a << 16 | b << 8 | c, long_first, st.integers(0x80, 0xFF), st.integers(0x00, 0x7F)
)
tags = one_byte_tags | two_byte_tags | three_byte_tags


def is_constructed(tag: int) -> bool:
    return bool(tag.to_bytes((tag.bit_length() + 7) // 8, "big")[0] & 0x20)


primitives = st.builds(DataObject, tags.filter(lambda tag: not is_constructed(tag)), st.binary(max_size=300))


def template(tag: int, children: list[DataObject]) -> DataObject:
    return DataObject(tag, b"".join(tlv.encode(child.tag, child.value) for child in children), tuple(children))


trees = st.recursive(
    primitives,
    lambda inner: st.builds(template, tags.filter(is_constructed), st.lists(inner, max_size=4)),
    max_leaves=12,
)


@given(st.lists(trees, max_size=4))
def test_what_was_encoded_parses_to_the_same(objects: list[DataObject]) -> None:
    run = b"".join(tlv.encode(each.tag, each.value) for each in objects)
    assert tlv.parse(run, max_depth=32, max_size=1 << 20) == tuple(objects)


@given(st.binary(max_size=400))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    for parser in (tlv.parse, tlv.parse_simple):
        with contextlib.suppress(TlvError):
            parser(data)


# EF05 of the public 2.0 card trace.
EF05 = bytes.fromhex(
    "0110430299D156000005000000133A05F2E30201330304322E3000040C9156000002430200430100D5050432303132060432303232"
    "0709423030303030313331"
)


def test_a_whole_file_splits_into_its_records() -> None:
    records = tlv.parse_simple(EF05)
    assert [tag for tag, _ in records] == [1, 2, 3, 4, 5, 6, 7]
    assert dict(records)[3] == b"2.0\x00"
    assert dict(records)[7] == b"B00000131"


def test_bytes_that_ber_reads_as_long_tags_are_one_byte_tags() -> None:
    assert tlv.parse_simple(bytes.fromhex("1F03431300 5F0131")) == ((0x1F, b"\x43\x13\x00"), (0x5F, b"1"))


def test_repeated_tags_stay_repeated_and_in_order() -> None:
    assert tlv.parse_simple(bytes.fromhex("430101440102430103")) == ((0x43, b"\1"), (0x44, b"\2"), (0x43, b"\3"))


@pytest.mark.parametrize("tail", ["00", "FF", "00000000", "FFFFFF"])
def test_a_padded_tail_is_no_record(tail: str) -> None:
    assert tlv.parse_simple(bytes.fromhex("0101AA" + tail)) == ((1, b"\xaa"),)


@pytest.mark.parametrize("encoded", ["01", "0102AA", "0101AA00FF", "00AA0101", "07FF0001AA", "FF0101"])
def test_a_defective_run_of_records_is_refused(encoded: str) -> None:
    with pytest.raises(TlvError):
        tlv.parse_simple(bytes.fromhex(encoded))


@given(st.lists(st.tuples(_leading, st.binary(max_size=0xFE)), max_size=8))
def test_records_that_were_encoded_parse_to_the_same(records: list[tuple[int, bytes]]) -> None:
    run = b"".join(tlv.encode_simple(tag, value) for tag, value in records)
    assert tlv.parse_simple(run) == tuple(records)


@pytest.mark.parametrize(("tag", "size"), [(0x00, 1), (0xFF, 1), (0x100, 1), (0x01, 255)])
def test_what_is_no_record_is_not_encoded(tag: int, size: int) -> None:
    with pytest.raises(TlvError):
        tlv.encode_simple(tag, bytes(size))
