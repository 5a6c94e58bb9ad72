"""SELECT [S2.5 §6.11]."""

from simulator.command import SW, Command, Refused
from simulator.files import MF_FID, Path
from simulator.session import Session

BY_FID, EF_BY_FID, BY_NAME = 0x00, 0x02, 0x04
FIRST, NEXT = 0x00, 0x02


def select(session: Session, command: Command) -> bytes:
    """SELECT (选择文件): the FCI of a directory, nothing for an elementary file.

    P1 00: MF, DF or EF by FID, empty data or 3F00 for the MF; 02: the same by FID, as cards in the field take it for
    DFs too [S5, S6]; 04: directory by DF name, whole or its first 5…16 bytes. P2 00: first or only; 02: next of that
    name. A failure leaves the selection as it was. Refuses with 6A86, 6700 and 6A82.
    """
    if command.p1 not in {BY_FID, EF_BY_FID, BY_NAME} or command.p2 not in {FIRST, NEXT}:
        raise Refused(SW.WRONG_P1P2)
    if command.p1 == BY_NAME:
        return _enter(session, _named(session, command))
    if len(command.data) != 2 and not (command.p1 == BY_FID and command.data == b""):
        raise Refused(SW.WRONG_LENGTH)
    if command.p2 == NEXT:  # a FID occurs once
        raise Refused(SW.FILE_NOT_FOUND)
    fid = int.from_bytes(command.data, "big") if command.data else MF_FID
    file = session.selection.file_by_fid(fid)
    if file is not None and command.p1 in session.quirks.ef_p1:
        session.selection.use(file)
        return b""
    return _enter(session, session.selection.path_by_fid(fid))


def _named(session: Session, command: Command) -> Path | None:
    if not 5 <= len(command.data) <= 16:
        raise Refused(SW.WRONG_LENGTH)
    if session.quirks.select_mf_first and not session.selection.mf_was_selected:
        return None
    return session.selection.path_by_name(command.data, following=command.p2 == NEXT)


def _enter(session: Session, path: Path | None) -> bytes:
    if path is None:
        raise Refused(SW.FILE_NOT_FOUND)
    return session.enter(path)
