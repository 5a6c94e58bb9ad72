"""Fonts, glyph by glyph (字体回退): a character is set in the first font that has it, and refused if none has.

Which characters a font has, its table "cmap" says, read by fontTools: Pillow draws a box for a missing glyph and tells
nobody. A character whose glyph draws nothing, and that is no space, counts as missing too: fonts have such blanks.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from fontTools.ttLib import TTFont, TTLibError
from PIL import ImageFont

from services.face.errors import FontUnavailableError, GlyphMissingError
from services.face.template import Role

DPI: Final = 1200
"""Text is set at four times the resolution of print and then reduced: hinting to whole pixels would move it."""


@dataclass(frozen=True, slots=True)
class FontFile:
    """A font: its file, and which one of a collection (.ttc)."""

    path: Path
    index: int = 0

    @classmethod
    def named(cls, name: str) -> Self:
        """``path`` or ``path#index``."""
        path, mark, index = name.rpartition("#")
        return cls(Path(path), int(index)) if mark and index.isdecimal() else cls(Path(name))

    def has(self, character: str) -> bool:
        """Whether the font draws this character; raises :class:`~services.face.errors.FontUnavailableError`."""
        return _draws(self, character)

    def at(self, size: float) -> ImageFont.FreeTypeFont:
        """The font at ``size`` points and :data:`DPI`; raises :class:`~services.face.errors.FontUnavailableError`."""
        return _opened(self, size)


@lru_cache(maxsize=32)
def _code_points(font: FontFile) -> frozenset[int]:
    try:
        # Opened here: TTFont leaves the file open when it fails.
        with font.path.open("rb") as file, TTFont(file, fontNumber=font.index, lazy=True) as opened:
            return frozenset(opened.getBestCmap() or ())
    except (OSError, TTLibError):
        raise FontUnavailableError(font.path) from None


@lru_cache(maxsize=4096)
def _draws(font: FontFile, character: str) -> bool:
    if ord(character) not in _code_points(font):
        return False
    return unicodedata.category(character) == "Zs" or font.at(10).getmask(character).getbbox() is not None


@lru_cache(maxsize=256)
def _opened(font: FontFile, size: float) -> ImageFont.FreeTypeFont:
    try:
        # Basic layout: one glyph after the other, the same wherever Pillow finds another layout engine or none.
        return ImageFont.truetype(font.path, size / 72 * DPI, index=font.index, layout_engine=ImageFont.Layout.BASIC)
    except OSError:
        raise FontUnavailableError(font.path) from None


_NOTO, _HANAZONO = Path("/usr/share/fonts/opentype/noto"), Path("/usr/share/fonts/truetype/hanazono")
# The third font of each collection is the one for simplified Chinese.
_SERIF, _SERIF_BOLD, _SANS = (
    FontFile(_NOTO / f"Noto{name}.ttc", 2) for name in ("SerifCJK-Regular", "SerifCJK-Bold", "SansCJK-Regular")
)
_RARE: Final = tuple(FontFile(_HANAZONO / name) for name in ("HanaMinA.ttf", "HanaMinB.ttf"))

DEBIAN: Final[Mapping[Role, tuple[FontFile, ...]]] = {
    Role.SONG: (_SERIF, *_RARE, _SANS),
    Role.SANS: (_SANS, _SERIF, *_RARE),
    Role.LI: (_SERIF_BOLD,),
}
"""Where Debian's packages fonts-noto-cjk and fonts-hanazono put them. Bold Song stands in for Li (隶书) in proofs."""


class Fonts:
    """The fonts of a template, by role; those it does not name are Debian's."""

    def __init__(self, named: Mapping[Role, tuple[str, ...]]) -> None:
        self._files = {**DEBIAN, **{role: tuple(map(FontFile.named, names)) for role, names in named.items()}}

    def for_character(self, role: Role, character: str, item: str) -> FontFile:
        """The first font of the role that has the character; raises :class:`~.errors.GlyphMissingError`."""
        for font in self._files[role]:
            if font.has(character):
                return font
        raise GlyphMissingError(item, character)
