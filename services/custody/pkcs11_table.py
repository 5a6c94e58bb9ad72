"""Where a deployment's keys are on its HSM (加密机密钥表), and the vendor's numbers for SM4: a TOML file.

Keys that have no row are 3DES and SM4 roots under their default labels, ``IRK/1``. ::

    [sm4]                        # without it there are no SM4 cards
    key_type = "80000011"        # CKK, hexadecimal, from the vendor's header
    encrypt = "80000101"         # CKM of ECB without padding
    derive = "80000102"          # CKM that derives from the encryption of data; none: keys of cities only
    tells_length = true          # whether templates of derived keys have CKA_VALUE_LEN

    [[keys]]
    name = "UKSSSE"              # as the card's key is called
    version = 1
    algorithm = "3DES"           # or "SM4": a row for each
    label = "province 99"        # CKA_LABEL, or id = "0A" in hexadecimal, CKA_ID, or both
    levels = 2                   # factors from this key to a card's: 3 the root, 2 of a province, 1 of a city
    region = "99"                # whose key: "" for a root, two digits of a province, six of a city

A chip's transport key is 3DES, is a root, and its version is the number of the lot.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from apdu.errors import MalformedError
from cardlib.crypto import Algorithm
from cardlib.keys import CHIP_KEYS, KEYS, VERSIONS, KeyDeclaration, KeyReference, Purpose
from cardlib.regional.document import Octets
from services.custody.pkcs11 import StoredKey
from services.custody.pkcs11_vendor import CipherNumbers
from services.custody.regions import overlap
from services.custody.tables import Entry, Number, read_table, require_none, unknown_keys

_ALGORITHMS: Final = {"3DES": Algorithm.DES, "SM4": Algorithm.SM4}

UnsignedLong = Annotated[Number, Field(ge=0, le=0xFFFFFFFF)]


class Sm4Entry(Entry):
    """The vendor's numbers, as :class:`~services.custody.pkcs11_vendor.CipherNumbers`."""

    key_type: UnsignedLong
    encrypt: UnsignedLong
    derive: UnsignedLong | None = None
    tells_length: bool = True


class KeyEntry(Entry):
    """One key object, as :class:`~services.custody.pkcs11.StoredKey`."""

    name: str
    version: Annotated[int, Field(ge=1)] = 1
    algorithm: Literal["3DES", "SM4"] = "3DES"
    label: str = ""
    id: Octets = b""
    levels: int = 3
    region: str = ""

    @property
    def stored(self) -> StoredKey:
        """The key's place; raises MalformedError where levels and region do not go together."""
        key = KeyReference(self.name, self.version)
        return StoredKey(key, _ALGORITHMS[self.algorithm], self.label, self.id, self.levels, self.region)


class Document(Entry):
    """The whole file."""

    sm4: Sm4Entry | None = None
    keys: Annotated[tuple[KeyEntry, ...], Field(strict=False)] = ()


@dataclass(frozen=True, slots=True)
class HsmTable:
    """What :class:`~services.custody.pkcs11.Pkcs11Custodian` is told of its token."""

    stored: tuple[StoredKey, ...] = ()
    sm4: CipherNumbers | None = None


def read_hsm_table(path: Path, keys: Mapping[str, KeyDeclaration] = KEYS) -> HsmTable:
    """What the file says; ``keys``: what is known of keys, by name.

    Raises :class:`~services.config.ConfigError` with everything that is wrong with the file.
    """
    document = read_table(path, Document)
    rows, known = document.keys, {**CHIP_KEYS, **keys}
    require_none(
        path,
        [
            *unknown_keys([row.name for row in rows], known),
            *_rivals(rows),
            *_row_faults(rows, known, document.sm4),
        ],
    )
    sm4 = document.sm4
    return HsmTable(
        tuple(row.stored for row in rows),
        CipherNumbers(sm4.key_type, sm4.encrypt, sm4.derive, sm4.tells_length) if sm4 else None,
    )


def _rivals(rows: Sequence[KeyEntry]) -> Iterator[str]:
    """A fault for each row that competes with another one: whose key a card got would depend on their order."""
    for number, row in enumerate(rows, 1):
        others = [
            f"keys[{at}]"
            for at, other in enumerate(rows, 1)
            if at != number
            and (row.name, row.version, row.algorithm) == (other.name, other.version, other.algorithm)
            and overlap(row.region, other.region)
        ]
        if others:
            yield f"keys[{number}]: this version of the key has cards in common with {', '.join(others)}"


def _row_faults(rows: Sequence[KeyEntry], known: Mapping[str, KeyDeclaration], sm4: Sm4Entry | None) -> Iterator[str]:
    for number, row in enumerate(rows, 1):
        try:
            _ = row.stored
        except MalformedError as error:
            yield f"keys[{number}]: {error}"
        transport = row.name in known and known[row.name].purpose is Purpose.TRANSPORT
        if transport and (row.algorithm, row.levels) != ("3DES", 3):
            yield f"keys[{number}]: a transport key is a 3DES root, whatever the chip's cipher is"
        if not transport and row.version not in VERSIONS:
            yield f"keys[{number}]: a key has versions {', '.join(map(str, VERSIONS))}, not {row.version}"
        if row.algorithm == "SM4":
            if sm4 is None:
                yield f"keys[{number}]: an SM4 key needs the vendor's numbers: add [sm4]"
            elif sm4.derive is None and row.levels > 1:
                yield f"keys[{number}]: without sm4.derive the key must be a city's"
