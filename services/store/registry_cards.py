"""Cards and what happens to them: rows of the registry, within a transaction."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from services.operations.journal import Operation
from services.registry.days import activation_deadline, day_of
from services.registry.errors import (
    BankActivationNotedError,
    CardNotOfPersonError,
    CardNotRegisteredError,
    CardStateError,
)
from services.registry.lifecycle import FINAL, CardEvent, CardState, after
from services.registry.model import Activation, ActivationWay, BankActivation, RegisteredCard
from services.registry.scope import require_card_of
from services.store.registry_people import Rows, lift_restriction, new_id, person_of, require_medical_card_of
from services.store.schema import activation, bank_activation, card, card_event, certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens to a card, with what goes with it; see :meth:`services.registry.model.Registry.change`."""

    event: CardEvent
    reason: str = ""
    outlet: str = ""
    received: date | None = None
    replacement_id: str = ""
    only_of: str = ""


def put_card(rows: Rows, person_id: str, identifier: str, number: str, issued: datetime) -> RegisteredCard:
    """A card as issued; raises PersonNotRegisteredError, CardNotOfPersonError."""
    person_of(rows, person_id)
    row = rows.one(card, _has_identifier(rows, identifier))
    if row is not None:
        if row.person_id != person_id:
            raise CardNotOfPersonError
        return registered(rows, row)
    new = new_id()
    sealed = rows.sealed(card, new, card_identifier=identifier, card_number=number)
    rows.connection.execute(
        sa.insert(card).values(id=new, person_id=person_id, state=CardState.ISSUED, outlet="", issued=issued, **sealed)
    )
    return card_of(rows, new)


def card_of(rows: Rows, card_id: str) -> RegisteredCard:
    """By the registry's name; raises CardNotRegisteredError."""
    return registered(rows, _row(rows, card.c.id == card_id))


def card_by_identifier(rows: Rows, identifier: str) -> RegisteredCard:
    """By 卡的识别码; raises CardNotRegisteredError."""
    return registered(rows, _row(rows, _has_identifier(rows, identifier)))


def card_by_number(rows: Rows, number: str) -> RegisteredCard:
    """By 卡号, which is unique within a region only; raises CardNotRegisteredError."""
    same = rows.is_indexed(card.c.card_number, card.c.card_number_index, number)
    found = rows.connection.execute(sa.select(card).where(same).limit(2)).all()
    if len(found) > 1:
        raise CardNotRegisteredError("several cards have this number: name the card by its identifier")
    if not found:
        raise CardNotRegisteredError
    return registered(rows, found[0])


def made_day(rows: Rows, identifier: str) -> date | None:
    """The day of a card's first certificate; None where it has none in this database."""
    first = sa.select(sa.func.min(certificate.c.made)).where(certificate.c.card_identifier == identifier.lower())
    made: datetime | None = rows.connection.execute(first).scalar()
    return None if made is None else day_of(made)


def cards_of(rows: Rows, person_id: str) -> tuple[RegisteredCard, ...]:
    """A person's cards, the newest first."""
    wanted = sa.select(card).where(card.c.person_id == person_id).order_by(card.c.issued.desc(), card.c.id)
    return tuple(registered(rows, row) for row in rows.connection.execute(wanted))


def change_card(rows: Rows, card_id: str, change: Change, operation: Operation, now: datetime) -> RegisteredCard:
    """Something happens to a card.

    Raises CardStateError, CardNotRegisteredError, CardNotOfPersonError, CardAtOtherOutletError, InstitutionKindError.

    Where no card is left that could be activated, nothing could lift a restriction any more: it is lifted here.
    """
    if change.event is CardEvent.ACTIVATE:
        raise ValueError("an activation is put down with the card: activate_card()")
    row = _row(rows, card.c.id == card_id)
    if change.only_of:
        require_card_of(change.only_of, row.outlet, change.event)
    if change.event is CardEvent.REPLACE:
        _require_replacement(rows, row, change.replacement_id)
    values: dict[str, Any] = {"outlet": change.outlet} if change.outlet else {}
    if change.event is CardEvent.DELIVER:
        received = change.received or day_of(now)
        values |= {"received": received, "deadline": activation_deadline(received)}
    state = _happened(rows, row, change, values, operation, now)
    if state in FINAL and not _has_card_left(rows, row.person_id):
        lift_restriction(rows, row.person_id, day_of(now))
    return card_of(rows, card_id)


