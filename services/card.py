"""A card that a caller holds, and the conversations with it."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias, TypeVar, cast

import structlog

from apdu.errors import CardError, TransportError
from apdu.flow import Answer, Flow, Question, run
from apdu.pinpad import PinEntry
from apdu.readers import CardConnection, Readers, Transmit, executor
from apdu.transport.wrappers import get_response
from cardlib.flows.pin import CardMark, MaySendPin, PinAnswered, PinQuestion
from cardlib.issuance.questions import Reset
from services.errors import CallEndedError, DeadlineError, ServiceError
from services.lane import Lane
from services.pin_guard import PinGuard

T = TypeVar("T")
R = TypeVar("R")

_log = structlog.get_logger("services.card")

Traffic: TypeAlias = Callable[[Transmit, str], Transmit]
"""Puts a log around a transport, given the reader's name; called once per conversation."""


def no_traffic(transmit: Transmit, _reader: str) -> Transmit:
    """The :data:`Traffic` of a service that logs no commands."""
    return transmit


class PoweredCard:
    """A card from its first powering until it is let go: for one call, or for all calls of a lease.

    The methods belong to the reader's thread, the attributes may be read anywhere. ``epochs`` numbers the powerings.
    """

    def __init__(self, readers: Readers, lane: Lane, reader: str, epochs: Callable[[], int]) -> None:
        self.reader = reader
        self.lane = lane
        self.epoch = 0
        """Number of the card's last powering; 0 before the first."""
        self.insertions = 0
        """That of the reader when :meth:`look` was called; see :class:`~apdu.readers.ReaderState`."""
        self.pin_verified = False
        self.failed = False
        """Whether a command got no answer since the card was powered."""
        self.connection: CardConnection | None = None
        self._readers = readers
        self._epochs = epochs

    def power(self, timeout: float) -> None:
        """Give it power, anew if it has it; see :meth:`apdu.readers.Readers.connect` for what it raises."""
        self.restart()
        if self.connection is None:
            self.connection = self._readers.connect(self.reader, timeout=timeout)
            self._powered()

    def restart(self) -> None:
        """Reset it, so that it forgets what it was told; one that cannot be reset any more is let go. Never raises."""
        try:
            if self.connection is not None:
                self.reset()
        except TransportError:
            self.disconnect()

    def reset(self) -> bytes:
        """Reset it and return its ATR; raises :class:`~apdu.errors.TransportError`."""
        assert self.connection is not None, "power() comes first"
        self.pin_verified = False
        atr = self.connection.reset()
        self._powered()
        return atr

    def look(self) -> None:
        """Learn which insertion this is; raises :class:`~apdu.errors.NoServiceError`."""
        seen = next((state for state in self._readers.states() if state.name == self.reader), None)
        self.insertions = seen.insertions if seen is not None else 0

    def transmit(self, commands: Sequence[bytes]) -> list[bytes]:
        """Send commands; raises :class:`~apdu.errors.TransportError`, and then the card's state is unknown."""
        assert self.connection is not None, "power() comes first"
        try:
            return self.connection.transmit(commands)
        except BaseException:
            self.failed = True
            raise

    def disconnect(self) -> None:
        """Reset it and let it go. Never raises."""
        self.pin_verified = False
        if self.connection is not None:
            self.connection.close(reset=True)
            self.connection = None

    def _powered(self) -> None:
        self.failed = False
        self.epoch = self._epochs()


