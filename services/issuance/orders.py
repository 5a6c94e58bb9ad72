"""What a caller orders, from its message: the template it means, filled with its person's data."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cardlib.errors import ItemError
from cardlib.issuance.attachments import Attachments
from cardlib.issuance.checker import Checked, check
from cardlib.issuance.faults import Fault, OrderFaultsError
from cardlib.issuance.filling import BASE64
from cardlib.issuance.order import CardOrder
from cardlib.issuance.record import WHOLE, PersonRecord, parse_json
from cardlib.issuance.template import Template, parse
from cardlib.regional import RegionalProfiles
from services.config import ConfigError
from services.errors import InvalidRequestError
from sscard.v1 import issuance_pb2

MAX_TEXT: Final = 1 << 18
"""Bytes of a template, and of a person's record."""
MAX_PHOTO: Final = 1 << 20
"""Bytes of a photo."""
SMALLER: Final = "save it smaller; 358 x 441 pixels are enough"
"""What to do with a photo of more bytes [S1 annex A]."""
PHOTO: Final = "photo"
"""Name of the placeholder, and of the field of the message, that hold the photo."""
_SENT: Final = "sent"
"""Name of the version of a template whose text came with the call."""

Fit = Callable[[bytes, int], bytes]
"""Makes of a photo what the card's file holds, whose bytes are given."""
Unprintable = Callable[[CardOrder, Mapping[str, Any]], tuple[str, ...]]
"""What the face of an order's card, by the template's ``[face]``, has no glyph for: sentences, nobody's data."""


def _all_printable(_order: CardOrder, _face: Mapping[str, Any]) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ordered:
    """An order without faults; its ``repr`` shows nothing.

    ``template``, ``template_version``: which template it was made from.
    ``face``: the template's ``[face]``. ``photo``: as the caller sent it. ``warnings``: what somebody should look at.
    """

    order: CardOrder
    template: str
    template_version: str
    face: Mapping[str, Any]
    photo: bytes
    warnings: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<Ordered by the template {self.template}>"


@dataclass(frozen=True, slots=True)
class _Known:
    template: Template
    version: str


