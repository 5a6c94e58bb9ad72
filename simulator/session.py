"""What a card holds in RAM while it has power."""

from simulator.files import Directory, Selection
from simulator.quirks import Quirks
from simulator.security import Rng, Safe, SecurityState


class Session:
    """One card from power-on or reset to the next: what is selected, and the rights won. Handlers work on it."""

    __slots__ = ("quirks", "security", "selection")

    def __init__(self, root: Directory, safe: Safe, quirks: Quirks, rng: Rng) -> None:
        self.quirks = quirks
        self.selection = Selection(root)
        self.security = SecurityState(safe, self.selection.path, rng)
