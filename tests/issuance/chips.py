"""Chips of four kinds, an order for each that fills files of every structure, and how a flow is run with them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from apdu.flow import Flow, Question, run
from apdu.readers import Transmit, executor
from apdu.secret import Secret
from apdu.transport.wrappers import get_response
from cardlib.crypto import Algorithm
from cardlib.flows.pin import PinQuestion
from cardlib.issuance.order import CardOrder
from cardlib.issuance.questions import Note, Reset
from cardlib.key_requests import KeyRequest
from cardlib.profiles import ALL
from services.custody.development import DevelopmentCustodian
from simulator.blanks import blank_chip
from simulator.card import SoftwareCard
from simulator.memory.image import CardImage
from simulator.memory.journal import END, HEAD
from simulator.people import READY

T = TypeVar("T")

REGION: Final = "990000"
PIN: Final = Secret(bytes.fromhex("739154"))
NUMBER: Final = 7
"""Of the blank chips."""
PROFILES: Final = {profile.version: profile for profile in ALL}


@dataclass(frozen=True)
class Kind:
    """What is made of what: an operating system, the specification's version, a cipher."""

    chip: str
    version: str
    algorithm: Algorithm

    @property
    def blank(self) -> CardImage:
        return blank_chip(self.chip, NUMBER)

    def order(self, **changes: Any) -> CardOrder:
        return CardOrder(
            **{
                "profile": PROFILES[self.version],
                "algorithm": self.algorithm,
                "chip": self.chip,
                "region": REGION,
                "contents": contents(self.version),
                "pin": PIN,
                **changes,
            }
        )


KINDS: Final = {
    "t514-DES": Kind("t514", "2.0", Algorithm.DES),
    "t514-SM4": Kind("t514", "3.0", Algorithm.SM4),
    "fmcos-DES": Kind("fmcos", "2.0", Algorithm.DES),
    "fmcos-SM4": Kind("fmcos", "3.0", Algorithm.SM4),
}


def contents(version: str) -> dict[str, dict[str, Any]]:
    """An invented holder; several records in cyclic files, and bytes with zeros between them and at the end."""
    ready = READY[version]
    held = {name: dict(values) for name, values in ready.contents(ready.serial).items()}
    photo = held["photo"]["content"]
    held["photo"]["content"] = photo[:58] + bytes(642) + bytes(range(1, 101)) + bytes(1000) + b"\x5a" * 900
    held["photo"]["content"] = held["photo"]["content"].ljust(len(photo), b"\x00")
    for name in ("employment_history", "medical_transactions", "special_settlements"):
        (record,) = held[name]["records"]
        numbered = "transaction_number" in record
        held[name]["records"] = tuple(
            {**record, "transaction_number": number} if numbered else record for number in (3, 2, 1)
        )
    return held


class Custodian:
    """The development custodian, which remembers what it has answered: the same question takes no time again."""

    def __init__(self) -> None:
        self._keys = DevelopmentCustodian(development_mode=True)
        self._answers: dict[KeyRequest, tuple[bytes, ...]] = {}

    def answer(self, request: KeyRequest) -> tuple[bytes, ...]:
        answers = self._answers.get(request)
        if answers is None:
            self._answers[request] = answers = self._keys.perform(request)
        return answers


def process(card: SoftwareCard) -> Transmit:
    """The card as through a reader that hides how T=0 carries answers."""
    return lambda commands: [card.process(command) for command in commands]


def as_by_t0(card: SoftwareCard) -> Transmit:
    """The card as through a reader that hides nothing."""
    return get_response(process(card), strip_le=True)


def converse(
    flow: Flow[T],
    card: SoftwareCard,
    custodian: Custodian,
    *,
    transmit: Transmit | None = None,
    noted: Callable[[Note], object] = lambda note: None,
) -> T:
    """The flow's result with this card; ``noted`` is told what the flow has noted, and may raise to end it."""

    def answer(question: Question[Any]) -> Any:
        match question:
            case Note():
                return noted(question)
            case PinQuestion():
                return None
            case Reset():
                return card.reset()
            case KeyRequest():
                return custodian.answer(question)
        raise AssertionError(question)

    return run(flow, executor(transmit or process(card)), answer)


def lasting(memory: bytes) -> bytes:
    """A digest of what a chip remembers, but for the notes of commands that are over."""
    return hashlib.blake2b(memory[:HEAD] + memory[END:], digest_size=16).digest()


def constant(size: int) -> bytes:
    """A source of random bytes that are always the same, so that what they are used for can be remembered."""
    return b"\xc3" * size
