"""A virtual clock: what a card and its reader would have spent their time on."""

from collections.abc import Callable
from enum import Enum


class Cost(Enum):
    """What time goes by with (耗时类别)."""

    RESET = "reset"
    """From power or reset to the end of what is agreed upon at the start: the ATR, and PPS where there is one."""
    WIRE = "wire"
    """Characters between card and reader."""
    EEPROM = "eeprom"
    """Writing memory."""
    CRYPTO = "crypto"
    """Ciphers on the card."""
    WAITING = "waiting"
    """A card that is late, or a reader that waits in vain for one that does not answer."""


class Clock:
    """A clock that goes on only when it is told what was done (虚拟时钟); seconds throughout.

    ``sleep`` is called with every such time, so that :func:`time.sleep` makes the real world as slow. One card has one
    clock. Not thread-safe.
    """

    def __init__(self, sleep: Callable[[float], object] | None = None) -> None:
        self._sleep = sleep
        self._spent = dict.fromkeys(Cost, 0.0)

    @property
    def now(self) -> float:
        """Seconds since the clock was made."""
        return sum(self._spent.values())

    def spent(self, cost: Cost) -> float:
        """Seconds that went by with this."""
        return self._spent[cost]

    def spend(self, cost: Cost, seconds: float) -> None:
        """Let time go by."""
        if seconds > 0:
            self._spent[cost] += seconds
            if self._sleep is not None:
                self._sleep(seconds)

    def wait(self, seconds: float) -> None:
        """Let time go by with :attr:`Cost.WAITING`: what a chip in a clocked reader calls instead of sleeping."""
        self.spend(Cost.WAITING, seconds)
