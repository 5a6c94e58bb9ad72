"""Invented people, in tables by themselves: what is stored, and where it must not be seen."""

import secrets

import sqlalchemy as sa

from services.store.personal import Personal
from services.store.schema import person
from services.store.transactions import in_transaction

PERSON = {
    "social_security_number": "99000019900101001X",
    "name": "欧阳䶮·买买提",
    "birth_date": "19900101",
    "sex": "9",
    "phone": "+86 990 5550 0199",
    "document_number": "G9900-CANARY",
}


def numbered(number: int) -> dict[str, str]:
    """A person of this number."""
    return PERSON | {"social_security_number": f"9900001990010{number:05}", "name": f"Canary-{number}"}


def put(engine: sa.Engine, personal: Personal, values: dict[str, str]) -> str:
    """Enter a person; the row's id."""
    identifier = secrets.token_hex(16)

    def work(connection: sa.Connection) -> None:
        sealed = personal.seal(connection, person, identifier, values)
        connection.execute(sa.insert(person).values(id=identifier, **sealed))

    in_transaction(engine, work)
    return identifier


def read(engine: sa.Engine, personal: Personal, identifier: str) -> dict[str, str]:
    """The person of this row."""

    def work(connection: sa.Connection) -> dict[str, str]:
        row = connection.execute(sa.select(person).where(person.c.id == identifier)).one()
        return personal.open(connection, person, row)

    return in_transaction(engine, work)


def change(engine: sa.Engine, identifier: str, **values: object) -> None:
    """Change columns behind the store's back."""
    with engine.begin() as connection:
        connection.execute(sa.update(person).where(person.c.id == identifier).values(**values))


def columns(engine: sa.Engine, identifier: str) -> dict[str, object]:
    """What stands in the row."""
    with engine.begin() as connection:
        return dict(connection.execute(sa.select(person).where(person.c.id == identifier)).one()._mapping)
