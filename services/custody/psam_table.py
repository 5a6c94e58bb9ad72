"""Which id each key has on a deployment's PSAMs (密钥标识表), as its issuer tells them: a TOML file.

One ``[[keys]]`` for each key, and for each version of a purchase key::

    [[keys]]
    name = "IRK"        # as the card's key is called
    kind = "ENCRYPT"    # PURCHASE, MAC, ENCRYPT, ENCRYPT_AND_MAC: type of the key (密钥类型)
    id = "08"           # hexadecimal; of a purchase key its version
    levels = 3          # factors from the key on the PSAM to a card's: 3 national, 2 of a province, 1 of a city
    file = "0011"       # of the issuer's information: 0011 national, 0012 of the province, 0013 of the city
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from cardlib.keys import KEYS, KeyDeclaration
from cardlib.psam import CITY_KEYS, MAX_LEVELS, NATIONAL_KEYS, PROVINCIAL_KEYS, PsamKeyType
from cardlib.psam_keys import PsamKeyId
from services.custody.tables import Entry, Number, doubles, read_table, require_none, unknown_keys

_FILES: Final = (NATIONAL_KEYS, PROVINCIAL_KEYS, CITY_KEYS)


class KeyEntry(Entry):
    """One key, as :class:`~cardlib.psam_keys.PsamKeyId`."""

    name: str
    kind: Literal["PURCHASE", "MAC", "ENCRYPT", "ENCRYPT_AND_MAC"]
    id: Annotated[Number, Field(ge=0, le=0xFF)]
    levels: Annotated[int, Field(ge=1, le=MAX_LEVELS)]
    file: Number


class Document(Entry):
    """The whole file."""

    keys: Annotated[tuple[KeyEntry, ...], Field(min_length=1, strict=False)]


def read_psam_table(path: Path, keys: Mapping[str, KeyDeclaration] = KEYS) -> tuple[PsamKeyId, ...]:
    """The rows of the file; ``keys``: what is known of keys, by name.

    Raises :class:`~services.config.ConfigError` with everything that is wrong with the file.
    """
    rows = read_table(path, Document).keys
    one_version = [(row.name, row.id if row.kind == "PURCHASE" else None) for row in rows]
    require_none(
        path,
        [
            *unknown_keys([row.name for row in rows], keys),
            *doubles(one_version, "the key stands twice"),
            *doubles([(row.kind, row.id) for row in rows], "two keys of one type have this id"),
            *(
                f"keys[{number}]: file is 0011, 0012 or 0013, not {row.file:04X}"
                for number, row in enumerate(rows, 1)
                if row.file not in _FILES
            ),
        ],
    )
    return tuple(PsamKeyId(row.name, PsamKeyType[row.kind], row.id, row.levels, row.file) for row in rows)
