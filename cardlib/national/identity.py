"""The line of the basic data, as iReadCardBas answers it [S3 §10.4]."""

from typing import Final

from cardlib.describe import describe_value
from cardlib.flows.read_identity import IdentityReading
from cardlib.model import FileContents
from cardlib.national.address import PLACE_END, escaped
from cardlib.text import encode_text
from cardlib.values import CardDate, CardIdentifier, Value

NO_PSAM: Final = "0" * 12
"""Terminal number (终端机编号) of a terminal without a PSAM."""

CARD_NUMBER_CHARACTERS: Final = 9
"""Cards of early issues hold longer ones [S3 §10.4]."""


def basic_line(reading: IdentityReading, *, terminal: str = NO_PSAM, device: str = "") -> bytes:
    """The basic data of a card that was read (基本信息): eleven items with ``|`` behind each, GB 18030.

    Region, social security number, card number, card identifier, name with its extension, historical bytes in
    hexadecimal, version, issue date, expiry date, ``terminal`` (12 digits of the PSAM), ``device``. What a card does
    not hold is empty.
    """
    identifier = reading.issuer.values["card_identifier"]
    items = (
        identifier.region if isinstance(identifier, CardIdentifier) else "",
        _text(reading.holder, "social_security_number"),
        _text(reading.issuer, "card_number")[:CARD_NUMBER_CHARACTERS],
        _text(reading.issuer, "card_identifier"),
        _text(reading.holder, "name"),
        reading.historical_bytes.hex().upper(),
        _text(reading.issuer, "spec_version"),
        _text(reading.issuer, "issue_date"),
        _text(reading.issuer, "expiry_date"),
        terminal,
        device,
    )
    return encode_text("".join(escaped(item) + PLACE_END for item in items))


def _text(contents: FileContents, name: str) -> str:
    value: Value = contents.values[name]
    return value.text if isinstance(value, CardDate) else describe_value(value)
