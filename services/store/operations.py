"""The journal of operations, in the database."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from services.errors import RequestReusedError, SupersededError
from services.operations.journal import Operation, OperationJournal, OperationRequest, OperationState
from services.store.journal import utc_now
from services.store.schema import operation, operation_step
from services.store.transactions import in_transaction

DONE: Final = "DONE"
"""Last step of an operation that was done."""


class SqlOperations(OperationJournal):
    """Every method is one transaction. ``now``: the clock."""

    def __init__(self, engine: sa.Engine, *, now: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._now = now

    def begin(self, request: OperationRequest) -> Operation:
        """See the port."""
        return in_transaction(self._engine, lambda connection: _begin(connection, request, self._now()))

    def find(self, institution: str, request_id: str) -> Operation | None:
        """See the port."""
        return in_transaction(self._engine, lambda connection: _find(connection, institution, request_id))

    def note(self, operation: Operation, step: str) -> None:
        """See the port."""
        in_transaction(self._engine, lambda connection: note_step(connection, operation, step, self._now()))

    def finish(self, operation: Operation, result: bytes) -> None:
        """See the port."""
        in_transaction(self._engine, lambda connection: finish_operation(connection, operation, result, self._now()))

    def refuse(self, operation: Operation, reason: str) -> None:
        """See the port."""
        ended = {"state": OperationState.REFUSED, "error": reason}

        def work(connection: sa.Connection) -> None:
            now = self._now()
            if _changed(connection, operation, ended | {"finished": now}, now):
                _put_down(connection, operation, reason, now)

        in_transaction(self._engine, work)

    def interrupt(self, operation: Operation, reason: str) -> None:
        """See the port."""

        def work(connection: sa.Connection) -> None:
            now = self._now()
            if _changed(connection, operation, {"error": reason}, now):
                _put_down(connection, operation, reason, now)

        in_transaction(self._engine, work)


def note_step(connection: sa.Connection, of: Operation, step: str, now: datetime) -> None:
    """Put down what is about to be done, within a transaction; raises :class:`~services.errors.SupersededError`."""
    _change(connection, of, {"step": step}, now)
    _put_down(connection, of, step, now)


def finish_operation(connection: sa.Connection, of: Operation, result: bytes, now: datetime) -> None:
    """Finish an operation within the transaction that does what it was begun for: both count, or neither.

    Raises :class:`~services.errors.SupersededError` when another attempt has begun, or it is not open; let it go on, so
    that the transaction ends with nothing done.
    """
    done = {"state": OperationState.DONE, "result": result, "error": "", "finished": now}
    _change(connection, of, done, now)
    _put_down(connection, of, DONE, now)


def _begin(connection: sa.Connection, request: OperationRequest, now: datetime) -> Operation:
    this = (operation.c.institution == request.institution) & (operation.c.request_id == request.request_id)
    known = connection.execute(sa.select(operation).where(this)).one_or_none()
    again: dict[str, Any] = {
        "state": OperationState.OPEN,
        "attempt": known.attempt + 1 if known else 1,
        "error": "",
        "station": request.station,
        "operator": request.operator,
        "updated": now,
        "finished": None,
    }
    if known is None:
        first = {
            "institution": request.institution,
            "request_id": request.request_id,
            "kind": request.kind,
            "subject": request.subject,
            "digest": request.digest,
            "step": "",
            "result": b"",
            "started": now,
        }
        connection.execute(sa.insert(operation).values(**first, **again))
    else:
        _require_same(known, request)
        if known.state == OperationState.DONE:
            return _operation(known)
        if known.state == OperationState.REFUSED:
            again["step"] = ""  # nothing of what it announced has been done
        connection.execute(sa.update(operation).where(this).values(**again))
    begun = _find(connection, request.institution, request.request_id)
    assert begun is not None, "it was just written"
    return begun


def _require_same(known: sa.Row[Any], request: OperationRequest) -> None:
    for column, what in (("kind", "kind"), ("subject", "card or person"), ("digest", "content")):
        if getattr(known, column) != getattr(request, column):
            raise RequestReusedError(request.request_id, what)


def _change(connection: sa.Connection, of: Operation, values: dict[str, Any], now: datetime) -> None:
    if not _changed(connection, of, values, now):
        raise SupersededError(of.request_id)


def _changed(connection: sa.Connection, of: Operation, values: dict[str, Any], now: datetime) -> bool:
    """Change an operation that is open in this very attempt; False where it is not, and is left alone."""
    current = sa.update(operation).where(
        operation.c.institution == of.institution,
        operation.c.request_id == of.request_id,
        operation.c.attempt == of.attempt,
        operation.c.state == OperationState.OPEN,
    )
    return connection.execute(current.values(**values, updated=now)).rowcount == 1


def _put_down(connection: sa.Connection, of: Operation, step: str, now: datetime) -> None:
    steps = sa.select(sa.func.max(operation_step.c.sequence)).where(
        operation_step.c.institution == of.institution, operation_step.c.request_id == of.request_id
    )
    connection.execute(
        sa.insert(operation_step).values(
            institution=of.institution,
            request_id=of.request_id,
            sequence=(connection.execute(steps).scalar() or 0) + 1,
            attempt=of.attempt,
            step=step,
            time=now,
        )
    )


def _find(connection: sa.Connection, institution: str, request_id: str) -> Operation | None:
    this = (operation.c.institution == institution) & (operation.c.request_id == request_id)
    row = connection.execute(sa.select(operation).where(this)).one_or_none()
    return None if row is None else _operation(row)


def _operation(row: sa.Row[Any]) -> Operation:
    return Operation(
        institution=row.institution,
        request_id=row.request_id,
        kind=row.kind,
        subject=row.subject,
        state=OperationState(row.state),
        step=row.step,
        attempt=row.attempt,
        result=row.result,
    )
