"""Opening the database: how it is reached, and brought to the newest tables."""

import errno
import os
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import command, config
from alembic.util import CommandError
from sqlalchemy.exc import OperationalError, SQLAlchemyError

BUSY: Final = 10_000
"""Milliseconds that a transaction waits for that of another process, in SQLite."""

_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",  # a row that is replaced is removed as well, for triggers that watch over it
    f"busy_timeout={BUSY}",
)
_MIGRATING: Final = 0x53534341
"""Number of PostgreSQL's advisory lock while tables are made: any that nobody else uses."""
_PASSING: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.ETIMEDOUT, errno.EIO})
"""Errors of a file system that is full, or away."""


class StoreError(Exception):
    """The database cannot be used; the message says why, in a sentence."""


class StoreAwayError(StoreError):
    """The database cannot be used now: it is away, locked or full (数据库暂时不可用)."""


def open_engine(where: str) -> sa.Engine:
    """The database at ``where``, a path (SQLite) or a URL as SQLAlchemy has them, with the newest tables.

    A file that is not there is made, readable by nobody else. Two processes may open it at once. Raises
    :class:`StoreError`.
    """
    url = database_url(where)
    shown = url.render_as_string(hide_password=True)
    engine: sa.Engine | None = None
    try:
        if url.get_backend_name() == "sqlite" and url.database:
            _make_private(Path(url.database))
        # No error and no log of the library quotes what was to be written.
        engine = sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
        if engine.dialect.name == "sqlite":
            _serious_sqlite(engine)
        _migrate(engine)
    except BaseException as error:
        if engine is not None:
            engine.dispose()
        if isinstance(error, CommandError):
            raise StoreError(f"the database {shown} was made by a newer version of this software: update it") from None
        if isinstance(error, (OSError, SQLAlchemyError, ImportError)):
            raise not_opened(url, error) from None
        raise
    return engine


def not_opened(url: sa.URL, error: Exception) -> StoreError:
    """What an error on the way to a database means: whether it is away for a moment, or something is to be changed."""
    why = error.strerror if isinstance(error, OSError) else _first_line(error)
    # What drivers call operational: no connection, a lock, no room. A file that is no database is something else.
    passes = isinstance(error, OperationalError) or (isinstance(error, OSError) and error.errno in _PASSING)
    kind = StoreAwayError if passes else StoreError
    return kind(f"the database {url.render_as_string(hide_password=True)} cannot be opened: {why}")


def database_url(where: str) -> sa.URL:
    """The URL of a path (SQLite) or of a URL as it is written; raises :class:`StoreError`."""
    if "://" not in where:
        return sa.URL.create("sqlite", database=str(Path(where).absolute()))
    try:
        return sa.make_url(where)
    except sa.exc.ArgumentError:
        raise StoreError("the database's URL cannot be read; it is such as sqlite:////var/lib/sscard/s.db") from None


def _make_private(path: Path) -> None:
    """SQLite would make the file for everybody to read; what it puts beside it gets the same rights."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _serious_sqlite(engine: sa.Engine) -> None:
    """What is committed is on the disk; transactions that write come one after the other, instead of failing."""

    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins no transactions by itself
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", begun)


def _migrate(engine: sa.Engine) -> None:
    settings = config.Config()
    settings.set_main_option("script_location", str(files("services.store") / "migrations"))
    settings.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # SQLite's transactions that write come one after the other; here another process waits until this one ends.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).partition("\n")[0]
