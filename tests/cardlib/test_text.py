"""GB 18030: the codec with its overlay of 2022, against glibc's iconv and against the standard's own list."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardlib.errors import ItemError
from cardlib.text import assigned, decode_text, decode_text_leniently, encode_text

# (two-byte code, four-byte code of the same character in the edition of 2000, character), from the list of changes of
# GB 18030-2022 and, for the last one, of GB 18030-2005.
MOVED = [
    ("A6D9", "84318236", "\ufe10"),
    ("A6DA", "84318238", "\ufe12"),
    ("A6DB", "84318237", "\ufe11"),
    ("A6DC", "84318239", "\ufe13"),
    ("A6DD", "84318330", "\ufe14"),
    ("A6DE", "84318331", "\ufe15"),
    ("A6DF", "84318332", "\ufe16"),
    ("A6EC", "84318333", "\ufe17"),
    ("A6ED", "84318334", "\ufe18"),
    ("A6F3", "84318335", "\ufe19"),
    ("FE59", "82359037", "\u9fb4"),
    ("FE61", "82359038", "\u9fb5"),
    ("FE66", "82359039", "\u9fb6"),
    ("FE67", "82359130", "\u9fb7"),
    ("FE6D", "82359131", "\u9fb8"),
    ("FE7E", "82359132", "\u9fb9"),
    ("FE90", "82359133", "\u9fba"),
    ("FEA0", "82359134", "\u9fbb"),
    ("A8BC", "8135F437", "\u1e3f"),
]

# Six further codes stand for private-use characters in the standard to this day; glibc gives them the characters of
# plane 2 that the standard writes with four bytes.
GLIBC_DIFFERS_CODES = {bytes.fromhex(code) for code in ("FE51", "FE52", "FE53", "FE6C", "FE76", "FE91")}
GLIBC_DIFFERS_CHARACTERS = set("\U00020087\U00020089\U000200cc\U000215d7\U0002298f\U000241fe")


def iconv(lines: list[bytes], source: str, target: str) -> list[bytes]:
    program = shutil.which("iconv")
    if program is None:
        pytest.skip("no iconv on this machine to compare with")
    done = subprocess.run(
        [program, "-f", source, "-t", target], input=b"\n".join(lines), capture_output=True, check=True
    )
    return done.stdout.split(b"\n")


def test_every_two_byte_code_reads_as_iconv_reads_it() -> None:
    trails = [*range(0x40, 0x7F), *range(0x80, 0xFF)]
    codes = [bytes((lead, trail)) for lead in range(0x81, 0xFF) for trail in trails]
    codes = [code for code in codes if code not in GLIBC_DIFFERS_CODES]
    expected = [line.decode() for line in iconv(codes, "GB18030", "UTF-8")]
    assert [decode_text(code) for code in codes] == expected


def test_every_character_is_written_as_iconv_writes_it() -> None:
    # All of the basic plane and the first extension beyond it, without controls, surrogates and private use.
    points = [*range(0x20, 0x7F), *range(0xA0, 0xD800), *range(0xF900, 0x10000), *range(0x20000, 0x2A6E0)]
    characters = [chr(point) for point in points if chr(point) not in GLIBC_DIFFERS_CHARACTERS]
    expected = iconv([character.encode() for character in characters], "UTF-8", "GB18030")
    assert [encode_text(character) for character in characters] == expected


@pytest.mark.parametrize(("two", "four", "character"), MOVED)
def test_both_forms_of_a_moved_character_are_read_and_the_short_one_is_written(
    two: str, four: str, character: str
) -> None:
    assert decode_text(bytes.fromhex(two)) == character
    assert decode_text(bytes.fromhex(four)) == character
    assert assigned(bytes.fromhex(two).decode("gb18030") + "名") == character + "名"
    assert encode_text(character) == bytes.fromhex(two)


@pytest.mark.parametrize("two", [two for two, _, _ in MOVED])
def test_the_private_use_character_of_a_moved_one_is_refused(two: str) -> None:
    with pytest.raises(ItemError):
        encode_text(bytes.fromhex(two).decode("gb18030"))


def test_a_character_outside_gbk_takes_four_bytes() -> None:
    assert encode_text("𠮷") == bytes.fromhex("9534B235")


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(ItemError):
        encode_text("\ud800")


@pytest.mark.parametrize("broken", ["80", "FF", "D5", "D5C5C8", "9534", "9534B2", "D520"])
def test_bytes_that_are_no_text_raise_without_showing_them(broken: str) -> None:
    data = bytes.fromhex(broken)
    with pytest.raises(ItemError) as caught:
        decode_text(data)
    assert str(caught.value) == "text: holds bytes that are no GB 18030 text"
    assert caught.value.__suppress_context__  # the codec's error, which holds the bytes, is not shown with it


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("D5C5C8", "张\ufffd"),
        ("D5C500C8FD", "张\ufffd三"),
        ("411B5B33316D", "A\ufffd[31m"),
        ("8130813041", "\ufffdA"),
    ],
    ids=["cut off", "nul inside", "escape sequence", "C1 control"],
)
def test_lenient_decoding_marks_what_is_no_text(data: str, text: str) -> None:
    assert decode_text_leniently(bytes.fromhex(data)) == text


@given(st.text(st.characters(exclude_categories=["Cs", "Co"])))
def test_what_was_written_reads_back_the_same(text: str) -> None:
    assert decode_text(encode_text(text)) == text


@given(st.binary())
def test_lenient_decoding_never_fails(data: bytes) -> None:
    assert not set(decode_text_leniently(data)) & {*map(chr, range(0x20)), "\x7f"}
