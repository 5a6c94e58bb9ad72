"""Commands that build a PSAM on a blank chip, as one public vendor dialect has them (建卡).

Published are commands and layouts; what they do in detail is inference. Building goes on in a directory until its end
of issue; until then its files' rights do not bind, and the answer afterwards is 6985.
"""

from dataclasses import replace
from typing import Final

from apdu.secret import Secret
from cardlib.crypto.suite import MAC_SIZE
from cardlib.psam import (
    ALGORITHMS,
    APPLICATION_KEYS,
    DF_TYPE,
    DIRECTORY_HEAD,
    DIRECTORY_NAME,
    KEY_HEADER,
    KEY_SIZES,
    KEYS_TYPE,
    LEVELS_SHIFT,
    MF_TYPE,
    NEVER,
    RECORDS_TYPE,
    TRANSPARENT_TYPE,
    TYPE_MASK,
    PsamKeyType,
)
from simulator.command import SW, Command, Refused
from simulator.credentials import SLOT, Key, KeyUse
from simulator.files import MAX_SFI, MF_FID, Directory, File, Kind
from simulator.memory.layout import MAX_RECORDS
from simulator.memory.system import LifeCycle
from simulator.psam.keys import application_key_of, check_mac
from simulator.psam.places import ALGORITHM_AT, algorithm, key_file, master_key
from simulator.psam.state import state_of
from simulator.session import Session

_DIRECTORY: Final = DIRECTORY_HEAD + DIRECTORY_NAME + KEY_HEADER
_FILE: Final = 8
_KINDS: Final = {TRANSPARENT_TYPE: Kind.TRANSPARENT, RECORDS_TYPE: Kind.LINEAR, KEYS_TYPE: Kind.KEYS}
_OWN_KEY: Final = 26
"""Bytes of the key file size that one own key takes: header and value."""
_KEY_RECORD: Final = 24
"""The same for a key of the application: record of CREATE KEY with 16 bytes of value."""
_MAX_TRIES: Final = 0x0F
_NAME_SIZES: Final = frozenset({0, *range(5, DIRECTORY_NAME + 1)})


def create_mf(session: Session, command: Command) -> bytes:
    """80 8A: the MF, and so the environment of its master key's algorithm, on a blank chip; it is current then.

    Data, 42 bytes: FID ‖ type ‖ create right ‖ FFFF ‖ SFI of DIR ‖ 00 ‖ size of the place for own keys(2) ‖ block
    condition ‖ 81 ‖ FFFFFF ‖ length of the name ‖ name, FF to 16 ‖ header of the master key(10). Refuses with 6A86,
    6700, 6985 (not blank), 6A80.
    """
    _require(command, _DIRECTORY)
    if session.selection.path:
        raise Refused(SW.CONDITIONS)
    if command.data[:3] != MF_FID.to_bytes(2, "big") + bytes((MF_TYPE,)):
        raise Refused(SW.WRONG_DATA)
    _create_directory(session, None, command.data)
    session.store.set_life_cycle(LifeCycle.BUILDING)
    return b""


def create(session: Session, command: Command) -> bytes:
    """80 80: in the current directory a directory, data as for the MF, or a file.

    A file, 8 bytes: FID ‖ type ‖ right ‖ size(2) ‖ read right ‖ write right; the low five bits of the FID are its SFI.
    Refuses with 6A86, 6700, 6985, 6A80 (also for a FID or name that is there already) and 6A84.
    """
    _require(command, _DIRECTORY, _FILE)
    parent = _building(session)
    fid, kind = int.from_bytes(command.data[:2], "big"), command.data[2]
    taken = {file.fid for file in (*parent.files, *parent.internal)} | {below.fid for below in parent.directories}
    if fid in taken | {0, MF_FID, 0xFFFF}:
        raise Refused(SW.WRONG_DATA)
    if len(command.data) == _FILE:
        _create_file(session, parent, fid, command.data)
    elif kind == DF_TYPE:
        _create_directory(session, parent, command.data)
    else:
        raise Refused(SW.WRONG_DATA)
    return b""


def load_plain_key(session: Session, command: Command) -> bytes:
    """80 D0: a key in clear, before the end of issue. P2 00: one of the directory's own; else of the file 00 ‖ P2.

    Data: usage ‖ 8 + length ‖ id ‖ algorithm ‖ 01 ‖ 00 ‖ state ‖ most tries ‖ tries left ‖ 00 ‖ value. A key that has
    this type and id already is replaced. Refuses with 6A86, 6700, 6985, 6A82, 6A80 and 6A84.
    """
    if command.p1:
        raise Refused(SW.WRONG_P1P2)
    data = command.data
    if len(data) not in {KEY_HEADER + size for size in KEY_SIZES.values()}:
        raise Refused(SW.WRONG_LENGTH)
    directory = _building(session)
    owner: Directory | File | None = key_file(directory, command.p2) if command.p2 else directory
    if owner is None:
        raise Refused(SW.FILE_NOT_FOUND)
    value = Secret(data[KEY_HEADER:])
    usage, length, number, algorithm_byte, _, _, state, most, left, _ = data[:KEY_HEADER]
    kind = usage & TYPE_MASK
    if length != 8 + len(value):
        raise Refused(SW.WRONG_DATA)
    if command.p2:
        key = application_key_of(session, kind, number, algorithm_byte, (usage >> LEVELS_SHIFT, value))
    else:
        if (
            kind in APPLICATION_KEYS
            or ALGORITHMS.get(algorithm_byte) is not algorithm(session)
            or len(value) != KEY_SIZES[algorithm_byte]
            or left > most
        ):
            raise Refused(SW.WRONG_DATA)
        tries = most if 0 < most <= _MAX_TRIES else None
        key = Key(session.dialect.key_use(kind), kind, number, 0, value, algorithm_byte, state, tries=tries)
    _store(session, owner, key, left if key.tries else None)
    return b""


