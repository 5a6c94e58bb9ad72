"""Tell a card from every other one, with what may be read of any card."""

from typing import TypeAlias

from apdu.errors import CardError, TransportError
from apdu.flow import Flow
from cardlib.flows.pin import CardMark, card_mark
from cardlib.flows.session import CardSession, RandomBytes
from cardlib.forms import FormMemory

CardTraits: TypeAlias = CardMark | bytes
"""What a card is known by: two readings of one card are equal, those of two cards are not. Personal: not for logs."""


def recognise(atr: bytes, *, rng: RandomBytes, forms: FormMemory) -> Flow[CardTraits]:
    """The traits of a card that was just reset and answered ``atr`` (识别卡片).

    Historical bytes, 卡的识别码 and 卡号 of EF05; the whole ATR of what is no social security card, or none that can be
    read. Raises :class:`~apdu.errors.TransportError`.
    """
    try:
        session = CardSession(atr, rng, forms)
        yield from session.open()
        return card_mark(session)
    except TransportError:
        raise
    except CardError:
        return atr
