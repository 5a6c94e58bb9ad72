"""Orders from messages: photos that are sent, and names that no font has."""

import base64
import io
import json
from importlib import resources

import pytest

from cardlib.issuance.faults import OrderFaultsError
from cardlib.regional import RegionalProfiles
from services.errors import InvalidRequestError
from services.face.fonts import FontFile
from services.issuance import faces
from services.issuance.faces import Faces
from services.issuance.opening import SHIPPED
from services.issuance.orders import MAX_PHOTO, Templates
from sscard.v1.issuance_pb2 import CardOrder

DATA = resources.files("cardlib.issuance").joinpath("data")
PERSON = json.loads(DATA.joinpath("person.json").read_bytes())
PREMADE = DATA.joinpath("person-premade.json").read_bytes()
PHOTO = b"\xff\xd8 a photo \xff\xd9"
OTHER = b"\xff\xd8 another one \xff\xd9"


def order(template: str = "template-2.0", **changed: object) -> CardOrder:
    record = {name: value for name, value in (PERSON | changed).items() if value is not None}
    return CardOrder(template=template, person_json=json.dumps(record).encode(), photo=PHOTO)


@pytest.fixture
def templates() -> Templates:
    return Templates(SHIPPED, RegionalProfiles())


@pytest.mark.parametrize("written", [None, "", "  ", "photos/1.jpg"])
def test_a_photo_that_is_sent_is_that_of_the_card(templates, written) -> None:
    read = templates.read(order(photo=written))
    assert read.order.contents["photo"]["content"].startswith(PHOTO)
    assert read.photo == PHOTO


def test_a_photo_that_the_template_has_no_place_for_is_a_fault_but_for_the_face(templates) -> None:
    message = CardOrder(template="template-premade", person_json=PREMADE, photo=PHOTO)
    with pytest.raises(OrderFaultsError) as refused:
        templates.read(message)
    assert refused.value.mistakes == ("photo: was sent, and the template has no place for a photo, ${photo?}",)
    assert templates.read(message, for_face=True).photo == PHOTO


def test_two_photos_are_a_fault_but_for_the_face(templates) -> None:
    message = order(photo=f"base64:{base64.b64encode(OTHER).decode()}")
    with pytest.raises(OrderFaultsError, match="the record holds another one"):
        templates.read(message)
    read = templates.read(message, for_face=True)
    assert read.order.contents["photo"]["content"].startswith(OTHER)


def test_a_photo_of_too_many_bytes_says_what_to_do(templates) -> None:
    message = order()
    message.photo = bytes(MAX_PHOTO + 1)
    with pytest.raises(InvalidRequestError, match="358 x 441 pixels are enough"):
        templates.read(message)


def test_a_name_that_the_faces_fonts_lack_is_warned_of_by_place_and_code_point(monkeypatch) -> None:
    monkeypatch.setattr(FontFile, "has", lambda _, character: character != "丽")
    templates = Templates(SHIPPED, RegionalProfiles(), unprintable=Faces(None, production=False).unprintable)
    assert templates.read(order(photo="", name="示例丽一")).warnings == (
        "name: no font of the face has its character 3, U+4E3D",
    )
    assert templates.read(order(photo="", name="示例一")).warnings == ()


def test_without_fonts_nothing_is_warned_of(monkeypatch) -> None:
    def unavailable(_: FontFile, __: str) -> bool:
        raise faces.FaceError("no fonts here")

    monkeypatch.setattr(FontFile, "has", unavailable)
    templates = Templates(SHIPPED, RegionalProfiles(), unprintable=Faces(None, production=False).unprintable)
    assert templates.read(order(photo="")).warnings == ()


def test_the_face_of_a_premade_card_leaves_its_date_out() -> None:
    image = pytest.importorskip("PIL.Image")
    written = io.BytesIO()
    image.new("RGB", (358, 441), "grey").save(written, "JPEG")
    message = CardOrder(template="template-premade", person_json=PREMADE, photo=written.getvalue())
    ordered = Templates(SHIPPED, RegionalProfiles()).read(message, for_face=True)
    picture, _ = Faces(None, production=False).draw(ordered, 1)
    assert picture.startswith(b"\x89PNG")
