"""The registry: people and cards."""

from typing import Final

from services.catalogue.refusal import Refusal

REGISTRY: Final[dict[type[Exception], Refusal]] = {}
