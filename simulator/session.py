"""What a card's commands work on while it has power."""

from simulator.files import Directory, Memory, Selection
from simulator.quirks import Quirks
from simulator.security import Rng, Safe, SecurityState


class Session:
    """One card from power-on or reset to the next: what is selected, and the rights won. Handlers work on it.

    ``memory``: what the card has written; unlike the rest it outlives the session.
    """

    __slots__ = ("memory", "quirks", "security", "selection")

    def __init__(self, root: Directory, safe: Safe, memory: Memory, quirks: Quirks, rng: Rng) -> None:
        self.memory = memory
        self.quirks = quirks
        self.selection = Selection(root)
        self.security = SecurityState(safe, self.selection.path, rng)
