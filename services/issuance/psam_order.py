"""A PSAM to issue (PSAM发卡任务): a TOML file says what it is to become.

::

    serial = "99000020260101000001"  # 20 digits; may be given when the PSAM is issued, as may the terminal number
    terminal = "990000000001"        # 12 digits, its first six those of the region
    region = "990000"                # whose keys it gets, as far as they are below the national level
    algorithms = ["DES", "SM4"]      # its environments, DES first
    levels = 1                       # all keys as a city's (2: a province's, 3: national); left out: as the table says
    keys = "keys.toml"               # table of ids, beside this file; left out: that of the setting psam_keys
    issuer = 0x99                    # the other bytes of EF 0015: issuer, version, key_card_type, fci_data

    [ministry]                       # and [province], [city]: application information of each
    purchase_index = 1
    key_version = 1                  # of all its keys but purchase and maintenance keys
    valid_from = "20260101"
    valid_until = "20301231"

The form of the table is that of :mod:`services.custody.psam_table`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from apdu.errors import MalformedError
from cardlib.crypto import Algorithm
from cardlib.issuance.psam.order import PsamOrder
from cardlib.keys import KEYS, KeyDeclaration
from cardlib.psam import MAX_LEVELS
from cardlib.psam_building import ApplicationInformation
from cardlib.psam_keys import PsamKeyId
from cardlib.regional.document import Octets
from services.config import ConfigError
from services.custody.psam_table import read_psam_table
from services.custody.tables import Entry, read_table, require_none

_Byte = Annotated[int, Field(ge=0, le=0xFF)]


class InformationEntry(Entry):
    """Application information of one issuer (应用信息)."""

    purchase_index: _Byte = 1
    key_version: _Byte = 1
    valid_from: str
    valid_until: str


class Document(Entry):
    """The whole file."""

    serial: str = ""
    terminal: str = ""
    region: str
    algorithms: Annotated[tuple[Literal["DES", "SM4"], ...], Field(strict=False)] = ("DES", "SM4")
    levels: Annotated[int, Field(ge=1, le=MAX_LEVELS)] | None = None
    keys: str = ""
    issuer: _Byte = 0
    version: _Byte = 1
    key_card_type: _Byte = 0
    fci_data: Octets = b"\x00\x00"
    ministry: InformationEntry
    province: InformationEntry
    city: InformationEntry


def read_psam_order(  # noqa: PLR0913 - what may be said outside the file
    path: Path,
    *,
    serial: str = "",
    terminal: str = "",
    table: Path | None = None,
    otherwise: tuple[PsamKeyId, ...] = (),
    known: Mapping[str, KeyDeclaration] = KEYS,
) -> PsamOrder:
    """The order in the file; ``serial`` and ``terminal`` count above what it says.

    ``table``: table of ids where the file names none; ``otherwise``: the rows where there is no such table either.
    ``known``: what is known of keys, by name. Raises :class:`~services.config.ConfigError`.
    """
    document = read_table(path, Document)
    named = path.parent / document.keys if document.keys else table
    rows = read_psam_table(named, known) if named is not None else otherwise
    if not rows:
        raise ConfigError(f"{path}: which id each key has is not said: name a table with `keys`, or set psam_keys")
    try:
        information = [
            ApplicationInformation(**entry.model_dump())
            for entry in (document.ministry, document.province, document.city)
        ]
        return PsamOrder(
            serial=serial or document.serial,
            terminal=terminal or document.terminal,
            region=document.region,
            algorithms=tuple(Algorithm[name] for name in document.algorithms),
            keys=rows,
            levels=document.levels,
            information=(information[0], information[1], information[2]),
            issuer=document.issuer,
            version=document.version,
            key_card_type=document.key_card_type,
            fci_data=document.fci_data,
            declared=known,
        )
    except MalformedError as error:
        require_none(path, [str(error)])
        raise AssertionError("an error has a message") from error
