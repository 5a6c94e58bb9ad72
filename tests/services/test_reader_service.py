import asyncio

import grpc
import pytest

from apdu.errors import NoServiceError
from apdu.transport.inprocess import InProcessReaders
from simulator.people import ready_card
from sscard.v1 import card_pb2, reader_pb2

KIND = reader_pb2.ReaderEvent


class Mute:
    """Something in a slot that does not answer."""

    def power_on(self) -> bytes:
        return b""

    reset = power_on

    def power_off(self) -> None: ...

    def process(self, command: bytes) -> bytes:
        return b""


class Daemon:
    """Readers behind a PC/SC daemon that a test stops and starts."""

    def __init__(self, readers: InProcessReaders) -> None:
        self._readers = readers
        self.runs = True

    def _check(self) -> None:
        if not self.runs:
            raise NoServiceError("pcscd does not run")

    def states(self):
        self._check()
        return self._readers.states()

    def wait(self, known, timeout):
        self._check()
        states = self._readers.wait(known, min(timeout, 0.02))
        self._check()
        return states

    def connect(self, reader, *, timeout=5.0):
        self._check()
        return self._readers.connect(reader, timeout=timeout)

    def close(self) -> None:
        self._readers.close()


async def take(stream, number: int) -> list:
    async with asyncio.timeout(10):
        return [(await stream.read()).event for _ in range(number)]


async def beginning(stream) -> list:
    events = []
    async with asyncio.timeout(10):
        while not events or events[-1].kind != KIND.KIND_INITIAL_COMPLETE:
            events.append((await stream.read()).event)
    return events


async def test_lists_every_reader_with_its_card(service) -> None:
    service.readers.insert("none", Mute())
    async with asyncio.timeout(10):
        while True:
            answer = await service.reader.ListReaders(reader_pb2.ListReadersRequest())
            if answer.readers[2].slot != reader_pb2.SLOT_STATE_EMPTY:
                break
            await asyncio.sleep(0.01)
    assert [(each.name, reader_pb2.SlotState.Name(each.slot)) for each in answer.readers] == [
        ("two", "SLOT_STATE_CARD"),
        ("three", "SLOT_STATE_CARD"),
        ("none", "SLOT_STATE_MUTE"),
    ]
    assert answer.readers[0].atr == ready_card("2.0").atr
    assert not answer.readers[0].in_use


async def test_a_reader_whose_card_hangs_is_in_use(service, hanging) -> None:
    chip = hanging()
    service.readers.insert("none", chip)
    call = asyncio.ensure_future(service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader="none")))
    assert await asyncio.to_thread(chip.hangs.wait, 10)
    answer = await service.reader.ListReaders(reader_pb2.ListReadersRequest())
    assert [each.in_use for each in answer.readers] == [False, False, True]
    chip.free()
    await call


async def test_the_stream_begins_with_the_present_state(service) -> None:
    events = await beginning(service.reader.WatchReaders(reader_pb2.WatchReadersRequest()))
    assert all(event.initial for event in events)
    assert [(KIND.Kind.Name(event.kind), event.reader.name) for event in events] == [
        ("KIND_READER_ADDED", "two"),
        ("KIND_CARD_INSERTED", "two"),
        ("KIND_READER_ADDED", "three"),
        ("KIND_CARD_INSERTED", "three"),
        ("KIND_READER_ADDED", "none"),
        ("KIND_INITIAL_COMPLETE", ""),
    ]


async def test_readers_and_cards_that_come_and_go_are_told_in_numbered_order(service) -> None:
    stream = service.reader.WatchReaders(reader_pb2.WatchReadersRequest())
    start = (await beginning(stream))[-1].sequence
    events = []
    for action, number in (
        (lambda: service.readers.insert("none", ready_card("3.0")), 1),
        (lambda: service.readers.remove("none"), 1),
        (lambda: service.readers.insert("none", Mute()), 1),
        (lambda: service.readers.add_reader("new"), 1),
        (lambda: service.readers.remove_reader("none"), 2),
    ):
        action()
        events += await take(stream, number)
    assert [(KIND.Kind.Name(event.kind), event.reader.name) for event in events] == [
        ("KIND_CARD_INSERTED", "none"),
        ("KIND_CARD_REMOVED", "none"),
        ("KIND_CARD_MUTE", "none"),
        ("KIND_READER_ADDED", "new"),
        ("KIND_CARD_REMOVED", "none"),
        ("KIND_READER_REMOVED", "none"),
    ]
    assert [event.sequence for event in events] == list(range(start + 1, start + 7))
    assert not any(event.initial for event in events)
    assert events[0].reader.insertions < events[1].reader.insertions < events[2].reader.insertions


