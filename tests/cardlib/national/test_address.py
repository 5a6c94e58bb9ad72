"""The grammar of file addresses and values. Examples: the interface's own text [S3]."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardlib.national.address import (
    AddressError,
    Entry,
    FileAddress,
    FileValues,
    escaped,
    format_address,
    format_values,
    parse_address,
    parse_values,
)

EXAMPLE = "SSSEEF05|06|07|$DF01EF15|2A|40:2|$"


def test_the_example_of_the_interface_is_understood_and_printed() -> None:
    found = parse_address(EXAMPLE)
    assert found == (
        FileAddress("SSSE", 0xEF05, (Entry("06"), Entry("07"))),
        FileAddress("DF01", 0xEF15, (Entry("2A"), Entry("40", 2))),
    )
    assert format_address(found) == EXAMPLE
    assert [entry.position for entry in found[1].entries] == [EXAMPLE.index("2A"), EXAMPLE.index("40")]
    assert found[1].position == EXAMPLE.index("DF01")


def test_a_whole_file_has_no_entries_with_or_without_the_sign_behind_its_name() -> None:
    (with_sign,), (without,) = parse_address("SSSEEF08|$"), parse_address("SSSEEF08$")
    assert with_sign == without == FileAddress("SSSE", 0xEF08)
    assert str(without) == "SSSEEF08|$"


def test_lower_case_is_understood() -> None:
    assert parse_address("df01ef0a|2a|$") == (FileAddress("DF01", 0xEF0A, (Entry("2A"),)),)


def test_the_values_of_the_example_of_the_interface_stand_in_its_places() -> None:
    (found,) = parse_values("DF01EF0A|CHN|$")
    assert (found.head, found.values) == ("DF01EF0A", ("CHN",))
    assert str(found) == "DF01EF0A|CHN|$"
    assert found.positions == (9,)
    assert "CHN" not in repr(found)


REFUSED = {
    "": (0, "empty"),
    "SSSEEF05|06|07|": (15, "not ended by $"),
    "SSSEEF05|06$": (11, "not ended by |"),
    "SSSE|06|$": (0, "no directory"),
    "MFEF05|06|$": (0, "no directory"),
    "$": (0, "no directory"),
    "SSSEEF05|06|$|$": (13, "no directory"),
    "SSSEEF05|XY|$": (9, "no tag"),
    "SSSEEF05||$": (9, "no tag"),
    "SSSEEF05|06:|$": (9, "no tag"),
    "DF01EF15|40:2:1|$": (9, "no tag"),
    "DF01EF15|40 |$": (9, "no tag"),
    "DF01EF15|2A|$ ": (14, "not ended by $"),
    "SSSEEF05|" + "06|" * 22_000 + "$": (65_536, "longer"),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.items(), ids=[text[:20] or "empty" for text in REFUSED])
def test_what_is_no_address_is_refused_with_the_place(text: str, expected: tuple[int, str]) -> None:
    position, sentence = expected
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert caught.value.position == position
    assert sentence in caught.value.reason


def test_an_error_about_values_does_not_quote_them() -> None:
    with pytest.raises(AddressError) as caught:
        parse_values("DF01EF05|示例路1号$")
    assert "示例" not in str(caught.value)


def test_signs_of_the_grammar_are_written_in_full_width() -> None:
    assert escaped("a|b^c$d") == "a｜b＾c＄d"


def test_a_character_whose_second_byte_is_a_sign_is_left_alone() -> None:
    """亅 is 81 7C and 乗 is 81 5E in GBK, by ``iconv -t GBK``: the codes of | and ^."""
    assert "亅".encode("gbk") == b"\x81\x7c"
    (found,) = parse_values("DF01EF05|亅乗|$".encode("gb18030").decode("gb18030"))
    assert found.values == ("亅乗",)


DIRECTORY = st.sampled_from(["SSSE"]) | st.integers(0, 255).map("DF{:02X}".format)
FID = st.integers(0xEF00, 0xEFFF)
ENTRY = st.builds(Entry, st.integers(0, 0xFFF).map("{:X}".format), st.none() | st.integers(0, 999))
ADDRESS = st.builds(FileAddress, DIRECTORY, FID, st.lists(ENTRY, max_size=8).map(tuple))
TEXT = st.text(st.characters(exclude_characters="$|"), max_size=20)
VALUES = st.builds(
    FileValues,
    st.builds("{}{:04X}".format, DIRECTORY, FID),
    st.lists(TEXT, max_size=8).map(tuple),
)


@given(st.lists(ADDRESS, min_size=1, max_size=5).map(tuple))
def test_an_address_that_was_printed_is_read_back(addresses: tuple[FileAddress, ...]) -> None:
    assert parse_address(format_address(addresses)) == addresses


@given(st.lists(VALUES, min_size=1, max_size=5).map(tuple))
def test_values_that_were_printed_are_read_back(files: tuple[FileValues, ...]) -> None:
    found = parse_values(format_values(files))
    assert [(one.head, one.values) for one in found] == [(one.head, one.values) for one in files]


@given(st.text(alphabet="SEDF0123456789|$:^ ", max_size=60))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    try:
        addresses = parse_address(text)
    except AddressError as error:
        addresses, position = None, error.position
    else:
        position = 0
    assert 0 <= position <= len(text)
    assert addresses is None or parse_address(format_address(addresses)) == addresses
