"""The registry against the declared life of a card, in any order of events; and two callers at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from services.registry.days import activation_deadline, today
from services.registry.errors import CardAlreadyActivatedError, CardStateError
from services.registry.lifecycle import FINAL, TRANSITIONS, CardEvent, CardState
from services.registry.model import MedicalCardState, PersonData
from tests.services.registry.people import MEDICAL, TODAY, Desk

FEW = settings(
    max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
OTHER_EVENTS = st.sampled_from(sorted(set(CardEvent) - {CardEvent.ACTIVATE}))
PLACES = st.integers(0, 9)


class Life(RuleBasedStateMachine):
    """One person's cards: beside each what the declared table says of it."""

    desk: Desk
    people = 0

    @initialize()
    def begin(self) -> None:
        Life.people += 1
        self.desk.now = Life.morning
        data = PersonData(social_security_number=f"{Life.people:018d}", name="张")
        self.person = self.desk.registry.register_person(data)
        self.medical = self.desk.registry.register_medical_card(
            self.person.id, f"M{Life.people}", today=TODAY, operation=self.desk.operation(), result=b""
        )
        self.cards, self.states, self.activated, self.deadlines = [], [], [], []
        self.restricted = False
        self.new_card()

    @rule()
    def new_card(self) -> None:
        self.cards.append(self.desk.card(self.person))
        self.states.append(CardState.ISSUED)
        self.activated.append(False)
        self.deadlines.append(None)

    @rule(place=PLACES, event=OTHER_EVENTS, other=PLACES)
    def happens(self, place: int, event: CardEvent, other: int) -> None:
        place, other = place % len(self.cards), other % len(self.cards)
        replacement = {"replacement_id": self.cards[other].id} if event is CardEvent.REPLACE else {}
        no_use = bool(replacement) and (other == place or self.states[other] in FINAL)
        if self._is_allowed(place, event) and not no_use:
            self.desk.happens(self.cards[place], event, **replacement)
            self._move(place, event)
        else:
            with pytest.raises(CardStateError):
                self.desk.happens(self.cards[place], event, **replacement)

    @rule(place=PLACES)
    def activate(self, place: int) -> None:
        place %= len(self.cards)
        if self._is_allowed(place, CardEvent.ACTIVATE):
            self.desk.activated(self.cards[place])
            self._move(place, CardEvent.ACTIVATE)
        else:
            with pytest.raises(CardStateError):
                self.desk.activated(self.cards[place])

    @rule(days=st.sampled_from([1, 30, 200]))
    def days_pass(self, days: int) -> None:
        self.desk.now += timedelta(days=days)

    @rule()
    def deadlines_are_applied(self) -> None:
        day = today(lambda: self.desk.now)
        overdue = [
            state is CardState.DELIVERED and deadline < day
            for state, deadline in zip(self.states, self.deadlines, strict=True)
        ]
        self.restricted |= any(overdue) and CardState.ACTIVATED not in self.states
        self.desk.registry.apply_deadlines(today=day, operation=self.desk.operation())

    @invariant()
    def the_registry_says_the_same(self) -> None:
        known = {card.id: card for card in self.desk.registry.cards_of(self.person.id)}
        for card, state, activated in zip(self.cards, self.states, self.activated, strict=True):
            assert known[card.id].state is state
            assert (known[card.id].activated is not None) is activated
            assert (self.desk.registry.activation_of(card.id) is not None) is activated

    @invariant()
    def who_is_restricted_has_a_card_that_can_lift_it(self) -> None:
        (medical,) = self.desk.registry.medical_cards_of(self.person.id)
        assert (medical.state is MedicalCardState.RESTRICTED) is self.restricted
        assert not self.restricted or not FINAL.issuperset(self.states)

    def _is_allowed(self, place: int, event: CardEvent) -> bool:
        return self.states[place] in TRANSITIONS[event].sources

    def _move(self, place: int, event: CardEvent) -> None:
        back = CardState.ACTIVATED if self.activated[place] else CardState.DELIVERED
        self.states[place] = TRANSITIONS[event].to or back
        if event is CardEvent.ACTIVATE:
            self.activated[place], self.restricted = True, False
        if event is CardEvent.DELIVER:
            self.deadlines[place] = activation_deadline(today(lambda: self.desk.now))
        if FINAL.issuperset(self.states):
            self.restricted = False


def test_every_order_of_events_ends_where_the_declared_life_says(engine, personal) -> None:
    Life.desk = Desk(engine, personal)
    Life.morning = Life.desk.now
    run_state_machine_as_test(Life, settings=FEW)


def at_once(*works: Callable[[], object]) -> list[object]:
    """What each of several calls returned or raised, begun in the same moment."""
    gate = threading.Barrier(len(works))

    def begun(work: Callable[[], object]) -> object:
        gate.wait(20)
        try:
            return work()
        except CardStateError as error:
            return type(error)

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(begun, works))


@pytest.fixture
def desk(engine, personal) -> Desk:
    return Desk(engine, personal)


def test_of_two_activations_at_once_one_wins_and_the_other_hears_of_it(desk) -> None:
    for _ in range(5):
        card = desk.delivered()

        def activating(operator: str) -> Callable[[], object]:
            made, operation = desk.activation(card, operator=operator), desk.operation()  # noqa: B023  called at once
            return partial(desk.registry.activate, made, operation=operation, result=b"")

        came = at_once(activating("Zhao"), activating("Qian"))
        assert came.count(CardAlreadyActivatedError) == 1
        winner = ("Zhao", "Qian")[came.index(CardAlreadyActivatedError) - 1]
        assert desk.registry.activation_of(card.id).operator == winner


def test_deadlines_applied_by_two_at_once_beside_an_activation_leave_nobody_restricted(desk) -> None:
    long_ago, overdue = date(2026, 1, 1), date(2026, 7, 2)
    for number in range(5):
        data = PersonData(social_security_number=f"{number:018d}", name="张")
        card = desk.delivered(long_ago, person=desk.registry.register_person(data))
        medical = f"{MEDICAL}{number}"
        desk.registry.register_medical_card(
            card.person_id, medical, today=TODAY, operation=desk.operation(), result=b""
        )
        *applied, _ = at_once(
            partial(desk.registry.apply_deadlines, today=overdue, operation=desk.operation()),
            partial(desk.registry.apply_deadlines, today=overdue, operation=desk.operation()),
            partial(desk.registry.activate, desk.activation(card), operation=desk.operation(), result=b""),
        )
        assert sum(restricted for _, restricted in applied) <= 1
        assert desk.registry.medical_card_by_number(medical).state is MedicalCardState.VALID


def test_a_person_and_a_card_that_two_enter_at_once_are_there_once(desk) -> None:
    for number in range(5):
        data = PersonData(social_security_number=f"{number:018d}", name="张")
        first, second = at_once(*[partial(desk.registry.register_person, data)] * 2)
        assert first == second
        identifier = f"{number:032X}"
        entered = partial(desk.registry.register_card, first.id, identifier, "T00000001", issued=desk.now)
        first, second = at_once(entered, entered)
        assert first == second
