"""Readers in this process, whose cards are objects: for the demonstration, for tests, for embedding the simulator."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import methodcaller
from typing import Protocol

from apdu.errors import (
    CardInUseError,
    CardRemovedError,
    MuteCardError,
    NoCardError,
    NoServiceError,
    ReaderError,
    ReaderNotFoundError,
)
from apdu.part10 import GET_FEATURE_REQUEST, Feature, parse_features
from apdu.readers import ReaderState


class Chip(Protocol):
    """What stands behind a reader's contacts (芯片). Called from one thread at a time, not always the same one."""

    def power_on(self) -> bytes:
        """Cold reset: forget all rights and return the ATR, b"" when mute."""
        ...

    def reset(self) -> bytes:
        """Warm reset: forget all rights and return the ATR, b"" when mute."""
        ...

    def power_off(self) -> None:
        """Lose power."""
        ...

    def process(self, command: bytes) -> bytes:
        """Answer a command; the last two bytes are the status word. Never raises."""
        ...


class Pad(Protocol):
    """The PIN pad of a reader (密码键盘), as far as its driver knows it [PC/SC part 10]."""

    def control(self, code: int, data: bytes, transmit: Callable[[bytes], bytes]) -> bytes:
        """Answer a control code; ``transmit`` has the chip in the slot answer a command.

        Raises :class:`~apdu.errors.ReaderError` for a code that it does not know, and what ``transmit`` raises.
        """
        ...


@dataclass(slots=True)
class _Contact:
    """A chip in a slot, from its insertion to its removal; ``busy`` is held while the chip is spoken to."""

    chip: Chip
    t0: bool
    atr: bytes = b""
    powered: bool = False
    inserted: bool = True
    busy: threading.Lock = field(default_factory=threading.Lock)

    def power_on(self) -> None:
        with self.busy:
            if self.inserted and not self.powered:
                self.atr = self.chip.power_on()
                self.powered = True

    def power_off(self) -> None:
        with self.busy:
            self._power_off()

    def pull(self) -> None:
        """Never waits: whoever speaks to the chip at this moment takes the power away afterwards."""
        self.inserted = False
        if self.busy.acquire(blocking=False):
            try:
                self._power_off()
            finally:
                self.busy.release()

    def speak(self, sentence: Callable[[Chip], bytes]) -> bytes:
        """What the chip answers, b"" when it was pulled out before or meanwhile."""
        with self.busy:
            answer = sentence(self.chip) if self.inserted else b""
        if not self.inserted:
            self.power_off()
            return b""
        return answer

    def _power_off(self) -> None:
        if self.powered:
            self.powered = False
            self.chip.power_off()


@dataclass(slots=True)
class _Slot:
    contact: _Contact | None = None
    pad: Pad | None = None
    holder: "InProcessConnection | None" = None
    insertions: int = 0


class InProcessConnection:
    """A chip held exclusively: an :class:`apdu.readers.CardConnection`. Made by :meth:`InProcessReaders.connect`."""

    def __init__(
        self, reader: str, contact: _Contact, pad: Pad | None, release: Callable[["InProcessConnection"], None]
    ) -> None:
        self._reader = reader
        self._contact = contact
        self._pad = pad
        self._release = release
        self._open = True

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        return self._contact.atr

    @property
    def t0(self) -> bool:
        """As it was said when the chip was inserted."""
        return self._contact.t0

    def transmit(self, commands: Sequence[bytes]) -> list[bytes]:
        """Have the chip process the commands; raises CardRemovedError once it is out, MuteCardError for no answer."""
        return [self._speak(methodcaller("process", command)) for command in commands]

    def features(self) -> Mapping[Feature, int]:
        """Control codes of the reader's PIN pad; empty where it has none. Raises CardRemovedError."""
        return {} if self._pad is None else parse_features(self.control(GET_FEATURE_REQUEST, b""))

    def control(self, code: int, data: bytes) -> bytes:
        """Have the pad do something; raises CardRemovedError, MuteCardError, and ReaderError where there is none."""
        if not self._open or not self._contact.inserted:
            raise CardRemovedError("the card is no longer held", reader=self._reader)
        if self._pad is None:
            raise ReaderError("the reader has no PIN pad", reader=self._reader)
        return self._pad.control(code, data, lambda command: self._speak(methodcaller("process", command)))

    def reset(self) -> bytes:
        """Warm reset; raises CardRemovedError once the chip is out, MuteCardError when it does not answer."""
        self._contact.atr = self._speak(methodcaller("reset"))
        return self._contact.atr

    def close(self, *, reset: bool = True) -> None:
        """Let the chip go, by default without power."""
        if self._open:
            self._open = False
            if reset:
                self._contact.power_off()
            self._release(self)

    def _speak(self, sentence: Callable[[Chip], bytes]) -> bytes:
        answer = self._contact.speak(sentence) if self._open else b""
        if not self._open or not self._contact.inserted:
            raise CardRemovedError("the card is no longer held", reader=self._reader)
        if not answer:
            raise MuteCardError("the card does not answer", reader=self._reader)
        return answer


