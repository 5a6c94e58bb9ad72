"""Datang T514: a chip's operating system as a public SSC building tool drives it (大唐 T514).

Published are the commands and their layouts; what they leave open is inference, kept in :mod:`cardlib.cos.levels` or
marked here. Building goes on in a directory until it is ended (80 E0 02); until then its files' rights do not bind who
has authenticated with its master key, and after that no command changes the structure or a key any more.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apdu.secret import Secret
from apdu.tlv import encode
from cardlib.cos import levels
from cardlib.cos.levels import T514Directory, T514File, T514Internal, T514Key
from cardlib.crypto import TRIPLE_DES
from cardlib.fci import DF_NAME, FCI_TEMPLATE
from simulator.access import ALWAYS, FORBIDDEN, NEVER, Both, Condition, Either, FileRights, Own, Parents, Protection
from simulator.command import SW, Command, Refused
from simulator.commands import INSTRUCTIONS, Instruction
from simulator.commands.authentication import external_authenticate
from simulator.commands.bank import get_processing_options, is_bank_application
from simulator.commands.binary import BY_SFI
from simulator.commands.records import BY_NUMBER
from simulator.commands.update import update_binary
from simulator.credentials import SLOT, Key, KeyUse, is_packed_pin
from simulator.dialect import Dialect
from simulator.dialects.keyloading import loaded_key
from simulator.files import MAX_SFI, MF_FID, Directory, Kind, Path
from simulator.memory.layout import HEADER, MAX_RECORDS
from simulator.memory.store import Store
from simulator.memory.system import LifeCycle
from simulator.session import Session

AMOUNTS_SIZE: Final = 20
ACCOUNT_SIZE: Final = 40
"""Of the amount file in memory: the amounts, and as much again for the last proof."""

_DESCRIPTOR: Final = 16
_SERIAL: Final = 6
_HEAD: Final = 11
_MAX_LEVELS: Final = 3
_FCI_RECORD: Final = 0x70
_FCI_HEAD: Final = 5
_KINDS: Final[Mapping[int, Kind]] = {
    T514File.TRANSPARENT: Kind.TRANSPARENT,
    T514File.FIXED: Kind.FIXED,
    T514File.VARIABLE: Kind.LINEAR,
    T514File.DIR: Kind.LINEAR,
    T514File.CYCLIC: Kind.CYCLIC,
}
_INTERNAL: Final[Mapping[int, Kind]] = {
    T514Internal.AMOUNTS: Kind.AMOUNTS,
    T514Internal.KEYS: Kind.KEYS,
    T514Internal.FCI: Kind.CONTROL,
}
_USES: Final[Mapping[int, KeyUse]] = {
    T514Key.MASTER: KeyUse.MASTER,
    T514Key.PIN: KeyUse.PIN,
    T514Key.MAINTENANCE: KeyUse.MAINTENANCE,
    T514Key.LOAD: KeyUse.LOAD,
    T514Key.PURCHASE: KeyUse.PURCHASE,
    T514Key.TAC: KeyUse.TAC,
    T514Key.EXTERNAL: KeyUse.EXTERNAL,
    T514Key.INTERNAL: KeyUse.INTERNAL,
}


class _T514(Dialect):
    code = 1
    name = "t514"

    def instructions(self, session: Session) -> Mapping[bytes, Instruction]:
        path = session.selection.path
        return _IN_A_BANK if path and is_bank_application(path[-1]) else _INSTRUCTIONS

    def begin(self, session: Session) -> None:
        session.extension = False  # whether the transport key was shown

    def rights(self, kind: Kind, parameters: bytes) -> FileRights:
        if kind in {Kind.KEYS, Kind.CONTROL}:
            return FORBIDDEN
        scw = parameters[10]
        return FileRights(
            _condition(scw >> 4, parameters[12:14]),
            _condition(scw & 0x0F, parameters[14:16]),
            Protection.MAC if parameters[8] == levels.T514_MAC_UPDATES else Protection.PLAIN,
        )

    def key_use(self, type_byte: int) -> KeyUse:
        return _USES.get(type_byte, KeyUse.OTHER)

    def unblocking_level(self, pin: Key) -> int:
        return pin.algorithm

    def unrestricted(self, session: Session) -> bool:
        return not session.directory.ended and _may_build(session)

    def fci(self, store: Store, path: Path) -> bytes:
        """From the FCI file of the directory, or of the one above: record 70{FID, length, FCI}."""
        directory = path[-1]
        fid = directory.fid.to_bytes(2, "big")
        for level in reversed(path[-2:]):
            file = level.internal_file(Kind.CONTROL)
            for record in store.records(file) if file else ():
                if len(record) > _FCI_HEAD and record[0] == _FCI_RECORD and record[2:4] == fid:
                    return record[_FCI_HEAD : _FCI_HEAD + record[4]]
        return encode(FCI_TEMPLATE, encode(DF_NAME, directory.name)) if directory.name else b""


T514: Final[Dialect] = _T514()


def _condition(nibble: int, right: bytes) -> Condition:
    """A right: level in the parent ‖ level in the own directory, joined as the SCW's nibble says."""
    parents, own = _side(right[0], Parents), _side(right[1], Own)
    return Both(parents, own) if nibble == levels.T514_AND else Either(parents, own)


