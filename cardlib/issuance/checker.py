"""Orders from a template and persons' records (制卡数据检查): all that is wrong is told at once, no card is touched."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from apdu.secret import Secret
from cardlib.issuance.attachments import Attachments
from cardlib.issuance.buildable import building_faults, memory_of, shape_of
from cardlib.issuance.faults import Fault, OrderFaultsError
from cardlib.issuance.filling import Filling, RecordSource, names_faults
from cardlib.issuance.order import CardOrder, records_of
from cardlib.issuance.person import PIN_PADS, findings
from cardlib.issuance.placeholders import Placeholder, pieces, placeholder_in
from cardlib.issuance.record import WHOLE, PersonRecord
from cardlib.issuance.template import HISTORICAL_PLACE, PIN_PLACE, Template
from cardlib.written.entries import historical_bytes, packed_pin, pin_digits

_UNIQUE: Final = (
    ("holder", "social_security_number"),
    ("issuer", "card_number"),
    ("issuer", "card_identifier"),
)
"""Items of which no two cards of a batch have the same value."""


@dataclass(frozen=True, slots=True, repr=False)
class PreparedCard:
    """An order without faults, and which record it is from; ``face``: the template's ``[face]``."""

    place: str
    order: CardOrder
    face: Mapping[str, Any]

    @property
    def premade(self) -> bool:
        """Whether the card is made already; what belongs to chip, keys and PIN means nothing in the order then."""
        return self.order.premade

    def __repr__(self) -> str:
        return f"<PreparedCard: {self.place}>"


@dataclass(frozen=True, slots=True, repr=False)
class CheckedRecord:
    """What one record comes to: a card, or faults; and what is to be looked at in either case."""

    card: PreparedCard | None
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]

    def __repr__(self) -> str:
        return f"<CheckedRecord: {self.card}, {len(self.faults)} faults, {len(self.warnings)} warnings>"


@dataclass(frozen=True, slots=True, repr=False)
class Checked:
    """What a batch comes to. ``memory``: bytes that the largest card takes on its chip, about; 0 if nothing is built.

    Faults of some records do not keep the cards of others from being here; :meth:`ok` does.
    """

    cards: tuple[PreparedCard, ...]
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    memory: int

    def ok(self) -> tuple[PreparedCard, ...]:
        """The cards of all records; raises :class:`~cardlib.issuance.faults.OrderFaultsError` if any has a fault."""
        if self.faults:
            raise OrderFaultsError(self.faults)
        return self.cards

    def __repr__(self) -> str:
        return f"<Checked: {len(self.cards)} cards, {len(self.faults)} faults, {len(self.warnings)} warnings>"


def check(
    template: Template,
    records: Iterable[PersonRecord] = (PersonRecord(WHOLE, MappingProxyType({})),),
    attachments: Attachments | None = None,
    today: date | None = None,
) -> Checked:
    """All records of a batch; without records, one card without a person's data.

    A file of records that breaks off is a fault as others are. Whoever has so many that they should not all be held at
    once uses a :class:`Checker`.
    """
    checker = Checker(template, attachments, today)
    cards: list[PreparedCard] = []
    faults: list[Fault] = []
    warnings = list(template.warnings)
    try:
        for record in records:
            one = checker.check(record)
            cards += [one.card] if one.card else []
            faults += one.faults
            warnings += one.warnings
    except OrderFaultsError as error:
        faults += error.faults
    # What is wrong with a header or a layout is wrong with every row.
    return Checked(tuple(cards), tuple(dict.fromkeys(faults)), tuple(dict.fromkeys(warnings)), checker.memory)


