"""Callers who do whatever they can with two cards and a PIN service, for the invariants that must hold all the same.

What is judged is what really reached the cards (:class:`~tests.services.pin_desk.RecordingCard`), never what the
service says that it did.
"""

import asyncio
import datetime as dt
import itertools
import time
from abc import abstractmethod
from contextlib import suppress
from typing import Any, ClassVar

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from apdu.errors import CardError
from cardlib.flows.read_files import read_files
from cardlib.forms import FormMemory
from cardlib.written.entries import packed_pin
from services.errors import ServiceError
from services.places import CardPlace
from services.registry.lifecycle import CardState
from services.store.operations import SqlOperations
from simulator.people import READY
from sscard.v1 import lease_pb2, pin_pb2
from tests.services.pin_desk import INITIAL, NEW, OWN, WRONG, Call, PinDesk, RecordingCard, Sent

READERS = ("a", "b")
IDENTIFIERS = {
    name: READY["2.0"].contents(serial)["issuer"]["card_identifier"].digits for serial, name in enumerate(READERS, 1)
}
NUMBERS = itertools.count(1)

readers = st.sampled_from(READERS)
pins = st.sampled_from((OWN, INITIAL, NEW, WRONG))
new_pins = st.sampled_from((OWN, NEW, NEW, INITIAL))
names = st.sampled_from(("r1", "r2", "r3"))
sometimes = st.booleans()
cuts = (
    st.none()
    | st.tuples(st.integers(0, 2), st.booleans(), st.just(value=True))
    | st.tuples(st.integers(2, 11), st.booleans(), st.just(value=False))
)
"""After how many commands the card is pulled, whether it carries the last one out, whether PINs alone are counted."""
statuses = st.sampled_from(("6985", "6A88", "6F00", "6200", "9001"))


