import pytest

from services.face.errors import GlyphMissingError, TextTooLongError
from services.face.fonts import Fonts
from services.face.template import Role
from services.face.typeset import Typesetter


@pytest.fixture(scope="module")
def setter() -> Typesetter:
    return Typesetter(Fonts({}))


def _texts(lines) -> list[str]:
    return ["".join(glyph.character for glyph in line.glyphs) for line in lines]


def test_a_chinese_character_is_as_wide_as_its_size(setter) -> None:
    assert setter.set("name", "张三", Role.SONG, 8).width == pytest.approx(2 * 8 / 72 * 25.4, abs=0.03)


def test_glyphs_of_several_fonts_stand_on_one_line(setter) -> None:
    line = setter.set("name", "张\U00020001", Role.SONG, 8)
    assert len({glyph.font for glyph in line.glyphs}) == 2
    assert line.ink.right == pytest.approx(2 * 8 / 72 * 25.4, abs=0.3)


def test_spreading_puts_the_last_ink_where_it_belongs(setter) -> None:
    ink = setter.set("title", "社会保障卡", Role.LI, 22).spread_to(45.6).ink
    assert ink.right - ink.left == pytest.approx(45.6, abs=0.001)


def test_a_gap_moves_what_comes_behind_it(setter) -> None:
    line = setter.set("number", "1234567", Role.SANS, 10)
    parted = line.parted(6, 2.5)
    assert [after.x - before.x for before, after in zip(line.glyphs, parted.glyphs, strict=True)] == [0] * 6 + [2.5]
    assert setter.set("number", "123456", Role.SANS, 10).parted(6, 2.5).width < parted.width - 2.5


def _fit(setter, text: str, width: float):
    return setter.fitted("name", (8, 5), width, lambda size: setter.set("name", text, Role.SONG, size))


def test_a_text_shrinks_no_more_than_it_must(setter) -> None:
    assert _fit(setter, "张三", 6).size == 8
    # Six characters of 7 pt are 14.8 mm wide, of 7.25 pt 15.3 mm.
    assert _fit(setter, "张三李四王五", 14.9).size == 7


def test_a_text_that_does_not_fit_at_the_least_size_is_refused(setter) -> None:
    with pytest.raises(TextTooLongError) as caught:
        _fit(setter, "张三李四王五", 10)
    assert caught.value.item == "name"
    assert "张" not in str(caught.value)


def test_lines_break_anywhere_but_before_a_dot(setter) -> None:
    lines = setter.broken("name", "买买提·阿卜杜热合曼", Role.SONG, (8, 5), (8.7, 20))
    assert _texts(lines) == ["买买", "提·阿", "卜杜热", "合曼"]


def test_words_of_latin_script_are_not_broken(setter) -> None:
    lines = setter.broken("name", "ANNA-MARIA VAN DER BERG", Role.SONG, (8, 5), (17, 20))
    assert _texts(lines) == ["ANNA-", "MARIA VAN", "DER BERG"]
    with pytest.raises(TextTooLongError):
        setter.broken("name", "WWWWWWWWWWWW", Role.SONG, (8, 5), (15, 20))


def test_no_character_is_lost_when_lines_break(setter) -> None:
    name = "欧阳甲乙丙丁戊己庚辛壬癸·子𠮷丑"
    assert "".join(_texts(setter.broken("name", name, Role.SONG, (8, 5), (13, 20)))) == name


def test_lines_that_are_higher_than_their_room_are_refused(setter) -> None:
    with pytest.raises(TextTooLongError):
        setter.broken("name", "张" * 30, Role.SONG, (8, 5), (13, 5))


def test_a_missing_glyph_is_no_reason_to_shrink(setter) -> None:
    with pytest.raises(GlyphMissingError):
        _fit(setter, "张\U00031350", 20)
