"""The audit."""

from typing import Final

from services.catalogue.refusal import Refusal

AUDIT: Final[dict[type[Exception], Refusal]] = {}
