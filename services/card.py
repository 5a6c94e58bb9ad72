"""A card that a caller holds, and the conversations with it."""

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeAlias, TypeVar, cast

import structlog

from apdu.flow import Answer, Flow, Question, run
from apdu.readers import CardConnection, Readers, Transmit, executor
from apdu.transport.wrappers import get_response
from cardlib.issuance.questions import Reset
from services.errors import CallEndedError, DeadlineError
from services.lane import Lane

T = TypeVar("T")
R = TypeVar("R")

_log = structlog.get_logger("services.card")

Traffic: TypeAlias = Callable[[Transmit, str], Transmit]
"""Puts a log around a transport, given the reader's name; called once per conversation."""


def no_traffic(transmit: Transmit, _reader: str) -> Transmit:
    """The :data:`Traffic` of a service that logs no commands."""
    return transmit


class HeldCard:
    """A card held for one call: its ATR, and :meth:`run` to have a conversation with it.

    All work is done by the reader's thread. The deadline, and the end of the call, stop a conversation before its next
    command; a command on its way cannot be called back. ``card_wait``: seconds to wait for another program that has it.
    """

    def __init__(  # noqa: PLR0913  # made in one place
        self, readers: Readers, reader: str, lane: Lane, deadline: float, traffic: Traffic, *, card_wait: float = 5.0
    ) -> None:
        self._readers = readers
        self._reader = reader
        self._lane = lane
        self._deadline = deadline
        self._card_wait = card_wait
        self._traffic = traffic
        self._ended = threading.Event()
        self._connection: CardConnection | None = None
        self.pin_verified = False
        """Whether the card has taken the PIN since it was powered; whoever has a PIN verified or refused says so."""

    @property
    def reader(self) -> str:
        """Name of the reader."""
        return self._reader

    @property
    def atr(self) -> bytes:
        """Answer to reset (复位应答)."""
        return self._held.atr

    async def connect(self) -> None:
        """Power the card; see :meth:`apdu.readers.Readers.connect` for what it raises."""
        await self._in_time(self._lane.submit(self._connect))

    async def run(self, flow: Flow[T], answer: Answer) -> T:
        """Have a conversation with the card; ``answer`` is asked in the reader's thread and may block.

        A :class:`~cardlib.issuance.questions.Reset` is answered here. Raises what the flow raises, and
        :class:`DeadlineError`.
        """
        return await self._in_time(self._lane.submit(partial(self._run, flow, answer)))

    def let_go(self) -> "asyncio.Future[None]":
        """Reset the card and let it go, after a command that may still be on its way; done when the future is."""
        self._ended.set()
        return self._lane.submit(self._disconnect)

    @property
    def _held(self) -> CardConnection:
        assert self._connection is not None, "connect() comes first"
        return self._connection

    def _connect(self) -> None:
        self._check()
        left = max(0.0, self._deadline - time.monotonic())
        self._connection = self._readers.connect(self._reader, timeout=min(left, self._card_wait))

    def _run(self, flow: Flow[T], answer: Answer) -> T:
        connection = self._held
        transmit = get_response(connection.transmit, strip_le=connection.t0)

        def answered(question: Question[R]) -> R:
            if isinstance(question, Reset):
                self._check()
                return cast("R", connection.reset())
            return answer(question)

        return run(flow, executor(self._traffic(transmit, self._reader), before_each=self._check), answered)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close(reset=True)

    def _check(self) -> None:
        if self._ended.is_set():
            raise CallEndedError
        if time.monotonic() >= self._deadline:
            raise DeadlineError

    async def _in_time(self, work: "asyncio.Future[T]") -> T:
        limit = asyncio.timeout(self._deadline - time.monotonic())
        try:
            async with limit:
                return await work
        except TimeoutError:
            if limit.expired():
                raise DeadlineError from None
            raise
