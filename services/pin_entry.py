"""PINs typed at the reader's own pad (密码键盘): the reader's thread waits for the holder, the caller hears of it."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

from apdu import pinpad
from apdu.flow import Answer, Flow, Question, ask
from apdu.pinpad import PadEvent, PadEventKind, PinEntry, PinPad
from apdu.secret import Secret
from cardlib import commands
from services.card import HeldCard
from services.errors import CallEndedError
from sscard.v1 import pin_pb2

T = TypeVar("T")
R = TypeVar("R")

MARGIN: Final = 1.0
"""Seconds before the end of a call by which an entry is over, so that the card's answer still finds its caller."""

PROMPTS: Final[Mapping[PadEventKind, str]] = {
    PadEventKind.ENTER_PIN: "请在密码键盘上输入密码 Enter the PIN at the PIN pad",
    PadEventKind.ENTER_OLD_PIN: "请在密码键盘上输入原密码 Enter the old PIN at the PIN pad",
    PadEventKind.ENTER_NEW_PIN: "请在密码键盘上输入新密码 Enter the new PIN at the PIN pad",
    PadEventKind.CONFIRM_NEW_PIN: "请再次输入新密码 Enter the new PIN once more",
    PadEventKind.ENTERED: "密码输入结束 The PIN was entered",
}
"""What a display beside the pad shows; nothing for keys."""

_KINDS: Final = {kind: pin_pb2.PinEntryEvent.Kind.Value(f"KIND_{kind.name}") for kind in PadEventKind}
_VERIFY: Final = commands.verify_query().header
_CHANGE: Final = commands.change_pin(Secret(b""), Secret(b"")).header


@dataclass(frozen=True, slots=True)
class PadDigits:
    """How many digits PINs typed at pads have; the same number twice where all of a region have one [flows R34]."""

    shortest: int = 4
    longest: int = 12

    @classmethod
    def configured(cls, digits: int) -> "PadDigits":
        """Of the setting ``pad_pin_digits``: all PINs have so many; 0: 4 to 12."""
        return cls(digits, digits) if digits else cls()

    def verify(self) -> PinEntry:
        """The PIN, for VERIFY."""
        return PinEntry(_VERIFY, min_digits=self.shortest, max_digits=self.longest)

    def change(self) -> PinEntry:
        """The old PIN and the new one twice, for CHANGE PIN."""
        return PinEntry(
            _CHANGE,
            change=True,
            separator=commands.PIN_SEPARATOR,
            min_digits=self.shortest,
            max_digits=self.longest,
        )


ANY_DIGITS: Final = PadDigits()
"""What the standard allows at a pad."""


class _Pad(Question[bool]):
    """Asked in the reader's thread, of the reader alone: the card hears nothing of it."""


async def has_pad(held: HeldCard) -> bool:
    """Whether the reader has a PIN pad of its own.

    Raises :class:`~apdu.errors.TransportError` and :class:`~services.errors.DeadlineError`.
    """
    return await _asked(held, lambda: pinpad.has_pad(held.connection))


async def check_pad(held: HeldCard, entry: PinEntry) -> None:
    """Before anything is begun: raise :class:`~apdu.errors.NoPinPadError`, PadUnsuitableError; as :func:`has_pad`."""

    def check() -> bool:
        PinPad(held.connection).suits(entry)
        return True

    await _asked(held, check)


async def _asked(held: HeldCard, look: Callable[[], bool]) -> bool:
    def flow() -> Flow[bool]:
        return (yield from ask(_Pad()))

    def answer(question: Question[R]) -> R:  # noqa: ARG001  it can be no other
        return cast("R", look())

    return await held.run(flow(), answer)


class PadDesk(Generic[T]):
    """What happens at the pad during one call, told to its caller while the reader's thread is busy with it.

    ``until``: moment of :func:`time.monotonic` by which entries are over. Belongs to the event loop of the call, but
    for what :meth:`answering` returns.
    """

    def __init__(self, until: float) -> None:
        self._until = until
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[PadEvent | None] = asyncio.Queue()
        self._called_off = threading.Event()
        self._held: HeldCard | None = None

    def at(self, held: HeldCard) -> None:
        """Say in which reader the card is, before anything is asked; see :func:`check_pad`."""
        self._held = held

    def call_off(self) -> None:
        """The caller is gone: an entry ends, a pad that can be told forgets what was typed, and nothing is sent."""
        self._called_off.set()

    def answering(self, others: Answer) -> Answer:
        """Answers a :class:`~apdu.pinpad.PinEntry` by having the holder type, and leaves the rest to ``others``."""

        def answered(question: Question[R]) -> R:
            if isinstance(question, PinEntry):
                return cast("R", self._enter(question))
            return others(question)

        return answered

    async def told(self, work: Coroutine[Any, Any, T]) -> AsyncGenerator[PadEvent | T, None]:
        """The events while ``work`` is done, and at last what came of it; raises what it raises.

        Who closes it earlier calls an entry off.
        """
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda _: self._events.put_nowait(None))
        try:
            while (event := await self._events.get()) is not None:
                yield event
            yield task.result()
        finally:
            self.call_off()
            task.cancel()
            await asyncio.wait([task])

    def _enter(self, entry: PinEntry) -> Any:
        assert self._held is not None, "at() comes first"
        return PinPad(self._held.connection).enter(entry, on_event=self._tell, check=self._check, until=self._until)

    def _tell(self, event: PadEvent) -> None:
        self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    def _check(self) -> None:
        if self._called_off.is_set():
            raise CallEndedError


def as_message(event: PadEvent) -> pin_pb2.PinEntryEvent:
    """An event as callers get it: how many digits, never which."""
    return pin_pb2.PinEntryEvent(kind=_KINDS[event.kind], digits=event.digits, prompt=PROMPTS.get(event.kind, ""))
