"""PIN and keys as personalisation stored them on a card; their counters are in :mod:`simulator.security`."""

from dataclasses import dataclass
from enum import Enum

from apdu.secret import Secret


class KeyUse(Enum):
    """The one function a key serves [S2.4 §7.1]."""

    INTERNAL = "internal authentication"
    EXTERNAL = "external authentication"
    MAINTENANCE = "secure messaging"


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
    diversified key. ``tries``: wrong authentications before it blocks; None: never.
    """

    use: KeyUse
    name: str
    card_id: int | None
    version: int
    value: Secret
    tries: int | None = None
