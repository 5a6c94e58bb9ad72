"""Tables to which rows are added only: the database itself refuses to change or to remove one (只增不改)."""

from typing import Final

import sqlalchemy as sa

_FUNCTION: Final = "refuse_change"
_REFUSING: Final = (
    f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "RAISE EXCEPTION USING MESSAGE = 'rows of ' || TG_TABLE_NAME || ' are added and never changed'; END $$"
)


def make_append_only(connection: sa.Connection, table: str) -> None:
    """Have UPDATE, DELETE and TRUNCATE of a table fail from now on, whoever asks; for migrations.

    SQLite forgets it where a migration makes the table anew (Alembic's batches), and is then to be told again.
    """
    if connection.dialect.name == "postgresql":
        statements = _postgresql(table)
    elif connection.dialect.name == "sqlite":
        statements = _sqlite(table)
    else:
        raise ValueError(f"no triggers are known for {connection.dialect.name}")
    for statement in statements:
        connection.exec_driver_sql(statement)


def _postgresql(table: str) -> tuple[str, ...]:
    return (
        _REFUSING,
        f"CREATE TRIGGER {table}_rows BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {_FUNCTION}()",
        f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()",
    )


def _sqlite(table: str) -> tuple[str, ...]:
    refuse = f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are added and never changed'); END"
    return (
        f"CREATE TRIGGER {table}_update BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_delete BEFORE DELETE ON {table} {refuse}",
    )