class InProcessReaders:
    """Readers whose cards are inserted by calling :meth:`insert`: an :class:`apdu.readers.Readers`.

    ``names``: the readers to begin with, in this order. May be used from any thread.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._slots = {name: _Slot() for name in names}
        self._changed = threading.Condition()
        self._closed = False

    def add_reader(self, name: str, *, pad: Pad | None = None) -> None:
        """Plug a reader in, with the PIN pad it has; raises ValueError when there is one of this name."""
        with self._changed:
            if name in self._slots:
                raise ValueError(f"there is a reader {name!r} already")
            self._slots[name] = _Slot(pad=pad)
            self._changed.notify_all()

    def remove_reader(self, name: str) -> None:
        """Unplug a reader, with the card in it; raises ReaderNotFoundError."""
        with self._changed:
            self._pull(self._slot(name))
            del self._slots[name]

    def insert(self, reader: str, chip: Chip, *, t0: bool = False) -> None:
        """Insert a chip and read its ATR; ``t0`` says that it talks as a card does by T=0.

        Raises ReaderNotFoundError, and ValueError when there is a card in the slot.
        """
        contact = _Contact(chip, t0)
        contact.power_on()
        contact.power_off()
        with self._changed:
            slot = self._slot(reader)
            if slot.contact is not None:
                raise ValueError(f"there is a card in {reader!r} already")
            slot.contact = contact
            slot.insertions += 1
            self._changed.notify_all()

    def remove(self, reader: str) -> None:
        """Pull the card out; whoever talks to it gets CardRemovedError. Nothing happens when the slot is empty."""
        with self._changed:
            self._pull(self._slot(reader))

    def states(self) -> tuple[ReaderState, ...]:
        """Every reader, in the order in which they were added."""
        with self._changed:
            return self._states()

    def wait(self, known: Sequence[ReaderState], timeout: float) -> tuple[ReaderState, ...]:
        """Block until the states differ from ``known``, ``timeout`` seconds passed or :meth:`close` was called."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._states() != tuple(known), timeout)
            return self._states()

    def connect(self, reader: str, *, timeout: float = 5.0) -> InProcessConnection:
        """Power the chip and hold it exclusively; see :meth:`apdu.readers.Readers.connect`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self._slot(reader).holder is None, timeout):
                raise CardInUseError(f"the card was not free within {timeout:g} s", reader=reader)
            if self._closed:
                raise NoServiceError("these readers were closed", reader=reader)
            slot = self._slot(reader)
            contact = slot.contact
            if contact is None:
                raise NoCardError("there is no card in the slot", reader=reader)
            connection = slot.holder = InProcessConnection(reader, contact, slot.pad, partial(self._release, slot))
            self._changed.notify_all()
        try:
            contact.power_on()
        except BaseException:
            connection.close(reset=False)
            raise
        if not contact.inserted:
            contact.power_off()
            raise NoCardError("the card was pulled out", reader=reader)
        if not connection.atr:
            connection.close()
            raise MuteCardError("the card does not answer to reset", reader=reader)
        return connection

    def close(self) -> None:
        """Wake every :meth:`wait` and close every connection."""
        with self._changed:
            self._closed = True
            holders = [slot.holder for slot in self._slots.values() if slot.holder]
            self._changed.notify_all()
        for holder in holders:
            holder.close()

    def _slot(self, reader: str) -> _Slot:
        try:
            return self._slots[reader]
        except KeyError:
            raise ReaderNotFoundError("there is no such reader", reader=reader) from None

    def _states(self) -> tuple[ReaderState, ...]:
        return tuple(
            ReaderState(
                name,
                present=slot.contact is not None,
                atr=(slot.contact.atr or None) if slot.contact else None,
                mute=slot.contact is not None and not slot.contact.atr,
                in_use=slot.holder is not None,
                insertions=slot.insertions,
            )
            for name, slot in self._slots.items()
        )

    def _pull(self, slot: _Slot) -> None:
        if slot.contact is not None:
            slot.contact.pull()
            slot.contact = slot.holder = None
            slot.insertions += 1
        self._changed.notify_all()

    def _release(self, slot: _Slot, connection: InProcessConnection) -> None:
        with self._changed:
            if slot.holder is connection:
                slot.holder = None
                self._changed.notify_all()
