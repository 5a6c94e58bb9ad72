"""What a card is built from (建卡方案): directories, files, keys and rights, in the order of building; never a value.

A plan follows from a profile and from what an issuer decides. How a card operating system is told is the business of
the encoders; who knows the keys, of somebody else.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from apdu.tlv import encode
from cardlib import model
from cardlib.cos.limits import checked
from cardlib.crypto import Algorithm
from cardlib.keys import VERSIONS, KeyDeclaration, KeyReference, Level, Purpose
from cardlib.rules import COS, FREE, Key, Rule
from cardlib.text import encode_text

MF_FID: Final = 0x3F00
SSSE_FID: Final = 0xDDF1
"""FID of the SSSE on one vendor's cards; the standard gives it none [S5]."""
BANK_MF_NAME: Final = b"1PAY.SYS.DDF01"
"""DF name of the MF of cards that are bank cards too."""
DIR_SFI: Final = 0x1E
"""SFI of the DIR file as real cards have it [S5; S2.3 §6 says 5…15]."""
DIR_NAME: Final = "DIR"
"""Name of the planned DIR file; no file of a profile has it."""
MASTER_TRIES: Final = 8
"""Tries that a master key has at least, as in FMCOS's manual: a chip that was cut off is asked which one it has."""
DEFAULT_VERSION: Final = 1
"""The version of keys that are there once."""

_MAX_LABEL: Final = 16
_NEVER_BLOCKS: Final = frozenset(
    {
        Purpose.INTERNAL_AUTHENTICATION,
        Purpose.CARD_BLOCK,
        Purpose.APPLICATION_BLOCK,
        Purpose.MAINTENANCE,
        Purpose.PURCHASE,
        Purpose.LOAD,
        Purpose.TAC,
    }
)
"""Keys whose failures are not counted [S2.7 §13.1, §13.2], and those that nobody authenticates with."""
_BY_INDEX: Final = frozenset({Purpose.PURCHASE, Purpose.LOAD, Purpose.TAC})
"""Keys whose id is their index, which is their version [S2.9 annex B]."""

Records: TypeAlias = Mapping[str, Sequence[bytes]]
"""What files hold, by the profile's name of the file. Linear: whole records, tag and length included; cyclic: bare
records, the newest first; transparent and internal: all bytes as one."""


class PlanError(ValueError):
    """A card cannot be built like this (建卡方案错误): it is beyond a limit, or no operating system can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardParameters:
    """What an issuer decides about its cards besides their data.

    ``historical_bytes``: 13 bytes T1…TD. ``pin_tries``, ``key_tries``: 1…15 wrong tries before blocking.
    ``bank_combined``: the MF has the name of a bank card's MF.
    """

    algorithm: Algorithm
    historical_bytes: bytes
    pin_tries: int = 6
    key_tries: int = 3
    bank_combined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedKey:
    """One version of one key.

    ``name``: as access rules call it; ``reference``: by its name in the specification, and the version. ``card_id``: by
    which commands name it; 00 for master keys. ``tries``: wrong ones before it blocks, None: never. ``level``: who
    issues it. ``size``: bytes of its value.
    """

    name: str
    reference: KeyReference
    purpose: Purpose
    level: Level
    card_id: int
    tries: int | None
    size: int

    @property
    def version(self) -> int:
        """Version on the card (密钥版本)."""
        return self.reference.version


@dataclass(frozen=True, slots=True)
class PlannedPin:
    """The PIN of a directory and of all below it: wrong tries before it blocks, name of the key that unblocks it."""

    tries: int
    unblocked_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """One elementary file.

    ``fid`` None and ``sfi`` 0: an internal file, which the operating system places. ``space``: bytes of all records or
    of the content. ``record_size``, ``record_count``: of fixed and cyclic files, else 0. ``secure_messaging``: name of
    the directory's STK if updates need its MAC. ``contents``: records that do not depend on the holder.
    """

    name: str
    fid: int | None
    sfi: int
    structure: model.Structure
    space: int
    record_size: int = 0
    record_count: int = 0
    read: Rule
    update: Rule
    secure_messaging: str | None = None
    contents: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDirectory:
    """One directory with all in it, in the order of building.

    ``df_name``: 5…16 bytes, b"" for none. ``dir_sfi``: of a DDF, what its FCI says in tag 88. ``algorithm``: what it
    says in 9F0C, None: nothing. ``fci_objects``: further data objects in the FCI's A5, encoded. ``lock_key``: name of
    the key that allows to block it, None: it has none of its own. ``keys``: the master key first. ``is_ddf``: MF or
    DDF, not ADF. ``outside``: it is no part of the social security application, nor the MF.
    """

    name: str
    fid: int
    df_name: bytes
    is_ddf: bool
    dir_sfi: int | None = None
    algorithm: Algorithm | None = None
    fci_objects: bytes = b""
    outside: bool = False
    lock_key: str | None = None
    pin: PlannedPin | None = None
    files: tuple[PlannedFile, ...] = ()
    keys: tuple[PlannedKey, ...]
    children: tuple["PlannedDirectory", ...] = ()

    @property
    def master_key(self) -> PlannedKey:
        """Its MK."""
        return self.keys[0]

    def key(self, name: str) -> PlannedKey | None:
        """A version of the key that rules call by this name."""
        return next((key for key in self.keys if key.name == name), None)

    def file(self, structure: model.Structure) -> PlannedFile | None:
        """The first file of this structure."""
        return next((file for file in self.files if file.structure is structure), None)

    def walk(self) -> Iterator["PlannedDirectory"]:
        """This directory and all below it, each before what it holds."""
        return (directory for directory, _ in self.placed())

    def placed(self, above: tuple["PlannedDirectory", ...] = ()) -> Iterator["Place"]:
        """The same, each with those above it."""
        yield self, above
        for child in self.children:
            yield from child.placed((*above, self))


Place: TypeAlias = tuple[PlannedDirectory, tuple[PlannedDirectory, ...]]
"""A directory, and those above it, the outermost first."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole card: the MF with all below it. ``historical_bytes``: T1…TD, as the finished card has them."""

    version: str
    algorithm: Algorithm
    historical_bytes: bytes
    mf: PlannedDirectory

    @property
    def references(self) -> frozenset[KeyReference]:
        """All keys that have to be known to build it."""
        return frozenset(key.reference for directory in self.mf.walk() for key in directory.keys)


