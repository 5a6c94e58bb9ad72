"""How Datang T514 is told to build a card; bytes as an SSC building tool sends them [S2.5 is silent].

What that tool does not explain stands, marked as inference, in :mod:`cardlib.cos.levels`.
"""

from typing import Final

from apdu.command import CommandAPDU
from apdu.secret import Secret
from apdu.tlv import encode
from cardlib.commands import RecordMode
from cardlib.cos import levels
from cardlib.cos.encoder import CREATE, PLAIN, Encoder, KeyLoading
from cardlib.cos.levels import T514Delete, T514Directory, T514File, T514Internal, T514Key
from cardlib.cos.plan import DIR_NAME, Plan, PlanError, PlannedDirectory, PlannedFile, PlannedKey
from cardlib.cos.protection import ssc_authentication, transport_cryptogram
from cardlib.crypto import Algorithm
from cardlib.fci import ALGORITHM_ID, DF_NAME, FCI_TEMPLATE, ISSUER_DISCRETIONARY, PROPRIETARY
from cardlib.key_requests import Cryptogram, Encipherment
from cardlib.keys import KeyReference, Purpose
from cardlib.model import Structure
from cardlib.rules import COS, FREE, NEVER, NONE, PIN, AllOf, AnyOf, Key, Rule

_FILE_TYPES: Final = {
    Structure.LINEAR_VARIABLE: T514File.VARIABLE,
    Structure.LINEAR_FIXED: T514File.FIXED,
    Structure.CYCLIC: T514File.CYCLIC,
    Structure.TRANSPARENT: T514File.TRANSPARENT,
}
_KEY_TYPES: Final = {
    Purpose.MASTER: T514Key.MASTER,
    Purpose.INTERNAL_AUTHENTICATION: T514Key.INTERNAL,
    Purpose.MAINTENANCE: T514Key.MAINTENANCE,
    Purpose.LOAD: T514Key.LOAD,
    Purpose.PURCHASE: T514Key.PURCHASE,
    Purpose.TAC: T514Key.TAC,
}
_KEY_RECORD: Final = 24
_WIDTH: Final = 16
_FCI_RECORD: Final = 0x70
_SFI_OF_DIR: Final = 0x88


def fci_record(directory: PlannedDirectory) -> bytes:
    """The record of a directory in an FCI file: 70 L ‖ FID ‖ L ‖ 6F{84 name, A5{88 DIR SFI, 9F0C{86 algorithm}, …}}."""
    proprietary = b"" if directory.dir_sfi is None else encode(_SFI_OF_DIR, bytes((directory.dir_sfi,)))
    if directory.algorithm is not None:
        proprietary += encode(ISSUER_DISCRETIONARY, encode(ALGORITHM_ID, bytes((directory.algorithm.value,))))
    proprietary += directory.fci_objects
    named = encode(DF_NAME, directory.df_name)
    template = encode(FCI_TEMPLATE, named + (encode(PROPRIETARY, proprietary) if proprietary else b""))
    return encode(_FCI_RECORD, directory.fid.to_bytes(2, "big") + bytes((len(template),)) + template)


def delete(kind: T514Delete, fid: int) -> CommandAPDU:
    """Delete what has this file identifier; after the MF the transport key is alive again (删除)."""
    return CommandAPDU(PLAIN, 0xE1, 0x00, kind, fid.to_bytes(2, "big"))


