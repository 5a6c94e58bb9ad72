"""Why a card's face cannot be printed; no message has more of a person's data than one code point.

::

    ServiceError
    └─ FaceError
       ├─ FaceDataError          a value of the card is missing or wrong
       ├─ GlyphMissingError      no font has a character
       ├─ TextTooLongError       a text does not fit its area at the smallest size
       ├─ TemplateError          the template has mistakes
       ├─ FontUnavailableError   a font file is missing or is none
       ├─ AssetsMissingError     production output needs marks that the deployment has not supplied
       ├─ AssetUnreadableError   the file of a mark is no picture
       └─ PhotoError
          ├─ PhotoUnreadableError  not a whole JPEG, PNG or BMP picture
          ├─ PhotoSizeError        too few pixels, far too many, or another shape
          └─ PhotoTooDetailedError cannot be made small enough for the card's file
"""

from collections.abc import Sequence
from pathlib import Path

from services.errors import ServiceError


class FaceError(ServiceError):
    """Root of what keeps a card's face from being printed (卡面)."""


class FaceDataError(FaceError):
    """A value is missing or cannot be printed; ``item`` names it, the message does not show it."""

    def __init__(self, item: str, reason: str) -> None:
        self.item = item
        super().__init__(f"{item}: {reason}")


class GlyphMissingError(FaceError):
    """No font of the template has this character (缺字); ``item`` is where it stands."""

    def __init__(self, item: str, character: str) -> None:
        self.item = item
        self.code_point = ord(character)
        super().__init__(f"{item}: no font has the character U+{self.code_point:04X}")


class TextTooLongError(FaceError):
    """The text of ``item`` does not fit its area, not even at the smallest size the template allows."""

    def __init__(self, item: str) -> None:
        self.item = item
        super().__init__(f"{item}: the text does not fit its area at the smallest size of the template")


class TemplateError(FaceError):
    """The template cannot be used; ``mistakes`` has all that is wrong with it."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("the template has mistakes: " + "; ".join(self.mistakes))


class FontUnavailableError(FaceError):
    """The file of a font is not there, or holds no such font."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"there is no usable font in {path}; Debian has the usual ones in fonts-noto-cjk and fonts-hanazono"
        )


class AssetsMissingError(FaceError):
    """Marks or fonts that production output needs and the template does not name; ``mistakes`` has all of them."""

    def __init__(self, missing: Sequence[str]) -> None:
        self.mistakes = tuple(missing)
        super().__init__("the template does not supply: " + ", ".join(self.mistakes))


class AssetUnreadableError(FaceError):
    """The file of a mark is missing or is no picture."""

    def __init__(self, asset: str, path: Path) -> None:
        self.asset = asset
        self.path = path
        super().__init__(f"{asset}: {path} is not a picture that can be read")


class PhotoError(FaceError):
    """Root of what is wrong with a photo (照片)."""


class PhotoUnreadableError(PhotoError):
    """Not a JPEG, PNG or BMP picture, or not a whole one."""


class PhotoSizeError(PhotoError):
    """``width`` × ``height`` pixels are too few, far too many, or not the shape of 26 × 32 mm."""

    def __init__(self, width: int, height: int, wanted: str) -> None:
        self.width, self.height = width, height
        super().__init__(f"the photo has {width} x {height} pixels; wanted: {wanted}")


class PhotoTooDetailedError(PhotoError):
    """At the least quality worth storing the photo takes more than the ``limit`` bytes of the card's file."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"the photo does not fit {limit} bytes at the least quality that still shows a face")
