"""What stands between callers and the holder's PIN: which PINs are not sent to which card (密码守护)."""

import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from apdu.secret import Secret
from cardlib.errors import InitialPinChosenError, InitialPinError, PinRepeatedError
from cardlib.flows.pin import CardMark, MaySendPin, PinAnswered, PinQuestion, PinReplaced, TriesRestored
from cardlib.written.entries import packed_pin
from services.registry.lifecycle import CardState

CardStates: TypeAlias = Callable[[CardMark], CardState | None]
"""Where a card stands, as the registry knows; None where it does not know the card. Blocking; any thread."""

MOST_CARDS: Final = 4096
MOST_PINS: Final = 16
"""Refused PINs that are remembered of one card: no card has more tries."""
_NEW: Final = frozenset({CardState.ISSUED, CardState.AT_OUTLET, CardState.DELIVERED})


def no_registry(_card: CardMark) -> CardState | None:
    """The :data:`CardStates` of a service without a registry."""
    return None


@dataclass(slots=True)
class _Card:
    """What is remembered of one card.

    ``tries``: what it had left when it refused one last; ``sent``: a PIN whose answer is not known, and the tries
    before it.
    """

    refused: "OrderedDict[bytes, None]" = field(default_factory=OrderedDict)
    tries: int = 0
    sent: tuple[bytes, int] | None = None

    def refuse(self, pin: bytes, tries: int) -> None:
        self.refused[pin] = None
        self.tries = tries
        if len(self.refused) > MOST_PINS:
            self.refused.popitem(last=False)


class PinGuard:
    """Answers a flow's questions about the holder's PIN (:class:`~cardlib.flows.pin.PinQuestion`).

    A PIN that a card has refused is not sent to it again, until the card takes another one or gets a new one, or shows
    by a counter that went up that it has taken one elsewhere. A PIN whose answer was lost counts as refused once the
    counter went down. An initial PIN goes to cards alone that the registry knows as not activated, or that it does not
    know where the caller says so. ``states``: the registry; ``initial_pins``: digits; ``cards``: how many are
    remembered. Nothing is on disk: PINs and cards are HMACs under a key of this process. Any thread.
    """

    def __init__(self, states: CardStates, initial_pins: Collection[str], *, cards: int = MOST_CARDS) -> None:
        self._states = states
        self._initial = [packed_pin(digits) for digits in initial_pins]
        self._most = cards
        self._cards: OrderedDict[bytes, _Card] = OrderedDict()
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()

    def answer(self, question: PinQuestion) -> None:
        """Answer one; raises :class:`~cardlib.errors.PinRepeatedError` and :class:`~cardlib.errors.InitialPinError`."""
        match question:
            case MaySendPin():
                self._permit(question)
            case PinAnswered():
                self._learn(question)
            case PinReplaced():
                with self._lock:
                    self._cards.pop(self._digest(question.card), None)
            case TriesRestored():
                with self._lock:
                    if (card := self._cards.get(self._digest(question.card))) is not None:
                        _catch_up(card, question.tries_before)
                        card.tries = question.tries_left

    def is_initial(self, pin: Secret) -> bool:
        """Whether a packed PIN is the initial one of a region."""
        return any([pin == initial for initial in self._initial])  # noqa: C419  all are compared, whichever it is

    def check_new(self, new: Secret) -> None:
        """Raises :class:`~cardlib.errors.InitialPinChosenError` for a packed PIN that is not to be chosen."""
        if self.is_initial(new):
            raise InitialPinChosenError

    def _permit(self, question: MaySendPin) -> None:
        if self.is_initial(question.pin):
            # Before the lock is taken: the registry may be slow.
            state = self._states(question.card)
            if state not in _NEW and not (state is None and question.card_is_new):
                raise InitialPinError(question.tries_left)
        pin, name = self._digest(question.card, question.pin), self._digest(question.card)
        with self._lock:
            card = self._cards.setdefault(name, _Card())
            self._cards.move_to_end(name)
            _catch_up(card, question.tries_left)
            if pin in card.refused:
                raise PinRepeatedError(question.tries_left)
            card.sent = pin, question.tries_left
            while len(self._cards) > self._most:
                self._cards.popitem(last=False)

    def _learn(self, question: PinAnswered) -> None:
        name = self._digest(question.card)
        with self._lock:
            if question.accepted:
                self._cards.pop(name, None)
            elif question.pin is not None:
                card = self._cards.setdefault(name, _Card())
                card.sent = None
                card.refuse(self._digest(question.card, question.pin), question.tries_left)
            elif (known := self._cards.get(name)) is not None:
                known.tries = question.tries_left  # refused at the pad: the counter went down, and it is known why

    def _digest(self, card: CardMark, pin: Secret | None = None) -> bytes:
        parts = [card.historical_bytes, card.card_identifier.encode(), card.card_number.encode()]
        parts += [] if pin is None else [pin.reveal()]
        return hmac.digest(self._key, b"".join(len(part).to_bytes(2, "big") + part for part in parts), "sha256")


def _catch_up(card: _Card, tries: int) -> None:
    """What the counter tells of what was not seen: of a PIN whose answer was lost, and of other terminals."""
    if card.refused and tries > card.tries:
        card.refused.clear()
    if card.sent is not None:
        (pin, before), card.sent = card.sent, None
        if tries < before:
            card.refuse(pin, tries)
