"""Where on the card a conversation is: the directory and the file that the commands so far have selected."""

from apdu.command import CommandAPDU
from apdu.errors import TlvError
from apdu.tlv import find
from cardlib.commands import MASTER_FILE
from cardlib.fci import DF_NAME, FCI_TEMPLATE
from cardlib.model import CardProfile, Directory, ElementaryFile
from cardlib.profiles import LATEST

SELECT, READ_BINARY, READ_RECORD, UPDATE_BINARY, UPDATE_RECORD = 0xA4, 0xB0, 0xB2, 0xD6, 0xDC
BINARY = frozenset({READ_BINARY, UPDATE_BINARY})
RECORDS = frozenset({READ_RECORD, UPDATE_RECORD})

BY_NAME = 0x04
PLAIN, WITH_MAC = 0x00, 0x04
"""CLA of the commands that select and use files; 04 carries a MAC [S2.5 T40, T43]."""


class Follower:
    """Follows one conversation, command by command, by the rules of SELECT and of short file identifiers [S2.5 §6.11].

    ``profile`` says which directories and files there are; it may be exchanged when the card's version becomes known.
    ``directory`` is None outside the social security application: in the MF, in the bank's or in another application.
    ``fid`` is the current EF, None when none is selected.
    """

    def __init__(self, profile: CardProfile = LATEST) -> None:
        self.profile = profile
        self.directory: str | None = None
        self.fid: int | None = None

    def reset(self) -> None:
        """The card was powered or reset: the MF is selected."""
        self.directory = self.fid = None

    def fid_of(self, command: CommandAPDU) -> int | None:
        """The file that a command uses: by its short identifier, or the current one; None for one that uses none."""
        sfi = _sfi(command)
        if sfi is None:
            return None
        return 0xEF00 | sfi if sfi else self.fid

    def file_of(self, command: CommandAPDU) -> ElementaryFile | None:
        """The declaration of the file that a command uses; None where that is unknown."""
        fid = self.fid_of(command)
        if self.directory is None or fid is None:
            return None
        return next((file for file in self.profile.files(self.directory) if file.fid == fid), None)

    def place_of(self, command: CommandAPDU) -> str:
        """The file that a command uses, in words: ``SSSE/EF06 holder 持卡人的基本信息文件``; "" where none is known."""
        fid = self.fid_of(command)
        if self.directory is None or fid is None:
            return ""
        file = self.file_of(command)
        path = f"{self.directory}/{fid:04X}"
        return f"{path} {file.name} {file.chinese}" if file is not None else path

    def follow(self, command: CommandAPDU, answer: bytes = b"") -> None:
        """A command has succeeded: what it selected is selected now. ``answer``: the FCI, where there is one."""
        if command.cla == PLAIN and command.ins == SELECT:
            self._select(command, answer)
        elif _sfi(command):
            self.fid = self.fid_of(command)

    def _select(self, command: CommandAPDU, answer: bytes) -> None:
        data = command.data if isinstance(command.data, bytes) else b""
        if command.p1 == BY_NAME:
            self._enter(_named(self.profile, _df_name(answer) or data))
        elif len(data) == 2 and data[0] == 0xEF:
            self.fid = int.from_bytes(data, "big")
        elif data in {b"", MASTER_FILE} or self.directory is None:
            # Other applications have directories DF01 of their own.
            self._enter(None)
        else:
            fid = int.from_bytes(data, "big")
            self._enter(next((found for found in self.profile.directories if found.fid == fid), None))

    def _enter(self, directory: Directory | None) -> None:
        self.directory, self.fid = directory.name if directory is not None else None, None


def _sfi(command: CommandAPDU) -> int | None:
    """The short file identifier in a command, 0 for the current file; None where the command uses no file."""
    if command.cla not in {PLAIN, WITH_MAC}:
        return None
    if command.ins in RECORDS:
        return command.p2 >> 3
    if command.ins in BINARY:
        return command.p1 & 0x1F if command.p1 & 0x80 else 0
    return None


def _df_name(fci: bytes) -> bytes | None:
    """The name that the card itself gives: a command may hold the first bytes of it only."""
    try:
        return find(fci, FCI_TEMPLATE, DF_NAME)
    except TlvError:
        return None


def _named(profile: CardProfile, df_name: bytes) -> Directory | None:
    return next((found for found in profile.directories if found.df_name == df_name), None)
