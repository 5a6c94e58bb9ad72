"""How FMCOS 2.0 is told to build a card: at the MF as its manual says, below by its layer for social security cards.

What neither explains stands, marked as inference, in :mod:`cardlib.cos.levels`; SM4 is such a thing.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from apdu.command import CommandAPDU
from apdu.secret import Secret
from cardlib.cos import levels
from cardlib.cos.encoder import CREATE, PLAIN, Encoder, KeyLoading
from cardlib.cos.levels import FmFile, FmKey
from cardlib.cos.plan import MF_FID, Plan, PlanError, PlannedDirectory, PlannedFile, PlannedKey
from cardlib.cos.protection import plain_authentication, ssc_authentication
from cardlib.crypto import Algorithm
from cardlib.key_requests import Cryptogram, Disclosure, Encipherment
from cardlib.keys import KeyReference, Purpose
from cardlib.model import Structure
from cardlib.rules import COS, FREE, NEVER, NONE, PIN, AllOf, AnyOf, Key, Rule

_FILE_TYPES: Final = {
    Structure.LINEAR_VARIABLE: FmFile.VARIABLE,
    Structure.LINEAR_FIXED: FmFile.FIXED,
    Structure.CYCLIC: FmFile.CYCLIC,
    Structure.TRANSPARENT: FmFile.TRANSPARENT,
}
_KEY_TYPES: Final = {
    Purpose.INTERNAL_AUTHENTICATION: FmKey.ENCRYPT,
    Purpose.MAINTENANCE: FmKey.MAINTENANCE,
    Purpose.CARD_BLOCK: FmKey.LOCK,
    Purpose.APPLICATION_BLOCK: FmKey.LOCK,
    Purpose.PIN_UNBLOCK: FmKey.UNBLOCK,
    Purpose.PURCHASE: FmKey.PURCHASE,
    Purpose.LOAD: FmKey.LOAD,
    Purpose.TAC: FmKey.INTERNAL,
}
"""All others are of type 39."""

_ADD: Final = 0x01
_FF: Final = 0xFF
_WHOLE_CHIP: Final = 0xFFFF
_FILE_HEADER: Final = 11
_RECORD_HEADER: Final = 8
_WALLET: Final = 22
_LOG_SFI: Final = 0x08
_MIN_RECORDS: Final = 2

ERASE: Final = CommandAPDU(PLAIN, 0x0E, 0x00, 0x00)
"""Erase what the current directory holds (擦除DF): 800E0000, on T=0 800E000000."""


def key_levels(directory: PlannedDirectory) -> Mapping[str, int]:
    """The level that each key of a directory wins, by the name that rules call it; all its versions the same.

    RK from 81 upwards, UK and DSK from C0 downwards, MK 40. Raises :class:`PlanError` when there are too many.
    """
    found = {directory.master_key.name: levels.FM_MASTER}
    readers = _names(directory, {Purpose.READ})
    if len(readers) > len(levels.FM_READERS):
        raise PlanError(f"{directory.name}: FMCOS has levels for {len(levels.FM_READERS)} read keys")
    found.update(zip(readers, levels.FM_READERS, strict=False))
    reading = frozenset().union(*(file.read.keys for file in directory.files))
    free = [level for level in levels.FM_UPDATERS if level not in found.values()]
    for name in _names(directory, {Purpose.UPDATE, Purpose.STARTING_DAY}):
        level = next((one for one in free if one != levels.FM_PIN or name not in reading), None)
        if level is None:
            raise PlanError(f"{directory.name}: FMCOS has no level left for {name}")
        free.remove(level)
        found[name] = level
    return found


class Fmcos(Encoder):
    """FMCOS 2.0 (复旦微电子) with its SSC layer."""

    name = "fmcos"
    protects_new_keys = False
    transport_key_size = 8
    mac_challenge = 4
    chunk = 0xE0
    ended = frozenset[int]()
    erase = ERASE

    def transport(self, historical_bytes: bytes, key: Secret) -> tuple[CommandAPDU, ...]:  # noqa: ARG002
        """Nothing: the transport code stands in the command that creates the MF."""
        return ()

    def serial(self, historical_bytes: bytes) -> tuple[CommandAPDU, ...]:  # noqa: ARG002
        """No command is known: the chip has its historical bytes from the factory."""
        raise PlanError("FMCOS cannot be given historical bytes")

    def create_directory(self, directory: PlannedDirectory, transport_key: Secret) -> CommandAPDU:
        """80E0, P1 P2 FID: 38, space, right to create, right to erase; the transport code, or FFFF, algorithm, name."""
        if directory.fid == MF_FID:
            if len(transport_key) != self.transport_key_size:
                raise PlanError(f"the transport code of FMCOS has {self.transport_key_size} bytes")
            rights = bytes((levels.FM_MF_MASTER, levels.FM_MF_MASTER))
            head = bytes((FmFile.DIRECTORY,)) + _WHOLE_CHIP.to_bytes(2, "big") + rights
            return _create(directory.fid, Secret(head + transport_key.reveal()))
        algorithm = levels.FM_DES if directory.algorithm is None else directory.algorithm.value
        master = levels.FM_MF_MASTER if directory.outside else levels.FM_MASTER
        rights = bytes((master, master, levels.FM_NO_FILE, _FF, algorithm))
        head = bytes((FmFile.DIRECTORY,)) + _two_bytes(_contents(directory), directory.name)
        return _create(directory.fid, head + rights + directory.df_name)

    def create_key_file(self, directory: PlannedDirectory) -> CommandAPDU:
        """80E00000: 3F, space, SFI of the DIR file for the FCI, right to add keys, FFFF.

        Adding is free, as in the manual's script: a chip that lost power before it had its MK could never be given one
        otherwise. Nobody can add keys of their own to a finished card, because there is no room for any.
        """
        sfi = levels.FM_NO_FILE if directory.dir_sfi is None else directory.dir_sfi
        adding = levels.FM_MF_ANYTIME if _by_manual(directory) else levels.FM_FREE
        space = _two_bytes(_key_space(directory), directory.name)
        return _create(0x0000, bytes((FmFile.KEYS,)) + space + bytes((sfi, adding, _FF, _FF)))

    def control_information(self, directory: PlannedDirectory) -> tuple[CommandAPDU, ...]:  # noqa: ARG002
        """Nothing: the chip makes its FCI from the names, the SFI of the DIR file and the algorithm."""
        return ()

    def create_file(
        self,
        file: PlannedFile,
        directory: PlannedDirectory,
        parent: PlannedDirectory | None,
    ) -> CommandAPDU:
        """80E0, P1 P2 FID: type, space, read right, update right, joint, FF; space is count ‖ length of records.

        The amounts: 2F 0210, right to use, right of DSK, FF, SFI of the log.
        """
        read, joint = _read_right(file.read, directory, parent)
        update = _update_right(file.update, directory)
        if file.structure is Structure.INTERNAL:
            wallet = bytes((FmFile.WALLET,)) + levels.FM_AMOUNTS_SPACE.to_bytes(2, "big")
            return _create(0xEF00 | levels.FM_AMOUNTS_SFI, wallet + bytes((levels.FM_FREE, update, _FF, _LOG_SFI)))
        kind = _FILE_TYPES[file.structure] | (levels.FM_MAC_UPDATES if file.secure_messaging else 0)
        if file.record_size:
            space = bytes((max(file.record_count, _MIN_RECORDS), file.record_size))
        else:
            space = _two_bytes(file.space, file.name)
        return _create(file.fid or 0, bytes((kind,)) + space + bytes((read, update, joint, _FF)))

    def internal_sfi(self, directory: PlannedDirectory) -> int:  # noqa: ARG002
        """02."""
        return levels.FM_AMOUNTS_SFI

    def add_key(self, key: PlannedKey, directory: PlannedDirectory, plan: Plan) -> KeyLoading:
        """D4, P1 01, P2 id: type, right to use, right to change, and what the type has [FMCOS manual, WRITE KEY]."""
        return KeyLoading(_ADD, _number(key), bytes((_key_type(key),)) + _attributes(key, directory, plan.algorithm))

    def add_pin(self, length: int, directory: PlannedDirectory, plan: Plan) -> KeyLoading:  # noqa: ARG002
        """D4, P1 01, P2 00: 3A, right to use, EF, next state, counter; 2…8 bytes, there is no empty PIN."""
        if directory.pin is None or not length:
            raise PlanError(f"{directory.name}: FMCOS has no empty PIN")
        return KeyLoading(
            _ADD, 0x00, bytes((FmKey.PIN, levels.FM_FREE, 0xEF, levels.FM_PIN, _both(directory.pin.tries)))
        )

    def replace_key(self, key: PlannedKey, directory: PlannedDirectory, plan: Plan) -> KeyLoading:
        """84D4, P1 type, P2 id: as it was added, bits 8 and 7 of the type set; of MK 84D43900, type F9."""
        kind = _key_type(key)
        header = bytes((kind | levels.FM_REPLACED_PROTECTED,)) + _attributes(key, directory, plan.algorithm)
        return KeyLoading(kind, _number(key), header)

    def algorithm(self, directory: PlannedDirectory, plan: Plan) -> Algorithm:
        """DES at the MF and outside the SSC layer, whatever that has."""
        return Algorithm.DES if _by_manual(directory) else plan.algorithm

    def authenticate(
        self, directory: PlannedDirectory, algorithm: Algorithm, key: Secret, challenge: bytes
    ) -> CommandAPDU:
        """00820000: at the MF the challenge under the key, below in the two steps of the SSC."""
        if _by_manual(directory):
            return CommandAPDU(0x00, 0x82, 0x00, 0x00, plain_authentication(key, challenge))
        return CommandAPDU(0x00, 0x82, 0x00, 0x00, ssc_authentication(algorithm, key, challenge))

    def proof(self, directory: PlannedDirectory, challenge: bytes) -> Cryptogram | Encipherment:
        """At the MF the challenge under the key, below the two steps of the SSC."""
        key = directory.master_key.reference
        return Encipherment(key, challenge) if _by_manual(directory) else Cryptogram(key, challenge, challenge)

    def show(self, directory: PlannedDirectory, cryptogram: bytes, challenge: bytes) -> CommandAPDU:
        """00820000: the cryptogram, below the MF with the challenge behind it."""
        original = b"" if _by_manual(directory) else challenge
        return CommandAPDU(0x00, 0x82, 0x00, 0x00, cryptogram + original)

    def transport_task(self, historical_bytes: bytes, key: KeyReference) -> Disclosure:  # noqa: ARG002
        """The transport code itself: CREATE of the MF has it in clear."""
        return Disclosure(key)

    def open(self, answer: bytes) -> tuple[CommandAPDU, ...]:  # noqa: ARG002
        """Nothing: see :meth:`transport`."""
        return ()

    def end(self, directory: PlannedDirectory) -> tuple[CommandAPDU, ...]:  # noqa: ARG002
        """Nothing: rights hold once the directory was left."""
        return ()


def _create(fid: int, data: bytes | Secret) -> CommandAPDU:
    return CommandAPDU(PLAIN, CREATE, fid >> 8, fid & 0xFF, data)


def _names(directory: PlannedDirectory, purposes: Iterable[Purpose]) -> tuple[str, ...]:
    """The keys with these purposes, each once, in their order."""
    return tuple(dict.fromkeys(key.name for key in directory.keys if key.purpose in purposes))


def _key_type(key: PlannedKey) -> FmKey:
    return _KEY_TYPES.get(key.purpose, FmKey.EXTERNAL)


def _number(key: PlannedKey) -> int:
    """A key alone of its type has id 00."""
    return 0x00 if _key_type(key) is FmKey.MAINTENANCE else key.card_id


def _attributes(key: PlannedKey, directory: PlannedDirectory, algorithm: Algorithm) -> bytes:
    """What stands between the type and the value of a key."""
    kind = _key_type(key)
    counter = levels.FM_NOT_COUNTED if key.tries is None else _both(key.tries)
    if _by_manual(directory):
        return bytes((levels.FM_MF_ANYTIME, levels.FM_MF_MASTER_CHANGE, levels.FM_MF_MASTER_STATE, counter))
    rights = bytes((levels.FM_FREE, levels.FM_MASTER))
    if kind is FmKey.EXTERNAL:
        return rights + bytes((key_levels(directory)[key.name], counter, key.version))
    if kind in levels.FM_VERSIONED:
        return rights + bytes((_FF, counter, key.version))
    if kind is FmKey.MAINTENANCE:
        return rights + bytes((_FF, counter))
    return rights + bytes((key.version, levels.KEY_ALGORITHMS[algorithm.value, key.size]))


def _both(tries: int) -> int:
    """Error counter: maximum ‖ remaining."""
    return tries << 4 | tries


def _read_right(rule: Rule, directory: PlannedDirectory, parent: PlannedDirectory | None) -> tuple[int, int]:
    """Mask of a read right, and how its levels are joined."""
    if directory.outside:
        return _state(rule, directory), levels.FM_OR
    if rule == FREE:
        return levels.FM_FREE, levels.FM_OR
    if rule in {NEVER, NONE, COS}:
        return levels.FM_FORBIDDEN, levels.FM_OR
    terms = rule.parts if isinstance(rule, (AnyOf, AllOf)) else (rule,)
    masks = [_read_level(term, directory, parent) for term in terms]
    if len({mask & levels.FM_BANK for mask in masks}) > 1 or len(set(masks)) != len(masks):
        raise PlanError(f"{directory.name}: FMCOS cannot express {rule}: its levels are in different banks")
    joined = 0
    for mask in masks:
        joined |= mask
    return joined, levels.FM_AND if isinstance(rule, AllOf) else levels.FM_OR


def _read_level(term: Rule, directory: PlannedDirectory, parent: PlannedDirectory | None) -> int:
    keeper = directory.pin or (parent.pin if parent else None)
    if term == PIN and keeper is not None:
        return levels.FM_PIN
    level = key_levels(directory).get(term.name) if isinstance(term, Key) else None
    if level is None or level == levels.FM_PIN:
        raise PlanError(f"{directory.name}: FMCOS cannot express {term}")
    return level


def _update_right(rule: Rule, directory: PlannedDirectory) -> int:
    """Mask of an update right: of one key of the directory."""
    if directory.outside:
        return _state(rule, directory)
    if rule == FREE:
        return levels.FM_FREE
    if rule in {NEVER, NONE, COS}:
        return levels.FM_FORBIDDEN
    level = key_levels(directory).get(rule.name) if isinstance(rule, Key) else None
    if level is None:
        raise PlanError(f"{directory.name}: FMCOS cannot express the update right {rule}")
    return level


def _by_manual(directory: PlannedDirectory) -> bool:
    """Whether rights and keys are those of the manual, not of the SSC layer."""
    return directory.fid == MF_FID or directory.outside


def _state(rule: Rule, directory: PlannedDirectory) -> int:
    """A right as the manual has it; here they are free, or nobody's."""
    if rule in {FREE, NEVER}:
        return levels.FM_MF_ANYTIME if rule == FREE else levels.FM_MF_NEVER
    raise PlanError(f"{directory.name}: outside the SSC layer there is no {rule}")


