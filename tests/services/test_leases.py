"""Leases over in-process readers: who may use the card, in which order, and what the card knows when."""

import asyncio

import pytest

from apdu.errors import CardInUseError, NoCardError
from apdu.transport.inprocess import InProcessReaders
from services.errors import (
    DeadlineError,
    LeaseEndedError,
    LeaseEpochError,
    ShuttingDownError,
)
from tests.services.leased import READER as R
from tests.services.leased import (
    acquired,
    caller,
    challenges,
    made_hub,
    nobody,
    place,
    release,
    renewed,
    soon,
    told,
    until,
    used,
    verify,
)


@pytest.fixture
def readers() -> InProcessReaders:
    return InProcessReaders([R, "other"])


@pytest.fixture
def chip(readers):
    chip = told()
    readers.insert(R, chip, t0=True)
    yield chip
    chip.go_on()


@pytest.fixture
async def hub(readers, chip):
    hub = made_hub(readers)
    await hub.start()
    yield hub
    chip.go_on()
    await hub.close(patience=2)


# --- between the calls of a lease ---


async def test_the_card_keeps_its_power_between_calls_and_is_reset_when_it_is_released(hub, chip) -> None:
    view = await acquired(hub)
    powerings = chip.powerings
    await verify(hub, view)
    await used(hub, view)
    assert (chip.powerings, chip.powered, chip.verified) == (powerings, True, True)
    assert (await renewed(hub, view)).pin_verified
    await release(hub, view)
    assert not chip.powered
    assert not chip.verified


async def test_every_powering_has_a_greater_epoch_over_all_leases(hub) -> None:
    epochs = []
    for _ in range(3):
        view = await acquired(hub)
        epochs.append(view.epoch)
        await release(hub, view)
        async with hub.card(R, deadline=soon()):
            pass
    assert epochs == sorted(set(epochs))


async def test_an_id_is_made_of_128_random_bits_and_is_not_shown(hub) -> None:
    first = await acquired(hub)
    await release(hub, first)
    second = await acquired(hub)
    assert first.lease_id != second.lease_id
    assert len(bytes.fromhex(first.lease_id)) == 16
    assert first.lease_id not in repr(first)


async def test_a_verified_pin_is_told_to_the_calls_of_this_lease_alone(hub, chip) -> None:
    view = await acquired(hub)
    await verify(hub, view)
    async with hub.addressed(place(view), deadline=soon()) as card:
        assert card.pin_verified
    await release(hub, view)
    again = await acquired(hub)
    assert not again.pin_verified
    assert not chip.verified
    async with hub.addressed(place(again), deadline=soon()) as card:
        assert not card.pin_verified


async def test_calls_of_one_lease_come_one_after_the_other(hub, chip) -> None:
    view = await acquired(hub)
    chip.hold()
    first = asyncio.ensure_future(used(hub, view))
    assert await asyncio.to_thread(chip.waits.wait, 10)
    with pytest.raises(CardInUseError) as raised:
        await used(hub, view)
    assert raised.value.held_by == "local"
    chip.go_on()
    assert len(await first) == 8


# --- who waits ---


async def test_who_waits_in_vain_learns_who_has_the_card_and_for_how_long_at_most(hub) -> None:
    with caller("bank-1"):
        await acquired(hub)
    with pytest.raises(CardInUseError) as raised:
        async with hub.card(R, deadline=soon()):
            pass
    assert raised.value.held_by == "bank-1"
    assert 58 <= raised.value.free_within <= 60
    with pytest.raises(CardInUseError):
        await acquired(hub, wait=0.0)


async def test_a_call_without_a_lease_is_a_holder_too(hub) -> None:
    with caller("clinic-2"):
        async with hub.card(R, deadline=soon(7)):
            with pytest.raises(CardInUseError) as raised:
                await acquired(hub)
    assert raised.value.held_by == "clinic-2"
    assert 5 <= raised.value.free_within <= 7


async def test_another_program_has_no_name(hub, readers) -> None:
    connection = readers.connect(R)
    with pytest.raises(CardInUseError) as raised:
        await acquired(hub)
    assert (raised.value.held_by, raised.value.free_within) == ("another program", None)
    connection.close()
    await acquired(hub)


async def test_who_came_first_is_served_first_with_a_lease_or_without(readers, chip) -> None:
    hub = made_hub(readers, wait=10)
    await hub.start()
    order = []

    async def waiting(number: int) -> None:
        if number % 2:
            async with hub.card(R, deadline=soon()):
                order.append(number)
        else:
            view = await acquired(hub)
            order.append(number)
            await release(hub, view)

    view = await acquired(hub)
    waiters = []
    for number in range(6):
        waiters.append(asyncio.ensure_future(waiting(number)))
        await asyncio.sleep(0)
    waiters[2].cancel()
    await release(hub, view)
    await asyncio.wait(waiters)
    assert order == [0, 1, 3, 4, 5]
    await hub.close()


# --- how leases end ---


async def test_a_holder_who_vanishes_loses_the_card_when_it_was_not_used_for_long_enough(readers, chip) -> None:
    hub = made_hub(readers, wait=20)
    await hub.start()
    view = await acquired(hub, idle=0.1)
    await verify(hub, view)
    async with hub.card(R, deadline=soon()) as card:
        assert not chip.verified
        assert len(await card.run(challenges(1), nobody)) == 1
    with pytest.raises(LeaseEndedError):
        await used(hub, view)
    await hub.close()


