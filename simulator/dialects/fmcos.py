"""FMCOS 2.0: a chip's operating system after its published manual (复旦微电子), with a layer for social security cards.

The MF and what lies below it are as the manual says: rights are ranges of security states, commands the manual's. In
the DDF with the name of the SSSE and below it the standard's commands hold, rights are masks, and keys have versions;
that layer is known from an SSC building tool only, and what it leaves open is inference, kept in
:mod:`cardlib.cos.levels`.

No command ends the building of a card: a directory that is empty as it is selected is free until it is left, and then
its rights hold. The chip counts as issued with the first selection of a directory after a reset that found a key file
in the MF; that changes nothing for commands. The factory's commands are gone on every chip.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apdu.secret import Secret
from apdu.tlv import encode
from cardlib.cos import levels
from cardlib.fci import ALGORITHM_ID, DF_NAME, FCI_TEMPLATE, ISSUER_DISCRETIONARY, PROPRIETARY
from simulator.access import FORBIDDEN, FileRights
from simulator.command import SW, Command, Refused
from simulator.commands import INSTRUCTIONS, Instruction
from simulator.commands.bank import get_processing_options
from simulator.commands.instruction import Handler, table
from simulator.credentials import Key, KeyUse
from simulator.dialect import Dialect
from simulator.dialects.fmcos_commands import authentication, blocking, files, pin, ssc
from simulator.dialects.fmcos_commands.create import HEADER, SMALLEST_KEY, WALLET, create_file, erase
from simulator.dialects.fmcos_commands.keys import USES, write_key
from simulator.dialects.fmcos_commands.locking import is_locked
from simulator.dialects.fmcos_commands.protection import protection_of
from simulator.dialects.fmcos_commands.state import (
    ALGORITHM,
    APPLICATION_FILE,
    JOINT,
    KEY_TYPE,
    KEYS_SFI,
    MAX_BODY,
    READ_RIGHT,
    UNBLOCK_LEVEL,
    UPDATE_RIGHT,
    WORLD,
    Powered,
    World,
    condition,
    entries,
    is_free,
    powered,
    world,
)
from simulator.files import Kind, Path
from simulator.memory.image import CardImage
from simulator.memory.store import Store
from simulator.memory.system import TRANSPORT_KEY_SIZE, LifeCycle
from simulator.session import Session

TRANSPORT_CODE_SIZE: Final = 8

_DIR_SFI: Final = 0x88
_SFI: Final = 0x1F
_KIND_OF_SFI: Final = 0xE0
_IN_DDF, _IN_ADF = 0x00, 0x80


class _Fmcos(Dialect):
    code = 2
    name = "fmcos"

    def instructions(self, session: Session) -> Mapping[bytes, Instruction]:
        path = session.selection.path
        if not path:
            return _WITHOUT_MF
        if world(path[-1]) is not World.MANUAL:
            return _SSC
        return _LOCKED if is_locked(session) else _MANUAL

    def begin(self, session: Session) -> None:
        root = session.store.root
        keyed = root is not None and root.internal_file(Kind.KEYS) is not None
        session.extension = Powered(root.at if root and not entries(root) else None, keyed)

    def entered(self, session: Session) -> None:
        state, directory = powered(session), session.directory
        state.free = directory.at if not entries(directory) or state.free == directory.at else None
        if state.keyed and session.store.system.life_cycle is LifeCycle.BUILDING:
            session.store.set_life_cycle(LifeCycle.ISSUED)

    def rights(self, kind: Kind, parameters: bytes) -> FileRights:
        if kind is Kind.KEYS:
            return FORBIDDEN
        of = World(parameters[WORLD])
        return FileRights(
            condition(parameters[READ_RIGHT], of, joint=parameters[JOINT], reading=True),
            condition(parameters[UPDATE_RIGHT], of),
            protection_of(parameters[0]),
        )

    def key_use(self, type_byte: int) -> KeyUse:
        return next((use for kind, use in USES.items() if kind == type_byte & KEY_TYPE), KeyUse.OTHER)

    def unrestricted(self, session: Session) -> bool:
        return is_free(session)

    def charge(self, kind: Kind, size: int, count: int, name: bytes) -> int:
        """11 bytes, and the name of a directory, n × (length + 1) of records, 22 of a wallet, what else was asked for.

        Of a key file whole smallest records count.
        """
        match kind:
            case Kind.DIRECTORY:
                return HEADER + len(name)
            case Kind.FIXED | Kind.CYCLIC:
                return HEADER + count * (size + 1)
            case Kind.AMOUNTS:
                return HEADER + WALLET
            case Kind.KEYS:
                return HEADER + count * SMALLEST_KEY
            case _:
                return HEADER + size

    def unblocking_level(self, pin: Key) -> int:  # noqa: ARG002
        return UNBLOCK_LEVEL

    def fci(self, store: Store, path: Path) -> bytes:
        """6F{84 name, A5{88 SFI of the DIR file, 9F0C content of the file that the directory's descriptor names}}.

        The first is in the key file's descriptor, as 000xxxxx for a DDF; the second as 100xxxxx. What the descriptor of
        the SSSE says of its algorithm stands in 9F0C as 86 01 xx.
        """
        directory = path[-1]
        keys = directory.internal_file(Kind.KEYS)
        inner = b""
        sfi = keys.parameters[KEYS_SFI] if keys else 0
        if sfi & _KIND_OF_SFI == _IN_DDF and sfi:
            inner += encode(_DIR_SFI, bytes((sfi,)))
        named = directory.parameters[APPLICATION_FILE]
        file = directory.by_sfi.get(named & _SFI) if named & _KIND_OF_SFI == _IN_ADF else None
        issuers = b""
        if world(directory) is World.SSSE and directory.parameters[ALGORITHM] != levels.FM_DES:
            issuers = encode(ALGORITHM_ID, directory.parameters[ALGORITHM : ALGORITHM + 1])
        if file is not None and file.kind is Kind.TRANSPARENT:
            issuers += store.content(file)
        inner += encode(ISSUER_DISCRETIONARY, issuers) if issuers else b""
        outer = encode(DF_NAME, directory.name) if directory.name else b""
        outer += encode(PROPRIETARY, inner) if inner else b""
        return encode(FCI_TEMPLATE, outer) if outer else b""

    def blank(
        self,
        *,
        historical_bytes: bytes,
        serial: bytes,
        transport_key: Secret,
        transport_tries: int = 3,
    ) -> CardImage:
        """A chip as the factory delivers it; ``transport_key`` is the transport code (传输代码), 8 bytes.

        Of 16 bytes the first 8 count. Raises ValueError.
        """
        if len(transport_key) == TRANSPORT_CODE_SIZE:
            transport_key = Secret(transport_key.reveal().ljust(TRANSPORT_KEY_SIZE, b"\xff"))
        return super().blank(
            historical_bytes=historical_bytes,
            serial=serial,
            transport_key=transport_key,
            transport_tries=transport_tries,
        )


def _limited(handler: Handler) -> Handler:
    """The handler for commands of at most 239 bytes; refuses with 6700 longer ones, and those that ask for more."""

    def limited(session: Session, command: Command) -> bytes:
        if len(command.data) > MAX_BODY or (command.le or 0) > MAX_BODY:
            raise Refused(SW.WRONG_LENGTH)
        return handler(session, command)

    return limited


def _unknown(session: Session, command: Command) -> bytes:  # noqa: ARG001
    raise Refused(SW.INS_UNSUPPORTED)


_CREATING: Final = (
    (0x80, 0xE0, create_file, False),
    (0x80, 0x0E, erase, False),
    (0x80, 0xD4, write_key, False),
    (0x84, 0xD4, write_key, False),
)
_HANDLERS: Final = (
    *_CREATING,
    (0x00, 0xA4, blocking.select, False),
    (0x00, 0x20, pin.verify, False),
    (0x00, 0x82, authentication.external_authenticate, False),
    (0x00, 0x84, authentication.get_challenge, True),
    (0x00, 0x88, authentication.internal_authenticate, False),
    (0x00, 0xB0, files.read_binary, True),
    (0x04, 0xB0, files.read_binary, False),
    (0x00, 0xB2, files.read_record, True),
    (0x04, 0xB2, files.read_record, False),
    *((cla, ins, files.update_binary, False) for cla in (0x00, 0x04) for ins in (0xD6, 0xD0)),
    *((cla, ins, files.update_record, False) for cla in (0x00, 0x04) for ins in (0xDC, 0xD2)),
    *((cla, 0xE2, files.append_record, False) for cla in (0x00, 0x04)),
    (0x80, 0x5E, pin.change, False),
    (0x80, 0xA8, get_processing_options, False),
    (0x84, 0x24, pin.unblock, False),
    (0x84, 0x16, blocking.block_card, False),
    (0x84, 0x18, blocking.unblock_application, False),
    (0x84, 0x1E, blocking.block_application, False),
    # The transactions of a PBOC wallet, whose files can be created, are not to be had here.
    *((0x80, ins, _unknown, False) for ins in (0x50, 0x52, 0x54, 0x58, 0x5A)),
    (0x80, 0x5C, _unknown, True),
)
"""CLA, INS, handler, and whether it is outgoing."""

_MANUAL: Final[Mapping[bytes, Instruction]] = MappingProxyType(
    table((cla, ins, _limited(handler), outgoing) for cla, ins, handler, outgoing in _HANDLERS)
)


def _only(*known: bytes) -> Mapping[bytes, Instruction]:
    """The manual's commands, of which only these do anything; others are answered 6A81."""
    return MappingProxyType(
        {
            name: instruction if name in known else Instruction(blocking.unsupported, instruction.outgoing)
            for name, instruction in _MANUAL.items()
        }
    )


_WITHOUT_MF: Final = _only(b"\x80\xe0")
_LOCKED: Final = _only(b"\x00\xa4", b"\x00\x84", b"\x84\x18")
_SSC: Final[Mapping[bytes, Instruction]] = MappingProxyType(
    {
        **INSTRUCTIONS,
        **table(_CREATING),
        b"\x00\xa4": Instruction(blocking.select),
        b"\x00\x82": Instruction(ssc.external_authenticate),
        b"\x00\xd6": Instruction(ssc.update_binary),
        b"\x84\x1e": Instruction(ssc.block_application),
    }
)

FMCOS: Final[Dialect] = _Fmcos()
"""The one there is."""
