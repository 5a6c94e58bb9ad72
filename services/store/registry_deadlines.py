"""The half year in which cards have to be activated, over all cards of the registry, within a transaction."""

from datetime import date, timedelta
from typing import Any, Final

import sqlalchemy as sa

from services.registry.lifecycle import CardState
from services.registry.model import MedicalCardState, Reminder
from services.store.registry_cards import registered
from services.store.registry_people import Rows, people
from services.store.schema import card, medical_card

PIECE: Final = 100
"""Reminders that are read at once."""

_WAITING: Final = card.c.state == CardState.DELIVERED


def reminders_after(rows: Rows, today: date, days: int, outlet: str, last: Reminder | None) -> tuple[Reminder, ...]:
    """The next :data:`PIECE` reminders behind ``last``, the most urgent first."""
    restricted = sa.exists().where(
        medical_card.c.person_id == card.c.person_id, medical_card.c.state == MedicalCardState.RESTRICTED
    )
    wanted = sa.select(card, restricted.label("restricted")).where(
        _WAITING, card.c.deadline <= today + timedelta(days=days)
    )
    if outlet:
        wanted = wanted.where(card.c.outlet == outlet)
    if last is not None:
        deadline = last.card.deadline
        behind = (card.c.deadline == deadline) & (card.c.id > last.card.id)
        wanted = wanted.where((card.c.deadline > deadline) | behind)
    found = rows.connection.execute(wanted.order_by(card.c.deadline, card.c.id).limit(PIECE)).all()
    holders = people(rows, {row.person_id for row in found})
    return tuple(
        Reminder(
            card=registered(rows, row),
            person=holders[row.person_id],
            days_left=(row.deadline - today).days,
            medical_card_restricted=row.restricted,
        )
        for row in found
    )


def restrict_overdue(rows: Rows, today: date) -> tuple[int, int]:
    """Restrict the original medical cards of who has an overdue card and no activated one; (overdue, restricted).

    What was restricted on a day that is long in coming, was so by a clock that was wrong: it is lifted first. A day
    more is another process, for which it is tomorrow already.
    """
    to_come = medical_card.c.state_since > today + timedelta(days=1)
    restricted_later = (medical_card.c.state == MedicalCardState.RESTRICTED) & to_come
    lifted = {"state": MedicalCardState.VALID, "state_since": today}
    rows.connection.execute(sa.update(medical_card).where(restricted_later).values(**lifted))
    overdue = _WAITING & (card.c.deadline < today)
    count = rows.connection.execute(sa.select(sa.func.count()).select_from(card).where(overdue)).scalar_one()
    late = medical_card.c.person_id.in_(_holders(overdue))
    served = medical_card.c.person_id.in_(_holders(card.c.state == CardState.ACTIVATED))
    valid = medical_card.c.state == MedicalCardState.VALID
    restricted = rows.connection.execute(
        sa.update(medical_card)
        .where(valid, late, sa.not_(served))
        .values(state=MedicalCardState.RESTRICTED, state_since=today)
    )
    return count, restricted.rowcount


def _holders(where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(card.c.person_id).where(where)
