"""The keys of a card (密钥): what each is for and how a card addresses it.

The table is that of the card's key list: names and ids [S2.5 T14, S2.9 annex B, S2.6 T3, S1 TB2]. It holds names, never
key values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final

from cardlib.crypto import Algorithm


class Purpose(Enum):
    """The one function that a key serves [S2.4 §7.1]; the value is its Chinese term."""

    INTERNAL_AUTHENTICATION = "内部认证密钥"
    """IRK: the card proves that it is genuine."""
    READ = "读取密钥"
    """RK: right to read files."""
    UPDATE = "更新密钥"
    """UK: right to update files."""
    MAINTENANCE = "应用维护密钥"
    """STK: MAC and encryption of maintenance commands."""
    CARD_BLOCK = "卡片锁定密钥"
    """BK: right to block the card."""
    APPLICATION_BLOCK = "应用锁定密钥"
    """LK: right to block the directory."""
    PIN_UNBLOCK = "密码解锁密钥"
    """PUK: right to unblock or reset the PIN."""
    PURCHASE = "医疗消费密钥"
    """DPK: session key of MAC1 and MAC2 of a purchase."""
    LOAD = "医疗划入密钥"
    """DLK: session key of MAC1 and MAC2 of a load."""
    TAC = "交易验证密钥"
    """DTK: transaction authentication code of loads and purchases."""
    STARTING_DAY = "结算年度起始日更新密钥"
    """DSK: right to update the starting day of the year."""
    MASTER = "主控密钥"
    """MK: right to create and delete files and to load keys."""
    TEMPORARY = "临时主控密钥"
    """TMK: stands in for every master key until the card is built, and protects the loading of the others."""
    TRANSPORT = "传输密钥"
    """What a blank chip asks for before anything is built on it; one value for a lot of chips."""
    PSAM_MASTER = "PSAM主控密钥"
    """A PSAM's master key of an environment or of the application in it: protects the loading of keys."""
    PSAM_LOADER = "PSAM密钥装载权限密钥"
    """KID-01 to KID-03: right of ministry, province and city to load their keys into a PSAM."""


_NOT_FOR_AUTHENTICATION: Final = frozenset({Purpose.MAINTENANCE, Purpose.PURCHASE, Purpose.LOAD, Purpose.TAC})


class Level(Enum):
    """Who issues a key (密钥级别)."""

    NATIONAL = "全国"
    PROVINCIAL = "省级"
    ISSUER = "发卡机构"
    UNKNOWN = "未公布"


class Evidence(StrEnum):
    """Where a card id comes from."""

    SEEN = "✔"
    """In public code or on a wire."""
    PUBLISHED = "○"
    """In [S2.9 annex B] only."""
    INFERRED = "–"
    """Not public: the id here continues the published numbering, and a deployment may have another."""


@dataclass(frozen=True, slots=True)
class KeyDeclaration:
    """One key of the specification.

    ``directory``: where the card keeps it: MF, SSSE, DF01…DF07. ``card_id``: P2 of INTERNAL and EXTERNAL
    AUTHENTICATION, one byte, bit 8 = belongs to the current DF; None where none is known, or where the key is addressed
    otherwise (DPK, DLK, DTK by index, master keys as the chip's vendor pleases).
    """

    name: str
    purpose: Purpose
    directory: str
    level: Level
    card_id: int | None = None
    card_id_source: Evidence = Evidence.INFERRED

    @property
    def chinese(self) -> str:
        """Chinese term for this kind of key."""
        return self.purpose.value

    @property
    def authenticates(self) -> bool:
        """Whether INTERNAL or EXTERNAL AUTHENTICATION is done with it; other keys never compute such a cryptogram."""
        return self.purpose not in _NOT_FOR_AUTHENTICATION

    def size(self, algorithm: Algorithm) -> int:
        """Length in bytes on a card of this algorithm: 16, but 8 (single DES) for STK in the DES world."""
        return 8 if self.purpose is Purpose.MAINTENANCE and algorithm is Algorithm.DES else 16


_NATIONAL, _PROVINCIAL, _ISSUER, _UNKNOWN = Level
_SEEN, _PUBLISHED = Evidence.SEEN, Evidence.PUBLISHED