def activate_card(rows: Rows, made: Activation, operation: Operation, now: datetime) -> RegisteredCard:
    """A card is activated, at once with all that follows; raises CardStateError, CardNotRegisteredError.

    MedicalCardNotRegisteredError and CardNotOfPersonError where the original medical card is not the holder's.
    """
    row = _row(rows, card.c.id == made.card_id)
    if made.medical_card_id:
        require_medical_card_of(rows, made.medical_card_id, row.person_id)
    change = Change(event=CardEvent.ACTIVATE, reason=made.way)
    _happened(rows, row, change, {"activated": made.time}, operation, now)
    rows.connection.execute(
        sa.insert(activation).values(
            card_id=made.card_id,
            way=made.way,
            institution=made.institution,
            station=made.station,
            operator=made.operator,
            time=made.time,
            medical_card_id=made.medical_card_id or None,
            pin_changed=made.pin_changed,
        )
    )
    lift_restriction(rows, row.person_id, day_of(made.time))
    return card_of(rows, made.card_id)


def activation_of(rows: Rows, card_id: str) -> Activation | None:
    """The activation of a card."""
    row = rows.one(activation, activation.c.card_id == card_id)
    if row is None:
        return None
    return Activation(
        card_id=row.card_id,
        way=ActivationWay(row.way),
        institution=row.institution,
        station=row.station,
        operator=row.operator,
        time=row.time,
        medical_card_id=row.medical_card_id or "",
        pin_changed=row.pin_changed,
    )


def note_bank_activation(rows: Rows, noted: BankActivation) -> None:
    """What a bank says, unless it has said so before; raises CardNotRegisteredError, BankActivationNotedError."""
    _row(rows, card.c.id == noted.card_id)
    known = bank_activation_of(rows, noted.card_id)
    if known is None:
        values = {"card_id": noted.card_id, "institution": noted.institution, "time": noted.time}
        rows.connection.execute(sa.insert(bank_activation).values(**values))
    elif known != noted:
        raise BankActivationNotedError


def bank_activation_of(rows: Rows, card_id: str) -> BankActivation | None:
    """What a bank has said."""
    row = rows.one(bank_activation, bank_activation.c.card_id == card_id)
    return row and BankActivation(card_id=row.card_id, institution=row.institution, time=row.time)


def registered(rows: Rows, row: sa.Row[Any]) -> RegisteredCard:
    """A row of cards, opened."""
    return RegisteredCard(
        id=row.id,
        person_id=row.person_id,
        state=CardState(row.state),
        outlet=row.outlet,
        issued=row.issued,
        received=row.received,
        deadline=row.deadline,
        activated=row.activated,
        **rows.opened(card, row),
    )


def _happened(  # noqa: PLR0913, PLR0917
    rows: Rows, row: sa.Row[Any], change: Change, values: dict[str, Any], operation: Operation, now: datetime
) -> CardState:
    """The event put down, and the card changed by it; its new state."""
    before = CardState(row.state)
    state = after(before, change.event, activated=row.activated is not None)
    rows.connection.execute(sa.update(card).where(card.c.id == row.id).values(state=state, **values))
    last = sa.select(sa.func.max(card_event.c.sequence)).where(card_event.c.card_id == row.id)
    rows.connection.execute(
        sa.insert(card_event).values(
            card_id=row.id,
            sequence=(rows.connection.execute(last).scalar() or 0) + 1,
            event=change.event,
            before=before,
            after=state,
            reason=change.reason,
            outlet=change.outlet,
            replacement_id=change.replacement_id or None,
            institution=operation.institution,
            request_id=operation.request_id,
            time=now,
        )
    )
    return state


def _require_replacement(rows: Rows, row: sa.Row[Any], replacement_id: str) -> None:
    """Whether another card of the same person can take this one's place."""
    other = _row(rows, card.c.id == replacement_id)
    if other.person_id != row.person_id:
        raise CardNotOfPersonError("the card that is to take its place")
    if other.id == row.id or other.state in FINAL:
        raise CardStateError(other.state, CardEvent.REPLACE)


def _has_card_left(rows: Rows, person_id: str) -> bool:
    left = sa.select(card.c.id).where(card.c.person_id == person_id, card.c.state.not_in(FINAL)).limit(1)
    return rows.connection.execute(left).first() is not None


def _has_identifier(rows: Rows, identifier: str) -> sa.ColumnElement[bool]:
    return rows.is_indexed(card.c.card_identifier, card.c.card_identifier_index, identifier)


def _row(rows: Rows, where: sa.ColumnElement[bool]) -> sa.Row[Any]:
    row = rows.one(card, where)
    if row is None:
        raise CardNotRegisteredError
    return row