class T514(Encoder):
    """Datang T514 (大唐)."""

    name = "t514"
    protects_new_keys = True
    transport_key_size = 16
    mac_challenge = 8
    chunk = 0x80
    ended = frozenset({0x6A86})
    erase = None

    def transport(self, historical_bytes: bytes, key: Secret) -> tuple[CommandAPDU, ...]:
        """80E0030008: 0000 ‖ T8…TD under the transport key."""
        block = levels.T514_TRANSPORT_PREFIX + historical_bytes[7:13]
        return (CommandAPDU(PLAIN, CREATE, 0x03, 0x00, transport_cryptogram(key, block)),)

    def serial(self, historical_bytes: bytes) -> tuple[CommandAPDU, ...]:
        """80E0050008: 0000 ‖ T8…TD; then 001400000B: the ATR's first four bytes, T1…T7."""
        head = bytes((0x3B, 0x60 | len(historical_bytes), 0x00, 0x00)) + historical_bytes[:7]
        number = levels.T514_TRANSPORT_PREFIX + historical_bytes[7:13]
        return CommandAPDU(PLAIN, CREATE, 0x05, 0x00, number), CommandAPDU(0x00, 0x14, 0x00, 0x00, head)

    def create_directory(self, directory: PlannedDirectory, transport_key: Secret) -> CommandAPDU:  # noqa: ARG002
        """80E00100, 16 bytes and the name; creating and deleting in it take its MK.

        The bytes ``00 xx`` behind the type, which the tool does not explain, are taken for a hint at the space and
        sent as 0000: none.
        """
        kind = T514Directory.DDF if directory.is_ddf else T514Directory.ADF
        amounts = levels.T514_AMOUNTS_SFI if directory.file(Structure.INTERNAL) else 0
        fci = levels.T514_FCI_SFI if _fci_records(directory) else 0
        rights = (_lock_level(directory), levels.T514_MASTER, levels.T514_MASTER)
        head = bytes((0x00, *rights, 0x01)) + directory.fid.to_bytes(2, "big")
        tail = (kind, 0x00, 0x00, fci, 0x00, 0x00, levels.T514_KEYS_SFI, 0x00, amounts)
        return CommandAPDU(PLAIN, CREATE, 0x01, 0x00, head + bytes(tail) + directory.df_name)

    def create_key_file(self, directory: PlannedDirectory) -> CommandAPDU:
        """Type C3 with records of 18h bytes, one for each key and the PIN."""
        space = _KEY_RECORD * (len(directory.keys) + (directory.pin is not None))
        return _internal(T514Internal.KEYS, levels.T514_KEYS_SFI, space)

    def control_information(self, directory: PlannedDirectory) -> tuple[CommandAPDU, ...]:
        """The FCI file, type C3 with records FF, and in it a record for the DDF and each of its ADFs (00D2)."""
        records = _fci_records(directory)
        if not records:
            return ()
        file = _internal(T514Internal.FCI, levels.T514_FCI_SFI, sum(map(len, records)))
        p2 = levels.T514_FCI_SFI << 3 | RecordMode.NUMBER
        written = (CommandAPDU(0x00, 0xD2, number, p2, record) for number, record in enumerate(records, start=1))
        return file, *written

    def create_file(
        self, file: PlannedFile, directory: PlannedDirectory, parent: PlannedDirectory | None
    ) -> CommandAPDU:
        """80E0010010: 000000, space, FID, type, how updates come, SFI, SCW, record length, read right, update right."""
        read_sign, read = _right(file.read, directory, parent)
        update_sign, update = _right(file.update, directory, parent)
        scw = read_sign << 4 | update_sign
        if file.structure is Structure.INTERNAL:
            return _internal(T514Internal.AMOUNTS, levels.T514_AMOUNTS_SFI, file.space, scw, read + update)
        kind = T514File.DIR if file.name == DIR_NAME else _FILE_TYPES[file.structure]
        updates = levels.T514_MAC_UPDATES if file.secure_messaging else 0x00
        return _descriptor(file.space, file.fid or 0, (kind, updates, file.sfi, scw, file.record_size), read + update)

    def internal_sfi(self, directory: PlannedDirectory) -> int:  # noqa: ARG002
        """03."""
        return levels.T514_AMOUNTS_SFI

    def add_key(self, key: PlannedKey, directory: PlannedDirectory, plan: Plan) -> KeyLoading:  # noqa: ARG002
        """D4, P1 01 for MK: header type, id, version, EF, tries, algorithm, level, length; value filled to 16 bytes."""
        kind = _KEY_TYPES.get(key.purpose, T514Key.EXTERNAL)
        tries = levels.T514_NEVER_BLOCKS if key.tries is None else key.tries
        algorithm = levels.KEY_ALGORITHMS[plan.algorithm.value, key.size]
        header = (kind, key.card_id, key.version, levels.T514_FORBIDDEN, tries, algorithm, _level(key), key.size)
        return KeyLoading(int(key.purpose is Purpose.MASTER), 0x00, bytes(header), _WIDTH)

    def add_pin(self, length: int, directory: PlannedDirectory, plan: Plan) -> KeyLoading:  # noqa: ARG002
        """As a key of type 01, id 00, version 01; in place of the algorithm the level of PUK."""
        pin = directory.pin
        if pin is None:
            raise PlanError(f"{directory.name} has no PIN")
        unblocking = directory.key(pin.unblocked_by) if pin.unblocked_by else None
        level = _level(unblocking) if unblocking else levels.T514_FORBIDDEN
        header = (T514Key.PIN, 0x00, 0x01, levels.T514_FORBIDDEN, pin.tries, level, levels.T514_PIN, length)
        return KeyLoading(0x00, 0x00, bytes(header), _WIDTH)

    def replace_key(self, key: PlannedKey, directory: PlannedDirectory, plan: Plan) -> KeyLoading:
        """As a new key: the same type, id and version is the same key."""
        return self.add_key(key, directory, plan)

    def authenticate(
        self,
        directory: PlannedDirectory,  # noqa: ARG002
        algorithm: Algorithm,
        key: Secret,
        challenge: bytes,
    ) -> CommandAPDU:
        """00820000, in the two steps of the SSC, in every directory; P2 00 is MK on a card under construction."""
        return CommandAPDU(0x00, 0x82, 0x00, 0x00, ssc_authentication(algorithm, key, challenge))

    def proof(self, directory: PlannedDirectory, challenge: bytes) -> Cryptogram:
        """The two steps of the SSC, with the challenge as the original too."""
        return Cryptogram(directory.master_key.reference, challenge, challenge)

    def show(self, directory: PlannedDirectory, cryptogram: bytes, challenge: bytes) -> CommandAPDU:  # noqa: ARG002
        """00820000: cryptogram ‖ challenge."""
        return CommandAPDU(0x00, 0x82, 0x00, 0x00, cryptogram + challenge)

    def transport_task(self, historical_bytes: bytes, key: KeyReference) -> Encipherment:
        """0000 ‖ T8…TD."""
        return Encipherment(key, levels.T514_TRANSPORT_PREFIX + historical_bytes[7:13])

    def open(self, answer: bytes) -> tuple[CommandAPDU, ...]:
        """80E0030008."""
        return (CommandAPDU(PLAIN, CREATE, 0x03, 0x00, answer),)

    def end(self, directory: PlannedDirectory) -> tuple[CommandAPDU, ...]:  # noqa: ARG002
        """80E00200, on T=0 80E0020000."""
        return (CommandAPDU(PLAIN, CREATE, 0x02, 0x00),)


