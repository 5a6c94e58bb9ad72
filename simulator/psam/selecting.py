"""SELECT and INITIALIZE ENVIRONMENT [S2.9 §9.1, §9.3]."""

from typing import Final

from cardlib.crypto import Algorithm
from cardlib.fci import SSF33_REGION
from cardlib.psam import ALGORITHMS
from simulator.command import SW, Command, Refused
from simulator.files import MF_FID, File, Path
from simulator.psam.places import ALGORITHM_AT, environment, environments, is_environment
from simulator.psam.state import state_of
from simulator.session import Session

BY_FID, EF_BY_FID, BY_NAME = 0x00, 0x02, 0x04
_NAME_SIZES: Final = range(5, 17)


def select(session: Session, command: Command) -> bytes:
    """SELECT (选择文件): the FCI of a directory, nothing for an elementary file.

    P1 00: by FID, a directory or a file, no data for the MF; 02: a file by FID; 04: a directory by name, whole or its
    first 5…16 bytes. A FID is looked for as that of the current directory itself, of its files, of what is in it, of
    its siblings, of the MF and of the other environments. The application's name means the one in the current
    environment, whose own names are found from everywhere [S2.9 §5]. Selecting a directory, the current one too, clears
    the register and the challenge. Refuses with 6A86, 6700 and 6A82; a failure leaves all as it was.
    """
    if command.p1 not in {BY_FID, EF_BY_FID, BY_NAME} or command.p2:
        raise Refused(SW.WRONG_P1P2)
    if command.p1 == BY_NAME:
        if len(command.data) not in _NAME_SIZES:
            raise Refused(SW.WRONG_LENGTH)
        return _enter(session, _named(session, command.data))
    if len(command.data) != 2 and (command.data or command.p1 == EF_BY_FID):
        raise Refused(SW.WRONG_LENGTH)
    fid = int.from_bytes(command.data, "big") if command.data else MF_FID
    file = _file(session, fid)
    if file is not None:
        session.selection.use(file)
        return b""
    return _enter(session, _directory(session, fid) if command.p1 == BY_FID else None)


def initialise_environment(session: Session, command: Command) -> bytes:
    """INITIALIZE ENVIRONMENT (环境初始化): the first two digits of the card's city code choose the algorithm.

    The text names no effect; here, by the rule for cards that name no algorithm [S3 §10.1], 11 makes the environment of
    SSF33 current and everything else that of DES. Clears the register. Refuses with 6A86, 6700, 6A80 for what are no
    two digits, and 6985 without such an environment.
    """
    if command.p1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    if len(command.data) != 1:
        raise Refused(SW.WRONG_LENGTH)
    state_of(session).clear()
    digits = command.data.hex()
    if not digits.isdecimal():
        raise Refused(SW.WRONG_DATA)
    wanted = Algorithm.SSF33 if digits == SSF33_REGION else Algorithm.DES
    root = session.selection.root
    for path in environments(root) if root else ():
        if ALGORITHMS[path[-1].parameters[ALGORITHM_AT]] is wanted:
            session.enter(path)
            return b""
    raise Refused(SW.CONDITIONS)


def _enter(session: Session, path: Path | None) -> bytes:
    if path is None:
        raise Refused(SW.FILE_NOT_FOUND)
    return session.enter(path)


def _file(session: Session, fid: int) -> File | None:
    path = session.selection.path
    here = (*path[-1].files, *path[-1].internal) if path else ()
    return next((file for file in here if file.fid == fid != 0), None)


def _directory(session: Session, fid: int) -> Path | None:
    path, root = session.selection.path, session.selection.root
    if root is None:
        return None
    candidates = [path, *((*path, child) for child in path[-1].directories)]
    if len(path) > 1:
        candidates += [(*path[:-1], sibling) for sibling in path[-2].directories]
    candidates += environments(root)
    return next((found for found in candidates if found[-1].fid == fid), None)


def _named(session: Session, name: bytes) -> Path | None:
    root = session.selection.root
    if root is None:
        return None
    here = environment(session)
    candidates = environments(root)
    candidates += [(*here, below) for below in here[-1].directories if not is_environment(below)]
    return next((found for found in candidates if found[-1].name.startswith(name)), None)
