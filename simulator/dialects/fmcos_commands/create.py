"""CREATE FILE and ERASE DF (建立文件, 擦除目录文件)."""

from typing import Final

from apdu.secret import Secret
from cardlib.cos import levels
from cardlib.cos.levels import FmFile
from cardlib.cos.plan import BANK_MF_NAME
from cardlib.crypto import Algorithm
from simulator.command import SW, Command, Refused
from simulator.credentials import SLOT
from simulator.dialects.fmcos_commands.state import (
    ALGORITHM,
    CREATE_RIGHT,
    ERASE_RIGHT,
    LOCK_LEVEL,
    SSSE_NAME,
    World,
    entries,
    is_free,
    powered,
    require,
    world,
)
from simulator.files import MAX_SFI, MF_FID, Kind
from simulator.memory.layout import MAX_RECORDS
from simulator.memory.system import LifeCycle
from simulator.session import Session

HEADER: Final = 11
"""Bytes that every directory and file takes besides its contents."""
SMALLEST_KEY: Final = 10
"""Bytes of the smallest record of a key file: a PIN of 2 bytes and 8 more."""
WALLET: Final = 22
ACCOUNT: Final = 40
"""Of the medical account in memory: the amounts, and as much again for the last proof."""

_TRANSPORT_CODE: Final = 8
_MF_SIZE: Final = 5 + _TRANSPORT_CODE
_DF_SIZE: Final = 8
_EF_SIZE: Final = 7
_MAX_LEVELS: Final = 3
_MAX_RECORD: Final = 248
_WALLET_SPACE: Final = {World.MANUAL: 0x0208, World.SSSE: 0x0210, World.BELOW: 0x0210}
_KINDS: Final = {
    FmFile.TRANSPARENT: Kind.TRANSPARENT,
    FmFile.FIXED: Kind.FIXED,
    FmFile.VARIABLE: Kind.LINEAR,
    FmFile.CYCLIC: Kind.CYCLIC,
    FmFile.WALLET: Kind.AMOUNTS,
    FmFile.KEYS: Kind.KEYS,
}
_ALGORITHMS: Final = frozenset({levels.FM_DES, Algorithm.DES.value, Algorithm.SM4.value})
_UPDATES: Final = levels.FM_MAC_UPDATES | levels.FM_ENCRYPTED_UPDATES
_PLAIN_ONLY: Final = frozenset({FmFile.WALLET, FmFile.KEYS})


def create_file(session: Session, command: Command) -> bytes:
    """80 E0: P1 P2 the FID, data the descriptor. Nothing that is created is selected, but the MF.

    Refuses with 6700, 6982 no right to create here, 6A80, 6A84 no space, 6A86 there is one already.
    """
    fid, data = command.p1 << 8 | command.p2, command.data
    if not data:
        raise Refused(SW.WRONG_LENGTH)
    if fid == MF_FID:
        _create_mf(session, data)
    else:
        directory = session.directory
        if not is_free(session):
            require(session, directory.parameters[CREATE_RIGHT])
        if fid in {found.fid for found in entries(directory)}:
            raise Refused(SW.WRONG_P1P2)
        (_create_directory if data[0] == FmFile.DIRECTORY else _create_file)(session, fid, data)
    session.rebuilt()
    return b""


def erase(session: Session, command: Command) -> bytes:
    """80 0E 00 00: everything in the current directory; it is free then, until it is left. Refuses with 6982."""
    if command.p1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    if command.data:
        raise Refused(SW.WRONG_LENGTH)
    directory = session.directory
    require(session, directory.parameters[ERASE_RIGHT])
    for entry in entries(directory):
        session.store.delete(entry)
    session.security.revoke_verified(directory)
    powered(session).free = directory.at
    session.rebuilt()
    return b""


def _create_mf(session: Session, data: bytes) -> None:
    """38, space, right to create, right to erase, …, transport code.

    A wrong transport code is counted and answered 63Cx; when no try is left, the chip is dead: 6983 (both inference).
    """
    if session.store.root is not None:
        raise Refused(SW.WRONG_P1P2)
    if len(data) < _MF_SIZE:
        raise Refused(SW.WRONG_LENGTH)
    if data[0] != FmFile.DIRECTORY:
        raise Refused(SW.WRONG_DATA)
    area = session.store.system
    left = area.transport_tries
    if not left:
        raise Refused(SW.BLOCKED)
    session.store.set_transport_tries(left - 1)
    session.store.commit()
    if Secret(data[-_TRANSPORT_CODE:]) != Secret(area.transport_key.reveal()[:_TRANSPORT_CODE]):
        raise Refused(SW.TRIES_LEFT | left - 1)
    session.store.set_transport_tries(area.transport_tries_most)
    session.store.commit()  # the code was right, whatever becomes of the MF
    parameters = data[: _MF_SIZE - _TRANSPORT_CODE].ljust(_DF_SIZE, b"\xff") + bytes((World.MANUAL,))
    space = _space(data, BANK_MF_NAME)
    at = session.store.create(None, Kind.DIRECTORY, MF_FID, parameters=parameters, name=BANK_MF_NAME, space=space)
    session.store.set_life_cycle(LifeCycle.BUILDING)
    powered(session).free = at