def _side(level: int, side: type[Parents] | type[Own]) -> Condition:
    if level == levels.T514_FREE:
        return ALWAYS
    return NEVER if level == levels.T514_FORBIDDEN else side(frozenset({level}))


def _may_build(session: Session) -> bool:
    """Whether who talks to the card may create and load in the current directory, as far as it is not ended.

    With the directory's master key; before it has one, with that of the directory above; in the MF, and where there is
    none, with the transport key [S2.4 §5.2, S2.7 §7.2].
    """
    path, security = session.selection.path, session.security
    if path and security.find(path[-1], KeyUse.MASTER):
        return security.own(levels.T514_MASTER)
    return security.parents(levels.T514_MASTER) if len(path) > 1 else session.extension is True


def _require_building(session: Session) -> None:
    """Refuse with 6985 where the structure is final, and with 6982 who may not build."""
    path = session.selection.path
    if path and path[-1].ended:
        raise Refused(SW.CONDITIONS)
    if not _may_build(session):
        raise Refused(SW.SECURITY_STATUS)


def _create_or_control(session: Session, command: Command) -> bytes:
    """80 E0: P1 01 create, 02 end of pre-issue, 03 transport key, 05 serial number."""
    action = _ACTIONS.get(command.p1)
    if action is None or command.p2:
        raise Refused(SW.WRONG_P1P2)
    action(session, command.data)
    return b""


def _show_transport_key(session: Session, data: bytes) -> None:
    """The serial number under the transport key, which the master key of the MF hides [S2.10 §5.1.1]."""
    area = session.store.system
    root = session.store.root
    if len(data) != 8:
        raise Refused(SW.WRONG_LENGTH)
    if root is not None and session.security.find(root, KeyUse.MASTER):
        raise Refused(SW.CONDITIONS)
    left = area.transport_tries
    if not left:
        raise Refused(SW.BLOCKED)
    session.extension = False
    session.store.set_transport_tries(left - 1)
    session.store.commit()
    block = levels.T514_TRANSPORT_PREFIX + area.historical_bytes[-_SERIAL:]
    if Secret(data) != Secret(TRIPLE_DES.encrypt_blocks(area.transport_key, block)):
        raise Refused(SW.TRIES_LEFT | left - 1)
    session.store.set_transport_tries(area.transport_tries_most)
    session.extension = True


def _set_serial(session: Session, data: bytes) -> None:
    """T8…TD of the historical bytes: 0000 ‖ 6 bytes; only while nothing is built on them."""
    if len(data) != 2 + _SERIAL:
        raise Refused(SW.WRONG_LENGTH)
    if data[:2] != levels.T514_TRANSPORT_PREFIX:
        raise Refused(SW.WRONG_DATA)
    _require_building(session)
    historical = session.store.system.historical_bytes
    session.store.set_historical_bytes(historical[:-_SERIAL] + data[2:])


def _set_head(session: Session, command: Command) -> bytes:
    """00 14: TS T0 TB1 TC1 of the answer to reset, which cannot be others, ‖ historical bytes T1…T7."""
    if command.p1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    if len(command.data) != _HEAD:
        raise Refused(SW.WRONG_LENGTH)
    _require_building(session)
    area = session.store.system
    if command.data[:4] != area.atr[:4]:
        raise Refused(SW.WRONG_DATA)
    session.store.set_historical_bytes(command.data[4:] + area.historical_bytes[-_SERIAL:])
    return b""


def _create(session: Session, data: bytes) -> None:
    """A directory (descriptor ‖ DF name of 5…16 bytes, the MF's may be empty), or a file (descriptor alone)."""
    if len(data) < _DESCRIPTOR:
        raise Refused(SW.WRONG_LENGTH)
    _require_building(session)
    is_directory = len(data) > _DESCRIPTOR or (data[5:7] == MF_FID.to_bytes(2, "big") and data[4] == 1)
    (_create_directory if is_directory else _create_file)(session, data)
    session.rebuilt()