class Checker:
    """Checks records of one template one after the other, and that no two are about the same person or card.

    ``attachments``: where files come from that records name, None: nowhere. ``today``: None: dates are not compared
    with it. ``memory``: bytes of the largest card so far.
    """

    def __init__(self, template: Template, attachments: Attachments | None = None, today: date | None = None) -> None:
        self.memory = 0
        self._template = template
        self._attachments = attachments
        self._today = today
        self._seen: dict[tuple[str, object], str] = {}
        self._shapes: dict[tuple[object, ...], tuple[tuple[str, ...], int]] = {}
        known = {name: values for name, values in template.fixed.items() if name not in template.awaited}
        self._fixed_records = {} if template.premade else dict(records_of(template.profile, known))

    def check(self, record: PersonRecord) -> CheckedRecord:
        """One record; raises nothing that has to do with what stands in it."""
        faults: list[Fault] = [*record.faults, *names_faults(self._template.uses, record)]
        warnings: list[Fault] = []
        source = RecordSource(record, self._attachments, faults)
        filling = Filling(self._template, record, source, faults)
        document = self._template.document
        for found in findings(filling.contents, document.region, document.checks, self._today):
            told = faults if found.is_error else warnings
            told.append(Fault(filling.place(found.file, found.item), found.message, found.message_zh))
        pin = self._pin(record, source, faults, warnings)
        order = CardOrder(
            profile=self._template.profile,
            algorithm=self._template.algorithm,
            chip=document.chip or "",
            region=document.region,
            contents=MappingProxyType(filling.contents),
            pin=pin,
            pin_tries=document.pin.tries,
            key_tries=document.keys.tries,
            key_versions=tuple(document.keys.versions),
            bank_combined=document.bank_combined,
            historical_bytes=self._historical_bytes(record, source, faults),
            identification_code=self._template.identification_code,
            transport_lot=document.keys.transport_lot,
            premade=document.premade,
        )
        faults += self._doubles(order, filling, record)
        if not faults:
            faults += self._building(order, filling.records, record)
        card = PreparedCard(record.place, order, self._template.face)
        return CheckedRecord(None if faults else card, _once(faults), _once(warnings))

    def _pin(self, record: PersonRecord, source: RecordSource, faults: list[Fault], warnings: list[Fault]) -> Secret:
        written = self._template.document.pin.value
        placeholder = placeholder_in(written)
        digits = source.text(placeholder) if placeholder else written
        place = record.place_of(placeholder.name) if placeholder else PIN_PLACE
        try:
            packed = packed_pin(pin_digits(digits))
        except ValueError as error:
            faults.append(Fault(place, str(error), "PIN应为4至16位数字"))
            return Secret(b"")
        if len(digits) > PIN_PADS:
            message = f"has more than {PIN_PADS} digits, which PIN pads need not take"
            warnings.append(Fault(place, message, f"PIN超过{PIN_PADS}位，密码键盘可能不支持"))
        return packed

    def _historical_bytes(self, record: PersonRecord, source: RecordSource, faults: list[Fault]) -> bytes | None:
        written = self._template.document.historical_bytes
        if written is None:
            return None
        found = list(pieces(written))
        text = "".join(source.text(piece) if isinstance(piece, Placeholder) else piece for piece in found)
        try:
            return historical_bytes(text)
        except ValueError as error:
            names = [piece.name for piece in found if isinstance(piece, Placeholder)]
            place = record.place_of(names[0]) if names else HISTORICAL_PLACE
            faults.append(Fault(place, f"together with the template: {error}", "历史字节应为26位十六进制数字"))
            return None

    def _doubles(self, order: CardOrder, filling: Filling, record: PersonRecord) -> list[Fault]:
        """What an earlier record has said too of what is unique to a card."""
        stated: list[tuple[str, object, str]] = [
            (item, order.contents[file][item], filling.place(file, item))
            for file, item in _UNIQUE
            if order.contents.get(file, {}).get(item) is not None
        ]
        if order.historical_bytes is not None:
            stated.append((HISTORICAL_PLACE, order.historical_bytes, f"{record.place}, {HISTORICAL_PLACE}"))
        found = []
        for item, value, place in stated:
            first = self._seen.get((item, value))
            if first is None:
                self._seen[item, value] = record.place
            else:
                found.append(Fault(place, f"the {item} is that of {first} too", f"与{first}重复"))
        return found

    def _building(self, order: CardOrder, records: Mapping[str, Sequence[bytes]], record: PersonRecord) -> list[Fault]:
        """What keeps the card from being built; worked out once for cards of one shape."""
        if self._template.premade:
            return []
        whole = {**self._fixed_records, **records}
        shape = shape_of(order, whole)
        if shape not in self._shapes:
            faults, plan = building_faults(order, whole)
            self._shapes[shape] = tuple(faults), memory_of(plan) if plan and not faults else 0
        faults_, memory = self._shapes[shape]
        self.memory = max(self.memory, memory)
        room = self._template.document.memory
        found = [Fault(record.place, fault) for fault in faults_]
        if room is not None and memory > room:
            found.append(
                Fault(record.place, f"the card takes about {memory} bytes, and the chip has {room}", "芯片空间不足")
            )
        return found


def _once(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(dict.fromkeys(faults))
