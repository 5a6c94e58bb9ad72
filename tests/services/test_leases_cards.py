"""Leases whose card is pulled out, put back, exchanged or left half-way; and what watchers hear of leases."""

import asyncio

import pytest

from apdu.errors import CardInUseError, CardRemovedError, NoCardError, ReaderNotFoundError
from apdu.transport.inprocess import InProcessReaders
from services.errors import (
    DeadlineError,
    LeaseEndedError,
    LeaseEpochError,
    LeaseOtherCardError,
    ShuttingDownError,
)
from services.events import EventKind
from services.places import CardPlace
from tests.services.leased import READER as R
from tests.services.leased import (
    acquired,
    caller,
    challenges,
    made_hub,
    nobody,
    place,
    put_back,
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


async def test_a_call_left_half_way_resets_the_card_and_makes_a_new_epoch(hub, chip) -> None:
    view = await acquired(hub)
    await verify(hub, view)

    async def several() -> None:
        async with hub.addressed(place(view), deadline=soon()) as card:
            await card.run(challenges(5), nobody)

    chip.hold()
    call = asyncio.ensure_future(several())
    assert await asyncio.to_thread(chip.waits.wait, 10)
    call.cancel()
    await asyncio.wait([call])
    chip.go_on()
    with pytest.raises(LeaseEpochError):
        await used(hub, view)
    assert not chip.verified
    assert chip.commands == [], "nothing was sent after the reset"
    again = await renewed(hub, view)
    assert again.epoch > view.epoch
    assert not again.pin_verified
    assert len(await used(hub, again)) == 8


async def test_a_deadline_half_way_resets_the_card_too(hub, chip) -> None:
    view = await acquired(hub)
    await verify(hub, view)
    chip.hold()
    with pytest.raises(DeadlineError):
        async with hub.addressed(place(view), deadline=soon(0.1)) as card:
            await card.run(challenges(2), nobody)
    chip.go_on()
    assert not (await renewed(hub, view)).pin_verified
    assert not chip.verified


async def test_the_same_card_put_back_goes_on_with_a_new_epoch_and_without_the_pin(hub, readers, chip) -> None:
    view = await acquired(hub)
    await verify(hub, view)
    await put_back(readers, hub, chip)
    with pytest.raises(LeaseEpochError):
        await used(hub, view)
    assert chip.commands == []
    again = await renewed(hub, view)
    assert again.epoch > view.epoch
    assert again.lease_id == view.lease_id
    assert not again.pin_verified
    with pytest.raises(LeaseEpochError):
        await used(hub, view)
    assert len(await used(hub, again)) == 8


async def test_a_card_pulled_unseen_is_noticed_by_the_call_that_wants_it(readers, chip, monkeypatch) -> None:
    hub = made_hub(readers)
    await hub.start()
    monkeypatch.setattr(hub, "_note", lambda states: None)
    view = await acquired(hub)
    readers.remove(R)
    readers.insert(R, chip, t0=True)
    with pytest.raises(CardRemovedError):
        await used(hub, view)
    with pytest.raises(LeaseEpochError):
        await used(hub, view)
    assert len(await used(hub, await renewed(hub, view))) == 8
    await hub.close()


async def test_while_the_slot_is_empty_the_lease_goes_on_and_says_so(hub, readers, chip) -> None:
    view = await acquired(hub)
    readers.remove(R)
    await until(lambda: not hub.states()[0].present)
    with pytest.raises(NoCardError):
        await used(hub, view)
    with pytest.raises(NoCardError):
        await renewed(hub, view)
    with pytest.raises(CardInUseError):
        await acquired(hub)
    readers.insert(R, chip, t0=True)
    assert len(await used(hub, await renewed(hub, view))) == 8


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda: told(copy=1), id="the same holder's next card"),
        pytest.param(lambda: told("3.0"), id="another version"),
    ],
)
async def test_another_card_never_inherits_a_lease(hub, readers, other) -> None:
    view = await acquired(hub)
    stranger = other()
    await put_back(readers, hub, stranger)
    with pytest.raises(LeaseOtherCardError):
        await renewed(hub, view)
    await until(lambda: not stranger.powered)
    with pytest.raises(LeaseEndedError):
        await used(hub, view)
    assert stranger.powerings == 2, "once to be seen, once to be recognised"
    await acquired(hub)


async def test_a_card_without_an_application_is_known_by_its_answer_to_reset(readers, echo_chip) -> None:
    class Foreign(echo_chip):
        def process(self, command: bytes) -> bytes:
            return b"\x6a\x82"

    hub = made_hub(readers)
    readers.insert(R, Foreign())
    await hub.start()
    view = await acquired(hub)
    await put_back(readers, hub, Foreign())
    view = await renewed(hub, view)
    await put_back(readers, hub, Foreign("3B6D000000813147318650430200000014"))
    with pytest.raises(LeaseOtherCardError):
        await renewed(hub, view)
    await hub.close()


async def test_a_card_pulled_while_it_is_recognised_again_leaves_the_lease_unsettled(hub, readers, chip) -> None:
    view = await acquired(hub)
    await put_back(readers, hub, chip)
    chip.hold()
    call = asyncio.ensure_future(renewed(hub, view))
    assert await asyncio.to_thread(chip.waits.wait, 10)
    readers.remove(R)
    chip.go_on()
    with pytest.raises(CardRemovedError):
        await call
    readers.insert(R, chip, t0=True)
    await until(lambda: hub.states()[0].present)
    with pytest.raises(LeaseEpochError):
        await used(hub, view)
    assert len(await used(hub, await renewed(hub, view))) == 8


