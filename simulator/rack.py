"""A rack of virtual readers: software cards that are put in, taken out, exchanged and made to fail under way.

::

    drawer (卡盒)  ── insert ──▶  slot 1 … n (卡槽)
    cards by name  ◀── remove ──  one card each
         │
         └── discard ──▶  out of the rack
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final, TypeAlias

from apdu.transport.inprocess import Chip
from cardlib.crypto import Algorithm
from simulator.clock import Clock
from simulator.faults import Fault, FaultyChip, hang_up
from simulator.memory.eeprom import eeprom_of
from simulator.pcscd import VirtualReaders
from simulator.timing import Report, TimedChip

LEAST_EMPTY: Final = 1.0
"""Seconds that a slot stays empty between two cards. pcscd looks every 0.4 s; sooner, one could pass for the other."""


class RackError(Exception):
    """Something that cannot be done with slots and cards as they are.

    ::

        RackError
        ├─ NoSlotError       there is no slot of this number
        ├─ SlotEmptyError    no card is in it
        ├─ SlotTakenError    a card is in it already
        ├─ NoSuchCardError   no card has this name
        ├─ CardInSlotError   the card is in a slot already
        └─ NameTakenError    another card has this name
    """


class NoSlotError(RackError):
    """There is no slot of this number."""


class SlotEmptyError(RackError):
    """No card is in the slot."""


class SlotTakenError(RackError):
    """A card is in the slot already."""


class NoSuchCardError(RackError):
    """No card of the rack has this name."""


class CardInSlotError(RackError):
    """The card is in a slot already."""


class NameTakenError(RackError):
    """Another card of the rack has this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCard:
    """A card that comes into the rack (新卡).

    ``label``: what kind of card it is, for people. ``algorithm``: its cipher, for the time it takes. ``name``: what it
    is called in the rack; "" for one that its number gives. ``close``: gives back what the card lives in, such as its
    card file; called once, at any moment, when the card leaves the rack or does not get into it; None: nothing to give.
    """

    chip: Chip
    label: str
    algorithm: Algorithm = Algorithm.DES
    name: str = ""
    close: Callable[[], None] | None = None


