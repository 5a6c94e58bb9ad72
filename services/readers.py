"""The hub: who is at which reader, and what happens there.

One thread watches all readers; each reader's card work is done by one thread of its own (:mod:`services.lane`), so that
a card that never answers holds up nobody but those who want this reader.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from apdu.errors import CardInUseError, NoServiceError, ReaderNotFoundError
from apdu.readers import Readers, ReaderState
from services.card import HeldCard, Traffic, no_traffic
from services.errors import DeadlineError, ShuttingDownError
from services.events import EventLog, States, Subscription
from services.lane import Lane
from services.places import CardPlace

_log = structlog.get_logger("services.readers")

LOOK, RETRY = 1.0, 0.5
"""Seconds: how long one look at the readers lasts at most, and the pause while the PC/SC daemon is away."""


class _Place:
    """A reader as the callers see it: a thread, and a lock that whoever holds the card has."""

    def __init__(self, reader: str) -> None:
        self.lane = Lane(reader)
        self.lock = asyncio.Lock()
        self.retired = False

    def retire(self) -> None:
        """The reader is gone: end the thread, after whoever holds the card has let go."""
        self.retired = True
        if not self.lock.locked():
            self.lane.close()

    def release(self) -> None:
        """Whoever held the card has let go."""
        self.lock.release()
        if self.retired:
            self.lane.close()


class ReaderHub:
    """All readers of this process, watched, and their cards, lent to one caller at a time.

    ``card_wait``: seconds a caller waits for a card that another one holds. ``event_queue``: events that may wait for
    one watcher. ``traffic`` makes the logger of each conversation. Everything but the constructor belongs to the event
    loop in which :meth:`start` was awaited.
    """

    def __init__(
        self, readers: Readers, *, card_wait: float = 5.0, event_queue: int = 256, traffic: Traffic = no_traffic
    ) -> None:
        self._readers = readers
        self._card_wait = card_wait
        self._traffic = traffic
        self._events = EventLog(event_queue)
        self._places: dict[str, _Place] = {}
        self._stopping = threading.Event()
        self._looked = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self, *, patience: float = 5.0) -> None:
        """Begin to watch; returns after the first look, or after ``patience`` seconds without one."""
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._watch, name="reader watch", daemon=True).start()
        try:
            async with asyncio.timeout(patience):
                await self._looked.wait()
        except TimeoutError:
            _log.warning("readers_not_seen", seconds=patience)

    async def close(self, *, patience: float = 5.0) -> None:
        """Stop watching, end the streams, let the cards go; does not wait for a card that does not answer."""
        self._stopping.set()
        self.end_streams()
        places, self._places = self._places, {}
        for place in places.values():
            place.retire()
        free = {name: asyncio.ensure_future(place.lock.acquire()) for name, place in places.items()}
        if free:
            await asyncio.wait(free.values(), timeout=patience)
        for name, taken in free.items():
            if not taken.done():
                taken.cancel()
                _log.warning("card_still_held", reader=name)
        # Closing may wait for a card that hangs: in a thread of its own, and not for ever.
        last = Lane("readers close")
        closed = last.submit(self._readers.close)
        last.close()
        await asyncio.wait([closed], timeout=patience)

    def end_streams(self) -> None:
        """Tell every watcher that the service is being stopped."""
        self._events.close(ShuttingDownError())

    def states(self) -> tuple[ReaderState, ...]:
        """Every reader as last seen, in use if a caller of ours has it; raises NoServiceError without a daemon."""
        return tuple(
            replace(state, in_use=True) if self._is_held(state.name) else state for state in self._seen().values()
        )

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[Subscription]:
        """The events of readers and cards, from the present state on."""
        subscription = self._events.subscribe()
        try:
            yield subscription
        finally:
            self._events.unsubscribe(subscription)

    @asynccontextmanager
    async def card(self, reader: str, *, deadline: float) -> AsyncIterator[HeldCard]:
        """The card in a reader, powered and held exclusively; it is reset when the block ends, however it does.

        ``deadline`` is a moment of :func:`time.monotonic`. Raises what :meth:`apdu.readers.Readers.connect` raises,
        :class:`DeadlineError`, and :class:`CardInUseError` when another caller has the card for too long.
        """
        place = self._place(reader)
        await self._take(place, reader, deadline)
        held = HeldCard(self._readers, reader, place.lane, deadline, self._traffic, card_wait=self._card_wait)
        try:
            await held.connect()
            yield held
        finally:
            released = held.let_go()
            released.add_done_callback(lambda _: place.release())
        # All went well: when the caller gets its answer, the card is free for whoever comes next, other programs too.
        await asyncio.wait([released], timeout=max(0.0, deadline - time.monotonic()))

    @asynccontextmanager
    async def addressed(self, place: CardPlace, *, deadline: float) -> AsyncIterator[HeldCard]:
        """The card that a request names: as :meth:`card` for a reader."""
        async with self.card(place.reader, deadline=deadline) as held:
            yield held

    def _seen(self) -> States:
        if self._events.states is None:
            raise NoServiceError("the PC/SC service is away")
        return self._events.states

    def _is_held(self, reader: str) -> bool:
        return reader in self._places and self._places[reader].lock.locked()

    def _place(self, reader: str) -> _Place:
        if self._stopping.is_set():
            raise ShuttingDownError
        if reader not in self._seen():
            raise ReaderNotFoundError("there is no such reader", reader=reader)
        if reader not in self._places:
            self._places[reader] = _Place(reader)
        return self._places[reader]

    async def _take(self, place: _Place, reader: str, deadline: float) -> None:
        try:
            async with asyncio.timeout(min(deadline - time.monotonic(), self._card_wait)):
                await place.lock.acquire()
        except TimeoutError:
            if time.monotonic() >= deadline:
                raise DeadlineError from None
            raise CardInUseError("another call holds the card", reader=reader) from None
        if place.retired:
            place.release()
            raise ReaderNotFoundError("the reader is gone", reader=reader)

    def _watch(self) -> None:
        known: tuple[ReaderState, ...] | None = None
        while not self._stopping.is_set():
            try:
                known = self._readers.states() if known is None else self._readers.wait(known, LOOK)
            except Exception as error:  # noqa: BLE001  the watch goes on whatever happens
                if not isinstance(error, NoServiceError):
                    _log.warning("readers_watch_failed", error=type(error).__name__)
                known = None
            if not self._tell(known):
                return
            if known is None:
                self._stopping.wait(RETRY)

    def _tell(self, known: tuple[ReaderState, ...] | None) -> bool:
        assert self._loop is not None, "started before watching"
        states = None if known is None else {state.name: state for state in known}
        try:
            self._loop.call_soon_threadsafe(self._note, states)
        except RuntimeError:
            return False  # the event loop was closed
        return True

    def _note(self, states: States | None) -> None:
        if self._stopping.is_set():
            return
        before, first = self._events.states, not self._looked.is_set()
        self._events.update(states)
        self._looked.set()
        if states is None and (first or before is not None):
            _log.warning("readers_away")
        elif states is not None and before is None and not first:
            _log.info("readers_back")
        # A reader that was unplugged gets a new thread when it comes back: the old one may hang in it for ever.
        for name in self._places.keys() - (states or {}).keys():
            self._places.pop(name).retire()
