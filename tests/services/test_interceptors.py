import asyncio

import grpc
import pytest
from google.rpc.error_details_pb2 import LocalizedMessage
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from sscard.v1 import card_pb2, reader_pb2


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


async def test_a_stream_ended_by_its_caller_is_logged_as_cancelled(service, log) -> None:
    stream = service.reader.WatchReaders(reader_pb2.WatchReadersRequest())
    await stream.read()
    stream.cancel()
    async with asyncio.timeout(10):
        while '"code": "CANCELLED"' not in log.getvalue():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
