"""The store of one service: its database, the key of its digests, and what opens personal values."""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from services.config import ConfigError
from services.custody.data_keys import KeyWrapper, WrapperError
from services.issuance.digests import DigestKeyError, Digests, open_digests
from services.store.engine import StoreError, not_opened, open_engine
from services.store.journal import SqlJournal
from services.store.operations import SqlOperations
from services.store.personal import Personal, has_keys, open_personal
from services.store.registry import SqlRegistry
from services.store.schema import setting
from services.store.transactions import in_transaction

_DIGEST_KEY = "digest_key"


OpenWrapper: TypeAlias = Callable[[bool], KeyWrapper]
"""Opens what wraps the keys of personal values; asked with whether the database has none yet, so that it may be made.

Raises :class:`~services.config.ConfigError` or :class:`~services.custody.data_keys.WrapperError`.
"""


class Store:
    """The journals with the certificates, the digests that go with them, and the registry.

    :meth:`close` gives the database back. ``wrapper``: what the registry needs; without it there is none.
    """

    def __init__(self, engine: sa.Engine, digests: Digests, wrapper: OpenWrapper | None = None) -> None:
        self.engine = engine
        self.journal = SqlJournal(engine)
        self.operations = SqlOperations(engine)
        self.digests = digests
        self._wrapper = wrapper
        self._lock = threading.Lock()
        self._personal: Personal | None = None

    def personal(self) -> Personal:
        """The personal values, whose keys are opened when they are needed first; from any thread.

        Raises :class:`~services.store.engine.StoreError`, :class:`~services.errors.JournalError`.
        """
        with self._lock:
            if self._personal is None:
                if self._wrapper is None:
                    raise StoreError("this process opened the database without what wraps its keys")
                try:
                    wrapper = self._wrapper(not in_transaction(self.engine, has_keys))
                except (ConfigError, WrapperError) as error:
                    raise StoreError(str(error)) from None
                self._personal = open_personal(self.engine, wrapper)
            return self._personal

    def registry(self) -> SqlRegistry:
        """The registry; raises as :meth:`personal`."""
        return SqlRegistry(self.engine, self.personal())

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self.engine.dispose()


def open_store(
    where: str, digest_key: Path, wrapper: OpenWrapper | None = None, *, development_mode: bool = False
) -> Store:
    """The store in the database at ``where`` (:func:`~services.store.engine.open_engine`), with its digest key.

    Database and key belong together for good; either is made where there is none, but a key is not made for a database
    that has one. Raises :class:`~services.store.engine.StoreError`.
    """
    engine = open_engine(where)
    try:
        digests = _digests_for(engine, digest_key, development_mode=development_mode)
    except DigestKeyError as error:
        engine.dispose()
        raise StoreError(str(error)) from None
    except SQLAlchemyError as error:
        engine.dispose()
        raise not_opened(engine.url, error) from None
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, digests, wrapper)


def _digests_for(engine: sa.Engine, path: Path, *, development_mode: bool) -> Digests:
    if not path.exists() and _bound_to(engine) is not None:
        raise StoreError(
            f"the database was made with a digest key that is not at {path}: restore that file from the backup, or no "
            "issuance that is under way can go on"
        )
    digests = open_digests(path, development_mode=development_mode)
    with contextlib.suppress(IntegrityError), engine.begin() as connection:  # another process may be faster
        if connection.execute(sa.select(setting.c.name).where(setting.c.name == _DIGEST_KEY)).scalar() is None:
            connection.execute(sa.insert(setting).values(name=_DIGEST_KEY, value=digests.key_id))
    if _bound_to(engine) != digests.key_id:
        raise StoreError(f"the digest key in {path} is not the one that the database was made with")
    return digests


def _bound_to(engine: sa.Engine) -> str | None:
    with engine.begin() as connection:
        return connection.execute(sa.select(setting.c.value).where(setting.c.name == _DIGEST_KEY)).scalar()
