"""GET CHALLENGE and EXTERNAL AUTHENTICATION, by which the PSAM lets keys and files be written [S2.9 §9.2, §9.4]."""

from typing import Final

from cardlib.crypto import Algorithm
from cardlib.psam import MASTER_KEY_ID
from simulator.command import SW, Command, Refused
from simulator.credentials import KeyUse
from simulator.psam.places import algorithm
from simulator.session import Session

_DES_CHALLENGES: Final = frozenset({4, 8})
_CHALLENGES: Final = frozenset({4, 8, 16})
_CRYPTOGRAM: Final = 8


def get_challenge(session: Session, command: Command) -> bytes:
    """GET CHALLENGE (取随机数): 4 or 8 random bytes, with a 16-byte cipher also 16; good for one use.

    Refuses with 6A86 and 6700.
    """
    if command.p1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    is_des = not session.selection.path or algorithm(session) is Algorithm.DES
    if command.le not in (_DES_CHALLENGES if is_des else _CHALLENGES):
        raise Refused(SW.WRONG_LENGTH)
    return session.security.new_challenge(command.le)


def external_authenticate(session: Session, command: Command) -> bytes:
    """EXTERNAL AUTHENTICATION (外部认证): data cryptogram(8) ‖ original(8) [‖ version], P2 the key's id.

    P2 00 means the current directory's master key, else it is one of the PSAM's own keys there: KID-01…KID-03 in the
    application (inference). No own key has versions: that byte is ignored. Success wins the key's state until another
    directory is selected; the challenge is used up by whatever comes of it. A wrong cryptogram costs one of three tries
    (inference; the text has 6983, so somebody counts).

    Refuses with 6A86, 6700, 6985 (nothing is built), 6A88, 6983, 6984, 63Cx, and 6A81 in an environment of SSF33.
    """
    if command.p1:
        raise Refused(SW.WRONG_P1P2)
    if len(command.data) not in {2 * _CRYPTOGRAM, 2 * _CRYPTOGRAM + 1}:
        raise Refused(SW.WRONG_LENGTH)
    if not session.selection.path:
        raise Refused(SW.CONDITIONS)
    directory = session.directory
    use = KeyUse.MASTER if command.p2 == MASTER_KEY_ID else KeyUse.EXTERNAL
    cryptogram, original = command.data[:_CRYPTOGRAM], command.data[_CRYPTOGRAM : 2 * _CRYPTOGRAM]
    try:
        key = session.security.find(directory, use, command.p2)
        session.security.authenticate(directory, key, cryptogram, original)
    finally:
        session.security.drop_challenge()
    return b""
