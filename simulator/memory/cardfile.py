"""A card that lives in a file (卡片文件): the file holds exactly the bytes of the chip's memory, and nothing else.

Each page reaches the file before the write that it belongs to goes on. So a process that is killed leaves in the file
what a power cut leaves in a chip, and the card puts it right at its next start, by its own journal. Against a power cut
of the computer itself there is only :meth:`CardFile.close`, after which all is on the disk.

The file has as many bytes as the memory, :data:`SIZE`, from the beginning; those never written are erased, FF. Keys and
personal data stand in it as in a chip, but readable: only its owner may open it, and one that others can open too is
told of in the log.
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

from simulator.credentials import SLOT
from simulator.files import Kind
from simulator.memory import layout
from simulator.memory.eeprom import ERASED, Eeprom, PowerLostError
from simulator.memory.heap import HEAP
from simulator.memory.image import CardImage, NoChipError
from simulator.memory.journal import Journal
from simulator.memory.layout import Block
from simulator.memory.system import FORMAT, MAX_HISTORICAL, LifeCycle, SystemArea

SIZE: Final = 0x10000
"""Bytes of a card file: the memory of a software card."""

SUFFIX: Final = ".card"
"""What names of such files end in."""

_BUSY: Final = (
    "is in use by a simulator, perhaps this one; a card in its drawer counts: `sscard slot discard` gives it back"
)
_UNSOUND: Final = "is damaged: its directories and files do not hang together"
_MISSING: Final = "there is no such card file; make one with `sscard card make`"
_REMEDY: Final = "make it anew with `sscard card make`"
_OTHERS: Final = 0o077

_log = logging.getLogger(__name__)
_told: set[Path] = set()
"""Paths that others can open, and of which the log has said so."""


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
            raise CardFileMissingError(path, _MISSING) from None
    try:
        return create_card_file(path, create())
    except CardFileExistsError:  # somebody else was faster
        return _opened(path)


def create_card_file(path: Path, image: CardImage) -> CardFile:
    """Make a new card file and keep it open; it is there whole or not at all.

    Raises :class:`CardFileExistsError`, which leaves what is there as it is, and OSError with this path.
    """
    whole = image.content.ljust(SIZE, bytes((ERASED,)))
    if len(whole) != SIZE:
        raise ValueError(f"{len(image.content)} bytes do not fit into a card file of {SIZE}")
    with _creating(path.parent) as folder:
        if path.exists():
            raise CardFileExistsError(path, "is there already; choose another name, or delete it")
        try:
            descriptor = _made(path, whole, folder)
        except OSError as error:  # it names the file that was to get this name at the end
            raise OSError(error.errno, error.strerror, str(path)) from error
    return CardFile(path, descriptor, image.content)


def read_card_file(path: Path) -> CardImage:
    """What is in a card file, without changing it: reading is all that its reader must be permitted.

    Raises :class:`CardFileError`, also while somebody has it open, and OSError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise CardFileMissingError(path, _MISSING) from None
    try:
        content = _locked(path, descriptor, fcntl.LOCK_SH)
        return CardImage(content.rstrip(bytes((ERASED,))))
    finally:
        os.close(descriptor)


@contextmanager
def telling_damage(path: Path) -> Iterator[None]:
    """What goes wrong in here with the memory in a card file is told as :class:`CardFileDamagedError`."""
    try:
        yield
    except NoChipError as error:
        raise CardFileDamagedError(path, str(error)) from error
    except (ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise CardFileDamagedError(path, f"{_UNSOUND}; {_REMEDY}") from error


def warn_of_others(path: Path) -> None:
    """Say in the log, once in a process, that others than its owner have access to a card file, or a folder of them."""
    if path not in _told and path.stat().st_mode & _OTHERS:
        _told.add(path)
        rights = "700" if path.is_dir() else "600"
        _log.warning("%s: others have access, and cards hold keys in clear; chmod %s %s", path, rights, path)


def _made(path: Path, whole: bytes, folder: int) -> int:
    """The descriptor of a new file with this content, under lock."""
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
    return descriptor


def _opened(path: Path) -> CardFile:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return CardFile(path, descriptor, _locked(path, descriptor, fcntl.LOCK_EX))
    except BaseException:
        os.close(descriptor)
        raise


def _locked(path: Path, descriptor: int, lock: int) -> bytes:
    """The content of a sound card file that nobody else has, or writes, from here on."""
    try:
        fcntl.flock(descriptor, lock | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CardFileBusyError(path, _BUSY) from None
    content = _read_all(descriptor)
    _require_sound(path, content)
    warn_of_others(path)
    return content


def _require_sound(path: Path, content: bytes) -> None:
    damage = _damage_of(content)
    if damage:
        raise CardFileDamagedError(path, f"{damage}; {_REMEDY}")


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
        _check_system(SystemArea(memory))
        _check_blocks(list(_blocks(memory)))
    except (ValueError, IndexError):
        return _UNSOUND
    return ""


def _check_system(system: SystemArea) -> None:
    """Raise ValueError unless there is such a life cycle, and an answer to reset."""
    LifeCycle(system.life_cycle)
    if len(system.historical_bytes) > MAX_HISTORICAL:
        raise ValueError("more historical bytes than an answer to reset has")


def _blocks(memory: Eeprom) -> Iterator[Block]:
    """All blocks, in the order of their addresses; raises ValueError for what is none, or leads out of memory."""
    at = HEAP
    while at + layout.HEADER <= memory.size:
        block = layout.unpacked(at, memory.read(at, layout.HEADER))
        if block is None:
            if memory.read(at, 1)[0] != ERASED:
                raise ValueError("no header, and not the end either")
            return
        if at + block.length > memory.size:
            raise ValueError("a block that leads out of memory")
        yield block
        at += block.length


def _check_blocks(blocks: list[Block]) -> None:
    """Raise ValueError unless all that is not deleted is in the MF, however deep, and files can be as they say."""
    live = [block for block in blocks if block.state == layout.LIVE]
    directories = {block.at: block.parent for block in live if block.kind is Kind.DIRECTORY}
    if list(directories.values()).count(0) > 1:
        raise ValueError("more than one MF")
    reached = {0}
    # What is in a directory may lie before it, in the place of something deleted.
    while found := {at for at, parent in directories.items() if parent in reached} - reached:
        reached |= found
    if directories.keys() - reached:
        raise ValueError("a directory that the MF does not lead to")
    for block in live:
        if block.kind is not Kind.DIRECTORY:
            _check_file(block)
            if block.parent not in directories:
                raise ValueError("a file in no directory")


def _check_file(block: Block) -> None:
    """Raise ValueError unless all of a file is within its block, with records or slots where there must be some."""
    several = block.kind in {Kind.FIXED, Kind.CYCLIC, Kind.KEYS}
    if (
        layout.HEADER + layout.body_size(block.kind, block.size, block.count) > block.length
        or (several and not block.count)
        or (block.kind is Kind.KEYS and block.size < SLOT)
    ):
        raise ValueError("a file that cannot be")


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
