"""Blank chips of each operating system, as a factory might deliver them for tests (空白芯片)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from apdu.secret import Secret
from simulator.dialect import Dialect
from simulator.dialects import BY_NAME
from simulator.memory.image import CardImage
from simulator.psam.making import blank as blank_psam

TRANSPORT_KEY: Final = Secret(b"\xff" * 16)
"""Of all of them; the transport code of FMCOS is its first eight bytes."""

MAX_NUMBER: Final = 9_999_999

_MAKER: Final = "00814A44008660"
_REGION: Final = "9900"


def blank_chip(cos: str, number: int = 0) -> CardImage:
    """A blank chip of an operating system by its name in :data:`simulator.dialects.BY_NAME`.

    ``number``: 0…9 999 999, tells chips apart: it is in their historical bytes, of which T6…TD diversify keys, and in
    their serial number. Raises KeyError and ValueError.
    """
    if not 0 <= number <= MAX_NUMBER:
        raise ValueError(f"chips are numbered 0 to {MAX_NUMBER}")
    historical = bytes.fromhex(f"{_MAKER}{_REGION}{number:08d}")
    dialect: Dialect = BY_NAME[cos]
    return dialect.blank(historical_bytes=historical, serial=historical[5:], transport_key=TRANSPORT_KEY)


BLANKS: Final[Mapping[str, Callable[[int], CardImage]]] = MappingProxyType(
    {
        "blank-t514": lambda number: blank_chip("t514", number),
        "blank-fmcos": lambda number: blank_chip("fmcos", number),
        "blank-psam": lambda number: blank_psam(number.to_bytes(8, "big")),
    }
)
"""Blank chips by the name of the kind, from their number."""
