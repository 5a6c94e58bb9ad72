"""Keys, PINs, names and numbers of persons are nowhere but in the commands to the chip, whatever goes wrong."""

import hashlib
import io
import logging
import traceback
from collections.abc import Iterator, Sequence
from functools import partial
from types import GeneratorType
from typing import Any

import pytest
import structlog

from apdu.errors import CardError
from apdu.flow import Flow
from apdu.readers import Transmit
from apdu.secret import Secret
from cardlib.errors import KeyUnavailableError
from cardlib.issuance.order import CardOrder
from cardlib.key_requests import CardFactors
from cardlib.keys import KeyReference
from services.config import LogLevel
from services.custody.card_keys import CardKeyCustodian
from services.logs import configure, traffic
from simulator.blanks import TRANSPORT_KEY
from simulator.card import SoftwareCard
from simulator.faults import Fault, Removal, Status
from tests.issuance.chips import Kind, contents
from tests.issuance.workbench import DES, READER, SM4, Bench

NAME = "金丝雀𠮷䶮样本"
NUMBER = "990000198102030044"
TELEPHONE = "09990014725"
PIN = "9038271645120974"
OURS = ("apdu.", "cardlib.", "services.")
KINDS = {"t514": SM4["t514"], "fmcos": DES["fmcos"]}


class CanaryCustodian(CardKeyCustodian):
    """Root keys that are nobody else's; ``known``: every key that was ever touched, roots and card keys."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, bytes] = {}

    def card_key(self, card: CardFactors, key: KeyReference) -> Secret:
        if key.name == "TRANSPORT":
            return TRANSPORT_KEY
        root = hashlib.sha256(f"canary {key.name} {key.version}".encode()).digest()[:16]
        own = card.card_key(key, Secret(root), self._keys)
        self.known[f"root of {key.name} {key.version}"] = root
        self.known[f"{key.name} {key.version} of the card"] = own.reveal()
        return own


def order_of(kind: Kind) -> CardOrder:
    held = contents(kind.version)
    held["holder"] |= {"name": NAME, "social_security_number": NUMBER}
    held["residence"]["telephone"] = TELEPHONE
    return kind.order(contents=held, pin=Secret(bytes.fromhex(PIN)))


class Canaries:
    """What must not be seen, in all forms it may take in a text."""

    def __init__(self, custodian: CanaryCustodian) -> None:
        self._custodian = custodian

    def forms(self) -> Iterator[tuple[str, str]]:
        hidden = {
            **self._custodian.known,
            "PIN": bytes.fromhex(PIN),
            "name": NAME.encode("gb18030"),
            "number": NUMBER.encode(),
            "telephone": TELEPHONE.encode(),
        }
        for what, value in hidden.items():
            for form in (value.hex(), value.hex(" "), repr(value)[2:-1], str(list(value))):
                yield what, form.lower()
        yield from (("PIN", PIN), ("name", NAME), ("name", ascii(NAME)[1:-1]), ("telephone", TELEPHONE))

    def seen_in(self, *texts: str) -> list[str]:
        everything = "\n".join(texts).lower()
        return [what for what, form in self.forms() if form.lower() in everything]


class Watched(Bench):
    """Keeps the text of every object of ours that a conversation holds, at every step of it."""

    def __init__(self, chip: Any, custodian: CanaryCustodian) -> None:
        super().__init__(chip, custodian)
        self.wrap = self._watching
        self.texts: set[str] = set()
        self._objects: dict[int, object] = {}
        self._flow: Flow[Any] | None = None

    def watch(self, begin: Any) -> Any:
        def begun(**arguments: Any) -> Flow[Any]:
            self._flow = begin(**arguments)
            return self._flow

        return begun

    def converse(self, begin: Any, faults: Sequence[Fault] = ()) -> Any:
        return super().converse(self.watch(begin), faults)

    def _watching(self, transmit: Transmit) -> Transmit:
        logged = traffic(LogLevel.DEBUG)(transmit, READER)

        def watched(commands: Sequence[bytes]) -> list[bytes]:
            self.look()
            return logged(commands)

        return watched

    def look(self) -> None:
        flow = self._flow
        while isinstance(flow, GeneratorType) and flow.gi_frame is not None:
            self._keep(tuple(flow.gi_frame.f_locals.values()))
            flow = flow.gi_yieldfrom

    def _keep(self, values: Sequence[object]) -> None:
        for value in values:
            if isinstance(value, (list, tuple)):
                self._keep(value)
            elif type(value).__module__.startswith(OURS) and id(value) not in self._objects:
                self._objects[id(value)] = value
                self.texts |= {repr(value), str(value)}
                self._keep(tuple(getattr(value, "__dict__", {}).values()))

    @property
    def kinds(self) -> set[str]:
        return {type(value).__name__ for value in self._objects.values()}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged, at the level that shows most of all that may be shown in production."""
    root, services = logging.getLogger(), logging.getLogger("services")
    before = root.handlers[:], root.level, services.level
    stream = io.StringIO()
    configure(LogLevel.DEBUG, json=True, stream=stream)
    yield stream
    root.handlers[:], level, services_level = before
    root.setLevel(level)
    services.setLevel(services_level)
    structlog.reset_defaults()


