"""In a pharmacy (药店激活): the original medical card, then the new card, in two readers or one after the other."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from apdu.errors import NoCardError
from apdu.flow import Answer
from services.activation.conversation import (
    Shown,
    Tools,
    activate,
    answering,
    show_original,
    shown_before,
    shown_unregistered,
)
from services.activation.errors import CardAwaitedError, CardNotSwappedError, OriginalFirstError
from services.activation.messages import prompt
from services.activation.records import Attempt, Outcome
from services.activation.waiting import card_in, next_card
from services.places import CardPlace
from services.readers import ReaderHub
from sscard.v1 import activation_pb2

_Prompt: TypeAlias = activation_pb2.ActivationPrompt
INSERT_MEDICAL_CARD: Final = _Prompt.ACTION_INSERT_MEDICAL_CARD
SWAP_CARDS: Final = _Prompt.ACTION_SWAP_CARDS
INSERT_CARD: Final = _Prompt.ACTION_INSERT_CARD


@dataclass(frozen=True, slots=True, kw_only=True)
class Pharmacy:
    """Where the two cards come, and how long somebody has for it.

    ``original``, ``new``: readers, perhaps the same. ``seconds``: for each card to be inserted. ``tell``: shows a
    prompt. ``deadline``: gives a conversation that begins now the moment of :func:`time.monotonic` when it has to end.
    """

    hub: ReaderHub
    original: str
    new: str
    seconds: int
    tell: Callable[[_Prompt], None]
    deadline: Callable[[], float]
    answer: Answer

    async def activate(self, attempt: Attempt, tools: Tools) -> Outcome:
        """Both cards, one after the other.

        An attempt that was interrupted behind the original medical card goes on with the new one. Raises what
        conversations raise, :class:`CardAwaitedError`, :class:`CardNotSwappedError` and :class:`OriginalFirstError`.
        """
        shown: Shown | Outcome | None = await asyncio.to_thread(shown_before, attempt, self.new)
        insertion = None
        if shown is None:
            insertion = await self._card(self.original, INSERT_MEDICAL_CARD)
            try:
                async with self.hub.addressed(CardPlace(self.original), deadline=self.deadline()) as held:
                    shown = await held.run(show_original(held.atr, attempt, tools, self.new), self.answer)
            except OriginalFirstError:
                # Unless the original was shown to an earlier attempt, and the new card is there already.
                shown, insertion = await asyncio.to_thread(shown_unregistered, attempt, self.new), None
                if shown is None:
                    raise
        if isinstance(shown, Outcome):
            return shown
        return await self._new_card(attempt, tools, shown, insertion)

    async def _new_card(self, attempt: Attempt, tools: Tools, shown: Shown, insertion: int | None) -> Outcome:
        """The new card, asked for until it comes or the time is over; ``insertion``: of the original, if seen."""
        until = time.monotonic() + self.seconds
        behind = insertion if self.original == self.new else None
        action = INSERT_CARD if behind is None else SWAP_CARDS
        while True:
            behind = await self._card(self.new, action, behind, until)
            try:
                async with self.hub.addressed(CardPlace(self.new), deadline=self.deadline()) as held:
                    flow = activate(held.atr, attempt, tools, shown=shown)
                    return await held.run(flow, answering(attempt, self.answer))
            except CardNotSwappedError:
                if time.monotonic() >= until:
                    raise
                action = SWAP_CARDS
            except NoCardError:  # pulled out again before anything was asked of it
                if time.monotonic() >= until:
                    raise
                action = INSERT_CARD

    async def _card(
        self,
        reader: str,
        action: "_Prompt.Action.ValueType",
        not_after: int | None = None,
        until: float | None = None,
    ) -> int:
        """The insertion by which a card is in a reader; asks for one where there is none, or that of ``not_after``."""
        if (there := card_in(self.hub, reader, not_after=not_after)) is not None:
            return there
        until = time.monotonic() + self.seconds if until is None else until
        self.tell(prompt(action, reader, max(1, round(until - time.monotonic()))))
        try:
            return await next_card(self.hub, reader, not_after=not_after, until=until)
        except TimeoutError:
            if card_in(self.hub, reader) is not None:
                raise CardNotSwappedError(reader) from None
            raise CardAwaitedError(reader, self.seconds) from None
