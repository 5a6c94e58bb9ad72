"""CREATE KEY and CHANGE KEY: keys encrypted and with a MAC under the master key [S2.9 §7.1.2, §7.1.3, §9.5, §9.6]."""

from typing import Final

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.cos.protection import loading_mac
from cardlib.crypto import Algorithm
from cardlib.crypto.suite import MAC_SIZE
from cardlib.psam import (
    ALGORITHMS,
    APPLICATION_KEYS,
    KEY_SIZES,
    LEVELS_SHIFT,
    MASTER_KEY_ID,
    MAX_LEVELS,
    TYPE_MASK,
    PsamKeyType,
)
from simulator.command import SW, Command, Refused
from simulator.credentials import Key
from simulator.files import Directory, File
from simulator.psam.places import algorithm, application_key, key_file, master_key, suite
from simulator.psam.quirks import quirks_of
from simulator.session import Session

CREATE, CHANGE = 0x00, 0x01
_LENGTHS: Final = {
    (CREATE, Algorithm.DES): frozenset({0x1C, 0x24}),
    (CHANGE, Algorithm.DES): frozenset({0x14, 0x1C}),
    (CREATE, Algorithm.SM4): frozenset({0x24}),
    (CHANGE, Algorithm.SM4): frozenset({0x24}),
}
"""Lc: wrapped records for values of 8 and 16 bytes, with their MAC [S2.9 §9.5, §9.6]."""
_CREATE_HEAD: Final = 8
_CHANGE_HEAD: Final = 3


def load_key(session: Session, command: Command) -> bytes:
    """CREATE KEY (P1 00) and CHANGE KEY (P1 01) in the key file with FID 00 ‖ P2 of the current directory.

    P2 00 with CHANGE: the directory's own keys, the master key among them, by knowing that master key alone (inference;
    the text has no way to replace them). Needs the file's KID, a challenge, and a master key that is not blocked; the
    challenge is used up. A type and id occurs once in a directory; CHANGE keeps algorithm, levels and right.

    Refuses with 6A86, 6700, 6A81 (SSF33), 6985, 6A82, 6982, 6983, 6984, 6988, 6A80, 6A88 (CHANGE) and 6A84 (CREATE).
    """
    if command.p1 not in {CREATE, CHANGE} or (command.p1, command.p2) == (CREATE, MASTER_KEY_ID):
        raise Refused(SW.WRONG_P1P2)
    if not session.selection.path or quirks_of(session).blocked:
        raise Refused(SW.CONDITIONS)
    if len(command.data) not in _LENGTHS[command.p1, suite(session).algorithm]:
        raise Refused(SW.WRONG_LENGTH)
    directory = session.directory
    owner = directory if command.p2 == MASTER_KEY_ID else key_file(directory, command.p2)
    if owner is None:
        raise Refused(SW.FILE_NOT_FOUND)
    try:
        if isinstance(owner, File) and not session.may_update(owner):
            raise Refused(SW.SECURITY_STATUS)
        record = _unwrapped(session, command)
    finally:
        session.security.drop_challenge()
    if isinstance(owner, File) and command.p1 == CREATE:
        _create(session, directory, owner, record)
    else:
        _change(session, owner, record)
    return b""


def application_key_of(session: Session, kind: int, number: int, algorithm_byte: int, key: tuple[int, Secret]) -> Key:
    """An application key as it is stored, from its levels and value; refuses with 6A80 what the record cannot be.

    The algorithm has to be that of the environment, and a purchase key needs at least one factor [S2.9 §6.2, §9.9].
    """
    levels, value = key
    if (
        kind not in APPLICATION_KEYS
        or levels > MAX_LEVELS
        or (kind == PsamKeyType.PURCHASE and not levels)
        or ALGORITHMS.get(algorithm_byte) is not algorithm(session)
        or len(value) != KEY_SIZES[algorithm_byte]
    ):
        raise Refused(SW.WRONG_DATA)
    return Key(session.dialect.key_use(kind), kind, number, 0, value, algorithm_byte, first=levels)


def check_mac(session: Session, master: Key, message: bytes, mac: bytes) -> None:
    """Check a command's MAC by a master key over the last challenge; a wrong one costs a try of it (inference).

    Refuses with 6983, 6984 and 6988. A right one costs nothing, whatever becomes of the command.
    """
    security = session.security
    if security.is_blocked(master):
        raise Refused(SW.BLOCKED)
    cipher = security.suite(master)
    challenge = security.spend_challenge(cipher.block)
    security.spend_try(master)
    if Secret(mac) != Secret(loading_mac(cipher.algorithm, master.value, challenge, message)):
        raise Refused(SW.MAC_WRONG)
    security.restore_tries(master)
    session.store.commit()


def _unwrapped(session: Session, command: Command) -> bytes:
    """The record, when MAC and form are right."""
    master = master_key(session)
    if master is None:
        raise Refused(SW.CONDITIONS)
    wrapped, mac = command.data[:-MAC_SIZE], command.data[-MAC_SIZE:]
    check_mac(session, master, command.header + wrapped, mac)
    cipher = session.security.suite(master)
    try:
        return cipher.decrypt(master.value, wrapped).reveal()
    except MalformedError:
        raise Refused(SW.MAC_WRONG) from None


def _create(session: Session, directory: Directory, file: File, record: bytes) -> None:
    usage, number, _, algorithm_byte = record[:4]
    if len(record) <= _CREATE_HEAD or record[2] or any(record[4:_CREATE_HEAD]):
        raise Refused(SW.WRONG_DATA)
    value = (usage >> LEVELS_SHIFT, Secret(record[_CREATE_HEAD:]))
    key = application_key_of(session, usage & TYPE_MASK, number, algorithm_byte, value)
    if application_key(session, directory, key.type, key.id):
        raise Refused(SW.WRONG_DATA)
    session.store.store_key(file, key)


def _change(session: Session, owner: Directory | File, record: bytes) -> None:
    if len(record) <= _CHANGE_HEAD or record[2]:
        raise Refused(SW.WRONG_DATA)
    name = (record[0] & TYPE_MASK, record[1])
    key = next((key for key in session.store.keys(owner) if (key.type, key.id) == name), None)
    if key is None:
        raise Refused(SW.KEY_NOT_FOUND)
    value = Secret(record[_CHANGE_HEAD:])
    if len(value) != len(key.value):
        raise Refused(SW.WRONG_DATA)
    session.store.write_value(owner, key, value)
