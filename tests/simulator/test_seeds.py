"""Conversations that can be had again: the stream of a seed, and all that a card says by it."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from itertools import starmap

import pytest

from apdu.flow import run
from apdu.readers import executor
from apdu.secret import Secret
from apdu.transport.wrappers import get_response
from cardlib.crypto import purchase_factor, suite_for
from cardlib.flows.read_identity import Authenticity, AuthenticityCheck, read_identity
from cardlib.forms import FormMemory
from services.custody.development import DevelopmentCustodian
from simulator.card import SoftwareCard
from simulator.people import INITIAL_PIN, READY, ready_card
from simulator.seeds import seeded_rng

# Made with sha256sum, from the text of simulator.seeds.
STREAMS = [
    pytest.param(
        "x",
        0,
        "1108d27d7aa100db45e3b7c9ced2d136760447cc83b74f5a0bc58ef86bbb76a6"
        "20a4c32580d6c66b0c4215aaa188968da1485e9b2ce56978136f528d1c530c55",
        id="text",
    ),
    pytest.param(
        "x",
        1,
        "ffe8154e3aaa688a5f0d1fafe2b0d0ede98ea3457e1239eab50ea7a0fe86b837"
        "4f625ed17ad18b0daf394d797e276f2f50c0d46739e3fba78e2a65a112f4675a",
        id="second slot",
    ),
    pytest.param(
        7,
        0,
        "a5d845285a97e2ba4d690e02cf65d44c7c55ca722d5406bbcc08b02247d639f3"
        "ca8816efad21e9bbd7826a59312bf285ff7c44dffc14d8a09c5344e5f54d5b69",
        id="number",
    ),
]
CONVERSATION = "1379cf5834f8dcba41af641217d4a3d5b305327b61adbf0a7a756445270a919d"
"""SHA-256 of what is said below with the 3.0 card and seed "x".

It may change with the data of the ready-made card or with the commands of read_identity. If neither has changed, what
a seed means has, and every conversation that somebody has recorded is worthless: then do not put in the new value.
"""

INITIALIZE = bytes.fromhex("B028010113 01 00000064 00000000 00000000 990000000001")
SEQUENCE, TIME = bytes.fromhex("00000001"), bytes.fromhex("20260102030405")


@dataclass
class Conversation:
    """Every command to a card, with its answer."""

    card: SoftwareCard
    said: list[tuple[bytes, bytes]] = field(default_factory=list)

    def __call__(self, command: bytes) -> bytes:
        answer = self.card.process(command)
        self.said.append((command, answer))
        return answer

    def ok(self, command: bytes) -> bytes:
        answer = self(command)
        if answer[-2:-1] == b"\x61":
            answer = self(b"\x00\xc0\x00\x00" + answer[-1:])
        assert answer[-2:] == b"\x90\x00", (command.hex(), answer.hex())
        return answer[:-2]

    @property
    def digest(self) -> str:
        lines = starmap(lambda command, answer: f"> {command.hex()}\n< {answer.hex()}\n", self.said)
        return sha256("".join(lines).encode()).hexdigest()


def converse(version: str, card: SoftwareCard, dpk: str) -> Conversation:
    """Who is it, and is the card genuine; the PIN; a purchase of one yuan; a challenge."""
    conversation, ready = Conversation(card), READY[version]
    flow = read_identity(
        card.power_on(),
        rng=lambda size: bytes(range(size)),
        today=date(2026, 1, 2),
        forms=FormMemory(),
        check=AuthenticityCheck.REQUIRED,
    )
    transmit = get_response(lambda commands: [conversation(command) for command in commands], strip_le=True)
    custodian = DevelopmentCustodian(development_mode=True)
    assert run(flow, executor(transmit), custodian.answer).authenticity is Authenticity.PROVEN

    pin = INITIAL_PIN.reveal()
    conversation.ok(bytes.fromhex("00A4000002DF04"))
    conversation.ok(b"\x00\x20\x00\x00" + bytes((len(pin),)) + pin)
    begun = conversation.ok(INITIALIZE)
    counter, random = int.from_bytes(begun[14:16], "big"), begun[18:22]
    suite = suite_for(ready.algorithm)
    session = suite.session_key(Secret(bytes.fromhex(dpk)), purchase_factor(random, counter, 1))
    mac1 = suite.mac(session, INITIALIZE[6:18] + b"\x32" + INITIALIZE[18:] + TIME)
    conversation.ok(b"\xb0\x2c\x01\x00\x0f" + SEQUENCE + TIME + mac1)
    conversation.ok(bytes.fromhex("0084000008"))
    return conversation


@pytest.fixture
def talk(ready_keys: Callable[[str], dict[str, str]]) -> Callable[..., Conversation]:
    def talk(version: str, seed: int | str | bytes, slot: int = 0) -> Conversation:
        card = ready_card(version, rng=seeded_rng(seed, slot=slot))
        return converse(version, card, ready_keys(version)["DPK"])

    return talk


@pytest.mark.parametrize(("seed", "slot", "stream"), STREAMS)
def test_the_stream_of_a_seed_is_the_published_one(seed: str, slot: int, stream: str) -> None:
    assert seeded_rng(seed, slot=slot)(64).hex() == stream


def test_the_stream_is_the_same_however_it_is_cut() -> None:
    whole, pieces = seeded_rng("x")(200), seeded_rng("x")
    assert b"".join(map(pieces, (0, 1, 4, 8, 31, 32, 33, 91))) == whole


def test_a_number_is_its_digits_and_text_its_bytes_in_utf_8() -> None:
    assert len({seeded_rng(seed)(32) for seed in (7, "7", b"7")}) == 1
    assert seeded_rng("卡")(32) == seeded_rng("卡".encode())(32)


def test_an_argument_that_is_no_utf_8_is_its_bytes() -> None:
    assert seeded_rng(os.fsdecode(b"\xff\xfe"))(32) == seeded_rng(b"\xff\xfe")(32)


@pytest.mark.parametrize("seed", [0, -1, "", b"", "x" * 1000, b"\xff\x00"])
def test_any_seed_has_a_stream_that_is_no_other_seeds(seed: int | str | bytes) -> None:
    assert seeded_rng(seed)(32) not in {seeded_rng(other)(32) for other in ("x", "y", 1)}


def test_a_slot_that_there_cannot_be_is_refused() -> None:
    for slot in (-1, 1 << 32):
        with pytest.raises(OverflowError):
            seeded_rng("x", slot=slot)


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_the_same_seed_gives_the_same_conversation_to_the_byte(talk: Callable[..., Conversation], version: str) -> None:
    first = talk(version, "x")
    assert first.said == talk(version, "x").said
    assert first.digest == talk(version, "x").digest


@pytest.mark.parametrize("version", ["2.0", "3.0"])
@pytest.mark.parametrize(("seed", "slot"), [("y", 0), ("x", 1)])
def test_another_seed_or_slot_gives_another(
    talk: Callable[..., Conversation], version: str, seed: str, slot: int
) -> None:
    first, other = talk(version, "x").said, talk(version, seed, slot).said
    assert len(first) == len(other)
    different = {command[:2].hex() for (command, answer), (_, its) in zip(first, other, strict=True) if answer != its}
    assert {"0084"} < different  # GET CHALLENGE, and what the purchase makes of its random number


def test_a_conversation_of_last_year_is_still_the_same(talk: Callable[..., Conversation]) -> None:
    assert talk("3.0", "x").digest == CONVERSATION
