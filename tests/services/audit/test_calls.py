"""A service whose calls are put on record in a real database."""

import asyncio
import sqlite3

import grpc
import pytest
from grpc_status import rpc_status

from apdu.transport.inprocess import InProcessReaders
from services.audit.chain import Query
from services.audit.verify import examine
from services.audit.writer import AuditWriter
from services.config import Config, Mode
from services.custody.development import DevelopmentCustodian
from services.server import build_server
from services.statuses import told
from services.store.audit import SqlAuditChain
from services.store.engine import open_engine
from simulator.people import ready_card
from sscard.v1 import card_pb2, card_pb2_grpc

METHOD = "/sscard.v1.CardService/ReadIdentity"


@pytest.fixture
async def cards(tmp_path):
    """CardService over twelve readers with a card each; its audit is in `s.db` and is closed before the database."""
    engine = await asyncio.to_thread(open_engine, str(tmp_path / "s.db"))
    audit = AuditWriter(SqlAuditChain(engine))
    readers = InProcessReaders([f"reader {number}" for number in range(12)])
    for number in range(12):
        readers.insert(f"reader {number}", ready_card("2.0"), t0=True)
    config = Config(mode=Mode.DEVELOPMENT, listen="127.0.0.1:0", grace=0.2, station="branch 7")
    server = build_server(config, readers, DevelopmentCustodian(development_mode=True), audit=audit)
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield card_pb2_grpc.CardServiceStub(channel)
    await server.stop()
    await asyncio.to_thread(audit.close)
    engine.dispose()


@pytest.fixture
async def chain(cards, tmp_path):
    """The chain as somebody else sees it."""
    engine = await asyncio.to_thread(open_engine, str(tmp_path / "s.db"))
    yield SqlAuditChain(engine)
    engine.dispose()


async def test_twelve_calls_at_once_are_all_on_record_when_they_are_answered(cards, chain, tmp_path) -> None:
    asked = [card_pb2.ReadIdentityRequest(reader=f"reader {number}") for number in range(12)]
    answers = await asyncio.gather(*(cards.ReadIdentity(request) for request in asked))
    links = [*chain.select(Query())]
    assert {link["reader"] for link in links} == {request.reader for request in asked}
    assert {(link["method"], link["code"], link["reason"], link["station"]) for link in links} == {
        (METHOD, "OK", "", "branch 7")
    }
    assert examine(chain).unbroken
    issuer, holder = answers[0].identity.issuer, answers[0].identity.holder
    canaries = [holder.name, holder.social_security_number, issuer.card_number, issuer.card_identifier]
    assert all(len(canary) >= 2 for canary in canaries)
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert METHOD.encode() in stored
    assert [canary for canary in canaries if canary.encode() in stored] == []


async def test_a_refusal_is_on_record_with_its_reason(cards, chain) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader="none"))
    assert [(link["code"], link["reason"]) for link in chain.select(Query())] == [("NOT_FOUND", "NO_READER")]


async def test_without_its_entry_on_the_disk_a_call_is_not_answered(cards, tmp_path) -> None:
    with sqlite3.connect(tmp_path / "s.db") as other:
        other.execute("DROP TABLE audit_entry")
    other.close()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader="reader 0"))
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    answer = told(rpc_status.from_call(raised.value))
    assert answer.reason == "AUDIT"
    assert any("以相同编号重发" in text for text in answer.texts)