class Templates:
    """The templates of this service by name, and what makes orders with them.

    ``files``: the templates; the name of one is its file's, without the ending. ``fit``: checks photos and makes them
    small enough, None: they are taken as they are. ``unprintable``: what to warn of before a chip is touched. Raises
    :class:`~services.config.ConfigError` with everything that is wrong.
    """

    def __init__(
        self,
        files: Iterable[Path],
        regional: RegionalProfiles,
        *,
        fit: Fit | None = None,
        unprintable: Unprintable = _all_printable,
        today: Callable[[], dt.date] = dt.date.today,
    ) -> None:
        self._regional = regional
        self._fit = fit
        self._unprintable = unprintable
        self._today = today
        self._known: dict[str, _Known] = {}
        faults: list[str] = []
        for file in files:
            faults += self._load(file)
        if faults:
            raise ConfigError("; ".join(faults))

    def read(self, message: issuance_pb2.CardOrder, *, for_face: bool = False) -> Ordered:
        """The order that a message means.

        ``for_face``: it is to be printed only; then a photo may be sent that the card does not take. Raises
        :class:`~services.errors.InvalidRequestError`, and :class:`~cardlib.issuance.faults.OrderFaultsError` with
        everything that is wrong with template and person.
        """
        name, known = self._template(message)
        if len(message.photo) > MAX_PHOTO:
            raise InvalidRequestError("order.photo", f"has more than {MAX_PHOTO} bytes: {SMALLER}")
        record = _with_photo(_record(message), message.photo, known.template, for_face=for_face)
        checked = check(known.template, [record], self._attachment(message.photo, record), self._today())
        (card,) = checked.ok()
        return Ordered(
            order=card.order,
            template=name,
            template_version=known.version,
            face=card.face,
            photo=message.photo,
            warnings=(*map(str, checked.warnings), *self._unprintable(card.order, card.face)),
        )

    def check(self, message: issuance_pb2.CardOrder, records: Iterable[PersonRecord], photos: Attachments) -> Checked:
        """All records of a batch with the template of a message, whose person is not looked at.

        Raises :class:`~services.errors.InvalidRequestError`, and OrderFaultsError for the template's faults.
        """
        _, known = self._template(message)

        def fitted(name: str, room: int) -> bytes:
            photo = photos(name, room)
            return photo if self._fit is None else self._fit(photo, room)

        checked = check(known.template, records, fitted, self._today())
        glyphs = (
            Fault(card.place, warning) for card in checked.cards for warning in self._unprintable(card.order, card.face)
        )
        return replace(checked, warnings=(*checked.warnings, *glyphs))

    def _load(self, file: Path) -> list[str]:
        """What is wrong with the template in a file."""
        if file.stem in self._known:
            return [f"{file}: there is another template {file.stem}"]
        try:
            self._known[file.stem] = self._parsed(file.read_text(encoding="utf-8"))
        except OSError as error:
            return [f"{file}: cannot be read: {error.strerror}"]
        except UnicodeDecodeError:
            return [f"{file}: is no UTF-8"]
        except OrderFaultsError as error:
            return [f"{file}: {mistake}" for mistake in error.mistakes]
        return []

    def _parsed(self, text: str) -> _Known:
        return _Known(parse(text, regional=self._regional), sha256(text.encode()).hexdigest()[:16])

    def _template(self, message: issuance_pb2.CardOrder) -> tuple[str, _Known]:
        if message.WhichOneof("template_source") == "template_text":
            if len(message.template_text.encode()) > MAX_TEXT:
                raise InvalidRequestError("order.template_text", f"has more than {MAX_TEXT} bytes")
            return _SENT, self._parsed(message.template_text)
        name = message.template
        if not name and len(self._known) == 1:
            (name,) = self._known
        known = self._known.get(name)
        if known is None:
            there = ", ".join(self._known) or "none: the service's setting `templates` names them"
            raise InvalidRequestError("order.template", f"is not one of this service's; there are {there}")
        return name, known

    def _attachment(self, photo: bytes, record: PersonRecord) -> Callable[[str, int], bytes]:
        """The photo, under whatever name the record has for it; nothing of this machine's files."""

        def attachment(name: str, room: int) -> bytes:
            if not photo or record.values.get(PHOTO) != name:
                raise ItemError("file", "was not sent with the request")
            return photo if self._fit is None else self._fit(photo, room)

        return attachment


def _record(message: issuance_pb2.CardOrder) -> PersonRecord:
    if message.person_json and message.person:
        raise InvalidRequestError("order.person_json", "takes the place of person: send one of both")
    if len(message.person_json) > MAX_TEXT:
        raise InvalidRequestError("order.person_json", f"has more than {MAX_TEXT} bytes")
    if message.person_json:
        return parse_json(message.person_json)
    return PersonRecord(WHOLE, MappingProxyType(dict(message.person)))


def _with_photo(record: PersonRecord, photo: bytes, template: Template, *, for_face: bool) -> PersonRecord:
    """The record, with a name for the photo that was sent where it has none; one that nothing would take is a fault."""
    if not photo:
        return record
    named = record.values.get(PHOTO)
    if PHOTO not in template.uses:
        fault = Fault(PHOTO, "was sent, and the template has no place for a photo, ${photo?}", "模板中没有照片")
    elif isinstance(named, str) and named.strip().startswith(BASE64):
        fault = Fault(PHOTO, "was sent, and the record holds another one: leave one of them out", "照片重复提供")
    elif named is None or (isinstance(named, str) and not named.strip()):
        return PersonRecord(record.place, {**record.values, PHOTO: PHOTO}, record.columns, record.faults)
    else:
        return record
    return record if for_face else PersonRecord(record.place, record.values, record.columns, (*record.faults, fault))
