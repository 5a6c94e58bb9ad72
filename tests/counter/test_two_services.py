"""Two services on one PostgreSQL database: the same card is activated at two counters at once, and once only.

Two copies of a card cannot exist. Two software cards of one image stand for the moment at which both services have
looked, and neither has activated.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import sqlalchemy as sa

from apdu.transport.inprocess import InProcessReaders
from services.config import LogLevel
from services.store.registry import SqlRegistry
from sscard.v1 import activation_pb2, registry_pb2
from tests.counter.holders import OF_BANK, Card, Custodian, card_of
from tests.counter.world import Counter, counter, refusal_of
from tests.postgres import Cluster

pytestmark = pytest.mark.xdist_group("postgresql")

READER = "counter"
EARLIER = "CARD_ALREADY_ACTIVATED"


@asynccontextmanager
async def two_services(folder: Path, database: str, cards: tuple[Card, Card]) -> AsyncIterator[list[Counter]]:
    """With a card in each one's reader; the card entered and handed out."""
    shared = {name: folder / name for name in ("digest_key", "data_key", "audit_key", "audit_checkpoints")}
    settings: dict[str, Any] = {"log_level": LogLevel.INFO, "database": database} | shared
    async with AsyncExitStack() as stack:
        running = []
        for number, card in enumerate(cards, 1):
            readers = InProcessReaders([READER])
            readers.insert(READER, card.chip, t0=True)
            # Certificates are files of each one's own.
            (own := folder / str(number)).mkdir()
            station = {"station": f"machine {number}"}
            running.append(await stack.enter_async_context(counter(own, readers, Custodian(), **(settings | station))))
        yield running


async def handed_out(service: Counter, card: Card) -> str:
    """The card in the registry, delivered; its id there."""
    person = registry_pb2.Person(social_security_number=OF_BANK.number, name=OF_BANK.name)
    await service.supervisor.RegisterPerson(registry_pb2.RegisterPersonRequest(request_id="person", person=person))
    request = registry_pb2.RegisterCardRequest(
        request_id="card",
        card_identifier=card.marks.identifier,
        card_number=card.marks.number,
        social_security_number=OF_BANK.number,
    )
    entered = (await service.supervisor.RegisterCard(request)).card
    delivery = registry_pb2.DeliverCardRequest(
        request_id="delivery", card=registry_pb2.CardReference(id=entered.id), document=OF_BANK.shows()
    )
    await service.teller.DeliverCard(delivery)
    return str(entered.id)


@contextmanager
def both_at_once(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody activates before both want to, in this very moment."""
    together = threading.Barrier(2, timeout=30)
    activate = SqlRegistry.activate

    def waiting(*arguments: Any, **named: Any) -> Any:
        together.wait()
        return activate(*arguments, **named)

    with patch.context() as patched:
        patched.setattr(SqlRegistry, "activate", waiting)
        yield


def bank(name: str, pin: str) -> activation_pb2.ActivateAtBankRequest:
    return activation_pb2.ActivateAtBankRequest(reader=READER, request_id=name, document=OF_BANK.shows(), new_pin=pin)


def hospital(name: str, pin: str = "") -> activation_pb2.ActivateAtHospitalRequest:
    outpatient = activation_pb2.REGISTRATION_OUTPATIENT
    return activation_pb2.ActivateAtHospitalRequest(
        reader=READER, request_id=name, registration=outpatient, new_pin=pin
    )


def entries(database: str, query: str) -> list[tuple[Any, ...]]:
    engine = sa.create_engine(database)
    with engine.begin() as connection:
        found = [tuple(row) for row in connection.execute(sa.text(query))]
    engine.dispose()
    return found


FIRST, SECOND = OF_BANK.pins
PAIRS = {
    "two banks": (bank("b-1", FIRST), bank("b-2", SECOND)),
    "a bank and a hospital": (bank("b-1", FIRST), hospital("h-1")),
    "two hospitals": (hospital("h-1", FIRST), hospital("h-2", SECOND)),
}


@pytest.mark.parametrize("pair", PAIRS)
async def test_of_two_counters_one_activates(
    pair: str, tmp_path: Path, postgresql: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = (card_of(OF_BANK, 606), card_of(OF_BANK, 606))
    with postgresql.database() as database:
        async with two_services(tmp_path, database, cards) as services:
            await handed_out(services[0], cards[0])
            with both_at_once(monkeypatch):
                outcomes = await asyncio.gather(
                    *(_called(service, request) for service, request in zip(services, PAIRS[pair], strict=True)),
                    return_exceptions=True,
                )
            told = [_told(outcome) for outcome in outcomes]
            assert sorted(told) in (["activated", "earlier"], [EARLIER, "activated"]), told
            first = outcomes[told.index("activated")].activation
            if "earlier" in told:
                assert outcomes[told.index("earlier")].activation == first
            # Each has its own answer again.
            for service, request, before in zip(services, PAIRS[pair], told, strict=True):
                again = await asyncio.gather(_called(service, request), return_exceptions=True)
                assert _told(again[0]) == before
            for card, request, before in zip(cards, PAIRS[pair], told, strict=True):
                if before == "activated" and request.new_pin:
                    assert card.has_pin(request.new_pin)
        assert entries(database, "SELECT event FROM card_event ORDER BY sequence") == [("deliver",), ("activate",)]
        ((institution,),) = entries(database, "SELECT institution FROM activation")
        assert institution == first.institution


async def test_one_request_at_two_counters_is_one_activation(
    tmp_path: Path, postgresql: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = (card_of(OF_BANK, 606), card_of(OF_BANK, 606))
    request = bank("b-1", FIRST)
    with postgresql.database() as database:
        async with two_services(tmp_path, database, cards) as services:
            await handed_out(services[0], cards[0])
            outcomes = await asyncio.gather(
                *(_called(service, request) for service in services), return_exceptions=True
            )
            told = [_told(outcome) for outcome in outcomes]
            assert "activated" in told
            assert set(told) <= {"activated", "ISSUANCE_SUPERSEDED", EARLIER}
            again = [await _called(service, request) for service in services]
            assert [_told(outcome) for outcome in again] == ["activated", "activated"]
            assert again[0].activation == again[1].activation
        assert entries(database, "SELECT event FROM card_event ORDER BY sequence") == [("deliver",), ("activate",)]


async def _called(service: Counter, request: Any) -> activation_pb2.ActivationOutcome:
    if isinstance(request, activation_pb2.ActivateAtBankRequest):
        return (await service.teller.ActivateAtBank(request)).outcome
    return (await service.hospital.ActivateAtHospital(request)).outcome


def _told(outcome: Any) -> str:
    if isinstance(outcome, grpc.aio.AioRpcError):
        return refusal_of(outcome).reason
    if isinstance(outcome, BaseException):
        raise outcome
    return "activated" if outcome.activated else "earlier"