class HeldCard:
    """A card held by one call: its ATR, and :meth:`run` to have a conversation with it.

    All work is done by the reader's thread. ``deadline``, a moment of :func:`time.monotonic`, and the end of the call
    stop a conversation before its next command; a command on its way cannot be called back. ``card_wait``: seconds to
    wait for another program that has the card. ``guard``: asked about each PIN that a flow would send.
    """

    def __init__(
        self,
        card: PoweredCard,
        deadline: float,
        guard: PinGuard,
        *,
        traffic: Traffic = no_traffic,
        card_wait: float = 5.0,
    ) -> None:
        self._card = card
        self._deadline = deadline
        self._guard = guard
        self._card_wait = card_wait
        self._traffic = traffic
        self._ended = threading.Event()
        self._cut = False
        self.mark: CardMark | None = None
        """Which card it is, once a lease has recognised it or a PIN was to be sent to it."""

    @property
    def reader(self) -> str:
        """Name of the reader."""
        return self._card.reader

    @property
    def atr(self) -> bytes:
        """Answer to reset (复位应答)."""
        return self.connection.atr

    @property
    def connection(self) -> CardConnection:
        """What speaks to the card, for the reader's thread alone."""
        if self._card.connection is None:
            raise CallEndedError  # the lease ended, and its card was let go
        return self._card.connection

    @property
    def pin_verified(self) -> bool:
        """Whether the card has taken the PIN since it was powered; whoever has a PIN verified or refused says so."""
        return self._card.pin_verified

    @pin_verified.setter
    def pin_verified(self, verified: bool) -> None:
        self._card.pin_verified = verified

    async def connect(self) -> None:
        """Power the card; see :meth:`apdu.readers.Readers.connect` for what it raises."""
        await self._done(self._power)

    async def look(self) -> None:
        """Learn which insertion of the reader this card is; raises :class:`~apdu.errors.NoServiceError`."""
        await self._done(self._card.look)

    async def run(self, flow: Flow[T], answer: Answer) -> T:
        """Have a conversation with the card; ``answer`` is asked in the reader's thread and may block.

        A :class:`~cardlib.issuance.questions.Reset` is answered here, and so is what concerns a PIN. Raises what the
        flow raises, and :class:`DeadlineError`.
        """
        return await self._done(partial(self._run, flow, answer))

    def end(self) -> bool:
        """The call is over: nothing more is sent. True when nobody can say in which state this leaves the card."""
        self._ended.set()
        return self._cut or self._card.failed

    def let_go(self) -> "asyncio.Future[None]":
        """Reset the card and let it go, after a command that may still be on its way; done when the future is."""
        self.end()
        return self._card.lane.submit(self._card.disconnect)

    def _power(self) -> None:
        self._check()
        left = max(0.0, self._deadline - time.monotonic())
        self._card.power(min(left, self._card_wait))

    def _run(self, flow: Flow[T], answer: Answer) -> T:
        self._check()
        card = self._card
        transmit = get_response(card.transmit, strip_le=self.connection.t0)

        def answered(question: Question[R]) -> R:
            if isinstance(question, Reset):
                self._check()
                return cast("R", card.reset())
            if isinstance(question, PinQuestion):
                return cast("R", self._about_pin(question))
            try:
                return answer(question)
            except TransportError:
                # At a pad it is the card that did not answer; a custodian's failures are none of the card's.
                card.failed = card.failed or isinstance(question, PinEntry)
                raise

        return run(flow, executor(self._traffic(transmit, self.reader), before_each=self._check), answered)

    def _about_pin(self, question: PinQuestion) -> None:
        if isinstance(question, MaySendPin | PinAnswered):
            self.mark = question.card
        self._guard.answer(question)
        if isinstance(question, PinAnswered):
            self._card.pin_verified = question.accepted

    def _check(self) -> None:
        if self._ended.is_set():
            raise CallEndedError
        if time.monotonic() >= self._deadline:
            raise DeadlineError

    async def _done(self, work: Callable[[], T]) -> T:
        """What ``work`` brings in the reader's thread; a conversation that is left half-way has been cut."""
        limit = asyncio.timeout(self._deadline - time.monotonic())
        try:
            async with limit:
                return await self._card.lane.submit(work)
        except TimeoutError:
            if limit.expired():
                self._cut = True
                raise DeadlineError from None
            raise
        except (DeadlineError, CallEndedError):
            self._cut = True
            raise
        except (CardError, ServiceError):
            raise
        except BaseException:
            self._cut = True
            raise
