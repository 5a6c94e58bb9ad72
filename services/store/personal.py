"""Personal values in the database: sealed, and found by a keyed digest (个人信息加密).

A row is sealed whole: every column of the type :class:`~services.store.schema.Sealed`, under the newest data key, whose
version stands in the row's ``key_version``. To a value belong its table, its column, its row and that version: anywhere
else it does not open. A column is searched by the one beside it that ends in ``_index``: HMAC-SHA-256, under a key of
its own that is never exchanged, over table, column and the value in one form (:func:`normal_form`). So equal values of
one column have equal digests, and nothing else about them shows but how long they are. A row whose digest is not that
of its value does not open either: nobody is found under another one's number.

Data keys and the key of the digests are in the table ``data_key``, wrapped (:mod:`services.custody.data_keys`).
"""

import hmac
import secrets
import threading
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import sqlalchemy as sa

from apdu.secret import Secret
from services.custody.data_keys import KEY, DataKey, KeyWrapper, NotSealedHereError, WrapperError
from services.store.engine import StoreError
from services.store.journal import utc_now
from services.store.schema import INDEX, Sealed, data_key
from services.store.transactions import store_transaction

DATA: Final = "data"
"""Purpose of the keys that seal; there are several versions of it while they are exchanged."""
_DIGESTS: Final = "index"


class DataKeyError(StoreError):
    """The keys of personal values cannot be used: what wraps them is away, or is another one."""


class PersonalValueError(StoreError):
    """A personal value in the database does not open: it was altered, or put there from somewhere else.

    ``table``, ``column``, ``row``: its place; the value itself is never told.
    """

    def __init__(self, table: str, column: str, row: str) -> None:
        self.table, self.column, self.row = table, column, row
        super().__init__(
            f"the value in {table}.{column} of row {row} is damaged, or was put there from somewhere else: restore it "
            "from a backup"
        )


def normal_form(value: str) -> str:
    """The form in which values are compared when they are searched: NFC, upper case, no white space at the ends."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).upper()).strip()


def sealed_columns(table: sa.Table) -> tuple[str, ...]:
    """Names of the columns that are sealed."""
    return tuple(column.name for column in table.columns if isinstance(column.type, Sealed))


class Personal:
    """Seals, opens and finds personal values; :func:`open_personal` makes one. May be used from several threads."""

    def __init__(self, wrapper: KeyWrapper, digest_key: Secret) -> None:
        self._wrapper = wrapper
        self._digest_key = digest_key
        self._lock = threading.Lock()
        self._keys: dict[int, DataKey] = {}

    def seal(
        self, connection: sa.Connection, table: sa.Table, row: str, values: Mapping[str, str]
    ) -> dict[str, bytes | int]:
        """What is to be written to the row with this ``id`` for its personal values, all of them, by their columns.

        The sealed values, the digests by which they are found, and ``key_version``; for INSERT and for UPDATE, in the
        transaction of ``connection``. Raises :class:`DataKeyError`, and ValueError unless each sealed column of the
        table has its value.
        """
        if set(values) != {*sealed_columns(table)}:
            raise ValueError(f"a row of {table.name} is sealed whole: {', '.join(sealed_columns(table))}")
        version = current_version(connection)
        key = self._key(connection, version)
        written: dict[str, bytes | int] = {"key_version": version}
        for column, value in values.items():
            written[column] = key.seal(Secret(value.encode()), _bound(table.name, column, row, version))
            if column + INDEX in table.columns:
                written[column + INDEX] = self.index(table.columns[column], value)
        return written

    def open(self, connection: sa.Connection, table: sa.Table, row: sa.Row[Any]) -> dict[str, str]:
        """The personal values of a row of ``table``, all of whose columns ``row`` has, by their columns.

        Raises :class:`PersonalValueError`, :class:`DataKeyError`.
        """
        told = row._mapping  # noqa: SLF001  SQLAlchemy's public name for it
        identifier, version = told["id"], told["key_version"]
        columns = sealed_columns(table)
        try:
            key = self._key(connection, version)
        except DataKeyError as error:
            if _known(connection, version):
                raise
            raise PersonalValueError(table.name, columns[0], identifier) from error
        values = {}
        for column in columns:
            try:
                opened = key.open(told[column], _bound(table.name, column, identifier, version))
            except NotSealedHereError:
                raise PersonalValueError(table.name, column, identifier) from None
            values[column] = opened.reveal().decode()
            self._require_own_index(table, column, told, values[column])
        return values

    def _require_own_index(self, table: sa.Table, column: str, told: sa.RowMapping, value: str) -> None:
        """A digest that was put beside somebody else's value would have that one found in place of the right one."""
        if column + INDEX not in table.columns:
            return
        stands = told[column + INDEX]
        own = self.index(table.columns[column], value)
        if not (isinstance(stands, bytes) and hmac.compare_digest(stands, own)):
            raise PersonalValueError(table.name, column + INDEX, told["id"])

    def index(self, column: sa.Column[Any], value: str) -> bytes:
        """The digest of a value that is looked for in a sealed column: what stands in its ``_index``, 32 bytes."""
        place = f"{column.table.name}\0{column.name}\0"
        return hmac.new(self._digest_key.reveal(), (place + normal_form(value)).encode(), sha256).digest()

    def renew(self, connection: sa.Connection, now: datetime) -> int:
        """Put a new data key in, under which everything is sealed from now on; its version."""
        version = current_version(connection) + 1
        _put_key(connection, self._wrapper, DATA, version, now)
        return version

    def _key(self, connection: sa.Connection, version: int) -> DataKey:
        with self._lock:
            if version not in self._keys:
                self._keys[version] = DataKey(_unwrapped(connection, self._wrapper, DATA, version))
            return self._keys[version]

    def __repr__(self) -> str:
        return f"<Personal under {self._wrapper.key_id}>"