def end_of_issue(session: Session, command: Command) -> bytes:
    """80 1C, or 84 1C with a MAC: the current directory is final, its rights take force; the MF comes last.

    Refuses with 6A86, 6700, 6985 (already done, no master key, or something below is not final), 6984 and 6988.
    """
    secure = command.header[0] == _SECURE
    _require(command, MAC_SIZE if secure else 0)
    directory = _building(session)
    if master_key(session) is None or not all(below.ended for below in directory.directories):
        raise Refused(SW.CONDITIONS)
    if secure:
        _check_mac(session, directory, command)
    session.store.end(directory)
    if len(session.selection.path) == 1:
        session.store.set_life_cycle(LifeCycle.ISSUED)
    session.rebuilt()
    return b""


def erase(session: Session, command: Command) -> bytes:
    """84 8A: everything is deleted, with a MAC under the MF's master key; the chip is blank again.

    Refuses with 6A86, 6700, 6985 (blank, or no such key), 6984 and 6988.
    """
    if command.p1 != 1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    if len(command.data) != MAC_SIZE:
        raise Refused(SW.WRONG_LENGTH)
    root = session.selection.root
    if root is None or session.security.find(root, KeyUse.MASTER) is None:
        raise Refused(SW.CONDITIONS)
    _check_mac(session, root, command)
    session.store.delete(root)
    session.store.set_life_cycle(LifeCycle.BLANK)
    session.rebuilt()
    session.security.revoke_elsewhere(())
    state_of(session).clear()
    return b""


_SECURE: Final = 0x84


def _require(command: Command, *sizes: int) -> None:
    if command.p1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    if len(command.data) not in sizes:
        raise Refused(SW.WRONG_LENGTH)


def _building(session: Session) -> Directory:
    """The current directory, which is not final yet; else refuses with 6985."""
    path = session.selection.path
    if not path or path[-1].ended:
        raise Refused(SW.CONDITIONS)
    return path[-1]


def _create_directory(session: Session, parent: Directory | None, data: bytes) -> None:
    head, named, key = data[:DIRECTORY_HEAD], data[DIRECTORY_HEAD:-KEY_HEADER], data[-KEY_HEADER:]
    name = named[: head[-1]]
    siblings = parent.directories if parent else ()
    if (
        head[-1] not in _NAME_SIZES
        or (name and name in {parent.name if parent else b"", *(below.name for below in siblings)})
        or key[0] & TYPE_MASK != PsamKeyType.MASTER
        or key[1] != 8 + KEY_SIZES.get(key[3], 0)
    ):
        raise Refused(SW.WRONG_DATA)
    stored = head[:ALGORITHM_AT] + key[3:4] + head[ALGORITHM_AT + 1 :]
    fid = int.from_bytes(head[:2], "big")
    at = session.store.create(parent, Kind.DIRECTORY, fid, parameters=stored, name=name)
    session.rebuilt()
    root = session.store.root
    directory = next(path[-1] for path in (root.walk() if root else ()) if path[-1].at == at)
    count = min(max(1, int.from_bytes(head[8:10], "big") // _OWN_KEY), MAX_RECORDS)
    # Rights of nobody: own keys are reached by what is made for them only.
    session.store.create(directory, Kind.KEYS, 0, size=SLOT, count=count, parameters=bytes((NEVER,)) * _FILE)
    session.rebuilt()


def _create_file(session: Session, parent: Directory, fid: int, data: bytes) -> None:
    kind = _KINDS.get(data[2])
    size, count, sfi = int.from_bytes(data[4:6], "big"), 0, fid & 0x1F
    if kind is None or not size:
        raise Refused(SW.WRONG_DATA)
    if kind is Kind.KEYS:
        size, count = SLOT, min(size // _KEY_RECORD, MAX_RECORDS)
        if not count:
            raise Refused(SW.WRONG_DATA)
    sfi = sfi if sfi <= MAX_SFI else 0
    session.store.create(parent, kind, fid, sfi=sfi, size=size, count=count, parameters=data)
    session.rebuilt()


def _store(session: Session, owner: Directory | File, key: Key, left: int | None) -> None:
    held = session.store.keys(owner)
    at = next((found.at for found in held if (found.type, found.id) == (key.type, key.id)), -1)
    session.store.store_key(owner, replace(key, at=at), left=left)


def _check_mac(session: Session, directory: Directory, command: Command) -> None:
    master = session.security.find(directory, KeyUse.MASTER)
    assert master is not None
    check_mac(session, master, command.header, command.data)
