"""One side of the card as a picture: millimetres in, pixels of 300 dpi out."""

import math
from functools import cache
from typing import Final

from PIL import Image, ImageDraw, ImageOps

from services.face.fonts import DPI
from services.face.template import HEIGHT, WIDTH, Box
from services.face.typeset import SetLine

RESOLUTION: Final = 300
SIZE: Final = (1011, 638)
"""Pixels of an ID-1 card."""
_FINE: Final = DPI // RESOLUTION
_PIXELS: Final = RESOLUTION / 25.4

BLACK: Final = (0, 0, 0)
GREY: Final = (150, 150, 150)

# Read from the picture of annex A: upper left, lower left, centre [flows §8.1].
_UPPER, _LOWER, _CENTRE = (0x87, 0xA5, 0xDC), (0x76, 0x96, 0xD1), (0xE1, 0xEA, 0xF8)


class Canvas:
    """One side, white at first. Text and outlines are kept apart by colour, and lie above all pictures."""

    def __init__(self) -> None:
        self._image = Image.new("RGB", SIZE, "white")
        self._layers: dict[tuple[int, int, int], Image.Image] = {}

    def text(self, line: SetLine, x: float, baseline: float, colour: tuple[int, int, int] = BLACK) -> None:
        """Draw a line of text that starts at ``x`` and stands on ``baseline``, mm."""
        draw = self._layer(colour)
        for glyph in line.glyphs:
            place = (round((x + glyph.x) * _PIXELS * _FINE), round(baseline * _PIXELS * _FINE))
            draw.text(place, glyph.character, fill=255, font=glyph.font.at(line.size), anchor="ls")

    def outline(self, points: list[tuple[float, float]], width: float, colour: tuple[int, int, int]) -> None:
        """Draw a closed line of ``width`` mm through these points, all of it within them."""
        scaled = [(round(x * _PIXELS * _FINE), round(y * _PIXELS * _FINE)) for x, y in points]
        mask = Image.new("L", (SIZE[0] * _FINE, SIZE[1] * _FINE))
        # Twice as wide and cut off outside: a line's own width would stand out of the area.
        draw = ImageDraw.Draw(mask)
        draw.line([*scaled, *scaled[:2]], fill=255, width=2 * round(width * _PIXELS * _FINE), joint="curve")
        inside = Image.new("L", mask.size)
        ImageDraw.Draw(inside).polygon(scaled, fill=255)
        self._layer(colour)
        self._layers[colour].paste(255, mask=Image.composite(mask, Image.new("L", mask.size), inside))

    def circle(self, box: Box, width: float, colour: tuple[int, int, int]) -> None:
        """Draw the largest circle in the middle of a box, as :meth:`outline`."""
        radius = min(box.w, box.h) / 2
        turns = [2 * math.pi * step / 180 for step in range(180)]
        x, y = box.x + box.w / 2, box.y + box.h / 2
        self.outline([(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns], width, colour)

    def picture(self, picture: Image.Image, box: Box, *, cover: bool = False) -> None:
        """Put a picture into a box: whole, as large as fits, in the middle; or, to ``cover`` it, cut to its shape."""
        left, top, right, bottom = (round(edge * _PIXELS) for edge in (box.x, box.y, box.x + box.w, box.y + box.h))
        # Rounding reaches past the last half pixel of the card.
        size = (min(right, SIZE[0]) - left, SIZE[1] - top if bottom >= SIZE[1] - 1 and cover else bottom - top)
        resize = ImageOps.fit if cover else ImageOps.contain
        fitted = resize(picture.convert("RGBA"), size, Image.Resampling.LANCZOS)
        place = (left + (size[0] - fitted.width) // 2, top + (size[1] - fitted.height) // 2)
        self._image.paste(fitted, place, mask=fitted)

    def pixels(self, picture: Image.Image, x: float, y: float) -> None:
        """Put a picture of 300 dpi with its upper left corner at x, y mm."""
        self._image.paste(picture, (round(x * _PIXELS), round(y * _PIXELS)))

    def finished(self) -> Image.Image:
        """The side with all layers; the canvas itself stays as it is."""
        image = self._image.copy()
        for colour, layer in self._layers.items():
            image.paste(colour, mask=layer.resize(SIZE, Image.Resampling.BOX))
        return image

    def _layer(self, colour: tuple[int, int, int]) -> ImageDraw.ImageDraw:
        if colour not in self._layers:
            self._layers[colour] = Image.new("L", (SIZE[0] * _FINE, SIZE[1] * _FINE))
        return ImageDraw.Draw(self._layers[colour])


def whole_card() -> Box:
    """The card as a box."""
    return Box(x=0, y=0, w=WIDTH, h=HEIGHT)


@cache
def rosette() -> Image.Image:
    """A background for proofs in the colours of the sample: pale in the middle, with a rosette of fine lines."""
    shades = Image.new("RGB", (3, 3), _UPPER)
    shades.putdata(
        [
            *(_UPPER, _between(_UPPER, _CENTRE), _UPPER),
            *(_between(_UPPER, _LOWER), _CENTRE, _between(_UPPER, _LOWER)),
            *(_LOWER, _between(_LOWER, _CENTRE), _LOWER),
        ]
    )
    image = shades.resize(SIZE, Image.Resampling.BICUBIC)
    lines = Image.new("L", (SIZE[0] * 2, SIZE[1] * 2))
    draw = ImageDraw.Draw(lines)
    for ring in range(14):
        turns = [2 * math.pi * step / 720 for step in range(721)]
        wave = [120 + 46 * ring + (30 + 3 * ring) * math.cos(12 * turn + ring * 0.45) for turn in turns]
        draw.line(
            [
                (SIZE[0] + radius * 1.25 * math.cos(turn), SIZE[1] + radius * math.sin(turn))
                for radius, turn in zip(wave, turns, strict=True)
            ],
            fill=150,
            width=2,
        )
    image.paste((255, 255, 255), mask=lines.resize(SIZE, Image.Resampling.BOX))
    return image


def _between(one: tuple[int, int, int], other: tuple[int, int, int]) -> tuple[int, int, int]:
    red, green, blue = ((first + second) // 2 for first, second in zip(one, other, strict=True))
    return red, green, blue