class CardSourceError(Exception):
    """No card can be made of what was given; ``mistakes`` has a sentence for everything that is wrong with it."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


CardSource: TypeAlias = Callable[[str], NewCard]
"""Makes a card of a kind, of a description or of a file; raises :class:`CardSourceError`."""


@dataclass(frozen=True, slots=True)
class RackCard:
    """A card of the rack as it is (卡片状态).

    ``number`` counts cards from 1 in the order in which they came into the rack: ``card`` of a fault script.
    ``faults``: how many are loaded.
    """

    name: str
    number: int
    label: str
    faults: int


@dataclass(frozen=True, slots=True)
class SlotState:
    """A slot as it is (卡槽状态); ``number`` counts from 1, ``reader`` is its name for PC/SC, ``card`` may be none."""

    number: int
    reader: str
    card: RackCard | None


class Rack:
    """Slots of a pcscd of one's own, and cards in them and beside them (卡架).

    A card is known by its name and keeps what it remembers, in whatever slot or in none. A card that a fault pulled out
    is out, and can be inserted again. May be used from any thread; the readers then by nobody else but to wait.
    """

    def __init__(self, readers: VirtualReaders) -> None:
        self._readers = readers
        self._cards: dict[str, _Card] = {}
        self._slots: list[_Card | None] = [None] * len(readers.readers)
        self._emptied = [-LEAST_EMPTY] * len(readers.readers)
        self._numbers = count(1)
        self._lock = threading.RLock()

    def slots(self) -> tuple[SlotState, ...]:
        """Every slot, by number."""
        with self._lock:
            self._look()
            cards = [card.state if card else None for card in self._slots]
        return tuple(SlotState(*state) for state in zip(count(1), self._readers.readers, cards, strict=False))

    def drawer(self) -> tuple[RackCard, ...]:
        """The cards that are in no slot, by number."""
        with self._lock:
            self._look()
            return tuple(card.state for card in self._cards.values() if card not in self._slots)

    def add(self, new: NewCard, script: Sequence[Fault] = ()) -> str:
        """Put a new card into the drawer, with those faults of the script that are about it; returns its name.

        Raises :class:`NameTakenError`.
        """
        with self._lock, _given_back(new):
            self._check(new)
            number = next(self._numbers)
            while (name := new.name or f"card-{number}") in self._cards:
                number = next(self._numbers)
            card = _Card(name, number, new)
            card.load(script)
            self._cards[name] = card
            return name

    def require_free(self, slot: int, name: str = "") -> None:
        """Raise :class:`RackError` unless a new card of this name could be inserted: worth asking before it is made."""
        with self._lock:
            index = self._index(slot)
            if self._slots[index] is not None:
                raise SlotTakenError(f"there is a card in slot {slot} already")
            self._check_name(name)

    def require_taken(self, slot: int, name: str = "") -> None:
        """As :meth:`require_free`, of a new card that is to come in for the one in the slot."""
        with self._lock:
            self._in(slot)
            self._check_name(name)

    def insert(self, slot: int, card: str | NewCard, *, wait: float = 5.0) -> SlotState:
        """Put a card of the drawer, by name, or a new one into a slot, and wait until every client sees it.

        ``wait``: seconds to wait at most, 0 for not at all; raises NoServiceError when pcscd takes longer, and
        :class:`RackError`, which leaves everything as it was, with a new card closed.
        """
        with self._lock, _given_back(card):
            self.require_free(slot)
            self._check(card)
            self._insert(slot - 1, card)
            state = self.slots()[slot - 1]
        if wait:
            self._readers.wait_noticed(wait)
        return state

    def remove(self, slot: int) -> RackCard:
        """Pull the card out of a slot, in the middle of a command if need be; raises :class:`RackError`."""
        with self._lock:
            card = self._in(slot)
            self._empty(slot - 1)
            return card.state

    def swap(self, slot: int, card: str | NewCard, *, wait: float = 5.0) -> tuple[RackCard, SlotState]:
        """Exchange the card in a slot for another, as for :meth:`insert`; the slot is empty for a moment.

        Returns the card that was pulled out, and the slot.
        """
        with self._lock, _given_back(card):
            pulled = self._in(slot)
            self._check(card)
            self._empty(slot - 1)
            self._insert(slot - 1, card)
            state = self.slots()[slot - 1]
        if wait:
            self._readers.wait_noticed(wait)
        return pulled.state, state

    def discard(self, name: str) -> RackCard:
        """Take a card of the drawer out of the rack, and give back what it lives in; its name is free then.

        Raises :class:`NoSuchCardError` and :class:`CardInSlotError`.
        """
        with self._lock:
            self._look()
            self._check(name)
            card = self._cards.pop(name)
        card.close()
        return card.state

    def load_faults(self, script: Sequence[Fault], slot: int | None = None) -> tuple[RackCard, ...]:
        """Have the card in a slot, or in each, fail as a script says, from now on; returns the cards it is loaded into.

        Faults loaded before are forgotten, and counts begin anew. Raises :class:`RackError`, and ValueError with all
        :func:`~simulator.faults.mistakes` of the script.
        """
        with self._lock:
            cards = self._loaded(slot)
            for card in cards:
                card.load(script)
            return tuple(card.state for card in cards)

    def clear_faults(self, slot: int | None = None) -> tuple[RackCard, ...]:
        """Forget the faults of the card in a slot, or in each; one that is mute stays so until its next reset."""
        return self.load_faults((), slot)

    def report(self, name: str) -> tuple[RackCard, Report]:
        """A card, and what it has done since it came into the rack, on its virtual clock.

        Raises :class:`NoSuchCardError`.
        """
        with self._lock:
            card = self._card(name)
            return card.state, card.chip.report()

    def _look(self) -> None:
        """Cards that were pulled out by faults are in no slot."""
        for index, card in enumerate(self._slots):
            if card is not None and not self._readers.holds(index):
                self._empty(index)

    def _index(self, slot: int) -> int:
        self._look()
        if not 1 <= slot <= len(self._slots):
            raise NoSlotError(f"there is no slot {slot}; there are 1 to {len(self._slots)}")
        return slot - 1

    def _in(self, slot: int) -> "_Card":
        card = self._slots[self._index(slot)]
        if card is None:
            raise SlotEmptyError(f"there is no card in slot {slot}")
        return card

    def _loaded(self, slot: int | None) -> "list[_Card]":
        if slot is not None:
            return [self._in(slot)]
        self._look()
        return [card for card in self._slots if card is not None]

    def _card(self, name: str) -> "_Card":
        if name not in self._cards:
            raise NoSuchCardError(f"there is no card {name!r}; there are {', '.join(self._cards) or 'none'}")
        return self._cards[name]

    def _check(self, card: str | NewCard) -> None:
        """Raise for a card that cannot be inserted, before anything is done."""
        if isinstance(card, NewCard):
            self._check_name(card.name)
        elif (known := self._card(card)) in self._slots:
            raise CardInSlotError(f"card {card!r} is in slot {self._slots.index(known) + 1}")

    def _check_name(self, name: str) -> None:
        if name in self._cards:
            raise NameTakenError(f"there is a card {name!r} already")

    def _insert(self, index: int, card: str | NewCard) -> None:
        name = self.add(card) if isinstance(card, NewCard) else card
        time.sleep(max(0.0, self._emptied[index] + LEAST_EMPTY - time.monotonic()))
        try:
            self._readers.insert(index, self._cards[name].chip)
        except BaseException:
            if isinstance(card, NewCard):
                del self._cards[name]
            raise
        self._slots[index] = self._cards[name]

    def _empty(self, index: int) -> None:
        self._slots[index] = None
        self._readers.remove(index)
        self._emptied[index] = time.monotonic()


class _Card:
    """A card with a name, whose faults can be exchanged."""

    def __init__(self, name: str, number: int, new: NewCard) -> None:
        self.name = name
        self.number = number
        self._label = new.label
        self._close = new.close
        self._script: tuple[Fault, ...] = ()
        clock = Clock()
        self._failing = _FailingChip(new.chip, clock)
        self.chip = TimedChip(self._failing, algorithm=new.algorithm, clock=clock)

    @property
    def state(self) -> RackCard:
        return RackCard(self.name, self.number, self._label, len(self._script))

    def load(self, script: Sequence[Fault]) -> None:
        own = [fault for fault in script if fault.card in {None, self.number}]
        self._failing.load(own)
        self._script = tuple(own)

    def close(self) -> None:
        if self._close is not None:
            self._close()


@contextmanager
def _given_back(card: str | NewCard) -> Iterator[None]:
    """A new card that does not get into the rack is closed."""
    try:
        yield
    except BaseException:
        if isinstance(card, NewCard) and card.close is not None:
            card.close()
        raise


class _FailingChip:
    """A chip with faults that can be exchanged at any moment, also while it carries a command out."""

    def __init__(self, chip: Chip, clock: Clock) -> None:
        self.eeprom = eeprom_of(chip)
        self._chip = chip
        self._clock = clock
        self._faulty = FaultyChip(chip, (), remove=hang_up)
        self._silenced_by: FaultyChip | None = None
        # A card that is pulled out while it is busy goes on until it notices; its next reader waits for that.
        self._busy = threading.Lock()

    def load(self, script: Sequence[Fault]) -> None:
        self._faulty = FaultyChip(self._chip, script, remove=hang_up, sleep=self._sleep)

    def power_on(self) -> bytes:
        return self._started(FaultyChip.power_on)

    def reset(self) -> bytes:
        return self._started(FaultyChip.reset)

    def power_off(self) -> None:
        with self._busy:
            self._chip.power_off()

    def process(self, command: bytes) -> bytes:
        with self._busy:
            faulty = self._faulty
            if self._silenced_by not in {None, faulty}:
                return b""
            answer = faulty.process(command)
            self._silenced_by = None if answer else faulty
            return answer

    def _started(self, start: Callable[[FaultyChip], bytes]) -> bytes:
        with self._busy:
            faulty = self._faulty
            self._silenced_by = None
            answer = start(faulty)
            self._silenced_by = None if answer else faulty
            return answer

    def _sleep(self, seconds: float) -> None:
        self._clock.wait(seconds)
        time.sleep(seconds)
