"""What the counter's work costs over gRPC and pcscd, against the same commands by bare pyscard; and calls per second.

Four verbs: a card is issued from a blank chip, activated at a bank with a new PIN, its PIN is verified, its identity is
read. Service, client and cards are processes of their own; the service keeps journals, registry and audit in SQLite,
each commit on the disk (synchronous FULL), as it does at a counter. It asks for no certificates.

Each card has a twin: an equal chip, with the same random bytes to come, in a slot of its own. A call is made on the
card, and timed until its last answer is there; what the chip was told is then said to the twin by pyscard: the same
commands, byte by byte, MACs and cryptograms included, with resets where they were, from connecting to disconnecting.
The twin gives the same answers, which is checked. So the bare side does what has to go through PC/SC and nothing else:
it knows no keys, computes, decodes and decides nothing, keeps no record, asks nobody, and has looked up its reader
before. Calls and repetitions alternate; each pair of neighbours makes one ratio.

A second service, whose database is in memory and which keeps no audit, shows how much of that is the record's.
"""

import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import grpc

from bench import rate
from bench.recorder import RESET, Cards, Conversation, with_cards
from bench.serving import service, wait_for
from cardlib.checks import card_number_check_character, id_check_character
from sscard.v1 import activation_pb2, card_pb2, issuance_pb2, lease_pb2, pin_pb2, registry_pb2
from sscard.v1.activation_pb2_grpc import ActivationServiceStub
from sscard.v1.card_pb2_grpc import CardServiceStub
from sscard.v1.issuance_pb2_grpc import IssuanceServiceStub
from sscard.v1.pin_pb2_grpc import PinServiceStub
from sscard.v1.reader_pb2 import SlotState
from sscard.v1.registry_pb2_grpc import RegistryServiceStub

SLOTS: Final = 12
LONG: Final = 120.0
PIN: Final = "271828"
MEMORY: Final = Path("/dev/shm")
"""A directory that no disk is behind, where there is one."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: ``rounds`` of ``cards`` issued and activated each, ``pairs`` of the rest; ``seconds`` each.

    ``clients``: how many readers are busy at once; ``compared``: also without the audit.
    """

    rounds: int = 3
    cards: int = SLOTS // 2
    pairs: int = 60
    seconds: float = 4.0
    clients: tuple[int, ...] = (1, 4, 12)
    compared: bool = True

    @property
    def audits(self) -> tuple[bool, ...]:
        """Whether there is an audit, in one service after the other."""
        return (True, False) if self.compared else (True,)


def main(sizes: Sizes = Sizes()) -> None:
    """issue, activate, PIN-verify and read over gRPC and pcscd against bare pyscard; ReadIdentity per second"""  # noqa: D400
    with_cards(SLOTS, measure, sizes)
    rate.in_process(sizes.clients, sizes.seconds, sizes.audits)


def measure(cards: Cards, sizes: Sizes) -> None:
    """All that goes through pcscd."""
    _verbs(cards, sizes, "journals, registry and audit on the disk", None, AUDIT="true")
    if sizes.compared and MEMORY.is_dir():
        _verbs(cards, sizes, "no audit, the database in memory", MEMORY, AUDIT="false")
    rate.through_pcscd(cards, sizes.clients, sizes.seconds, sizes.audits)


def _verbs(cards: Cards, sizes: Sizes, title: str, where: Path | None, **settings: str) -> None:
    with (
        _database(where) as database,
        service(database, **settings) as address,
        grpc.insecure_channel(address) as channel,
    ):
        counter = Counter(cards, channel)
        # What a service does for the first time, it prepares for the others.
        counter.issue_and_activate(0, 1)
        counter.use(2)
        counter.forget()
        for number in range(sizes.rounds):
            counter.issue_and_activate(1 + number * sizes.cards, sizes.cards)
        counter.use(sizes.pairs)
        counter.report(title)


