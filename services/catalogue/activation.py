"""Activation."""

from typing import Final

from services.catalogue.refusal import Refusal

ACTIVATION: Final[dict[type[Exception], Refusal]] = {}