_DECLARATIONS: Final = (
    KeyDeclaration("MKMF", Purpose.MASTER, "MF", _ISSUER),
    # SSSE: ids below 80 are valid in every directory.
    KeyDeclaration("MKSSSE", Purpose.MASTER, "SSSE", _ISSUER),
    KeyDeclaration("IRK", Purpose.INTERNAL_AUTHENTICATION, "SSSE", _NATIONAL, 0x00, _SEEN),
    KeyDeclaration("STKSSSE", Purpose.MAINTENANCE, "SSSE", _NATIONAL, 0x02, _PUBLISHED),
    KeyDeclaration("UKSSSE", Purpose.UPDATE, "SSSE", _PROVINCIAL, 0x04, _SEEN),
    KeyDeclaration("BK", Purpose.CARD_BLOCK, "SSSE", _PROVINCIAL, 0x05, _PUBLISHED),
    KeyDeclaration("PUK", Purpose.PIN_UNBLOCK, "SSSE", _PROVINCIAL, 0x06, _SEEN),
    KeyDeclaration("RKSSSE", Purpose.READ, "SSSE", _NATIONAL, 0x0A, _SEEN),
    # DF01 公共应用信息区
    KeyDeclaration("MKDF01", Purpose.MASTER, "DF01", _ISSUER),
    KeyDeclaration("STKDF01", Purpose.MAINTENANCE, "DF01", _NATIONAL, 0x82, _PUBLISHED),
    KeyDeclaration("RK1DF01", Purpose.READ, "DF01", _NATIONAL, 0x88, _SEEN),
    KeyDeclaration("UK1DF01", Purpose.UPDATE, "DF01", _PROVINCIAL, 0x83, _SEEN),
    KeyDeclaration("UK2DF01", Purpose.UPDATE, "DF01", _PROVINCIAL, 0x84, _SEEN),
    KeyDeclaration("UK3DF01", Purpose.UPDATE, "DF01", _NATIONAL, 0x85, _SEEN),
    KeyDeclaration("UK4DF01", Purpose.UPDATE, "DF01", _NATIONAL, 0x86, _SEEN),
    KeyDeclaration("UK5DF01", Purpose.UPDATE, "DF01", _PROVINCIAL, 0x87, _SEEN),
    KeyDeclaration("UK6DF01", Purpose.UPDATE, "DF01", _NATIONAL, 0x89, _SEEN),
    KeyDeclaration("UK7DF01", Purpose.UPDATE, "DF01", _NATIONAL, 0x8A),
    KeyDeclaration("UK8DF01", Purpose.UPDATE, "DF01", _NATIONAL, 0x8B),
    KeyDeclaration("UK9DF01", Purpose.UPDATE, "DF01", _NATIONAL, 0x8C),
    KeyDeclaration("UKADF01", Purpose.UPDATE, "DF01", _NATIONAL, 0x8D),
    KeyDeclaration("UKBDF01", Purpose.UPDATE, "DF01", _NATIONAL, 0x8E),
    # DF02 就业与失业信息区
    KeyDeclaration("MKDF02", Purpose.MASTER, "DF02", _ISSUER),
    KeyDeclaration("STKDF02", Purpose.MAINTENANCE, "DF02", _NATIONAL, 0x82, _PUBLISHED),
    KeyDeclaration("RK1DF02", Purpose.READ, "DF02", _NATIONAL, 0x88, _SEEN),
    KeyDeclaration("UK1DF02", Purpose.UPDATE, "DF02", _NATIONAL, 0x83, _PUBLISHED),
    KeyDeclaration("UK2DF02", Purpose.UPDATE, "DF02", _PROVINCIAL, 0x84, _SEEN),
    KeyDeclaration("UK3DF02", Purpose.UPDATE, "DF02", _PROVINCIAL, 0x85, _SEEN),
    KeyDeclaration("UK4DF02", Purpose.UPDATE, "DF02", _NATIONAL, 0x86, _SEEN),
    KeyDeclaration("UK5DF02", Purpose.UPDATE, "DF02", _NATIONAL, 0x87, _SEEN),
    KeyDeclaration("UK6DF02", Purpose.UPDATE, "DF02", _NATIONAL, 0x89, _SEEN),
    # DF03 社会保险信息区1; RK3 to RK5 only in the draft of 1.x
    KeyDeclaration("MKDF03", Purpose.MASTER, "DF03", _ISSUER),
    KeyDeclaration("STKDF03", Purpose.MAINTENANCE, "DF03", _NATIONAL, 0x82, _PUBLISHED),
    KeyDeclaration("LKDF03", Purpose.APPLICATION_BLOCK, "DF03", _PROVINCIAL, 0x83, _PUBLISHED),
    KeyDeclaration("RK1DF03", Purpose.READ, "DF03", _NATIONAL, 0x84, _SEEN),
    KeyDeclaration("RK2DF03", Purpose.READ, "DF03", _NATIONAL, 0x85, _SEEN),
    KeyDeclaration("RK3DF03", Purpose.READ, "DF03", _UNKNOWN),
    KeyDeclaration("RK4DF03", Purpose.READ, "DF03", _UNKNOWN),
    KeyDeclaration("RK5DF03", Purpose.READ, "DF03", _UNKNOWN),
    KeyDeclaration("UK1DF03", Purpose.UPDATE, "DF03", _PROVINCIAL, 0x86, _SEEN),
    KeyDeclaration("UK2DF03", Purpose.UPDATE, "DF03", _NATIONAL, 0x87, _SEEN),
    KeyDeclaration("UK3DF03", Purpose.UPDATE, "DF03", _PROVINCIAL, 0x88, _SEEN),
    KeyDeclaration("UK4DF03", Purpose.UPDATE, "DF03", _NATIONAL, 0x89, _SEEN),
    KeyDeclaration("UK5DF03", Purpose.UPDATE, "DF03", _NATIONAL, 0x8A, _SEEN),
    KeyDeclaration("UK6DF03", Purpose.UPDATE, "DF03", _NATIONAL, 0x8B, _SEEN),
    KeyDeclaration("UK7DF03", Purpose.UPDATE, "DF03", _NATIONAL, 0x8C, _SEEN),
    KeyDeclaration("UK8DF03", Purpose.UPDATE, "DF03", _NATIONAL, 0x8D, _SEEN),
    # DF04 社会保险信息区2; UK3 only in the draft of 1.x
    KeyDeclaration("MKDF04", Purpose.MASTER, "DF04", _ISSUER),
    KeyDeclaration("STKDF04", Purpose.MAINTENANCE, "DF04", _NATIONAL, 0x82, _PUBLISHED),
    KeyDeclaration("LKDF04", Purpose.APPLICATION_BLOCK, "DF04", _PROVINCIAL, 0x83, _PUBLISHED),
    KeyDeclaration("RK1DF04", Purpose.READ, "DF04", _NATIONAL, 0x84, _SEEN),
    KeyDeclaration("UK1DF04", Purpose.UPDATE, "DF04", _PROVINCIAL, 0x85, _SEEN),
    KeyDeclaration("UK2DF04", Purpose.UPDATE, "DF04", _NATIONAL, 0x86, _SEEN),
    KeyDeclaration("UK3DF04", Purpose.UPDATE, "DF04", _UNKNOWN),
    KeyDeclaration("DPK", Purpose.PURCHASE, "DF04", _NATIONAL),
    KeyDeclaration("DLK", Purpose.LOAD, "DF04", _PROVINCIAL),
    KeyDeclaration("DTK", Purpose.TAC, "DF04", _PROVINCIAL),
    KeyDeclaration("DSK", Purpose.STARTING_DAY, "DF04", _PROVINCIAL, 0x87),
    # DF05 生命与健康信息区; ids of DF05 and DF06 continue the numbering of DF03 and DF04
    KeyDeclaration("MKDF05", Purpose.MASTER, "DF05", _ISSUER),
    KeyDeclaration("STKDF05", Purpose.MAINTENANCE, "DF05", _UNKNOWN, 0x82),
    KeyDeclaration("UK1DF05", Purpose.UPDATE, "DF05", _UNKNOWN, 0x83),
    # DF06 救助与优抚信息区
    KeyDeclaration("MKDF06", Purpose.MASTER, "DF06", _ISSUER),
    KeyDeclaration("STKDF06", Purpose.MAINTENANCE, "DF06", _UNKNOWN, 0x82),
    KeyDeclaration("LKDF06", Purpose.APPLICATION_BLOCK, "DF06", _UNKNOWN, 0x83),
    KeyDeclaration("RK1DF06", Purpose.READ, "DF06", _UNKNOWN, 0x84),
    KeyDeclaration("UK1DF06", Purpose.UPDATE, "DF06", _UNKNOWN, 0x85),
    KeyDeclaration("UK2DF06", Purpose.UPDATE, "DF06", _UNKNOWN, 0x86),
    # DF07 人事人才信息区
    KeyDeclaration("MKDF07", Purpose.MASTER, "DF07", _ISSUER),
    KeyDeclaration("RK1DF07", Purpose.READ, "DF07", _UNKNOWN, 0x83),
    KeyDeclaration("UK1DF07", Purpose.UPDATE, "DF07", _UNKNOWN, 0x84),
    KeyDeclaration("RK2DF07", Purpose.READ, "DF07", _UNKNOWN, 0x85),
    KeyDeclaration("UK2DF07", Purpose.UPDATE, "DF07", _UNKNOWN, 0x86),
    KeyDeclaration("RK3DF07", Purpose.READ, "DF07", _UNKNOWN, 0x87),
    KeyDeclaration("UK3DF07", Purpose.UPDATE, "DF07", _UNKNOWN, 0x88),
)