_NOTHING: Final[Records] = MappingProxyType({})


def plan_card(
    profile: model.CardProfile,
    parameters: CardParameters,
    keys: Collection[KeyReference],
    records: Records = _NOTHING,
    neighbours: tuple[PlannedDirectory, ...] = (),
) -> Plan:
    """The plan of a card of this profile.

    ``keys``: which keys there are, and so in how many versions each is loaded; STK in one, and each directory has one
    MK (``MKMF``, ``MKSSSE``, ``MKDF01``…), whether named here or not. ``records``: what will be written; a file has the
    space that the profile says, more if more is written, and none is made for nothing.
    ``neighbours``: directories beside the SSSE. Raises :class:`PlanError`.
    """
    environment, *applications = profile.directories
    loaded = _Keys(profile, parameters, keys)
    ssse = PlannedDirectory(
        name=environment.name,
        fid=SSSE_FID if environment.fid is None else environment.fid,
        df_name=environment.df_name,
        is_ddf=True,
        dir_sfi=DIR_SFI,
        algorithm=None if parameters.algorithm is Algorithm.DES else parameters.algorithm,
        lock_key=loaded.lock_key(environment.name, Purpose.CARD_BLOCK),
        pin=PlannedPin(parameters.pin_tries, loaded.named(environment.name, Purpose.PIN_UNBLOCK)),
        files=(_dir_file(applications, loaded.of(environment.name)[0].name), *_files(environment, records, loaded)),
        keys=loaded.of(environment.name),
        children=tuple(_application(declared, records, loaded) for declared in applications),
    )
    mf = PlannedDirectory(
        name="MF",
        fid=MF_FID,
        df_name=BANK_MF_NAME if parameters.bank_combined else b"",
        is_ddf=True,
        keys=loaded.of("MF"),
        children=(ssse, *neighbours),
    )
    plan = Plan(profile.version, parameters.algorithm, parameters.historical_bytes, mf)
    faults = checked(plan, parameters)
    if faults:
        raise PlanError("; ".join(faults))
    return plan


