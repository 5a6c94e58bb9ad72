"""The chain of the audit, in the database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cardlib.crypto.sm3 import SM3_SIZE
from services.audit.chain import AuditChain, Found, Query
from services.audit.entry import FIELDS, Link, Texts, chained
from services.audit.errors import AuditError
from services.store.schema_audit import GUARDS, audit_entry
from services.store.transactions import cause_of

PIECE: Final = 1000
"""Entries that are read in one transaction."""

_TRIGGERS: Final = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entry'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit_entry'::regclass AND tgenabled IN ('O', 'A')",
}
_ENTRY: Final = sa.select(audit_entry)
# As the driver gives it: what stands there may be no bytes at all.
_FOUND: Final = sa.select(
    audit_entry.c.sequence,
    *(audit_entry.c[name] for name in FIELDS),
    sa.type_coerce(audit_entry.c.hash, sa.types.NullType()).label("hash"),
)


class SqlAuditChain(AuditChain):
    """The chain in one table. Every method is one transaction, those that read in pieces one for each piece."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def append(self, entries: Sequence[Texts]) -> Link:
        """See the port."""
        with self._transaction() as connection:
            if connection.dialect.name == "postgresql":
                # Whoever appends waits here for those before; readers do not. SQLite has one writer at a time anyway.
                connection.exec_driver_sql("LOCK TABLE audit_entry IN SHARE ROW EXCLUSIVE MODE")
            links = chained(_end(connection), entries)
            connection.execute(sa.insert(audit_entry), [*map(_row, links)])
        return links[-1]

    def end(self) -> Link | None:
        """See the port."""
        with self._transaction() as connection:
            return _end(connection)

    def extent(self) -> tuple[int, int]:
        """See the port."""
        with self._transaction() as connection:
            count, last = connection.execute(sa.select(sa.func.count(), sa.func.max(audit_entry.c.sequence))).one()
        return count, last if isinstance(last, int) else 0

    def guarded(self) -> bool:
        """See the port."""
        with self._transaction() as connection:
            there = connection.exec_driver_sql(_TRIGGERS[connection.dialect.name]).scalars()
            return GUARDS[connection.dialect.name] <= set(there)

    def rows(self, *, end: int, piece: int = PIECE) -> Iterator[Sequence[Found]]:
        """See the port."""
        wanted = _FOUND.where(audit_entry.c.sequence <= end).order_by(audit_entry.c.sequence).limit(piece)
        more = wanted
        while True:
            with self._transaction() as connection, _as_stored(connection):
                found = [Found(row[0], tuple(row[1:-1]), row[-1]) for row in connection.execute(more)]
            if found:
                yield found
            if len(found) < piece:
                return
            more = wanted.where(audit_entry.c.sequence > found[-1].sequence)

    def select(self, query: Query) -> Iterator[Link]:
        """See the port."""
        wanted = _ENTRY
        if query.since:
            wanted = wanted.where(audit_entry.c.moment >= query.since)
        if query.until:
            wanted = wanted.where(audit_entry.c.moment < query.until)
        for name, text in query.equal.items():
            wanted = wanted.where(audit_entry.c[name] == text)
        if query.newest:
            newest = wanted.order_by(audit_entry.c.sequence.desc()).limit(query.newest)
            with self._transaction() as connection:
                yield from reversed([*map(_link, connection.execute(newest))])
            return
        wanted = wanted.order_by(audit_entry.c.sequence).limit(PIECE)
        last = 0
        while True:
            with self._transaction() as connection:
                found = [*map(_link, connection.execute(wanted.where(audit_entry.c.sequence > last)))]
            yield from found
            if len(found) < PIECE:
                return
            last = found[-1].sequence

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise AuditError(cause_of(error)) from None


@contextmanager
def _as_stored(connection: sa.Connection) -> Iterator[None]:
    """SQLite keeps what it is given: texts that are no UTF-8 are read, to be found wrong, instead of ending it all."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    usual = driver.text_factory
    driver.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
    try:
        yield
    finally:
        driver.text_factory = usual


def _end(connection: sa.Connection) -> Link | None:
    row = connection.execute(_FOUND.order_by(audit_entry.c.sequence.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    if not isinstance(row.sequence, int) or not isinstance(row.hash, bytes) or len(row.hash) != SM3_SIZE:
        raise AuditError("its last row is no entry: run `sscard audit verify`")
    return _link(row)


def _link(row: Any) -> Link:
    return Link(row.sequence, tuple(map(str, row[1:-1])), bytes(row.hash))


def _row(link: Link) -> dict[str, Any]:
    return {"sequence": link.sequence, **dict(zip(FIELDS, link.texts, strict=True)), "hash": link.hash}
