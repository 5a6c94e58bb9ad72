"""What one PSAM is to become (PSAM发卡任务): everything that is decided before a chip is touched."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from apdu.errors import MalformedError
from cardlib import psam_building
from cardlib.crypto import Algorithm
from cardlib.errors import AlgorithmUnsupportedError
from cardlib.key_requests import CardFactors
from cardlib.keys import KEYS, VERSIONS, KeyDeclaration, KeyReference, Purpose
from cardlib.psam import APPLICATION_KEYS, MAX_LEVELS, PsamKeyType, algorithm_byte, record_head
from cardlib.psam_building import KEY_FILES, ApplicationInformation, KeyCommand, require_digits
from cardlib.psam_flows.environment import in_area
from cardlib.psam_keys import PSAM_KEYS, PsamKeyId, psam_factor

_COMPUTES: Final = frozenset({PsamKeyType.MAC, PsamKeyType.ENCRYPT, PsamKeyType.ENCRYPT_AND_MAC})


@dataclass(frozen=True, slots=True)
class OrderedKey:
    """A key of cards that goes onto the PSAM, in one environment.

    ``reference``: which; ``levels``: how often it is diversified down to a card, 1…3; ``size``: its bytes.
    """

    reference: KeyReference
    kind: PsamKeyType
    id: int
    levels: int
    file: int
    size: int

    def __str__(self) -> str:
        return f"{self.reference.name} version {self.reference.version}"

    @property
    def computes(self) -> bool:
        """Whether the PSAM computes with it on demand; a purchase key does in purchases only, others never."""
        return self.kind in _COMPUTES

    def loading(self, algorithm: Algorithm) -> KeyCommand:
        """CREATE KEY without the key."""
        code = algorithm_byte(algorithm, self.size)
        return psam_building.create_key(self.file, record_head(self.kind, self.id, self.levels, code))


@dataclass(frozen=True, slots=True, kw_only=True)
class PsamOrder:
    """One PSAM to issue (PSAM发卡任务).

    ``serial``: 20 digits (PSAM序列号). ``terminal``: 12 digits (终端机编号). ``region``: six digits of the city whose
    keys it gets, as far as they are below the national level; the terminal number must begin like it, because who uses
    the PSAM concludes its area from that. ``algorithms``: its environments, DES first, which is the MF. ``keys``: which
    keys, with type, id and level; ``levels``: one level for all of them instead, 3 the national roots, 2 the
    province's, 1 the city's keys. ``information``: of ministry, province and city, with the version of their keys.
    ``issuer``, ``version``, ``key_card_type``, ``fci_data``: the other bytes of EF 0015, for which no values are
    defined. ``declared``: what is known of keys, by name.

    Raises MalformedError, AlgorithmUnsupportedError for SSF33: nothing can be encrypted for such an environment.
    """

    serial: str
    terminal: str
    region: str
    algorithms: tuple[Algorithm, ...] = (Algorithm.DES, Algorithm.SM4)
    keys: tuple[PsamKeyId, ...] = PSAM_KEYS
    levels: int | None = None
    information: tuple[ApplicationInformation, ApplicationInformation, ApplicationInformation] = field(
        default=(ApplicationInformation(),) * 3
    )
    issuer: int = 0
    version: int = 1
    key_card_type: int = 0
    fci_data: bytes = b"\x00\x00"
    declared: Mapping[str, KeyDeclaration] = field(default_factory=lambda: KEYS, repr=False)

    def __post_init__(self) -> None:
        require_digits("the serial number", self.serial, 20)
        require_digits("the terminal number", self.terminal, 12)
        require_digits("the region", self.region, 6)
        if Algorithm.SSF33 in self.algorithms:
            raise AlgorithmUnsupportedError(Algorithm.SSF33.name)
        if self.algorithms[:1] != (Algorithm.DES,) or len(set(self.algorithms)) != len(self.algorithms):
            raise MalformedError("the first environment of a PSAM, its MF, is that of DES, and each is there once")
        if not {self.issuer, self.version, self.key_card_type} <= set(range(0x100)) or len(self.fci_data) != 2:
            raise MalformedError("issuer, version and type of a PSAM are one byte each, its FCI data two")
        if any(each.key_version not in VERSIONS for each in self.information):
            raise MalformedError(f"keys have versions {', '.join(map(str, VERSIONS))}")
        if self.levels is not None and not 1 <= self.levels <= MAX_LEVELS:
            raise MalformedError(f"keys are 1 to {MAX_LEVELS} levels above a card")
        self._require_keys()

    def _require_keys(self) -> None:
        for row in self.keys:
            known = self.declared.get(row.name)
            if known is None or known.purpose is Purpose.MASTER:
                raise MalformedError(f"there is no key {row.name!r} that a PSAM could use")
            if row.file not in KEY_FILES or row.kind not in APPLICATION_KEYS or not 0 <= row.id <= 0xFF:
                raise MalformedError(f"{row.name}: no key of a PSAM has this file, type and id")
            if not 1 <= row.levels <= MAX_LEVELS:
                raise MalformedError(f"{row.name}: keys are 1 to {MAX_LEVELS} levels above a card")
        names = [(row.kind, row.id) for row in self.keys]
        if len(set(names)) != len(names):
            raise MalformedError("a type and id of a key occurs once on a PSAM")
        lowest = min((self.levels or row.levels for row in self.keys), default=MAX_LEVELS)
        if not in_area(self.terminal, self.region, lowest):
            raise MalformedError("the terminal number must begin with the region whose keys the PSAM gets")

    @property
    def card_information(self) -> bytes:
        """EF 0015, 15 bytes [S2.9 §5.2]."""
        return psam_building.card_information(
            self.serial,
            issuer=self.issuer,
            version=self.version,
            key_card_type=self.key_card_type,
            fci_data=self.fci_data,
        )

    @property
    def terminal_number(self) -> bytes:
        """EF 0016, 6 bytes."""
        return bytes.fromhex(self.terminal)

    def factors(self, algorithm: Algorithm) -> CardFactors:
        """What makes the PSAM's own keys its own, and says whose keys it gets."""
        return CardFactors(algorithm, self.region, psam_factor(self.serial))

    def keys_of(self, file: int, algorithm: Algorithm) -> tuple[OrderedKey, ...]:
        """The keys of one key file in the environment of this algorithm, in the order of loading."""
        return tuple(self._ordered(row, algorithm) for row in self.keys if row.file == file)

    def _ordered(self, row: PsamKeyId, algorithm: Algorithm) -> OrderedKey:
        known = self.declared[row.name]
        if row.kind is PsamKeyType.PURCHASE:
            version = row.id
        elif known.purpose is Purpose.MAINTENANCE:
            version = 1  # issued in one version only [S2.9 annex B]
        else:
            version = self.information[KEY_FILES.index(row.file)].key_version
        reference = KeyReference(row.name, version)
        return OrderedKey(reference, row.kind, row.id, self.levels or row.levels, row.file, known.size(algorithm))
