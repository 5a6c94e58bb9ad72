"""Which card a request means: by what is known of it, or by showing it (卡片查找)."""

import asyncio
import secrets
from collections.abc import Callable
from typing import TypeAlias

from apdu.flow import Flow, refuse
from cardlib.errors import CardDataError
from cardlib.flows.session import CARD_IDENTIFIER, CardSession, RandomBytes
from cardlib.forms import FormMemory
from cardlib.profiles.ssse import ISSUER
from cardlib.values import CardIdentifier
from services.audit.subject import about
from services.callers.caller import Role, current_caller
from services.callers.roles import may
from services.errors import InvalidRequestError
from services.places import card_place
from services.readers import ReaderHub
from services.registry import checks
from services.registry.errors import CardNotShownError
from services.registry.model import RegisteredCard, Registry
from sscard.v1 import options_pb2, registry_pb2


def read_card_identifier(atr: bytes, *, rng: RandomBytes, forms: FormMemory) -> Flow[str]:
    """The 卡的识别码 of a card that was just reset and answered ``atr``: 32 hexadecimal digits.

    It is what the card says; nothing is proven. Raises :class:`~cardlib.errors.CardDataError` where it says none, and
    what :meth:`~cardlib.flows.session.CardSession.open` raises.
    """
    session = CardSession(atr, rng, forms)
    yield from session.open()
    stored = next(iter(CARD_IDENTIFIER.stored(ISSUER.split(session.issuer_run))), b"")
    identifier = CARD_IDENTIFIER.decode(stored) if stored else None
    if not isinstance(identifier, CardIdentifier):
        raise CardDataError("the card has no card identifier")
    return identifier.digits


CardName: TypeAlias = Callable[[str], str]
"""A keyed digest of the number or identifier of a card."""


def _require_view(role: Role) -> None:
    if not may(role, options_pb2.ACCESS_VIEW_REGISTRY):
        raise CardNotShownError(role)


def is_shown(reference: registry_pb2.CardReference) -> bool:
    """Whether the card is shown rather than named."""
    return reference.WhichOneof("by") in {"reader", "lease"}


class CardReferences:
    """Finds registered cards. ``hub``: where cards are shown."""

    def __init__(self, hub: ReaderHub) -> None:
        self._hub = hub
        self._forms = FormMemory()

    async def find(
        self,
        reference: registry_pb2.CardReference,
        registry: Registry,
        *,
        deadline: float,
        field: str = "card",
        named: CardName | None = None,
    ) -> RegisteredCard:
        """The card that is meant; ``deadline``: a moment of :func:`time.monotonic`, for a card that is shown.

        Who may not look into the registry shows the card: nobody tries out numbers through what the holder may ask.

        ``named``: what the audit calls a card that is looked for, whether or not there is such a card.

        Raises :class:`InvalidRequestError`, :class:`~services.registry.errors.CardNotRegisteredError`,
        :class:`~services.registry.errors.CardNotShownError`, and what a card and its reader may raise.
        """
        if reference.WhichOneof("by") and not is_shown(reference):
            _require_view(current_caller().role)
        match reference.WhichOneof("by"):
            case "id":
                card_id = checks.registry_id(f"{field}.id", reference.id)
                about(card=card_id)
                return await asyncio.to_thread(registry.card, card_id)
            case "card_number":
                number = checks.card_number(f"{field}.card_number", reference.card_number)
                about(card=named(number) if named else "")
                return await asyncio.to_thread(registry.card_by_number, number)
            case "card_identifier":
                identifier = checks.card_identifier(f"{field}.card_identifier", reference.card_identifier)
            case "reader" | "lease":
                identifier = await self._shown(reference, deadline)
            case _:
                raise InvalidRequestError(field, "is required: one of its fields")
        about(card=named(identifier) if named else "")
        return await asyncio.to_thread(registry.card_by_identifier, identifier)

    async def _shown(self, reference: registry_pb2.CardReference, deadline: float) -> str:
        async with self._hub.addressed(card_place(reference), deadline=deadline) as card:
            flow = read_card_identifier(card.atr, rng=secrets.token_bytes, forms=self._forms)
            return await card.run(flow, refuse)
