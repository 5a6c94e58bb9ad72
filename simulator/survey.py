"""What a software card is, from its memory, without anybody's data: for people who have a card file before them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from apdu.errors import MalformedError
from apdu.tlv import parse_simple
from cardlib.crypto import Algorithm
from cardlib.errors import VersionUnsupportedError
from cardlib.profiles import LATEST, profile_for
from simulator.command import Refused
from simulator.dialect import Dialect
from simulator.dialects import DIALECTS
from simulator.files import Directory, File, Kind
from simulator.memory.eeprom import Eeprom
from simulator.memory.image import CardImage, NoChipError
from simulator.memory.store import Store
from simulator.memory.system import LifeCycle

_ISSUER: Final = 0xEF05


@dataclass(frozen=True, slots=True)
class FileSurvey:
    """A file (文件概况): FID and SFI, 0 for none; ``size``: bytes that it holds at most.

    ``records``: how many it has now; of a key file, its keys and PIN; None for what has no records.
    """

    fid: int
    sfi: int
    kind: Kind
    size: int
    records: int | None


@dataclass(frozen=True, slots=True)
class DirectorySurvey:
    """A directory (目录概况); ``depth``: 0 for the MF. ``ended``: its structure is final."""

    depth: int
    fid: int
    name: bytes
    ended: bool
    blocked: bool
    files: tuple[FileSurvey, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """A card (卡片概况).

    ``cos``: name of its operating system. ``version``: of the specification, "" where it has no social security
    application, or says none that is known. ``algorithm``: the cipher of its keys. ``used``: bytes of memory written.
    ``directories``: the MF, and each before those in it.
    """

    atr: bytes
    life_cycle: LifeCycle
    blocked: bool
    cos: str
    version: str
    algorithm: Algorithm
    used: int
    directories: tuple[DirectorySurvey, ...]


def survey(image: CardImage) -> Survey:
    """Look at a card; what a power cut left is put right in a copy before. Raises :class:`NoChipError`."""
    eeprom = Eeprom(image.content)
    dialect = DIALECTS.get(image.system.dialect)
    if dialect is None:
        raise NoChipError("these bytes are the memory of a chip whose operating system is not known")
    store = Store(eeprom, dialect)
    store.recover()
    root = store.root
    paths = list(root.walk()) if root else []
    return Survey(
        atr=store.system.atr,
        life_cycle=store.system.life_cycle,
        blocked=store.system.blocked,
        cos=dialect.name,
        version=_version(store, [path[-1] for path in paths]),
        algorithm=_algorithm(store, dialect, [path[-1] for path in paths]),
        used=len(image.content),
        directories=tuple(
            DirectorySurvey(len(path) - 1, path[-1].fid, path[-1].name, path[-1].ended, path[-1].blocked, files)
            for path in paths
            for files in [tuple(_files(store, path[-1]))]
        ),
    )


def _files(store: Store, directory: Directory) -> Iterator[FileSurvey]:
    for file in sorted((*directory.internal, *directory.files), key=lambda found: found.at):
        several = file.kind in {Kind.FIXED, Kind.CYCLIC, Kind.KEYS}
        size = file.size * file.count if several else file.size
        yield FileSurvey(file.fid, file.sfi, file.kind, size, _records(store, file))


def _records(store: Store, file: File) -> int | None:
    if file.kind is Kind.KEYS:
        return len(store.keys(file))
    return len(store.records(file)) if file.has_records else None


def _version(store: Store, directories: list[Directory]) -> str:
    """From EF05 of the social security application, where it is the same in all versions."""
    tag = LATEST.file("SSSE", _ISSUER).item_named("spec_version").tag
    ssse = next((found for found in directories if found.name == LATEST.name), None)
    file = ssse.by_fid.get(_ISSUER) if ssse else None
    if file is None or not file.has_records:
        return ""
    try:
        held = parse_simple(b"".join(store.records(file)))
        return profile_for(next((value for found, value in held if found == tag), None)).version
    except (MalformedError, VersionUnsupportedError):
        return ""


def _algorithm(store: Store, dialect: Dialect, directories: list[Directory]) -> Algorithm:
    """SM4 where any key is one, else DES."""
    found = set()
    for key in (key for directory in directories for key in store.keys(directory)):
        with suppress(Refused):  # a key of an algorithm that this card cannot compute with
            found.add(dialect.suite(key).algorithm)
    return Algorithm.SM4 if Algorithm.SM4 in found else Algorithm.DES
