"""Setting text (排字): lines of glyphs with sizes in millimetres, fitted to their room by rule and never cut off."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple

from services.face.errors import TextTooLongError
from services.face.fonts import DPI, FontFile, Fonts
from services.face.template import Role

_MM: Final = 25.4 / DPI
_STEP: Final = 0.25
"""Points by which a text shrinks until it fits."""
_LEADING: Final = 1.15
"""Distance of baselines, in sizes."""
_ROUNDING: Final = 0.01
"""Millimetres."""
_NOT_FIRST: Final = frozenset("·•・．,，、。-’')）")
"""What does not begin a line."""


class Ink(NamedTuple):
    """Where something is drawn, in mm from the start of its line and its baseline; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character in its font, ``x`` mm from the start of the line."""

    character: str
    font: FontFile
    x: float


@dataclass(frozen=True, slots=True, repr=False)
class SetLine:
    """One line: its glyphs at ``size`` points, ``width`` mm to where the next one would begin."""

    glyphs: tuple[Glyph, ...]
    size: float
    width: float

    @property
    def ink(self) -> Ink:
        """The rectangle around all that is drawn; all zero where nothing is."""
        boxes = [
            Ink(glyph.x + box.left, box.top, glyph.x + box.right, box.bottom)
            for glyph in self.glyphs
            if (box := _ink(glyph.font, self.size, glyph.character)) is not None
        ]
        if not boxes:
            return Ink(0, 0, 0, 0)
        left, top, right, bottom = zip(*boxes, strict=True)
        return Ink(min(left), min(top), max(right), max(bottom))

    def parted(self, after: int, gap: float) -> "SetLine":
        """The same with ``gap`` mm behind the first ``after`` characters, if there are more."""
        if len(self.glyphs) <= after:
            return self
        moved = (replace(glyph, x=glyph.x + gap) for glyph in self.glyphs[after:])
        return SetLine((*self.glyphs[:after], *moved), self.size, self.width + gap)

    def spread_to(self, width: float) -> "SetLine":
        """The same with equal spaces between the characters, so that its ink is ``width`` mm wide."""
        ink = self.ink
        space = (width - (ink.right - ink.left)) / max(1, len(self.glyphs) - 1)
        moved = tuple(replace(glyph, x=glyph.x + number * space) for number, glyph in enumerate(self.glyphs))
        return SetLine(moved, self.size, self.width + space * (len(moved) - 1))


@lru_cache(maxsize=4096)
def _ink(font: FontFile, size: float, character: str) -> Ink | None:
    mask, (left, top) = font.at(size).getmask2(character, "L", anchor="ls")
    box = mask.getbbox()
    if box is None:
        return None
    return Ink((left + box[0]) * _MM, (top + box[1]) * _MM, (left + box[2]) * _MM, (top + box[3]) * _MM)


def line_height(size: float) -> float:
    """Millimetres between the baselines of two lines."""
    return size / 72 * 25.4 * _LEADING


class Typesetter:
    """Sets texts in the fonts of a template."""

    def __init__(self, fonts: Fonts) -> None:
        self._fonts = fonts

    def set(self, item: str, text: str, role: Role, size: float) -> SetLine:
        """One line; raises :class:`~services.face.errors.GlyphMissingError`, which names ``item``."""
        glyphs, x = [], 0.0
        for character in text:
            font = self._fonts.for_character(role, character, item)
            glyphs.append(Glyph(character, font, x))
            x += font.at(size).getlength(character) * _MM
        return SetLine(tuple(glyphs), size, x)

    def rise(self, role: Role, size: float, text: str) -> float:
        """Millimetres from the upper edge of full-size characters of the kind that ``text`` has to the baseline."""
        return -self.set("", "0" if text.isascii() else "国", role, size).ink.top

    def fitted(self, item: str, sizes: tuple[float, float], width: float, make: Callable[[float], SetLine]) -> SetLine:
        """What ``make`` sets at the largest of the sizes, from the first down to the second, that fits ``width`` mm.

        Raises :class:`~services.face.errors.TextTooLongError`.
        """
        for size in _sizes(*sizes):
            line = make(size)
            if line.ink.right - max(0.0, line.ink.left) <= width + _ROUNDING:
                return line
        raise TextTooLongError(item)

    def broken(
        self, item: str, text: str, role: Role, sizes: tuple[float, float], room: tuple[float, float]
    ) -> list[SetLine]:
        """Several lines, at the largest of the sizes at which they fit ``room``, mm wide and high.

        Lines break between characters, in Latin script between words only, and no dot begins one. Raises
        :class:`~services.face.errors.TextTooLongError`.
        """
        width, height = room
        for size in _sizes(*sizes):
            lines = self._break(item, text, role, size, width)
            if lines and (len(lines) - 1) * line_height(size) + self.rise(role, size, text) <= height:
                return lines
        raise TextTooLongError(item)

    def _break(self, item: str, text: str, role: Role, size: float, width: float) -> list[SetLine]:
        """Lines of this size, each as full as it gets; none if a word is wider than a line."""
        lines, begun = [], ""
        for word in _words(text):
            longer = begun + word
            if self.set(item, longer.rstrip(), role, size).ink.right <= width:
                begun = longer
                continue
            if not begun or self.set(item, word.strip(), role, size).ink.right > width:
                return []
            lines.append(begun)
            begun = word.lstrip()
        return [self.set(item, line.strip(), role, size) for line in (*lines, begun)]


def _sizes(largest: float, least: float) -> Iterator[float]:
    size = largest
    while size > least:
        yield size
        size -= _STEP
    yield least


def _words(text: str) -> Iterator[str]:
    """The pieces between which a line may end."""
    piece = ""
    for character in text:
        within_word = piece and (
            character in _NOT_FIRST or character.isspace() or (_latin(character) and _latin(piece[-1]))
        )
        if piece and not within_word:
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece


def _latin(character: str) -> bool:
    return character.isalpha() and ord(character) < 0x2E80
