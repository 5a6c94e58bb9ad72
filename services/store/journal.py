"""The journal of issuance and the certificates, in the database."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from cardlib.issuance.questions import Note, Stage
from services.errors import (
    CertificateUnknownError,
    IssuanceOpenError,
    OrderRepeatedError,
    RequestReusedError,
    SupersededError,
)
from services.issuance.certificate import Certificate
from services.issuance.journal import WRITING, Certificates, Issuance, IssuanceJournal, Request, State
from services.store.schema import certificate, issuance, issuance_step
from services.store.transactions import in_transaction

ABANDONED: Final = "ABANDONED"
"""Reason, and name of the last step, of an issuance that somebody has given up."""


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


class SqlJournal(IssuanceJournal, Certificates):
    """Every method is one transaction. ``now``: the clock."""

    def __init__(self, engine: sa.Engine, *, now: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._now = now

    def begin(self, request: Request) -> Issuance:
        """See the port."""
        return in_transaction(self._engine, lambda connection: self._begin(connection, request))

    def note(self, issuance: Issuance, note: Note) -> None:
        """See the port."""
        changed: dict[str, Any] = {"stage": note.stage.name, "detail": note.detail}
        if note.stage in WRITING:
            changed["written"] = True

        def work(connection: sa.Connection) -> None:
            self._change(connection, issuance, changed)
            self._step(connection, issuance.request_id, issuance.attempt, note.stage.name, note.detail)

        in_transaction(self._engine, work)

    def finish(self, issuance: Issuance, certificate: Certificate) -> None:
        """See the port."""
        done = {"state": State.DONE, "stage": Stage.DONE.name, "detail": "", "error": ""}
        ended: dict[str, Any] = {"open_chip": None, "finished": self._now(), "certificate_id": certificate.number}
        ended["chip"] = certificate.chip.hex()

        def work(connection: sa.Connection) -> None:
            _store(connection, certificate)
            self._change(connection, issuance, done | ended)
            self._step(connection, issuance.request_id, issuance.attempt, Stage.DONE.name, "")

        in_transaction(self._engine, work)

    def fail(self, issuance: Issuance, reason: str, *, lost: bool = False, untouched: bool = False) -> None:
        """See the port."""

        def work(connection: sa.Connection) -> None:
            known = _find(connection, issuance.request_id)
            if known is None or not _is_current(known, issuance):
                return
            changed: dict[str, Any] = {"error": reason}
            if lost or untouched or not known.written:
                changed |= {"state": State.LOST if lost else State.REFUSED, "open_chip": None, "finished": self._now()}
            if untouched:
                changed["written"] = False
            self._change(connection, issuance, changed)

        in_transaction(self._engine, work)

    def find(self, request_id: str) -> Issuance | None:
        """See the port."""
        return in_transaction(self._engine, lambda connection: _find(connection, request_id))

    def open_issuances(self) -> tuple[Issuance, ...]:
        """See the port."""
        wanted = sa.select(issuance).where(issuance.c.state == State.OPEN).order_by(issuance.c.chip)
        return in_transaction(
            self._engine, lambda connection: tuple(_issuance(row) for row in connection.execute(wanted))
        )

    def abandon(self, request_id: str, reason: str) -> Issuance | None:
        """See the port."""

        def work(connection: sa.Connection) -> Issuance | None:
            known = _find(connection, request_id)
            if known is None or known.state is not State.OPEN:
                return None
            ended = {"state": State.LOST, "open_chip": None, "finished": self._now(), "error": ABANDONED}
            self._change(connection, known, ended)
            self._step(connection, request_id, known.attempt, ABANDONED, reason)
            return _find(connection, request_id)

        return in_transaction(self._engine, work)

    def certificate(self, number: str) -> Certificate:
        """See the port."""
        wanted = sa.select(certificate.c.document).where(certificate.c.id == number)
        document = in_transaction(self._engine, lambda connection: connection.execute(wanted).scalar())
        if document is None:
            raise CertificateUnknownError(number)
        return Certificate.load(document, number)

    def certificate_numbers(self, chip: bytes) -> tuple[str, ...]:
        """See the port."""
        of_chip = sa.select(certificate.c.id).where(certificate.c.chip == chip.hex())
        newest_first = of_chip.order_by(certificate.c.sequence.desc())
        return in_transaction(self._engine, lambda connection: tuple(connection.execute(newest_first).scalars()))

    def _begin(self, connection: sa.Connection, request: Request) -> Issuance:
        known = _find(connection, request.request_id)
        again_reason = request.again_reason or (known.again_reason if known else "")
        if known is not None:
            _require_same(known, request)
            if known.state is State.DONE:
                return known
        self._free(connection, request)
        if not again_reason:
            _require_first(connection, request)
        now = self._now()
        again = {
            "chip": request.chip.hex(),
            "open_chip": request.chip.hex(),
            "state": State.OPEN,
            "attempt": known.attempt + 1 if known else 1,
            "updated": now,
            "finished": None,
            "station": request.station,
            "operator": request.operator,
            "again_reason": again_reason,
            "error": "",
        }
        if known is None:
            first = {
                "request_id": request.request_id,
                "order_digest": request.order_digest.hex(),
                "number_digest": request.number_digest.hex() if request.number_digest else None,
                "stage": Stage.EXAMINED.name,
                "detail": "",
                "written": False,
                "started": now,
            }
            connection.execute(sa.insert(issuance).values(**first, **again))
        else:
            connection.execute(sa.update(issuance).where(issuance.c.request_id == request.request_id).values(**again))
        begun = _find(connection, request.request_id)
        assert begun is not None, "it was just written"
        return begun

    def _free(self, connection: sa.Connection, request: Request) -> None:
        """End another request that is open on the chip and has written nothing; refuse beside one that has."""
        wanted = sa.select(issuance).where(
            issuance.c.open_chip == request.chip.hex(), issuance.c.request_id != request.request_id
        )
        row = connection.execute(wanted).one_or_none()
        if row is None:
            return
        other = _issuance(row)
        if other.written:
            raise IssuanceOpenError(other.request_id)
        ended = {"state": State.REFUSED, "open_chip": None, "finished": self._now(), "error": "SUPERSEDED"}
        self._change(connection, other, ended)

    def _change(self, connection: sa.Connection, of: Issuance, values: dict[str, Any]) -> None:
        same = sa.update(issuance).where(
            issuance.c.request_id == of.request_id,
            issuance.c.attempt == of.attempt,
            issuance.c.state == State.OPEN,
        )
        if connection.execute(same.values(**values, updated=self._now())).rowcount != 1:
            raise SupersededError(of.request_id)

    def _step(self, connection: sa.Connection, request_id: str, attempt: int, stage: str, detail: str) -> None:
        before = sa.select(sa.func.max(issuance_step.c.sequence)).where(issuance_step.c.request_id == request_id)
        number = (connection.execute(before).scalar() or 0) + 1
        connection.execute(
            sa.insert(issuance_step).values(
                request_id=request_id,
                sequence=number,
                attempt=attempt,
                stage=stage,
                detail=detail,
                time=self._now(),
            )
        )


def _require_same(known: Issuance, request: Request) -> None:
    """Raise unless the request is the one that is known; a chip may be exchanged as long as nothing was written."""
    if known.order_digest != request.order_digest:
        raise RequestReusedError(known.request_id, "order")
    if known.written and not request.may_be_on(known.chip):
        raise RequestReusedError(known.request_id, "chip")


def _require_first(connection: sa.Connection, request: Request) -> None:
    """Raise where another request makes, or has made, this holder's card or one with this number."""
    held = sa.select(issuance.c.request_id).where(
        issuance.c.request_id != request.request_id, issuance.c.state.in_((State.OPEN, State.DONE))
    )
    if not request.for_stock:
        same = held.where(issuance.c.order_digest == request.order_digest.hex()).order_by(issuance.c.started)
        if (other := connection.execute(same).scalars().first()) is not None:
            raise OrderRepeatedError(other, "of this order")
    if request.number_digest is not None:
        # What becomes of another request's chip is for the chip to say.
        elsewhere = held.where(issuance.c.chip != request.chip.hex())
        same = elsewhere.where(issuance.c.number_digest == request.number_digest.hex()).order_by(issuance.c.started)
        if (other := connection.execute(same).scalars().first()) is not None:
            raise OrderRepeatedError(other, "with this card number")


