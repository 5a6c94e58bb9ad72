"""The holder's photo (照片): checked, cut for print, and made small enough for the card [flows §8.3, S1 §8.1.4].

Delivered as 26 × 32 mm at 300 dpi or more, JPEG, PNG or BMP. Whether a face is on it, and large enough, is for the
operator to see. Metadata of the file never travel on. The same bytes give the same bytes.
"""

import io
import struct
import zlib
from typing import Final

from PIL import Image, ImageOps

from services.face.errors import PhotoSizeError, PhotoTooDetailedError, PhotoUnreadableError

LEAST_WIDTH, LEAST_HEIGHT = 307, 378
"""Pixels of 26 × 32 mm at 300 dpi; as large is the picture that goes to the card."""
PRINTED_WIDTH, PRINTED_HEIGHT = 236, 295
"""Pixels of 20 × 25 mm at 300 dpi."""
MOST_BYTES, MOST_PIXELS = 16 * 1024 * 1024, 40_000_000
"""More than any camera's portrait; a file may claim far more than it has."""

_SHAPE, _SHAPE_TOLERANCE = 26 / 32, 0.0126
"""Width over height. The tolerance ends where the printed 20 × 25 mm begin to lack width."""
_MODES: Final = frozenset({"RGB", "RGBA", "L", "LA", "P"})
_DAMAGE: Final = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, ArithmeticError, TypeError, RuntimeError),
    *(struct.error, zlib.error),
)
"""By so many names Pillow's decoders tell that a file is damaged."""
_LEAST_QUALITY, _MOST_QUALITY = 8, 95
"""JPEG's measure. Below, blocks hide the face; above, bytes only grow."""


def read_photo(data: bytes) -> Image.Image:
    """The picture in these bytes, upright, RGB, without metadata.

    Every pixel is decoded: what is cut off or damaged raises :class:`~services.face.errors.PhotoUnreadableError`, the
    wrong size or shape :class:`~services.face.errors.PhotoSizeError`. Transparent parts become white.
    """
    if len(data) > MOST_BYTES:
        raise PhotoUnreadableError(f"the photo has more than {MOST_BYTES} bytes")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "BMP")) as opened:
            _check_area(*opened.size)
            if opened.mode not in _MODES:
                raise PhotoUnreadableError("the photo is not in RGB colours; have it converted where it comes from")
            opened.load()
            upright = ImageOps.exif_transpose(opened)
            picture = Image.new("RGB", upright.size, "white")
            # What Pillow keeps beside the pixels (EXIF, comments, profiles) stays behind.
            whole = upright.convert("RGBA")
            picture.paste(whole, mask=whole)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PhotoUnreadableError("the photo claims to be larger than any photo") from None
    except _DAMAGE:
        raise PhotoUnreadableError("the photo is no whole JPEG, PNG or BMP picture") from None
    _check_shape(*picture.size)
    return picture


def _check_area(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise PhotoSizeError(width, height, f"at most {MOST_PIXELS} in all")


def _check_shape(width: int, height: int) -> None:
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        raise PhotoSizeError(width, height, f"{LEAST_WIDTH} x {LEAST_HEIGHT} or more (26 x 32 mm at 300 dpi)")
    if abs(width / height - _SHAPE) > _SHAPE_TOLERANCE:
        raise PhotoSizeError(width, height, "the shape of 26 x 32 mm, such as 358 x 441")


def printed(photo: Image.Image) -> Image.Image:
    """20 × 25 mm for print: as high as it was, the little that is too wide cut off on both sides alike."""
    return ImageOps.fit(photo, (PRINTED_WIDTH, PRINTED_HEIGHT), Image.Resampling.LANCZOS, centering=(0.5, 0.5))


def fit_for_card(data: bytes, limit: int = 4096) -> bytes:
    """The photo as the card stores it: a JPEG of 307 × 378 pixels in exactly ``limit`` bytes, 00 behind its end.

    ``limit``: what the photo's file holds, :func:`services.face.card_face.photo_limit`. The best quality that fits is
    taken. Raises what :func:`read_photo` does, and :class:`~services.face.errors.PhotoTooDetailedError` where even the
    least quality worth storing does not fit.
    """
    small = read_photo(data).resize((LEAST_WIDTH, LEAST_HEIGHT), Image.Resampling.LANCZOS)
    best = _jpeg(small, _LEAST_QUALITY)
    if len(best) > limit:
        raise PhotoTooDetailedError(limit)
    low, high = _LEAST_QUALITY, _MOST_QUALITY + 1
    # Fits at low, and is not tried or does not fit at high.
    while high - low > 1:
        middle = (low + high) // 2
        tried = _jpeg(small, middle)
        if len(tried) <= limit:
            low, best = middle, tried
        else:
            high = middle
    return best.ljust(limit, b"\0")


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    # Baseline, colour at half resolution, Huffman tables of its own: what every reader decodes, and no byte too many.
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=quality, optimize=True, subsampling="4:2:0")
    return written.getvalue()
