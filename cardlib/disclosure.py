"""Which bytes of a conversation may be shown: what the declarations call public, and nothing else."""

from dataclasses import dataclass

from apdu.command import CommandAPDU
from cardlib.commands import RecordMode
from cardlib.model import CardProfile, Item
from cardlib.profiles import LATEST

SELECT, READ_RECORD = 0xA4, 0xB2
BY_NAME = 0x04


@dataclass
class Disclosure:
    """Says of each command whether its data and its answer may be logged; follows one conversation, command by command.

    Public are: SELECT with its FCI, and READ RECORD by tag of an item that its :class:`~cardlib.model.Item` does not
    call sensitive. Everything else (PINs, cryptograms, whole files, unknown commands) is not.
    """

    profile: CardProfile = LATEST
    _directory: str | None = None
    _fid: int | None = None

    def __call__(self, command: CommandAPDU) -> tuple[bool, bool]:
        """(command data may be shown, response data may be shown)."""
        if command.cla != 0x00:
            return False, False
        if command.ins == SELECT:
            self._follow(command)
            return True, True
        return False, command.ins == READ_RECORD and self._is_public(command)

    def _follow(self, command: CommandAPDU) -> None:
        data = bytes(command.data) if isinstance(command.data, bytes) else b""
        if command.p1 == BY_NAME:
            self._directory, self._fid = self.profile.directory_with_name(data), None
        elif len(data) == 2 and data[0] == 0xEF:
            self._fid = int.from_bytes(data, "big")
        else:
            self._directory, self._fid = None, None

    def _is_public(self, command: CommandAPDU) -> bool:
        item = self._item(command)
        return item is not None and not item.sensitive

    def _item(self, command: CommandAPDU) -> Item | None:
        if self._directory is None or command.p2 & 0x07 != RecordMode.FIRST_WITH_IDENTIFIER:
            return None
        fid = 0xEF00 | command.p2 >> 3 if command.p2 >> 3 else self._fid
        for file in self.profile.files(self._directory):
            if file.fid == fid:
                return next((item for item in file.items if item.tag == command.p1), None)
        return None