class Counter:
    """The work at a counter, over one channel; times of pairs by verb."""

    def __init__(self, cards: Cards, channel: grpc.Channel) -> None:
        self._cards = cards
        self._channel = channel
        self._half = len(cards.readers) // 2
        self._pairs: dict[str, list[tuple[float, float]]] = {}
        self._commands: dict[str, list[int]] = {}

    def issue_and_activate(self, first: int, count: int) -> None:
        """A person's card from each of so many blank chips; ``first``: number of the first."""
        self._cards.empty()
        wait_for(self._channel, self._cards.readers, SlotState.SLOT_STATE_EMPTY)
        for index in range(count):
            for slot in (index, index + self._half):
                self._cards.insert(slot, "blank-t514", first + index)
        in_use = [self._cards.readers[slot] for index in range(count) for slot in (index, index + self._half)]
        wait_for(self._channel, in_use, SlotState.SLOT_STATE_CARD)
        for index in range(count):
            person = _person(first + index)
            self._pair("issue", index, partial(self._issue, index, person))
            self._deliver(person)
            self._pair("activate", index, partial(self._activate, index, person))

    def use(self, pairs: int) -> None:
        """The card in the first slot, again and again."""
        card = CardServiceStub(self._channel)
        pins = PinServiceStub(self._channel)
        reader = self._cards.readers[0]
        identity = card_pb2.ReadIdentityRequest(reader=reader)
        verify = pin_pb2.VerifyPinRequest(reader=reader, pin=PIN)
        for _ in range(pairs):
            self._pair("read", 0, lambda: _proven(card.ReadIdentity(identity)))
            self._pair("PIN-verify", 0, lambda: _verified(pins.VerifyPin(verify)))
        held = card.AcquireCard(lease_pb2.AcquireCardRequest(reader=reader)).state.lease
        twin = self._twin(0)
        twin.connect()
        request = pin_pb2.VerifyPinRequest(lease=held, pin=PIN)
        for _ in range(pairs):
            self._pair("PIN-verify in a lease", 0, lambda: _verified(pins.VerifyPin(request)), twin)
        twin.disconnect()
        card.ReleaseCard(lease_pb2.ReleaseCardRequest(lease=held))

    def _twin(self, index: int) -> "Twin":
        return Twin(self._cards.readers[index + self._half])

    def forget(self) -> None:
        """Begin anew: that was to warm up."""
        self._pairs.clear()
        self._commands.clear()

    def report(self, title: str) -> None:
        """Print what was measured."""
        print(f"{title}:")
        for verb, pairs in self._pairs.items():
            ours, bare = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
            ratios = [one / other for one, other in pairs]
            low, middle, high = statistics.quantiles(ratios, n=4)
            print(
                f"  {verb:21} {statistics.median(self._commands[verb]):4.0f} commands: gRPC {ours:7.2f} ms, bare "
                f"{bare:7.2f} ms, ratio {middle:.2f} (quartiles {low:.2f} to {high:.2f}; {len(pairs)} pairs)",
                flush=True,
            )

    def _pair(self, verb: str, index: int, call: Callable[[], None], twin: "Twin | None" = None) -> None:
        self._cards.said(index)
        ours = _timed(call)
        said = self._cards.said(index)
        bare = self._twin(index).say(said) if twin is None else twin.say(said, whole=False)
        self._pairs.setdefault(verb, []).append((ours, bare))
        self._commands.setdefault(verb, []).append(sum(each != RESET for each in said))

    def _issue(self, index: int, person: dict[str, str]) -> None:
        request = issuance_pb2.PersonaliseCardRequest(
            reader=self._cards.readers[index],
            request_id=str(uuid.uuid4()),
            order=issuance_pb2.CardOrder(template="template-3.0", person=person),
            operator="bench",
        )
        events = [*IssuanceServiceStub(self._channel).PersonaliseCard(request, timeout=LONG)]
        assert events[-1].HasField("issued")

    def _deliver(self, person: dict[str, str]) -> None:
        registry = RegistryServiceStub(self._channel)
        asked = registry_pb2.GetPersonRequest(social_security_number=person["social_security_number"])
        card = registry.GetPerson(asked).cards[0]
        registry.DeliverCard(
            registry_pb2.DeliverCardRequest(
                request_id=str(uuid.uuid4()), card=registry_pb2.CardReference(id=card.id), document=_document(person)
            )
        )

    def _activate(self, index: int, person: dict[str, str]) -> None:
        request = activation_pb2.ActivateAtBankRequest(
            reader=self._cards.readers[index],
            request_id=str(uuid.uuid4()),
            document=_document(person),
            new_pin=PIN,
        )
        events = [*ActivationServiceStub(self._channel).ActivateAtBank(request, timeout=LONG)]
        assert events[-1].outcome.activated


class Twin:
    """The twin in a reader, and pyscard; everything that can be prepared before it is timed is."""

    def __init__(self, reader: str) -> None:
        from smartcard.scard import SCARD_RESET_CARD  # noqa: PLC0415  needs the daemon's place in the environment
        from smartcard.System import readers  # noqa: PLC0415

        self._connection: Any = next(found for found in readers() if found.name == reader).createConnection()
        self._disposition = SCARD_RESET_CARD

    def connect(self) -> None:
        """Power the card; it will be reset when it is let go."""
        self._connection.connect(disposition=self._disposition)

    def disconnect(self) -> None:
        """Let it go."""
        self._connection.disconnect()

    def say(self, said: Conversation, *, whole: bool = True) -> float:
        """Say what the card was told; seconds, with connecting and disconnecting if ``whole``.

        The answers have to be those of the card.
        """
        begin = next((number for number, each in enumerate(said) if each != RESET), len(said))
        end = len(said) - next((number for number, each in enumerate(reversed(said)) if each != RESET), 0)
        commands = [None if each == RESET else [*each[0]] for each in said[begin:end]]
        answers = []
        start = time.perf_counter()
        if whole:
            self.connect()
        for command in commands:
            if command is None:
                self._connection.reconnect()
            else:
                answers.append(self._connection.transmit(command))
        if whole:
            self.disconnect()
        seconds = time.perf_counter() - start
        given = [bytes((*data, sw1, sw2)) for data, sw1, sw2 in answers]
        assert given == [answer for command, answer in said if command], "the twin answers otherwise"
        return seconds


@contextmanager
def _database(where: Path | None = None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sscard-bench-", dir=where) as folder:
        yield Path(folder) / "bench.db"


def _timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _proven(answer: card_pb2.ReadIdentityResponse) -> None:
    assert answer.authenticity == card_pb2.AUTHENTICITY_PROVEN


def _verified(answer: pin_pb2.VerifyPinResponse) -> None:
    assert answer.verified


def _person(number: int) -> dict[str, str]:
    """An invented one, and the number of the card."""
    digits, body = f"99000019800101{number:03}", f"T{number:07}"
    return {
        "social_security_number": digits + id_check_character(digits),
        "name": f"样本{number}",
        "sex": "1",
        "ethnicity": "01",
        "birth_date": "1980-01-01",
        "card_number": body + card_number_check_character(body),
        "issue_date": "2026-01-01",
        "expiry_date": "2036-01-01",
        "pin": "123456",
    }


def _document(person: dict[str, str]) -> registry_pb2.IdentityDocument:
    return registry_pb2.IdentityDocument(
        kind=registry_pb2.DOCUMENT_KIND_RESIDENT_CARD, number=person["social_security_number"], name=person["name"]
    )