KEYS: Final[Mapping[str, KeyDeclaration]] = MappingProxyType({key.name: key for key in _DECLARATIONS})
"""Every key of the specification by its name."""


VERSIONS: Final = (1, 2, 3)
"""Versions in which a key is issued (密钥组数) [S2.9 annex B]."""


@dataclass(frozen=True, slots=True)
class KeyReference:
    """A key by name and version (密钥版本), never its value; a card that is told no version uses 1."""

    name: str
    version: int = 1


CHIP_KEYS: Final[Mapping[str, KeyDeclaration]] = MappingProxyType(
    {
        "TMK": KeyDeclaration("TMK", Purpose.TEMPORARY, "MF", _ISSUER),
        "TRANSPORT": KeyDeclaration("TRANSPORT", Purpose.TRANSPORT, "MF", _ISSUER),
        "PSAM-MKDDF": KeyDeclaration("PSAM-MKDDF", Purpose.PSAM_MASTER, "PSAM", _ISSUER),
        "PSAM-MKADF": KeyDeclaration("PSAM-MKADF", Purpose.PSAM_MASTER, "PSAM", _ISSUER),
        "PSAM-KID01": KeyDeclaration("PSAM-KID01", Purpose.PSAM_LOADER, "PSAM", _NATIONAL),
        "PSAM-KID02": KeyDeclaration("PSAM-KID02", Purpose.PSAM_LOADER, "PSAM", _PROVINCIAL),
        "PSAM-KID03": KeyDeclaration("PSAM-KID03", Purpose.PSAM_LOADER, "PSAM", _ISSUER),
    }
)
"""Keys of chips that no finished card has: those of a chip while a card is built on it, and a PSAM's own.

TMK is diversified for each chip, as the keys of a card are; TRANSPORT is not, and its version is the number of the lot
[S2.10 §5.2]. Both come to the chip in clear by its commands, so they protect nothing from who listens at the chip.

A PSAM's own keys (自用密钥) are 16 bytes in every environment [S2.9 §6]. They are diversified as a card's, by the
serial number of the PSAM (:func:`cardlib.psam_keys.psam_factor`); the text says nothing about how they are made
(inference).
"""

PSAM_OWN_KEYS: Final = tuple(
    name for name, key in CHIP_KEYS.items() if key.purpose in {Purpose.PSAM_MASTER, Purpose.PSAM_LOADER}
)
"""Names of a PSAM's own keys: master keys of environment and application, KID-01 to KID-03."""
