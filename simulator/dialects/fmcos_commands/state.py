"""What is true of an FMCOS chip here and now: which of its two worlds this is, what is free, what is locked.

The manual's world is the MF and everything below but the SSSE. In the SSSE and below it the layer for social security
cards holds: the standard's commands, and levels that are masks instead of states.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import reduce
from typing import Final

from cardlib.cos import levels
from cardlib.cos.levels import FmKey
from cardlib.crypto import SM4, TRIPLE_DES, Algorithm, CipherSuite
from cardlib.profiles.ssse import SSSE
from simulator.access import ALWAYS, NEVER, Both, Condition, Either, Own, Parents, StateBetween
from simulator.command import SW, Refused
from simulator.credentials import Key
from simulator.files import Directory, File, Kind
from simulator.session import Session

SSSE_NAME: Final = SSSE.df_name

CREATE_RIGHT, ERASE_RIGHT, APPLICATION_FILE, ALGORITHM = 3, 4, 5, 7
"""Bytes of a directory's descriptor, the first of its parameters."""
KEYS_SFI, ADD_RIGHT = 3, 4
"""Bytes of a key file's descriptor: SFI for the FCI, right to add keys."""
READ_RIGHT, UPDATE_RIGHT, JOINT, LAST = 3, 4, 5, 6
"""Bytes of another file's descriptor."""
WORLD = 8
"""Byte of the parameters, behind the descriptor: the :class:`World` of a directory or file."""

LOCK_LEVEL: Final = FmKey.LOCK.value
UNBLOCK_LEVEL: Final = FmKey.UNBLOCK.value
PIN_LEVEL: Final = FmKey.PIN.value
"""SSC layer: what BK and LK, PUK and the PIN win inside the chip, where masks have no level for it: the types of these
keys, none of which is a mask's level."""

KEY_TYPE: Final = 0x3F
"""The bits of a key's type that name it; the others say how it is replaced."""
STATE: Final = 0x0F
MAX_BODY: Final = 239
"""Most bytes of a command's data, and of an answer, in the manual's world."""


class World(IntEnum):
    """Whose rules hold in a directory."""

    MANUAL = 0
    SSSE = 1
    """The SSC layer, in the SSSE itself."""
    BELOW = 2
    """The SSC layer, in a directory of the SSSE."""


@dataclass(slots=True)
class Powered:
    """What an FMCOS chip remembers while it has power.

    ``free``: address of the current directory if its rights do not bind until it is left. ``keyed``: the MF had its key
    file when the chip was reset.
    """

    free: int | None = None
    keyed: bool = False


def powered(session: Session) -> Powered:
    """This session's."""
    assert isinstance(session.extension, Powered)
    return session.extension


def suite_here(session: Session) -> CipherSuite:
    """The cipher of the current directory's keys: DES, or what the descriptor of its SSSE names."""
    path = session.selection.path
    if world(path[-1]) is not World.MANUAL and path[1].parameters[ALGORITHM] == Algorithm.SM4.value:
        return SM4
    return TRIPLE_DES


def world(directory: Directory) -> World:
    """Whose rules hold in a directory."""
    return World(directory.parameters[WORLD])


def key_type(key: Key) -> int:
    """The type of a key, without the bits that say how it is replaced."""
    return key.type & KEY_TYPE


def entries(directory: Directory) -> tuple[Directory | File, ...]:
    """All that is in it."""
    return *directory.files, *directory.internal, *directory.directories


def is_free(session: Session) -> bool:
    """Whether the current directory's rights do not bind yet.

    It is free when nothing is in it as it is selected, or when it was just erased, until it is left.
    """
    path = session.selection.path
    return bool(path) and powered(session).free == path[-1].at


def key_file(session: Session) -> File:
    """The current directory's file for keys; refuses with 6A82."""
    file = session.directory.internal_file(Kind.KEYS)
    if file is None:
        raise Refused(SW.FILE_NOT_FOUND)
    return file


def condition(byte: int, of: World, *, joint: int = levels.FM_OR, reading: bool = False) -> Condition:
    """What a right's byte asks for: a range of states in the manual's world, a mask of levels in the SSC layer.

    ``joint``, ``reading``: how levels of a mask are joined, and whether 88 among them is the PIN.
    """
    if of is not World.MANUAL:
        return _masked(byte, of, joint, reading=reading)
    high, low = byte >> 4, byte & STATE
    # 0Y: at least Y at the MF; XY: Y to X here, which is never where X < Y.
    return StateBetween(low, STATE, mf=True) if high == 0 else StateBetween(low, high)


def _masked(mask: int, of: World, joint: int, *, reading: bool) -> Condition:
    if mask == levels.FM_FREE:
        return ALWAYS
    bank = mask & levels.FM_BANK
    held = [level for level in levels.FM_MASKS if level & levels.FM_BANK == bank and level & mask & ~levels.FM_BANK]
    if not held:  # 08, forbidden, and whatever else has no level
        return NEVER
    pin: Condition = (Own if of is World.SSSE else Parents)(frozenset({PIN_LEVEL}))
    terms = [pin if reading and level == levels.FM_PIN else Own(frozenset({level})) for level in held]
    return reduce(Both if joint == levels.FM_AND else Either, terms)


def require(session: Session, byte: int) -> None:
    """Refuse with 6982 unless the right that this byte asks for was won where the card stands."""
    if not condition(byte, world(session.directory)).allows(session.security):
        raise Refused(SW.SECURITY_STATUS)
