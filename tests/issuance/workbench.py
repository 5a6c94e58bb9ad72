"""Orders for cards of invented holders, and a chip in a reader on which a flow makes them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any, Final

from apdu.flow import Flow, Question, Script, run
from apdu.readers import executor
from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from apdu.transport.wrappers import get_response
from cardlib.crypto import Algorithm
from cardlib.custody import KeyCustodian
from cardlib.issuance.flow import issue_card, verify_card
from cardlib.issuance.order import CardOrder
from cardlib.issuance.questions import Note, Reset
from cardlib.issuance.report import CardReport
from cardlib.profiles import ALL
from services.custody.development import DevelopmentCustodian
from simulator.blanks import blank_chip
from simulator.card import SoftwareCard
from simulator.faults import Fault, FaultyChip
from simulator.memory.eeprom import Eeprom
from simulator.people import READY

REGION: Final = "990000"
PIN: Final = Secret(bytes.fromhex("123456"))
DIALECTS: Final = ("t514", "fmcos")
KINDS: Final = tuple(
    (dialect, version, algorithm) for dialect in DIALECTS for version in ("2.0", "3.0") for algorithm in ("DES", "SM4")
)
"""Every system on which every card is made: dialect, version, cipher."""
NUMBER: Final = 7
"""Of the chip, as for :func:`simulator.blanks.blank_chip`."""

_READER: Final = "Counter 1"
_AUTHENTICATIONS: Final = frozenset({0x20, 0x82, 0x88})
_PROFILES: Final = {profile.version: profile for profile in ALL}
_COS_ONLY: Final = {"medical_account", "medical_transactions"}


def people(version: str) -> dict[str, dict[str, Any]]:
    """What the ready-made card of this version holds, as far as anybody can write it."""
    ready = READY[version]
    return {name: dict(items) for name, items in ready.contents(ready.serial).items() if name not in _COS_ONLY}


def order_for(
    dialect: str, version: str, algorithm: str, contents: Mapping[str, Mapping[str, Any]] | None = None
) -> CardOrder:
    """A whole card; ``contents`` in place of those of the ready-made one."""
    return CardOrder(
        profile=_PROFILES[version],
        algorithm=Algorithm[algorithm],
        chip=dialect,
        region=REGION,
        contents=people(version) if contents is None else contents,
        pin=PIN,
    )


def development() -> DevelopmentCustodian:
    """Answers from the published keys."""
    return DevelopmentCustodian(development_mode=True)


def blank(dialect: str, *, size: int = 0x10000, t0: bool = True) -> SoftwareCard:
    """A blank chip with ``size`` bytes of memory."""
    return SoftwareCard(Eeprom(blank_chip(dialect, NUMBER).content, size=size), t0=t0)


def copy_of(card: SoftwareCard) -> SoftwareCard:
    """The same chip once more."""
    return SoftwareCard(Eeprom(card.eeprom.content, size=card.eeprom.size), t0=True)


class Bench:
    """A chip in a reader, and who answers what the flows on it ask.

    ``sent``: all commands that reached the chip, in order; ``requests``, ``notes``: what was asked. ``faults``: of the
    chip while flows run.
    """

    def __init__(self, chip: Any, custodian: KeyCustodian | None = None) -> None:
        self.chip = chip
        self.custodian = custodian or development()
        self.sent: list[bytes] = []
        self.requests: list[Any] = []
        self.notes: list[Note] = []
        self.before_request: Callable[[int], None] = lambda _number: None
        self.wrap: Callable[[Any], Any] = lambda transmit: transmit

    def issue(self, order: CardOrder, *, begun: bool, attempt: int = 0, faults: tuple[Fault, ...] = ()) -> CardReport:
        """One attempt at making the card."""
        return self._on_the_chip(partial(issue_card, order, begun=begun, attempt=attempt, rng=_rng), faults)

    def verify(self, order: CardOrder) -> CardReport:
        """The finished card against its order."""
        return self._on_the_chip(partial(verify_card, order, rng=_rng), ())

    def speak(self, *commands: bytes) -> list[bytes]:
        """What somebody else says to the chip from its reset on; the answers."""
        self.chip.power_on()
        answers = [self.chip.process(command) for command in commands]
        self.chip.power_off()
        return answers

    @property
    def tried(self) -> list[bytes]:
        """Commands that tried a PIN or key: authentications of any form, and everything of the chips' own classes."""
        return [one for one in self.sent if one[1] in _AUTHENTICATIONS and len(one) > 5 or one[0] not in {0x00}]

    def run(self, flow: Flow[Any], connection: Any) -> Any:
        """Any flow, over this connection."""

        def transmit(commands: Any) -> list[bytes]:
            self.sent += commands
            answers: list[bytes] = connection.transmit(commands)
            return answers

        def answer(question: Question[Any]) -> Any:
            match question:
                case Note():
                    self.notes.append(question)
                    return None
                case Reset():
                    return connection.reset()
                case _:
                    self.requests.append(question)
                    self.before_request(len(self.requests))
                    return self.custodian.answer(question)

        return run(flow, executor(get_response(self.wrap(transmit), strip_le=connection.t0)), answer)

    def _on_the_chip(self, begin: Callable[..., Flow[CardReport]], faults: tuple[Fault, ...]) -> CardReport:
        readers = InProcessReaders([_READER])
        chip = FaultyChip(self.chip, faults, remove=partial(readers.remove, _READER)) if faults else self.chip
        readers.insert(_READER, chip, t0=True)
        connection = readers.connect(_READER)
        try:
            report: CardReport = self.run(begin(atr=connection.atr), connection)
        finally:
            connection.close()
        return report


class StopError(Exception):
    """Ends a conversation from outside, at a script."""


def _rng(size: int) -> bytes:
    return bytes(range(1, size + 1))


@cache
def _issued(dialect: str, version: str, algorithm: str) -> SoftwareCard:
    card = blank(dialect)
    Bench(card).issue(order_for(dialect, version, algorithm), begun=False)
    return card


def issued(dialect: str, version: str, algorithm: str) -> SoftwareCard:
    """A card that was made once, as often as it is wanted."""
    return copy_of(_issued(dialect, version, algorithm))


def begin_scripts(flow: Flow[Any]) -> Script | Question[Any]:
    """The first thing that a flow wants."""
    return next(flow)


def with_pin(order: CardOrder, pin: Secret) -> CardOrder:
    """The same order with another PIN."""
    return replace(order, pin=pin)
