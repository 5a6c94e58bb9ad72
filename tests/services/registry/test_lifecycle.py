"""The declared life of a card: whole, and as the manual says."""

from pathlib import Path

import pytest

from services.registry.__main__ import markdown, put_into
from services.registry.errors import (
    CardAlreadyActivatedError,
    CardBlockedByCentreError,
    CardCancelledError,
    CardLostError,
    CardNotDeliveredError,
    CardReplacedError,
    CardStateError,
)
from services.registry.lifecycle import EVENTS, FINAL, STATES, TRANSITIONS, CardEvent, CardState, after

PAGE = Path(__file__).parents[3] / "docs" / "registry.md"


def test_every_state_and_event_has_its_labels_and_every_event_its_transition() -> None:
    assert set(STATES) == set(CardState)
    assert set(EVENTS) == set(TRANSITIONS) == set(CardEvent)
    labels = [*STATES.values(), *EVENTS.values()]
    assert len({label.chinese for label in labels}) == len({label.english for label in labels}) == len(labels)


def test_every_state_is_reached_and_only_final_ones_are_never_left() -> None:
    reached, found = {CardState.ISSUED}, {CardState.ISSUED}
    while found:
        found = {
            after(state, event, activated=activated)
            for event, transition in TRANSITIONS.items()
            for state in transition.sources & reached
            for activated in (False, True)
        } - reached
        reached |= found
    assert reached == set(CardState)
    left = frozenset().union(*(transition.sources for transition in TRANSITIONS.values()))
    assert set(CardState) - left == FINAL == {CardState.REPLACED, CardState.CANCELLED}


@pytest.mark.parametrize("event", [CardEvent.CANCEL_LOSS, CardEvent.UNBLOCK])
@pytest.mark.parametrize(("activated", "back"), [(False, CardState.DELIVERED), (True, CardState.ACTIVATED)])
def test_a_card_that_comes_back_is_where_it_was_and_is_not_activated_by_that(event, activated, back) -> None:
    (state,) = TRANSITIONS[event].sources
    assert after(state, event, activated=activated) is back


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (CardState.ISSUED, CardNotDeliveredError),
        (CardState.AT_OUTLET, CardNotDeliveredError),
        (CardState.ACTIVATED, CardAlreadyActivatedError),
        (CardState.LOST, CardLostError),
        (CardState.REPLACED, CardReplacedError),
        (CardState.CANCELLED, CardCancelledError),
        (CardState.BLOCKED, CardBlockedByCentreError),
    ],
)
def test_a_card_that_cannot_be_activated_says_why_by_its_own_error(state, error) -> None:
    with pytest.raises(CardStateError) as refused:
        after(state, CardEvent.ACTIVATE, activated=False)
    assert (type(refused.value), refused.value.state, refused.value.event) == (error, state, "activate")


def test_a_card_that_is_not_with_its_holder_is_not_lost_but_may_be_cancelled() -> None:
    for state in (CardState.ISSUED, CardState.AT_OUTLET):
        with pytest.raises(CardStateError, match="report loss is not possible"):
            after(state, CardEvent.REPORT_LOSS, activated=False)
        assert after(state, CardEvent.CANCEL, activated=False) is CardState.CANCELLED


def test_the_manual_says_the_same() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert put_into(page) == page, "python -m services.registry docs/registry.md"


def test_a_page_without_marks_is_left_alone() -> None:
    assert put_into(f"before\n{markdown()}\nbehind") == f"before\n{markdown()}\nbehind"
    with pytest.raises(ValueError, match="no marks"):
        put_into("a page")
