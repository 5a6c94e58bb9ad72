"""Photos and faces of cards that are issued, by :mod:`services.face`, which needs the extra ``[face]``."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cardlib.errors import ItemError
from cardlib.issuance.order import CardOrder
from services.config import ConfigError
from services.errors import InvalidRequestError
from services.face.card_face import CardFace
from services.face.errors import FaceError, GlyphMissingError, PhotoError, TemplateError
from services.issuance.orders import Ordered
from sscard.v1 import issuance_pb2

if TYPE_CHECKING:
    from services.face.render import RenderedFace

_LAYOUT: Final = "F"
_TEXTS: Final = ("issuer_name", "bank_card_number")
_TABLE: Final = ("layout", "phones", *_TEXTS)
"""What a template's ``[face]`` may say; the rest is the service's face template."""


class Faces:
    """Draws faces by the face template in a file, None: by the layout that the card's template names.

    ``production``: refuse what only a proof may lack. Raises :class:`~services.config.ConfigError` for a template that
    cannot be used.
    """

    def __init__(self, template: Path | None, *, production: bool) -> None:
        self._production = production
        self._template = None
        if template is None:
            return
        from services.face.template import load_template  # noqa: PLC0415  an extra

        try:
            self._template = load_template(template)
        except TemplateError as error:
            raise ConfigError("; ".join(f"{template}: {mistake}" for mistake in error.mistakes)) from None

    def draw(self, ordered: Ordered, form: "issuance_pb2.FaceFormat.ValueType") -> tuple[bytes, str]:
        """The face of an order's card, and its media type; raises :class:`~services.face.errors.FaceError`."""
        told = _checked(ordered.face)
        face = CardFace.from_contents(
            ordered.order.profile,
            ordered.order.contents,
            photo=ordered.photo or None,
            bank_card_number=told.get("bank_card_number", ""),
            issuer_name=told.get("issuer_name", ""),
            phones=tuple(told.get("phones", ())),
            premade=ordered.order.premade,
        )
        rendered = self._rendered(face, told.get("layout", _LAYOUT))
        match form:
            case issuance_pb2.FACE_FORMAT_PDF:
                return rendered.pdf, "application/pdf"
            case issuance_pb2.FACE_FORMAT_PNG_FRONT:
                return rendered.front_png, "image/png"
            case _:
                return rendered.back_png, "image/png"

    def unprintable(self, order: CardOrder, face: Mapping[str, Any]) -> tuple[str, ...]:
        """Warnings of the characters of the holder's name that no font of the face has, by place and code point.

        None where no faces are drawn: without the extra, without fonts, for a layout that does not exist.
        """
        try:
            from services.face.fonts import Fonts  # noqa: PLC0415  an extra
            from services.face.template import layout  # noqa: PLC0415
        except ImportError:
            return ()
        name = order.contents.get("holder", {}).get("name")
        told: list[str] = []
        try:
            template = self._template or layout(_checked(face).get("layout", _LAYOUT))
            if template.back.information is None:
                return ()
            fonts, role = Fonts(template.fonts), template.back.information.font
            for at, character in enumerate(name if isinstance(name, str) else "", 1):
                try:
                    fonts.for_character(role, character, "name")
                except GlyphMissingError as error:
                    told.append(f"name: no font of the face has its character {at}, U+{error.code_point:04X}")
        except (FaceError, InvalidRequestError):
            # Who draws the face is told; a card can be made without one.
            return ()
        return tuple(told)

    def _rendered(self, face: CardFace, named: str) -> "RenderedFace":
        try:
            from services.face.render import render  # noqa: PLC0415  an extra
            from services.face.template import layout  # noqa: PLC0415
        except ImportError:
            raise FaceError("faces are drawn with the extra [face], which is not installed") from None
        return render(face, self._template or layout(named), production=self._production)


def _checked(face: Mapping[str, Any]) -> dict[str, Any]:
    """The template's ``[face]``; raises :class:`~services.errors.InvalidRequestError`."""
    for name, value in face.items():
        if name not in _TABLE:
            raise InvalidRequestError("order", f"the template's face has no {name!r}; there are {', '.join(_TABLE)}")
        is_text = isinstance(value, str)
        is_texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
        if not (is_texts if name == "phones" else is_text):
            kind = "a list of texts" if name == "phones" else "a text"
            raise InvalidRequestError("order", f"the template's face.{name} takes {kind}")
    return dict(face)


def fit(photo: bytes, room: int) -> bytes:
    """A photo as the card stores it: as it is, if it is one and fits, else made smaller.

    Raises :class:`~cardlib.errors.ItemError`, which joins what else is wrong with the record.
    """
    try:
        from services.face.photo import fit_for_card, read_photo  # noqa: PLC0415  an extra
    except ImportError:
        if len(photo) <= room:
            return photo
        raise ItemError("photo", "is made smaller with the extra [face], which is not installed") from None
    try:
        if len(photo) <= room:
            read_photo(photo)
            return photo
        return fit_for_card(photo, room)
    except PhotoError as error:
        raise ItemError("photo", str(error)) from None
