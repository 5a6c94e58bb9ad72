"""Keys and PIN as they stand in a chip's memory (密钥和密码)."""

from dataclasses import dataclass, field
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
    """The one function that a key serves [S2.4 §7.1]; dialects say which of their type bytes means which."""

    MASTER = "creating files and loading keys"
    PIN = "the holder's PIN"
    INTERNAL = "internal authentication"
    EXTERNAL = "external authentication"
    MAINTENANCE = "secure messaging"
    PURCHASE = "session key of a purchase"
    LOAD = "session key of a load"
    TAC = "transaction authentication code"
    UNBLOCK = "unblocking the PIN"
    RELOAD = "replacing the PIN"
    CIPHER = "encryption, decryption or MAC for the outside"
    OTHER = "a function of the dialect's own"


SLOT: Final = 32
"""Bytes of a key in memory: mark, type, id, version, algorithm, level, two spare, maximum, left, length, value(16)."""

VALUE_SIZE: Final = 16
NO_LIMIT: Final = 0xFF
"""As a maximum of tries: failures are not counted."""

_USED: Final = 0xA5
_MAXIMUM, _LEFT, _LENGTH, _VALUE = 8, 9, 10, 11


@dataclass(frozen=True, slots=True)
class Key:
    """One version of one key, or the PIN, without its counter (密钥记录).

    ``type``: the dialect's type byte, ``use`` what it means. ``id``: as commands name it. ``level``: the right that
    authentication with it wins, or the next state. ``first``, ``second``: two bytes of the dialect's own. ``tries``:
    most failures, None: not counted. ``value``: 1…16 bytes; of a PIN packed, empty when none is set. ``at``: address
    of its slot; -1 before it is stored.
    """

    use: KeyUse
    type: int
    id: int
    version: int
    value: Secret
    algorithm: int = 0
    level: int = 0
    first: int = 0
    second: int = 0
    tries: int | None = None
    at: int = field(default=-1, compare=False)

    @property
    def counter_at(self) -> int:
        """Address of the byte that counts the tries left."""
        return self.at + _LEFT

    @property
    def value_at(self) -> int:
        """Address of the length byte, which the value follows."""
        return self.at + _LENGTH


def packed(key: Key, left: int | None = None) -> bytes:
    """A key's slot; ``left``: tries left, all of them if None."""
    maximum = NO_LIMIT if key.tries is None else key.tries
    head = (_USED, key.type, key.id, key.version, key.algorithm, key.level, key.first, key.second)
    return (bytes((*head, maximum, maximum if left is None else left)) + packed_value(key.value)).ljust(SLOT, b"\xff")


def packed_value(value: Secret) -> bytes:
    """Length and value, as they stand in the slot; ValueError for more than 16 bytes."""
    if len(value) > VALUE_SIZE:
        raise ValueError(f"a key has at most {VALUE_SIZE} bytes, not {len(value)}")
    return bytes((len(value),)) + value.reveal().ljust(VALUE_SIZE, b"\xff")


def unpacked(slot: bytes, use: KeyUse, at: int) -> Key:
    """The key in a used slot."""
    _, kind, number, version, algorithm, level, first, second, maximum = slot[:_LEFT]
    tries = None if maximum == NO_LIMIT else maximum
    value = Secret(slot[_VALUE : _VALUE + min(slot[_LENGTH], VALUE_SIZE)])
    return Key(use, kind, number, version, value, algorithm, level, first, second, tries, at)


def is_used(slot: bytes) -> bool:
    """Whether there is a key in a slot."""
    return slot[:1] == bytes((_USED,))