class Clock:
    """Goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_use_and_renewal_make_a_lease_last_longer_but_not_beyond_its_end(readers, chip) -> None:
    clock = Clock()
    hub = made_hub(readers, clock=clock, idle=10, longest=35)
    await hub.start()
    view = await acquired(hub)
    assert (view.idle_left, view.left) == (10, 35)
    clock.now = 9
    await used(hub, view)
    clock.now = 18
    view = await renewed(hub, view)
    assert (view.idle_left, view.left) == (10, 17)
    clock.now = 27
    await used(hub, view)
    clock.now = 34
    view = await renewed(hub, view)
    assert (view.idle_left, view.left) == (1, 1)
    clock.now = 35
    with pytest.raises(LeaseEndedError):
        await renewed(hub, view)
    await until(lambda: not chip.powered)
    await hub.close()


async def test_a_call_in_vain_does_not_make_a_lease_last_longer(readers, chip) -> None:
    clock = Clock()
    hub = made_hub(readers, clock=clock, idle=10)
    await hub.start()
    view = await acquired(hub)
    clock.now = 9
    with pytest.raises(LeaseEpochError):
        await used(hub, view, epoch=view.epoch + 1)
    clock.now = 10
    with pytest.raises(LeaseEndedError):
        await used(hub, view)
    await hub.close()


async def test_who_asks_for_a_longer_lease_gets_what_the_terms_allow(hub) -> None:
    view = await acquired(hub, idle=1000.0)
    assert view.idle_left == pytest.approx(10, abs=1)


async def test_the_last_end_stops_a_greedy_call_between_two_commands(readers, chip) -> None:
    hub = made_hub(readers, idle=0.3, longest=0.3, wait=20)
    await hub.start()
    view = await acquired(hub)

    async def greedy() -> None:
        async with hub.addressed(place(view), deadline=soon()) as card:
            while True:
                await card.run(challenges(20), nobody)

    calls = [asyncio.ensure_future(greedy()) for _ in range(2)]
    async with hub.card(R, deadline=soon()) as card:
        await card.run(challenges(1), nobody)
    for call in calls:  # the second one has waited for the first
        with pytest.raises(LeaseEndedError):
            await call
    await hub.close()


async def test_a_call_outlasts_the_idle_time_of_its_lease(hub, chip) -> None:
    view = await acquired(hub, idle=0.05)

    async def several() -> int:
        async with hub.addressed(place(view), deadline=soon()) as card:
            return len(await card.run(challenges(3), nobody))

    chip.hold()
    call = asyncio.ensure_future(several())
    assert await asyncio.to_thread(chip.waits.wait, 10)
    await asyncio.sleep(0.2)
    chip.go_on()
    assert await call == 3
    await until(lambda: not chip.powered)


async def test_a_release_ends_what_is_going_on_under_the_lease(hub, chip) -> None:
    view = await acquired(hub)

    async def several() -> None:
        async with hub.addressed(place(view), deadline=soon()) as card:
            await card.run(challenges(2), nobody)

    chip.hold()
    call = asyncio.ensure_future(several())
    assert await asyncio.to_thread(chip.waits.wait, 10)
    sent = len(chip.commands)
    with pytest.raises(DeadlineError):
        await hub.leases.release(view.lease_id, deadline=soon(0.05))
    with pytest.raises(CardInUseError) as raised:
        await acquired(hub)
    assert raised.value.free_within is None, "nobody knows when a card answers that does not"
    chip.go_on()
    with pytest.raises(LeaseEndedError):
        await call
    await until(lambda: not chip.powered)
    assert len(chip.commands) == sent
    await release(hub, view)


async def test_the_end_of_the_service_resets_leased_cards_and_gives_no_more(hub, chip) -> None:
    view = await acquired(hub)
    await verify(hub, view)
    await hub.close()
    assert not chip.powered
    with pytest.raises(ShuttingDownError):
        await acquired(hub)
    with pytest.raises(LeaseEndedError):
        await used(hub, view)


@pytest.mark.parametrize("leased", [True, False], ids=["a lease", "a call"])
async def test_who_waits_when_the_service_ends_is_told_so(readers, chip, leased) -> None:
    hub = made_hub(readers, wait=10)
    await hub.start()

    async def read() -> None:
        async with hub.card(R, deadline=soon()):
            pass

    await acquired(hub)
    waiting = asyncio.ensure_future(acquired(hub) if leased else read())
    await asyncio.sleep(0)
    await hub.close()
    with pytest.raises(ShuttingDownError):
        await waiting


async def test_a_lease_that_is_over_or_never_was_may_be_released(hub) -> None:
    view = await acquired(hub)
    await release(hub, view)
    await release(hub, view)
    await hub.leases.release("00" * 16, deadline=soon())


# --- whose it is ---


async def test_a_lease_is_nothing_to_another_institution(hub, chip) -> None:
    with caller("bank-1"):
        view = await acquired(hub)
    with caller("bank-2"):
        for attempt in (used(hub, view), renewed(hub, view)):
            with pytest.raises(LeaseEndedError):
                await attempt
        await release(hub, view)
    assert chip.powered
    with caller("bank-1"):
        assert len(await used(hub, view)) == 8


async def test_an_acquisition_that_fails_or_is_given_up_leaves_the_card_to_others(hub, chip) -> None:
    with pytest.raises(NoCardError):
        await hub.leases.acquire("other", deadline=soon())
    chip.hold()
    call = asyncio.ensure_future(acquired(hub))
    assert await asyncio.to_thread(chip.waits.wait, 10)
    call.cancel()
    await asyncio.wait([call])
    chip.go_on()
    await acquired(hub)
    assert not chip.verified