def _create_directory(session: Session, data: bytes) -> None:
    descriptor, name = data[:_DESCRIPTOR], data[_DESCRIPTOR:]
    path = session.selection.path
    fid, kind = int.from_bytes(descriptor[5:7], "big"), descriptor[7]
    if name and not 5 <= len(name) <= 16:
        raise Refused(SW.WRONG_LENGTH)
    if kind not in list(T514Directory) or len(path) >= _MAX_LEVELS or (fid == MF_FID) != (not path):
        raise Refused(SW.WRONG_DATA)
    root = session.store.root
    names = {directory[-1].name for directory in root.walk()} if root else set()
    if (name and name in names) or (path and fid in {found.fid for found in path[-1].directories}):
        raise Refused(SW.WRONG_P1P2)
    session.store.create(
        path[-1] if path else None, Kind.DIRECTORY, fid, parameters=descriptor, name=name, lock_level=descriptor[1]
    )
    if not path:
        session.store.set_life_cycle(LifeCycle.BUILDING)


def _create_file(session: Session, data: bytes) -> None:
    directory = session.directory
    space, fid, kind = int.from_bytes(data[3:5], "big"), int.from_bytes(data[5:7], "big"), data[7]
    sfi, record = data[9], data[11]
    found = _INTERNAL.get(record) if kind == T514File.INTERNAL else _KINDS.get(kind)
    if found is None or not 0 < sfi <= MAX_SFI:
        raise Refused(SW.WRONG_DATA)
    held = (*directory.files, *directory.internal)
    if any(fid == file.fid or sfi == file.sfi for file in held) or directory.internal_file(found):
        raise Refused(SW.WRONG_P1P2)
    size, count = space, 0
    match found:
        case Kind.FIXED | Kind.CYCLIC | Kind.KEYS:
            if not record or not 0 < (count := space // record) <= MAX_RECORDS:
                raise Refused(SW.WRONG_DATA)
            size = SLOT if found is Kind.KEYS else record
        case Kind.AMOUNTS:
            if space < AMOUNTS_SIZE:
                raise Refused(SW.WRONG_DATA)
            size = ACCOUNT_SIZE
        case _ if not space:
            raise Refused(SW.WRONG_DATA)
    session.store.create(directory, found, fid, sfi=sfi, size=size, count=count, parameters=data)


def _end(session: Session, data: bytes) -> None:
    """End of pre-issue (预发卡结束) of the current directory; that of the MF ends the building of the chip."""
    if data:
        raise Refused(SW.WRONG_LENGTH)
    _require_building(session)
    directory = session.directory
    if not session.security.find(directory, KeyUse.MASTER):
        raise Refused(SW.CONDITIONS)
    session.store.end(directory)
    if directory.fid == MF_FID:
        session.store.set_life_cycle(LifeCycle.ISSUED)
    session.rebuilt()


def _delete(session: Session, command: Command) -> bytes:
    """80 E1 00: P2 01 the MF with everything, 02 a directory, 03 a file of the current one, by FID (inference).

    Until the MF is ended, all of it can be deleted and begun again, with what is ended in it [S2.10 §5.2.6].
    """
    if command.p1 or command.p2 not in {1, 2, 3}:
        raise Refused(SW.WRONG_P1P2)
    if len(command.data) != 2:
        raise Refused(SW.WRONG_LENGTH)
    _require_building(session)
    fid = int.from_bytes(command.data, "big")
    here = session.directory
    if command.p2 == 1:
        if len(session.selection.path) != 1 or fid != MF_FID:
            raise Refused(SW.FILE_NOT_FOUND)
        session.store.delete(here)
        session.store.set_life_cycle(LifeCycle.BLANK)
    else:
        among = here.directories if command.p2 == 2 else (*here.files, *here.internal)
        entry = next((entry for entry in among if entry.fid == fid), None)
        if entry is None:
            raise Refused(SW.FILE_NOT_FOUND)
        if isinstance(entry, Directory) and any(path[-1].ended for path in entry.walk()):
            raise Refused(SW.CONDITIONS)
        session.store.delete(entry)
    session.rebuilt()
    return b""


def _write_key(session: Session, command: Command) -> bytes:
    """80 or 84 D4: P1 01 the master key, 00 any other; 8 bytes header, 16 bytes value filled with FF.

    Plain, or encrypted under the directory's master key; class 84 adds a MAC by it over the last challenge. A key with
    the same type, id and version is replaced. Header: type, id, version, EF, tries, algorithm, level, length.
    """
    if command.p1 > 1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    _require_building(session)
    directory = session.directory
    master = session.security.find(directory, KeyUse.MASTER)
    record = loaded_key(session, command, master, _DESCRIPTOR + 8)
    kind, number, version, _, tries, algorithm, level, length = record[:8]
    if kind not in _USES or (kind == T514Key.MASTER) != (command.p1 == 1) or length > _DESCRIPTOR:
        raise Refused(SW.WRONG_DATA)
    if tries != levels.T514_NEVER_BLOCKS and not 1 <= tries <= 15:
        raise Refused(SW.WRONG_DATA)
    value = record[8 : 8 + length]
    if kind == T514Key.PIN:
        right = not value or is_packed_pin(value)
    else:
        right = any(found == algorithm and size == length for (_, size), found in levels.KEY_ALGORITHMS.items())
    if not right:
        raise Refused(SW.WRONG_DATA)
    name = (kind, number, version)
    held = next((key for key in session.store.keys(directory) if (key.type, key.id, key.version) == name), None)
    key = Key(
        T514.key_use(kind),
        kind,
        number,
        version,
        Secret(value),
        algorithm=algorithm,
        level=levels.T514_MASTER if kind == T514Key.MASTER else level,
        tries=None if tries == levels.T514_NEVER_BLOCKS else tries,
        at=held.at if held else -1,
    )
    session.store.store_key(directory, key)
    return b""


def _write_fci(session: Session, command: Command) -> bytes:
    """00 D2: a record of an FCI file, P1 its number, P2 SFI and mode 4."""
    if command.p2 & 7 != BY_NUMBER or not 0 < command.p1 <= MAX_RECORDS:
        raise Refused(SW.WRONG_P1P2)
    _require_building(session)
    file = session.directory.internal_file(Kind.CONTROL)
    if file is None or file.sfi != command.p2 >> 3:
        raise Refused(SW.FILE_NOT_FOUND)
    if not command.data:
        raise Refused(SW.WRONG_LENGTH)
    if command.p1 > len(session.store.records(file)) + 1:
        raise Refused(SW.RECORD_NOT_FOUND)
    session.store.write_record(file, command.p1 - 1, command.data)
    return b""


def _external_authenticate(session: Session, command: Command) -> bytes:
    """As in the standard; P2 00 is the master key of the current directory, until that is ended."""
    path = session.selection.path
    if (command.p1, command.p2) != (0, 0) or not path or path[-1].ended:
        return external_authenticate(session, command)
    if len(command.data) != 16:
        raise Refused(SW.WRONG_LENGTH)
    master = session.security.find(path[-1], KeyUse.MASTER)
    session.security.authenticate(path[-1], master, command.data[:8], command.data[8:])
    return b""


def _update_binary(session: Session, command: Command) -> bytes:
    """As in the standard; by SFI, before the end of pre-issue, also the amount file, whole."""
    amounts = session.directory.internal_file(Kind.AMOUNTS)
    if amounts is None or command.p1 != BY_SFI | amounts.sfi:
        return update_binary(session, command)
    if command.p2 or command.secure:
        raise Refused(SW.WRONG_P1P2)
    _require_building(session)
    if len(command.data) != AMOUNTS_SIZE:
        raise Refused(SW.WRONG_LENGTH)
    session.store.write(amounts.at + HEADER, command.data, guarded=True)
    return b""


_ACTIONS: Final = {0x01: _create, 0x02: _end, 0x03: _show_transport_key, 0x05: _set_serial}
_INSTRUCTIONS: Final[Mapping[bytes, Instruction]] = MappingProxyType(
    {
        **INSTRUCTIONS,
        b"\x80\xe0": Instruction(_create_or_control),
        b"\x80\xe1": Instruction(_delete),
        b"\x80\xd4": Instruction(_write_key),
        b"\x84\xd4": Instruction(_write_key),
        b"\x00\xd2": Instruction(_write_fci),
        b"\x00\x14": Instruction(_set_head),
        b"\x00\x82": Instruction(_external_authenticate),
        b"\x00\xd6": Instruction(_update_binary),
    }
)
_IN_A_BANK: Final = MappingProxyType({**_INSTRUCTIONS, b"\x80\xa8": Instruction(get_processing_options)})
