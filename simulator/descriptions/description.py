"""What a description comes to: everything needed to make the card, and a name for it in a cache."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Self, TypeAlias

from apdu.secret import Secret
from cardlib.checks import card_number_check_character
from cardlib.crypto import Algorithm
from cardlib.keys import KeyReference
from cardlib.model import CardProfile, InternalFile
from cardlib.values import CardIdentifier, Value
from simulator.account.amounts import Amounts
from simulator.descriptions.document import MAX_SERIAL
from simulator.image import Issue
from simulator.quirks import Quirks

Contents: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Values by the profile's names of file and item, as the files' ``encode`` takes them; what is not there is blank."""

REGION: Final = "990000"
"""Where nobody lives: the code was never issued."""
RID: Final = "D156000005"


@dataclass(frozen=True, slots=True, repr=False)
class Neighbours:
    """Other applications on the chip (同卡应用): a bank card of this number, "" for none, and the area for PKI."""

    bank_card_number: str = ""
    pki: bool = False

    def __repr__(self) -> str:
        return f"<Neighbours: {'bank' if self.bank_card_number else 'no bank'}, {'PKI' if self.pki else 'no PKI'}>"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CardDescription:
    """A card as it is described (卡片描述), complete and checked; its ``repr`` shows no data.

    ``cos``: which operating system it has. ``data``: values by file and item, those of EF05 as far as they do not
    follow from ``serial``, 0…9 999 999. ``stated_historical_bytes``: None where they follow from it too. ``amounts``:
    what the amount file holds, None where the profile has none.
    """

    profile: CardProfile
    algorithm: Algorithm
    cos: str
    serial: int
    data: Contents
    stated_historical_bytes: bytes | None
    pin: Secret
    pin_tries: int
    key_tries: int
    root_keys: Mapping[KeyReference, Secret]
    amounts: Amounts | None
    quirks: Quirks
    neighbours: Neighbours

    def with_serial(self, serial: int) -> Self:
        """Another card of the same holder: what is stated stays, what follows from the serial number is its own.

        Raises :class:`ValueError` for a serial number that no card can have.
        """
        if not 0 <= serial <= MAX_SERIAL:
            raise ValueError(f"serial numbers are 0 to {MAX_SERIAL}")
        return replace(self, serial=serial)

    @cached_property
    def contents(self) -> Contents:
        """Values by file and item; what is not there is blank."""
        number = f"T{self.serial:07d}"
        own: Mapping[str, Value] = {
            "card_identifier": CardIdentifier(f"{self.region}{RID}{self.serial:08d}FFFFFFFF"),
            "initialising_body": f"9156000002{self.region}99010001",
            "card_number": number + card_number_check_character(number),
        }
        return MappingProxyType({**self.data, "issuer": {**own, **self.data["issuer"]}})

    @property
    def records(self) -> Mapping[str, Sequence[bytes]]:
        """What the files hold, by name, tag and length included; internal files only where they have values."""
        return {
            file.name: file.encode(self.contents.get(file.name, {}))
            for directory in self.profile.directories
            for file in directory.files
            if file.name in self.contents or not isinstance(file, InternalFile)
        }

    @property
    def region(self) -> str:
        """Six digits: the city whose keys the card holds."""
        stated = self.data["issuer"].get("card_identifier")
        return stated.region if isinstance(stated, CardIdentifier) else REGION

    @property
    def historical_bytes(self) -> bytes:
        """T1…TD: as stated, or chip vendor 0081, COS, card maker 8660, region, serial number [S2.2 §8]."""
        if self.stated_historical_bytes is not None:
            return self.stated_historical_bytes
        version = self.profile.version.replace(".", "")
        return bytes.fromhex(f"00814A44{version}8660{self.region[:4]}{self.serial:08d}")

    @property
    def issue(self) -> Issue:
        """What the issuer decides besides the data."""
        return Issue(
            algorithm=self.algorithm,
            historical_bytes=self.historical_bytes,
            pin=self.pin,
            pin_tries=self.pin_tries,
            key_tries=self.key_tries,
            bank_combined=bool(self.neighbours.bank_card_number),
            cos=self.cos,
            bank_card_number=self.neighbours.bank_card_number,
            pki=self.neighbours.pki,
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, over all that makes this card what it is: the same for two ways to say the same.

        It covers records as they are stored, not how they were written down. Files and rules come from the profile: a
        cache that outlives the process needs the software's version in its key too. PIN and keys can be guessed from
        it by whoever knows the rest: keep it as the description is kept.
        """
        whole: dict[str, Any] = {
            "version": self.profile.version,
            "algorithm": self.algorithm.name,
            "cos": self.cos,
            "historical_bytes": self.historical_bytes.hex(),
            "pin": [self.pin.reveal().hex(), self.pin_tries],
            "keys": {f"{key.name}.{key.version}": value.reveal().hex() for key, value in self.root_keys.items()},
            "key_tries": self.key_tries,
            "records": {name: [record.hex() for record in held] for name, held in self.records.items()},
            "amounts": None if self.amounts is None else self.amounts.pack().hex(),
            "quirks": asdict(self.quirks),
            "neighbours": asdict(self.neighbours),
        }
        return hashlib.sha256(json.dumps(whole, sort_keys=True, default=_plain).encode("ascii")).hexdigest()

    def __repr__(self) -> str:
        return f"<CardDescription: {self.profile.version}, {self.algorithm.name}, {self.cos}, {self.neighbours}>"


def _plain(value: object) -> object:
    """Sets in an order of their own."""
    return sorted(value, key=repr) if isinstance(value, frozenset) else repr(value)
