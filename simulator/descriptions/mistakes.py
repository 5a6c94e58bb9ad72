"""How mistakes in a description are told: each with its place, never with a value."""

from collections.abc import Iterable


class DescriptionError(Exception):
    """A card description cannot be used; ``mistakes`` has a sentence for everything that is wrong with it."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))
