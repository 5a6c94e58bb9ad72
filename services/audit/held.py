"""Which card a call was about that failed: as far as it was known by then (审计对象)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from services.audit.names import CardNames
from services.audit.subject import about
from services.card import HeldCard
from services.errors import ServiceError


@asynccontextmanager
async def told_of(lent: AbstractAsyncContextManager[HeldCard], named: CardNames) -> AsyncIterator[HeldCard]:
    """The card that is lent; should the block fail, the audit hears which one it was, once it was let go.

    A lease knows its card, and whoever has sent a PIN knows to which one. Who succeeds says so itself.
    """
    held = None
    try:
        async with lent as held:
            yield held
    except Exception:
        if held is not None and held.mark is not None:
            with suppress(ServiceError):  # what went wrong with the card is told
                about(card=await asyncio.to_thread(named, held.mark))
        raise
