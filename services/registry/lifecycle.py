"""The life of a card (卡片生命周期): its states, what may happen in each, and nothing else."""

from enum import StrEnum


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
