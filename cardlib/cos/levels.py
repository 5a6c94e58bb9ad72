"""The codes of two card operating systems, in one place for who builds cards and for who is the card.

Types and layouts are those of public descriptions of the two dialects: Datang T514 by an SSC building tool, FMCOS 2.0
by its manual, its SSC layer by the same tool. **Where these are silent the codes here are inference** (marked so):
they are consistent with every example known, and no card has confirmed them.

Inference on both: while a directory is under construction, who has authenticated with its MK may fill every file in
plain whatever its rights, those with secure messaging, those that no command ever updates and the amounts (UPDATE
BINARY by SFI) included. Construction ends on T514 with the end of pre-issue, on FMCOS when the directory is left.
"""

from enum import IntEnum
from typing import Final


# --- Datang T514 -----------------------------------------------------------------------------------------------------
class T514File(IntEnum):
    """Type byte of CREATE FILE (文件类型): byte 8 of the 16-byte descriptor of a file."""

    INTERNAL = 0xC3
    """内部文件: keys, FCI records or amounts, told apart by the byte for the record length (:class:`T514Internal`)."""
    TRANSPARENT = 0xC4
    FIXED = 0xC5
    VARIABLE = 0xC6
    CYCLIC = 0xC7
    DIR = 0xD6
    """目录数据文件: records of any length, as in a variable file."""


class T514Internal(IntEnum):
    """What a file of type C3 is, by the record length in its descriptor."""

    AMOUNTS = 0x00
    """TF: the medical account; its read right is EFEF. UPDATE BINARY by SFI fills it before the end of pre-issue."""
    KEYS = 0x18
    """SF: one record of 8 bytes header and 16 bytes value for each key and the PIN."""
    FCI = 0xFF
    """FCI: records of any length (:func:`cardlib.cos.t514.fci_record`)."""


class T514Directory(IntEnum):
    """Type byte of a directory: byte 7 of the 16 bytes before its name."""

    DDF = 0x01
    """MF and DDF."""
    ADF = 0x02


class T514Key(IntEnum):
    """Type byte of WRITE KEY, the first of the header (密钥类型)."""

    MASTER = 0x00
    PIN = 0x01
    MAINTENANCE = 0x07
    LOAD = 0x08
    PURCHASE = 0x09
    TAC = 0x0A
    EXTERNAL = 0x0D
    """Everything else: RK, UK, LK, BK, PUK, DSK. What it allows besides files follows from its level."""
    INTERNAL = 0x0E


class T514Delete(IntEnum):
    """P2 of DELETE, 01 to 03; which is which is inference."""

    MF = 0x01
    DIRECTORY = 0x02
    FILE = 0x03


T514_FREE: Final = 0x00
"""Also in a directory's two bytes for creating and deleting in it, where the other one is FF, its MK."""
T514_FORBIDDEN: Final = 0xEF
T514_MASTER: Final = 0xFF
"""Level of the directory's own MK. Before the directory holds one, a right that asks for it is free (inference)."""
T514_PIN: Final = 0x0F
"""Level of the PIN in the directory that keeps it, the SSSE; files of its DFs name it in their byte for the parent
(inference)."""

T514_AND: Final = 4
T514_OR: Final = 0
"""Nibbles of the SCW, high for reading, low for updating: how the two bytes of a right, parent's level ‖ own level,
are joined. The side that plays no part is 00 (free) under AND and EF (forbidden) under OR; so free is AND 0000,
forbidden OR EFEF, one key alone AND 00nn (inference)."""

T514_TRANSPORT_PREFIX: Final = bytes(2)
"""What stands before SN6, historical bytes T8…TD, in serial numbers on the wire."""

T514_NEVER_BLOCKS: Final = 0xFF
"""As the number of tries in a key's header; else 1…15."""

T514_MAC_UPDATES: Final = 0x80
"""Byte 9 of a file's descriptor, 00 in the examples: updates come with a MAC under the directory's STK (inference)."""

T514_FCI_SFI: Final = 0x01
T514_KEYS_SFI: Final = 0x02
T514_AMOUNTS_SFI: Final = 0x03
"""SFIs of the internal files, and the low bytes of their FIDs EF01, EF02, EF03, which the standard leaves (inference).

The directory's descriptor names them, 00 where there is none. An ADF has no FCI file: the one of its DDF has a record
for it, found by FID. FCI records are written with 00 D2, P1 record number, P2 SFI << 3 | 4.
"""

KEY_ALGORITHMS: Final = {(1, 16): 0x00, (1, 8): 0x01, (2, 16): 0x02, (3, 16): 0x03}
"""Algorithm byte of a key's header, by the FCI's algorithm and the length of the key: 3DES, DES; SSF33 as in PSAM
records, and SM4, both inference."""


def t514_level(card_id: int) -> int:
    """Level that authentication with a key wins: the low nibble of its id, the same for all versions (inference).

    0, for IRK and for keys that no EXTERNAL AUTHENTICATION is done with, wins nothing.
    """
    return card_id & 0x0F


