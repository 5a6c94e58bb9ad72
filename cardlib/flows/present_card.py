"""A card is shown at a counter: it is opened, proves that it is genuine, and says whose it is.

What a counter acts on is read in one conversation, of :mod:`cardlib.flows.read_identity`: the proof, who the holder is,
and which card it is, so that nothing of it can be another card's. In a pharmacy the original medical card (原医疗卡)
comes first: a social security card of any version, or a memory card [card §7 no. 14].
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from apdu.atr import ATR
from apdu.flow import Flow
from cardlib.errors import CardDataError, ForeignCardError, NotAuthenticError
from cardlib.flows.read_identity import Authenticity, AuthenticityCheck, IdentityReading, read_identity
from cardlib.flows.read_number import NumberLayout, read_number
from cardlib.flows.session import RandomBytes
from cardlib.forms import FormMemory
from cardlib.model import FileContents
from cardlib.values import CardIdentifier, Concern, ItemWarning

STORAGE_CARDS: Final = bytes.fromhex("A000000306")
"""RID in the historical bytes that a reader makes up for a contactless memory card [PC/SC part 3]."""
_CHIP_ANSWER: Final = 4
"""Historical bytes of a memory card with contacts: its four bytes of answer to reset, and no interface bytes."""


@dataclass(frozen=True, slots=True, repr=False)
class PresentedCard:
    """A card and its holder, as the card says; its ``repr`` shows nothing.

    ``card_identifier``: 32 hexadecimal digits (卡的识别码). ``card_number`` (卡号) and ``name`` may be
    "", ``social_security_number`` is not. ``expired``: its last day has passed [flows §1.3].
    """

    card_identifier: str
    card_number: str
    social_security_number: str
    name: str
    authenticity: Authenticity
    expired: bool
    warnings: tuple[ItemWarning, ...]

    def __repr__(self) -> str:
        return "<PresentedCard>"


@dataclass(frozen=True, slots=True)
class MemoryNumbers:
    """Where memory cards have their number, and the code of their type for readers that have to be told."""

    layout: NumberLayout
    card_type: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class OriginalCard:
    """An original medical card: its ``number``, and what it says else where it is a social security card."""

    number: str
    card: PresentedCard | None = None

    def __repr__(self) -> str:
        return "<OriginalCard>"


def present_card(
    atr: bytes,
    *,
    rng: RandomBytes,
    today: date,
    forms: FormMemory,
    check: AuthenticityCheck = AuthenticityCheck.REQUIRED,
) -> Flow[PresentedCard]:
    """Open a card that was just reset and answered ``atr``, have it prove itself, and read whose it is.

    Raises what :func:`~cardlib.flows.read_identity.read_identity` raises, without a proof too, and
    :class:`~cardlib.errors.CardDataError` where the card names no holder or not itself.
    """
    reading = yield from read_identity(atr, rng=rng, today=today, forms=forms, check=check)
    return _presented(reading)


def present_original(
    atr: bytes, *, rng: RandomBytes, today: date, forms: FormMemory, memory: MemoryNumbers | None
) -> Flow[OriginalCard]:
    """Read an original medical card; ``memory``: where memory cards have their number, None where there are none.

    A social security card proves itself where a custodian has its keys: one of elsewhere, or of a version that nobody
    has keys for any more, may go without, and says so. Raises :class:`~cardlib.errors.NotAuthenticError` for a wrong
    proof, :class:`~cardlib.errors.ForeignCardError` for a memory card without ``memory``, and what
    :func:`present_card` and :func:`~cardlib.flows.read_number.read_number` raise.
    """
    if is_memory_card(atr):
        if memory is None:
            raise ForeignCardError("it is a memory card, and nobody said where such cards have their number")
        return OriginalCard((yield from read_number(memory.layout, card_type=memory.card_type)))
    check = AuthenticityCheck.WHEN_POSSIBLE
    card = yield from present_card(atr, rng=rng, today=today, forms=forms, check=check)
    if card.authenticity is Authenticity.FAILED:
        raise NotAuthenticError
    return OriginalCard(card.card_number, card)


def is_memory_card(atr: bytes) -> bool:
    """Whether a reader reports a memory card (存储卡), which has no processor, by this ATR [PC/SC part 3]."""
    historical = ATR.from_bytes(atr).historical_bytes
    return STORAGE_CARDS in historical or (len(historical) == _CHIP_ANSWER and len(atr) == 2 + _CHIP_ANSWER)


def _presented(reading: IdentityReading) -> PresentedCard:
    identifier = reading.issuer.values["card_identifier"]
    if not isinstance(identifier, CardIdentifier):
        raise CardDataError("the card identifier is blank: the card cannot be told from others")
    number = _text(reading.holder, "social_security_number")
    if not number:
        raise CardDataError("the card names no holder: its social security number is blank")
    return PresentedCard(
        card_identifier=identifier.digits,
        card_number=_text(reading.issuer, "card_number"),
        social_security_number=number,
        name=_text(reading.holder, "name"),
        authenticity=reading.authenticity,
        expired=any(warning.code is Concern.EXPIRED for warning in reading.warnings),
        warnings=reading.warnings,
    )


def _text(contents: FileContents, item: str) -> str:
    value = contents.values[item]
    return value if isinstance(value, str) else ""
