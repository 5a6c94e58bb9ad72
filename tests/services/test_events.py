import asyncio

import pytest

from apdu.readers import ReaderState
from services.errors import EventsLostError, InvalidRequestError, ShuttingDownError
from services.events import EventKind, EventLog, changes

K = EventKind
EMPTY = ReaderState("r")
CARD = ReaderState("r", present=True, atr=b"\x3b\x00", insertions=1)
MUTE = ReaderState("r", present=True, mute=True, insertions=1)
SWAPPED = ReaderState("r", present=True, atr=b"\x3b\x00", insertions=3)
GONE_AGAIN = ReaderState("r", insertions=2)
BUSY = ReaderState("r", present=True, atr=b"\x3b\x00", insertions=1, in_use=True)


def named(*states: ReaderState) -> dict[str, ReaderState]:
    return {state.name: state for state in states}


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param({}, named(EMPTY), [K.READER_ADDED], id="reader"),
        pytest.param({}, named(CARD), [K.READER_ADDED, K.CARD_INSERTED], id="reader with card"),
        pytest.param({}, named(MUTE), [K.READER_ADDED, K.CARD_MUTE], id="reader with mute card"),
        pytest.param(named(EMPTY), named(CARD), [K.CARD_INSERTED], id="card"),
        pytest.param(named(EMPTY), named(MUTE), [K.CARD_MUTE], id="mute card"),
        pytest.param(named(MUTE), named(CARD), [K.CARD_INSERTED], id="mute card wakes up"),
        pytest.param(named(CARD), named(MUTE), [K.CARD_MUTE], id="card falls silent"),
        pytest.param(named(CARD), named(GONE_AGAIN), [K.CARD_REMOVED], id="card out"),
        pytest.param(named(CARD), named(SWAPPED), [K.CARD_REMOVED, K.CARD_INSERTED], id="swap between two looks"),
        pytest.param(named(CARD), named(BUSY), [], id="in use"),
        pytest.param(named(EMPTY), named(GONE_AGAIN), [], id="in and out between two looks"),
        pytest.param(named(CARD), {}, [K.CARD_REMOVED, K.READER_REMOVED], id="reader out with card"),
        pytest.param(named(CARD), None, [K.CARD_REMOVED, K.READER_REMOVED, K.SERVICE_LOST], id="daemon dies"),
        pytest.param(None, named(CARD), [K.SERVICE_BACK, K.READER_ADDED, K.CARD_INSERTED], id="daemon comes back"),
        pytest.param(None, None, [], id="daemon stays away"),
    ],
)
def test_two_looks_tell_what_happened_between_them(old, new, kinds) -> None:
    assert [kind for kind, _ in changes(old, new)] == kinds


async def take(subscription, number: int) -> list:
    async with asyncio.timeout(5):
        return [await anext(subscription) for _ in range(number)]


async def test_a_stream_begins_with_the_present_state() -> None:
    log = EventLog(10)
    log.update(named(CARD))
    events = await take(log.subscribe(), 3)
    assert [(event.kind, event.initial, event.sequence) for event in events] == [
        (K.READER_ADDED, True, 0),
        (K.CARD_INSERTED, True, 0),
        (K.INITIAL_COMPLETE, True, 0),
    ]
    assert events[1].reader == CARD


async def test_a_stream_begins_with_the_daemon_being_away() -> None:
    log = EventLog(10)
    log.update(None)
    assert [event.kind for event in await take(log.subscribe(), 2)] == [K.SERVICE_LOST, K.INITIAL_COMPLETE]


async def test_events_are_numbered_without_gaps_and_the_beginning_joins_up() -> None:
    log = EventLog(10)
    log.update(named(EMPTY))
    early = log.subscribe()
    log.update(named(CARD))
    late = log.subscribe()
    log.update(named(GONE_AGAIN))
    log.update(None)
    assert [event.sequence for event in await take(early, 6)] == [0, 0, 1, 2, 3, 4]
    assert [(event.sequence, event.initial) for event in await take(late, 6)] == [
        (1, True),
        (1, True),
        (1, True),
        (2, False),
        (3, False),
        (4, False),
    ]


