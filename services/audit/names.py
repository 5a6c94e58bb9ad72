"""What a card is called on record (卡片代称): never by what stands on it."""

from collections.abc import Callable
from typing import TypeAlias

from cardlib.flows.pin import CardMark

CardNames: TypeAlias = Callable[[CardMark], str]
"""The registry's id of a card, for one that it does not know a keyed digest; "" where nothing is put on record.

Blocking; any thread.
"""


def unnamed(_card: CardMark) -> str:
    """The :data:`CardNames` of a service that keeps no record."""
    return ""