def told(error: BaseException) -> list[str]:
    """All that an exception and its causes say."""
    texts = ["".join(traceback.format_exception(error)), str(error), repr(error), repr(error.args), repr(vars(error))]
    for other in (error.__cause__, error.__context__):
        texts += told(other) if other is not None else []
    return texts


@pytest.mark.parametrize("chip", KINDS)
def test_a_whole_issue_shows_nothing(chip: str, log: io.StringIO) -> None:
    kind, custodian = KINDS[chip], CanaryCustodian()
    order, canaries = order_of(kind), Canaries(custodian)
    bench = Watched(SoftwareCard(kind.blank), custodian)
    report = bench.issue(order, begun=False)
    again = bench.verify(order)
    assert len(log.getvalue().splitlines()) > 1500
    assert len(custodian.known) > 100
    assert "TMK 1 of the card" in custodian.known
    assert {"BuildingTalk", "Material", "Load", "CardOrder", "Builder", "Sealer", "Inspector", "Prover"} <= bench.kinds
    assert any(b"".fromhex(PIN) in one for one in bench.sent)  # where it belongs

    said = [log.getvalue(), repr(order), str(order), *map(repr, bench.notes), *map(repr, bench.requests)]
    said += [repr(report), str(report), repr(again), repr(custodian), str(custodian), *bench.texts]
    said += [repr(task) for request in bench.requests for task in request.tasks]
    assert canaries.seen_in(*said) == []


def test_the_watch_would_see_it() -> None:
    custodian = CanaryCustodian()
    custodian.known["root"] = b"\x01\xab\xcd'" * 4
    canaries = Canaries(custodian)
    written = NAME.encode("gb18030")
    shown = (custodian.known["root"], Secret(b"1"), bytes.fromhex(PIN), NAME, NUMBER, {"a": TELEPHONE}, written)
    found = [set(canaries.seen_in(repr(value))) for value in shown]
    assert found == [{"root"}, set(), {"PIN"}, {"name"}, {"number"}, {"telephone"}, {"name"}]
    assert canaries.seen_in(bytes.fromhex(PIN).hex(" ").upper()) == ["PIN"]


@pytest.mark.parametrize("chip", KINDS)
def test_no_failure_shows_anything(chip: str, log: io.StringIO) -> None:
    kind, custodian = KINDS[chip], CanaryCustodian()
    order, canaries = order_of(kind), Canaries(custodian)
    said, kinds = set[str](), set[str]()
    effects = (Status(0x6F00), Status(0x6982), Status(0x63C1), Status(0x6A80), Removal())
    for number, at in enumerate(range(2, 1190, 83)):
        bench = Watched(SoftwareCard(kind.blank), custodian)
        with pytest.raises(CardError) as failed:
            bench.issue(order, begun=False, faults=[Fault(effect=effects[number % len(effects)], at=at)])
        bench.look()
        said |= {*told(failed.value), *bench.texts}
        kinds.add(type(failed.value).__name__)
    for at in range(1, 160, 40):
        bench = Watched(SoftwareCard(kind.blank), custodian)

        def away(now: int, at: int = at) -> None:
            if now == at:
                raise KeyUnavailableError("IRK", "the line is down")

        bench.before_request = away
        with pytest.raises(KeyUnavailableError) as failed:
            bench.issue(order, begun=False)
        said |= set(told(failed.value))
    assert {"BuildingError", "KeyProofError", "CardRemovedError"} <= kinds
    assert canaries.seen_in(log.getvalue(), *said) == []


@pytest.mark.parametrize("chip", KINDS)
def test_a_card_with_another_holder_or_pin_is_refused_without_a_word_about_them(chip: str, log: io.StringIO) -> None:
    kind, custodian = KINDS[chip], CanaryCustodian()
    order, canaries = order_of(kind), Canaries(custodian)
    card = SoftwareCard(kind.blank)
    Bench(card, custodian).issue(kind.order(), begun=False)
    said, bench = list[str](), Bench(card, custodian)
    for wanted in (order, kind.order(contents=order.contents), kind.order(pin=order.pin)):
        for call in (bench.verify, partial(bench.issue, begun=False)):
            with pytest.raises(CardError) as failed:
                call(wanted)
            said += told(failed.value)
    assert canaries.seen_in(log.getvalue(), *said) == []
