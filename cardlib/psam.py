"""The codes of a PSAM (服务网点终端安全存取模块), in one place for who talks to one, who builds one and who is one.

Names, files and key records are those of the PSAM text [S2.9]; the building commands are those of one public vendor
dialect for bank PSAMs. **What neither has is inference**, marked so, and no PSAM has confirmed it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import Algorithm

ENVIRONMENTS: Final[Mapping[Algorithm, tuple[int, bytes]]] = {
    Algorithm.DES: (0x3F00, bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")),
    Algorithm.SSF33: (0xDDF1, bytes.fromhex("7378322E73682EC9E7BBE1B1A3D5CF")),
    Algorithm.SM4: (0xDDF2, bytes.fromhex("7378332E73682EC9E7BBE1B1A3D5CF")),
}
"""FID and name of each algorithm's environment (算法环境) [S2.9 §5]; that of SM4 by its name in the field, the FID is
inference. That of DES is the MF."""

ADF_FID: Final = 0xDF01
ADF_NAME: Final = bytes.fromhex("D15600000590")
"""The application (社会保障应用), once in every environment, so always relative to the current one [S2.9 figure 1]."""

DIR, CARD_INFORMATION, TERMINAL_INFORMATION = 0x0001, 0x0015, 0x0016
"""Files of an environment [S2.9 §5.1–5.3]."""
TRADE_NUMBER, NATIONAL_INFORMATION, PROVINCIAL_INFORMATION, CITY_INFORMATION = 0x0019, 0x001A, 0x001B, 0x001C
NATIONAL_KEYS, PROVINCIAL_KEYS, CITY_KEYS = 0x0011, 0x0012, 0x0013
"""Files of the application [S2.9 §5.4–5.7, §6]."""


class PsamKeyType(IntEnum):
    """b5–b1 of a key's usage byte (密钥用途) [S2.9 §6.3]; own keys as in the vendor dialect."""

    MASTER = 0x00
    PURCHASE = 0x02
    """医疗消费: MAC1 and MAC2 of a purchase; named by its version."""
    MAINTENANCE = 0x05
    MAC = 0x06
    ENCRYPT = 0x07
    ENCRYPT_AND_MAC = 0x08
    LOAD = 0x09
    """帐户划入; no command of a PSAM uses it."""
    TAC = 0x0C
    """No command of a PSAM uses it."""
    EXTERNAL = 0x0E
    """KID-01…KID-03: who loads keys."""
    INTERNAL = 0x0F


APPLICATION_KEYS: Final = frozenset(
    {
        PsamKeyType.PURCHASE,
        PsamKeyType.MAC,
        PsamKeyType.ENCRYPT,
        PsamKeyType.ENCRYPT_AND_MAC,
        PsamKeyType.LOAD,
        PsamKeyType.TAC,
    }
)
"""Types that CREATE KEY loads; the others are the PSAM's own (自用)."""

MAX_LEVELS: Final = 3
"""Factors between the first-level root and a card: province, city, card (分散级数)."""

TYPE_MASK: Final = 0x1F
LEVELS_SHIFT: Final = 5

TRIPLE_DES_KEY, DES_KEY, SSF33_KEY, SM4_KEY = range(4)
"""Algorithm byte of a key record [S2.9 §6.2]; that of SM4 is inference. The first two both belong to the DES
environment."""

KEY_SIZES: Final[Mapping[int, int]] = {TRIPLE_DES_KEY: 16, DES_KEY: 8, SSF33_KEY: 16, SM4_KEY: 16}
"""Bytes of a key's value, by the algorithm byte."""

ALGORITHMS: Final[Mapping[int, Algorithm]] = {
    TRIPLE_DES_KEY: Algorithm.DES,
    DES_KEY: Algorithm.DES,
    SSF33_KEY: Algorithm.SSF33,
    SM4_KEY: Algorithm.SM4,
}

MASTER_KEY_ID: Final = 0x00
"""Of the master key of a directory, and P2 where a command means it (inference)."""

# --- Building, as in the public vendor dialect; states are chosen here ---
DIRECTORY_HEAD: Final = 16
DIRECTORY_NAME: Final = 16
KEY_HEADER: Final = 10
"""CREATE of a directory: 16 bytes, the name padded with FF, and the header of its master key."""

MF_TYPE, DF_TYPE = 0x10, 0x20
TRANSPARENT_TYPE, RECORDS_TYPE, KEYS_TYPE = 0x31, 0x34, 0x30

FREE: Final = 0x00
NEVER: Final = 0xFF
"""Rights of a file; every other value is the state that a key must have won in the file's directory (inference)."""

MASTER_STATE: Final = 0x08
LOADER_STATES: Final = (0x01, 0x02, 0x04)
"""States that MK and KID-01…KID-03 win (inference)."""

KEY_TRIES: Final = 3


def usage(kind: PsamKeyType, levels: int) -> int:
    """The usage byte (用途): b8–b6 the levels, b5–b1 the type [S2.9 §6.2]."""
    return levels << LEVELS_SHIFT | kind


def algorithm_byte(algorithm: Algorithm, size: int) -> int:
    """The algorithm byte of a key of ``size`` bytes in the environment of this algorithm."""
    return next(code for code, one in ALGORITHMS.items() if (one, KEY_SIZES[code]) == (algorithm, size))


def record_head(kind: PsamKeyType, number: int, levels: int, code: int) -> bytes:
    """What stands before the value in a key's record: usage, id, RFU, algorithm, use right(2), RFU(2) [S2.9 §6.1]."""
    return bytes((usage(kind, levels), number, 0, code)) + bytes(4)


@dataclass(frozen=True, slots=True)
class PsamKey:
    """An application key of a PSAM, as CREATE KEY loads it [S2.9 §6].

    ``id``: of a purchase key its version. ``levels``: factors from ``value`` to a card's key, 0…3. ``algorithm``: as
    in the record. ``file``: FID of its key file. Raises MalformedError for a value of another length than the
    algorithm has.
    """

    kind: PsamKeyType
    id: int
    levels: int
    value: Secret
    algorithm: int = TRIPLE_DES_KEY
    file: int = NATIONAL_KEYS

    def __post_init__(self) -> None:
        if len(self.value) != KEY_SIZES.get(self.algorithm):
            raise MalformedError(f"a key of {len(self.value)} bytes is none of algorithm {self.algorithm:02X}")

    @property
    def record(self) -> Secret:
        """The record of CREATE KEY: :func:`record_head`, value."""
        return Secret(record_head(self.kind, self.id, self.levels, self.algorithm) + self.value.reveal())

    @property
    def change(self) -> Secret:
        """The record of CHANGE KEY: usage, id, 00, value [S2.9 §9.6.1]."""
        return Secret(bytes((usage(self.kind, self.levels), self.id, 0)) + self.value.reveal())
