"""Entries that card descriptions and templates have in common, as types: a PIN, tries, the historical bytes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from apdu.secret import Secret
from cardlib.cos.limits import HISTORICAL_BYTES, MAX_TRIES
from cardlib.crypto import Algorithm

SUITES: Final[Mapping[str, Algorithm]] = MappingProxyType(
    {"1.0": Algorithm.DES, "2.0": Algorithm.DES, "3.0": Algorithm.SM4}
)
"""The algorithm of the cards of a version where nobody says otherwise."""

PIN_DIGITS: Final = range(4, 17)
"""How many digits a PIN has: 2 to 8 bytes in the command [S2.5 §6.14]."""


class Entry(BaseModel):
    """A table: a word that is not known is a mistake, not a comment. Its ``repr`` shows nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__


def pin_digits(digits: str) -> str:
    """The digits of a PIN, or "" for none; raises :class:`ValueError` for anything else."""
    if digits and not (len(digits) in PIN_DIGITS and digits.isascii() and digits.isdigit()):
        raise ValueError(f'takes {PIN_DIGITS[0]} to {PIN_DIGITS[-1]} digits, or "" for no PIN')
    return digits


def packed_pin(digits: str) -> Secret:
    """The PIN as the card compares it: packed, an odd digit filled up with F [S2.5 §6.14]; b"" for none."""
    return Secret(bytes.fromhex(digits + "F" * (len(digits) % 2)))


def historical_bytes(text: object) -> bytes:
    """T1…TD from hexadecimal digits; raises :class:`ValueError` for anything else [S2.2 §8]."""
    try:
        found = bytes.fromhex(text if isinstance(text, str) else "?")
    except ValueError:
        found = b""
    if len(found) != HISTORICAL_BYTES:
        raise ValueError(f"takes {2 * HISTORICAL_BYTES} hexadecimal digits in quotation marks")
    return found


Version: TypeAlias = Literal["1.0", "2.0", "3.0"]
Suite: TypeAlias = Literal["DES", "SM4"]
Chip: TypeAlias = Literal["t514", "fmcos"]
Tries = Annotated[int, Field(ge=1, le=MAX_TRIES)]
PinDigits = Annotated[str, AfterValidator(pin_digits)]
HistoricalBytes = Annotated[bytes, BeforeValidator(historical_bytes)]
