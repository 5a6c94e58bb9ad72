"""A new data key for the personal values in a database, under which all of them are sealed anew (密钥轮换).

Interrupted anywhere it is gone on with by the next call: as long as there is more than one data key, rows of older ones
are sealed anew, and then the older ones are removed. The database may be used meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import sqlalchemy as sa

from services.store.journal import utc_now
from services.store.personal import DATA, Personal, current_version, sealed_columns
from services.store.schema import data_key, metadata
from services.store.transactions import store_transaction

BATCH: Final = 200
"""Rows that are sealed anew in one transaction: others wait no longer than that takes."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """``version``: of the new data key. ``rows``: sealed anew by this call. ``resumed``: an earlier call began it."""

    version: int
    rows: int
    resumed: bool


def rotate(
    engine: sa.Engine,
    personal: Personal,
    *,
    progress: Callable[[int, int], None] = lambda _done, _left: None,
    batch: int = BATCH,
    now: Callable[[], datetime] = utc_now,
) -> Rotated:
    """Seal everything under a new data key, or go on with that; ``progress`` is told rows done and left, by batches.

    Raises :class:`~services.store.engine.StoreError` for a value or a key that does not open: it stays as it is, and so
    does the older key; :class:`~services.errors.JournalError` when the database fails.
    """
    resumed = store_transaction(engine, lambda connection: len(_versions(connection)) > 1)
    if not resumed:
        store_transaction(engine, lambda connection: personal.renew(connection, now()))
    done = 0
    while True:
        for table in _tables():
            while sealed := store_transaction(engine, partial(_seal_anew, personal, table, batch)):
                done += sealed
                progress(done, store_transaction(engine, _left))
        version = store_transaction(engine, _retire)
        if version is not None:
            return Rotated(version, done, resumed)


def _tables() -> tuple[sa.Table, ...]:
    return tuple(table for table in metadata.sorted_tables if sealed_columns(table))


def _versions(connection: sa.Connection) -> tuple[int, ...]:
    of_data = sa.select(data_key.c.version).where(data_key.c.purpose == DATA).order_by(data_key.c.version)
    return tuple(connection.execute(of_data).scalars())


def _seal_anew(personal: Personal, table: sa.Table, batch: int, connection: sa.Connection) -> int:
    """Seal rows of older keys anew, so many at most; how many there were."""
    older = sa.select(table).where(table.c.key_version != current_version(connection)).order_by(table.c.id)
    rows = connection.execute(older.limit(batch)).all()
    for row in rows:
        values = personal.seal(connection, table, row.id, personal.open(connection, table, row))
        connection.execute(sa.update(table).where(table.c.id == row.id).values(**values))
    return len(rows)


def _left(connection: sa.Connection) -> int:
    newest = current_version(connection)
    counts = (sa.select(sa.func.count()).select_from(table).where(table.c.key_version != newest) for table in _tables())
    return sum(connection.execute(count).scalar_one() for count in counts)


def _retire(connection: sa.Connection) -> int | None:
    """Remove the older keys, unless a row is under one of them still; the version that remains.

    The rows are counted in the same transaction: where one is being written under an older key, the database has either
    of the two done again.
    """
    if _left(connection):
        return None
    newest = current_version(connection)
    connection.execute(sa.delete(data_key).where(data_key.c.purpose == DATA, data_key.c.version != newest))
    return newest
