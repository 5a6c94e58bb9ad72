"""VERIFY, CHANGE PIN, PIN CHANGE/UNBLOCK [S2.5 §6.3, §6.7, §6.14]."""

from typing import Final

from apdu.secret import Secret
from cardlib.crypto.suite import MAC_SIZE
from simulator.command import SW, Command, Refused
from simulator.credentials import MAX_PIN, is_packed_pin
from simulator.session import Session

MIN_PIN: Final = 2
UNBLOCK, REPLACE = 0x00, 0x01
"""P2 of PIN CHANGE/UNBLOCK: the PIN stays, or is replaced too."""

_SEPARATOR: Final = b"\xff"
_ENCRYPTED_SIZES: Final = frozenset({0, 8, 16})
"""Of a new PIN with its length byte, padded to whole blocks; 0: no PIN."""


def verify(session: Session, command: Command) -> bytes:
    """VERIFY (校验个人密码): the packed PIN, 2…8 bytes; without data, a question for its state.

    The question is answered 9000 where no PIN is set, else by the tries left, and changes nothing. Refuses with 6A86,
    6700, 6A88 (no PIN belongs to where the card stands), 6983 and 63Cx, in this order.
    """
    if command.p1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    if not command.data:
        status = session.security.pin_status()
        if status != SW.OK:
            raise Refused(status)
        return b""
    if not MIN_PIN <= len(command.data) <= MAX_PIN:
        raise Refused(SW.WRONG_LENGTH)
    session.security.verify(Secret(command.data))
    return b""


def change_pin(session: Session, command: Command) -> bytes:
    """CHANGE PIN (更改个人密码): old PIN ‖ FF ‖ new PIN, in clear, packed; either may be empty: none is set, remove it.

    Refuses with 6A86, 6700 (not 3…17 bytes), 6A80 (not two PINs, or both empty: costs no try), 6A81 (no PIN belongs to
    where the card stands), 6983 and 63Cx, in this order.
    """
    if (command.p1, command.p2) != (1, 0):
        raise Refused(SW.WRONG_P1P2)
    if not MIN_PIN + len(_SEPARATOR) <= len(command.data) <= 2 * MAX_PIN + len(_SEPARATOR):
        raise Refused(SW.WRONG_LENGTH)
    # A filler nibble never makes a whole FF, so the first one separates.
    old, separator, new = command.data.partition(_SEPARATOR)
    if not separator or not all(is_packed_pin(pin) or not pin for pin in (old, new)):
        raise Refused(SW.WRONG_DATA)
    session.security.change_pin(Secret(old), Secret(new))
    return b""


def unblock_pin(session: Session, command: Command) -> bytes:
    """PIN CHANGE/UNBLOCK (个人密码修改/解锁): [new PIN, encrypted] ‖ MAC, under the session key of STK.

    P2 00: the PIN gets its tries back; 01: and is replaced, or removed when there is nothing before the MAC. Takes the
    right of PUK. Refuses with 6A86, 6700, 6982, 6A88, 6984, 6988 and 6A80 (what was encrypted is no PIN), in this
    order; the verified state stays as it was.
    """
    if command.p1 or command.p2 not in {UNBLOCK, REPLACE}:
        raise Refused(SW.WRONG_P1P2)
    size = len(command.data) - MAC_SIZE
    if size not in (_ENCRYPTED_SIZES if command.p2 == REPLACE else {0}):
        raise Refused(SW.WRONG_LENGTH)
    encrypted, mac = command.data[:size], command.data[size:]
    session.security.unblock_pin(command.header + encrypted, encrypted if command.p2 == REPLACE else None, mac)
    return b""
