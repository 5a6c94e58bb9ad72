"""How many identities a service reads in a second, from 1, 4 and 12 readers at once, with and without the audit.

The service is a process of its own, and so is the client, which has one call under way for each reader. The cards are
in the service's process, or behind a real pcscd in a third one.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import grpc

from bench.recorder import Cards
from bench.serving import service, wait_for
from sscard.v1.card_pb2 import AUTHENTICITY_PROVEN, ReadIdentityRequest
from sscard.v1.card_pb2_grpc import CardServiceStub
from sscard.v1.reader_pb2 import ListReadersRequest, SlotState
from sscard.v1.reader_pb2_grpc import ReaderServiceStub
from sscard.v1.registry_pb2 import Person, RegisterCardRequest, RegisterPersonRequest
from sscard.v1.registry_pb2_grpc import RegistryServiceStub

CARD = "3.0"


def in_process(clients: Sequence[int], seconds: float, audits: Sequence[bool]) -> None:
    """Cards in the service's process."""
    cards = {"READERS": "simulated", "SIMULATED_CARDS": ",".join([CARD] * max(clients))}
    for audit in audits:
        _print("readers in process", clients, seconds, cards, audit=audit)


def through_pcscd(cards: Cards, clients: Sequence[int], seconds: float, audits: Sequence[bool]) -> None:
    """Cards behind pcscd; there are as many slots as readers that are busy, at least."""
    cards.empty()
    time.sleep(1.0)  # pcscd looks every 0.4 s
    for index in range(max(clients)):
        cards.insert(index, CARD, index)
    for audit in audits:
        _print("through pcscd", clients, seconds, {}, audit=audit)


def _print(title: str, clients: Sequence[int], seconds: float, settings: dict[str, str], *, audit: bool) -> None:
    kept = {"AUDIT": "true" if audit else "false"}
    with (
        tempfile.TemporaryDirectory(prefix="sscard-bench-") as folder,
        service(Path(folder) / "bench.db", **settings, **kept) as address,
    ):
        readers = _readers(address, max(clients))
        _register(address, readers)
        rates = [asyncio.run(_rate(address, readers[:count], seconds)) for count in clients]
    told = ", ".join(f"{count}: {rate:.0f}/s" for count, rate in zip(clients, rates, strict=True))
    words = "with audit" if audit else "without audit"
    print(f"ReadIdentity of {CARD} cards, {title}, {words}, readers at once {told}", flush=True)


def _readers(address: str, count: int) -> list[str]:
    with grpc.insecure_channel(address) as channel:
        grpc.channel_ready_future(channel).result(timeout=20)
        stub = ReaderServiceStub(channel)
        for _ in range(200):
            listed = stub.ListReaders(ListReadersRequest(), timeout=5).readers
            names = [reader.name for reader in listed if reader.slot == SlotState.SLOT_STATE_CARD]
            if len(names) == count:
                wait_for(channel, names, SlotState.SLOT_STATE_CARD)
                return names
            time.sleep(0.1)
    raise SystemExit("the service does not see the cards")


def _register(address: str, readers: Sequence[str]) -> None:
    """Enter the cards, which are of one holder, into the registry: the record of calls has their ids."""
    with grpc.insecure_channel(address) as channel:
        cards, registry = CardServiceStub(channel), RegistryServiceStub(channel)
        for number, reader in enumerate(readers):
            identity = cards.ReadIdentity(ReadIdentityRequest(reader=reader), timeout=20).identity
            holder = identity.holder
            person = Person(social_security_number=holder.social_security_number, name=holder.name)
            registry.RegisterPerson(RegisterPersonRequest(request_id=f"person-{number}", person=person))
            registry.RegisterCard(
                RegisterCardRequest(
                    request_id=f"card-{number}",
                    card_identifier=identity.issuer.card_identifier,
                    card_number=identity.issuer.card_number,
                    social_security_number=holder.social_security_number,
                )
            )


async def _rate(address: str, readers: Sequence[str], seconds: float) -> float:
    """Calls per second, from when all have answered once."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = CardServiceStub(channel)

        async def read(reader: str) -> None:
            answer = await stub.ReadIdentity(ReadIdentityRequest(reader=reader), timeout=60)
            assert answer.authenticity == AUTHENTICITY_PROVEN

        async def keep_reading(reader: str, until: float) -> int:
            done = 0
            while time.perf_counter() < until:
                await read(reader)
                done += 1
            return done

        await asyncio.gather(*map(read, readers))
        start = time.perf_counter()
        done = await asyncio.gather(*(keep_reading(reader, start + seconds) for reader in readers))
        return sum(done) / (time.perf_counter() - start)
