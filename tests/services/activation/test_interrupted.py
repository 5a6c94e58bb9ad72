"""Pulled at every command, killed at every entry of journal and registry: the same request converges.

Each point is a card of its own. What has to be in the end: one activation, the chosen PIN and no other, the same answer
however often the request is sent.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from services.operations.journal import OperationState
from services.registry.lifecycle import CardState
from services.store.schema import activation
from sscard.v1 import activation_pb2
from tests.services.activation.desk import (
    CALLS,
    CHOSEN,
    INITIAL,
    Desk,
    Issued,
    Life,
    Pulled,
    at_bank,
    at_hospital,
    at_pharmacy,
    call,
    memory_card,
)


@dataclass(frozen=True)
class Story:
    """One way to activate: the request under an id, and whether it sets a PIN."""

    request: Callable[[str], Any]
    sets_pin: bool
    original: bool = False


STORIES = {
    "bank": Story(lambda request_id: at_bank(request_id=request_id), sets_pin=True),
    "bank, old PIN given": Story(lambda request_id: at_bank(request_id=request_id, old_pin=INITIAL), sets_pin=True),
    "hospital": Story(lambda request_id: at_hospital(request_id=request_id), sets_pin=False),
    "hospital with PIN": Story(lambda request_id: at_hospital(request_id=request_id, new_pin=CHOSEN), sets_pin=True),
    "pharmacy, two readers": Story(
        lambda request_id: at_pharmacy(request_id=request_id, new_pin=CHOSEN), sets_pin=True, original=True
    ),
}


@dataclass
class Points:
    """A request and cards, anew for each point; what became of them is checked."""

    desk: Desk
    story: Story
    count: int = 0

    async def begin(self) -> tuple[Issued, Any]:
        """A new card on the desk, and a request for it."""
        self.count += 1
        for reader in ("left", "right"):
            self.desk.readers.remove(reader)
        return self.desk.card(), self.story.request(f"point-{self.count}")

    def insert(self, chip: Any) -> None:
        if self.story.original:
            self.desk.readers.insert("left", memory_card())
        self.desk.readers.insert("right" if self.story.original else "left", chip, t0=True)

    def check(self, card: Issued, request: Any, outcome: activation_pb2.ActivationOutcome) -> None:
        assert outcome.activated
        assert outcome.activation.card.id == card.id
        assert card.state is CardState.ACTIVATED
        made = self.desk.registry.activation_of(card.id)
        assert made is not None
        assert made.pin_changed is self.story.sets_pin
        assert bool(made.medical_card_id) is self.story.original
        with self.desk.engine.connect() as connection:
            rows = sa.select(sa.func.count()).select_from(activation).where(activation.c.card_id == card.id)
            assert connection.execute(rows).scalar_one() == 1
        _, caller = CALLS[type(request)]
        operation = self.desk.operations.find(caller.institution, request.request_id)
        assert operation is not None
        assert operation.state is OperationState.DONE
        assert card.has_pin(CHOSEN if self.story.sets_pin else INITIAL)
        assert card.tries() == 6


async def converged(points: Points, card: Issued, request: Any) -> None:
    """The request again, in a new process, with the cards where they belong; and once more, without any card."""
    async with points.desk.service() as service:
        outcome = await call(service, request)
        for reader in ("left", "right"):
            points.desk.readers.remove(reader)
        again = await call(service, request)
    assert again == outcome
    points.check(card, request, outcome)


async def interrupted(work: Awaitable[Any]) -> bool:
    """Whether the work was cut short; False once it comes to its end."""
    try:
        await work
    except asyncio.CancelledError:
        raise
    except BaseException:  # noqa: BLE001  killed, or told that the card is gone
        return True
    return False


@pytest.fixture(params=STORIES)
def points(request: pytest.FixtureRequest, desk: Desk) -> Points:
    story = STORIES[request.param]
    if story.original:
        desk.medical_card()
    return Points(desk, story)


async def test_a_card_pulled_at_any_command_is_activated_by_the_same_request(points: Points) -> None:
    number, cut = 0, True
    while cut:
        for late in (False, True):
            card, request = await points.begin()
            reader = "right" if points.story.original else "left"
            chip = Pulled(card.chip, lambda reader=reader: points.desk.readers.remove(reader), number, late=late)
            points.insert(chip)
            async with points.desk.service() as service:
                cut = await interrupted(call(service, request))
            if cut:
                for each in ("left", "right"):
                    points.desk.readers.remove(each)
                points.insert(card.chip)
            await converged(points, card, request)
        number += 1
    print(f"\npulled at {2 * (number - 1)} points")
    assert number - 1 >= 5


async def test_a_service_killed_at_any_step_is_outdone_by_the_same_request(points: Points) -> None:
    number, cut = 0, True
    while cut:
        for late in (False, True):
            card, request = await points.begin()
            points.insert(card.chip)
            async with points.desk.service(Life(number, late)) as service:
                cut = await interrupted(call(service, request))
            await converged(points, card, request)
        number += 1
    print(f"\nkilled at {2 * (number - 1)} points")
    assert number - 1 >= 8
