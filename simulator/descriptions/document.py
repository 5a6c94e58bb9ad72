"""The form of a card description: TOML tables as typed entries, before anything is asked of a profile."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from cardlib.values import CardDate

MAX_SERIAL: Final = 9_999_999
"""Card numbers have seven digits for it."""

HISTORICAL_BYTES: Final = 13
"""T1…TD [S2.2 §8]."""

TEST_BANK_CARD: Final = "6200000000000005"
"""Number of the bank card where a description asks for one and does not say which: nobody's, published for tests."""


def _pin(digits: str) -> str:
    if digits and not (4 <= len(digits) <= 16 and digits.isascii() and digits.isdigit()):
        raise ValueError('takes 4 to 16 digits, or "" for no PIN')
    return digits


def _historical_bytes(text: object) -> bytes:
    try:
        found = bytes.fromhex(text if isinstance(text, str) else "?")
    except ValueError:
        found = b""
    if len(found) != HISTORICAL_BYTES:
        raise ValueError(f"takes {2 * HISTORICAL_BYTES} hexadecimal digits in quotation marks")
    return found


def _year(digits: str) -> str:
    if not (len(digits) == 4 and digits.isascii() and digits.isdigit() and int(digits)):
        raise ValueError("takes the four digits of a year")
    return digits


def _starting_day(digits: str) -> str:
    day = CardDate(f"2000{digits}")  # a leap year
    if len(digits) != 4 or day.date is None:
        raise ValueError("takes a month and a day, four digits")
    return digits


def _bank_card_number(written: object) -> str:
    if isinstance(written, bool):
        return TEST_BANK_CARD if written else ""
    if not (isinstance(written, str) and 16 <= len(written) <= 19 and written.isascii() and written.isdigit()):
        raise ValueError("takes true, false, or a number of 16 to 19 digits in quotation marks")
    return written


Tries = Annotated[int, Field(ge=1, le=15)]
Counter = Annotated[int, Field(ge=0, le=0xFFFF)]
Fen = Annotated[int, Field(ge=0, le=0xFFFF_FFFF)]


class _Entry(BaseModel):
    """A table: a word that is not known is a mistake, not a comment. Its ``repr`` shows nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__


class PinEntry(_Entry):
    """``[pin]``: 4 to 16 digits, or none, and how many wrong tries block it."""

    value: Annotated[str, AfterValidator(_pin)] = "123456"
    tries: Tries = 6


class KeysEntry(_Entry):
    """``[keys]``: ``source`` is ``development`` or a file of root keys; how many wrong tries block a key."""

    source: Annotated[str, Field(min_length=1)] = "development"
    tries: Tries = 3


class BalancesEntry(_Entry):
    """``[balances]``: DF04's amount file; amounts in fen, ``year`` YYYY, ``starting_day`` MMDD."""

    account: Fen = 0
    self_paid: Fen = 0
    pooled: Fen = 0
    year: Annotated[str, AfterValidator(_year)] | None = None
    starting_day: Annotated[str, AfterValidator(_starting_day)] | None = None
    load_counter: Counter = 0
    purchase_counter: Counter = 0


class NeighboursEntry(_Entry):
    """``[neighbours]``: other applications on the same chip; ``bank``: the number of the bank card, "" for none."""

    bank: Annotated[str, BeforeValidator(_bank_card_number)] = ""
    pki: bool = False


class Document(_Entry):
    """A whole description; what the tables of items may hold is the profile's business."""

    version: Literal["1.0", "2.0", "3.0"]
    suite: Literal["DES", "SM4"] | None = None
    cos: Literal["t514", "fmcos"] = "t514"
    serial: Annotated[int, Field(ge=0, le=MAX_SERIAL)] = 1
    historical_bytes: Annotated[bytes, BeforeValidator(_historical_bytes)] | None = None
    samples: bool = True
    pin: PinEntry = PinEntry()
    keys: KeysEntry = KeysEntry()
    person: dict[str, Any] = {}
    issuer: dict[str, Any] = {}
    files: dict[str, Any] = {}
    balances: BalancesEntry | None = None
    quirks: dict[str, Any] = {}
    neighbours: NeighboursEntry = NeighboursEntry()
