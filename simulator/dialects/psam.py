"""The operating system of a PSAM (服务网点终端安全存取模块) [S2.9]: commands of its own on the shared kernel.

An environment of SSF33 (sx2) can be built, read and written. Its cipher is unpublished, so that every command that
would compute with it answers 6A81, as a chip without that cipher does.
"""

from collections.abc import Mapping
from typing import Final

from apdu.tlv import encode
from cardlib.fci import DF_NAME, FCI_TEMPLATE, ISSUER_DISCRETIONARY, PROPRIETARY
from cardlib.psam import CARD_INFORMATION, FREE, NEVER, PsamKeyType
from simulator import access
from simulator.access import Condition, FileRights, Own
from simulator.command import SW, Refused
from simulator.commands.instruction import Instruction
from simulator.credentials import KeyUse
from simulator.dialect import Dialect
from simulator.files import Kind, Path
from simulator.memory.store import Store
from simulator.psam.places import DIR_SFI_AT, is_environment
from simulator.psam.quirks import quirks_of
from simulator.psam.state import PsamState, state_of
from simulator.psam.table import INSTRUCTIONS
from simulator.session import Session

_READ_AT, _WRITE_AT = 6, 7
_SFI_OF_DIR: Final = 0x88
_FCI_DATA: Final = slice(13, 15)
_CARD_INFORMATION_SIZE: Final = 15
_USES: Final = {
    PsamKeyType.MASTER: KeyUse.MASTER,
    PsamKeyType.PURCHASE: KeyUse.PURCHASE,
    PsamKeyType.MAINTENANCE: KeyUse.MAINTENANCE,
    PsamKeyType.MAC: KeyUse.CIPHER,
    PsamKeyType.ENCRYPT: KeyUse.CIPHER,
    PsamKeyType.ENCRYPT_AND_MAC: KeyUse.CIPHER,
    PsamKeyType.LOAD: KeyUse.LOAD,
    PsamKeyType.TAC: KeyUse.TAC,
    PsamKeyType.EXTERNAL: KeyUse.EXTERNAL,
    PsamKeyType.INTERNAL: KeyUse.INTERNAL,
}


class _Psam(Dialect):
    code = 16
    name = "psam"

    def instructions(self, session: Session) -> Mapping[bytes, Instruction]:
        if quirks_of(session).blocked == "card":
            raise Refused(SW.FUNCTION_UNSUPPORTED)
        return INSTRUCTIONS

    def rights(self, kind: Kind, parameters: bytes) -> FileRights:  # noqa: ARG002 - all kinds have the same bytes
        return FileRights(_condition(parameters[_READ_AT]), _condition(parameters[_WRITE_AT]))

    def key_use(self, type_byte: int) -> KeyUse:
        return _USES.get(PsamKeyType(type_byte), KeyUse.OTHER) if type_byte in list(PsamKeyType) else KeyUse.OTHER

    def unrestricted(self, session: Session) -> bool:
        return not session.directory.ended

    def fci(self, store: Store, path: Path) -> bytes:
        """6F{84 name, A5{88 SFI of DIR, 9F0C the last two bytes of EF 0015}}; A5 of environments only."""
        directory = path[-1]
        inner = encode(DF_NAME, directory.name) if directory.name else b""
        if is_environment(directory):
            proprietary = encode(_SFI_OF_DIR, directory.parameters[DIR_SFI_AT : DIR_SFI_AT + 1])
            file = directory.by_fid.get(CARD_INFORMATION)
            if file is not None and store.written(file) >= _CARD_INFORMATION_SIZE:
                proprietary += encode(ISSUER_DISCRETIONARY, store.content(file)[_FCI_DATA])
            inner += encode(PROPRIETARY, proprietary)
        return encode(FCI_TEMPLATE, inner)

    def begin(self, session: Session) -> None:
        session.extension = PsamState()

    def entered(self, session: Session) -> None:
        """Register and challenge are lost, also where the directory was current already; rights won elsewhere end."""
        state_of(session).clear()
        session.security.drop_challenge()
        session.security.revoke_elsewhere(session.selection.path)


PSAM: Final[Dialect] = _Psam()


def _condition(right: int) -> Condition:
    """00 free, FF never, else the state that a key in the file's directory wins (inference)."""
    if right == FREE:
        return access.ALWAYS
    return access.NEVER if right == NEVER else Own(frozenset({right}))
