"""Waiting until somebody has put a card into a reader."""

import asyncio
import time

from apdu.errors import ReaderNotFoundError
from apdu.readers import ReaderState
from services.events import EventKind
from services.readers import ReaderHub


def card_in(hub: ReaderHub, reader: str, *, not_after: int | None = None) -> int | None:
    """The number of the insertion by which a card is in a reader; None for an empty slot, or that very insertion.

    Raises :class:`~apdu.errors.ReaderNotFoundError`, and NoServiceError without a PC/SC daemon.
    """
    for state in hub.states():
        if state.name == reader:
            return _insertion(state, not_after)
    raise ReaderNotFoundError("there is no such reader", reader=reader)


async def next_card(hub: ReaderHub, reader: str, *, not_after: int | None, until: float) -> int:
    """Wait for a card in a reader, another one than that of the insertion ``not_after``; its insertion's number.

    ``until``: a moment of :func:`time.monotonic`. Raises :class:`TimeoutError`, and
    :class:`~apdu.errors.ReaderNotFoundError` when the reader is unplugged.
    """
    async with asyncio.timeout(max(0.0, until - time.monotonic())), hub.watch() as events:
        async for event in events:
            state = event.reader
            if state is None or state.name != reader:
                continue
            if event.kind is EventKind.READER_REMOVED:
                break
            if (insertion := _insertion(state, not_after)) is not None:
                return insertion
    raise ReaderNotFoundError("the reader is gone", reader=reader)


def _insertion(state: ReaderState, not_after: int | None) -> int | None:
    return state.insertions if state.present and state.insertions != not_after else None
