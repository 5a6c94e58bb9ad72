"""APPLICATION BLOCK and CARD BLOCK [S2.5 §6.1, §6.2, S2.7 §13.1, §13.2]."""

from cardlib.crypto.suite import MAC_SIZE
from simulator.command import SW, Command, Refused
from simulator.commands.instruction import Handler
from simulator.session import Session


def block_application(session: Session, command: Command) -> bytes:
    """APPLICATION BLOCK (应用锁定) of the current directory, for good: a MAC, by the right of LK, or of BK without one.

    Refuses with 6A86, 6700, 6982, 6A88, 6984 and 6988, in this order.
    """
    session.security.block_application(command.header, _mac(command, 0x01))
    session.rebuilt()
    return b""


def block_card(session: Session, command: Command) -> bytes:
    """CARD BLOCK (卡片锁定), for good: a MAC, by the right of BK. Refusals as for APPLICATION BLOCK."""
    session.security.block_card(command.header, _mac(command, 0x00))
    session.rebuilt()
    return b""


def leaving_blocked(select: Handler) -> Handler:
    """The handler of SELECT: works inside a blocked application; what it selects may be blocked, and current, too.

    Refuses with 9303 after selecting in or into a blocked application: it is current then, so that no later command
    meets another application's data [S2.5 §6.2].
    """

    def guarded(session: Session, command: Command) -> bytes:
        answer = select(session, command)
        refusal = session.security.refusal
        if refusal is not None:
            raise Refused(refusal)
        return answer

    return guarded


def _mac(command: Command, p2: int) -> bytes:
    if command.p1 or command.p2 != p2:
        raise Refused(SW.WRONG_P1P2)
    if len(command.data) != MAC_SIZE:
        raise Refused(SW.WRONG_LENGTH)
    return command.data