def _fci_records(directory: PlannedDirectory) -> tuple[bytes, ...]:
    """Of a DDF and its ADFs; DDFs below have their own, and what has no name answers nothing."""
    described = (directory, *directory.children) if directory.is_ddf else ()
    own = (one for one in described if one is directory or not one.is_ddf)
    return tuple(fci_record(one) for one in own if one.df_name)


def _lock_level(directory: PlannedDirectory) -> int:
    """Level of the directory's LK, of the SSSE's BK; 00 where it has none, and BK of the DDF blocks it."""
    key = directory.key(directory.lock_key) if directory.lock_key else None
    return _level(key) if key else levels.T514_FREE


def _level(key: PlannedKey) -> int:
    if key.purpose is Purpose.MASTER:
        return levels.T514_MASTER
    if key.purpose in _KEY_TYPES:
        return levels.T514_FREE
    return levels.t514_level(key.card_id)


def _right(rule: Rule, directory: PlannedDirectory, parent: PlannedDirectory | None) -> tuple[int, bytes]:
    """Nibble of the SCW and the two bytes of a right."""
    if rule == FREE:
        return levels.T514_AND, bytes((levels.T514_FREE, levels.T514_FREE))
    if rule in {NEVER, NONE, COS}:
        return levels.T514_OR, bytes((levels.T514_FORBIDDEN, levels.T514_FORBIDDEN))
    terms = rule.parts if isinstance(rule, (AnyOf, AllOf)) else (rule,)
    sides = dict(_side(term, directory, parent) for term in terms)
    if len(sides) != len(terms):
        raise PlanError(f"{directory.name}: T514 cannot express {rule}: one condition on each directory, no more")
    sign, idle = (
        (levels.T514_OR, levels.T514_FORBIDDEN) if isinstance(rule, AnyOf) else (levels.T514_AND, levels.T514_FREE)
    )
    return sign, bytes((sides.get("parent", idle), sides.get("own", idle)))


def _side(term: Rule, directory: PlannedDirectory, parent: PlannedDirectory | None) -> tuple[str, int]:
    """Which directory a condition is about, and the level that it asks for."""
    for side, keeper in (("own", directory), *((("parent", parent),) if parent else ())):
        if term == PIN and keeper.pin is not None:
            return side, levels.T514_PIN
        key = keeper.key(term.name) if isinstance(term, Key) else None
        if key is not None and _level(key):
            return side, _level(key)
    raise PlanError(f"{directory.name}: T514 cannot express {term}")


def _internal(
    kind: T514Internal,
    sfi: int,
    space: int,
    scw: int = levels.T514_AND,
    rights: bytes = bytes((levels.T514_FORBIDDEN, levels.T514_FORBIDDEN, levels.T514_FREE, levels.T514_MASTER)),
) -> CommandAPDU:
    """Keys and FCI: nobody reads them, who has the MK writes them."""
    return _descriptor(space, 0xEF00 | sfi, (T514File.INTERNAL, 0x00, sfi, scw, kind), rights)


def _descriptor(space: int, fid: int, attributes: tuple[int, int, int, int, int], rights: bytes) -> CommandAPDU:
    places = bytes(3) + space.to_bytes(2, "big") + fid.to_bytes(2, "big")
    return CommandAPDU(PLAIN, CREATE, 0x01, 0x00, places + bytes(attributes) + rights)
