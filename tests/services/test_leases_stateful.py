"""Leases under any order of calls, cards and clocks: what was verified under one lease is never another's.

The model says who may use the card. Whether a PIN is verified, and what reached the card, is seen from the card's side.
"""

import asyncio
import contextvars
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from apdu.errors import CardInUseError, NoCardError
from apdu.transport.inprocess import InProcessReaders
from services.errors import LeaseEndedError, LeaseEpochError, LeaseOtherCardError
from services.places import CardPlace
from tests.services.leased import caller, challenge, challenges, made_hub, nobody, soon, told, until, verify

R = "leased"
IDLE, LONGEST = 10.0, 35.0
INSTITUTIONS = st.sampled_from(["bank-1", "clinic-2"])


@dataclass
class Lease:
    """What the model knows of one lease."""

    id: str
    institution: str
    card: int
    epoch: int
    idle: float
    expires: float
    ends: float
    settled: bool = True
    verified: bool = False
    old_epochs: list[int] = field(default_factory=list)


class Leases(RuleBasedStateMachine):
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.now = 0.0
        self.cards = [told(), told(copy=1)]
        self.readers = InProcessReaders([R])
        self.slot: int | None = 0
        self.readers.insert(R, self.cards[0], t0=True)
        self.hub = made_hub(self.readers, clock=lambda: self.now, idle=IDLE, longest=LONGEST, wait=5)
        self.do(self.hub.start())
        self.holder: Lease | None = None
        self.epochs = [0]

    def do(self, work):
        # The runner's own context would not know who calls.
        return self.runner.run(work, context=contextvars.copy_context())

    def teardown(self) -> None:
        self.do(self.hub.close())
        self.runner.close()
        assert not any(card.powered for card in self.cards)

    async def seen(self) -> None:
        state = self.readers.states()[0].insertions
        await until(lambda: self.hub.states()[0].insertions == state)

    def told_so_far(self) -> list[tuple[int, int]]:
        return [(card.powerings, len(card.commands)) for card in self.cards]

    # --- what callers do ---

    @rule(target=leases, institution=INSTITUTIONS, idle=st.sampled_from([None, 5.0, 100.0]))
    def acquire(self, institution: str, idle: float | None) -> Lease | None:
        with caller(institution):
            work = self.hub.leases.acquire(R, deadline=soon(), idle=idle, wait=0.0)
            if self.holder is not None:
                with pytest.raises(CardInUseError) as raised:
                    self.do(work)
                assert raised.value.held_by == self.holder.institution
                return None
            if self.slot is None:
                with pytest.raises(NoCardError):
                    self.do(work)
                self.over()
                return None
            view = self.do(work)
        assert view.epoch > max(self.epochs)
        assert not view.pin_verified
        self.epochs.append(view.epoch)
        idle = min(idle or IDLE, IDLE)
        self.holder = Lease(
            view.lease_id, institution, self.slot, view.epoch, idle, self.now + idle, self.now + LONGEST
        )
        return self.holder

    def outcome(self, lease: Lease, institution: str, epoch: int):
        """What a use of a lease is to bring; None: it is allowed."""
        if lease is not self.holder or institution != lease.institution:
            return LeaseEndedError
        if not lease.settled and self.slot is None:
            return NoCardError
        return None if lease.settled and epoch == lease.epoch else LeaseEpochError

    @rule(
        lease=leases.filter(lambda lease: lease is not None),
        stranger=st.booleans(),
        stale=st.booleans(),
        with_pin=st.booleans(),
        given_up=st.booleans(),
    )
    def use(self, lease: Lease, *, stranger: bool, stale: bool, with_pin: bool, given_up: bool) -> None:
        institution = "stranger" if stranger else lease.institution
        epoch = (lease.old_epochs or [lease.epoch - 1])[-1] if stale else lease.epoch
        with caller(institution):
            if refusal := self.outcome(lease, institution, epoch):
                before = self.told_so_far()
                with pytest.raises(refusal):
                    self.do(self.call(lease, epoch))
                assert self.told_so_far() == before, "nothing reaches a card"
                return
            if given_up:
                self.do(self.call_given_up(lease, epoch))
                lease.settled = lease.verified = False
            elif with_pin:
                view = self.do(self.hub.leases.renew(CardPlace(lease_id=lease.id, epoch=epoch), deadline=soon()))
                self.do(verify(self.hub, view))
                lease.verified = True
            else:
                assert self.do(self.call(lease, epoch)) == lease.verified
        lease.expires = min(self.now + lease.idle, lease.ends)

    async def call(self, lease: Lease, epoch: int) -> bool:
        async with self.hub.addressed(CardPlace(lease_id=lease.id, epoch=epoch), deadline=soon()) as card:
            await card.run(challenge(), nobody)
            return card.pin_verified

    async def call_given_up(self, lease: Lease, epoch: int) -> None:
        chip = self.cards[lease.card]
        powerings = chip.powerings

        async def long_call() -> None:
            async with self.hub.addressed(CardPlace(lease_id=lease.id, epoch=epoch), deadline=soon()) as card:
                await card.run(challenges(9), nobody)

        chip.hold()
        call = asyncio.ensure_future(long_call())
        assert await asyncio.to_thread(chip.waits.wait, 20)
        call.cancel()
        await asyncio.wait([call])
        chip.go_on()
        await until(lambda: chip.powerings > powerings)

    @rule(lease=leases.filter(lambda lease: lease is not None), stranger=st.booleans())
    def renew(self, lease: Lease, *, stranger: bool) -> None:
        institution = "stranger" if stranger else lease.institution
        work = self.hub.leases.renew(CardPlace(lease_id=lease.id, epoch=0), deadline=soon())
        with caller(institution):
            if lease is not self.holder or stranger:
                with pytest.raises(LeaseEndedError):
                    self.do(work)
                return
            if not lease.settled and self.slot is None:
                with pytest.raises(NoCardError):
                    self.do(work)
                return
            if not lease.settled and self.slot != lease.card:
                with pytest.raises(LeaseOtherCardError):
                    self.do(work)
                self.over()
                return
            view = self.do(work)
        assert view.pin_verified == lease.verified
        if lease.settled:
            assert view.epoch == lease.epoch
        else:
            assert view.epoch > max(self.epochs)
            self.epochs.append(view.epoch)
            lease.old_epochs.append(lease.epoch)
            lease.epoch, lease.settled = view.epoch, True
        lease.expires = min(self.now + lease.idle, lease.ends)

    @rule(lease=leases.filter(lambda lease: lease is not None), stranger=st.booleans())
    def release(self, lease: Lease, *, stranger: bool) -> None:
        with caller("stranger" if stranger else lease.institution):
            self.do(self.hub.leases.release(lease.id, deadline=soon()))
        if lease is self.holder and not stranger:
            self.over()

    # --- what happens to the card and to the time ---

    @rule()
    def pull(self) -> None:
        self.readers.remove(R)
        self.slot = None
        self.do(self.seen())
        self.unsettle()

    @rule(card=st.sampled_from([0, 0, 1]), unseen=st.booleans())
    def swap(self, card: int, *, unseen: bool) -> None:
        """Whatever is in the slot is exchanged for a card; ``unseen``: the same, between two looks at the readers."""
        if not unseen:
            self.pull()
        self.readers.remove(R)
        self.readers.insert(R, self.cards[card], t0=True)
        self.slot = card
        self.do(self.seen())
        self.unsettle()

    @rule(seconds=st.sampled_from([1.0, 4.0, 6.0, 11.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.do(self.swept())
        if self.holder is not None and self.now >= min(self.holder.expires, self.holder.ends):
            self.over()

    async def swept(self) -> None:
        self.hub.leases.sweep()

    def unsettle(self) -> None:
        if self.holder is not None:
            self.holder.settled = self.holder.verified = False

    def over(self) -> None:
        self.holder = None
        self.do(until(lambda: not self.hub.states()[0].in_use))

    # --- what is always so ---

    @invariant()
    def a_verified_pin_is_that_of_the_present_lease(self) -> None:
        for number, card in enumerate(self.cards):
            holder = self.holder
            mine = holder is not None and number == holder.card and holder.settled and holder.verified
            assert card.verified == mine

    @invariant()
    def a_card_has_power_for_its_lease_alone(self) -> None:
        for number, card in enumerate(self.cards):
            assert not card.powered or (self.holder is not None and self.holder.card == number)


Leases.TestCase.settings = settings(
    max_examples=50, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestLeases = Leases.TestCase
