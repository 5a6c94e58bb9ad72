"""GET CHALLENGE, INTERNAL AUTHENTICATE, EXTERNAL AUTHENTICATE [S2.5 §6.4, §6.5, §6.8]."""

from simulator.command import SW, Command, Refused
from simulator.security import DEFAULT_KEY_VERSION, SPECIFIC_KEY
from simulator.session import Session

CHALLENGE_SIZES = frozenset({4, 8, 16})
KEY_NUMBER = 0x0F


def get_challenge(session: Session, command: Command) -> bytes:
    """GET CHALLENGE (取随机数): 4, 8 or 16 random bytes, good for one use under the current directory.

    Refuses with 6A86 and 6700.
    """
    if command.p1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    if command.le not in CHALLENGE_SIZES:
        raise Refused(SW.WRONG_LENGTH)
    return session.security.new_challenge(command.le)


def internal_authenticate(session: Session, command: Command) -> bytes:
    """INTERNAL AUTHENTICATE (内部认证): data session factor(8) ‖ original(8) [‖ IRK version]; answers 8 bytes.

    Refuses with 6A86, 6700 and 6A88.
    """
    if command.p1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    factor, original, version = _split(session, command)
    return session.security.authenticate_internally(version, factor, original)


def external_authenticate(session: Session, command: Command) -> bytes:
    """EXTERNAL AUTHENTICATE (外部认证): data cryptogram(8) ‖ original(8) [‖ key version], the key's card id in P2.

    P2 bit 8 tells a key of the current directory from one of its DDF, the low four bits are its number, 1…15 [S2.5
    T14]. Refuses with 6A86, 6700, 6A88, 6983, 6984 and 63Cx, in this order.
    """
    if command.p1 or command.p2 & ~(SPECIFIC_KEY | KEY_NUMBER) or not command.p2 & KEY_NUMBER:
        raise Refused(SW.WRONG_P1P2)
    cryptogram, original, version = _split(session, command)
    session.security.authenticate_externally(command.p2, version, cryptogram, original)
    return b""


def _split(session: Session, command: Command) -> tuple[bytes, bytes, int]:
    """Two blocks of 8 bytes and the key version."""
    if len(command.data) != 17 and (len(command.data) != 16 or session.quirks.key_version_required):
        raise Refused(SW.WRONG_LENGTH)
    version = command.data[16] if len(command.data) == 17 else DEFAULT_KEY_VERSION
    return command.data[:8], command.data[8:16], version
