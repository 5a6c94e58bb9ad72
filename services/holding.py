"""Who holds a card, and who is next: one holder at a time, in the order in which they asked."""

import asyncio
import math
import time
from dataclasses import dataclass

from apdu.errors import CardInUseError, ReaderNotFoundError
from services.errors import DeadlineError, ShuttingDownError
from services.lane import Lane


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a card: an institution, and the moment of :func:`time.monotonic` when it lets go at the latest."""

    institution: str
    until: float


class Turn:
    """The right to speak to a card, which one has at a time; first come, first served. Event loop only."""

    def __init__(self, reader: str) -> None:
        self._reader = reader
        self._lock = asyncio.Lock()
        self._holder: Holder | None = None

    @property
    def taken(self) -> bool:
        """Whether somebody has it."""
        return self._lock.locked()

    async def take(self, holder: Holder, *, deadline: float, wait: float) -> None:
        """Wait for it, ``wait`` seconds and not beyond ``deadline``, a moment of :func:`time.monotonic`.

        Raises :class:`DeadlineError`, and :class:`CardInUseError` that tells who has it.
        """
        try:
            async with asyncio.timeout(min(deadline - time.monotonic(), wait)):
                await self._lock.acquire()
        except TimeoutError:
            if time.monotonic() >= deadline:
                raise DeadlineError from None
            raise self._in_use() from None
        self._holder = holder

    def hand_to(self, holder: Holder) -> None:
        """Whoever has it keeps it for longer, or under another name."""
        self._holder = holder

    def release(self) -> None:
        """The next one has it."""
        self._holder = None
        self._lock.release()

    async def free(self) -> None:
        """Wait until nobody has it, and let nobody have it any more."""
        await self._lock.acquire()

    def _in_use(self) -> CardInUseError:
        if self._holder is None:
            return CardInUseError("others wait for the card", reader=self._reader, held_by="")
        left = math.ceil(self._holder.until - time.monotonic())
        # A command on its way is waited for: once the time is over, nobody knows how long that takes.
        return CardInUseError(
            "another call holds the card",
            reader=self._reader,
            held_by=self._holder.institution,
            free_within=left if left > 0 else None,
        )


class Slot:
    """A reader as the callers see it: the thread that speaks to its card, and whose turn it is."""

    def __init__(self, reader: str) -> None:
        self.reader = reader
        self.lane = Lane(reader)
        self.turn = Turn(reader)
        self.retired = False
        self._stopping = False

    async def take(self, holder: Holder, *, deadline: float, wait: float) -> None:
        """As :meth:`Turn.take`; raises what :meth:`check_open` raises when that comes meanwhile."""
        await self.turn.take(holder, deadline=deadline, wait=wait)
        try:
            self.check_open()
        except (ReaderNotFoundError, ShuttingDownError):
            self.release()
            raise

    def check_open(self) -> None:
        """Raises :class:`~apdu.errors.ReaderNotFoundError` or :class:`ShuttingDownError` once it is retired."""
        if self._stopping:
            raise ShuttingDownError
        if self.retired:
            raise ReaderNotFoundError("the reader is gone", reader=self.reader)

    def release(self) -> None:
        """Whoever held the card has let go."""
        self.turn.release()
        if self.retired:
            self.lane.close()

    def retire(self, *, stopping: bool = False) -> None:
        """The reader is gone, or the service is ``stopping``: end the thread, after whoever holds the card let go."""
        self.retired = True
        self._stopping = stopping
        if not self.turn.taken:
            self.lane.close()
