from pathlib import Path

import pytest

from services.face.errors import FontUnavailableError, GlyphMissingError
from services.face.fonts import DEBIAN, FontFile, Fonts
from services.face.template import Role

NOTO, HANAZONO_A, HANAZONO_B, _ = DEBIAN[Role.SONG]


@pytest.mark.parametrize("character", ["三", "A", "0", "·", "𠮷", "䶮", "㐂", "𬬻", "鿋", "\u9fb4"])
def test_the_first_font_has_what_most_names_need(character: str) -> None:
    assert Fonts({}).for_character(Role.SONG, character, "name") == NOTO


@pytest.mark.parametrize("character", ["\U00020001", "\U0002a700", "\U0002b740", "\U0002cea1"])
def test_what_it_lacks_comes_from_the_next(character: str) -> None:
    assert Fonts({}).for_character(Role.SONG, character, "name") == HANAZONO_B
    assert not NOTO.has(character)


@pytest.mark.parametrize(
    ("character", "code_point"),
    [
        ("\U00031350", "U+31350"),
        ("\U00030000", "U+30000"),
        ("\ue81e", "U+E81E"),
        ("\u0f40", "U+0F40"),
        ("\ufffd\U0010ffff"[1], "U+10FFFF"),
        ("\U000e0100", "U+E0100"),
        ("\n", "U+000A"),
    ],
)
def test_what_no_font_has_is_refused_by_its_code_point(character: str, code_point: str) -> None:
    with pytest.raises(GlyphMissingError) as caught:
        Fonts({}).for_character(Role.SONG, character, "name")
    assert code_point in str(caught.value)
    assert caught.value.code_point == ord(character)
    assert caught.value.item == "name"


def test_a_glyph_that_draws_nothing_is_missing_unless_it_is_a_space() -> None:
    assert NOTO.has(" ")
    assert NOTO.has("\u3000")
    # Noto maps the zero-width characters to empty glyphs.
    assert not NOTO.has("\u200b")
    assert not NOTO.has("\ufeff")


def test_a_font_of_a_collection_is_named_by_its_place() -> None:
    assert FontFile.named("/a/b.ttc#2") == FontFile(Path("/a/b.ttc"), 2)
    assert FontFile.named("/a/b#c.ttf") == FontFile(Path("/a/b#c.ttf"))


def test_a_deployment_s_fonts_replace_those_of_a_role() -> None:
    fonts = Fonts({Role.SONG: (str(HANAZONO_B.path),)})
    assert fonts.for_character(Role.SONG, "𠮷", "name") == HANAZONO_B
    assert fonts.for_character(Role.SANS, "三", "name") == DEBIAN[Role.SANS][0]
    with pytest.raises(GlyphMissingError):
        fonts.for_character(Role.SONG, "三", "name")


@pytest.mark.parametrize("content", [None, b"", b"no font"])
def test_a_font_that_is_not_usable_is_named(tmp_path, content) -> None:
    path = tmp_path / "li.ttf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FontUnavailableError, match=r"li\.ttf"):
        Fonts({Role.LI: (str(path),)}).for_character(Role.LI, "社", "title")


def test_a_collection_has_no_font_beyond_its_last() -> None:
    with pytest.raises(FontUnavailableError):
        FontFile(NOTO.path, 99).has("三")
