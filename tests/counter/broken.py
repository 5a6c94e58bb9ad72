"""A database that fails where a test says."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from services.store.engine import database_url

_BROKEN = {
    "sqlite": ("CREATE TRIGGER broken BEFORE INSERT ON {} BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END",),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''disk I/O error''; END'",
        "CREATE TRIGGER aaa_broken BEFORE INSERT ON {} EXECUTE FUNCTION broken()",
    ),
}
_WHOLE = {"sqlite": "DROP TRIGGER broken", "postgresql": "DROP TRIGGER aaa_broken ON {}"}


@contextmanager
def failing(database: str, table: str) -> Iterator[None]:
    """The database refuses to add rows to this table meanwhile."""
    engine = sa.create_engine(database_url(database))
    with engine.begin() as connection:
        for statement in _BROKEN[engine.dialect.name]:
            connection.exec_driver_sql(statement.format(table))
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(_WHOLE[engine.dialect.name].format(table))
        engine.dispose()
