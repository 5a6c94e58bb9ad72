"""The hub: who is at which reader, and what happens there.

One thread watches all readers; each reader's card work is done by one thread of its own (:mod:`services.lane`), so that
a card that never answers holds up nobody but those who want this reader.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from apdu.errors import NoServiceError, ReaderNotFoundError
from apdu.readers import Readers, ReaderState
from services.audit.subject import about
from services.callers.caller import current_caller
from services.card import HeldCard, PoweredCard, Traffic, no_traffic
from services.errors import ShuttingDownError
from services.events import EventLog, States, Subscription
from services.holding import Holder, Slot
from services.lane import Lane
from services.leases import Leases, LeaseTerms
from services.pin_guard import PinGuard, no_registry
from services.places import CardPlace

_log = structlog.get_logger("services.readers")

LOOK, RETRY = 1.0, 0.5
"""Seconds: how long one look at the readers lasts at most, and the pause while the PC/SC daemon is away."""


class ReaderHub:
    """All readers of this process, watched, and their cards, lent to one caller at a time, in the order of asking.

    ``card_wait``: seconds a caller waits for a card that another one holds. ``event_queue``: events that may wait for
    one watcher, ``event_history``: past ones that are kept. ``traffic`` makes the logger of each conversation.
    ``terms``: how long leases last. ``pin_guard``: asked about each PIN that goes to a card. Everything but the
    constructor belongs to the event loop in which :meth:`start` was awaited.
    """

    def __init__(  # noqa: PLR0913  # settings, each by its name
        self,
        readers: Readers,
        *,
        card_wait: float = 5.0,
        event_queue: int = 256,
        event_history: int = 1024,
        traffic: Traffic = no_traffic,
        terms: LeaseTerms | None = None,
        pin_guard: PinGuard | None = None,
    ) -> None:
        self._readers = readers
        self._card_wait = card_wait
        self._traffic = traffic
        self._events = EventLog(event_queue, event_history)
        self._slots: dict[str, Slot] = {}
        self._pin_guard = pin_guard or PinGuard(no_registry, ())
        self._epochs = itertools.count(1).__next__
        self.leases = Leases(self._slot, self._card, self._held, self._events, terms or LeaseTerms(), wait=card_wait)
        """The cards that callers keep for several calls."""
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
        self.leases.close()
        slots, self._slots = self._slots, {}
        for slot in slots.values():
            slot.retire(stopping=True)
        free = {name: asyncio.ensure_future(slot.turn.free()) for name, slot in slots.items()}
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

    @property
    def instance(self) -> str:
        """Names this run of the service, for :meth:`watch`."""
        return self._events.instance

    @asynccontextmanager
    async def watch(self, instance: str = "", after: int = 0) -> AsyncIterator[Subscription]:
        """The events of readers and cards, from the present state on, or behind event ``after`` of run ``instance``.

        Raises what :meth:`services.events.EventLog.resume` raises.
        """
        subscription = self._events.resume(instance, after) if instance else self._events.subscribe()
        try:
            yield subscription
        finally:
            self._events.unsubscribe(subscription)

    @asynccontextmanager
    async def card(self, reader: str, *, deadline: float) -> AsyncIterator[HeldCard]:
        """The card in a reader, powered and held exclusively; it is reset when the block ends, however it does.

        ``deadline`` is a moment of :func:`time.monotonic`. Raises what :meth:`apdu.readers.Readers.connect` raises,
        :class:`~services.errors.DeadlineError`, and :class:`~apdu.errors.CardInUseError` when another caller has the
        card for too long.
        """
        slot = self._slot(reader)
        await slot.take(Holder(current_caller().institution, deadline), deadline=deadline, wait=self._card_wait)
        held = self._held(self._card(slot), deadline)
        try:
            await held.connect()
            yield held
        finally:
            released = held.let_go()
            released.add_done_callback(lambda _: slot.release())
        # All went well: when the caller gets its answer, the card is free for whoever comes next, other programs too.
        await asyncio.wait([released], timeout=max(0.0, deadline - time.monotonic()))

    @asynccontextmanager
    async def addressed(self, place: CardPlace, *, deadline: float) -> AsyncIterator[HeldCard]:
        """The card that a request names: as :meth:`card` for a reader, as :meth:`Leases.use` under a lease."""
        lent = (
            self.leases.use(place, deadline=deadline) if place.lease_id else self.card(place.reader, deadline=deadline)
        )
        async with lent as held:
            about(reader=held.reader)
            yield held

    def _seen(self) -> States:
        if self._events.states is None:
            raise NoServiceError("the PC/SC service is away")
        return self._events.states

    def _is_held(self, reader: str) -> bool:
        return reader in self._slots and self._slots[reader].turn.taken

    def _slot(self, reader: str) -> Slot:
        if self._stopping.is_set():
            raise ShuttingDownError
        if reader not in self._seen():
            raise ReaderNotFoundError("there is no such reader", reader=reader)
        if reader not in self._slots:
            self._slots[reader] = Slot(reader)
        return self._slots[reader]

    def _card(self, slot: Slot) -> PoweredCard:
        return PoweredCard(self._readers, slot.lane, slot.reader, self._epochs)

    def _held(self, card: PoweredCard, deadline: float) -> HeldCard:
        return HeldCard(card, deadline, self._pin_guard, traffic=self._traffic, card_wait=self._card_wait)

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
        self.leases.note(states or {})
        self._events.update(states)
        self._looked.set()
        if states is None and (first or before is not None):
            _log.warning("readers_away")
        elif states is not None and before is None and not first:
            _log.info("readers_back")
        # A reader that was unplugged gets a new thread when it comes back: the old one may hang in it for ever.
        for name in self._slots.keys() - (states or {}).keys():
            self._slots.pop(name).retire()
