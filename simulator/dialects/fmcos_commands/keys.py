"""WRITE KEY (增加或修改密钥): new keys in clear or with a MAC, others replaced as their type demands."""

from dataclasses import replace
from typing import Final

from apdu.secret import Secret
from cardlib.cos import levels
from cardlib.cos.levels import FmKey
from cardlib.crypto import SM4
from cardlib.crypto.suite import MAC_SIZE
from cardlib.psam import SM4_KEY
from simulator.command import SW, Command, Refused
from simulator.credentials import NO_LIMIT, Key, KeyUse, is_packed_pin
from simulator.dialects.fmcos_commands.protection import MASTER_ID, mac_of, opened
from simulator.dialects.fmcos_commands.state import (
    ADD_RIGHT,
    KEY_TYPE,
    LOCK_LEVEL,
    PIN_LEVEL,
    UNBLOCK_LEVEL,
    World,
    condition,
    is_free,
    key_file,
    key_type,
    require,
    suite_here,
    world,
)
from simulator.session import Session

USES: Final = {
    FmKey.ENCRYPT: KeyUse.INTERNAL,
    FmKey.DECRYPT: KeyUse.CIPHER,
    FmKey.MAC: KeyUse.CIPHER,
    FmKey.INTERNAL: KeyUse.TAC,
    FmKey.MAINTENANCE: KeyUse.MAINTENANCE,
    FmKey.UNBLOCK: KeyUse.UNBLOCK,
    FmKey.RELOAD: KeyUse.RELOAD,
    FmKey.EXTERNAL: KeyUse.EXTERNAL,
    FmKey.PIN: KeyUse.PIN,
    FmKey.PURCHASE: KeyUse.PURCHASE,
    FmKey.LOAD: KeyUse.LOAD,
}
"""What the types are for; all others are the manual's own affair."""

RECORD_HEADER: Final = 8
"""Bytes of a key file that a key takes besides its value."""

_ADD: Final = 0x01
_MAC: Final = 0x40
_PIN_SIZES: Final = range(2, 9)
_COUNTED: Final = frozenset({FmKey.EXTERNAL, FmKey.PIN, FmKey.UNBLOCK, FmKey.MAINTENANCE, FmKey.RELOAD})
_ONCE: Final = frozenset({FmKey.MAINTENANCE, FmKey.RELOAD})
"""Types of which a directory has one key."""
_LOCKED_FOR_EVER: Final = frozenset({FmKey.EXTERNAL, FmKey.UNBLOCK})
_SSC_LEVELS: Final = {FmKey.LOCK: LOCK_LEVEL, FmKey.UNBLOCK: UNBLOCK_LEVEL, FmKey.PIN: PIN_LEVEL}


def write_key(session: Session, command: Command) -> bytes:
    """80 or 84 D4: P1 01 adds a key, P1 a type replaces the one of this type; P2 its id; data the record.

    A record is type, right to use, right to change, four bytes by type, value. Class 84 has a MAC at the end, and a
    record that comes so may be encrypted when it replaces one: both under key 39-00. Refuses with 6A82 no key file,
    6A86, 6982, 6983, 6A88, 6984, 9302 (protection is wrong or missing), 6700, 6A80 and 6A84, in this order.
    """
    key_file(session)
    if command.p2 == 0xFF or (command.p1 != _ADD and command.p1 not in list(FmKey)):
        raise Refused(SW.WRONG_P1P2)
    (_add if command.p1 == _ADD else _replace)(session, command)
    return b""


def _add(session: Session, command: Command) -> None:
    directory = session.directory
    if not is_free(session):
        require(session, key_file(session).parameters[ADD_RIGHT])
    data = _authentic(session, command) if command.header[0] == 0x84 else command.data
    key, left = _parsed(session, command.p2, data)
    held = session.store.keys(directory)
    if key_type(key) in _ONCE:
        taken = any(key_type(other) == key_type(key) for other in held)
    else:
        taken = any(_name(session, other) == _name(session, key) for other in held)
    if taken:
        raise Refused(SW.WRONG_P1P2)
    if sum(_extent(session, one) for one in (*held, key)) > int.from_bytes(key_file(session).parameters[1:3], "big"):
        raise Refused(SW.FILE_FULL)
    session.store.store_key(directory, key, left=left)


def _replace(session: Session, command: Command) -> None:
    directory = session.directory
    named = [key for key in session.store.keys(directory) if (key_type(key), key.id) == (command.p1, command.p2)]
    if not named:
        raise Refused(SW.KEY_NOT_FOUND)
    old = named[0]
    # What stands where other keys have this right is fixed to EF in a PIN's record: never.
    if old.use is KeyUse.PIN or not condition(old.second, world(directory)).allows(session.security):
        raise Refused(SW.SECURITY_STATUS)
    if key_type(old) in _LOCKED_FOR_EVER and session.security.is_blocked(old):
        raise Refused(SW.BLOCKED)
    key, left = _parsed(session, command.p2, _delivered(session, command, old))
    if key_type(key) != command.p1:
        raise Refused(SW.WRONG_DATA)
    # In the SSC layer a key has versions; they have the same rights and the same length.
    old = next((held for held in named if _name(session, held) == _name(session, key)), None) or _missing()
    if len(key.value) != len(old.value):
        raise Refused(SW.WRONG_LENGTH)
    session.store.store_key(directory, replace(key, at=old.at), left=left)


