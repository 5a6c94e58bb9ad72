"""What the service never does with a holder's PIN, whatever callers, cards and readers do."""

from collections import defaultdict
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from apdu.errors import StatusWordError
from cardlib.errors import PinStatusUnknownError
from cardlib.flows import pin
from cardlib.flows.pin import PinState, PinStatus
from services import pin_guard
from services.pin_guard import PinGuard
from services.registry.lifecycle import CardState
from services.store.engine import open_engine
from tests.services.pin_desk import INITIAL, OK
from tests.services.pin_world import IDENTIFIERS, PinWorld

QUICK = settings(
    max_examples=12,
    stateful_step_count=15,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
THOROUGH = settings(QUICK, max_examples=400, stateful_step_count=25, derandomize=True, phases=[Phase.generate])


class NeverSpendsTheLastTryUnasked(PinWorld):
    """A PIN that is compared with one try left belongs to a request that allowed that."""

    def judge(self, call, card, sent):
        for one in sent:
            assert one.before != 1 or call.allow_last_try


class NeverRepeatsARefusedPin(PinWorld):
    """A PIN that a card has refused, heard or not, is not compared by it again until it has taken one or got another.

    What a process has in its memory is gone with it.
    """

    def __init__(self, engine):
        super().__init__(engine)
        self.refused = defaultdict(set)
        self.resets = defaultdict(int)

    def restarted(self):
        self.refused.clear()

    def judge(self, call, card, sent):
        refused = self.refused[call.reader]
        for one in sent:
            self._note_resets(call, one.resets)
            assert one.pin not in refused
            if one.sw & 0xFFF0 == 0x63C0:
                refused.add(one.pin)
            elif one.sw == OK:
                refused.clear()
        self._note_resets(call, card.resets)

    def _note_resets(self, call, resets):
        if resets != self.resets[call.reader]:
            self.resets[call.reader] = resets
            self.refused[call.reader].clear()


class NeverSendsAPinWhenTheStatusIsUnknown(PinWorld):
    """What the card said last, since it was powered, is that it has tries left; for CHANGE PIN, that the PIN is right.

    CHANGE PIN also goes to a card that has said that it has none.
    """

    def judge(self, call, card, sent):
        for one in sent:
            assert one.status is not None
            if one.command == "CHANGE PIN":
                assert one.status == OK
            else:
                assert 0x63C1 <= one.status <= 0x63CF


class NeverTriesTheInitialPinOnAnActivatedCard(PinWorld):
    """Nor on one of which nobody says that it is new."""

    def judge(self, call, card, sent):
        state = self.desk.states.get(IDENTIFIERS[call.reader])
        for one in sent:
            if one.pin == INITIAL:
                assert state is CardState.DELIVERED or (state is None and call.card_is_new)


class NeverRetriesByItself(PinWorld):
    """No call sends more PINs than it says: one; for a change the old one, the change, the proof; resumed, one more."""

    MOST: ClassVar = {"VerifyPin": 1, "ReadFiles": 1, "ChangePin": 4, "ResetPin": 0, "UnblockPin": 0}

    def judge(self, call, card, sent):
        assert len(sent) <= self.MOST[call.method] * call.times
        refused = [one.pin for one in sent if one.sw != OK]
        assert len(refused) == len(set(refused))
        assert all(one.heard for one in sent[:-1])  # after a lost answer nothing more


INVARIANTS = [
    NeverSpendsTheLastTryUnasked,
    NeverRepeatsARefusedPin,
    NeverSendsAPinWhenTheStatusIsUnknown,
    NeverTriesTheInitialPinOnAnActivatedCard,
    NeverRetriesByItself,
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    found = open_engine(str(tmp_path_factory.mktemp("pins") / "s.db"))
    yield found
    found.dispose()


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda one: one.__name__)
def test_invariant(invariant, engine):
    run_state_machine_as_test(lambda: invariant(engine), settings=QUICK)


# --- services that are wrong in one way each, and the machine that looks for it ---


def last_try_like_any_other(patch):
    patch.setattr(pin, "_LAST_TRY", 0)


def refusals_are_not_remembered(patch):
    patch.setattr(pin_guard._Card, "refuse", lambda *_: None)


def silence_is_taken_for_tries(patch):
    ask = pin.pin_status

    def hopeful(session):
        try:
            return (yield from ask(session))
        except PinStatusUnknownError:
            return PinStatus(PinState.SET, 3)

    patch.setattr(pin, "pin_status", hopeful)


def callers_know_better_than_the_registry(patch):
    permit = PinGuard._permit

    def trusting(self, asked):
        states, self._states = self._states, (lambda _: None) if asked.card_is_new else self._states
        try:
            permit(self, asked)
        finally:
            self._states = states

    patch.setattr(PinGuard, "_permit", trusting)


def what_was_not_clear_is_tried_again(patch):
    once = pin._attempt

    def twice(*arguments, **options):
        try:
            return (yield from once(*arguments, **options))
        except StatusWordError:
            return (yield from once(*arguments, **options))

    patch.setattr(pin, "_attempt", twice)


WRONG_SERVICES = [
    (NeverSpendsTheLastTryUnasked, last_try_like_any_other),
    (NeverRepeatsARefusedPin, refusals_are_not_remembered),
    (NeverSendsAPinWhenTheStatusIsUnknown, silence_is_taken_for_tries),
    (NeverTriesTheInitialPinOnAnActivatedCard, callers_know_better_than_the_registry),
    (NeverRetriesByItself, what_was_not_clear_is_tried_again),
]


@pytest.mark.parametrize(("invariant", "wrong"), WRONG_SERVICES, ids=lambda one: one.__name__)
def test_a_service_that_breaks_it_is_found(invariant, wrong, engine, monkeypatch):
    wrong(monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(lambda: invariant(engine), settings=THOROUGH)