class _Keys:
    """The keys of a card by directory."""

    def __init__(
        self, profile: model.CardProfile, parameters: CardParameters, available: Collection[KeyReference]
    ) -> None:
        self._declared = profile.keys
        self._parameters = parameters
        self._available = available

    def of(self, directory: str) -> tuple[PlannedKey, ...]:
        """The MK first, then the others in the order of their declaration, each in all of its versions."""
        others = (
            self._planned(name, key, version)
            for name, key in self._declared.items()
            if key.directory == directory and key.purpose is not Purpose.MASTER and _is_loadable(key)
            for version in self._versions(key)
        )
        return (self._master(directory), *others)

    def named(self, directory: str, purpose: Purpose) -> str | None:
        """The name of the directory's key with this purpose, None when the card has none."""
        return next((key.name for key in self.of(directory) if key.purpose is purpose), None)

    def lock_key(self, directory: str, fallback: Purpose) -> str | None:
        """The name of the LK, or of the key with another purpose that does its work."""
        return self.named(directory, Purpose.APPLICATION_BLOCK) or self.named(directory, fallback)

    def _versions(self, key: KeyDeclaration) -> tuple[int, ...]:
        # STK is loaded in one version [S2.9 annex B], and is used without being named.
        wanted = (DEFAULT_VERSION,) if key.purpose is Purpose.MAINTENANCE else VERSIONS
        return tuple(version for version in wanted if KeyReference(key.name, version) in self._available)

    def _master(self, directory: str) -> PlannedKey:
        name = f"MK{directory}"
        declared = self._declared.get(name) or KeyDeclaration(name, Purpose.MASTER, directory, Level.ISSUER)
        return self._planned(name, declared, DEFAULT_VERSION)

    def _planned(self, name: str, key: KeyDeclaration, version: int) -> PlannedKey:
        return PlannedKey(
            name=name,
            reference=KeyReference(key.name, version),
            purpose=key.purpose,
            level=key.level,
            card_id=version if key.purpose in _BY_INDEX else key.card_id or 0,
            tries=_tries(key.purpose, self._parameters.key_tries),
            size=key.size(self._parameters.algorithm),
        )


def _tries(purpose: Purpose, of_others: int) -> int | None:
    if purpose in _NEVER_BLOCKS:
        return None
    return max(of_others, MASTER_TRIES) if purpose is Purpose.MASTER else of_others


def _is_loadable(key: KeyDeclaration) -> bool:
    """Whether commands can name it: keys whose id nobody knows are left out."""
    return key.card_id is not None or key.purpose in _BY_INDEX


def _application(declared: model.Directory, records: Records, loaded: _Keys) -> PlannedDirectory:
    if declared.fid is None:
        raise PlanError(f"{declared.name} has no file identifier")
    return PlannedDirectory(
        name=declared.name,
        fid=declared.fid,
        df_name=declared.df_name,
        is_ddf=False,
        lock_key=loaded.named(declared.name, Purpose.APPLICATION_BLOCK),
        files=_files(declared, records, loaded),
        keys=loaded.of(declared.name),
    )


def _files(directory: model.Directory, records: Records, loaded: _Keys) -> tuple[PlannedFile, ...]:
    planned = (_file(file, records.get(file.name, ()), directory.name, loaded) for file in directory.files)
    return tuple(file for file in planned if file.space)


def _file(file: model.ElementaryFile, held: Sequence[bytes], directory: str, loaded: _Keys) -> PlannedFile:
    written = sum(map(len, held))
    update, size, count = file.update, 0, 0
    match file:
        case model.CyclicFile():
            size, count = file.record_size, max(file.records, len(held))
        case model.LinearFile(structure=model.Structure.LINEAR_FIXED) if file.items:
            size = max((file.items[0].record_size, *map(len, held)))
            count = max(sum(item.repeat for item in file.items), len(held))
        case model.InternalFile():
            # The profile says who changes it in use; a command of DSK's holder sets the starting day of its year.
            starting_day = loaded.named(directory, Purpose.STARTING_DAY)
            update = Key(starting_day) if starting_day else COS
        case _:
            pass
    return PlannedFile(
        name=file.name,
        fid=file.fid,
        sfi=0 if file.fid is None else file.sfi,
        structure=file.structure,
        space=size * count or max(file.size, written),
        record_size=size,
        record_count=count,
        read=file.read,
        update=update,
        secure_messaging=file.secure_messaging,
    )


def _dir_file(applications: Sequence[model.Directory], master_key: str) -> PlannedFile:
    """The DIR file of the SSSE: one record 61{4F AID, 50 label} for each application below it [S2.3 §6.3].

    An application without an AID is found by its DF name, which stands in place of one. Who has the master key, and may
    add applications, may update it (inference).
    """
    records = tuple(
        encode(0x61, encode(0x4F, application.df_name) + encode(0x50, _label(application.chinese)))
        for application in applications
    )
    return PlannedFile(
        name=DIR_NAME,
        fid=0xEF00 | DIR_SFI,
        sfi=DIR_SFI,
        structure=model.Structure.LINEAR_VARIABLE,
        space=sum(map(len, records)),
        read=FREE,
        update=Key(master_key),
        contents=records,
    )


def _label(chinese: str) -> bytes:
    """As many characters as fit into an application label."""
    while len(encoded := encode_text(chinese)) > _MAX_LABEL:
        chinese = chinese[:-1]
    return encoded