class PinWorld(RuleBasedStateMachine):
    """Two cards, in two readers or kept under leases. ``engine``: where the journal is.

    :meth:`judge` is told of every call with all that a card carried out meanwhile.
    """

    NAME: ClassVar[str] = ""

    def __init__(self, engine: Any) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.engine = engine
        self.number = next(NUMBERS)
        self.leases: dict[str, tuple[str, int]] = {}

    @abstractmethod
    def judge(self, call: Call, card: RecordingCard, sent: list[Sent]) -> None:
        """Fail where the invariant was broken."""

    def restarted(self) -> None:
        """The service ended, and another began: what it kept in memory is gone."""

    # --- the world ---

    @initialize(
        own=st.tuples(st.sampled_from((OWN, INITIAL, "")), st.sampled_from((OWN, INITIAL))),
        tries=st.tuples(st.integers(1, 2), st.integers(2, 4)),
        states=st.tuples(*[st.sampled_from((None, CardState.DELIVERED, CardState.ACTIVATED))] * 2),
    )
    def begin(self, own, tries, states) -> None:
        made = zip(READERS, own, tries, strict=True)
        self.cards = {name: RecordingCard(serial, *rest) for serial, (name, *rest) in enumerate(made, 1)}
        self.desk = PinDesk(self.cards, journal=lambda: SqlOperations(self.engine))
        for name, state in zip(READERS, states, strict=True):
            self.set_state(name, state)
        self.runner.run(self.desk.start())

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.runner.run(self.desk.close())
        self.runner.close()

    def set_state(self, name: str, state: CardState | None) -> None:
        self.desk.states.pop(IDENTIFIERS[name], None)
        if state is not None:
            self.desk.states[IDENTIFIERS[name]] = state

    @rule(name=readers)
    def card_is_activated(self, name) -> None:
        self.set_state(name, CardState.ACTIVATED)

    @rule(name=readers, status=st.none() | statuses, after=st.integers(0, 1))
    def card_says_nothing(self, name, status, after) -> None:
        """Or says again how its PIN stands. ``after``: so many questions are answered before."""
        self.cards[name].say(None if status is None else bytes.fromhex(status), after)

    @rule(name=readers)
    def card_answers_oddly(self, name) -> None:
        self.cards[name].odd = bytes.fromhex("6581")

    @rule()
    def service_restarts(self) -> None:
        self.leases.clear()
        self.runner.run(self.desk.restart())
        self.restarted()

    @rule(name=readers)
    def card_is_kept(self, name) -> None:
        async def acquire() -> None:
            view = await self.desk.hub.leases.acquire(name, deadline=time.monotonic() + 5, wait=0)
            self.leases[name] = view.lease_id, view.epoch

        with suppress(CardError, ServiceError):
            self.runner.run(acquire())

    @rule(name=readers)
    def card_is_released(self, name) -> None:
        if name in self.leases:
            lease_id, _ = self.leases.pop(name)
            self.runner.run(self.desk.hub.leases.release(lease_id, deadline=time.monotonic() + 5))

    @rule(name=readers)
    def lease_is_renewed(self, name) -> None:
        async def renew() -> None:
            view = await self.desk.hub.leases.renew(self._place(name), deadline=time.monotonic() + 5)
            self.leases[name] = view.lease_id, view.epoch

        if name in self.leases:
            with suppress(CardError, ServiceError):
                self.runner.run(renew())

    # --- callers ---

    @rule(name=readers, pin=pins, last=sometimes, new=sometimes, cut=cuts)
    def verify(self, name, pin, last, new, cut) -> None:
        request = pin_pb2.VerifyPinRequest(pin=pin, allow_last_try=last, card_is_new=new, **self._where(name))
        self._called(Call("VerifyPin", name, last, new), request, cut)

    @rule(name=readers, pin=pins, last=sometimes, cut=cuts)
    def read(self, name, pin, last, cut) -> None:
        self._called(Call("ReadFiles", name, last, False), (self._place(name), pin, last), cut)

    @rule(name=readers, old=pins, to=new_pins, last=sometimes, new=sometimes, request=names, cut=cuts)
    def change(self, name, old, to, last, new, request, cut) -> None:  # noqa: PLR0917  as hypothesis calls it
        message = pin_pb2.ChangePinRequest(
            request_id=self._request_id(request, name),
            old_pin=old,
            new_pin=to,
            allow_last_try=last,
            card_is_new=new,
            **self._where(name),
        )
        self._called(Call("ChangePin", name, last, new), message, cut)

    @rule(name=readers, to=new_pins, cut=cuts)
    def reset(self, name, to, cut) -> None:
        message = pin_pb2.ResetPinRequest(request_id=self._request_id("s", name), new_pin=to, **self._where(name))
        self._called(Call("ResetPin", name), message, cut)

    @rule(name=readers, cut=cuts)
    def unblock(self, name, cut) -> None:
        message = pin_pb2.UnblockPinRequest(request_id=self._request_id("u", name), **self._where(name))
        self._called(Call("UnblockPin", name), message, cut)

    @rule(name=readers, pin=pins, last=sometimes)
    def two_at_once(self, name, pin, last) -> None:
        """The same PIN twice, by two callers: the second one finds what the first has left."""
        request = pin_pb2.VerifyPinRequest(pin=pin, allow_last_try=last, **self._where(name))
        self._called(Call("VerifyPin", name, last, False, times=2), request, None)

    def _request_id(self, name: str, reader: str) -> str:
        return f"w{self.number}-{reader}-{name}"

    def _place(self, name: str) -> CardPlace:
        return CardPlace("", *self.leases[name]) if name in self.leases else CardPlace(name)

    def _where(self, name: str) -> dict[str, Any]:
        place = self._place(name)
        if place.lease_id:
            return {"lease": lease_pb2.CardLease(id=place.lease_id, epoch=place.epoch)}
        return {"reader": name}

    def _called(self, call: Call, request: Any, cut: tuple[int, bool, bool] | None) -> None:
        card = self.cards[call.reader]
        seen = {name: len(one.sent) for name, one in self.cards.items()}
        card.cut, card.carried_out, card.pins_only = cut or (-1, False, False)
        try:
            self.runner.run(self._have_done(call, request))
        except* (CardError, ServiceError):
            pass
        card.cut, card.odd = -1, None
        for name, one in self.cards.items():
            assert name == call.reader or len(one.sent) == seen[name], "the other card was told something"
        self.judge(call, card, card.sent[seen[call.reader] :])

    async def _have_done(self, call: Call, request: Any) -> None:
        if call.method == "ReadFiles":
            await self._have_read(*request)
            return
        async with asyncio.TaskGroup() as group:
            for _ in range(call.times):
                group.create_task(self.desk.call(call.method, request))

    async def _have_read(self, place: CardPlace, pin: str, last: bool) -> None:
        async with self.desk.hub.addressed(place, deadline=time.monotonic() + 5) as held:
            flow = read_files(
                held.atr,
                ["medical_transactions"],
                rng=bytes,
                today=dt.date(2026, 1, 15),
                forms=FormMemory(),
                pin=packed_pin(pin),
                allow_last_try=last,
                pin_verified=held.pin_verified,
            )
            await held.run(flow, self.desk.custodian.answer)
