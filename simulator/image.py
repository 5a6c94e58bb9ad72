"""A personalised card's contents: what a software card is made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from apdu.secret import Secret
from apdu.tlv import encode
from cardlib.crypto import Algorithm
from cardlib.fci import ALGORITHM_ID, DF_NAME, FCI_TEMPLATE, ISSUER_DISCRETIONARY, PROPRIETARY
from cardlib.keys import KEYS, CardFactors, KeyDeclaration, KeyReference, Purpose
from cardlib.model import CardProfile
from simulator.credentials import KeyRecord, KeyUse, PinRecord
from simulator.files import MF_FID, Directory, RecordFile

SSSE_FID: Final = 0xDDF1
"""FID of the SSSE on one vendor's cards; the standard gives it none. [S5]"""

DIR_SFI: Final = 0x1E
"""SFI of the DIR file as real cards name it in tag 88; this card has no DIR: all applications are then taken to be
there. [S2.3 §5.1.4]"""

BANK_MF_NAME: Final = b"1PAY.SYS.DDF01"
"""DF name of the MF of cards that are bank cards too."""

HISTORICAL_BYTES: Final = 13

_SFI_OF_DIR = 0x88
_NEVER_BLOCKS = frozenset({Purpose.INTERNAL_AUTHENTICATION, Purpose.CARD_BLOCK, Purpose.APPLICATION_BLOCK})
"""Keys whose failures are not counted. [S2.7 §13.1, §13.2]"""


@dataclass(frozen=True, slots=True)
class CardImage:
    """Everything a finished card holds (卡片映像); immutable, so any number of cards can be made from one.

    ``historical_bytes``: 13 bytes T1…TD of the ATR. ``root``: the MF with all below it.
    """

    historical_bytes: bytes
    algorithm: Algorithm
    root: Directory

    @property
    def atr(self) -> bytes:
        """Answer to reset: direct convention, TB1 and TC1 00, T=0 only, no TCK. [S2.2 §8]"""
        return bytes((0x3B, 0x60 | len(self.historical_bytes), 0x00, 0x00)) + self.historical_bytes
