"""Secure messaging of the manual (线路保护): a MAC under the key itself, with the last challenge, and ECB.

Wrong MACs cost tries of the key that they were made with, as far as it has any. Three in a row at the commands that
lock and unlock an application, or at its files 0015 and 0016, lock it for good.
"""

from typing import Final

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.cos import levels
from cardlib.cos.levels import FmKey
from cardlib.cos.protection import loading_mac
from cardlib.crypto import TRIPLE_DES, CipherSuite
from cardlib.crypto.suite import MAC_SIZE
from simulator.access import Protection
from simulator.command import SW, Command, Refused
from simulator.credentials import Key
from simulator.dialects.fmcos_commands import locking
from simulator.dialects.fmcos_commands.state import LAST, condition, is_free, key_file, key_type, world
from simulator.files import File
from simulator.session import Session

MASTER_ID: Final = 0x00
BLOCK: Final = 8
GUARDED_SFIS: Final = frozenset({0x15, 0x16})
"""Files that wrong MACs lock the application for (公共应用基本数据文件, 持卡人基本数据文件)."""
CLA_MISMATCH: Final = 0x6900
"""CLA 与线路保护要求不匹配."""


def find(session: Session, kind: FmKey, number: int | None = None, *, missing: int = SW.KEY_NOT_FOUND) -> Key:
    """The current directory's key of this type and id, None: the first; refuses with 6A82 and ``missing``."""
    key_file(session)
    for key in session.store.keys(session.directory):
        if key_type(key) == kind and number in {None, key.id}:
            return key
    raise Refused(missing)


def require_use(session: Session, key: Key) -> None:
    """Refuse with 6982 unless the right to use a key was won, and with 6983 when it has no try left."""
    if not condition(key.first, world(session.directory)).allows(session.security):
        raise Refused(SW.SECURITY_STATUS)
    if session.security.is_blocked(key):
        raise Refused(SW.BLOCKED)


def mac_of(key: Secret, challenge: bytes, message: bytes, suite: CipherSuite = TRIPLE_DES) -> bytes:
    """4 bytes: CBC from the challenge filled with 00; with DES finished with 3DES under a key of 16 bytes."""
    return loading_mac(suite.algorithm, key, challenge, message)


def check_mac(session: Session, key: Key, message: bytes, mac: bytes, *, locks: bool = False) -> bytes:
    """Check a command's MAC; returns the challenge that it began with, which is spent.

    ``locks``: the third wrong one in a row locks the application. Refuses with 6982, 6983, 6984, 6988 and 9303.
    """
    require_use(session, key)
    challenge = session.security.spend_challenge(BLOCK)
    session.security.spend_try(key)
    if locks:
        locking.count_failure(session)
    if Secret(mac) != Secret(mac_of(key.value, challenge, message)):
        if locks and locking.exhausted(session):
            raise Refused(SW.APPLICATION_BLOCKED)
        raise Refused(SW.MAC_WRONG)
    session.security.restore_tries(key)
    if locks:
        locking.forget_failures(session)
    session.store.commit()  # a right MAC costs nothing, whatever becomes of the command
    return challenge


def opened(key: Secret, cipher: bytes, suite: CipherSuite = TRIPLE_DES) -> bytes:
    """What LD ‖ data was encrypted; refuses with 6988 what does not come out in that form."""
    try:
        return suite.decrypt(key, cipher).reveal()
    except MalformedError:
        raise Refused(SW.MAC_WRONG) from None


def written(session: Session, command: Command, file: File) -> bytes:
    """The data that an update brings to a file, without MAC and decrypted, when the file's rules are satisfied.

    Refuses with 6982, 6900 (class 04 where the file asks for no MAC), 6987, 6A88 and what :func:`check_mac` does.
    """
    if not session.may_update(file):
        raise Refused(SW.SECURITY_STATUS)
    protection = file.rights.protection
    if not command.secure:
        if protection is not Protection.PLAIN and not is_free(session):
            raise Refused(SW.MAC_MISSING)
        data = command.data
    else:
        data = _unwrapped(session, command, file)
    if not data:
        raise Refused(SW.WRONG_LENGTH)
    return data


def _unwrapped(session: Session, command: Command, file: File) -> bytes:
    protection = file.rights.protection
    if protection is Protection.PLAIN:
        raise Refused(CLA_MISMATCH)
    if len(command.data) < MAC_SIZE:
        raise Refused(SW.MAC_MISSING)
    data, mac = command.data[:-MAC_SIZE], command.data[-MAC_SIZE:]
    key = find(session, FmKey.MAINTENANCE, _inverted(file.parameters[LAST]))
    check_mac(session, key, command.header + data, mac, locks=file.sfi in GUARDED_SFIS)
    return opened(key.value, data) if protection is Protection.ENCRYPTED else data


def must_be_protected(file: File) -> bool:
    """Whether only class 04 reads this file (必须使用带线路保护读)."""
    return not file.parameters[LAST] & 0x80


def read_challenge(session: Session, command: Command, file: File) -> tuple[Key, bytes] | None:
    """The key and challenge for the answer of a protected reading, when its MAC is right; None for a plain one.

    Refuses with 6900 where class and file do not agree, 6987, 6A88 and what :func:`check_mac` does.
    """
    if command.secure != must_be_protected(file):
        raise Refused(CLA_MISMATCH)
    if not command.secure:
        return None
    if len(command.data) != MAC_SIZE:
        raise Refused(SW.MAC_MISSING)
    key = find(session, FmKey.MAINTENANCE, _inverted(file.parameters[LAST] >> 2))
    return key, check_mac(session, key, command.header, command.data)


def sealed(data: bytes, file: File, protected: tuple[Key, bytes] | None) -> bytes:
    """An answer, encrypted if the file's updates are, with a MAC over it from the same challenge (inference)."""
    if protected is None:
        return data
    key, challenge = protected
    if file.rights.protection is Protection.ENCRYPTED:
        data = TRIPLE_DES.encrypt(key.value, Secret(data))
    return data + mac_of(key.value, challenge, data)


def _inverted(bits: int) -> int:
    """A key's id from two bits: 11 is 00, 10 is 01, 01 is 02, 00 is 03."""
    return ~bits & 0x03


def protection_of(type_byte: int) -> Protection:
    """How updates come, from a file's type."""
    if type_byte & levels.FM_ENCRYPTED_UPDATES:
        return Protection.ENCRYPTED
    return Protection.MAC if type_byte & levels.FM_MAC_UPDATES else Protection.PLAIN
