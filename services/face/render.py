"""Rendering a card's face (卡面): PNG of both sides at 300 dpi, and one PDF of two pages of ID-1 size.

What a deployment does not supply is a neutral placeholder in a proof (样张), and refused for production: emblem,
background, logos, seal, and the font of the title. The chip's place is outlined in proofs only.
"""

import io
from dataclasses import dataclass
from typing import Final

from PIL import Image

from services.face.canvas import BLACK, GREY, RESOLUTION, Canvas, rosette
from services.face.card_face import CardFace
from services.face.errors import AssetsMissingError, AssetUnreadableError, TextTooLongError
from services.face.fonts import Fonts
from services.face.information import set_information, values
from services.face.pdf import pdf
from services.face.photo import printed, read_photo
from services.face.template import HEIGHT, WIDTH, Box, Mark, Role, Side, Template, Triangle, Words
from services.face.typeset import SetLine, Typesetter

LETTERING: Final = (0x00, 0x00, 0x08)
"""Lettering of the front, read from the sample of annex A."""
_HAIRLINE, _ARROW_LINE = 0.12, 0.25
"""Millimetres: outlines of placeholders, and of the insertion arrow."""


@dataclass(frozen=True, slots=True, repr=False)
class RenderedFace:
    """Both sides: ``back_png`` is the personal side. PNG of 1011 × 638 pixels; ``pdf`` has the front, then the back."""

    front_png: bytes
    back_png: bytes
    pdf: bytes


def render(face: CardFace, template: Template, *, production: bool = False) -> RenderedFace:
    """Both sides of one card. The same input gives the same bytes.

    ``production``: refuse what only a proof may lack. Raises :class:`~services.face.errors.FaceError`.
    """
    if production and (missing := template.missing()):
        raise AssetsMissingError(missing)
    renderer = _Renderer(template, face, proof=not production)
    front = renderer.side(template.front, LETTERING)
    back = renderer.side(template.back, BLACK)
    return RenderedFace(_png(front), _png(back), pdf((front, back), WIDTH, HEIGHT))


def _png(image: Image.Image) -> bytes:
    written = io.BytesIO()
    image.save(written, "PNG", dpi=(RESOLUTION, RESOLUTION), compress_level=9)
    return written.getvalue()


class _Renderer:
    """Draws the sides of one card."""

    def __init__(self, template: Template, face: CardFace, *, proof: bool) -> None:
        self._template = template
        self._face = face
        self._proof = proof
        self._setter = Typesetter(Fonts(template.fonts))
        self._texts = {
            "bank_card_number": face.bank_card_number,
            "issuer_name": face.issuer_name,
            "phones": "　".join(face.phones),
        }

    def side(self, side: Side, colour: tuple[int, int, int]) -> Image.Image:
        canvas = Canvas()
        for mark in side.marks:
            if mark.name not in self._template.preprinted:
                self._mark(canvas, mark)
        if side.photo:
            canvas.pixels(printed(read_photo(self._face.photo)), side.photo.x, side.photo.y)
        if side.chip and self._proof:
            _frame(canvas, side.chip)
        for triangle in side.triangles:
            canvas.outline(_corners(triangle), _ARROW_LINE, colour)
        for words in side.words:
            if words.name not in self._template.preprinted:
                self._words(canvas, words, colour)
        if side.information:
            for placed in set_information(self._setter, side.information, values(self._template, self._face)):
                canvas.text(placed.line, placed.x, placed.baseline, colour)
        return canvas.finished()

    def _mark(self, canvas: Canvas, mark: Mark) -> None:
        asset = self._template.assets.get(mark.name)
        background = mark.shape == "background"
        if asset is None:
            if background:
                canvas.picture(rosette(), mark, cover=True)
            else:
                self._placeholder(canvas, mark)
            return
        try:
            with Image.open(asset) as opened:
                canvas.picture(opened, mark, cover=background)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            raise AssetUnreadableError(mark.name, asset) from None

    def _placeholder(self, canvas: Canvas, mark: Mark) -> None:
        """An outline with the mark's name in it: nobody takes it for the mark."""
        if mark.shape == "circle":
            canvas.circle(mark, _HAIRLINE, GREY)
        else:
            _frame(canvas, mark)
        caption = self._setter.fitted(
            mark.name,
            (6, 2),
            mark.w * 0.8,
            lambda size: self._setter.set(mark.name, mark.caption, Role.SANS, size),
        )
        ink = caption.ink
        x, y = mark.x + mark.w / 2 - (ink.left + ink.right) / 2, mark.y + mark.h / 2 - (ink.top + ink.bottom) / 2
        canvas.text(caption, x, y, GREY)

    def _words(self, canvas: Canvas, words: Words, colour: tuple[int, int, int]) -> None:
        text = self._texts.get(words.name) or self._template.texts.get(words.name) or words.text
        if not text:
            return
        line = self._setter.fitted(
            words.name, (words.size, words.least or words.size), words.w, lambda size: self._set(words, text, size)
        )
        ink = line.ink
        x = words.x - (ink.right if words.align == "right" else ink.left)
        if words.bottom is not None:
            canvas.text(line, x, words.bottom - ink.bottom, colour)
        else:
            assert words.y is not None
            canvas.text(line, x, words.y + self._setter.rise(words.font, line.size, text), colour)

    def _set(self, words: Words, text: str, size: float) -> SetLine:
        line = self._setter.set(words.name, text, words.font, size)
        if words.group:
            line = line.parted(words.group, words.gap)
        if words.spread:
            if line.ink.right - line.ink.left > words.w:
                raise TextTooLongError(words.name)
            line = line.spread_to(words.w)
        return line


def _frame(canvas: Canvas, box: Box) -> None:
    right, bottom = box.x + box.w, box.y + box.h
    canvas.outline([(box.x, box.y), (right, box.y), (right, bottom), (box.x, bottom)], _HAIRLINE, GREY)


def _corners(triangle: Triangle) -> list[tuple[float, float]]:
    bottom = triangle.y + triangle.h
    return [(triangle.x, triangle.y), (triangle.x + triangle.w, triangle.y + triangle.h / 2), (triangle.x, bottom)]
