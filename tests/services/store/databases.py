"""What tests do to a database behind the store's back."""

import sqlalchemy as sa


def unguarded(connection: sa.Connection, table: str) -> None:
    """Take the triggers off a table, as somebody who owns the database can."""
    if connection.dialect.name == "sqlite":
        named = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
        for (trigger,) in connection.exec_driver_sql(named, (table,)).all():
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
    else:
        connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
