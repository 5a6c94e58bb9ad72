import datetime as dt

import pytest

from cardlib.text import encode_text
from services.face.errors import TextTooLongError
from services.face.fonts import Fonts
from services.face.information import set_information, values
from services.face.template import DateForm, Item, layout
from services.face.typeset import Typesetter

LAYOUTS = ["F", "T"]
NAMES = {
    "short": "张三",
    "one": "一",
    "rare": "𠮷䶮㐂𬬻",
    "dotted": "买买提·阿卜杜热合曼",
    "longest": "买买提·阿卜杜热合曼·玉素甫江·阿不力克木·吐尔逊",
    "all wide": "张" * 25,
    "four bytes each": "𠮷" * 12,
    "latin": "Alexandria Maria Montgomery-Fitzwilliam of North X",
}


@pytest.fixture(scope="module")
def place(person):
    """Sets the information of a card in a layout: the texts with their ink, from left, top to right, bottom, mm."""

    def set_(template, **given):
        placed = set_information(Typesetter(Fonts({})), template.back.information, values(template, person(**given)))
        found = []
        for each in placed:
            left, top, right, bottom = each.line.ink
            text = "".join(glyph.character for glyph in each.line.glyphs)
            found.append((text, each.x + left, each.baseline + top, each.x + right, each.baseline + bottom))
        return found

    return set_


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("person_s", NAMES.values(), ids=NAMES.keys())
def test_every_name_a_card_holds_is_printed_whole_within_its_room(place, name: str, person_s: str) -> None:
    assert len(encode_text(person_s)) <= 50
    template = layout(name)
    back = template.back
    found = place(template, name=person_s)
    labels = {item.label for item in Item}
    others = {"男", "990000199001010017", "D2143569-X", "2019-03-04", "2039-03-03"}
    printed = [text for text, *_ in found if text not in labels | others]
    assert "".join(reversed(printed)).replace(" ", "") == person_s.replace(" ", "")
    assert {text for text, *_ in found} >= labels | others
    taken = [*back.marks, back.photo, back.chip, *back.triangles]
    for text, left, top, right, bottom in found:
        assert not [
            part
            for part in taken
            if left < part.x + part.w and part.x < right and top < part.y + part.h and part.y < bottom
        ], text
        # Lines from y 23.5 downwards end left of the chip.
        assert not (name == "F" and top >= 23.5 and right > 62), text


@pytest.mark.parametrize("name", LAYOUTS)
def test_no_two_texts_touch(place, name: str) -> None:
    for person_s in NAMES.values():
        found = place(layout(name), name=person_s)
        for index, one in enumerate(found):
            for other in found[index + 1 :]:
                assert one[3] < other[1] or other[3] < one[1] or one[4] <= other[2] or other[4] <= one[2], (
                    one[0],
                    other[0],
                )


def test_sex_stands_beside_a_usual_name_and_below_a_long_one(place) -> None:
    for person_s, row in (("张三", "张三"), (NAMES["longest"], "D2143569-X")):
        found = {text: box for text, *box in place(layout("F"), name=person_s)}
        assert found["男"][3] == pytest.approx(found[row][3], abs=0.4)


def test_a_name_of_usual_length_keeps_its_size(person) -> None:
    template = layout("F")
    placed = set_information(
        Typesetter(Fonts({})), template.back.information, values(template, person(name="欧阳娜娜"))
    )
    assert [each.line.size for each in placed[:4]] == [8] * 4


def test_a_name_that_cannot_be_read_any_more_is_refused(place) -> None:
    with pytest.raises(TextTooLongError) as caught:
        place(layout("F"), name="W" * 50)
    assert caught.value.item == "name"


def test_the_item_list_is_the_template_s(person) -> None:
    template = layout("F").model_copy(update={"items": {Item.NAME, Item.CARD_NUMBER}})
    assert values(template, person()) == {Item.NAME: "张三", Item.CARD_NUMBER: "D2143569-X"}


def test_lines_close_up_where_items_are_left_out(place) -> None:
    template = layout("F")
    whole = {text: box for text, *box in place(template)}
    fewer = {text: box for text, *box in place(template.model_copy(update={"items": set(Item) - {Item.CARD_NUMBER}}))}
    assert fewer["2019-03-04"][1] < whole["2019-03-04"][1] - 4
    assert "卡号" not in fewer


def test_date_form_and_hyphen_are_the_template_s(person) -> None:
    template = layout("F").model_copy(update={"date_form": DateForm.YEAR_MONTH, "hyphen": False})
    texts = values(template, person(issue_date=dt.date(2024, 7, 9)))
    assert texts[Item.ISSUE_DATE] == "2024年07月"
    assert texts[Item.CARD_NUMBER] == "D2143569X"


def test_what_the_card_does_not_have_is_left_out(person) -> None:
    texts = values(layout("F"), person(sex="", expiry_date=None))
    assert Item.SEX not in texts
    assert Item.EXPIRY_DATE not in texts
