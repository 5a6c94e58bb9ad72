"""Invented holders and their software cards, under keys that are nobody else's."""

import hashlib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from apdu.secret import Secret
from apdu.transport.inprocess import Chip
from cardlib import commands
from cardlib.crypto import Algorithm
from cardlib.key_requests import CardFactors
from cardlib.keys import KeyReference
from cardlib.profiles import LATEST
from cardlib.values import CardIdentifier
from cardlib.written.entries import packed_pin
from services.custody.card_keys import CardKeyCustodian
from simulator.blanks import TRANSPORT_KEY
from simulator.card import SoftwareCard
from simulator.image import CardImage, Issue, image_for
from simulator.people import READY
from sscard.v1 import registry_pb2

INITIAL = "5820917346120974"
"""The initial PIN of the region here: long, so that its bytes do not come about by chance."""
TRIES = 6
REGION = "990000"


@dataclass(frozen=True)
class Holder:
    """Somebody invented; ``pins``: what they choose, one after the other."""

    name: str
    number: str
    phone: str
    document: str
    medical_card: str
    pins: tuple[str, str] = field(repr=False)

    def shows(self, **changed: Any) -> registry_pb2.IdentityDocument:
        """Their identity card."""
        told = {"kind": registry_pb2.DOCUMENT_KIND_RESIDENT_CARD, "number": self.number, "name": self.name}
        return registry_pb2.IdentityDocument(**(told | changed))


# Characters of GB 18030's four bytes, of the supplementary plane, and the dot of names in Xinjiang.
OF_BANK = Holder(
    "金丝雀𠮷䶮样本",
    "990000198102030047",
    "13990014725",
    "E99700413",
    "YB99013572460011",
    ("704192635842", "804192635843"),
)
OF_HOSPITAL = Holder(
    "㐀𬱖阿依努尔·热合曼",
    "990000196307110025",
    "0999-7418529",
    "G99600527",
    "YB99024683570022",
    ("715293746853", "815293746854"),
)
OF_PHARMACY = Holder(
    "龘靐齉爩测试",
    "990000195006150037",
    "13990036947",
    "H99500641",
    "YB99035791460033",
    ("726394857964", "826394857965"),
)
OF_CHIP = Holder(
    "犇骉鱻䴖样卡",
    "990000198503120027",
    "13990047058",
    "E99400755",
    "YB99046802570044",
    ("737495968075", "837495968076"),
)
EVERYBODY = (OF_BANK, OF_HOSPITAL, OF_PHARMACY, OF_CHIP)


def root_key(text: str, key: KeyReference) -> Secret:
    """The root key of this name and version that follows from a text."""
    return Secret(hashlib.sha256(f"{text} {key.name} {key.version}".encode()).digest()[:16])


class Custodian(CardKeyCustodian):
    """Has root keys that follow from a text; ``touched``: every key that was ever made, roots and cards' own."""

    def __init__(self, text: str = "canary") -> None:
        super().__init__()
        self.text = text
        self.touched: dict[str, bytes] = {}

    def card_key(self, card: CardFactors, key: KeyReference) -> Secret:
        if key.name == "TRANSPORT":
            return TRANSPORT_KEY
        root = root_key(self.text, key)
        own = card.card_key(key, root, self._keys)
        self.touched[f"root of {key.name} {key.version}"] = root.reveal()
        self.touched[f"{key.name} {key.version} of {card.card_factor.hex()}"] = own.reveal()
        return own


@dataclass(frozen=True)
class Marks:
    """What a card is known by."""

    identifier: str
    number: str
    historical_bytes: bytes
    algorithm: Algorithm


@lru_cache
def _made(holder: Holder, version: str, serial: int, pin: str, keys: str) -> tuple[CardImage, Marks]:
    ready = READY[version]
    contents = {
        name: dict(values) if isinstance(values, dict) else values for name, values in ready.contents(serial).items()
    }
    contents["holder"] = dict(ready.contents(serial)["holder"]) | {
        "name": holder.name,
        "social_security_number": holder.number,
    }
    historical = ready.historical_bytes(serial)
    issue = replace(Issue(algorithm=ready.algorithm, historical_bytes=historical, pin=packed_pin(pin)), pin_tries=TRIES)
    identifier = contents["issuer"]["card_identifier"]
    assert isinstance(identifier, CardIdentifier)
    number = str(contents["issuer"]["card_number"])
    roots = {key: root_key(keys, key) for key in ready.description.root_keys} if keys else ready.description.root_keys
    return (
        image_for(ready.profile, contents, issue, roots),
        Marks(identifier.digits.upper(), number, historical, ready.algorithm),
    )


@dataclass
class Card:
    """One software card in somebody's hand."""

    chip: Chip
    marks: Marks
    holder: Holder

    def has_pin(self, digits: str) -> bool:
        """Whether it takes a PIN, asked with the card in hand."""
        return self._asked(commands.verify(packed_pin(digits)).to_bytes()) == b"\x90\x00"

    def tries(self) -> int:
        """Tries that its PIN has left."""
        return self._asked(commands.verify_query().to_bytes())[1] & 0x0F

    def _asked(self, command: bytes) -> bytes:
        self.chip.power_on()
        self.chip.process(commands.select_name(LATEST.name).to_bytes())
        answer = self.chip.process(command)
        self.chip.power_off()
        return answer


def card_of(holder: Holder, serial: int, *, version: str = "2.0", pin: str = INITIAL, keys: str = "canary") -> Card:
    """A new card; cards of one serial number are the same card. ``keys`` "": those for development."""
    image, marks = _made(holder, version, serial, pin, keys)
    return Card(SoftwareCard(image), marks, holder)
