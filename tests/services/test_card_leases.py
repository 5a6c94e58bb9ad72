"""Leases over gRPC: what callers send, and what they are told."""

from datetime import UTC, datetime

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from apdu.transport.inprocess import InProcessReaders
from cardlib.custody import NoKeys
from simulator.people import ready_card
from sscard.v1 import card_pb2, lease_pb2, reader_pb2

PIN = "123456"
ACQUIRE = lease_pb2.AcquireCardRequest
CODE = grpc.StatusCode


@pytest.fixture
def readers() -> InProcessReaders:
    readers = InProcessReaders(["two"])
    readers.insert("two", ready_card("2.0"), t0=True)
    return readers


async def acquired(service, reader: str = "two", **how) -> lease_pb2.LeaseState:
    return (await service.cards.AcquireCard(ACQUIRE(reader=reader, **how))).state


async def test_a_card_is_read_several_times_under_a_lease_and_released(service) -> None:
    before = datetime.now(UTC)
    state = await acquired(service, idle_time=Duration(seconds=20))
    assert state.reader == "two"
    assert state.atr == ready_card("2.0").atr
    assert not state.pin_verified
    assert 19 < (state.expire_time.ToDatetime(UTC) - before).total_seconds() < 40
    assert 299 < (state.end_time.ToDatetime(UTC) - before).total_seconds() < 320
    for _ in range(2):
        answer = await service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(lease=state.lease))
        assert answer.card_version == "2.0"
    photo = [piece async for piece in service.cards.ReadPhoto(card_pb2.ReadPhotoRequest(lease=state.lease))]
    assert sum(len(piece.chunk) for piece in photo) == photo[0].size
    await service.cards.ReleaseCard(lease_pb2.ReleaseCardRequest(lease=state.lease))
    await service.cards.ReleaseCard(lease_pb2.ReleaseCardRequest(lease=state.lease))
    assert (await service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader="two"))).card_version == "2.0"


async def test_a_pin_verified_in_one_call_opens_files_in_the_next_of_the_lease_alone(service_over, readers) -> None:
    service = await service_over(readers, NoKeys())
    state = await acquired(service)
    files = card_pb2.ReadFilesRequest(lease=state.lease, files=["employment"], pin=PIN)
    assert (await service.cards.ReadFiles(files)).results[0].read
    assert (await service.cards.RenewCard(lease_pb2.RenewCardRequest(lease=state.lease))).state.pin_verified
    files.pin = ""
    assert (await service.cards.ReadFiles(files)).results[0].read
    await service.cards.ReleaseCard(lease_pb2.ReleaseCardRequest(lease=state.lease))
    again = await acquired(service)
    files.lease.CopyFrom(again.lease)
    assert not (await service.cards.ReadFiles(files)).results[0].read


async def test_who_wants_a_leased_card_is_told_who_has_it(service_over, readers, refusal) -> None:
    service = await service_over(readers, card_wait=0.05)
    await acquired(service)
    code, info = await refusal(service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader="two")))
    assert (code, info.reason) == (CODE.UNAVAILABLE, "CARD_IN_USE")
    assert info.metadata["held_by"] == "local"
    assert 200 < int(info.metadata["free_within"]) <= 300
    _, info = await refusal(service.cards.AcquireCard(ACQUIRE(reader="two", wait=Duration())))
    assert info.reason == "CARD_IN_USE"


async def test_an_old_epoch_another_card_and_the_end_have_their_reasons(service, refusal) -> None:
    state = await acquired(service)
    read = card_pb2.ReadIdentityRequest(lease=state.lease)
    read.lease.epoch += 1
    code, info = await refusal(service.cards.ReadIdentity(read))
    assert (code, info.reason, info.metadata["reader"]) == (CODE.ABORTED, "LEASE_EPOCH", "two")
    stream = service.reader.WatchReaders(reader_pb2.WatchReadersRequest())
    while (await stream.read()).event.kind != reader_pb2.ReaderEvent.KIND_INITIAL_COMPLETE:
        pass
    service.readers.remove("two")
    service.readers.insert("two", ready_card("2.0", copy=1), t0=True)
    while (await stream.read()).event.kind != reader_pb2.ReaderEvent.KIND_CARD_INSERTED:
        pass
    code, info = await refusal(service.cards.RenewCard(lease_pb2.RenewCardRequest(lease=state.lease)))
    assert (code, info.reason) == (CODE.FAILED_PRECONDITION, "LEASE_OTHER_CARD")
    free = (await stream.read()).event
    assert (free.kind, free.held_by) == (reader_pb2.ReaderEvent.KIND_CARD_FREE, "local")
    code, info = await refusal(service.cards.RenewCard(lease_pb2.RenewCardRequest(lease=state.lease)))
    assert (code, info.reason) == (CODE.FAILED_PRECONDITION, "LEASE_ENDED")


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        pytest.param(ACQUIRE(), "reader", id="no reader"),
        pytest.param(ACQUIRE(reader="two", idle_time=Duration()), "idle_time", id="no time"),
        pytest.param(ACQUIRE(reader="two", idle_time=Duration(seconds=-1)), "idle_time", id="negative time"),
        pytest.param(ACQUIRE(reader="two", wait=Duration(nanos=-1)), "wait", id="negative wait"),
        pytest.param(lease_pb2.RenewCardRequest(), "lease.id", id="renew nothing"),
        pytest.param(lease_pb2.ReleaseCardRequest(), "lease.id", id="release nothing"),
        pytest.param(card_pb2.ReadIdentityRequest(lease=lease_pb2.CardLease()), "lease.id", id="read under nothing"),
        pytest.param(
            card_pb2.ReadIdentityRequest(reader="two", lease=lease_pb2.CardLease(id="00")), "reader", id="both"
        ),
    ],
)
async def test_a_wrong_request_names_the_field(service, refusal, request_, field) -> None:
    method = type(request_).__name__.removesuffix("Request")
    code, info = await refusal(getattr(service.cards, method)(request_))
    assert (code, info.metadata["field"]) == (CODE.INVALID_ARGUMENT, field)


async def test_a_lease_is_in_no_line_of_the_log(service, log) -> None:
    state = await acquired(service)
    await service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(lease=state.lease))
    await service.cards.ReleaseCard(lease_pb2.ReleaseCardRequest(lease=state.lease))
    assert '"lease_ended"' in log.getvalue()
    assert state.lease.id not in log.getvalue()
