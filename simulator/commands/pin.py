"""VERIFY [S2.5 §6.14]."""

from apdu.secret import Secret
from simulator.command import SW, Command, Refused
from simulator.session import Session


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
    if not 2 <= len(command.data) <= 8:
        raise Refused(SW.WRONG_LENGTH)
    session.security.verify(Secret(command.data))
    return b""
