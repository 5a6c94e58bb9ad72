"""From TOML files to regional profiles: everything is checked, and all that is wrong is told at once."""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cardlib.files import AddressableFile
from cardlib.items import Item
from cardlib.keys import KEYS, KeyDeclaration, Level, Purpose
from cardlib.model import CardProfile, Directory
from cardlib.profiles import ALL
from cardlib.regional import checks, declare
from cardlib.regional.document import Document, ItemEntry, read
from cardlib.regional.profile import RegionalProfile, RegionalProfiles

_PURPOSES: Final = MappingProxyType(
    {"read": Purpose.READ, "update": Purpose.UPDATE, "maintenance": Purpose.MAINTENANCE}
)


class RegionalProfileError(Exception):
    """Regional profile files cannot be used; ``faults`` has a sentence for everything that is wrong with them."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


def load(*files: Path) -> RegionalProfiles:
    """The regional profiles in these TOML files; raises :class:`RegionalProfileError` with all faults of all files."""
    faults: list[str] = []
    found: list[RegionalProfile] = []
    for path in files:
        profile, wrong = _load_one(path)
        if profile is not None:
            wrong += _overlaps(profile, found)
            found.append(profile)
        faults += [f"{path}: {fault}" for fault in wrong]
    if faults:
        raise RegionalProfileError(faults)
    return RegionalProfiles(tuple(found))


def _load_one(path: Path) -> tuple[RegionalProfile | None, list[str]]:
    """The profile in a file, None if there is none to be had, and everything that is wrong with it."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return None, [f"cannot be read: {error.strerror}"]
    except (ValueError, RecursionError) as error:
        return None, [f"is no TOML file in UTF-8: {error}"]
    document, faults = read(data)
    if document is None:
        return None, faults
    bases = [profile for profile in ALL if profile.version in document.versions]
    keys = {
        entry.name: KeyDeclaration(entry.name, _PURPOSES[entry.purpose], entry.directory, Level.ISSUER, entry.card_id)
        for entry in document.keys
    }
    faults += _faults(document, bases, keys)
    items: dict[int, Item] = {}
    for entry in document.items:
        try:
            items[id(entry)] = declare.item(entry)
        except ValueError as error:
            faults.append(f"item {entry.name}: {error}")
    return (None, faults) if faults else (_profile(document, keys, items), [])


def _faults(document: Document, bases: Sequence[CardProfile], keys: dict[str, KeyDeclaration]) -> list[str]:
    """What is wrong with where things stand, what they are called and who may use them."""
    known = {profile.version for profile in ALL}
    directories = {directory.name for base in bases for directory in base.directories}
    directories.update(directory.name for directory in document.directories)
    return [
        *(f"there is no version {version}" for version in document.versions if version not in known),
        *checks.key_faults(document.keys, directories),
        *checks.directory_faults(document.directories, bases),
        *checks.file_faults(document, bases, {**KEYS, **keys}),
        *checks.addition_faults(document.additions, bases),
        *checks.tag_faults(document.items, checks.standard_tags(ALL)),
        *checks.name_faults(document, bases),
    ]


def _profile(document: Document, keys: dict[str, KeyDeclaration], items: dict[int, Item]) -> RegionalProfile:
    """The declarations of a document without faults; ``items`` by the identity of their entries."""

    def declared(entries: Iterable[ItemEntry]) -> tuple[Item, ...]:
        return tuple(items[id(entry)] for entry in entries)

    files: dict[str, tuple[AddressableFile, ...]] = {}
    for file in document.files:
        files[file.directory] = (*files.get(file.directory, ()), declare.file(file, declared(file.items)))
    return RegionalProfile(
        title=document.title,
        regions=document.regions,
        versions=document.versions,
        keys=MappingProxyType(keys),
        directories=tuple(
            Directory(name=entry.name, chinese=entry.chinese, df_name=entry.aid, fid=int(entry.name, 16), files=())
            for entry in document.directories
        ),
        files=MappingProxyType(files),
        items=MappingProxyType({one.file: declared(one.items) for one in document.additions if one.items}),
        records=MappingProxyType({one.file: one.records for one in document.additions if one.records is not None}),
    )


def _overlaps(profile: RegionalProfile, others: Iterable[RegionalProfile]) -> Iterator[str]:
    """Regions and keys that another profile has too."""
    for other in others:
        for region in profile.regions if set(profile.versions) & set(other.versions) else ():
            if any(region.startswith(taken) or taken.startswith(region) for taken in other.regions):
                yield f"region {region}: the profile {other.title!r} is about these cards too"
        for name in sorted(profile.keys.keys() & other.keys.keys()):
            yield f"key {name}: the profile {other.title!r} has a key of this name"
