"""The chip's own few bytes: what it is, how far its life has gone, its answer to reset and its transport key."""

from enum import IntEnum
from typing import Final

from apdu.secret import Secret
from simulator.memory.eeprom import Eeprom

FORMAT: Final = b"SSC\x01"
"""What the memory of every chip begins with; the last byte counts the versions of this format."""

SERIAL_SIZE: Final = 8
MAX_HISTORICAL: Final = 15
TRANSPORT_KEY_SIZE: Final = 16

_DIALECT, _LIFE_CYCLE, _BLOCKED, _HISTORICAL, _SERIAL = 4, 5, 6, 8, 24
_TRANSPORT_MOST, _TRANSPORT_TRIES, _TRANSPORT_KEY = 32, 33, 34
_END: Final = 64


class LifeCycle(IntEnum):
    """How far the life of a chip has gone (生命周期)."""

    BLANK = 0
    """Nothing but the operating system and the transport key (出厂)."""
    BUILDING = 1
    """Directories, files and keys come into being (预个人化)."""
    ISSUED = 2
    """Ended: the structure is final (发卡后)."""


class SystemArea:
    """Typed access to these bytes. What it writes goes through ``write``, address and bytes, as all else does."""

    __slots__ = ("_eeprom",)

    def __init__(self, eeprom: Eeprom) -> None:
        self._eeprom = eeprom

    @property
    def formatted(self) -> bool:
        """Whether this is the memory of a chip at all."""
        return self._eeprom.read(0, len(FORMAT)) == FORMAT

    @property
    def dialect(self) -> int:
        """The number of its operating system in :data:`simulator.dialects.DIALECTS`."""
        return self._eeprom.read(_DIALECT, 1)[0]

    @property
    def life_cycle(self) -> LifeCycle:
        """How far its life has gone."""
        return LifeCycle(self._eeprom.read(_LIFE_CYCLE, 1)[0])

    @property
    def blocked(self) -> bool:
        """Whether the whole card is blocked for good."""
        return self._eeprom.read(_BLOCKED, 1) == b"\x01"

    @property
    def historical_bytes(self) -> bytes:
        """T1… of the answer to reset, at most 15."""
        size = self._eeprom.read(_HISTORICAL, 1)[0]
        return self._eeprom.read(_HISTORICAL + 1, size)

    @property
    def atr(self) -> bytes:
        """Answer to reset: direct convention, TB1 and TC1 00, T=0 only, no TCK [S2.2 §8]."""
        historical = self.historical_bytes
        return bytes((0x3B, 0x60 | len(historical), 0x00, 0x00)) + historical

    @property
    def serial(self) -> bytes:
        """The chip's serial number, 8 bytes, never changed."""
        return self._eeprom.read(_SERIAL, SERIAL_SIZE)

    @property
    def transport_key(self) -> Secret:
        """The key of this lot of chips (传输密钥), 16 bytes."""
        return Secret(self._eeprom.read(_TRANSPORT_KEY, TRANSPORT_KEY_SIZE))

    @property
    def transport_tries(self) -> int:
        """Tries left for the transport key."""
        return self._eeprom.read(_TRANSPORT_TRIES, 1)[0]

    @property
    def transport_tries_most(self) -> int:
        """Tries it has at most."""
        return self._eeprom.read(_TRANSPORT_MOST, 1)[0]


LIFE_CYCLE_AT: Final = _LIFE_CYCLE
BLOCKED_AT: Final = _BLOCKED
HISTORICAL_AT: Final = _HISTORICAL
TRANSPORT_TRIES_AT: Final = _TRANSPORT_TRIES


def formatted(dialect: int, historical_bytes: bytes, serial: bytes, transport_key: Secret, tries: int) -> bytes:
    """The first bytes of a chip as the factory delivers it; ValueError for what does not fit."""
    if len(historical_bytes) > MAX_HISTORICAL or len(serial) != SERIAL_SIZE or len(transport_key) != TRANSPORT_KEY_SIZE:
        raise ValueError("a chip has at most 15 historical bytes, a serial number of 8 and a transport key of 16")
    area = bytearray(b"\xff" * _END)
    area[: len(FORMAT)] = FORMAT
    area[_DIALECT : _BLOCKED + 1] = bytes((dialect, LifeCycle.BLANK, 0))
    area[_HISTORICAL : _HISTORICAL + 1 + len(historical_bytes)] = bytes((len(historical_bytes),)) + historical_bytes
    area[_SERIAL : _SERIAL + SERIAL_SIZE] = serial
    area[_TRANSPORT_MOST] = area[_TRANSPORT_TRIES] = tries
    area[_TRANSPORT_KEY : _TRANSPORT_KEY + TRANSPORT_KEY_SIZE] = transport_key.reveal()
    return bytes(area)
