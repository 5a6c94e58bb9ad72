"""A card on a desk, for tests of flows: what was sent to it, and which keys were asked for."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from apdu.command import CommandAPDU
from apdu.flow import Flow, Question, run
from apdu.readers import executor
from apdu.transport.inprocess import Chip
from apdu.transport.wrappers import get_response
from cardlib.custody import KeyCustodian
from cardlib.development_keys import load
from cardlib.flows.pin import unguarded
from cardlib.forms import FormMemory
from cardlib.key_requests import KeyRequest
from cardlib.model import AddressableFile, CardProfile
from cardlib.profiles import profile_for
from cardlib.values import Value
from services.custody.development import DevelopmentCustodian
from simulator.card import SoftwareCard
from simulator.image import Issue, image_for
from simulator.people import INITIAL_PIN, READY
from simulator.quirks import CONFORMING, Quirks

T = TypeVar("T")


@dataclass
class Desk:
    """Has conversations with a card; each begins with power-on."""

    card: Chip
    custodian: KeyCustodian = field(default_factory=lambda: DevelopmentCustodian(development_mode=True))
    forms: FormMemory = field(default_factory=FormMemory)
    answers: dict[str, str] = field(default_factory=dict)
    """What is answered instead, by the beginning of the command, in hex; a refusal never reaches the card."""
    sent: list[CommandAPDU] = field(default_factory=list)
    requests: list[KeyRequest] = field(default_factory=list)

    def run(self, flow: Callable[..., Flow[T]], *arguments: Any, **options: Any) -> T:
        self.sent.clear()
        self.requests.clear()
        atr = self.card.power_on()
        conversation = flow(atr, *arguments, rng=lambda n: bytes(range(n)), forms=self.forms, **options)
        return run(conversation, executor(get_response(self._transmit, strip_le=True)), unguarded(self._answer))

    def _answer(self, question: Question[Any]) -> Any:
        self.requests.append(question)
        return self.custodian.answer(question)

    def _transmit(self, commands: Sequence[bytes]) -> list[bytes]:
        self.sent += (CommandAPDU.from_bytes(raw) for raw in commands)
        return [self._process(raw) for raw in commands]

    def _process(self, raw: bytes) -> bytes:
        for header, answer in self.answers.items():
            if raw.startswith(bytes.fromhex(header)):
                if answer.endswith("9000"):
                    self.card.process(raw)
                return bytes.fromhex(answer)
        return self.card.process(raw)

    @property
    def names(self) -> list[str]:
        """Names of the commands, GET RESPONSE left out."""
        return [command.name for command in self.sent if command.name != "GET RESPONSE"]

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.names)

    @property
    def asked_keys(self) -> list[str]:
        return [wanted.key.name for request in self.requests for wanted in request.tasks]


def full_card(
    version: str = "2.0",
    *,
    profile: CardProfile | None = None,
    contents: dict[str, dict[str, Value]] | None = None,
    quirks: Quirks = CONFORMING,
    t0: bool = True,
    **issue: Any,
) -> SoftwareCard:
    """A card that holds the sample of every item; ``contents`` replaces that of whole files."""
    ready = READY[version]
    profile = profile or profile_for(version.encode())
    samples = {file.name: file.sample for d in profile.directories for file in d.files if _is_reachable(file)}
    decided = {"pin": INITIAL_PIN, "historical_bytes": ready.historical_bytes(1), **issue}
    image = image_for(profile, {**samples, **(contents or {})}, Issue(algorithm=ready.algorithm, **decided), load())
    return SoftwareCard(image, quirks=quirks, t0=t0)


def _is_reachable(file: Any) -> bool:
    return isinstance(file, AddressableFile) and bool(file.items)


@pytest.fixture(scope="session")
def new_desk() -> type[Desk]:
    """The class of a desk with a card on it."""
    return Desk


@pytest.fixture(scope="session")
def new_card() -> Callable[..., SoftwareCard]:
    """Makes a card that holds something in every file."""
    return full_card
