import pytest

from services.face.errors import TemplateError
from services.face.template import DateForm, Item, Role, layout, load_template


@pytest.fixture
def written(tmp_path):
    """Writes a deployment's file."""

    def write(text: str):
        path = tmp_path / "face.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("name", ["F", "T"])
def test_a_layout_has_the_places_that_must_exist(name: str) -> None:
    template = layout(name)
    assert template.back.photo is not None
    assert (template.back.photo.w, template.back.photo.h) == (20, 25)
    assert template.back.chip is not None
    assert template.back.information is not None
    assert [(mark.w, mark.h) for mark in template.back.marks if mark.name == "seal"] == [(12, 12)]
    assert template.items == set(Item)


def _overlap(one, other) -> bool:
    apart = (
        one.x + one.w <= other.x or other.x + other.w <= one.x or one.y + one.h <= other.y or other.y + other.h <= one.y
    )
    return not apart


@pytest.mark.parametrize("name", ["F", "T"])
def test_no_place_of_the_back_lies_on_another(name: str) -> None:
    back = layout(name).back
    places = [*back.marks, back.photo, back.chip, *back.triangles]
    assert not [(one, other) for one in places for other in places if one is not other and _overlap(one, other)]


def test_there_are_two_layouts() -> None:
    with pytest.raises(TemplateError, match="F, T"):
        layout("A")


def test_a_deployment_s_file_changes_what_it_names_and_nothing_else(written, tmp_path) -> None:
    template = load_template(
        written("""
layout = "T"
items = ["name", "social_security_number"]
date_form = "年月"
hyphen = false
preprinted = ["background", "emblem", "country", "title"]
[assets]
seal = "marks/seal.png"
[fonts]
li = ["/opt/fonts/li.ttf", "spare.ttc#1"]
[back]
photo = { x = 60.0, y = 3.0, w = 20.0, h = 25.0 }
""")
    )
    plain = layout("T")
    assert template.items == {Item.NAME, Item.SOCIAL_SECURITY_NUMBER}
    assert (template.date_form, template.hyphen) == (DateForm.YEAR_MONTH, False)
    assert template.assets == {"seal": tmp_path / "marks/seal.png"}
    assert template.fonts == {Role.LI: ("/opt/fonts/li.ttf", str(tmp_path / "spare.ttc#1"))}
    assert template.back.photo.x == 60
    assert template.back.information == plain.back.information
    assert template.front == plain.front


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "layout"),
        ('layout = "X"', "layout"),
        ("layout = [", "no TOML"),
        ('layout = "F"\ncolour = "blue"', "colour"),
        ('layout = "F"\nitems = ["ethnicity"]', "items"),
        ('layout = "F"\nback = 1', "back"),
        ('layout = "F"\n[assets]\nlogo = "x.png"', "logo"),
        ('layout = "F"\n[texts]\nslogan = "x"', "slogan"),
        ('layout = "F"\n[back]\nphoto = { x = 70, y = 3, w = 20, h = 25 }', "edge"),
        (
            'layout = "F"\n[front]\nwords = [{ name = "a", font = "song", size = 8, x = 1, w = 9 }]',
            "either y or bottom",
        ),
    ],
)
def test_mistakes_are_named(written, text: str, mistake: str) -> None:
    with pytest.raises(TemplateError) as caught:
        load_template(written(text))
    assert mistake in str(caught.value)


def test_all_mistakes_are_told_at_once(written) -> None:
    with pytest.raises(TemplateError) as caught:
        load_template(written('layout = "F"\ncolour = "blue"\nhyphen = "perhaps"'))
    assert len(caught.value.mistakes) == 2


def test_a_file_that_is_not_there_is_said(tmp_path) -> None:
    with pytest.raises(TemplateError, match=r"none\.toml"):
        load_template(tmp_path / "none.toml")


def test_arrangements_have_every_item_once(written) -> None:
    plain = layout("F").back.information.model_dump(mode="json")
    rows = [["name", "sex"], ["social_security_number"], ["card_number"], ["issue_date"]]
    lines = ", ".join(f"{{ y = {line['y']}, right = {line['right']} }}" for line in plain["lines"])
    with pytest.raises(TemplateError, match="every item once"):
        load_template(
            written(f"""
layout = "F"
[back.information]
font = "song"
size = 8
least = 5
least_whole = 6.5
x = 27.9
second = 51
gap = 1
name_top = 11
lines = [{lines}]
arrangements = [{rows}]
""")
        )


def test_production_lacks_every_mark_and_the_font_of_the_title_until_they_are_there() -> None:
    assert layout("F").missing() == [
        "asset background",
        "asset emblem",
        "asset bank_logo",
        "asset partner_mark",
        "asset seal",
        "font li",
    ]
    carried = layout("T").model_copy(update={"preprinted": {"background", "emblem", "title", "seal"}})
    assert carried.missing() == []
