"""The holder's PIN."""

from typing import Final

from services.catalogue.refusal import Refusal

PIN: Final[dict[type[Exception], Refusal]] = {}
