"""Requests that are given up."""

import pytest

from services.errors import SupersededError
from services.issuance.journal import State
from tests.services.store.test_journal import BUILDING, CHIP, OTHER_CHIP, steps


def test_open_requests_are_listed_by_chip(store, request_for) -> None:
    second = store.journal.begin(request_for("one", chip=OTHER_CHIP))
    first = store.journal.begin(request_for("two", chip=CHIP, order=b"\x02" * 32))
    assert store.journal.open_issuances() == (first, second)
    store.journal.fail(first, "CHIP_USED")
    assert store.journal.open_issuances() == (second,)


def test_a_request_that_is_given_up_is_lost_with_its_reason_and_can_note_nothing(store, request_for, database) -> None:
    begun = store.journal.begin(request_for("one"))
    store.journal.note(begun, BUILDING)
    given_up = store.journal.abandon("one", "the chip is broken")
    assert (given_up.state, given_up.error) == (State.LOST, "ABANDONED")
    assert given_up.finished is not None
    assert steps(database)[-1] == (2, 1, "ABANDONED", "the chip is broken")
    with pytest.raises(SupersededError):
        store.journal.note(begun, BUILDING)
    assert store.journal.open_issuances() == ()
    assert store.journal.begin(request_for("two", order=b"\x02" * 32)).state is State.OPEN, (
        "the chip is in no open request any more"
    )


def test_only_what_is_under_way_is_given_up(store, request_for) -> None:
    store.journal.fail(store.journal.begin(request_for("one")), "CHIP_USED")
    assert store.journal.abandon("one", "x") is None
    assert store.journal.find("one").state is State.REFUSED
    assert store.journal.abandon("none", "x") is None
