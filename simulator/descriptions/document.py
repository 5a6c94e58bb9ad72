"""The form of a card description: TOML tables as typed entries, before anything is asked of a profile."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

from cardlib.values import CardDate
from cardlib.written.entries import Chip, Entry, HistoricalBytes, PinDigits, Suite, Tries, Version

MAX_SERIAL: Final = 9_999_999
"""Card numbers have seven digits for it."""

TEST_BANK_CARD: Final = "6200000000000005"
"""Number of the bank card where a description asks for one and does not say which: nobody's, published for tests."""


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


Counter = Annotated[int, Field(ge=0, le=0xFFFF)]
Fen = Annotated[int, Field(ge=0, le=0xFFFF_FFFF)]


class PinEntry(Entry):
    """``[pin]``: 4 to 16 digits, or none, and how many wrong tries block it."""

    value: PinDigits = "123456"
    tries: Tries = 6


class KeysEntry(Entry):
    """``[keys]``: ``source`` is ``development`` or a file of root keys; how many wrong tries block a key."""

    source: Annotated[str, Field(min_length=1)] = "development"
    tries: Tries = 3


class BalancesEntry(Entry):
    """``[balances]``: DF04's amount file; amounts in fen, ``year`` YYYY, ``starting_day`` MMDD."""

    account: Fen = 0
    self_paid: Fen = 0
    pooled: Fen = 0
    year: Annotated[str, AfterValidator(_year)] | None = None
    starting_day: Annotated[str, AfterValidator(_starting_day)] | None = None
    load_counter: Counter = 0
    purchase_counter: Counter = 0


class NeighboursEntry(Entry):
    """``[neighbours]``: other applications on the same chip; ``bank``: the number of the bank card, "" for none."""

    bank: Annotated[str, BeforeValidator(_bank_card_number)] = ""
    pki: bool = False


class Document(Entry):
    """A whole description; what the tables of items may hold is the profile's business."""

    version: Version
    suite: Suite | None = None
    cos: Chip = "t514"
    serial: Annotated[int, Field(ge=0, le=MAX_SERIAL)] = 1
    historical_bytes: HistoricalBytes | None = None
    samples: bool = True
    pin: PinEntry = PinEntry()
    keys: KeysEntry = KeysEntry()
    person: dict[str, Any] = Field(default_factory=dict)
    issuer: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, Any] = Field(default_factory=dict)
    balances: BalancesEntry | None = None
    quirks: dict[str, Any] = Field(default_factory=dict)
    neighbours: NeighboursEntry = NeighboursEntry()
