"""People, their original medical cards and institutions: rows of the registry, within a transaction."""

import uuid
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.registry.errors import CardNotOfPersonError, MedicalCardNotRegisteredError, PersonNotRegisteredError
from services.registry.model import Institution, InstitutionKind, MedicalCard, MedicalCardState, Person, PersonData
from services.registry.scope import require_same_identity
from services.store.personal import Personal
from services.store.schema import institution, medical_card, person


@dataclass(frozen=True, slots=True)
class Rows:
    """A transaction, and what opens the personal values in it."""

    connection: sa.Connection
    personal: Personal

    def one(self, table: sa.Table, where: sa.ColumnElement[bool]) -> sa.Row[Any] | None:
        """The only row of a table for which something is so, None where there is none."""
        return self.connection.execute(sa.select(table).where(where)).one_or_none()

    def opened(self, table: sa.Table, row: sa.Row[Any]) -> dict[str, str]:
        """The personal values of a row."""
        return self.personal.open(self.connection, table, row)

    def sealed(self, table: sa.Table, row_id: str, **values: str) -> dict[str, bytes | int]:
        """What is written of the personal values of a row."""
        return self.personal.seal(self.connection, table, row_id, values)

    def is_indexed(self, column: sa.Column[Any], index: sa.Column[Any], value: str) -> sa.ColumnElement[bool]:
        """Whether a sealed column holds a value."""
        return index == self.personal.index(column, value)


def new_id() -> str:
    """A name for a row that says nothing about anybody: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def put_institution(rows: Rows, code: str, name: str, kind: InstitutionKind) -> None:
    """An institution, or what is new about it."""
    values = {"name": name, "kind": kind}
    changed = rows.connection.execute(sa.update(institution).where(institution.c.code == code).values(**values))
    if changed.rowcount == 0:
        rows.connection.execute(sa.insert(institution).values(code=code, **values))


def institution_of(rows: Rows, code: str) -> Institution | None:
    """An institution; None where there is none with this code."""
    row = rows.one(institution, institution.c.code == code)
    return row and Institution(code=row.code, name=row.name, kind=InstitutionKind(row.kind))


def put_person(rows: Rows, data: PersonData, *, corrects: bool) -> Person:
    """A person, or what is new about one; "" keeps what is known.

    Without ``corrects`` InstitutionKindError where documents would be compared with something else afterwards.
    """
    given = asdict(data)
    row = rows.one(person, _has_number(rows, data.social_security_number))
    if row is None:
        identifier = new_id()
        rows.connection.execute(sa.insert(person).values(id=identifier, **rows.sealed(person, identifier, **given)))
        return Person(id=identifier, data=data)
    known = rows.opened(person, row)
    merged = {name: given[name] or known[name] for name in known}
    if not corrects:
        require_same_identity(known, merged)
    if merged != known:
        sealed = rows.sealed(person, row.id, **merged)
        rows.connection.execute(sa.update(person).where(person.c.id == row.id).values(**sealed))
    return Person(id=row.id, data=PersonData(**merged))


def person_of(rows: Rows, person_id: str) -> Person:
    """By the registry's name; raises PersonNotRegisteredError."""
    return _person(rows, rows.one(person, person.c.id == person_id))


def person_by_number(rows: Rows, number: str) -> Person:
    """By the social security number; raises PersonNotRegisteredError."""
    return _person(rows, rows.one(person, _has_number(rows, number)))


def people(rows: Rows, identifiers: set[str]) -> dict[str, Person]:
    """Several people, by their names."""
    found = rows.connection.execute(sa.select(person).where(person.c.id.in_(identifiers)))
    return {row.id: _person(rows, row) for row in found}


def put_medical_card(rows: Rows, person_id: str, number: str, today: date) -> MedicalCard:
    """An original medical card; raises PersonNotRegisteredError, CardNotOfPersonError."""
    person_of(rows, person_id)
    row = rows.one(medical_card, _has_medical_number(rows, number))
    if row is not None:
        if row.person_id != person_id:
            raise CardNotOfPersonError("the original medical card")
        return _medical_card(rows, row)
    made = MedicalCard(id=new_id(), number=number, person_id=person_id, state=MedicalCardState.VALID, state_since=today)
    rows.connection.execute(
        sa.insert(medical_card).values(
            id=made.id,
            person_id=person_id,
            state=made.state,
            state_since=today,
            **rows.sealed(medical_card, made.id, number=number),
        )
    )
    return made


def medical_cards_of(rows: Rows, person_id: str) -> tuple[MedicalCard, ...]:
    """A person's original medical cards, in an order that stays."""
    wanted = sa.select(medical_card).where(medical_card.c.person_id == person_id).order_by(medical_card.c.id)
    return tuple(_medical_card(rows, row) for row in rows.connection.execute(wanted))


def medical_card_by_number(rows: Rows, number: str) -> MedicalCard:
    """Raises MedicalCardNotRegisteredError."""
    row = rows.one(medical_card, _has_medical_number(rows, number))
    if row is None:
        raise MedicalCardNotRegisteredError
    return _medical_card(rows, row)


def require_medical_card_of(rows: Rows, medical_card_id: str, person_id: str) -> None:
    """Whether an original medical card is this person's; raises the error that says what else it is."""
    row = rows.one(medical_card, medical_card.c.id == medical_card_id)
    if row is None:
        raise MedicalCardNotRegisteredError
    if row.person_id != person_id:
        raise CardNotOfPersonError("the original medical card")


def lift_restriction(rows: Rows, person_id: str, today: date) -> None:
    """A person's original medical cards may be used again."""
    restricted = (medical_card.c.person_id == person_id) & (medical_card.c.state == MedicalCardState.RESTRICTED)
    values = {"state": MedicalCardState.VALID, "state_since": today}
    rows.connection.execute(sa.update(medical_card).where(restricted).values(**values))


def _has_number(rows: Rows, number: str) -> sa.ColumnElement[bool]:
    return rows.is_indexed(person.c.social_security_number, person.c.social_security_number_index, number)


def _has_medical_number(rows: Rows, number: str) -> sa.ColumnElement[bool]:
    return rows.is_indexed(medical_card.c.number, medical_card.c.number_index, number)


def _person(rows: Rows, row: sa.Row[Any] | None) -> Person:
    if row is None:
        raise PersonNotRegisteredError
    return Person(id=row.id, data=PersonData(**rows.opened(person, row)))


def _medical_card(rows: Rows, row: sa.Row[Any]) -> MedicalCard:
    return MedicalCard(
        id=row.id,
        person_id=row.person_id,
        state=MedicalCardState(row.state),
        state_since=row.state_since,
        **rows.opened(medical_card, row),
    )