def open_personal(engine: sa.Engine, wrapper: KeyWrapper, *, now: Callable[[], datetime] = utc_now) -> Personal:
    """The personal values of a database; its first keys are made, wrapped, where it has none.

    Raises :class:`DataKeyError` where the keys were not wrapped by this ``wrapper``, JournalError when the database
    fails.
    """

    def work(connection: sa.Connection) -> Secret:
        if not has_keys(connection):
            for purpose in (DATA, _DIGESTS):
                _put_key(connection, wrapper, purpose, 1, now())
        _unwrapped(connection, wrapper, DATA, current_version(connection))
        return _unwrapped(connection, wrapper, _DIGESTS, 1)

    return Personal(wrapper, store_transaction(engine, work))


def has_keys(connection: sa.Connection) -> bool:
    """Whether the database has keys of personal values."""
    return connection.execute(sa.select(sa.func.count()).select_from(data_key)).scalar_one() > 0


def current_version(connection: sa.Connection) -> int:
    """The version of the data key under which values are sealed now."""
    newest = sa.select(sa.func.max(data_key.c.version)).where(data_key.c.purpose == DATA)
    version = connection.execute(newest).scalar()
    if version is None:
        raise DataKeyError("the database has lost its data keys: restore it from a backup")
    return int(version)


def _put_key(connection: sa.Connection, wrapper: KeyWrapper, purpose: str, version: int, now: datetime) -> None:
    try:
        wrapped = wrapper.wrap(Secret(secrets.token_bytes(KEY)), _use(purpose, version))
    except WrapperError as error:
        raise DataKeyError(str(error)) from None
    connection.execute(
        sa.insert(data_key).values(
            purpose=purpose, version=version, wrapped=wrapped, wrapping_key=wrapper.key_id, made=now
        )
    )


def _unwrapped(connection: sa.Connection, wrapper: KeyWrapper, purpose: str, version: int) -> Secret:
    wanted = sa.select(data_key.c.wrapped).where(data_key.c.purpose == purpose, data_key.c.version == version)
    wrapped = connection.execute(wanted).scalar()
    if wrapped is None:
        raise DataKeyError("the database has lost a data key: restore it from a backup")
    try:
        return wrapper.unwrap(wrapped, _use(purpose, version))
    except WrapperError as error:
        raise DataKeyError(str(error)) from None


def _known(connection: sa.Connection, version: int) -> bool:
    wanted = sa.select(data_key.c.version).where(data_key.c.purpose == DATA, data_key.c.version == version)
    return connection.execute(wanted).scalar() is not None


def _bound(table: str, column: str, row: str, version: int) -> bytes:
    return f"{table}\0{column}\0{row}\0{version}".encode()


def _use(purpose: str, version: int) -> bytes:
    return f"sscard data key\0{purpose}\0{version}".encode()
