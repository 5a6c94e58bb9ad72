"""Card descriptions (卡片描述): TOML files that people write by hand, with everything needed to make a card.

:func:`load` reads a file, :func:`parse` a text; either tells everything that is wrong at once. The cards of
:data:`simulator.people.READY` are described by the files in ``data``.
"""

from simulator.descriptions.description import CardDescription, Neighbours
from simulator.descriptions.loading import load, parse
from simulator.descriptions.mistakes import DescriptionError

__all__ = ["CardDescription", "DescriptionError", "Neighbours", "load", "parse"]
