"""Leases of cards."""

from typing import Final

from services.catalogue.refusal import Refusal

LEASES: Final[dict[type[Exception], Refusal]] = {}
