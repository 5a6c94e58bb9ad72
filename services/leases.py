"""Leases: a card that a caller keeps for several calls (占用).

A lease is exclusive. It lasts as long as it is used, ``idle`` seconds after that, and ``longest`` seconds in all; then,
and whenever else it ends, the card is reset before anybody else has it. Between its calls the card stays powered, so
that what was verified stays verified. Whatever may have changed the card (taken out and put back, a command without an
answer, a call left half-way) makes the lease *unsettled*: nothing is sent to the card until it has been powered anew
and recognised, which :meth:`Leases.renew` does and which makes a new epoch.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import structlog

from apdu.errors import NoCardError
from apdu.flow import refuse
from apdu.readers import ReaderState
from cardlib.flows.pin import CardMark
from cardlib.flows.recognise import CardTraits, recognise
from cardlib.forms import FormMemory
from services.audit.subject import about
from services.callers.caller import current_caller
from services.card import HeldCard, PoweredCard
from services.errors import (
    CallEndedError,
    DeadlineError,
    LeaseEndedError,
    LeaseEpochError,
    LeaseOtherCardError,
    ShuttingDownError,
)
from services.events import EventLog
from services.holding import Holder, Slot, Turn
from services.places import CardPlace

_log = structlog.get_logger("services.leases")

ID_SIZE = 16
"""Bytes of a lease's id: who does not know it does not guess it."""


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """How long leases last, in seconds: ``idle`` without being used, ``longest`` in all; ``clock`` counts them."""

    idle: float = 30.0
    longest: float = 300.0
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class LeaseView:
    """A lease as it stands (占用状态). ``idle_left``, ``left``: seconds until it ends unused, and in any case."""

    lease_id: str = field(repr=False)
    epoch: int
    reader: str
    idle_left: float
    left: float
    atr: bytes = field(repr=False)
    pin_verified: bool
    mark: CardMark | None = field(repr=False)
    """Which card it is; None for what is no social security card."""


class _Lease:
    """One lease; moments are those of the clock of the terms."""

    def __init__(self, slot: Slot, card: PoweredCard, institution: str, idle: float, ends: float) -> None:
        self.id = secrets.token_hex(ID_SIZE)
        self.slot = slot
        self.card = card
        self.institution = institution
        self.idle = idle
        self.ends = ends
        self.expires = ends
        self.traits: CardTraits = b""
        self.settled = False
        self.told_free = False
        self.ending: asyncio.Future[None] | None = None
        self.turn = Turn(slot.reader)
        self.user: HeldCard | None = None
        self.timer: asyncio.TimerHandle | None = None

    @property
    def mark(self) -> CardMark | None:
        """Which card it is; None for what is no social security card."""
        return self.traits if isinstance(self.traits, CardMark) else None

    def over(self) -> bool:
        """Whether it has ended, though its card may not have been reset yet."""
        return self.ending is not None

    def due(self) -> float:
        """When it ends if nothing happens: a call that is being answered keeps it until its very end."""
        return self.ends if self.user is not None else self.expires

    def unsettle(self) -> None:
        """Nobody can say what the card knows."""
        self.settled = False
        self.card.pin_verified = False


