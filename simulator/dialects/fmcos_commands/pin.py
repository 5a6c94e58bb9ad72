"""VERIFY, PIN UNBLOCK, RELOAD PIN and CHANGE PIN of the manual's world (口令密钥)."""

from typing import Final

from apdu.secret import Secret
from cardlib.cos.levels import FmKey
from cardlib.crypto.suite import MAC_SIZE
from simulator.command import SW, Command, Refused
from simulator.credentials import Key
from simulator.dialects.fmcos_commands.protection import (
    BLOCK,
    MASTER_ID,
    check_mac,
    find,
    mac_of,
    opened,
    require_use,
)
from simulator.dialects.fmcos_commands.state import STATE
from simulator.session import Session

_FILLER: Final = b"\xff"
_MIN_PIN: Final = 2
_MAX_PIN: Final = 8
_MAX_RELOADED: Final = 6
_RELOAD, _CHANGE = 0x00, 0x01
_ONLY_PIN: Final = 0x00
_ENCRYPTED: Final = frozenset({8, 16})


def verify(session: Session, command: Command) -> bytes:
    """00 20 (校验口令): the PIN, of which FF at the end do not count; success sets the security state.

    Refuses with 6A86, 6700 (not 1…8 bytes), 6A82, 9403 no such PIN, 6982, 6983 and 63Cx, in this order.
    """
    if command.p1:
        raise Refused(SW.WRONG_P1P2)
    if not 1 <= len(command.data) <= _MAX_PIN:
        raise Refused(SW.WRONG_LENGTH)
    pin = _pin(session, command.p2)
    require_use(session, pin)
    _compare(session, pin, command.data)
    session.security.set_register(pin.level & STATE, mf=False)
    return b""


def unblock(session: Session, command: Command) -> bytes:
    """84 24 (口令密钥解锁): PIN 00 as it is, encrypted, and a MAC, both under 39-00; gives the PIN its tries back.

    P2 00 or 01: manual and example differ. Refuses with 6A86, 6700, 6A82, 9403, 6982, 6983, 6984 and 6988.
    """
    if command.p1 or command.p2 not in {0x00, 0x01}:
        raise Refused(SW.WRONG_P1P2)
    cipher, mac = command.data[:-MAC_SIZE], command.data[-MAC_SIZE:]
    if len(cipher) not in _ENCRYPTED:
        raise Refused(SW.WRONG_LENGTH)
    pin = _pin(session, _ONLY_PIN)
    master = find(session, FmKey.EXTERNAL, MASTER_ID, missing=SW.KEY_INDEX_NOT_FOUND)
    check_mac(session, master, command.header + cipher, mac)
    if _significant(opened(master.value, cipher)) != pin.value:
        raise Refused(SW.MAC_WRONG)
    session.security.restore_tries(pin)
    return b""


def change(session: Session, command: Command) -> bytes:
    """80 5E (重装/修改口令): P1 00 another PIN by the issuer, 01 by the holder; P2 its id."""
    if command.p1 not in {_RELOAD, _CHANGE}:
        raise Refused(SW.WRONG_P1P2)
    (_reload if command.p1 == _RELOAD else _change)(session, command)
    return b""


def _reload(session: Session, command: Command) -> None:
    """New PIN of 2…6 bytes ‖ MAC over it alone, under the halves of key 38 xored.

    A wrong MAC costs a try of that key. Refuses with 6700, 6A82, 9403, 6982, 6983 and 9302, in this order.
    """
    new, mac = command.data[:-MAC_SIZE], command.data[-MAC_SIZE:]
    if not _MIN_PIN <= len(new) <= _MAX_RELOADED:
        raise Refused(SW.WRONG_LENGTH)
    pin = _pin(session, command.p2)
    key = find(session, FmKey.RELOAD, missing=SW.KEY_INDEX_NOT_FOUND)
    require_use(session, key)
    session.security.spend_try(key)
    if Secret(mac) != Secret(mac_of(_folded(key.value), bytes(BLOCK), new)):
        raise Refused(SW.PROOF_REFUSED)
    session.security.restore_tries(key)
    _store(session, pin, new)


def _change(session: Session, command: Command) -> None:
    """Old PIN ‖ FF ‖ new PIN. Refuses with 6700, 6A80, 6A82, 9403, 6982, 6983 and 63Cx, in this order."""
    if not 2 * _MIN_PIN < len(command.data) <= 2 * _MAX_RELOADED + 1:
        raise Refused(SW.WRONG_LENGTH)
    old, separator, new = command.data.partition(_FILLER)
    if not (separator and _MIN_PIN <= len(old) <= _MAX_RELOADED and _MIN_PIN <= len(new) <= _MAX_RELOADED):
        raise Refused(SW.WRONG_DATA)
    pin = _pin(session, command.p2)
    require_use(session, pin)
    _compare(session, pin, old)
    _store(session, pin, new)


def _pin(session: Session, number: int) -> Key:
    return find(session, FmKey.PIN, number, missing=SW.KEY_INDEX_NOT_FOUND)


def _significant(pin: bytes) -> Secret:
    return Secret(pin.rstrip(_FILLER) or _FILLER)


def _compare(session: Session, pin: Key, presented: bytes) -> None:
    security = session.security
    security.spend_try(pin)
    if _significant(presented) != pin.value:
        raise Refused(security.status(pin))
    security.restore_tries(pin)


def _store(session: Session, pin: Key, new: bytes) -> None:
    session.store.write_value(session.directory, pin, _significant(new))
    session.security.restore_tries(pin)


def _folded(key: Secret) -> Secret:
    """The halves of a key xored; a key of 8 bytes has no halves and stays as it is."""
    value = key.reveal()
    if len(value) == BLOCK:
        return key
    return Secret(bytes(left ^ right for left, right in zip(value[:BLOCK], value[BLOCK:], strict=True)))