def _create_directory(session: Session, fid: int, data: bytes) -> None:
    """38, space, right to create, right to erase, SFI of the FCI's file, FF FF, and the name: none, or 5…16 bytes.

    The last FF is in the SSSE's the place of its algorithm.
    """
    path, name = session.selection.path, data[_DF_SIZE:]
    if len(data) < _DF_SIZE or len(name) not in {0, *range(5, 17)}:
        raise Refused(SW.WRONG_LENGTH)
    if len(path) >= _MAX_LEVELS:
        raise Refused(SW.WRONG_DATA)
    if name and name in {found[-1].name for found in path[0].walk()}:
        raise Refused(SW.WRONG_P1P2)
    if world(path[-1]) is World.MANUAL:
        of = World.SSSE if name == SSSE_NAME and len(path) == 1 else World.MANUAL
    else:
        of = World.BELOW
    if of is World.SSSE and data[ALGORITHM] not in _ALGORITHMS:
        raise Refused(SW.WRONG_DATA)
    session.store.create(
        path[-1],
        Kind.DIRECTORY,
        fid,
        parameters=data[:_DF_SIZE] + bytes((of,)),
        name=name,
        lock_level=LOCK_LEVEL if of is World.SSSE else 0,
        space=_space(data, name),
    )


def _space(data: bytes, name: bytes) -> int:
    """Bytes for what is in a directory: its space less header and name."""
    space = int.from_bytes(data[1:3], "big") - HEADER - len(name)
    if space < 0:
        raise Refused(SW.FILE_FULL)
    return space


def _create_file(session: Session, fid: int, data: bytes) -> None:
    """Type, space, right to read, right to write, FF, keys of secure messaging; space of records: count ‖ length."""
    directory = session.directory
    of = world(directory)
    if len(data) != _EF_SIZE:
        raise Refused(SW.WRONG_LENGTH)
    updates, type_byte = data[0] & _UPDATES, data[0] & ~_UPDATES
    kind = _KINDS.get(FmFile(type_byte)) if type_byte in list(FmFile) else None
    if kind is None or (updates and type_byte in _PLAIN_ONLY):
        raise Refused(SW.WRONG_DATA)
    # The standard's commands know a MAC and no encryption.
    if of is not World.MANUAL and updates & levels.FM_ENCRYPTED_UPDATES:
        raise Refused(SW.WRONG_DATA)
    sfi = _sfi(fid, of)
    if directory.internal_file(Kind.KEYS) is not None and kind is Kind.KEYS:
        raise Refused(SW.WRONG_P1P2)
    if kind is Kind.KEYS and entries(directory):
        raise Refused(SW.WRONG_DATA)
    size, count = _extent(kind, data, of)
    session.store.create(directory, kind, fid, sfi=sfi, size=size, count=count, parameters=data + bytes((0, of)))


def _sfi(fid: int, of: World) -> int:
    """The short identifier that a FID has of itself: 0001…001E, in the SSC layer EF01…EF1E."""
    prefix = 0x00 if of is World.MANUAL else 0xEF
    return fid & 0xFF if fid >> 8 == prefix and fid & 0xFF <= MAX_SFI else 0


def _extent(kind: Kind, data: bytes, of: World) -> tuple[int, int]:
    """Size and count, as :class:`simulator.files.File` has them; refuses with 6A80 what is out of bounds."""
    space = int.from_bytes(data[1:3], "big")
    match kind:
        case Kind.FIXED | Kind.CYCLIC:
            count, size = data[1], data[2]
            if not 2 <= count <= MAX_RECORDS or not 1 <= size <= _MAX_RECORD:
                raise Refused(SW.WRONG_DATA)
            return size, count
        case Kind.AMOUNTS:
            if space != _WALLET_SPACE[of]:
                raise Refused(SW.WRONG_DATA)
            return (WALLET, 0) if of is World.MANUAL else (ACCOUNT, 0)
        case Kind.KEYS:
            if space < SMALLEST_KEY:
                raise Refused(SW.WRONG_DATA)
            return SLOT, space // SMALLEST_KEY
        case _:
            if not space:
                raise Refused(SW.WRONG_DATA)
            return space, 0
