import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime

import grpc
import pytest
from google.rpc.error_details_pb2 import LocalizedMessage
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from apdu.errors import NoCardError
from apdu.transport.inprocess import InProcessReaders
from cardlib.custody import NoKeys
from services.audit.errors import AuditError
from services.audit.port import AuditEntry
from services.audit.subject import about
from services.callers.caller import Caller, Role, current_caller
from services.callers.doors import PrivateDoor
from services.catalogue import failure_of
from services.config import Config
from services.interceptors import CallInterceptor, Checks
from services.server import build_server
from sscard.v1 import card_pb2, card_pb2_grpc, pin_pb2, reader_pb2

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def test_the_answer_to_a_failed_call_has_texts_in_both_languages(service) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader="none"))
    status = rpc_status.from_call(raised.value)
    assert status is not None
    texts = {}
    for detail in status.details:
        text = LocalizedMessage()
        if detail.Unpack(text):
            texts[text.locale] = text.message
    assert texts == {
        "zh-CN": "读卡器中无卡。请插入卡片。",
        "en": "There is no card in the reader. Insert the card.",
    }


async def test_health_passes_without_a_line_in_the_access_log(service, log) -> None:
    await health_pb2_grpc.HealthStub(service.channel).Check(health_pb2.HealthCheckRequest())
    assert '"call"' not in log.getvalue()


async def test_a_method_that_does_not_exist_is_refused_as_ever(service) -> None:
    call = service.channel.unary_unary("/sscard.v1.CardService/Nothing")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call(b"")
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_made_up_reader_name_does_not_fill_the_log(service, refusal, log) -> None:
    _, info = await refusal(service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader="x" * 1_000_000)))
    assert info.reason == "INVALID_REQUEST"
    assert len(log.getvalue()) < 10_000


@pytest.mark.parametrize("sign", ["\n", "\r", "\x1b", "\x7f", "\x9b", "\u2028", "\u202e"])
async def test_nor_does_it_write_a_line_of_its_own_or_move_a_cursor(service, log, sign) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader=f"x{sign}[2J"))
    (line,) = [line for line in log.getvalue().split("\n") if '"call"' in line]
    assert json.loads(line)["reader"] == f"x\\u{{{ord(sign):04X}}}[2J"
    assert sign not in line


@pytest.mark.parametrize("request_id", ["张三 13900000000", "990000198503120027"])
async def test_what_may_not_be_the_name_of_a_request_is_in_no_log(service, refusal, log, request_id) -> None:
    change = service.channel.unary_unary("/sscard.v1.PinService/ChangePin")
    asked = pin_pb2.ChangePinRequest(reader="left", request_id=request_id, old_pin="123456", new_pin="864209")
    _, info = await refusal(change(asked.SerializeToString()))
    assert (info.reason, info.metadata["field"]) == ("INVALID_REQUEST", "request_id")
    assert '"event": "request"' in log.getvalue()
    assert request_id not in log.getvalue()


async def test_a_stream_ended_by_its_caller_is_logged_as_cancelled(service, log) -> None:
    stream = service.reader.WatchReaders(reader_pb2.WatchReadersRequest())
    await stream.read()
    stream.cancel()
    async with asyncio.timeout(10):
        while '"code": "CANCELLED"' not in log.getvalue():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


# --- who calls, and what is put on record ---


class Record:
    """An audit that keeps entries in a list, or fails from some entry on."""

    def __init__(self, *, fails_from: int = 1_000_000) -> None:
        self.entries: list[AuditEntry] = []
        self._fails_from = fails_from

    async def record(self, entry: AuditEntry) -> None:
        if len(self.entries) + 1 >= self._fails_from:
            raise AuditError("the disk is full")
        self.entries.append(entry)

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return [(entry.method.rpartition("/")[2], entry.code, entry.reason or entry.detail) for entry in self.entries]


SEEN: list[Caller] = []


class Cards(card_pb2_grpc.CardServiceServicer):
    """Says what a call is about, and notes who makes it. A photo comes in two pieces, the second when it may."""

    def __init__(self) -> None:
        self.may_go_on = asyncio.Event()

    async def ReadIdentity(self, request, context):  # noqa: N802
        SEEN.append(current_caller())
        about(card="card-7", person="person-9")
        if request.reader == "broken":
            raise NoCardError("empty", reader="broken")
        if request.reader == "odd":
            raise RuntimeError("张三")
        return card_pb2.ReadIdentityResponse(card_version="3.0")

    async def ReadPhoto(self, request, context):  # noqa: N802
        about(card="card-7", detail="photo")
        yield card_pb2.ReadPhotoResponse(size=3)
        await self.may_go_on.wait()
        yield card_pb2.ReadPhotoResponse(size=3)
        if request.reader == "broken":
            raise NoCardError("empty", reader="broken")


TELLER = Caller("柜员 01", "990001", Role.TELLER, "T-1")


@pytest.fixture
async def recorded():
    """Starts a service over Cards whose calls go into a record; gives a stub for a caller."""
    async with AsyncExitStack() as stack:

        async def start(
            record: Record, caller: Caller = TELLER, cards: Cards | None = None
        ) -> card_pb2_grpc.CardServiceStub:
            SEEN.clear()
            private = PrivateDoor()
            checks = Checks(private.door.recognise, record, "station-3")
            server = grpc.aio.server(interceptors=(CallInterceptor(checks),))
            card_pb2_grpc.add_CardServiceServicer_to_server(cards or Cards(), server)
            port = server.add_secure_port("127.0.0.1:0", private.door.credentials)
            await server.start()
            stack.push_async_callback(server.stop, 0)
            channel = grpc.aio.secure_channel(f"127.0.0.1:{port}", private.credentials(caller))
            return card_pb2_grpc.CardServiceStub(await stack.enter_async_context(channel))

        yield start