async def test_a_lease_released_while_its_card_is_recognised_again_is_over(hub, readers, chip) -> None:
    view = await acquired(hub)
    commands = len(chip.commands)
    await put_back(readers, hub, chip)
    chip.hold(behind=commands - 1)
    call = asyncio.ensure_future(renewed(hub, view))
    assert await asyncio.to_thread(chip.waits.wait, 10)
    with pytest.raises(DeadlineError):
        await hub.leases.release(view.lease_id, deadline=soon(0.01))
    chip.go_on()
    with pytest.raises(LeaseEndedError):
        await call
    await until(lambda: not chip.powered)


# --- when the reader is gone ---


async def test_a_reader_that_is_gone_takes_its_lease_with_it(hub, readers, chip) -> None:
    view = await acquired(hub)
    readers.remove_reader(R)
    await until(lambda: len(hub.states()) == 1)
    with pytest.raises(LeaseEndedError):
        await used(hub, view)
    readers.add_reader(R)
    readers.insert(R, chip, t0=True)
    await until(lambda: len(hub.states()) == 2 and hub.states()[1].present)
    assert (await acquired(hub)).epoch > view.epoch


async def test_a_reader_that_goes_while_its_card_is_acquired_leaves_no_lease(hub, readers, chip) -> None:
    chip.hold()
    call = asyncio.ensure_future(acquired(hub))
    assert await asyncio.to_thread(chip.waits.wait, 10)
    readers.remove_reader(R)
    await until(lambda: len(hub.states()) == 1)
    chip.go_on()
    with pytest.raises((CardRemovedError, ReaderNotFoundError)):
        await call


@pytest.mark.parametrize(
    ("what", "refusal"),
    [
        pytest.param(lambda hub: hub.leases.close(), ShuttingDownError, id="service stops"),
        pytest.param(lambda hub: hub._note({}), ReaderNotFoundError, id="reader is seen to be gone"),
    ],
)
async def test_what_happens_while_a_card_is_acquired_counts_as_well(hub, chip, what, refusal) -> None:
    chip.hold()
    call = asyncio.ensure_future(acquired(hub))
    assert await asyncio.to_thread(chip.waits.wait, 10)
    what(hub)
    chip.go_on()
    with pytest.raises(refusal):
        await call
    await until(lambda: not chip.powered)


@pytest.mark.parametrize("over", [False, True], ids=["kept", "over before"])
async def test_a_card_that_hangs_does_not_free_the_reader_that_came_back(hub, readers, chip, over) -> None:
    view = await acquired(hub)
    chip.hold()
    call = asyncio.ensure_future(used(hub, view))
    assert await asyncio.to_thread(chip.waits.wait, 10)
    if over:
        with pytest.raises(DeadlineError):
            await hub.leases.release(view.lease_id, deadline=soon(0))
    readers.remove_reader(R)
    await until(lambda: len(hub.states()) == 1)
    readers.add_reader(R)
    readers.insert(R, told(), t0=True)
    await until(lambda: len(hub.states()) == 2 and hub.states()[1].present)
    with caller("bank-2"):
        next_one = await acquired(hub)
    chip.go_on()
    with pytest.raises((LeaseEndedError, CardRemovedError)):
        await call
    await until(lambda: not chip.powered)
    await asyncio.sleep(0)
    async with hub.watch() as events:
        initial = [await anext(events) for _ in range(5)]
    assert [event.held_by for event in initial if event.kind is EventKind.CARD_HELD] == ["bank-2"]
    with caller("bank-2"):
        await release(hub, next_one)
    await until(lambda: not hub.states()[1].in_use)


async def test_what_happens_at_other_readers_is_nothing_to_a_lease(hub, readers) -> None:
    view = await acquired(hub)
    readers.add_reader("new")
    await until(lambda: len(hub.states()) == 3)
    assert len(await used(hub, view)) == 8


# --- events ---


async def test_watchers_are_told_who_holds_a_card_and_when_it_is_free(hub, readers) -> None:
    async with hub.watch() as events:
        while (await anext(events)).kind is not EventKind.INITIAL_COMPLETE:
            pass
        with caller("bank-1"):
            view = await acquired(hub)
        held = await anext(events)
        async with hub.watch() as late:
            initial = [await anext(late) for _ in range(5)]
        with caller("bank-1"):
            await release(hub, view)
        free = await anext(events)
        with caller("bank-2"):
            await acquired(hub)
        readers.remove_reader(R)
        rest = [await anext(events) for _ in range(4)]
    assert (held.kind, held.held_by, held.reader.name, held.reader.in_use) == (EventKind.CARD_HELD, "bank-1", R, True)
    assert (free.kind, free.held_by, free.reader.in_use) == (EventKind.CARD_FREE, "bank-1", False)
    assert [(event.kind, event.held_by) for event in initial if event.held_by] == [(EventKind.CARD_HELD, "bank-1")]
    assert [event.kind for event in rest] == [
        EventKind.CARD_HELD,
        EventKind.CARD_FREE,
        EventKind.CARD_REMOVED,
        EventKind.READER_REMOVED,
    ]


async def test_a_call_names_a_lease_that_there_is(hub) -> None:
    with pytest.raises(LeaseEndedError):
        async with hub.addressed(CardPlace(lease_id="00" * 16, epoch=1), deadline=soon()):
            pass
