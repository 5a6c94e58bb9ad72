"""Static checks of a card's layout (卡结构静态检查), before there is a person or a chip.

What holds by construction is not checked again: items stand in the order of their records, so that record numbers run
from 1; the profile refuses two files of one name.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from cardlib.files import AddressableFile, ElementaryFile, InternalFile, LinearFile, Structure
from cardlib.issuance.faults import Fault
from cardlib.keys import Purpose
from cardlib.model import CardProfile, Directory
from cardlib.rules import PIN, Rule

SSSE_NAME: Final = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")
"""DF name of the SSSE: sx1.sh.社会保障."""
_MF: Final = "MF"
_ACCOUNT_DIRECTORY: Final = "DF04"
_ACCOUNT_NAME: Final = bytes.fromhex("D15600000503")
_ACCOUNT_FILES: Final = (0xEF05, 0xEF06, 0xEF08, 0xEF15)
_WITHOUT_ACCOUNT: Final = "1.0"


def structure_faults(profile: CardProfile, *, pin: bool) -> list[Fault]:
    """Everything that is wrong with the layout of a card; ``pin``: it will have one."""
    environment, *applications = profile.directories
    found = [*_directory_faults(profile), *_environment_faults(profile, environment, pin=pin)]
    for directory in profile.directories:
        parent = _MF if directory is environment else environment.name
        for file in directory.files:
            place = f"{directory.name}, file {file.name}"
            found += _rule_faults(profile, file, directory.name, parent, place)
            found += _length_faults(file, place)
    if profile.version != _WITHOUT_ACCOUNT:
        found += _account_faults(profile, applications)
    return found


def _directory_faults(profile: CardProfile) -> Iterator[Fault]:
    names = Counter(directory.df_name for directory in profile.directories)
    fids = Counter(directory.fid for directory in profile.directories if directory.fid is not None)
    for directory in profile.directories:
        if names[directory.df_name] > 1:
            yield Fault(directory.name, "another directory has its DF name or AID", "目录名或AID重复")
        if directory.fid is not None and fids[directory.fid] > 1:
            yield Fault(directory.name, f"another directory has the identifier {directory.fid:04X}", "目录标识符重复")
        if directory.name.startswith("DF") and directory.fid != int(directory.name, 16):
            yield Fault(directory.name, "its identifier is not its name", "目录标识符与目录名称不一致")
        files = Counter(file.fid for file in directory.files if isinstance(file, AddressableFile))
        for fid, times in files.items():
            if times > 1:
                yield Fault(directory.name, f"{times} files have the identifier {fid:04X}", "文件标识符重复")


def _environment_faults(profile: CardProfile, environment: Directory, *, pin: bool) -> Iterator[Fault]:
    if environment.df_name != SSSE_NAME:
        yield Fault(environment.name, "its DF name is not that of the SSSE", "SSSE目录名不符合规范")
    mandatory = {
        Purpose.INTERNAL_AUTHENTICATION: ("IRK", True),
        Purpose.CARD_BLOCK: ("BK", True),
        Purpose.PIN_UNBLOCK: ("PUK", pin),
    }
    for purpose, (name, wanted) in mandatory.items():
        if wanted and not _has_key(profile, environment.name, purpose):
            yield Fault(environment.name, f"has no key {name}", f"缺少密钥{name}")


def _has_key(profile: CardProfile, directory: str, purpose: Purpose) -> bool:
    """Whether the directory has a key with this purpose that commands can name."""
    return any(
        key.directory == directory and key.purpose is purpose and key.card_id is not None
        for key in profile.keys.values()
    )


def _rule_faults(
    profile: CardProfile, file: ElementaryFile, directory: str, parent: str, place: str
) -> Iterator[Fault]:
    """Keys that a right names are the directory's own or its parent's; the PIN is the parent's."""
    for word, rule in (("read", file.read), ("update", file.update)):
        for name in sorted(rule.keys):
            key = profile.keys.get(name)
            if key is None:
                yield Fault(place, f"{word}: there is no key {name}", f"访问权限所用密钥{name}不存在")
            elif key.directory not in {directory, parent}:
                yield Fault(
                    place, f"{word}: the key {name} is one of {key.directory}", f"密钥{name}不属于本目录或上级目录"
                )
        if parent == _MF and _names_pin(rule):
            yield Fault(place, f"{word}: the PIN is for directories below the SSSE", "PIN只能用于SSSE的下级目录")


def _names_pin(rule: Rule) -> bool:
    """Whether the PIN plays a part in a rule."""
    return str(PIN) in str(rule).replace("(", "").replace(")", "").replace("&", "|").split("|")


def _length_faults(file: ElementaryFile, place: str) -> Iterator[Fault]:
    if not isinstance(file, LinearFile) or file.structure is not Structure.LINEAR_FIXED:
        return
    if len({item.record_size for item in file.items}) > 1:
        yield Fault(place, "records of a fixed file are of one length", "定长记录文件的记录长度不一致")


def _account_faults(profile: CardProfile, applications: list[Directory]) -> Iterator[Fault]:
    """DF04 holds the account: its files, its internal file, and DSK, which sets the starting day of the year."""
    found = next((one for one in applications if one.name == _ACCOUNT_DIRECTORY), None)
    if found is None or found.df_name != _ACCOUNT_NAME:
        yield Fault(_ACCOUNT_DIRECTORY, f"there is none with the AID {_ACCOUNT_NAME.hex().upper()}", "缺少DF04目录")
        return
    fids = {file.fid for file in found.files}
    for fid in _ACCOUNT_FILES:
        if fid not in fids:
            yield Fault(found.name, f"has no file {fid:04X}", f"缺少文件{fid & 0xFF:02X}")
    if not any(isinstance(file, InternalFile) for file in found.files):
        yield Fault(found.name, "has no internal file", "缺少内部文件")
    if not _has_key(profile, found.name, Purpose.STARTING_DAY):
        yield Fault(found.name, "has no key DSK", "缺少密钥DSK")
