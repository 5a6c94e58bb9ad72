"""Reading the photo: whole, and without padding."""

import pytest

from apdu.errors import SecurityStatusError
from cardlib.custody import NoKeys
from cardlib.errors import KeyUnavailableError, NotInProfileError
from cardlib.flows.read_photo import read_photo, trimmed
from simulator.quirks import Quirks

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(1, 255)) * 9 + b"\x00" * 700 + b"\x01\xff\xd9"
WHITE = b"BM" + (600).to_bytes(4, "little") + bytes(48) + b"\xff" * 546
PICTURES = {"JPEG": JPEG, "a bitmap with white pixels at its end": WHITE, "no picture": b"", "full": b"\x5a" * 4096}


@pytest.mark.parametrize("padding", [b"\x00", b"\xff"], ids=["00", "FF"])
@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
@pytest.mark.parametrize("quirks", [Quirks(), Quirks(sfi=False)], ids=["by SFI", "selected"])
def test_the_photo_is_read_without_its_padding(new_desk, new_card, picture, padding, quirks):
    stored = picture.ljust(4096, padding)
    content = stored if stored.strip(b"\x00") else None
    desk = new_desk(new_card(contents={"photo": {"content": content}}, quirks=quirks))
    assert desk.run(read_photo).image == picture
    assert desk.counts["READ BINARY"] == 16
    assert desk.asked_keys == ["IRK", "RKSSSE"]


def test_a_shorter_file_ends_the_photo(new_desk, new_card):
    desk = new_desk(new_card(), answers={"00B00200": "6B00"})
    assert len(desk.run(read_photo).image) <= 512
    assert desk.counts["READ BINARY"] == 3


def test_without_its_key_there_is_no_photo(new_desk, new_card):
    with pytest.raises(KeyUnavailableError):
        new_desk(new_card(), custodian=NoKeys()).run(read_photo)


def test_a_1_0_card_has_none(new_desk, new_card):
    with pytest.raises(NotInProfileError):
        new_desk(new_card("1.0")).run(read_photo)


def test_a_bitmap_that_lies_about_its_length_is_taken_as_it_is():
    assert trimmed(b"BM\xff\xff\xff\xff" + b"\x01" * 20) == b"BM\xff\xff\xff\xff" + b"\x01" * 20


def test_a_refusal_half_way_is_an_error(new_desk, new_card):
    with pytest.raises(SecurityStatusError):
        new_desk(new_card(), answers={"00B00200": "6982"}).run(read_photo)


def test_a_card_that_wants_the_file_selected_after_all_gives_its_photo(new_desk, new_card):
    desk = new_desk(new_card(contents={"photo": {"content": JPEG.ljust(4096, b"\xff")}}), answers={"00B088": "6A86"})
    assert desk.run(read_photo).image == JPEG
