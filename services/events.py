"""What happens to readers and cards, as numbered events that any number of callers watch."""

import asyncio
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import dropwhile

from apdu.readers import ReaderState
from services.errors import EventsLostError, InvalidRequestError


class EventKind(Enum):
    """What happened; the names are those of ``sscard.v1.ReaderEvent.Kind`` without ``KIND_``."""

    READER_ADDED = auto()
    READER_REMOVED = auto()
    CARD_INSERTED = auto()
    CARD_REMOVED = auto()
    CARD_MUTE = auto()
    SERVICE_LOST = auto()
    SERVICE_BACK = auto()
    INITIAL_COMPLETE = auto()
    CARD_HELD = auto()
    CARD_FREE = auto()


@dataclass(frozen=True, slots=True)
class Event:
    """One event (事件): ``reader`` is its state afterwards, None where the event is about no reader.

    ``sequence``: 1 and up without gaps; of ``initial`` events the number of the last one that their state includes.
    ``held_by``: the institution of CARD_HELD and CARD_FREE.
    """

    sequence: int
    kind: EventKind
    reader: ReaderState | None = None
    initial: bool = False
    held_by: str = ""


Change = tuple[EventKind, ReaderState | None]
States = Mapping[str, ReaderState]


def card_kind(state: ReaderState) -> EventKind | None:
    """The event that tells of the card in a slot; None for an empty one."""
    if not state.present:
        return None
    return EventKind.CARD_MUTE if state.mute else EventKind.CARD_INSERTED


def changes(old: States | None, new: States | None) -> Iterator[Change]:
    """What happened between two looks at the readers; None stands for a PC/SC daemon that is away."""
    if old is None and new is not None:
        yield EventKind.SERVICE_BACK, None
    before, after = old or {}, new or {}
    for name, was in before.items():
        yield from _changes_of_slot(was, after.get(name))
    for name, state in after.items():
        if name not in before:
            yield EventKind.READER_ADDED, state
            if kind := card_kind(state):
                yield kind, state
    if old is not None and new is None:
        yield EventKind.SERVICE_LOST, None


def _changes_of_slot(was: ReaderState, now: ReaderState | None) -> Iterator[Change]:
    if now is None:
        if was.present:
            yield EventKind.CARD_REMOVED, ReaderState(was.name)
        yield EventKind.READER_REMOVED, ReaderState(was.name)
    elif (card_kind(was), was.insertions) != (card_kind(now), now.insertions):
        # A card that is still there under another number was swapped between two looks.
        if was.present and not (now.present and was.insertions == now.insertions):
            yield EventKind.CARD_REMOVED, ReaderState(now.name, insertions=now.insertions)
        if kind := card_kind(now):
            yield kind, now


class Subscription:
    """The events of one watcher: those of the beginning, then each as it happens; at most ``size`` wait.

    Iterating ends with what the subscription was ended by, :class:`EventsLostError` when the watcher is too slow.
    """

    def __init__(self, initial: Iterable[Event], size: int) -> None:
        self._initial = iter(tuple(initial))
        self._waiting: asyncio.Queue[Event | Exception] = asyncio.Queue(size)

    def push(self, event: Event) -> bool:
        """Add an event; False when there was no room for it, and the watcher will be told so."""
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            self.end(EventsLostError())
            return False
        return True

    def end(self, reason: Exception) -> None:
        """Have the watcher get ``reason`` next, instead of what it has not fetched yet."""
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(reason)

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Event:
        if (event := next(self._initial, None)) is not None:
            return event
        item = await self._waiting.get()
        if isinstance(item, Exception):
            raise item
        return item


class EventLog:
    """Numbers the events, keeps the state they lead to, and hands them to the subscriptions. Event loop only.

    ``queue_size``: events that may wait for one watcher. ``history``: past events that are kept.
    """

    def __init__(self, queue_size: int, history: int = 1024) -> None:
        self._queue_size = queue_size
        self._sequence = 0
        self._history: deque[Event] = deque(maxlen=history)
        self._subscriptions: set[Subscription] = set()
        self._known = False
        self._held: dict[str, str] = {}
        self.instance = secrets.token_hex(8)
        """Names this run of the service: sequence numbers of another one mean other events."""
        self.states: States | None = None
        """The readers by name; None while the PC/SC daemon is away."""

    def update(self, states: States | None) -> None:
        """Take note of how the readers are now. The first look makes no events: nobody saw the state before it."""
        before, self.states = self.states, states
        if not self._known:
            self._known = True
            return
        for kind, reader in changes(before, states):
            self._add(kind, reader)

    def hold(self, reader: str, institution: str) -> None:
        """Tell that an institution has leased the card of a reader."""
        self._held[reader] = institution
        self._add(EventKind.CARD_HELD, self._held_state(reader), institution)

    def free(self, reader: str) -> None:
        """Tell that a lease has ended and its card is free."""
        institution = self._held.pop(reader)
        self._add(EventKind.CARD_FREE, replace(self._held_state(reader), in_use=False), institution)

    def subscribe(self) -> Subscription:
        """The present state as ``initial`` events, then what happens; :meth:`unsubscribe` it in the end."""
        return self._subscribe(self._present())

    def resume(self, instance: str, after: int) -> Subscription:
        """The events behind number ``after`` of the run ``instance``, without a gap, then what happens.

        Raises :class:`EventsLostError` where that cannot be told any more, :class:`InvalidRequestError` for a number
        that no event has had yet.
        """
        if instance != self.instance:
            raise EventsLostError("the service was started anew")
        if after > self._sequence:
            raise InvalidRequestError("after_sequence", "is of no event yet")
        if after < self._sequence - len(self._history):
            raise EventsLostError("they are not kept as long as that")
        return self._subscribe(dropwhile(lambda event: event.sequence <= after, self._history))

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a subscription; it may be forgotten already."""
        self._subscriptions.discard(subscription)

    def close(self, reason: Exception) -> None:
        """End every subscription with ``reason``."""
        for each in self._subscriptions:
            each.end(reason)
        self._subscriptions.clear()

    def _add(self, kind: EventKind, reader: ReaderState | None, held_by: str = "") -> None:
        self._sequence += 1
        event = Event(self._sequence, kind, reader, held_by=held_by)
        self._history.append(event)
        self._subscriptions = {each for each in self._subscriptions if each.push(event)}

    def _subscribe(self, beginning: Iterable[Event]) -> Subscription:
        subscription = Subscription(beginning, self._queue_size)
        self._subscriptions.add(subscription)
        return subscription

    def _held_state(self, reader: str) -> ReaderState:
        return replace((self.states or {}).get(reader, ReaderState(reader)), in_use=True)

    def _present(self) -> Iterator[Event]:
        if self.states is None:
            yield Event(self._sequence, EventKind.SERVICE_LOST, initial=True)
        for state in (self.states or {}).values():
            yield Event(self._sequence, EventKind.READER_ADDED, state, initial=True)
            if kind := card_kind(state):
                yield Event(self._sequence, kind, state, initial=True)
            if institution := self._held.get(state.name):
                held = self._held_state(state.name)
                yield Event(self._sequence, EventKind.CARD_HELD, held, initial=True, held_by=institution)
        yield Event(self._sequence, EventKind.INITIAL_COMPLETE, initial=True)
