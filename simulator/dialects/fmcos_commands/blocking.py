"""APPLICATION BLOCK and UNBLOCK, CARD BLOCK of the manual's world, and what is left of a locked application."""

from cardlib.cos.levels import FmKey
from cardlib.crypto.suite import MAC_SIZE
from simulator.command import SW, Command, Refused
from simulator.commands import INSTRUCTIONS
from simulator.dialects.fmcos_commands.locking import Lock, is_locked, lock_of, set_lock
from simulator.dialects.fmcos_commands.protection import check_mac, find
from simulator.session import Session


def block_application(session: Session, command: Command) -> bytes:
    """84 1E (应用锁定): P2 00 for a time, 01 for good; a MAC under key 36.

    Refuses with 6A86, 6987, 6A82, 6A88, 6983, 6984, 6988, and 9303 for the third wrong MAC in a row, which locks too.
    """
    if command.p1 or command.p2 not in {0x00, 0x01}:
        raise Refused(SW.WRONG_P1P2)
    _check(session, command, locks=True)
    set_lock(session, Lock.PERMANENT if command.p2 else Lock.TEMPORARY)
    return b""


def unblock_application(session: Session, command: Command) -> bytes:
    """84 18 (应用解锁): a MAC under key 36. Refuses as block, and with 9303 where the lock is for good."""
    if command.p1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    if lock_of(session, session.directory) is Lock.PERMANENT:
        raise Refused(SW.APPLICATION_BLOCKED)
    _check(session, command, locks=True)
    set_lock(session, Lock.OPEN)
    return b""


def block_card(session: Session, command: Command) -> bytes:
    """84 16 (卡片锁定): a MAC under key 36 of the current directory. Refusals as for block."""
    if command.p1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    _check(session, command, locks=False)
    session.store.block_card()
    return b""


def select(session: Session, command: Command) -> bytes:
    """00 A4 as in the standard; a locked application is current then, and answers 6A81."""
    answer = INSTRUCTIONS[b"\x00\xa4"].handler(session, command)
    if is_locked(session):
        raise Refused(SW.FUNCTION_UNSUPPORTED)
    return answer


def unsupported(session: Session, command: Command) -> bytes:  # noqa: ARG001
    """What a locked application, and a chip without an MF, has for an answer: 6A81."""
    raise Refused(SW.FUNCTION_UNSUPPORTED)


def _check(session: Session, command: Command, *, locks: bool) -> None:
    if len(command.data) != MAC_SIZE:
        raise Refused(SW.MAC_MISSING)
    check_mac(session, find(session, FmKey.MAINTENANCE), command.header, command.data, locks=locks)
