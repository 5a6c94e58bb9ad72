"""A PIN service over cards that record every PIN that really reaches them, and can be pulled at any command."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from apdu.command import CommandAPDU
from apdu.errors import CardRemovedError
from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from cardlib.development_keys import load
from cardlib.flows.pin import CardMark
from cardlib.written.entries import packed_pin
from services.custody.development import DevelopmentCustodian
from services.operations.journal import OperationJournal
from services.pin_guard import PinGuard
from services.pin_pad_calls import PadPinService
from services.readers import ReaderHub
from services.registry.lifecycle import CardState
from simulator.card import SoftwareCard
from simulator.image import CardImage, Issue, image_for
from simulator.people import READY

INITIAL, OWN, NEW, WRONG = "123456", "864209", "975310", "654321"
"""A region's initial PIN; the holder's own; the next one; one that is never right."""
VERIFY, CHANGE_PIN = 0x20, 0x5E
RESET_PIN = bytes.fromhex("84240001")
OK = 0x9000


@lru_cache
def image(serial: int, pin: str, tries: int) -> CardImage:
    ready = READY["2.0"]
    issue = Issue(
        algorithm=ready.algorithm,
        historical_bytes=ready.historical_bytes(serial),
        pin=packed_pin(pin),
        pin_tries=tries,
    )
    return image_for(ready.profile, ready.contents(serial), issue, load())


@dataclass(frozen=True)
class Call:
    """What a caller asked for."""

    method: str
    reader: str
    allow_last_try: bool = False
    card_is_new: bool = False
    times: int = 1


@dataclass(frozen=True)
class Sent:
    """A command with a PIN that a card carried out.

    ``pin``: the digits that it compares. ``before``: tries that it had then. ``status``: what the card had said last
    about its PIN since it was powered, None where it was not asked. ``sw``: its answer, ``heard``: whether that
    reached the reader. ``resets``: how often the card had been given another PIN by PUK.
    """

    command: str
    pin: str = field(repr=False)
    before: int
    status: int | None
    sw: int
    heard: bool
    resets: int


class RecordingCard:
    """A card that notes every PIN that it compares.

    ``cut``: after how many commands it is pulled, -1 for never; ``pins_only``: commands with a PIN are counted alone;
    ``carried_out``: whether it does what it was told last.
    ``odd``: what a PIN is answered, and not compared.
    """

    def __init__(self, serial: int = 1, pin: str = OWN, tries: int = 3) -> None:
        self.chip = SoftwareCard(image(serial, pin, tries))
        self.cut, self.carried_out, self.pins_only = -1, False, False
        self.odd: bytes | None = None
        self.sent: list[Sent] = []
        self.commands = 0
        self.resets = 0
        self._status: int | None = None
        self._said: bytes | None = None
        self._honest = 0

    def say(self, status: bytes | None, honest: int = 0) -> None:
        """Answer VERIFY without data so, after so many questions that are answered as ever; None: as ever."""
        self._said, self._honest = status, honest

    def power_on(self) -> bytes:
        self._status = None
        return self.chip.power_on()

    def reset(self) -> bytes:
        self._status = None
        return self.chip.reset()

    def power_off(self) -> None:
        self.chip.power_off()

    def process(self, raw: bytes) -> bytes:
        self.commands += 1
        command = CommandAPDU.from_bytes(raw)
        counts = not self.pins_only or (command.ins in {VERIFY, CHANGE_PIN} and len(command.data) > 0)
        pulled = counts and self.cut == 0
        self.cut -= counts and self.cut >= 0
        if pulled and not self.carried_out:
            raise CardRemovedError("pulled")
        answer = self._carried_out(command, raw, heard=not pulled)
        if pulled:
            raise CardRemovedError("pulled")
        return answer

    def _carried_out(self, command: CommandAPDU, raw: bytes, *, heard: bool) -> bytes:
        data = command.data.reveal() if isinstance(command.data, Secret) else command.data
        if command.ins == VERIFY and not data:
            return self._asked(raw)
        if command.ins not in {VERIFY, CHANGE_PIN}:
            answer = self.chip.process(raw)
            self.resets += raw.startswith(RESET_PIN) and answer == b"\x90\x00"
            return answer
        before, status, odd = self._tries(), self._status, self.odd
        answer = self.chip.process(raw) if odd is None else odd
        compared = data.partition(b"\xff")[0] if command.ins == CHANGE_PIN else data
        sw = int.from_bytes(answer[-2:])
        self.sent.append(Sent(command.name, compared.hex(), before, status, sw, heard, self.resets))
        self._status = sw if sw == OK else None
        return answer

    def _asked(self, raw: bytes) -> bytes:
        answer = self.chip.process(raw)
        if self._said is not None:
            if self._honest == 0:
                answer = self._said
            self._honest -= self._honest > 0
        self._status = int.from_bytes(answer)
        return answer

    def _tries(self) -> int:
        """What the card says itself, its application selected: 0 where it is blocked, -1 without a PIN."""
        sw = int.from_bytes(self.chip.process(bytes.fromhex("0020000000")))
        return {0x9000: -1, 0x6983: 0}.get(sw, sw & 0x0F)


class Context:
    """The part of a call's context that the service looks at."""

    @staticmethod
    def time_remaining() -> float | None:
        return None


class NoJournalError(Exception):
    """No journal was given."""


def no_journal() -> OperationJournal:
    raise NoJournalError


@dataclass
class PinDesk:
    """Readers with cards in them, and the service; ``states``: what the registry knows, by the card's identifier."""

    cards: dict[str, RecordingCard]
    journal: Callable[[], OperationJournal] = no_journal
    initial_pins: tuple[str, ...] = (INITIAL,)
    custodian: Any = field(default_factory=lambda: DevelopmentCustodian(development_mode=True))
    states: dict[str, CardState] = field(default_factory=dict)

    async def start(self) -> "PinDesk":
        readers = InProcessReaders(list(self.cards))
        for name, card in self.cards.items():
            readers.insert(name, card)
        guard = PinGuard(self._state, self.initial_pins)
        self.hub = ReaderHub(readers, pin_guard=guard)
        self.readers = readers
        await self.hub.start()
        self.service = PadPinService(
            self.hub,
            self.custodian,
            call_deadline=20,
            operations=self.journal,
            guard=guard,
            card_digest=lambda data: hashlib.sha256(data).hexdigest(),
            station="desk",
        )
        return self

    async def restart(self) -> "PinDesk":
        """The service ends, and another process begins: journal and cards are as they were."""
        await self.hub.close()
        return await self.start()

    async def close(self) -> None:
        await self.hub.close()

    async def call(self, method: str, request: Any) -> Any:
        async with asyncio.timeout(20):
            return await getattr(self.service, method)(request, Context())

    def _state(self, mark: CardMark) -> CardState | None:
        return self.states.get(mark.card_identifier)