async def test_a_swap_between_two_looks_is_not_missed(service) -> None:
    stream = service.reader.WatchReaders(reader_pb2.WatchReadersRequest())
    await beginning(stream)
    service.readers.remove("two")
    service.readers.insert("two", ready_card("2.0"))
    events = await take(stream, 2)
    assert [event.kind for event in events] == [KIND.KIND_CARD_REMOVED, KIND.KIND_CARD_INSERTED]


async def test_a_daemon_that_dies_and_comes_back_is_told_and_calls_work_again(service_over, refusal) -> None:
    readers = InProcessReaders(["two"])
    readers.insert("two", ready_card("2.0"))
    daemon = Daemon(readers)
    service = await service_over(daemon)
    stream = service.reader.WatchReaders(reader_pb2.WatchReadersRequest())
    await beginning(stream)
    daemon.runs = False
    events = await take(stream, 3)
    assert [event.kind for event in events] == [
        KIND.KIND_CARD_REMOVED,
        KIND.KIND_READER_REMOVED,
        KIND.KIND_SERVICE_LOST,
    ]
    code, info = await refusal(service.reader.ListReaders(reader_pb2.ListReadersRequest()))
    assert (code, info.reason) == (grpc.StatusCode.UNAVAILABLE, "NO_SERVICE")
    late = service.reader.WatchReaders(reader_pb2.WatchReadersRequest())
    assert [event.kind for event in await beginning(late)] == [KIND.KIND_SERVICE_LOST, KIND.KIND_INITIAL_COMPLETE]
    daemon.runs = True
    events = await take(stream, 3)
    assert [event.kind for event in events] == [
        KIND.KIND_SERVICE_BACK,
        KIND.KIND_READER_ADDED,
        KIND.KIND_CARD_INSERTED,
    ]
    answer = await service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader="two"))
    assert answer.card_version == "2.0"


async def test_a_watcher_that_leaves_is_forgotten(service) -> None:
    stream = service.reader.WatchReaders(reader_pb2.WatchReadersRequest())
    await beginning(stream)
    stream.cancel()
    assert await stream.code() is grpc.StatusCode.CANCELLED
    service.readers.insert("none", ready_card("2.0"))
    other = service.reader.WatchReaders(reader_pb2.WatchReadersRequest())
    assert len(await beginning(other)) >= 6


async def test_a_watcher_is_told_when_the_service_stops(service, refusal) -> None:
    stream = service.reader.WatchReaders(reader_pb2.WatchReadersRequest())
    await beginning(stream)
    await service.server.stop()
    code, info = await refusal(stream.read())
    assert (code, info.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")


@pytest.mark.parametrize("size", [1, 3])
async def test_a_watcher_that_does_not_read_is_cut_off_and_memory_stays_bounded(service_over, refusal, size) -> None:
    readers = InProcessReaders()
    service = await service_over(readers, event_queue=size)
    stream = service.reader.WatchReaders(reader_pb2.WatchReadersRequest())
    await beginning(stream)
    # One look, more events than the queue holds.
    with readers._changed:
        for number in range(size + 1):
            readers.add_reader(f"r{number}")
    code, info = await refusal(take(stream, size + 1))
    assert (code, info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "EVENTS_LOST")


async def test_a_stream_goes_on_where_an_earlier_one_ended(service, refusal) -> None:
    first = service.reader.WatchReaders(reader_pb2.WatchReadersRequest())
    async with asyncio.timeout(10):
        while (answer := await first.read()).event.kind != KIND.KIND_INITIAL_COMPLETE:
            pass
    first.cancel()
    service.readers.add_reader("new")
    service.readers.remove_reader("none")
    where = reader_pb2.WatchReadersRequest(instance=answer.instance, after_sequence=answer.event.sequence)
    events = await take(service.reader.WatchReaders(where), 2)
    assert {(KIND.Kind.Name(event.kind), event.reader.name) for event in events} == {
        ("KIND_READER_ADDED", "new"),
        ("KIND_READER_REMOVED", "none"),
    }
    assert [event.sequence for event in events] == [answer.event.sequence + 1, answer.event.sequence + 2]

    where.instance = "0" * 16
    code, info = await refusal(service.reader.WatchReaders(where).read())
    assert (code, info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "EVENTS_LOST")
    where = reader_pb2.WatchReadersRequest(after_sequence=1)
    code, info = await refusal(service.reader.WatchReaders(where).read())
    assert (info.reason, info.metadata["field"]) == ("INVALID_REQUEST", "instance")
