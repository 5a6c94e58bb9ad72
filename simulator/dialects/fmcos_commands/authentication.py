"""GET CHALLENGE, EXTERNAL and INTERNAL AUTHENTICATE of the manual's world."""

from typing import Final

from apdu.secret import Secret
from cardlib.cos.levels import FmKey
from cardlib.cos.protection import plain_authentication
from cardlib.crypto import TRIPLE_DES
from simulator.command import SW, Command, Refused
from simulator.dialects.fmcos_commands.protection import BLOCK, find, mac_of, require_use
from simulator.dialects.fmcos_commands.state import MAX_BODY, STATE
from simulator.session import Session

CHALLENGE_SIZES: Final = frozenset({4, 8})
_COMPUTATIONS: Final = (FmKey.ENCRYPT, FmKey.DECRYPT, FmKey.MAC)
"""By P1 of INTERNAL AUTHENTICATE."""


def get_challenge(session: Session, command: Command) -> bytes:
    """00 84 (取随机数): 4 or 8 random bytes."""
    if command.p1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    if command.le not in CHALLENGE_SIZES:
        raise Refused(SW.WRONG_LENGTH)
    return session.security.new_challenge(command.le)


def external_authenticate(session: Session, command: Command) -> bytes:
    """00 82 (外部认证): the last challenge, filled with 00, under key 39-P2; success sets the security state.

    Refuses with 6A86, 6700, 6A82 no key file, 6A88, 6982, 6983, 6984 and 63Cx, in this order.
    """
    if command.p1:
        raise Refused(SW.WRONG_P1P2)
    if len(command.data) != BLOCK:
        raise Refused(SW.WRONG_LENGTH)
    key = find(session, FmKey.EXTERNAL, command.p2)
    require_use(session, key)
    security = session.security
    expected = plain_authentication(key.value, security.spend_challenge(BLOCK))
    security.spend_try(key)
    if Secret(command.data) != Secret(expected):
        raise Refused(security.status(key))
    security.restore_tries(key)
    security.set_register(key.level & STATE, mf=False)
    return b""


def internal_authenticate(session: Session, command: Command) -> bytes:
    """00 88 (内部认证): P1 00 encrypts under key 30-P2, 01 decrypts under 31-P2, 02 makes a MAC of 4 bytes with 32-P2.

    What is encrypted gets 80 00… where it is no whole number of blocks; the MAC begins with zero. Refuses with 6A86,
    6700, 6A82, 6A88 and 6982, in this order.
    """
    if command.p1 >= len(_COMPUTATIONS):
        raise Refused(SW.WRONG_P1P2)
    data, kind = command.data, _COMPUTATIONS[command.p1]
    if not data or (kind is FmKey.DECRYPT and len(data) % BLOCK):
        raise Refused(SW.WRONG_LENGTH)
    key = find(session, kind, command.p2)
    require_use(session, key)
    if kind is FmKey.MAC:
        return mac_of(key.value, bytes(BLOCK), data)
    if kind is FmKey.DECRYPT:
        return TRIPLE_DES.decrypt_blocks(key.value, data)
    if len(data) % BLOCK:
        data += b"\x80" + bytes(-(len(data) + 1) % BLOCK)
    if len(data) > MAX_BODY:
        raise Refused(SW.WRONG_LENGTH)
    return TRIPLE_DES.encrypt_blocks(key.value, data)
