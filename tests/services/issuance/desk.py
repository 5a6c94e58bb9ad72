"""A small flow, on chips that remember what they were told, and a service that makes cards with them."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apdu.atr import ATR
from apdu.command import CommandAPDU
from apdu.flow import ask, send
from apdu.transport.inprocess import InProcessReaders
from cardlib.crypto import Algorithm
from cardlib.errors import UsedChipError
from cardlib.issuance.order import CardOrder, records_of
from cardlib.issuance.questions import Note, Reset, Stage
from cardlib.issuance.report import CardReport, KeyProof, ProvenKey, WrittenFile
from cardlib.key_requests import CardFactors, CheckValue, KeyRequest
from cardlib.keys import KeyReference
from services.server import Server
from sscard.v1 import issuance_pb2

NAME, NUMBER, PIN = "测试𠮷", "990000198503120027", "739154"
TEMPLATE = """
version = "2.0"
region = "990000"
chip = "t514"
[pin]
value = "${pin}"
[person]
social_security_number = "${number}"
name = "${name}"
"""
PERSON = {"name": NAME, "number": NUMBER, "pin": PIN}
WRITES = 5


class Chip:
    """Counts the writes it was told (INS D2), refuses none; ``at`` is called before each of its commands."""

    def __init__(self, number: int = 1) -> None:
        self.historical = bytes.fromhex(f"00814A44008660990000{number:06d}")
        self.written: list[int] = []
        self.resets = 0
        self.at: Callable[[int], None] = lambda _: None

    def power_on(self) -> bytes:
        self.resets += 1
        return b"\x3b\x6d\x00\x00" + self.historical

    reset = power_on

    def power_off(self) -> None:
        pass

    def process(self, command: bytes) -> bytes:
        if command[1] == 0xD2:
            self.at(command[3])
            self.written.append(command[3])
            return b"\x90\x00"
        return bytes([len(set(self.written))]) + b"\x90\x00"


@dataclass
class FakeFlows:
    """Asks the chip how far it is, and goes on from there; ``fails`` may raise before a step."""

    begun: list[bool] = field(default_factory=list)
    fails: Callable[[int], None] = lambda _: None

    def issue(self, order: CardOrder, atr: bytes, *, begun: bool, rng: Callable[[int], bytes], attempt: int) -> Any:
        self.begun.append(begun)
        yield from ask(Note(Stage.EXAMINED))
        (have,) = (yield from send(CommandAPDU(0x00, 0xB0, 0, 0, ne=1))).ok()
        if have[0] and not begun:
            raise UsedChipError("something was written to it")
        self.fails(-1)
        yield from ask(Note(Stage.OPENED))
        self.fails(0)
        for step in range(have[0], WRITES):
            yield from ask(Note(Stage.BUILDING, f"DF{step:02d}", step, WRITES))
            (yield from send(CommandAPDU(0x80, 0xD2, 0, step))).ok()
            self.fails(step + 1)
        yield from ask(Note(Stage.PROVING))
        atr = yield from ask(Reset())
        return (yield from self.report(order, atr))

    def verify(self, order: CardOrder, atr: bytes, *, rng: Callable[[int], bytes]) -> Any:
        yield from ask(Note(Stage.PROVING))
        return (yield from self.report(order, atr))

    def report(self, order: CardOrder, atr: bytes) -> Any:
        card = CardFactors(order.algorithm, order.region, ATR.from_bytes(atr).historical_bytes[5:])
        key = KeyReference("IRK", 1)
        (value,) = yield from ask(KeyRequest(card, (CheckValue(key),)))
        files = tuple(
            WrittenFile(name, hashlib.sha256(b"".join(records)).digest(), len(records), sum(map(len, records)))
            for name, records in records_of(order.profile, order.contents).items()
        )
        return CardReport(
            version=order.profile.version,
            algorithm=Algorithm.DES,
            chip=order.chip,
            atr=atr,
            historical_bytes=ATR.from_bytes(atr).historical_bytes,
            card_identifier=bytes.fromhex("990000") + bytes(13),
            pin_tries=6,
            files=files,
            keys=(ProvenKey(key, "SSSE", KeyProof.INTERNAL_AUTHENTICATION, value),),
            commands={Stage.BUILDING.name: WRITES},
        )


@dataclass
class Desk:
    """A service with two readers and an empty one, its flows and where it keeps things."""

    server: Server
    channel: Any
    stub: Any
    readers: InProcessReaders
    flows: FakeFlows
    state: Path

    @property
    def order(self) -> issuance_pb2.CardOrder:
        return issuance_pb2.CardOrder(template="plain", person=PERSON)

    async def issue(self, request_id: str = "one", reader: str = "left", **changed: Any) -> issuance_pb2.IssuedCard:
        """Make a card and return the result; what came before it is in ``steps``."""
        request = {"reader": reader, "request_id": request_id, "order": self.order, "operator": "Li"} | changed
        self.steps = []
        async for event in self.stub.PersonaliseCard(issuance_pb2.PersonaliseCardRequest(**request)):
            if event.HasField("issued"):
                return event.issued
            self.steps.append(event.progress)
        raise AssertionError("the stream ended without a result")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