async def test_a_watcher_that_does_not_keep_up_is_told_that_events_were_lost() -> None:
    log = EventLog(2)
    log.update({})
    slow, quick = log.subscribe(), log.subscribe()
    await take(quick, 1)
    for number in range(3):
        log.update(named(*(ReaderState(f"r{n}") for n in range(number + 1))))
        await take(quick, 1)
    await take(slow, 1)
    with pytest.raises(EventsLostError):
        await take(slow, 1)
    log.update(named(ReaderState("r0"), ReaderState("r1")))
    assert [event.kind for event in await take(quick, 1)] == [K.READER_REMOVED], "others are not cut off"


async def test_closing_ends_every_stream_with_the_reason() -> None:
    log = EventLog(2)
    log.update({})
    stream = log.subscribe()
    log.close(ShuttingDownError())
    await take(stream, 1)
    with pytest.raises(ShuttingDownError):
        await take(stream, 1)


async def test_who_left_gets_nothing_more_and_may_leave_twice() -> None:
    log = EventLog(1)
    log.update({})
    stream = log.subscribe()
    log.unsubscribe(stream)
    log.unsubscribe(stream)
    log.update(named(EMPTY))
    log.update({})
    await take(stream, 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(stream)


def plug(log: EventLog, number: int) -> None:
    """Readers come one by one, an event each; or the last of them goes."""
    for count in range(min(len(log.states or {}) + 1, number), number + 1):
        log.update(named(*(ReaderState(f"r{n}") for n in range(count))))


async def test_a_watcher_goes_on_behind_the_last_event_it_saw_without_a_gap() -> None:
    log = EventLog(2)
    log.update({})
    plug(log, 5)
    stream = log.resume(log.instance, 2)
    plug(log, 4)
    events = await take(stream, 4)
    assert [event.sequence for event in events] == [3, 4, 5, 6]
    assert not any(event.initial for event in events)


async def test_a_watcher_that_has_seen_everything_gets_what_happens_next() -> None:
    log = EventLog(5)
    log.update({})
    stream = log.resume(log.instance, 0)
    log.update(named(EMPTY))
    assert [event.sequence for event in await take(stream, 1)] == [1]


@pytest.mark.parametrize(("after", "kept"), [(0, False), (1, False), (2, True), (5, True)])
async def test_only_so_many_events_are_kept(after: int, *, kept: bool) -> None:
    log = EventLog(5, history=3)
    log.update({})
    plug(log, 5)
    if kept:
        assert [event.sequence for event in log.resume(log.instance, after)._initial] == [*range(after + 1, 6)]
    else:
        with pytest.raises(EventsLostError):
            log.resume(log.instance, after)


async def test_events_of_another_run_are_lost() -> None:
    log, earlier = EventLog(5), EventLog(5)
    assert log.instance != earlier.instance
    with pytest.raises(EventsLostError):
        log.resume(earlier.instance, 0)


async def test_a_number_that_no_event_has_is_a_mistake() -> None:
    log = EventLog(5)
    log.update({})
    with pytest.raises(InvalidRequestError):
        log.resume(log.instance, 1)


async def test_a_held_card_is_part_of_the_state_until_it_is_free() -> None:
    log = EventLog(5)
    log.update(named(CARD))
    log.hold("r", "bank-1")
    events = await take(log.subscribe(), 4)
    assert [(event.kind, event.held_by) for event in events[1:]] == [
        (K.CARD_INSERTED, ""),
        (K.CARD_HELD, "bank-1"),
        (K.INITIAL_COMPLETE, ""),
    ]
    assert events[2].reader == BUSY
    log.free("r")
    assert [event.kind for event in await take(log.subscribe(), 3)][-1] is K.INITIAL_COMPLETE
