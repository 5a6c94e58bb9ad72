import io
import os

import pytest
from PIL import Image

from cardlib.profiles import V2
from services.face.errors import PhotoSizeError, PhotoTooDetailedError, PhotoUnreadableError
from services.face.photo import MOST_BYTES, fit_for_card, printed, read_photo


def _saved(image: Image.Image, form: str, **options) -> bytes:
    written = io.BytesIO()
    image.save(written, form, **options)
    return written.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP"])
def test_photos_are_taken_in_three_formats(picture, form: str) -> None:
    photo = read_photo(picture(form=form))
    assert (photo.mode, photo.size) == ("RGB", (358, 441))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA"])
def test_other_ways_to_hold_colours_become_rgb(picture, mode: str) -> None:
    image = Image.open(io.BytesIO(picture(form="PNG"))).convert(mode)
    assert read_photo(_saved(image, "PNG")).mode == "RGB"


def test_what_is_transparent_becomes_white() -> None:
    assert read_photo(_saved(Image.new("RGBA", (358, 441), (9, 9, 9, 0)), "PNG")).getpixel((5, 5)) == (255, 255, 255)


def test_print_colours_are_refused() -> None:
    with pytest.raises(PhotoUnreadableError, match="RGB"):
        read_photo(_saved(Image.new("CMYK", (358, 441)), "JPEG"))


def test_other_formats_are_refused(picture) -> None:
    with pytest.raises(PhotoUnreadableError):
        read_photo(picture(form="GIF"))


def test_the_orientation_of_the_camera_is_applied_and_all_metadata_left_behind() -> None:
    lying = Image.new("RGB", (441, 358), "white")
    lying.paste("red", (0, 0, 60, 358))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise to see it upright
    exif[0x010F] = "maker of the camera"
    data = _saved(lying, "JPEG", exif=exif, comment=b"where it was taken", quality=95)
    photo = read_photo(data)
    assert photo.size == (358, 441)
    red, green, _ = photo.getpixel((179, 20))
    assert red > 200
    assert green < 80
    stored = fit_for_card(data)
    assert b"camera" in data
    assert b"camera" not in stored
    assert b"Exif" not in stored
    assert b"taken" not in stored


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP"])
@pytest.mark.parametrize("share", [0, 0.02, 0.3, 0.7, 0.97])
def test_a_photo_that_is_cut_off_is_refused(picture, form: str, share: float) -> None:
    whole = picture(form=form)
    with pytest.raises(PhotoUnreadableError):
        read_photo(whole[: int(len(whole) * share)])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP"])
def test_damage_is_refused_or_harmless_but_never_another_error(picture, form: str) -> None:
    whole = picture(form=form)
    ended = 0
    for place in range(0, min(len(whole), 700), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        try:
            read_photo(bytes(damaged))
        except (PhotoUnreadableError, PhotoSizeError):
            ended += 1
    assert ended


def test_damage_in_what_the_camera_noted_is_told_like_any_other(picture) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "maker of the camera"
    # The text about the maker becomes one about the width, which is a number.
    whole = picture(exif=exif)
    damaged = whole.replace(b"\x01\x0f\x00\x02", b"\x01\x00\x00\x02", 1)
    assert damaged != whole
    with pytest.raises(PhotoUnreadableError):
        read_photo(damaged)


def test_a_photo_that_claims_to_be_huge_is_refused_before_it_is_decoded(picture) -> None:
    claims = bytearray(picture(form="BMP"))
    claims[18:26] = (60_000).to_bytes(4, "little") * 2
    with pytest.raises((PhotoUnreadableError, PhotoSizeError)):
        read_photo(bytes(claims))
    claims[18:26] = (8_000).to_bytes(4, "little") * 2
    with pytest.raises(PhotoSizeError, match="at most"):
        read_photo(bytes(claims))
    with pytest.raises(PhotoUnreadableError, match="bytes"):
        read_photo(bytes(MOST_BYTES + 1))


@pytest.mark.parametrize("size", [(307, 378), (308, 379), (358, 441), (320, 400), (413, 508), (1040, 1280)])
def test_sizes_that_are_enough_and_have_the_shape(picture, size) -> None:
    assert read_photo(picture(*size)).size == size


@pytest.mark.parametrize(
    "size",
    [(306, 378), (307, 377), (26, 32), (441, 358), (400, 400), (358, 500), (316, 400)],
)
def test_too_few_pixels_and_other_shapes_are_refused(picture, size) -> None:
    with pytest.raises(PhotoSizeError) as caught:
        read_photo(picture(*size))
    assert (caught.value.width, caught.value.height) == size


def test_print_takes_the_whole_height_and_cuts_the_same_from_both_sides() -> None:
    # 26 × 32 mm: 1.5 % of the width goes, 0.75 % on each side, 8 of 1 040 pixels.
    photo = Image.new("RGB", (1040, 1280), "white")
    photo.paste("black", (0, 0, 4, 1280))
    photo.paste("black", (1036, 0, 1040, 1280))
    photo.paste("red", (0, 0, 1040, 20))
    photo.paste("red", (0, 1260, 1040, 1280))
    cut = printed(photo)
    assert cut.size == (236, 295)
    assert min(cut.getpixel((0, 147))) > 240
    assert min(cut.getpixel((235, 147))) > 240
    assert cut.getpixel((118, 0)) == (255, 0, 0)
    assert cut.getpixel((118, 294)) == (255, 0, 0)


def test_the_card_s_photo_fills_its_file_and_keeps_300_dpi(picture) -> None:
    stored = fit_for_card(picture(quality=95))
    assert len(stored) == V2.file_named("photo").size
    with Image.open(io.BytesIO(stored)) as opened:
        opened.load()
        assert (opened.format, opened.mode, opened.size) == ("JPEG", "RGB", (307, 378))
    assert read_photo(stored).size == (307, 378)
    assert V2.file_named("photo").encode({"content": stored}) == [stored]


def test_more_room_gives_a_better_picture(picture) -> None:
    data = picture(quality=95)
    original = read_photo(data).resize((307, 378), Image.Resampling.LANCZOS)

    def distance(limit: int) -> int:
        stored = read_photo(fit_for_card(data, limit))
        pairs = zip(original.tobytes(), stored.tobytes(), strict=True)
        return sum((one - other) ** 2 for one, other in pairs)

    assert distance(8192) < distance(4096) < distance(3000)


def test_a_photo_without_a_plain_place_is_refused() -> None:
    noise = Image.frombytes("RGB", (358, 441), os.urandom(358 * 441 * 3))
    with pytest.raises(PhotoTooDetailedError) as caught:
        fit_for_card(_saved(noise, "PNG"))
    assert caught.value.limit == 4096


def test_the_same_photo_gives_the_same_bytes(picture) -> None:
    assert fit_for_card(picture()) == fit_for_card(picture())
