"""A card that lives in a file (卡片文件): the file holds exactly the bytes of the chip's memory, and nothing else.

Each page reaches the file before the write that it belongs to goes on. So a process that is killed leaves in the file
what a power cut leaves in a chip, and the card puts it right at its next start, by its own journal. Against a power cut
of the computer itself there is only :meth:`CardFile.close`, after which all is on the disk.

The file has as many bytes as the memory, :data:`SIZE`, from the beginning; those never written are erased, FF. Keys and
personal data stand in it as in a chip, but readable: only its owner may open it.
"""

import fcntl
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from simulator.files import Kind
from simulator.memory import layout
from simulator.memory.eeprom import ERASED, Eeprom, PowerLostError
from simulator.memory.image import CardImage
from simulator.memory.journal import END, Journal
from simulator.memory.system import FORMAT, LifeCycle, SystemArea

SIZE: Final = 0x10000
"""Bytes of a card file: the memory of a software card."""

SUFFIX: Final = ".card"
"""What names of such files end in."""

_log = logging.getLogger(__name__)


class CardFileError(Exception):
    """A card file cannot be used; the text names it and says what to do.

    ::

        CardFileError
        ├─ CardFileBusyError      another card or process has it open
        ├─ CardFileDamagedError   it is not the memory of a software card, or not any more
        ├─ CardFileExistsError    there is one where another was to be made
        └─ CardFileMissingError   there is none
    """

    def __init__(self, path: Path, message: str) -> None:
        self.path = path
        super().__init__(f"{path}: {message}")


class CardFileBusyError(CardFileError):
    """Another process, or another card of this one, has the file open."""


class CardFileDamagedError(CardFileError):
    """What is in the file is not the memory of a software card."""


class CardFileExistsError(CardFileError):
    """There is a file already."""


class CardFileMissingError(CardFileError):
    """There is no file."""


class CardFile:
    """An open card file: a context manager, and whoever has it is the only one.

    ``eeprom`` is the memory to make a :class:`~simulator.card.SoftwareCard` of. When the file cannot be written any
    more, as when it was closed, every command that would write is cut off, as by a power cut.
    """

    def __init__(self, path: Path, descriptor: int, content: bytes) -> None:
        self.path = path
        self._descriptor = descriptor
        self._broken = False
        self.eeprom = Eeprom(content.rstrip(bytes((ERASED,))), size=SIZE, store=self._store)

    def close(self) -> None:
        """Give the file back, written to the disk. The card can write nothing from then on. Idempotent."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _store(self, at: int, page: bytes) -> None:
        if not self._broken:
            try:
                if os.pwrite(self._descriptor, page, at) == len(page):
                    return
            except OSError as error:
                _log.error("%s: cannot be written, the card can change nothing any more: %s", self.path, error.strerror)
        # Half a page is what a power cut leaves; what would follow must not be written either.
        self._broken = True
        raise PowerLostError


def open_card_file(path: Path, *, create: Callable[[], CardImage] | None = None) -> CardFile:
    """Open a card file; where there is none, ``create`` says what the new one holds.

    Raises :class:`CardFileError`, and OSError where files as such cannot be opened or made.
    """
    try:
        return _opened(path)
    except FileNotFoundError:
        if create is None:
            raise CardFileMissingError(path, "there is no such card file; make one with `sscard card make`") from None
    try:
        return create_card_file(path, create())
    except CardFileExistsError:  # somebody else was faster
        return _opened(path)


def create_card_file(path: Path, image: CardImage) -> CardFile:
    """Make a new card file and keep it open; it is there whole or not at all.

    Raises :class:`CardFileExistsError`, which leaves what is there as it is, and OSError.
    """
    whole = image.content.ljust(SIZE, bytes((ERASED,)))
    if len(whole) != SIZE:
        raise ValueError(f"{len(image.content)} bytes do not fit into a card file of {SIZE}")
    with _creating(path.parent) as folder:
        if path.exists():
            raise CardFileExistsError(path, "is there already; choose another name, or delete it")
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # for its owner only
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # goes with the file when that gets its name
            _write_all(descriptor, whole)
            os.fsync(descriptor)
            Path(name).rename(path)
            os.fsync(folder)
        except BaseException:
            os.close(descriptor)
            Path(name).unlink(missing_ok=True)
            raise
    return CardFile(path, descriptor, image.content)


def _opened(path: Path) -> CardFile:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = "is in use: another simulator has this card; end that, or take the card out there"
            raise CardFileBusyError(path, text) from None
        content = _read_all(descriptor)
        _require_sound(path, content)
        return CardFile(path, descriptor, content)
    except BaseException:
        os.close(descriptor)
        raise


def _require_sound(path: Path, content: bytes) -> None:
    damage = _damage_of(content)
    if damage:
        raise CardFileDamagedError(path, f"{damage}; make it anew with `sscard card make`")


def _damage_of(content: bytes) -> str:
    """What is wrong with the bytes of a card file, "" for nothing that shows.

    What a power cut left is not damage: a copy of it is put right before it is looked at.
    """
    if content[: len(FORMAT) - 1] != FORMAT[:-1]:
        return "is not a card file"
    if content[len(FORMAT) - 1] != FORMAT[-1]:
        return "was made by another version of this software, with another layout of memory"
    if len(content) != SIZE:
        return f"is damaged: it has {len(content)} bytes, not {SIZE}"
    memory = Eeprom(content, size=SIZE)
    try:
        Journal(memory).recover()
        LifeCycle(SystemArea(memory).life_cycle)
        _check_blocks(memory)
    except (ValueError, IndexError):
        return "is damaged: its directories and files do not hang together"
    return ""


def _check_blocks(memory: Eeprom) -> None:
    """Raise ValueError unless every block lies within memory, and in a directory that is there."""
    directories, at = {0}, END
    while at + layout.HEADER <= memory.size:
        block = layout.unpacked(at, memory.read(at, layout.HEADER))
        if block is None:
            if memory.read(at, 1)[0] != ERASED:
                raise ValueError("no header, and not the end either")
            return
        if at + block.length > memory.size or (block.state == layout.LIVE and block.parent not in directories):
            raise ValueError("a block that cannot be")
        if block.kind is Kind.DIRECTORY:
            directories.add(at)
        at += block.length


@contextmanager
def _creating(folder: Path) -> Iterator[int]:
    """Nobody else makes card files in this folder meanwhile; yields its descriptor."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    at = 0
    while at < len(data):
        at += os.pwrite(descriptor, data[at:], at)


def _read_all(descriptor: int) -> bytes:
    """What the file holds; of a longer one, one byte more than a card file has."""
    content = b""
    while len(content) <= SIZE and (part := os.pread(descriptor, SIZE + 1 - len(content), len(content))):
        content += part
    return content