async def test_a_method_knows_its_caller_and_the_log_knows_no_name(recorded, log) -> None:
    stub = await recorded(Record())
    await stub.ReadIdentity(card_pb2.ReadIdentityRequest(reader="one"))
    assert SEEN == [TELLER]
    (line,) = [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == "call"]
    assert (line["institution"], line["role"], line["terminal"]) == ("990001", "teller", "T-1")
    assert "柜员" not in log.getvalue()


async def test_everything_about_a_call_is_on_record_before_its_answer(recorded) -> None:
    record = Record()
    stub = await recorded(record)
    await stub.ReadIdentity(card_pb2.ReadIdentityRequest(reader="one"))
    (entry,) = record.entries
    assert replace(entry, moment=EPOCH) == AuditEntry(
        moment=EPOCH,
        method="/sscard.v1.CardService/ReadIdentity",
        institution="990001",
        role="teller",
        caller="柜员 01",
        terminal="T-1",
        station="station-3",
        reader="one",
        card="card-7",
        person="person-9",
    )
    assert entry.moment.tzinfo is not None


@pytest.mark.parametrize(("reader", "reason"), [("broken", "NO_CARD"), ("odd", "INTERNAL")])
async def test_a_call_that_fails_is_on_record_with_its_reason(recorded, refusal, reader, reason) -> None:
    record = Record()
    _, info = await refusal((await recorded(record)).ReadIdentity(card_pb2.ReadIdentityRequest(reader=reader)))
    assert info.reason == reason
    assert [(entry.reason, entry.card) for entry in record.entries] == [(reason, "card-7")]


async def test_so_is_a_call_that_is_denied(recorded, refusal) -> None:
    record = Record()
    stub = await recorded(record, Caller("a", "990001", Role.AUDITOR))
    code, info = await refusal(stub.ReadIdentity(card_pb2.ReadIdentityRequest(reader="one")))
    assert (code, info.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ACCESS_DENIED")
    assert record.told == [("ReadIdentity", "PERMISSION_DENIED", "ACCESS_DENIED")]
    assert not SEEN


async def test_an_answer_that_cannot_be_recorded_is_not_given(recorded, refusal) -> None:
    stub = await recorded(Record(fails_from=1))
    for reader in ("one", "broken"):
        _, info = await refusal(stub.ReadIdentity(card_pb2.ReadIdentityRequest(reader=reader)))
        assert info.reason == failure_of(AuditError("")).refusal.reason


async def test_a_stream_is_on_record_before_its_first_message_and_at_its_end(recorded) -> None:
    record, cards = Record(), Cards()
    stream = (await recorded(record, cards=cards)).ReadPhoto(card_pb2.ReadPhotoRequest(reader="one"))
    assert (await stream.read()).size == 3
    assert record.told == [("ReadPhoto", "OK", "begun")]
    assert record.entries[0].card == "card-7"
    cards.may_go_on.set()
    assert (await stream.read()).size == 3
    assert await stream.read() is grpc.aio.EOF
    assert record.told == [("ReadPhoto", "OK", "begun"), ("ReadPhoto", "OK", "photo")]


async def test_a_stream_that_breaks_is_on_record_with_its_reason(recorded, refusal) -> None:
    record, cards = Record(), Cards()
    cards.may_go_on.set()
    stream = (await recorded(record, cards=cards)).ReadPhoto(card_pb2.ReadPhotoRequest(reader="broken"))

    async def all_of_it():
        async for _ in stream:
            pass

    assert (await refusal(all_of_it()))[1].reason == "NO_CARD"
    assert [entry.reason or entry.detail for entry in record.entries] == ["begun", "NO_CARD"]


async def test_of_a_stream_that_cannot_be_recorded_no_message_goes_out(recorded, refusal) -> None:
    stub = await recorded(Record(fails_from=1))
    _, info = await refusal(stub.ReadPhoto(card_pb2.ReadPhotoRequest(reader="one")).read())
    assert info.reason == failure_of(AuditError("")).refusal.reason


async def test_a_call_that_its_caller_ends_is_on_record(hanging) -> None:
    record, readers, chip = Record(), InProcessReaders(["slow"]), hanging()
    readers.insert("slow", chip)
    private = PrivateDoor()
    config = Config(listen="127.0.0.1:0", mode="development", grace=0.1)
    server = build_server(config, readers, NoKeys(), door=private.door, audit=record)
    await server.start()
    async with grpc.aio.secure_channel(f"127.0.0.1:{server.port}", private.credentials()) as channel:
        call = card_pb2_grpc.CardServiceStub(channel).ReadIdentity(card_pb2.ReadIdentityRequest(reader="slow"))
        call = asyncio.ensure_future(call)
        assert await asyncio.to_thread(chip.hangs.wait, 10)
        call.cancel()
        async with asyncio.timeout(10):
            while not record.entries:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    chip.free()
    await server.stop()
    assert [(entry.code, entry.reader) for entry in record.entries] == [("CANCELLED", "slow")]


async def test_what_is_no_request_is_the_callers_mistake() -> None:
    private = PrivateDoor()
    server = build_server(
        Config(listen="127.0.0.1:0", grace=0.1, mode="development"),
        InProcessReaders(["one"]),
        NoKeys(),
        door=private.door,
    )
    await server.start()
    async with grpc.aio.secure_channel(f"127.0.0.1:{server.port}", private.credentials()) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await channel.unary_unary("/sscard.v1.CardService/ReadIdentity")(b"\xff\xff\xff")
    await server.stop()
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
