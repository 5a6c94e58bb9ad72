"""Whether what a region adds to the card is allowed [S1 §6]: nothing of the standard is used twice."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from cardlib.files import AddressableFile, CyclicFile, ElementaryFile, LinearFile, Structure
from cardlib.keys import KEYS, KeyDeclaration, Purpose
from cardlib.model import CardProfile
from cardlib.regional.document import AdditionEntry, DirectoryEntry, Document, FileEntry, ItemEntry, KeyEntry
from cardlib.rules import COS, NONE, Rule
from cardlib.schema import Btlv

FIRST_DIRECTORY: Final = 0xDF0A
FIRST_FILE: Final = 0x0C
DIR_SFI: Final = 0x1E
"""Short identifier of the DIR file of real cards: the last one there is, and taken."""
GLOBAL_IDS: Final = 0x80
"""Key ids from here on belong to the directory that is selected, those below to the SSSE."""
_OF_OPERATING_SYSTEM: Final[Collection[Rule]] = (COS, NONE)


def standard_tags(profiles: Sequence[CardProfile]) -> frozenset[int]:
    """Every tag that any file of these profiles uses, inner ones too."""
    items = [item for _, file in _files(profiles) for item in file.items]
    inner = {tag for item in items if isinstance(item.schema, Btlv) for tag in item.schema.inner}
    return frozenset(inner.union(*(item.tags for item in items)))


def _files(profiles: Sequence[CardProfile]) -> list[tuple[str, ElementaryFile]]:
    """Every file with the name of its directory."""
    return [
        (directory.name, file) for profile in profiles for directory in profile.directories for file in directory.files
    ]


def key_faults(keys: Sequence[KeyEntry], directories: Collection[str]) -> Iterator[str]:
    """What is wrong with new keys; ``directories``: names of all directories, new ones too."""
    names = Counter(key.name for key in keys)
    ids = Counter((key.directory, key.card_id) for key in keys)
    taken = {(key.directory, key.card_id) for key in KEYS.values() if key.card_id is not None}
    for key in keys:
        if key.name in KEYS or names[key.name] > 1:
            yield f"key {key.name}: the name is taken"
        if key.directory not in directories:
            yield f"key {key.name}: there is no directory {key.directory}"
        if (key.card_id < GLOBAL_IDS) != (key.directory == "SSSE"):
            yield f"key {key.name}: ids below 80 are those of the SSSE, the others those of the DFs"
        if (key.directory, key.card_id) in taken or ids[key.directory, key.card_id] > 1:
            yield f"key {key.name}: the id {key.card_id:02X} is taken in {key.directory}"


def directory_faults(directories: Sequence[DirectoryEntry], profiles: Sequence[CardProfile]) -> Iterator[str]:
    """What is wrong with new directories."""
    names = Counter(directory.name for directory in directories)
    aids = Counter(directory.aid for directory in directories)
    taken = {directory.df_name for profile in profiles for directory in profile.directories}
    for directory in directories:
        if int(directory.name, 16) < FIRST_DIRECTORY:
            yield f"directory {directory.name}: new directories begin with DF0A"
        if names[directory.name] > 1:
            yield f"directory {directory.name}: stands twice"
        if directory.aid in taken or aids[directory.aid] > 1:
            yield f"directory {directory.name}: the AID is taken"


def file_faults(
    document: Document, profiles: Sequence[CardProfile], keys: Mapping[str, KeyDeclaration]
) -> Iterator[str]:
    """What is wrong with where new files stand, what they are called and who may use them."""
    names = Counter(file.name for file in document.files)
    places = Counter((file.directory, file.fid) for file in document.files)
    directories = {directory.name for directory in document.directories}
    standard = _files(profiles)
    for file in document.files:
        if file.directory not in directories and any(not profile.files(file.directory) for profile in profiles):
            yield f"file {file.name}: there is no directory {file.directory} in all of the versions"
        if names[file.name] > 1 or any(found.name == file.name for _, found in standard):
            yield f"file {file.name}: the name is taken"
        yield from (f"file {file.name}: {fault}" for fault in _identifier_faults(file.fid))
        if places[file.directory, file.fid] > 1 or any(
            isinstance(found, AddressableFile) and (directory, found.fid) == (file.directory, file.fid)
            for directory, found in standard
        ):
            yield f"file {file.name}: {file.fid:04X} is taken in {file.directory}"
        yield from (f"file {file.name}: {fault}" for fault in _access_faults(file, keys))
        yield from (f"file {file.name}: {fault}" for fault in _structure_faults(file))


def _identifier_faults(fid: int) -> Iterator[str]:
    number = fid & 0xFF
    if number < FIRST_FILE:
        yield f"{fid:04X} is the standard's: new files begin with EF0C"
    elif 0x15 <= number <= 0x1A:
        yield f"{fid:04X} is the standard's: EF15 to EF1A are never new files"
    elif number == DIR_SFI:
        yield f"{fid:04X} has the short identifier 1E, which is the DIR file's"
    elif number > DIR_SFI:
        yield f"{fid:04X} has no short identifier: they end with 1E"


def _access_faults(file: FileEntry, keys: Mapping[str, KeyDeclaration]) -> Iterator[str]:
    for word, rule in (("read", file.read), ("update", file.update)):
        if rule in _OF_OPERATING_SYSTEM:
            yield f"{word}: {rule} is for the operating system's own files; use never"
        for name in sorted(rule.keys):
            key = keys.get(name)
            if key is None:
                yield f"{word}: there is no key {name}"
            elif key.directory not in {"SSSE", file.directory}:
                yield f"{word}: the key {name} is one of {key.directory}"
            elif key.purpose not in {Purpose.READ, Purpose.UPDATE}:
                yield f"{word}: the key {name} neither reads nor updates"
    if file.secure_messaging is not None:
        key = keys.get(file.secure_messaging)
        if key is None or key.purpose is not Purpose.MAINTENANCE or key.directory != file.directory:
            yield f"secure_messaging: {file.secure_messaging} is no maintenance key (STK) of {file.directory}"


def _structure_faults(file: FileEntry) -> Iterator[str]:
    tagged = [item for item in file.items if item.tag is not None]
    if (file.structure == "C") != (file.records is not None):
        yield "records is for cyclic files, and they need it"
    if file.structure in "VF":
        if len(tagged) < len(file.items):
            yield f"every item of a file of structure {file.structure} has a tag"
        if file.structure == "F" and len({_size(item) for item in file.items}) > 1:
            yield "all items of a file of structure F are of one length"
        return
    if tagged or any(item.repeat > 1 for item in file.items):
        yield f"items of a file of structure {file.structure} have no tag and do not repeat"
    if file.structure == "T" and len(file.items) > 1:
        yield "a transparent file has one item"


def addition_faults(additions: Sequence[AdditionEntry], profiles: Sequence[CardProfile]) -> Iterator[str]:
    """What is wrong with additions to standard files."""
    files = Counter(addition.file for addition in additions)
    for addition in additions:
        place = f"addition to {addition.file}"
        if files[addition.file] > 1:
            yield f"{place}: stands twice"
        if not addition.items and addition.records is None:
            yield f"{place}: adds nothing"
        for profile in profiles:
            found = [(directory, file) for directory, file in _files([profile]) if file.name == addition.file]
            if not found:
                yield f"{place}: version {profile.version} has no such file"
            for directory, file in found:
                yield from (
                    f"{place}: {fault} (version {profile.version})" for fault in _misfits(addition, directory, file)
                )


def _misfits(addition: AdditionEntry, directory: str, file: ElementaryFile) -> Iterator[str]:
    """Why something cannot be added to this file."""
    if addition.items and directory == "SSSE":
        yield "files of the SSSE get no new items"
    elif addition.items and not isinstance(file, LinearFile):
        yield "new items are for files of records with tags"
    elif any(item.tag is None for item in addition.items):
        yield "every new item has a tag"
    elif file.structure is Structure.LINEAR_FIXED and any(_size(one) != file.items[0].size for one in addition.items):
        yield f"every item of this file has {file.items[0].size} bytes"
    if addition.records is not None:
        if not isinstance(file, CyclicFile):
            yield "records is for cyclic files"
        elif addition.records <= file.records:
            yield f"there are {file.records} records already"


def _size(entry: ItemEntry) -> int:
    return entry.length or sum(2 + part.length for part in entry.parts)


def name_faults(document: Document, profiles: Sequence[CardProfile]) -> Iterator[str]:
    """Names that two items of one file would have."""
    for file in document.files:
        yield from _doubles(file.name, [item.name for item in file.items])
    for addition in document.additions:
        added = [item.name for item in addition.items]
        for profile in profiles:
            for _, found in _files([profile]):
                if found.name == addition.file:
                    yield from _doubles(found.name, [*added, *(one.name for one in found.declarations)])


def _doubles(file: str, names: Sequence[str]) -> Iterator[str]:
    yield from (f"item {name}: the name is taken in {file}" for name, times in Counter(names).items() if times > 1)


def tag_faults(items: Sequence[ItemEntry], taken: Collection[int]) -> Iterator[str]:
    """What is wrong with the tags of all new items together; ``taken``: the standard's."""
    tags = Counter(item.tag for item in items)
    for item in items:
        if item.tag is not None and (item.tag in taken or tags[item.tag] > 1):
            yield f"item {item.name}: the tag {item.tag:02X} is taken"
        for part in item.parts:
            if part.tag in taken or part.tag in tags:
                yield f"item {item.name}: the tag {part.tag:02X} of {part.name} is taken"