def _key_space(directory: PlannedDirectory) -> int:
    """Bytes of the key file, and none to spare: each key with 8 bytes, some in the SSC layer one for the version."""
    versioned = frozenset[FmKey]() if _by_manual(directory) else levels.FM_VERSIONED
    sizes = [key.size + _RECORD_HEADER + (_key_type(key) in versioned) for key in directory.keys]
    return sum(sizes) + (2 * _RECORD_HEADER if directory.pin else 0)


def _contents(directory: PlannedDirectory) -> int:
    """Bytes that a directory takes, its header and name included; where the manual gives two sizes, the larger one."""
    files = sum(_FILE_HEADER + _body(file) for file in directory.files)
    children = sum(map(_contents, directory.children))
    return 2 * _FILE_HEADER + len(directory.df_name) + _key_space(directory) + files + children


def _body(file: PlannedFile) -> int:
    if file.structure is Structure.INTERNAL:
        return _WALLET
    if file.record_size:
        return max(file.record_count, _MIN_RECORDS) * (file.record_size + 1) + _RECORD_HEADER
    return file.space


def _two_bytes(space: int, name: str) -> bytes:
    if space > _WHOLE_CHIP:
        raise PlanError(f"{name}: {space} bytes are more than {_WHOLE_CHIP}")
    return space.to_bytes(2, "big")
