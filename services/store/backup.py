"""A backup of the store while it is used (备份): one database of SQLite, and the key of its digests beside it.

The key of the personal values in it (:mod:`services.custody.data_keys`) is not put beside it: who had both, could read
everybody's. It is kept elsewhere, and without it no backup brings those values back.
"""

import os
import shutil
import sqlite3
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from services.store.engine import StoreError, database_url

DIGEST_KEY = ".digest-key"
"""Ending of the key's file, beside the database."""


def back_up(where: str, digest_key: Path, target: Path) -> tuple[Path, Path]:
    """Copy the database at ``where``, as it is at this moment, and its digest key; the two files that were made.

    ``target``: the database's copy, which is not there yet; the key's goes beside it, where a service finds it whose
    database is ``target``. The service may go on writing meanwhile. Raises :class:`StoreError`.
    """
    url = database_url(where)
    if url.get_backend_name() == "postgresql":
        plain = sa.URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
        raise StoreError(
            f"PostgreSQL is backed up with its own tool: pg_dump --format=custom --file={target} '{plain}', and a copy "
            f"of {digest_key}"
        )
    if url.get_backend_name() != "sqlite" or not url.database:
        raise StoreError(f"the database {url.render_as_string(hide_password=True)} is backed up with its own tools")
    source, key = Path(url.database), target.with_suffix(DIGEST_KEY)
    for there in (source, digest_key):
        if not there.is_file():
            raise StoreError(f"there is no {there}: nothing was journalled here")
    made: list[Path] = []
    try:
        for path in (target, key):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            made.append(path)
        _vacuum_into(url, target)
        shutil.copyfile(digest_key, key)
        for path in made:
            _onto_the_disk(path)
    except (OSError, SQLAlchemyError, sqlite3.Error) as error:
        for path in made:
            path.unlink(missing_ok=True)
        why = error.strerror if isinstance(error, OSError) else str(getattr(error, "orig", None) or error)
        raise StoreError(f"the backup {target} was not made: {why}") from None
    return target, key


def _vacuum_into(url: sa.URL, target: Path) -> None:
    """SQLite's own way, which sees one moment of a database that is written to."""
    engine = sa.create_engine(url, hide_parameters=True)
    connection = engine.raw_connection()
    try:
        # Behind SQLAlchemy: it begins transactions, in which this is not allowed.
        connection.cursor().execute("VACUUM INTO ?", (str(target.absolute()),))
    finally:
        connection.close()
        engine.dispose()


def _onto_the_disk(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
