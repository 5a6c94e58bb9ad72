"""Transactions that wait for nobody's luck: those that met another one are done again."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from services.errors import JournalError
from services.store.engine import StoreError

R = TypeVar("R")

TRIES: Final = 12
"""How often a transaction is tried that meets others, before it is given up."""
_PAUSE: Final = 0.01
"""Seconds that the first repetition waits at most; each waits up to twice as long as the one before."""
_LONGEST: Final = 0.5
_MET_ANOTHER: Final = {"40001": TRIES, "40P01": TRIES, "23505": 3}
"""How often a transaction is tried, by its SQLSTATE in PostgreSQL.

Serialization failure; deadlock; and a row of the same key, which another transaction may have added just now: the next
try sees it.
"""


def in_transaction(engine: sa.Engine, work: Callable[[sa.Connection], R]) -> R:
    """What ``work`` returns, with all that it did to the database on the disk; or nothing done where it raises.

    Transactions are as if they came one after the other: SQLite has them so, PostgreSQL as SERIALIZABLE, where one that
    met another is done again from its beginning; so ``work`` changes nothing but the database. What it raises goes on
    to the caller; raises :class:`~services.errors.JournalError` when the database fails, or what is in it cannot be
    used (:class:`~services.store.engine.StoreError`), without quoting any value.
    """
    try:
        return store_transaction(engine, work)
    except StoreError as error:
        raise JournalError(str(error)) from error


def store_transaction(engine: sa.Engine, work: Callable[[sa.Connection], R]) -> R:
    """As :func:`in_transaction`, but :class:`~services.store.engine.StoreError` stays what it is."""
    used = engine.execution_options(isolation_level="SERIALIZABLE") if engine.dialect.name == "postgresql" else engine
    tried = 0
    while True:
        tried += 1
        try:
            with used.begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            if tried >= _tries(error):
                raise JournalError(cause_of(error)) from None
        time.sleep(random.uniform(0, min(_PAUSE * 2**tried, _LONGEST)))  # noqa: S311  no secret


def cause_of(error: SQLAlchemyError) -> str:
    """What is the matter, in one line without what was to be written: SQLAlchemy's own texts quote that."""
    if not isinstance(error, DBAPIError):
        return type(error).__name__
    diagnosis = getattr(error.orig, "diag", None)  # of psycopg, whose whole text may quote a row
    told = getattr(diagnosis, "message_primary", None) or str(error.orig)
    return told.partition("\n")[0]


def _tries(error: SQLAlchemyError) -> int:
    return _MET_ANOTHER.get(getattr(error.orig, "sqlstate", None) or "", 1) if isinstance(error, DBAPIError) else 1
