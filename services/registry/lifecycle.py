"""The life of a card (卡片生命周期): its states, what may happen in each, and nothing else.

:data:`TRANSITIONS` is the one declaration: the registry obeys it, the manual's page is made of it
(``python -m services.registry``), and the tests walk it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.registry.errors import (
    CardAlreadyActivatedError,
    CardBlockedByCentreError,
    CardCancelledError,
    CardLostError,
    CardNotDeliveredError,
    CardReplacedError,
    CardStateError,
)


class CardState(StrEnum):
    """Where a card stands (卡片状态)."""

    ISSUED = "issued"
    AT_OUTLET = "at_outlet"
    DELIVERED = "delivered"
    ACTIVATED = "activated"
    LOST = "lost"
    REPLACED = "replaced"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"


class CardEvent(StrEnum):
    """What happens to a card (卡片事件)."""

    RECEIVE = "receive"
    DELIVER = "deliver"
    ACTIVATE = "activate"
    REPORT_LOSS = "report_loss"
    CANCEL_LOSS = "cancel_loss"
    REPLACE = "replace"
    CANCEL = "cancel"
    BLOCK = "block"
    UNBLOCK = "unblock"


@dataclass(frozen=True, slots=True)
class Label:
    """What people call a state or an event."""

    english: str
    chinese: str


STATES: Final[Mapping[CardState, Label]] = {
    CardState.ISSUED: Label("issued", "已制卡"),
    CardState.AT_OUTLET: Label("at the outlet", "网点已接收"),
    CardState.DELIVERED: Label("delivered", "已领卡未激活"),
    CardState.ACTIVATED: Label("activated", "已激活"),
    CardState.LOST: Label("lost", "已挂失"),
    CardState.REPLACED: Label("replaced", "已补换"),
    CardState.CANCELLED: Label("cancelled", "已注销"),
    CardState.BLOCKED: Label("blocked", "已锁定"),
}

EVENTS: Final[Mapping[CardEvent, Label]] = {
    CardEvent.RECEIVE: Label("the outlet receives it", "网点接收"),
    CardEvent.DELIVER: Label("its holder receives it", "领卡"),
    CardEvent.ACTIVATE: Label("it is activated", "激活"),
    CardEvent.REPORT_LOSS: Label("it is reported lost", "挂失"),
    CardEvent.CANCEL_LOSS: Label("it is found again", "解挂"),
    CardEvent.REPLACE: Label("another card takes its place", "补换卡"),
    CardEvent.CANCEL: Label("it is cancelled", "注销"),
    CardEvent.BLOCK: Label("the centre blocks it", "锁定"),
    CardEvent.UNBLOCK: Label("the centre unblocks it", "解锁"),
}

FINAL: Final = frozenset({CardState.REPLACED, CardState.CANCELLED})
"""States in which nothing happens to a card any more."""


@dataclass(frozen=True, slots=True)
class Transition:
    """What an event does. ``to`` None: back to where the card was, which its activation tells (:func:`after`)."""

    sources: frozenset[CardState]
    to: CardState | None


_IN_USE: Final = frozenset({CardState.DELIVERED, CardState.ACTIVATED})

TRANSITIONS: Final[Mapping[CardEvent, Transition]] = {
    CardEvent.RECEIVE: Transition(frozenset({CardState.ISSUED}), CardState.AT_OUTLET),
    # A card that is made while its holder waits goes through no outlet's stock.
    CardEvent.DELIVER: Transition(frozenset({CardState.ISSUED, CardState.AT_OUTLET}), CardState.DELIVERED),
    CardEvent.ACTIVATE: Transition(frozenset({CardState.DELIVERED}), CardState.ACTIVATED),
    # Only a holder loses a card; one that goes astray on its way to the holder is cancelled, and made again.
    CardEvent.REPORT_LOSS: Transition(_IN_USE, CardState.LOST),
    CardEvent.CANCEL_LOSS: Transition(frozenset({CardState.LOST}), None),
    # A lost card is replaced, and a damaged or expired one is exchanged (换卡) without having been lost.
    CardEvent.REPLACE: Transition(_IN_USE | {CardState.LOST}, CardState.REPLACED),
    CardEvent.CANCEL: Transition(frozenset(CardState) - FINAL, CardState.CANCELLED),
    CardEvent.BLOCK: Transition(_IN_USE, CardState.BLOCKED),
    CardEvent.UNBLOCK: Transition(frozenset({CardState.BLOCKED}), None),
}

_REFUSED_BY_STATE: Final[Mapping[CardState, type[CardStateError]]] = {
    CardState.ISSUED: CardNotDeliveredError,
    CardState.AT_OUTLET: CardNotDeliveredError,
    CardState.ACTIVATED: CardAlreadyActivatedError,
    CardState.LOST: CardLostError,
    CardState.REPLACED: CardReplacedError,
    CardState.CANCELLED: CardCancelledError,
    CardState.BLOCKED: CardBlockedByCentreError,
}
_AT_THE_COUNTER: Final = frozenset({CardEvent.ACTIVATE, CardEvent.DELIVER})
"""Events with which the holder waits at a counter: there each state is a reason of its own."""


def after(state: CardState, event: CardEvent, *, activated: bool) -> CardState:
    """Where a card stands after an event; ``activated``: it has been activated some time.

    Raises :class:`CardStateError`: for activation and delivery the subclass of the state, else the class itself.
    """
    transition = TRANSITIONS[event]
    if state not in transition.sources:
        kind = _REFUSED_BY_STATE.get(state, CardStateError) if event in _AT_THE_COUNTER else CardStateError
        raise kind(state, event)
    return transition.to or back(activated=activated)


def back(*, activated: bool) -> CardState:
    """Where a card stands again once it is found or unblocked: nothing is activated by that."""
    return CardState.ACTIVATED if activated else CardState.DELIVERED
