"""A chip in a reader, on which flows make cards while everything that is said and asked is kept."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Final

import pytest

from apdu.errors import CardRemovedError
from apdu.flow import Flow, Question, run
from apdu.readers import Transmit, executor
from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from apdu.transport.wrappers import get_response
from cardlib.crypto import Algorithm
from cardlib.custody import KeyCustodian
from cardlib.flows.pin import PinQuestion
from cardlib.issuance.flow import issue_card, verify_card
from cardlib.issuance.order import CardOrder
from cardlib.issuance.questions import Note, Reset, Stage
from cardlib.issuance.report import CardReport
from cardlib.key_requests import CardFactors, KeyRequest
from cardlib.keys import KeyReference
from services.custody.development import DevelopmentCustodian
from simulator.card import SoftwareCard
from simulator.faults import Fault, FaultyChip
from simulator.memory.eeprom import Eeprom
from tests.issuance.chips import KINDS, Custodian, Kind, constant, lasting

READER: Final = "Counter 1"
CHIPS: Final = ("t514", "fmcos")
ALL_KINDS: Final = {
    f"{chip}-{version}-{algorithm.name}": Kind(chip, version, algorithm)
    for chip in CHIPS
    for version in ("2.0", "3.0")
    for algorithm in (Algorithm.DES, Algorithm.SM4)
}
"""Every operating system with every card that is made on it."""
DES: Final = {"t514": KINDS["t514-DES"], "fmcos": KINDS["fmcos-DES"]}
SM4: Final = {"t514": KINDS["t514-SM4"], "fmcos": KINDS["fmcos-SM4"]}

_ANSWERS: Final = Custodian()
"""Asked the same again and again, in every test."""
_KEY_COMMANDS: Final = frozenset({0x20, 0x82, 0x88})


def blank(kind: Kind, *, size: int = 0x10000) -> SoftwareCard:
    """A blank chip with ``size`` bytes of memory; its random numbers are always the same."""
    return SoftwareCard(Eeprom(kind.blank.content, size=size), t0=True, rng=constant)


def copy_of(card: SoftwareCard) -> SoftwareCard:
    """The same chip once more."""
    return SoftwareCard(Eeprom(card.eeprom.content, size=card.eeprom.size), t0=True, rng=constant)


@cache
def _made(kind: Kind) -> SoftwareCard:
    card = blank(kind)
    Bench(card).issue(kind.order(), begun=False)
    return card


def issued(kind: Kind) -> SoftwareCard:
    """The card of the kind's order: made once, as often as it is wanted."""
    return copy_of(_made(kind))


class Bench:
    """A chip, and who answers what the flows on it ask.

    ``sent``: all commands that were sent to the chip; ``requests``, ``notes``: what was asked, in order.
    ``before_request`` is told the number of each key request, from 1, and may raise. ``wrap`` is put around the reader.
    ``guard`` is asked about the holder's PIN.
    """

    def __init__(self, chip: Any, custodian: KeyCustodian | Custodian = _ANSWERS) -> None:
        self.chip = chip
        self.custodian = custodian
        self.sent: list[bytes] = []
        self.requests: list[KeyRequest] = []
        self.notes: list[Note] = []
        self.before_request: Callable[[int], None] = lambda _number: None
        self.wrap: Callable[[Transmit], Transmit] = lambda transmit: transmit
        self.guard: Callable[[PinQuestion], None] = lambda _question: None

    def issue(self, order: CardOrder, *, begun: bool, attempt: int = 0, faults: Sequence[Fault] = ()) -> CardReport:
        """One attempt at making the card; ``faults`` are the chip's while it lasts."""
        return self.converse(partial(issue_card, order, begun=begun, attempt=attempt, rng=constant), faults)

    def verify(self, order: CardOrder) -> CardReport:
        """The finished card against its order."""
        return self.converse(partial(verify_card, order, rng=constant))

    def speak(self, *commands: str) -> list[str]:
        """What somebody else says to the chip from its power-on; the answers."""
        self.chip.power_on()
        answers = [self.chip.process(bytes.fromhex(command)).hex().upper() for command in commands]
        self.chip.power_off()
        return answers

    @property
    def used_keys(self) -> list[bytes]:
        """What was sent that tries a PIN or a key, or builds: VERIFY with a PIN, authentications, the chips' own."""
        return [one for one in self.sent if one[0] or (one[1] in _KEY_COMMANDS and len(one) > 5)]

    def converse(self, begin: Callable[..., Flow[CardReport]], faults: Sequence[Fault] = ()) -> CardReport:
        """Run the flow that begins with this ATR."""
        readers = InProcessReaders([READER])
        chip = FaultyChip(self.chip, faults, remove=partial(readers.remove, READER)) if faults else self.chip
        readers.insert(READER, chip, t0=True)
        connection = readers.connect(READER)

        def transmit(commands: Sequence[bytes]) -> list[bytes]:
            self.sent += commands
            return connection.transmit(commands)

        def answer(question: Question[Any]) -> Any:
            match question:
                case Note():
                    self.notes.append(question)
                    return None
                case Reset():
                    return connection.reset()
                case PinQuestion():
                    return self.guard(question)
                case KeyRequest():
                    self.requests.append(question)
                    self.before_request(len(self.requests))
                    return self.custodian.answer(question)
            raise AssertionError(question)

        execute = executor(get_response(self.wrap(transmit), strip_le=connection.t0))
        try:
            return run(begin(atr=connection.atr), execute, answer)
        finally:
            connection.close()


class OtherKeys(DevelopmentCustodian):
    """The development keys, but for those of these names."""

    def __init__(self, *names: str) -> None:
        super().__init__(development_mode=True)
        self._names = names

    def card_key(self, card: CardFactors, key: KeyReference) -> Secret:
        found = super().card_key(card, key)
        return Secret(bytes(byte ^ 0x5A for byte in found.reveal())) if key.name in self._names else found


def memory(chip: SoftwareCard) -> bytes:
    """A digest of what the chip remembers."""
    return lasting(chip.eeprom.content)


def at_scripts(kind: Kind) -> list[bytes]:
    """What the chip remembers before each script of a whole issue that begins with something new."""
    chip, seen = blank(kind), dict[bytes, bytes]()
    bench = Bench(chip)

    def wrap(transmit: Transmit) -> Transmit:
        def watched(commands: Sequence[bytes]) -> list[bytes]:
            seen.setdefault(memory(chip), chip.eeprom.content)
            return transmit(commands)

        return watched

    bench.wrap = wrap
    bench.issue(kind.order(), begun=False)
    return list(seen.values())


def chip_with(content: bytes) -> SoftwareCard:
    """A chip that remembers this."""
    return SoftwareCard(Eeprom(content), rng=constant)


def stopped_at(kind: Kind, stage: Stage, detail: str) -> SoftwareCard:
    """A chip as it is when this step was noted."""
    chip = blank(kind)
    bench = Bench(chip)

    def wrap(transmit: Transmit) -> Transmit:
        def watched(commands: Sequence[bytes]) -> list[bytes]:
            if bench.notes[-1].stage is stage and bench.notes[-1].detail == detail:
                raise CardRemovedError("pulled out", reader=READER)
            return transmit(commands)

        return watched

    bench.wrap = wrap
    with pytest.raises(CardRemovedError):
        bench.issue(kind.order(), begun=False)
    return chip
