"""What a keystore knows of a key besides its value, and which values it takes (密钥记录)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from apdu.secret import Secret
from cardlib.crypto import SM4, TRIPLE_DES, Algorithm
from cardlib.crypto.diversify import ZHEJIANG
from cardlib.keys import CHIP_KEYS, KEYS, VERSIONS, KeyDeclaration, KeyReference, Level, Purpose
from services.custody.card_keys import CHECK_VALUE
from services.custody.keystore.errors import KeyRefusedError
from services.custody.regions import overlap

NATIONAL_STEPS: Final = 3
"""Steps from a first-level root key (一级根密钥) to a card: province, city, card [S2.9 §7.3]."""


class KeyAlgorithm(StrEnum):
    """What a value is a key of. One value serves one algorithm; only development keys serve both of the cards'."""

    DES = "3DES"
    SM4 = "SM4"
    EITHER = "3DES+SM4"
    AES = "AES-256"
    """For wrapping other keys; never for a card."""

    @property
    def of_cards(self) -> tuple[Algorithm, ...]:
        """The cards' ciphers that it serves."""
        return _OF_CARDS[self]


_OF_CARDS: Final = {
    KeyAlgorithm.DES: (Algorithm.DES,),
    KeyAlgorithm.SM4: (Algorithm.SM4,),
    KeyAlgorithm.EITHER: (Algorithm.DES, Algorithm.SM4),
    KeyAlgorithm.AES: (),
}


class State(StrEnum):
    """Whether a key is used (密钥状态)."""

    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key without its value.

    ``steps``: diversifications that lead from it to a card: 3 from a national root key, 2 from a province's, 1 from a
    city's; 0 for what is not diversified, TRANSPORT and keys that wrap others. ``region``: the beginning of the region
    codes of the cards it serves, 0, 2, 4 or 6 digits. ``size``: bytes. ``check_values``: 3 bytes each in upper-case
    hex, one for each algorithm. ``created``: UTC, ISO 8601.
    """

    name: str
    version: int
    algorithm: KeyAlgorithm
    level: Level
    steps: int
    region: str
    size: int
    check_values: tuple[str, ...]
    state: State
    created: str

    @property
    def reference(self) -> KeyReference:
        """How a flow names it."""
        return KeyReference(self.name, self.version)

    @property
    def active(self) -> bool:
        """Whether it may be used."""
        return self.state is State.ACTIVE

    @property
    def wraps(self) -> bool:
        """Whether it is a key that wraps others."""
        return self.algorithm is KeyAlgorithm.AES

    def serves(self, algorithm: Algorithm) -> bool:
        """Whether it may be used with a card of this cipher; a blank chip checks TRANSPORT by 3DES whatever it is."""
        return algorithm in self.algorithm.of_cards or self.name in _UNDIVERSIFIED

    def competes_with(self, plan: "KeyPlan") -> bool:
        """Whether some card could be served by either, or whether both have one name as keys that wrap."""
        algorithms = {self.algorithm, *self.algorithm.of_cards} & {plan.algorithm, *plan.algorithm.of_cards}
        named = (self.name, self.version) == (plan.name, plan.version)
        return named and bool(algorithms) and overlap(self.region, plan.region)

    def same_key(self, other: "KeyRecord") -> bool:
        """Whether the two are versions of one key."""
        return (self.name, self.algorithm, self.region) == (other.name, other.algorithm, other.region)

    def retired(self) -> "KeyRecord":
        """The same, no longer used."""
        return replace(self, state=State.RETIRED)

    def public(self) -> dict[str, Any]:
        """All of it for JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "algorithm": self.algorithm.value,
            "level": self.level.name,
            "steps": self.steps,
            "region": self.region,
            "size": self.size,
            "check_values": list(self.check_values),
            "state": self.state.value,
            "created": self.created,
        }

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "KeyRecord":
        """Undo :meth:`public`; KeyError, TypeError or ValueError for anything else."""
        text = {name: _require_type(entry[name], str) for name in ("name", "algorithm", "level", "region", "created")}
        return cls(
            name=text["name"],
            version=_require_type(entry["version"], int),
            algorithm=KeyAlgorithm(text["algorithm"]),
            level=Level[text["level"]],
            steps=_require_type(entry["steps"], int),
            region=text["region"],
            size=_require_type(entry["size"], int),
            check_values=tuple(_require_type(value, str) for value in entry["check_values"]),
            state=State(entry["state"]),
            created=text["created"],
        )

    def __str__(self) -> str:
        region = f" of region {self.region}" if self.region else ""
        return f"{self.name} version {self.version} ({self.algorithm}{region})"


