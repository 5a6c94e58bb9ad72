import datetime as dt

import pytest

from cardlib.codes import SEX
from cardlib.profiles import V2
from cardlib.values import CardDate
from services.face.card_face import CardFace, photo_limit
from services.face.errors import FaceDataError

HOLDER = {"name": "张三", "sex": SEX["2"], "social_security_number": "990000199001010017"}
ISSUER = {"card_number": "D2143569X", "issue_date": CardDate("20190304"), "expiry_date": CardDate("20390303")}
CONTENTS = {"holder": HOLDER, "issuer": ISSUER, "photo": {"content": b"photo of the card"}}


def test_a_face_is_made_of_what_is_written_to_the_card() -> None:
    face = CardFace.from_contents(V2, CONTENTS, issuer_name="示范市")
    assert (face.name, face.sex, face.social_security_number) == ("张三", "女", "990000199001010017")
    assert face.card_number == "D2143569X"
    assert (face.issue_date, face.expiry_date) == (dt.date(2019, 3, 4), dt.date(2039, 3, 3))
    assert face.photo == b"photo of the card"
    assert face.issuer_name == "示范市"


def test_the_photo_as_delivered_goes_before_the_card_s() -> None:
    assert CardFace.from_contents(V2, CONTENTS, photo=b"delivered").photo == b"delivered"


@pytest.mark.parametrize(("code", "printed"), [("1", "男"), ("2", "女"), ("9", ""), ("5", "")])
def test_a_sex_that_is_not_stated_is_not_printed(code: str, printed: str) -> None:
    contents = {**CONTENTS, "holder": {**HOLDER, "sex": SEX[code]}}
    assert CardFace.from_contents(V2, contents).sex == printed


def test_a_longer_number_of_an_early_issue_is_printed_by_its_first_nine_characters() -> None:
    contents = {**CONTENTS, "issuer": {**ISSUER, "card_number": "D2143569X0001"}}
    assert CardFace.from_contents(V2, contents).card_number == "D2143569X"


def test_a_card_without_an_end_of_validity_has_none_printed() -> None:
    contents = {**CONTENTS, "issuer": {**ISSUER, "expiry_date": None}}
    assert CardFace.from_contents(V2, contents).expiry_date is None


@pytest.mark.parametrize(
    ("file", "item"),
    [
        ("holder", "name"),
        ("holder", "social_security_number"),
        ("issuer", "card_number"),
        ("issuer", "issue_date"),
        ("photo", "content"),
    ],
)
def test_what_is_missing_is_named(file: str, item: str) -> None:
    contents = {**CONTENTS, file: {**CONTENTS[file], item: None}}
    with pytest.raises(FaceDataError) as caught:
        CardFace.from_contents(V2, contents)
    assert caught.value.item == {"content": "photo"}.get(item, item)


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("name", "张\n三"),
        ("name", "张\u202e三"),
        ("social_security_number", "9900 0019"),
        ("card_number", "D2143569-X"),
        ("card_number", "D2143569"),
        ("bank_card_number", "6214-99"),
        ("photo", b""),
    ],
)
def test_what_cannot_be_printed_is_refused_without_being_shown(person, item: str, value) -> None:
    with pytest.raises(FaceDataError) as caught:
        person(**{item: value})
    assert caught.value.item == item
    assert not value or str(value) not in str(caught.value)


def test_a_date_that_is_none_is_refused() -> None:
    contents = {**CONTENTS, "issuer": {**ISSUER, "expiry_date": CardDate("20390230")}}
    with pytest.raises(FaceDataError, match="expiry_date"):
        CardFace.from_contents(V2, contents)


def test_nothing_of_a_person_is_in_the_repr(person) -> None:
    assert repr(person()) == "<CardFace>"


def test_the_limit_of_the_photo_is_the_size_of_its_file() -> None:
    assert photo_limit(V2) == 4096
