"""The invented holders of the ready-made cards. Nobody is meant: region 990000 was never issued."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from apdu.secret import Secret
from cardlib.checks import card_number_check_character
from cardlib.codes import CARD_CATEGORY, ETHNICITY, SEX
from cardlib.crypto import Algorithm
from cardlib.development_keys import load
from cardlib.model import CardProfile, FileClass
from cardlib.profiles.v1 import V1
from cardlib.profiles.v2 import V2
from cardlib.profiles.v3 import V3
from cardlib.values import CardDate, CardIdentifier, Value
from simulator.card import SoftwareCard
from simulator.image import CardImage, Contents, Issue, image_for
from simulator.quirks import CONFORMING, Quirks
from simulator.security import Rng

REGION: Final = "990000"
RID: Final = "D156000005"
ITEM_OF_ONE_FILE: Final = "last_unemployment_registration_date"
"""Item 60 stands in exactly one of DF02/EF06 and DF03/EF05; on the ready cards, in the latter [S1 T9]."""
INITIAL_PIN: Final = Secret(bytes.fromhex("123456"))
"""What the cards of most regions are issued with [S10]."""


@dataclass(frozen=True, slots=True)
class ReadyCard:
    """A ready-made card of an invented holder; its ``repr`` shows no data.

    ``profile`` and ``algorithm``: what kind of card. ``cos_version``: historical byte T5, by which card types are told
    apart. ``serial``: serial number of the first such card, 0…9 999 999. ``holder``, ``issuer``: values of EF06, and of
    EF05 as far as they do not follow from the serial number; all other files hold the profile's samples, the
    reserved ones nothing.
    """

    profile: CardProfile = field(repr=False)
    algorithm: Algorithm
    cos_version: int
    serial: int
    holder: Mapping[str, Value] = field(repr=False)
    issuer: Mapping[str, Value] = field(repr=False)

    def contents(self, serial: int) -> Contents:
        """The data of the card with this serial number: issuer's, holder's, and the profile's samples."""
        number = f"T{serial:07d}"
        own: Mapping[str, Value] = {
            "card_identifier": CardIdentifier(f"{REGION}{RID}{serial:08d}FFFFFFFF"),
            "initialising_body": f"9156000002{REGION}99010001",
            "card_number": number + card_number_check_character(number),
        }
        files = (file for directory in self.profile.directories for file in directory.files)
        data = {file.name: file.sample for file in files if file.file_class is not FileClass.RESERVED}
        del data["employment"][ITEM_OF_ONE_FILE]
        return {**data, "issuer": {**self.issuer, **own}, "holder": self.holder}

    def historical_bytes(self, serial: int) -> bytes:
        """T1…TD: chip vendor 0081, COS, card maker 8660, region 9900, serial number [S2.2 §8]."""
        return bytes.fromhex(f"00814A44{self.cos_version:02X}8660{REGION[:4]}{serial:08d}")


READY: Final[Mapping[str, ReadyCard]] = MappingProxyType(
    {
        "1.0": ReadyCard(
            V1,
            Algorithm.DES,
            cos_version=0x10,
            serial=1000,
            holder={
                "social_security_number": "990000195006150037",
                "name": "样本三",
                "sex": SEX["1"],
                "ethnicity": ETHNICITY["03"],
                "birth_place": REGION,
                "birth_date": CardDate("19500615"),
            },
            issuer={"card_category": CARD_CATEGORY["4"], "spec_version": "1.00", "issue_date": CardDate("20080901")},
        ),
        "2.0": ReadyCard(
            V2,
            Algorithm.DES,
            cos_version=0x20,
            serial=2000,
            holder={
                "social_security_number": "990000198503120027",
                # 35 bytes; the blank makes 提 lie across the two name records
                "name": "示例古丽 阿卜杜热合曼江·买买提样本",
                "sex": SEX["2"],
                "ethnicity": ETHNICITY["05"],
                "birth_place": REGION,
                "birth_date": CardDate("19850312"),
            },
            issuer={
                "card_category": CARD_CATEGORY["3"],
                "spec_version": "2.0",
                "issue_date": CardDate("20140520"),
                "expiry_date": CardDate("20540519"),
            },
        ),
        "3.0": ReadyCard(
            V3,
            Algorithm.SM4,
            cos_version=0x30,
            serial=3000,
            holder={
                "social_security_number": "990000199001010017",
                # U+20BB7, four bytes in GB 18030, is not in GBK
                "name": "示例𠮷",
                "sex": SEX["1"],
                "ethnicity": ETHNICITY["01"],
                "birth_place": REGION,
                "birth_date": CardDate("19900101"),
            },
            issuer={
                "card_category": CARD_CATEGORY["3"],
                "spec_version": "3.00",
                "issue_date": CardDate("20210601"),
                "expiry_date": CardDate("20610531"),
            },
        ),
    }
)
"""Ready-made cards by the version of the specification they follow."""


@lru_cache(maxsize=256)
def ready_image(name: str, copy: int = 0) -> CardImage:
    """The image of a ready-made card under the development keys; raises :class:`KeyError` for a name not in READY.

    ``copy`` counts cards of the same holder: each has a serial number, and so keys, of its own.
    """
    ready = READY[name]
    serial = ready.serial + copy
    issue = Issue(algorithm=ready.algorithm, historical_bytes=ready.historical_bytes(serial), pin=INITIAL_PIN)
    return image_for(ready.profile, ready.contents(serial), issue, load())


def ready_card(
    name: str, *, copy: int = 0, t0: bool = True, rng: Rng = secrets.token_bytes, quirks: Quirks = CONFORMING
) -> SoftwareCard:
    """A new ready-made card; ``name`` and ``copy`` as for :func:`ready_image`, the rest as for SoftwareCard."""
    return SoftwareCard(ready_image(name, copy), t0=t0, rng=rng, quirks=quirks)
