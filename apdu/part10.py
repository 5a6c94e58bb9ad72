"""PC/SC part 10: how a reader with a PIN pad of its own (密码键盘) is told what to ask for [PC/SC part 10, v2.02].

Blocks are packed, with no filling between fields; numbers of several bytes are little-endian, but for the control codes
in the list of features, which are big-endian (§2.2, §2.5). The names of fields are those of the specification.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

from apdu.errors import TlvError

FEATURE_REQUEST_FUNCTION: Final = 3400
"""Function number of GET_FEATURE_REQUEST; how it becomes a control code is the platform's business (§2.2)."""

GET_FEATURE_REQUEST: Final = 0x4200_0000 + FEATURE_REQUEST_FUNCTION
"""GET_FEATURE_REQUEST as PC/SC-lite codes it, and readers in this process do."""

CHINESE: Final = 0x0804
"""Language identifier of Chinese as written in China, for the pad's own display."""


class Feature(IntEnum):
    """What a reader may offer (§2.3)."""

    VERIFY_PIN_START = 0x01
    VERIFY_PIN_FINISH = 0x02
    MODIFY_PIN_START = 0x03
    MODIFY_PIN_FINISH = 0x04
    GET_KEY_PRESSED = 0x05
    VERIFY_PIN_DIRECT = 0x06
    MODIFY_PIN_DIRECT = 0x07
    MCT_READER_DIRECT = 0x08
    MCT_UNIVERSAL = 0x09
    IFD_PIN_PROPERTIES = 0x0A
    ABORT = 0x0B
    SET_SPE_MESSAGE = 0x0C
    VERIFY_PIN_DIRECT_APP_ID = 0x0D
    MODIFY_PIN_DIRECT_APP_ID = 0x0E
    WRITE_DISPLAY = 0x0F
    GET_KEY = 0x10
    IFD_DISPLAY_PROPERTIES = 0x11
    GET_TLV_PROPERTIES = 0x12
    CCID_ESC_COMMAND = 0x13


class Property(IntEnum):
    """Tags of the answer to GET_TLV_PROPERTIES that are used here (§2.6.14)."""

    MIN_PIN_SIZE = 6
    MAX_PIN_SIZE = 7


class Key(IntEnum):
    """What GET_KEY_PRESSED answers: what happened since the last time it was asked, never which digit."""

    NONE = 0x00
    BACKSPACE = 0x08
    ALL_CLEARED = 0x0A
    OK = 0x0D
    TIMEOUT = 0x0E
    CANCEL = 0x1B
    DIGIT = 0x2B
    ABORTED = 0x40


class PadStatus(IntEnum):
    """Status words that the reader answers in place of the card; nothing was sent to the card then (§2.5)."""

    TIMED_OUT = 0x6400
    CANCELLED = 0x6401
    NEW_PINS_DIFFER = 0x6402
    WRONG_SIZE = 0x6403
    INVALID_PARAMETER = 0x6B80


class Format(IntFlag):
    """bmFormatString: how the digits are written, and where; bits 6…3 are the position within the data field."""

    BYTES = 0x80
    RIGHT_JUSTIFIED = 0x04
    BINARY = 0x00
    BCD = 0x01
    ASCII = 0x02


class Confirm(IntFlag):
    """bConfirmPIN: what PINs are asked for besides the new one."""

    NEW_AGAIN = 0x01
    CURRENT = 0x02


class Validation(IntFlag):
    """bEntryValidationCondition: what ends an entry."""

    SIZE_REACHED = 0x01
    KEY_PRESSED = 0x02
    TIMED_OUT = 0x04


_FEATURES: Final = frozenset(Feature)
_FEATURE: Final = struct.Struct(">BBI")
_VERIFY: Final = struct.Struct("<5BH2BHB3sI")
_MODIFY: Final = struct.Struct("<7BH3BH3B3sI")


@dataclass(frozen=True, slots=True, kw_only=True)
class PinVerifyStructure:
    """PIN_VERIFY_STRUCTURE (§2.5.2): 19 bytes, and the command.

    ``timer_out``, ``timer_out2``: seconds for the entry, and from the first key on; 0 is the reader's own choice.
    ``pin_block_string``: size in bits of a PIN length within the command, shifted by four, or'ed with the size in bytes
    of the PIN block, where 0 stands for as many as the digits need. ``min_digits``, ``max_digits``: wPINMaxExtraDigit.
    ``data``: the command with what stands where the digits are written.
    """

    timer_out: int
    timer_out2: int
    format_string: int
    pin_block_string: int
    pin_length_format: int
    min_digits: int
    max_digits: int
    entry_validation: int
    number_message: int
    language: int
    message_index: int
    data: bytes

    def encode(self) -> bytes:
        """The block as it goes to the reader."""
        return (
            _VERIFY.pack(
                self.timer_out,
                self.timer_out2,
                self.format_string,
                self.pin_block_string,
                self.pin_length_format,
                self.min_digits << 8 | self.max_digits,
                self.entry_validation,
                self.number_message,
                self.language,
                self.message_index,
                bytes(3),
                len(self.data),
            )
            + self.data
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PinModifyStructure:
    """PIN_MODIFY_STRUCTURE (§2.5.3): 24 bytes, and the command.

    As :class:`PinVerifyStructure`, and: ``offset_old``, ``offset_new``: where the blocks of the two PINs begin, in
    bytes of the data field; ``confirm_pin``: see :class:`Confirm`; ``message_indices``: of the three prompts.
    """

    timer_out: int
    timer_out2: int
    format_string: int
    pin_block_string: int
    pin_length_format: int
    offset_old: int
    offset_new: int
    min_digits: int
    max_digits: int
    confirm_pin: int
    entry_validation: int
    number_message: int
    language: int
    message_indices: tuple[int, int, int]
    data: bytes

    def encode(self) -> bytes:
        """The block as it goes to the reader."""
        return (
            _MODIFY.pack(
                self.timer_out,
                self.timer_out2,
                self.format_string,
                self.pin_block_string,
                self.pin_length_format,
                self.offset_old,
                self.offset_new,
                self.min_digits << 8 | self.max_digits,
                self.confirm_pin,
                self.entry_validation,
                self.number_message,
                self.language,
                *self.message_indices,
                bytes(3),
                len(self.data),
            )
            + self.data
        )


def parse_features(answer: bytes) -> Mapping[Feature, int]:
    """Control codes by feature, from the answer to GET_FEATURE_REQUEST (§2.2); unknown features are left out.

    Each is a tag, a length that is always 4, and the control code, big-endian. Raises :class:`~apdu.errors.TlvError`.
    """
    if len(answer) % _FEATURE.size:
        raise TlvError(f"a list of features has 6 bytes for each, and this one {len(answer)} in all")
    entries = tuple(_FEATURE.iter_unpack(answer))
    if any(length != 4 for _, length, _ in entries):
        raise TlvError("a control code in a list of features does not have 4 bytes")
    return {Feature(tag): code for tag, _, code in entries if tag in _FEATURES}


def parse_properties(answer: bytes) -> Mapping[int, bytes]:
    """Values by tag, from the answer to GET_TLV_PROPERTIES (§2.6.14): tag, length, value, numbers little-endian.

    Raises :class:`~apdu.errors.TlvError`.
    """
    found: dict[int, bytes] = {}
    position = 0
    while position < len(answer):
        header = answer[position : position + 2]
        if len(header) < 2 or position + 2 + header[1] > len(answer):
            raise TlvError("the list of the reader's properties ends within one of them")
        found[header[0]] = answer[position + 2 : position + 2 + header[1]]
        position += 2 + header[1]
    return found
