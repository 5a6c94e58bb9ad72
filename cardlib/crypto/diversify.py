"""From a root key to the key of one card: root → province → city → card (密钥分散) [S2.9 §7.3]."""

from typing import Final

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto.suite import FACTOR_SIZE, CipherSuite

ZHEJIANG: Final = "33"


def area(region: str) -> str:
    """As many digits of a region as its keys depend on: cities of province 33 have four, counties none [S3 §10.3]."""
    return region[:4] if region.startswith(ZHEJIANG) else region


def factors(region: str, card_factor: bytes) -> tuple[bytes, bytes, bytes]:
    """The factors of province, city and card, 8 bytes each, in the order they are applied.

    ``region``: the six digits of the city code (城市代码), from the first three bytes of item 01, never from the ATR.
    ``card_factor``: historical bytes T6…TD of the ATR, 8 bytes. Raises MalformedError for anything else.

    Cities of province 33 have the factor of their first four digits: see :func:`area`.
    """
    if len(region) != 6 or not (region.isascii() and region.isdigit()):
        raise MalformedError("a region is six decimal digits")
    if len(card_factor) != FACTOR_SIZE:
        raise MalformedError(f"a card's factor is {FACTOR_SIZE} bytes, not {len(card_factor)}")
    return f"{region[:2]}0000sh".encode(), f"{area(region):0<6}sx".encode(), card_factor


def card_key(suite: CipherSuite, root: Secret, region: str, card_factor: bytes, *, levels: int = 0) -> Secret:
    """The card's key under ``root``, as long as it; arguments as for :func:`factors`.

    ``levels``: stop so many diversifications above the card's: at 1 it is the city's, at 2 the province's key.
    """
    key = root
    for factor in factors(region, card_factor)[: 3 - levels]:
        key = suite.diversify(key, factor)
    return key
