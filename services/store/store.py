"""The store of one service: its database and the key of its digests, opened together."""

import contextlib
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from services.issuance.digests import DigestKeyError, Digests, open_digests
from services.store.engine import StoreError, open_engine
from services.store.journal import SqlJournal
from services.store.schema import setting

_DIGEST_KEY = "digest_key"


class Store:
    """The journal with its certificates, and the digests that go with them. :meth:`close` gives the database back."""

    def __init__(self, engine: sa.Engine, digests: Digests) -> None:
        self._engine = engine
        self.journal = SqlJournal(engine)
        self.digests = digests

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self._engine.dispose()


def open_store(where: str, digest_key: Path) -> Store:
    """The store in the database at ``where`` (:func:`~services.store.engine.open_engine`), with its digest key.

    Database and key belong together for good; either is made where there is none, but a key is not made for a database
    that has one. Raises :class:`~services.store.engine.StoreError`.
    """
    engine = open_engine(where)
    try:
        digests = _digests_for(engine, digest_key)
    except DigestKeyError as error:
        engine.dispose()
        raise StoreError(str(error)) from None
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, digests)


def _digests_for(engine: sa.Engine, path: Path) -> Digests:
    if not path.exists() and _bound_to(engine) is not None:
        raise StoreError(
            f"the database was made with a digest key that is not at {path}: restore that file from the backup, or no "
            "issuance that is under way can go on"
        )
    digests = open_digests(path)
    with contextlib.suppress(IntegrityError), engine.begin() as connection:  # another process may be faster
        if connection.execute(sa.select(setting.c.name).where(setting.c.name == _DIGEST_KEY)).scalar() is None:
            connection.execute(sa.insert(setting).values(name=_DIGEST_KEY, value=digests.key_id))
    if _bound_to(engine) != digests.key_id:
        raise StoreError(f"the digest key in {path} is not the one that the database was made with")
    return digests


def _bound_to(engine: sa.Engine) -> str | None:
    with engine.begin() as connection:
        return connection.execute(sa.select(setting.c.value).where(setting.c.name == _DIGEST_KEY)).scalar()