def _require_type(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(kind.__name__)
    return value


_UNDIVERSIFIED: Final = frozenset(name for name, key in CHIP_KEYS.items() if key.purpose is Purpose.TRANSPORT)
_WRAPPING_NAME: Final = re.compile(r"[A-Z][A-Z0-9-]{0,31}")
_REGION_DIGITS: Final = {0: (0,), 1: (6,), 2: (2, 4, 6), 3: (0, 2, 4, 6)}
"""How many digits of the region a key may be bound to, by its steps: a province's key is of one province."""
AES_KEY: Final = 32


def check_values(algorithm: KeyAlgorithm, value: Secret) -> tuple[str, ...]:
    """Key check values (密钥校验值): the first 3 bytes of a block of zeros under the key, one for each algorithm."""
    if algorithm is KeyAlgorithm.AES:
        encryptor = Cipher(algorithms.AES(value.reveal()), modes.ECB()).encryptor()  # noqa: S305 - what a KCV is
        blocks = [encryptor.update(bytes(16))]
    else:
        suites = {Algorithm.DES: TRIPLE_DES, Algorithm.SM4: SM4}
        blocks = [
            suite.encrypt_blocks(value, bytes(suite.block)) for suite in map(suites.__getitem__, algorithm.of_cards)
        ]
    return tuple(block[:CHECK_VALUE].hex().upper() for block in blocks)


@dataclass(frozen=True, slots=True)
class KeyPlan:
    """A key that is to be made or put in: everything but its value. ``steps`` None: those of its level.

    ``keys``: what is known of cards' keys by their names, with those of regional profiles.
    """

    name: str
    version: int
    algorithm: KeyAlgorithm
    steps: int | None = None
    region: str = ""
    keys: Mapping[str, KeyDeclaration] = field(default_factory=lambda: KEYS, repr=False)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Lengths in bytes that a value may have: a maintenance key of DES cards may be single DES, and TRANSPORT."""
        if self.algorithm is KeyAlgorithm.AES:
            return (AES_KEY,)
        declared = self._declared
        single = declared is not None and declared.purpose in {Purpose.MAINTENANCE, Purpose.TRANSPORT}
        return (8, 16) if single and self.algorithm is KeyAlgorithm.DES else (16,)

    @property
    def _declared(self) -> KeyDeclaration | None:
        return {**self.keys, **CHIP_KEYS}.get(self.name)

    def record(self, value: Secret, *, development_mode: bool, clock: datetime | None = None) -> KeyRecord:
        """The record of this key with this value; raises KeyRefusedError if there can be no such key."""
        self.require(development_mode=development_mode)
        self._require_strength(value)
        declared = self._declared
        return KeyRecord(
            name=self.name,
            version=self.version,
            algorithm=self.algorithm,
            level=declared.level if declared else Level.ISSUER,
            steps=self._steps,
            region=self.region,
            size=len(value),
            check_values=check_values(self.algorithm, value),
            state=State.ACTIVE,
            created=(clock or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds"),
        )

    def require(self, *, development_mode: bool) -> None:
        """Raise KeyRefusedError unless a key may be like this, whatever its value."""
        if self.algorithm is KeyAlgorithm.EITHER and not development_mode:
            raise KeyRefusedError("one value serves one algorithm; 3DES+SM4 is for development keystores only")
        if self.algorithm is KeyAlgorithm.AES:
            self._require_wrapping()
            return
        if self._declared is None:
            raise KeyRefusedError(f"there is no key {self.name!r} on a card; a key that wraps others is AES-256")
        self._require_place()
        if self.name in _UNDIVERSIFIED:
            if self.version < 1:
                raise KeyRefusedError("the version of a transport key is the number of the lot, from 1")
            if self.algorithm is not KeyAlgorithm.DES:
                raise KeyRefusedError(f"{self.name} is a 3DES key whatever the chip's cipher is")
        elif self.version not in VERSIONS:
            raise KeyRefusedError(f"a key has versions {', '.join(map(str, VERSIONS))}, not {self.version}")

    @property
    def _steps(self) -> int:
        if self.steps is not None:
            return self.steps
        return 0 if self.name in _UNDIVERSIFIED or self.algorithm is KeyAlgorithm.AES else NATIONAL_STEPS

    def _require_wrapping(self) -> None:
        if self._declared is not None or not _WRAPPING_NAME.fullmatch(self.name):
            raise KeyRefusedError("a key that wraps others has a name of its own, such as KEK-CITY: A to Z, 0 to 9, -")
        if self._steps or self.region or self.version < 1:
            raise KeyRefusedError("a key that wraps others has no region and is not diversified; versions are from 1")

    def _require_place(self) -> None:
        if (self.name in _UNDIVERSIFIED) != (self._steps == 0) or self._steps not in _REGION_DIGITS:
            raise KeyRefusedError(f"{self.name} cannot be {self._steps} diversification steps away from a card")
        digits = _REGION_DIGITS[self._steps] if self._steps else _REGION_DIGITS[NATIONAL_STEPS]
        if self._steps == 1 and self.region.startswith(ZHEJIANG):
            digits = (4, 6)  # a city's key there is of the first four digits [S3 §10.3]
        if len(self.region) not in digits or (self.region and not (self.region.isascii() and self.region.isdigit())):
            wanted = ", ".join(map(str, digits))
            raise KeyRefusedError(f"with {self._steps} steps to a card, the region has {wanted} digits")

    def _require_strength(self, value: Secret) -> None:
        if len(value) not in self.sizes:
            raise KeyRefusedError(f"{self.name} has {' or '.join(map(str, self.sizes))} bytes, not {len(value)}")
        plain = value.reveal()
        if not any(plain):
            raise KeyRefusedError("a key of zeros is no key")
        # The chip's maker sets the transport key, and some set one whose halves are equal, or weak.
        if self.name in _UNDIVERSIFIED or Algorithm.DES not in self.algorithm.of_cards:
            return
        parts = _des_keys(_seen_by_des(plain))
        if len(set(parts)) < len(parts):
            raise KeyRefusedError("the halves of this 3DES key are equal, so it is only single DES")
        if not _WEAK.isdisjoint(parts):
            raise KeyRefusedError("this is a weak or semi-weak key of DES, or has one for a half")


_DES: Final = 8
"""Bytes of a DES key, of which a 3DES key has two."""
_RIGHT: Final = {0x00: 0x00, 0x1E: 0x0E, 0xE0: 0xF0, 0xFE: 0xFE}
_WEAK: Final = frozenset(bytes((a, b) * 2 + (_RIGHT[a], _RIGHT[b]) * 2) for a in _RIGHT for b in _RIGHT)
"""The 4 weak and 12 semi-weak keys of DES [FIPS 74], which undo themselves or each other, without parity."""


def same_value(one: KeyAlgorithm, value: Secret, other: KeyAlgorithm, held: Secret) -> bool:
    """Whether two keys have one value, as far as their ciphers look at it: DES does not at the lowest bit of a byte.

    A single DES key has the value of any key that it is one half of: whoever has the one has half of the other.
    """
    if Algorithm.DES not in one.of_cards + other.of_cards:
        return value == held
    shorter, longer = sorted((_seen_by_des(value.reveal()), _seen_by_des(held.reveal())), key=len)
    return shorter == longer or (len(shorter) == _DES and shorter in _des_keys(longer))


def _seen_by_des(value: bytes) -> bytes:
    return bytes(byte & 0xFE for byte in value)


def _des_keys(seen: bytes) -> list[bytes]:
    return [seen[at : at + _DES] for at in range(0, len(seen), _DES)]
