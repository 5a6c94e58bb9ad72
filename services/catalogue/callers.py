"""Callers and what they may do."""

from typing import Final

from services.catalogue.refusal import Refusal

CALLERS: Final[dict[type[Exception], Refusal]] = {}
