import io
import re
import zlib

import pytest
from PIL import Image, ImageDraw

from services.face.errors import AssetsMissingError, AssetUnreadableError, GlyphMissingError, PhotoError
from services.face.render import render
from services.face.template import Role, Template, layout

PIXELS = 300 / 25.4
FRONT, BACK = 0.25, 0.30
"""Tolerances in mm [flows §8]."""
TEXTS = {"bank_name": "示范银行", "maker_code": "ABC123456789HiCo"}


def opened(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    image.load()
    return image


def ink(image: Image.Image, x: float, y: float, right: float, bottom: float) -> list[float] | None:
    """Left, top, right and bottom edge of what is black within these mm, as a ruler finds them; None: nothing is."""
    left, top = round(x * PIXELS), round(y * PIXELS)
    part = image.convert("RGB").crop((left, top, round(right * PIXELS), round(bottom * PIXELS)))
    # Black, not the grey of placeholders nor the blue of the front.
    bands = [band.point(lambda value: 255 if value < 110 else 0) for band in part.split()]
    both = Image.composite(bands[0], Image.new("L", part.size), bands[2])
    box = both.getbbox()
    return box and [
        (box[0] + left) / PIXELS,
        (box[1] + top) / PIXELS,
        (box[2] + left) / PIXELS,
        (box[3] + top) / PIXELS,
    ]


@pytest.fixture(scope="module")
def assets(tmp_path_factory) -> dict:
    """Files for all marks: red discs, as large as their place; the background white."""
    folder = tmp_path_factory.mktemp("assets")
    found = {}
    for name in ("emblem", "bank_logo", "partner_mark", "seal"):
        image = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
        ImageDraw.Draw(image).ellipse((0, 0, 399, 399), fill=(200, 0, 8, 255))
        found[name] = folder / f"{name}.png"
        image.save(found[name])
    found["background"] = folder / "background.png"
    Image.new("RGB", (2022, 1276), "white").save(found["background"])
    return found


@pytest.fixture(scope="module")
def supplied(assets):
    """A layout with everything that production needs; a free font poses as Li."""

    def make(name: str) -> Template:
        plain = layout(name)
        marks = {mark.name for side in (plain.front, plain.back) for mark in side.marks}
        fonts = {Role.LI: ("/usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc#2",)}
        given = {"assets": {key: path for key, path in assets.items() if key in marks}, "fonts": fonts}
        return plain.model_copy(update=given | ({"texts": TEXTS} if name == "F" else {}))

    return make


@pytest.fixture(scope="module")
def proof(person):
    return render(person(), layout("F").model_copy(update={"texts": TEXTS}))


@pytest.fixture(scope="module")
def front(proof) -> Image.Image:
    return opened(proof.front_png)


@pytest.fixture(scope="module")
def back(proof) -> Image.Image:
    return opened(proof.back_png)


def test_both_sides_are_pictures_of_an_id_1_card_at_300_dpi(front, back) -> None:
    for side in (front, back):
        assert (side.format, side.mode, side.size) == ("PNG", "RGB", (1011, 638))
        assert side.info["dpi"] == pytest.approx((300, 300), abs=0.01)


def test_the_lettering_of_the_front_is_where_the_standard_wants_it(front) -> None:
    country = ink(front, 15, 27.5, 75, 35)
    assert country[0] == pytest.approx(26.00, abs=FRONT)
    assert country[3] == pytest.approx(33.98, abs=FRONT)
    assert country[2] <= 60.6 + FRONT
    title = ink(front, 10, 35, 80, 50)
    assert title[0] == pytest.approx(20.00, abs=FRONT)
    assert title[3] == pytest.approx(43.98, abs=FRONT)
    assert (title[0] + title[2]) / 2 == pytest.approx(42.80, abs=FRONT)
    assert front.getpixel((0, 0))[2] > front.getpixel((0, 0))[0]


MEASURED = [
    # what, where to look, edges [flows §8.2]; None: not given
    ("姓名", (26, 13.5, 33.8, 18.5), (27.9, 14.7, None, 17.3)),
    ("社会保障号码", (26, 18.6, 46, 23), (27.9, 19.1, None, 21.9)),
    ("its digits", (47, 18.6, 83, 23), (48.8, None, 75.1, None)),
    ("bank card number", (15, 39, 83, 46), (16.0, 39.7, 76.7, 43.6)),
    ("bank card number, first group", (15, 39, 35, 46), (16.0, 39.7, None, 43.6)),
    ("bank name", (9, 2, 58, 5.8), (9.3, None, None, None)),
    ("issuer's name", (9, 6, 58, 10), (9.3, None, None, None)),
    ("ATM", (70, 46, 85, 49.9), (None, 47.0, 83.5, 49.0)),
    ("phones", (1, 50, 55, 53), (2.0, 50.6, None, 52.4)),
    ("card maker's code", (60, 50, 85, 53), (None, 50.9, 83.5, 52.2)),
    ("insertion arrow", (80, 24, 85, 36), (80.9, 25.0, 83.5, 34.9)),
]


@pytest.mark.parametrize(("where", "wanted"), [row[1:] for row in MEASURED], ids=[row[0] for row in MEASURED])
def test_the_back_of_layout_f_measures_as_the_sample(back, where, wanted) -> None:
    found = ink(back, *where)
    assert found is not None
    for edge, (is_at, want) in enumerate(zip(found, wanted, strict=True)):
        assert want is None or is_at == pytest.approx(want, abs=BACK), edge


@pytest.mark.parametrize("where", [(63.8, 23.9, 77.1, 36.1), (62, 23.5, 80.5, 39.0), (62, 2.5, 83, 16.5)])
def test_nothing_is_printed_on_chip_and_partner_mark(back, where) -> None:
    assert ink(back, *where) is None


@pytest.mark.parametrize(("name", "x", "y"), [("F", 4, 11), ("T", 61.6, 3)])
def test_the_photo_is_20_by_25_mm_in_its_place(person, supplied, name: str, x: float, y: float) -> None:
    written = io.BytesIO()
    Image.new("RGB", (358, 441), "black").save(written, "PNG")
    image = opened(render(person(photo=written.getvalue()), supplied(name), production=True).back_png)
    found = ink(image, x - 0.4, y - 0.4, x + 20.4, y + 25.4)
    assert found == pytest.approx([x, y, x + 20, y + 25], abs=BACK)
    assert found[2] - found[0] == pytest.approx(20, abs=0.1)
    assert found[3] - found[1] == pytest.approx(25, abs=0.1)


@pytest.mark.parametrize(
    ("name", "side", "box"),
    [
        ("F", "front_png", (33.3, 7.98, 52.3, 26.98)),
        ("F", "back_png", (2, 37, 14, 49)),
        ("T", "back_png", (65.6, 39, 77.6, 51)),
    ],
)
def test_marks_fill_their_places(person, supplied, name: str, side: str, box) -> None:
    image = opened(getattr(render(person(), supplied(name), production=True), side))
    part = image.crop(tuple(round(edge * PIXELS) for edge in (box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1)))
    red = Image.composite(
        part.getchannel("G").point(lambda value: 255 if value < 110 else 0),
        Image.new("L", part.size),
        part.getchannel("R").point(lambda value: 255 if value > 150 else 0),
    ).getbbox()
    found = [
        red[0] / PIXELS + box[0] - 1,
        red[1] / PIXELS + box[1] - 1,
        red[2] / PIXELS + box[0] - 1,
        red[3] / PIXELS + box[1] - 1,
    ]
    assert found == pytest.approx(box, abs=FRONT)


def test_letters_are_black_on_white_for_the_black_panel(person, supplied) -> None:
    image = opened(render(person(), supplied("F"), production=True).back_png)
    line = image.crop(tuple(round(edge * PIXELS) for edge in (16, 39, 77, 45)))
    assert line.getextrema() == ((0, 255),) * 3
    # Nothing of a proof is left: between seal and bank card number the card is white.
    assert image.crop(tuple(round(edge * PIXELS) for edge in (62, 22.5, 80.5, 39))).getextrema() == ((255, 255),) * 3


def test_the_pdf_has_both_sides_to_the_pixel(proof, front, back) -> None:
    assert re.search(rb"/MediaBox \[0 0 242\.6457 153\.0142\]", proof.pdf)
    pictures = re.findall(rb"/FlateDecode /Length (\d+) >>\nstream\n", proof.pdf)
    starts = [match.end() for match in re.finditer(rb"/FlateDecode /Length \d+ >>\nstream\n", proof.pdf)]
    read = [
        zlib.decompress(proof.pdf[start : start + int(length)]) for start, length in zip(starts, pictures, strict=True)
    ]
    assert read == [front.tobytes(), back.tobytes()]


def test_the_same_card_gives_the_same_bytes(person, proof) -> None:
    again = render(person(), layout("F").model_copy(update={"texts": TEXTS}))
    assert (again.front_png, again.back_png, again.pdf) == (proof.front_png, proof.back_png, proof.pdf)


def test_production_is_refused_with_a_list_of_all_that_is_missing(person) -> None:
    with pytest.raises(AssetsMissingError) as caught:
        render(person(), layout("F"), production=True)
    assert caught.value.mistakes == tuple(layout("F").missing())
    assert len(caught.value.mistakes) == 6


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_a_mark_that_is_no_picture_is_named(person, supplied, tmp_path, content) -> None:
    template = supplied("F")
    path = tmp_path / "seal.png"
    if content:
        path.write_bytes(content)
    template = template.model_copy(update={"assets": {**template.assets, "seal": path}})
    with pytest.raises(AssetUnreadableError, match="seal"):
        render(person(), template, production=True)


def test_what_the_blank_cards_carry_is_not_printed_again(person) -> None:
    template = layout("T").model_copy(update={"preprinted": {"background", "emblem", "country", "title", "seal"}})
    rendered = render(person(), template, production=True)
    assert opened(rendered.front_png).getextrema() == ((255, 255),) * 3
    assert ink(opened(rendered.back_png), 65.3, 38.7, 78, 51.3) is None
    assert ink(opened(rendered.back_png), 23, 23, 61, 45) is not None


def test_a_missing_glyph_is_refused_and_the_name_is_not_told(person) -> None:
    with pytest.raises(GlyphMissingError) as caught:
        render(person(name="张\U00031350三"), layout("F"))
    assert "U+31350" in str(caught.value)
    assert not set("张三\U00031350") & set(str(caught.value))


def test_a_photo_that_is_none_is_refused(person) -> None:
    with pytest.raises(PhotoError):
        render(person(photo=b"no photo"), layout("F"))


def test_a_card_without_bank_has_no_bank_card_number(person) -> None:
    rendered = render(person(bank_card_number="", issuer_name="", phones=()), layout("F"))
    assert ink(opened(rendered.back_png), 15, 39, 80, 46) is None


def test_a_picture_that_is_wider_than_its_place_is_shown_whole(person, tmp_path, supplied) -> None:
    wide = tmp_path / "wide.png"
    Image.new("RGB", (800, 100), "black").save(wide)
    template = supplied("F")
    template = template.model_copy(update={"assets": {**template.assets, "partner_mark": wide}})
    found = ink(opened(render(person(), template, production=True).back_png), 61, 1, 85, 18)
    assert found == pytest.approx([61.6, 9.5 - 22 / 16, 83.6, 9.5 + 22 / 16], abs=BACK)


def test_a_rendered_face_does_not_show_itself(proof) -> None:
    assert "PNG" not in repr(proof)
    assert len(repr(proof)) < 100