def _delivered(session: Session, command: Command, old: Key) -> bytes:
    """The record that replaces a key, as its type demands it to come, or better protected."""
    demanded = old.type & levels.FM_REPLACED_PROTECTED
    if command.header[0] != 0x84:
        if demanded:
            raise Refused(SW.PROOF_REFUSED)
        return command.data
    data = _authentic(session, command)
    if len(data) == _header(session, FmKey(key_type(old))) + len(old.value):
        if demanded == levels.FM_REPLACED_PROTECTED:
            raise Refused(SW.PROOF_REFUSED)
        return data
    try:
        return opened(_master(session).value, data, suite_here(session))
    except Refused:
        raise Refused(SW.PROOF_REFUSED) from None


def _authentic(session: Session, command: Command) -> bytes:
    """The data without its MAC, which is right; refuses with 6700, 6A88, 6984 and 9302."""
    if len(command.data) <= MAC_SIZE:
        raise Refused(SW.WRONG_LENGTH)
    data, mac = command.data[:-MAC_SIZE], command.data[-MAC_SIZE:]
    key = _master(session)
    suite = suite_here(session)
    challenge = session.security.spend_challenge(suite.block)
    if Secret(mac) != Secret(mac_of(key.value, challenge, command.header + data, suite)):
        raise Refused(SW.PROOF_REFUSED)
    return data


def _master(session: Session) -> Key:
    """39-00 of the current directory."""
    for key in session.store.keys(session.directory):
        if key_type(key) == FmKey.EXTERNAL and key.id == MASTER_ID:
            return key
    return _missing()


def _missing() -> Key:
    raise Refused(SW.KEY_NOT_FOUND)


def _header(session: Session, kind: FmKey) -> int:
    """Bytes of a record before its value."""
    return 6 if _is_versioned(session, kind) else 5


def _is_versioned(session: Session, kind: FmKey) -> bool:
    return kind in levels.FM_VERSIONED and world(session.directory) is not World.MANUAL


def _name(session: Session, key: Key) -> tuple[int, int, int]:
    """What tells a key from others of its directory: type, id, and in the SSC layer the version."""
    return key_type(key), key.id, 0 if world(session.directory) is World.MANUAL else key.version


def _extent(session: Session, key: Key) -> int:
    return len(key.value) + RECORD_HEADER + _is_versioned(session, FmKey(key_type(key)))


def _parsed(session: Session, number: int, data: bytes) -> tuple[Key, int]:
    """The key that a record describes, and its tries left; refuses with 6700 and 6A80."""
    ssc = world(session.directory) is not World.MANUAL
    type_byte = data[0] if data else 0
    if type_byte & KEY_TYPE not in list(FmKey) or type_byte & levels.FM_REPLACED_PROTECTED == 0x80:
        raise Refused(SW.WRONG_DATA)
    kind = FmKey(type_byte & KEY_TYPE)
    if kind is FmKey.LOCK and not ssc:
        raise Refused(SW.WRONG_DATA)
    header = _header(session, kind)
    value, suite = data[header:], suite_here(session)
    if len(value) not in (_PIN_SIZES if kind is FmKey.PIN else suite.key_sizes):
        raise Refused(SW.WRONG_LENGTH)
    third, fourth = data[3], data[4]
    tries, left = _counter(kind, fourth) if kind in _COUNTED else (None, NO_LIMIT)
    level = third if kind in {FmKey.EXTERNAL, FmKey.PIN} else 0
    if ssc:
        if kind is FmKey.EXTERNAL and level not in levels.FM_MASKS:
            raise Refused(SW.WRONG_DATA)
        level = _SSC_LEVELS.get(kind, level)
    if kind is FmKey.PIN:
        # FF behind a PIN does not count, and one that is nothing else has one FF.
        value = value.rstrip(b"\xff") or b"\xff"
        if ssc and not is_packed_pin(value):
            raise Refused(SW.WRONG_DATA)
    if kind in _COUNTED:
        version = data[5] if _is_versioned(session, kind) else 0
        algorithm = SM4_KEY if suite is SM4 else 0
    else:
        version, algorithm = third, fourth
        if ssc and (algorithm == SM4_KEY) != (suite is SM4):
            raise Refused(SW.WRONG_DATA)
    key = Key(
        USES.get(kind, KeyUse.OTHER),
        type_byte,
        number,
        version,
        Secret(value),
        algorithm=algorithm,
        level=level,
        first=data[1],
        second=data[2],
        tries=tries,
    )
    return key, left


def _counter(kind: FmKey, byte: int) -> tuple[int | None, int]:
    """Most tries and tries left, from the high and the low nibble."""
    if kind is FmKey.MAINTENANCE and byte == levels.FM_NOT_COUNTED:
        return None, NO_LIMIT
    most, left = byte >> 4, byte & 0x0F
    if not most or left > most:
        raise Refused(SW.WRONG_DATA)
    return most, left
