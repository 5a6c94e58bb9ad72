"""The layer for social security cards: what the standard's commands leave to the operating system."""

from typing import Final

from apdu.secret import Secret
from cardlib.cos.levels import FmKey
from cardlib.crypto.suite import MAC_SIZE
from simulator.command import SW, Command, Refused
from simulator.commands.binary import BY_SFI
from simulator.commands.update import update_binary as standard_update_binary
from simulator.credentials import Key, KeyUse
from simulator.dialects.fmcos_commands.state import LOCK_LEVEL, condition, is_free, key_type, world
from simulator.files import Directory, Kind
from simulator.memory.layout import HEADER
from simulator.security import DEFAULT_KEY_VERSION, SPECIFIC_KEY
from simulator.session import Session

AMOUNTS_SIZE: Final = 20
MASTER: Final = 0x00
_NUMBER: Final = 0x0F
_AUTHENTICATING: Final = frozenset({FmKey.EXTERNAL, FmKey.LOCK, FmKey.UNBLOCK})


def external_authenticate(session: Session, command: Command) -> bytes:
    """00 82 (外部认证) in two steps: cryptogram(8) ‖ original(8) [‖ key version]; P2 00: MK of the current directory.

    LK, BK and PUK win here what their types say, other keys the level of their record. Refuses as the standard's
    command, and with 6982 where the right to use the key was not won.
    """
    if command.p1 or command.p2 & ~(SPECIFIC_KEY | _NUMBER) or command.p2 == SPECIFIC_KEY:
        raise Refused(SW.WRONG_P1P2)
    data, master = command.data, command.p2 == MASTER
    if len(data) != 17 and (len(data) != 16 or (session.quirks.key_version_required and not master)):
        raise Refused(SW.WRONG_LENGTH)
    version = data[16] if len(data) == 17 else None if master else DEFAULT_KEY_VERSION
    path = session.selection.path
    place = path if master or command.p2 & SPECIFIC_KEY else path[:2]
    directory = place[-1]
    key = _find(session, directory, command.p2, version)
    if key is not None and not condition(key.first, world(directory)).allows(session.security.seen_from(place)):
        raise Refused(SW.SECURITY_STATUS)
    session.security.authenticate(directory, key, data[:8], data[8:16])
    return b""


def block_application(session: Session, command: Command) -> bytes:
    """84 1E 00 01 (应用锁定) of the current directory, for good: by the right of its LK, or of BK where it has none.

    Refuses with 6A86, 6700, 6982, 6A88, 6984 and 6988, in this order [S2.7 §13.2].
    """
    if (command.p1, command.p2) != (0, 1):
        raise Refused(SW.WRONG_P1P2)
    if len(command.data) != MAC_SIZE:
        raise Refused(SW.WRONG_LENGTH)
    security, here = session.security, session.directory
    has_lock = any(key_type(key) == FmKey.LOCK for key in session.store.keys(here))
    if not security.holds(here if has_lock else session.selection.path[1], LOCK_LEVEL):
        raise Refused(SW.SECURITY_STATUS)
    maintenance = security.find(here, KeyUse.MAINTENANCE)
    if maintenance is None:
        raise Refused(SW.KEY_NOT_FOUND)
    suite = security.suite(maintenance)
    session_key = suite.session_key(maintenance.value, security.spend_challenge(suite.block))
    if Secret(command.data) != Secret(suite.mac(session_key, command.header)):
        raise Refused(SW.MAC_WRONG)
    session.store.block(here)
    session.rebuilt()
    return b""


def update_binary(session: Session, command: Command) -> bytes:
    """As in the standard; by SFI, while the directory is free, also the amounts, whole."""
    amounts = session.directory.internal_file(Kind.AMOUNTS)
    if amounts is None or not amounts.sfi or command.p1 != BY_SFI | amounts.sfi:
        return standard_update_binary(session, command)
    if command.p2 or command.secure:
        raise Refused(SW.WRONG_P1P2)
    if not is_free(session):
        raise Refused(SW.SECURITY_STATUS)
    if len(command.data) != AMOUNTS_SIZE:
        raise Refused(SW.WRONG_LENGTH)
    session.store.write(amounts.at + HEADER, command.data, guarded=True)
    return b""


def _find(session: Session, directory: Directory, number: int, version: int | None) -> Key | None:
    keys = (key for key in session.store.keys(directory) if key_type(key) in _AUTHENTICATING and key.id == number)
    return next((key for key in keys if version in {None, key.version}), None)