# --- FMCOS 2.0 and its SSC layer -------------------------------------------------------------------------------------
class FmFile(IntEnum):
    """Type byte of CREATE FILE; for files of data, bit 8 asks for a MAC at updates, bit 7 for encryption too."""

    TRANSPARENT = 0x28
    FIXED = 0x2A
    VARIABLE = 0x2C
    CYCLIC = 0x2E
    WALLET = 0x2F
    """ED/EP of PBOC (space 0208); in the SSC layer the medical account's amounts (space 0210)."""
    DIRECTORY = 0x38
    KEYS = 0x3F


FM_MAC_UPDATES: Final = 0x80
FM_ENCRYPTED_UPDATES: Final = 0x40


class FmKey(IntEnum):
    """Low six bits of the type byte of WRITE KEY; bits 8 and 7 set: it is replaced only encrypted and with a MAC."""

    ENCRYPT = 0x30
    """In the SSC layer: IRK."""
    DECRYPT = 0x31
    MAC = 0x32
    LOCK = 0x33
    """BK and LK in the SSC layer, a record as of type 30 and so without counter (inference; no type in the manual)."""
    INTERNAL = 0x34
    """TAC: DTK."""
    MAINTENANCE = 0x36
    """文件线路保护: STK."""
    UNBLOCK = 0x37
    """PIN解锁: PUK."""
    RELOAD = 0x38
    EXTERNAL = 0x39
    """外部认证: MK (id 00), RK, UK, DSK."""
    PIN = 0x3A
    OVERDRAFT = 0x3C
    UNLOAD = 0x3D
    PURCHASE = 0x3E
    """DPK."""
    LOAD = 0x3F
    """DLK."""


FM_NOT_COUNTED: Final = 0xFF
"""Error counter of type 36, the STK: failures are not counted; in other types FF is 15 of 15 (inference)."""

FM_REPLACED_PROTECTED: Final = 0xC0
"""Bits 8 and 7 of a key's type."""

FM_VERSIONED: Final = frozenset({FmKey.EXTERNAL, FmKey.UNBLOCK})
"""Types whose record has in the SSC layer, after the error counter, a byte for the key's version, so that it is one
byte longer than in the manual (inference). Types 30…34 and 3C…3F have their version where the manual has it."""

FM_MASKS: Final = (0x01, 0x02, 0x04, 0x10, 0x20, 0x40, 0x81, 0x82, 0x84, 0x88, 0x90, 0xA0, 0xC0)
"""SSC layer: levels of keys 1…13. Rights are masks: levels of one bank (bit 8) or-ed together, either one enough."""
FM_BANK: Final = 0x80
"""Bit 8 of a mask: the second bank. A level is won only for its own bank."""
FM_FREE: Final = 0x00
FM_FORBIDDEN: Final = 0x08
FM_MASTER: Final = 0x40
"""Key 6."""
FM_PIN: Final = 0x88
"""In read rights the PIN, of the parent in a DF and its own in the SSSE; in update rights it is the directory's own
key 10 (inference: the PIN never allows updates)."""
FM_READERS: Final = (0x81, 0x82, 0x84)
"""Levels of RK in their order: with the PIN's in one mask, PIN|RK1 = 89 (inference)."""
FM_UPDATERS: Final = (0xC0, 0xA0, 0x90, 0x88, 0x84, 0x82, 0x20, 0x10, 0x04, 0x02, 0x01)
"""Levels of UK and DSK in their order, from 13 downwards, less those of the directory's RK (inference).

88 only goes to a key that no read right names. LK, BK and PUK win no level: their type says what they allow.
"""

FM_AMOUNTS_SPACE: Final = 0x0210
"""Space of the medical account in its descriptor of type 2F."""
FM_AMOUNTS_SFI: Final = 0x02
"""Its SFI, and the low byte of its FID EF02, which the standard leaves (inference)."""

FM_OR: Final = 0xFF
FM_AND: Final = 0xF4
"""Sixth byte of a file's descriptor, FF in every example; F4: *all* levels of the read mask are needed, not one of them
(inference)."""

FM_MF_ANYTIME: Final = 0xF0
FM_MF_NEVER: Final = 0xEF
FM_MF_MASTER: Final = 0xAA
"""At the MF, and outside the SSC layer, rights are states as in the manual: F0 always, AA exactly state A, which the MK
wins, EF (X < Y) never."""
FM_MF_MASTER_CHANGE: Final = 0xFA
FM_MF_MASTER_STATE: Final = 0xAA
"""Right to change the MF's MK, and its next state, as in the manual's ``39 F0 FA AA 88``."""
FM_DES: Final = 0xFF
"""Last byte before a DDF's name, FF in every example: its keys are of DES and 3DES. Else it is the algorithm that the
FCI names, and all keys of the DDF and below are of it: 03 SM4 (inference; the manual knows DES alone)."""
FM_NO_FILE: Final = 0xFF
"""No DIR file in a key file's descriptor; no FCI file in a directory's."""