def _is_current(known: Issuance, attempt: Issuance) -> bool:
    return known.state is State.OPEN and known.attempt == attempt.attempt


def _find(connection: sa.Connection, request_id: str) -> Issuance | None:
    row = connection.execute(sa.select(issuance).where(issuance.c.request_id == request_id)).one_or_none()
    return None if row is None else _issuance(row)


def _issuance(row: sa.Row[Any]) -> Issuance:
    return Issuance(
        request_id=row.request_id,
        chip=bytes.fromhex(row.chip),
        order_digest=bytes.fromhex(row.order_digest),
        state=State(row.state),
        stage=Stage[row.stage],
        detail=row.detail,
        attempt=row.attempt,
        written=row.written,
        again_reason=row.again_reason,
        started=row.started,
        updated=row.updated,
        finished=row.finished,
        station=row.station,
        operator=row.operator,
        error=row.error,
        certificate=row.certificate_id,
    )


def _store(connection: sa.Connection, made: Certificate) -> None:
    told = made.told
    connection.execute(
        sa.insert(certificate).values(
            id=made.number,
            chip=made.chip.hex(),
            card_identifier=told["card"]["card_identifier"],
            document=made.document,
            sha256=made.sha256,
            made=made.made,
            station=told["station"],
            operator=told["operator"],
        )
    )
