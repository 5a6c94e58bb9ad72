"""The half-year rule, applied every day (激活期限每日执行).

Any number of processes may do so at once: the operation of a day has one name, so that one of them does it and the
others find it done.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from typing import Final

import structlog

from services.catalogue import failure_of
from services.errors import ServiceError
from services.operations.journal import OperationRequest, OperationState
from services.registry.days import BEIJING, day_of
from services.registry.journalled import Books

LONGEST_SLEEP: Final = 3600.0
"""Seconds: the machine may have slept, its clock may be set, and what failed is tried again."""
KIND: Final = "ActivationService.ApplyActivationDeadlines"
SUBJECT: Final = "deadlines"
BY_ITSELF: Final = "service"
"""Institution and operator of what no caller has asked for."""

_log = structlog.get_logger("services.activation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Applying:
    """Who has the rule applied, under which request id; ``station`` "": this machine."""

    institution: str
    request_id: str
    operator: str
    station: str = ""


def apply_deadlines(books: Books, by: Applying, *, today: date) -> tuple[int, int]:
    """Cards that are overdue, and medical cards restricted now; or what the same request has had before. Blocking.

    Raises :class:`~services.errors.ServiceError`.
    """
    operation = books.operations.begin(
        OperationRequest(
            institution=by.institution,
            request_id=by.request_id,
            kind=KIND,
            subject=SUBJECT,
            digest=sha256(KIND.encode()).digest(),
            station=by.station or books.station,
            operator=by.operator,
        )
    )
    if operation.state is OperationState.DONE:
        overdue, restricted = operation.result.decode("ascii").split(",")
        return int(overdue), int(restricted)
    return books.registry.apply_deadlines(today=today, operation=operation)


class DailyDeadlines:
    """Applies the rule once a day, soon after midnight in Beijing, until it is cancelled.

    ``books`` is called, in a thread, when they are needed. ``now``, ``sleep``: the clock.
    """

    def __init__(
        self,
        books: Callable[[], Books],
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._books = books
        self._now = now
        self._sleep = sleep

    async def run(self) -> None:
        """Today, where it was not done yet, and every day from then on; never returns. What fails is tried again."""
        done: date | None = None
        while True:
            today = day_of(self._now())
            if today != done and await self._applied(today):
                done = today
            await self._sleep(min(LONGEST_SLEEP, _until_midnight(self._now())))

    async def _applied(self, today: date) -> bool:
        by = Applying(institution=BY_ITSELF, request_id=f"deadlines-{today}", operator=BY_ITSELF)
        try:
            overdue, restricted = await asyncio.to_thread(lambda: apply_deadlines(self._books(), by, today=today))
        except ServiceError as error:
            reason = failure_of(error).refusal.reason
            _log.warning("deadlines_not_applied", day=str(today), error=type(error).__name__, reason=reason)
            return False
        _log.info("deadlines_applied", day=str(today), overdue=overdue, restricted=restricted)
        return True


def _until_midnight(now: datetime) -> float:
    """Seconds to the next day in Beijing, and one more, so that a clock that runs slow has got there too."""
    here = now.astimezone(BEIJING)
    midnight = datetime.combine(here.date() + timedelta(days=1), time(), BEIJING)
    return (midnight - here).total_seconds() + 1
