"""PIN and keys as personalisation stored them on a card; their counters are in :mod:`simulator.security`."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from apdu.secret import Secret

MAX_PIN: Final = 8
"""Most bytes of a packed PIN."""

_FILLER: Final = 0x0F
_MIN_DIGITS: Final = 4


def is_packed_pin(packed: bytes) -> bool:
    """Whether these bytes can be a PIN: 4…16 decimal digits, of an odd count the last nibble is F [S2.5 §6.3]."""
    digits = packed.hex()
    if packed and packed[-1] & 0x0F == _FILLER:
        digits = digits[:-1]
    return len(packed) <= MAX_PIN and len(digits) >= _MIN_DIGITS and digits.isdecimal()


class KeyUse(Enum):
    """The one function a key serves [S2.4 §7.1]."""

    INTERNAL = "internal authentication"
    EXTERNAL = "external authentication"
    MAINTENANCE = "secure messaging"


class Permission(Enum):
    """A right of the card itself that a key grants, beyond those that files ask for (权限) [S2.7 §13]."""

    UNBLOCK_PIN = "unblock or replace the PIN"
    BLOCK_APPLICATION = "block the application the key lies in"
    BLOCK_CARD = "block the card, and applications without a key of their own for it"


@dataclass(frozen=True, slots=True)
class PinRecord:
    """The holder's PIN (个人密码): ``value`` packed as VERIFY sends it, empty when none is set; ``tries`` at most."""

    value: Secret
    tries: int


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One version of one key (密钥).

    ``name``: as access rules call it, "RKSSSE". ``card_id``: P2 of EXTERNAL AUTHENTICATE, 00 for IRK; None for a
    maintenance key (STK), which no command names, when none is known. ``version``: 1…255. ``value``: this card's
    diversified key. ``tries``: wrong authentications before it blocks; None: never. ``permits``: what authentication
    with it allows besides access to files.
    """

    use: KeyUse
    name: str
    card_id: int | None
    version: int
    value: Secret
    tries: int | None = None
    permits: Permission | None = None
