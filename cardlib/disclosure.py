"""Which bytes of a conversation may be shown: what the declarations call public, and nothing else."""

from apdu.command import CommandAPDU
from cardlib.commands import RecordMode
from cardlib.follow import PLAIN, READ_RECORD, SELECT, Follower
from cardlib.model import CardProfile, Item
from cardlib.profiles import LATEST


class Disclosure:
    """Says of each command whether its data and its answer may be logged; follows one conversation, command by command.

    Public are: SELECT with its FCI, and READ RECORD by tag of an item that its :class:`~cardlib.model.Item` does not
    call sensitive. Everything else (PINs, cryptograms, whole files, unknown commands) is not. It is asked before the
    card answers, and takes it that the card obeys.
    """

    def __init__(self, profile: CardProfile = LATEST) -> None:
        self._follower = Follower(profile)

    def __call__(self, command: CommandAPDU) -> tuple[bool, bool]:
        """(command data may be shown, response data may be shown)."""
        item = self._item(command)
        self._follower.follow(command)
        if command.cla != PLAIN:
            return False, False
        if command.ins == SELECT:
            return True, True
        return False, item is not None and not item.sensitive

    def _item(self, command: CommandAPDU) -> Item | None:
        if command.ins != READ_RECORD or command.p2 & 0x07 != RecordMode.FIRST_WITH_IDENTIFIER:
            return None
        file = self._follower.file_of(command)
        return next((item for item in file.items if item.tag == command.p1), None) if file is not None else None
