"""Which id each key of a card has on a PSAM (密钥标识): a test profile, for software PSAMs and who talks to them.

Ids and usages are those of the PSAM text's annex [S2.9 annex B] as far as it has them; where it leaves them to the
provinces, those that one region's public code uses; where nothing is public, free ids from the top of the right range,
so that nobody takes them for real ones. A deployment has its own: no code may conclude anything from an id.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cardlib.psam import LEVELS_SHIFT, NATIONAL_KEYS, PROVINCIAL_KEYS, TYPE_MASK, PsamKeyType


@dataclass(frozen=True, slots=True)
class PsamKeyId:
    """Where a PSAM has the root of a card's key.

    ``name``: as in :data:`cardlib.keys.KEYS`. ``id``: of a purchase key its version. ``levels``: factors from the key
    that is stored to a card's, 3 for a first-level root (一级根密钥), 1 for a city's.
    """

    name: str
    kind: PsamKeyType
    id: int
    levels: int
    file: int


_PUBLISHED: Final = (
    (0x08, 0x67, "IRK"),
    (0x09, 0x26, "STKSSSE"),
    (0x20, 0x26, "STKDF01"),
    (0x21, 0x26, "STKDF02"),
    (0x22, 0x26, "STKDF03"),
    (0x23, 0x26, "STKDF04"),
    (0x24, 0x27, "UK3DF01"),
    (0x25, 0x27, "UK4DF01"),
    (0x26, 0x27, "UK1DF02"),
    (0x27, 0x27, "UK4DF02"),
    (0x28, 0x27, "UK5DF02"),
    (0x29, 0x27, "UK2DF03"),
    (0x2A, 0x27, "UK2DF04"),
    (0x2B, 0x67, "RK1DF03"),
    (0x2C, 0x67, "RK2DF03"),
    (0x2D, 0x67, "RK1DF04"),
    (0x01, 0x22, "DPK"),
    (0x02, 0x22, "DPK"),
    (0x03, 0x22, "DPK"),
)
"""[S2.9 annex B]: id, usage, key."""

_SEEN: Final = (
    (0x2E, 0x67, "RK1DF01"),
    (0x35, 0x67, "RK1DF02"),
    (0x2F, 0x47, "UK6DF01"),
    (0x36, 0x47, "UK6DF02"),
    (0x37, 0x47, "UK4DF03"),
    (0x38, 0x47, "UK5DF03"),
    (0x39, 0x47, "UK6DF03"),
    (0x3A, 0x47, "UK7DF03"),
    (0x3B, 0x47, "UK8DF03"),
    (0x10, 0x48, "PUK"),
    (0x12, 0x48, "UKSSSE"),
    (0x42, 0x48, "UK1DF01"),
    (0x43, 0x48, "UK2DF01"),
    (0x44, 0x48, "UK5DF01"),
    (0x45, 0x48, "UK2DF02"),
    (0x46, 0x48, "UK3DF02"),
    (0x47, 0x48, "UK1DF03"),
    (0x48, 0x48, "UK3DF03"),
    (0x49, 0x48, "UK1DF04"),
)
"""One region's, in public code [S5, S7]."""

_FREE: Final = (
    (0x0F, 0x67, "RKSSSE"),
    (0x17, 0x47, "BK"),
    (0x7F, 0x47, "LKDF03"),
    (0x7E, 0x47, "LKDF04"),
    (0x7D, 0x47, "DSK"),
    (0x7C, 0x49, "DLK"),
    (0x7B, 0x4C, "DTK"),
    (0x7A, 0x47, "UK7DF01"),
    (0x79, 0x47, "UK8DF01"),
    (0x78, 0x47, "UK9DF01"),
    (0x77, 0x47, "UKADF01"),
    (0x76, 0x47, "UKBDF01"),
    (0x75, 0x46, "STKDF05"),
    (0x74, 0x47, "UK1DF05"),
    (0x73, 0x46, "STKDF06"),
    (0x72, 0x47, "LKDF06"),
    (0x71, 0x67, "RK1DF06"),
    (0x70, 0x47, "UK1DF06"),
    (0x6F, 0x47, "UK2DF06"),
    (0x6E, 0x67, "RK1DF07"),
    (0x6D, 0x47, "UK1DF07"),
    (0x6C, 0x67, "RK2DF07"),
    (0x6B, 0x47, "UK2DF07"),
    (0x6A, 0x67, "RK3DF07"),
    (0x69, 0x47, "UK3DF07"),
)
"""Invented here."""

_PROVINCIAL_IDS: Final = frozenset({*range(0x10, 0x18), *range(0x40, 0x80)})


def _rows() -> Iterator[PsamKeyId]:
    for number, usage, name in (*_PUBLISHED, *_SEEN, *_FREE):
        kind = PsamKeyType(usage & TYPE_MASK)
        provincial = kind is not PsamKeyType.PURCHASE and number in _PROVINCIAL_IDS
        yield PsamKeyId(name, kind, number, usage >> LEVELS_SHIFT, PROVINCIAL_KEYS if provincial else NATIONAL_KEYS)


PSAM_KEYS: Final = tuple(_rows())
"""The test profile; DPK occurs once per version."""


def psam_factor(serial: str) -> bytes:
    """What makes a PSAM's own keys its own, 8 bytes: the last 16 of the 20 digits of its serial number (inference).

    It takes the place of a card's factor; province and city are those of the region whose keys the PSAM holds.
    """
    return bytes.fromhex(serial[-16:])
