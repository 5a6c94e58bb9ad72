import asyncio
import itertools
import time

import pytest

from apdu.errors import ReaderError
from apdu.flow import Question, ask, send
from apdu.pinpad import PinEntry
from apdu.transport.inprocess import InProcessReaders
from cardlib import commands
from cardlib.issuance.questions import Reset
from services.card import HeldCard, PoweredCard
from services.errors import CallEndedError, DeadlineError
from services.lane import Lane
from services.pin_guard import PinGuard, no_registry
from simulator.people import ready_card


class Slow:
    """A card that takes its time over every command."""

    def __init__(self, seconds: float) -> None:
        self._chip = ready_card("2.0")
        self._seconds = seconds
        self.commands: list[bytes] = []

    def power_on(self) -> bytes:
        return self._chip.power_on()

    reset = power_on

    def power_off(self) -> None:
        self._chip.power_off()

    def process(self, command: bytes) -> bytes:
        self.commands.append(command)
        time.sleep(self._seconds)
        return self._chip.process(command)


@pytest.fixture
def lane():
    lane = Lane("held card")
    yield lane
    lane.close()


def held(lane, chip, seconds: float) -> HeldCard:
    readers = InProcessReaders(["r"])
    readers.insert("r", chip, t0=True)
    card = PoweredCard(readers, lane, "r", itertools.count(1).__next__)
    return HeldCard(card, time.monotonic() + seconds, PinGuard(no_registry, ()))


def nobody(question):
    raise AssertionError(question)


def two_challenges():
    return (yield from send(commands.get_challenge(8), commands.get_challenge(8))).ok()


def out_of_time():
    yield from send(commands.get_challenge(8))
    raise TimeoutError("the flow's own")


async def test_the_deadline_stops_a_script_between_two_commands_even_when_the_event_loop_is_late(lane) -> None:
    chip = Slow(0.3)
    card = held(lane, chip, 0.2)
    await card.connect()
    call = asyncio.ensure_future(card.run(two_challenges(), nobody))
    await asyncio.sleep(0)
    time.sleep(0.6)  # noqa: ASYNC251  the loop is late: that is the point
    with pytest.raises(DeadlineError):
        await call
    assert len(chip.commands) == 1


async def test_a_time_out_of_somebody_else_is_not_taken_for_the_deadline(lane) -> None:
    card = held(lane, ready_card("2.0"), 30)
    await card.connect()
    with pytest.raises(TimeoutError, match="the flow's own"):
        await card.run(out_of_time(), nobody)


async def test_letting_go_waits_for_the_command_on_its_way_and_then_powers_the_card_down(lane) -> None:
    chip = Slow(0.05)
    card = held(lane, chip, 30)
    await card.connect()
    call = asyncio.ensure_future(card.run(two_challenges(), nobody))
    await asyncio.sleep(0.01)
    call.cancel()
    await card.let_go()
    assert len(chip.commands) == 1
    assert call.cancelled()


async def test_a_card_that_was_never_connected_is_let_go_all_the_same(lane) -> None:
    await held(lane, ready_card("2.0"), 30).let_go()


def reset_between():
    yield from send(commands.get_challenge(8))
    atr = yield from ask(Reset())
    yield from send(commands.get_challenge(8))
    return atr


async def test_a_flow_may_have_the_card_reset(lane) -> None:
    chip = Slow(0)
    card = held(lane, chip, 30)
    await card.connect()
    card.pin_verified = True
    assert await card.run(reset_between(), nobody) == card.atr
    assert len(chip.commands) == 2
    assert not card.pin_verified
    assert not card.end(), "it is known in which state the card is"


@pytest.mark.parametrize(
    ("question", "unknown"),
    [
        pytest.param(PinEntry(bytes.fromhex("00200000")), True, id="a PIN typed at the pad"),
        pytest.param(Question(), False, id="a key"),
    ],
)
async def test_what_becomes_of_a_pin_at_the_pad_is_the_cards_and_of_a_key_is_not(lane, question, *, unknown) -> None:
    def asking():
        yield from send(commands.get_challenge(8))
        yield from ask(question)

    def fails(question):
        raise ReaderError("it fails")

    card = held(lane, ready_card("2.0"), 30)
    await card.connect()
    with pytest.raises(ReaderError):
        await card.run(asking(), fails)
    assert card.end() == unknown


async def test_a_card_that_was_let_go_is_not_spoken_to(lane) -> None:
    card = held(lane, ready_card("2.0"), 30)
    await card.connect()
    await card.let_go()
    with pytest.raises(CallEndedError):
        await card.run(two_challenges(), nobody)
    with pytest.raises(CallEndedError):
        assert card.atr