class Leases:
    """All leases of this process. Event loop only.

    ``slot_of`` finds a reader or raises, ``card_of`` is a card in it without power, ``held`` holds a card for one call.
    ``wait``: seconds that a call waits for another one of its own lease, or of others to acquire a card.
    """

    def __init__(  # noqa: PLR0913  # made in one place
        self,
        slot_of: Callable[[str], Slot],
        card_of: Callable[[Slot], PoweredCard],
        held: Callable[[PoweredCard, float], HeldCard],
        events: EventLog,
        terms: LeaseTerms,
        *,
        wait: float,
    ) -> None:
        self._slot_of = slot_of
        self._card_of = card_of
        self._held = held
        self._events = events
        self._terms = terms
        self._wait = wait
        self._leases: dict[str, _Lease] = {}
        self._ending: set[_Lease] = set()
        """Those that are over, and whose cards are still being reset."""
        self._forms = FormMemory()
        self._closed = False

    async def acquire(
        self, reader: str, *, deadline: float, idle: float | None = None, wait: float | None = None
    ) -> LeaseView:
        """Keep the card in a reader for the caller's institution.

        ``deadline``: a moment of :func:`time.monotonic`. ``idle``: seconds, as much as the terms allow if it is more or
        None. ``wait``: seconds to wait for others. Raises what :meth:`services.readers.ReaderHub.card` raises.
        """
        institution = current_caller().institution
        slot = self._slot_of(reader)
        holder = Holder(institution, deadline)
        await slot.take(holder, deadline=deadline, wait=self._wait if wait is None else wait)
        card = self._card_of(slot)
        held = self._held(card, deadline)
        terms = self._terms
        try:
            traits = await self._recognised(held)
            self._check_open(slot)
        except BaseException:
            held.let_go().add_done_callback(lambda _: slot.release())
            raise
        held.end()
        idle = terms.idle if idle is None else min(idle, terms.idle)
        lease = _Lease(slot, card, institution, idle, terms.clock() + terms.longest)
        lease.traits, lease.settled = traits, True
        self._leases[lease.id] = lease
        slot.turn.hand_to(Holder(institution, time.monotonic() + terms.longest))
        self._events.hold(reader, institution)
        self._touch(lease)
        return self._view(lease)

    @asynccontextmanager
    async def use(self, place: CardPlace, *, deadline: float) -> AsyncIterator[HeldCard]:
        """The card of a lease, for one call; raises LeaseEndedError, LeaseEpochError, CardInUseError, DeadlineError.

        While the slot is empty: :class:`~apdu.errors.NoCardError`. A call that the end of the lease cuts short gets
        LeaseEndedError.
        """
        async with self._turn(place, deadline) as (lease, held):
            if not lease.settled and self._is_empty(lease):
                raise NoCardError("there is no card in the slot", reader=lease.slot.reader)
            if not lease.settled or place.epoch != lease.card.epoch:
                raise LeaseEpochError(reader=lease.slot.reader)
            self._touch(lease)
            try:
                yield held
            finally:
                self._touch(lease)

    async def renew(self, place: CardPlace, *, deadline: float) -> LeaseView:
        """Have a lease last longer; an unsettled one gets its card powered and recognised. The epoch may be an old one.

        Raises LeaseEndedError, :class:`LeaseOtherCardError` for another card, which ends the lease, CardInUseError,
        DeadlineError, and what :meth:`apdu.readers.Readers.connect` raises, after which the lease goes on.
        """
        async with self._turn(place, deadline) as (lease, held):
            if not lease.settled:
                traits = await self._recognised(held)
                if lease.over():
                    raise LeaseEndedError
                if traits != lease.traits:
                    self._end(lease, "other card")
                    raise LeaseOtherCardError(reader=lease.slot.reader)
                lease.settled = True
            self._touch(lease)
            return self._view(lease)

    async def release(self, lease_id: str, *, deadline: float) -> None:
        """End a lease; returns when the card was reset and is free. One that is over, or another's, is no error.

        Raises :class:`DeadlineError` when the card does not let itself be reset.
        """
        with suppress(LeaseEndedError):
            lease = self._mine(lease_id)
            about(reader=lease.slot.reader)
            done = self._end(lease, "released")
            await asyncio.wait([done], timeout=max(0.0, deadline - time.monotonic()))
            if not done.done():
                raise DeadlineError

    def note(self, states: Mapping[str, ReaderState]) -> None:
        """Readers as they were just seen: cards taken out unsettle their leases, readers that are gone end them."""
        for lease in (*self._leases.values(), *self._ending):
            seen = states.get(lease.slot.reader)
            if seen is None:
                self._tell_free(lease)
                self._end(lease, "reader gone")
            elif seen.insertions > lease.card.insertions:
                lease.unsettle()

    def sweep(self) -> None:
        """End the leases whose time is over; happens by itself, too."""
        for lease in tuple(self._leases.values()):
            self._look_at_time(lease)

    def close(self) -> None:
        """End all leases: the service is being stopped."""
        self._closed = True
        for lease in tuple(self._leases.values()):
            self._end(lease, "service stops")

    @asynccontextmanager
    async def _turn(self, place: CardPlace, deadline: float) -> AsyncIterator[tuple[_Lease, HeldCard]]:
        """The lease and its card, for one call at a time; afterwards it is known in which state the card is."""
        lease = self._mine(place.lease_id)
        last = time.monotonic() + max(0.0, lease.ends - self._terms.clock())
        try:
            await lease.turn.take(
                Holder(lease.institution, min(deadline, last)), deadline=min(deadline, last), wait=self._wait
            )
        except DeadlineError:
            raise (LeaseEndedError if last < deadline else DeadlineError) from None
        if lease.over():
            lease.turn.release()
            raise LeaseEndedError
        held = lease.user = self._held(lease.card, min(deadline, last))
        held.mark = lease.mark
        self._arm(lease)
        try:
            yield lease, held
        except DeadlineError:
            if last < deadline:
                self._end(lease, "time over")
                raise LeaseEndedError from None
            raise
        except CallEndedError:
            raise (LeaseEndedError if lease.over() else CallEndedError) from None
        finally:
            self._leave(lease, held)

    def _leave(self, lease: _Lease, held: HeldCard) -> None:
        """A call is over."""
        unknown = held.end()
        lease.user = None
        self._arm(lease)
        if unknown and not lease.over():
            # In the reader's thread, after what may be on its way still; the next call of the lease waits for it.
            lease.unsettle()
            lease.card.lane.submit(lease.card.restart).add_done_callback(lambda _: lease.turn.release())
        else:
            lease.turn.release()

    async def _recognised(self, held: HeldCard) -> CardTraits:
        """Power the card and tell which one it is."""
        await held.connect()
        # First the number of the insertion, then the card: one that is pulled out between the two does not answer.
        await held.look()
        return await held.run(recognise(held.atr, rng=secrets.token_bytes, forms=self._forms), refuse)

    def _mine(self, lease_id: str) -> _Lease:
        """A lease of the caller's institution; nobody is told that others have one."""
        lease = self._leases.get(lease_id)
        if lease is not None:
            self._look_at_time(lease)
        if lease is None or lease.over() or lease.institution != current_caller().institution:
            raise LeaseEndedError
        return lease

    def _check_open(self, slot: Slot) -> None:
        slot.check_open()
        if self._closed:
            raise ShuttingDownError

    def _is_empty(self, lease: _Lease) -> bool:
        state = (self._events.states or {}).get(lease.slot.reader)
        return state is not None and not state.present

    def _touch(self, lease: _Lease) -> None:
        """It was used."""
        lease.expires = min(self._terms.clock() + lease.idle, lease.ends)
        self._arm(lease)

    def _arm(self, lease: _Lease) -> None:
        if lease.timer is not None:
            lease.timer.cancel()
        if not lease.over():
            left = max(0.0, lease.due() - self._terms.clock())
            lease.timer = asyncio.get_running_loop().call_later(left, self._time_came, lease)

    def _time_came(self, lease: _Lease) -> None:
        self._look_at_time(lease)
        if not lease.over():
            self._arm(lease)

    def _look_at_time(self, lease: _Lease) -> None:
        if not lease.over() and self._terms.clock() >= lease.due():
            self._end(lease, "time over")

    def _end(self, lease: _Lease, why: str) -> "asyncio.Future[None]":
        """Reset the card, after a command that may be on its way, and let the next caller have it."""
        if lease.ending is None:
            lease.unsettle()
            del self._leases[lease.id]
            self._ending.add(lease)
            if lease.timer is not None:
                lease.timer.cancel()
            if lease.user is not None:
                lease.user.end()
            # A command on its way is waited for, and nobody knows how long that takes.
            lease.slot.turn.hand_to(Holder(lease.institution, time.monotonic()))
            lease.ending = lease.card.lane.submit(lease.card.disconnect)
            lease.ending.add_done_callback(lambda _: self._freed(lease))
            _log.info("lease_ended", reader=lease.slot.reader, institution=lease.institution, why=why)
        return lease.ending

    def _freed(self, lease: _Lease) -> None:
        self._ending.discard(lease)
        self._tell_free(lease)
        lease.slot.release()

    def _tell_free(self, lease: _Lease) -> None:
        """Once: by the time a card that hangs is let go, its reader may be back, and another lease's."""
        if not lease.told_free:
            lease.told_free = True
            self._events.free(lease.slot.reader)

    def _view(self, lease: _Lease) -> LeaseView:
        now = self._terms.clock()
        assert lease.card.connection is not None, "a settled lease has its card"
        return LeaseView(
            lease.id,
            lease.card.epoch,
            lease.slot.reader,
            idle_left=max(0.0, lease.expires - now),
            left=max(0.0, lease.ends - now),
            atr=lease.card.connection.atr,
            pin_verified=lease.card.pin_verified,
            mark=lease.mark,
        )
