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

from services.activation.service import ActivationService
from services.operations.journal import OperationState
from services.registry.lifecycle import CardState
from services.store.schema import activation
from simulator.people import ready_card
from sscard.v1 import activation_pb2
from tests.services.activation.desk import (
    CALLS,
    CHOSEN,
    FIRST_SERIAL,
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
    """One way to activate: the request, whether it sets a PIN, and whether an original medical card comes first."""

    request: Any
    sets_pin: bool
    original: bool = False


STORIES = {
    "bank": Story(at_bank(), sets_pin=True),
    "hospital": Story(at_hospital(), sets_pin=False),
    "pharmacy": Story(at_pharmacy(new_pin=CHOSEN), sets_pin=True, original=True),
}


class Point:
    """A desk with a card, and a request that is interrupted there; what becomes of them is checked."""

    def __init__(self, desk: Desk, story: Story, card_id: str) -> None:
        self.desk = desk
        self.story = story
        self.card = Issued(desk, ready_card("2.0", copy=FIRST_SERIAL), card_id)

    def insert(self, pulled_at: int | None = None, *, late: bool = False) -> None:
        """Put the cards in their readers; all are pulled at this command of the conversation, if one is given."""
        if self.story.original:
            # It is read by one command, before the new card.
            self.desk.readers.insert("left", Pulled(memory_card(), self.take_out, pulled_at, late=late))
            pulled_at = None if pulled_at is None else pulled_at - 1
        reader = "right" if self.story.original else "left"
        self.desk.readers.insert(reader, Pulled(self.card.chip, self.take_out, pulled_at, late=late), t0=True)

    def check(self, outcome: activation_pb2.ActivationOutcome) -> None:
        assert outcome.activated
        assert outcome.activation.card.id == self.card.id
        assert self.card.state is CardState.ACTIVATED
        made = self.desk.registry.activation_of(self.card.id)
        assert made is not None
        assert made.pin_changed is self.story.sets_pin
        assert bool(made.medical_card_id) is self.story.original
        with self.desk.engine.connect() as connection:
            rows = sa.select(sa.func.count()).select_from(activation).where(activation.c.card_id == self.card.id)
            assert connection.execute(rows).scalar_one() == 1
        _, caller = CALLS[type(self.story.request)]
        operation = self.desk.operations.find(caller.institution, self.story.request.request_id)
        assert operation is not None
        assert operation.state is OperationState.DONE
        assert self.card.has_pin(CHOSEN if self.story.sets_pin else INITIAL)
        assert self.card.tries() == 6

    def take_out(self) -> None:
        for reader in ("left", "right"):
            self.desk.readers.remove(reader)

    async def converges(self, service: ActivationService) -> None:
        """The request again, with the cards where they belong; and once more, without any card."""
        self.take_out()
        self.insert()
        outcome = await call(service, self.story.request)
        self.take_out()
        assert await call(service, self.story.request) == outcome
        self.check(outcome)


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
def new_point(request: pytest.FixtureRequest, new_desk: Callable[..., Desk]) -> Callable[[], Point]:
    """Makes points of one story."""
    first = new_desk()
    card_id = first.card().id
    first.medical_card()
    return lambda: Point(new_desk(first), STORIES[request.param], card_id)


async def test_a_card_pulled_at_any_command_is_activated_by_the_same_request(new_point: Callable[[], Point]) -> None:
    number, cut = 0, True
    while cut:
        for late in (False, True):
            point = new_point()
            point.insert(number, late=late)
            async with point.desk.service() as service:
                cut = await interrupted(call(service, point.story.request))
                await point.converges(service)
        number += 1
    print(f"\npulled at {2 * (number - 1)} points")  # noqa: T201  the number is asked for
    assert number - 1 >= 5


async def test_a_service_killed_at_any_step_is_outdone_by_the_same_request(new_point: Callable[[], Point]) -> None:
    number, cut = 0, True
    while cut:
        for late in (False, True):
            point = new_point()
            point.insert()
            async with point.desk.service(Life(number, late)) as service:
                cut = await interrupted(call(service, point.story.request))
            async with point.desk.service() as another:
                await point.converges(another)
        number += 1
    print(f"\nkilled at {2 * (number - 1)} points")  # noqa: T201
    assert number - 1 >= 8
