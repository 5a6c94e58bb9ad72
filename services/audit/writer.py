"""Keeping entries: those that wait go to the disk together (成组提交).

To have something on the disk takes milliseconds, whatever it is. So one thread puts everything that has come meanwhile
into one transaction: twelve readers' calls pay for one.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeAlias

import structlog

from services.audit.chain import AuditChain
from services.audit.entry import Link, Texts, texts_of
from services.audit.errors import AuditError
from services.audit.port import AuditEntry, AuditSink

_log = structlog.get_logger("services.audit")

MOST: Final = 500
"""Entries in one transaction."""
PATIENCE: Final = 10.0
"""Seconds after which a call is not answered because its entry is not on the disk."""

Signer: TypeAlias = Callable[[Link], None]
"""Signs a checkpoint for the end of the chain and puts it where it is kept; told of failures by its log."""

_Waiting: TypeAlias = tuple[Texts, "Future[None]"]


class AuditWriter(AuditSink):
    """Appends to a chain from one thread; :meth:`close` ends it.

    ``sign``: called after each ``every`` entries of the chain, and at the end for those since.
    """

    def __init__(
        self, chain: AuditChain, *, sign: Signer | None = None, every: int = 1000, patience: float = PATIENCE
    ) -> None:
        self._chain = chain
        self._sign = sign
        self._every = every
        self._patience = patience
        self._signed = 0
        self._end: Link | None = None
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        # A daemon: a database that hangs does not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    async def record(self, entry: AuditEntry) -> None:
        """See the port. A caller that goes away does not take its entry with it."""
        kept: Future[None] = Future()
        texts = texts_of(entry)
        with self._lock:
            if self._closed:
                raise AuditError("the service is being stopped")
            self._queue.put((texts, kept))
        try:
            await asyncio.wait_for(asyncio.wrap_future(kept), self._patience)
        except TimeoutError:
            raise AuditError(f"the database has not answered for {self._patience:g} seconds") from None

    def close(self, *, patience: float = PATIENCE) -> None:
        """Keep what waits, and take no more; waits ``patience`` seconds for the database. Idempotent, blocking."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join(patience)

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            waiting, last = batch
            if waiting:
                self._keep(waiting)
            if last:
                break
        if self._end is not None and self._end.sequence > self._signed:
            self._make_checkpoint(self._end)

    def _next(self) -> tuple[list[_Waiting], bool] | None:
        """What waits, at least one, and whether nothing comes after it."""
        waiting: list[_Waiting] = []
        while len(waiting) < MOST:
            try:
                one = self._queue.get(block=not waiting)
            except queue.Empty:
                break
            if one is None:
                return waiting, True
            waiting.append(one)
        return waiting, False

    def _keep(self, waiting: list[_Waiting]) -> None:
        # From here on their callers can go away, but not cancel.
        there = [kept for _, kept in waiting if kept.set_running_or_notify_cancel()]
        try:
            end = self._chain.append([texts for texts, _ in waiting])
        except Exception as error:  # noqa: BLE001  whatever it is, each call that waits has to hear of it
            failure = error if isinstance(error, AuditError) else AuditError(type(error).__name__)
            _log.error("audit_not_kept", entries=len(waiting), why=str(failure))
            for kept in there:
                kept.set_exception(AuditError(failure.why))
            return
        for kept in there:
            kept.set_result(None)
        self._end = end
        if end.sequence // self._every > (end.sequence - len(waiting)) // self._every:
            self._make_checkpoint(end)

    def _make_checkpoint(self, end: Link) -> None:
        if self._sign is None:
            return
        try:
            self._sign(end)
        except Exception as error:  # noqa: BLE001  the entries are kept: no call is to fail for this
            _log.error("audit_checkpoint_failed", sequence=end.sequence, why=str(error))
            return
        self._signed = end.sequence
        _log.info("audit_checkpoint", sequence=end.sequence)
