"""The people of the story. Nobody is meant: region 990000 was never issued."""

from dataclasses import dataclass, field
from typing import Final

from simulator.people import READY
from sscard.v1 import registry_pb2


@dataclass(frozen=True, slots=True)
class Holder:
    """One of them. ``card``: what their card is called at the desk; ``kind``: what it is made from, or of.

    ``template``: of the card, where it is made in the story; ``more``: of the order, beside what is said here.
    """

    english: str
    card: str
    kind: str
    number: str = field(repr=False)
    name: str = field(repr=False)
    template: str = ""
    more: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def order(self) -> dict[str, str]:
        """Values for the template."""
        return {"social_security_number": self.number, "name": self.name, **dict(self.more)}

    def document(self) -> registry_pb2.IdentityDocument:
        """The identity card (居民身份证)."""
        return registry_pb2.IdentityDocument(
            kind=registry_pb2.DOCUMENT_KIND_RESIDENT_CARD,
            number=self.number,
            name=self.name,
            read_by_machine=True,
        )


_DATES: Final = (("issue_date", "2026-01-01"), ("expiry_date", "2036-01-01"), ("pin", "123456"))
_OLD: Final = READY["1.0"].holder
_ELSEWHERE: Final = READY["3.0"].holder

OF_BANK: Final = Holder(
    "a young woman",
    "bank-customer",
    "blank-t514",
    "990000198503120027",
    "示例古丽·买买提样本",
    "template-2.0",
    (("sex", "2"), ("ethnicity", "05"), ("birth_date", "1985-03-12"), ("card_number", "T00000028"), *_DATES),
)
"""Activates at the bank."""
OF_PHARMACY: Final = Holder(
    "a pensioner",
    "pharmacy-customer",
    "blank-t514",
    str(_OLD["social_security_number"]),
    str(_OLD["name"]),
    "template-3.0",
    (("sex", "1"), ("ethnicity", "03"), ("birth_date", "1950-06-15"), ("card_number", "T00000036"), *_DATES),
)
"""Has a card of version 1.0 for an original medical card, and activates in a pharmacy."""
OF_HOSPITAL: Final = Holder(
    "a patient",
    "patient",
    "3.0",
    str(_ELSEWHERE["social_security_number"]),
    str(_ELSEWHERE["name"]),
)
"""Received a card long ago, and activates at a hospital."""

PINS: Final = {OF_BANK: "860912", OF_PHARMACY: "195006", OF_HOSPITAL: "271828"}
"""What they choose."""
OLD_CARD: Final = "original-medical-card"
"""What the card of version 1.0 is called at the desk."""
MEDICAL_CARD: Final = {OF_PHARMACY: "YB99000001", OF_HOSPITAL: "YB99000002"}
"""Numbers of original medical cards."""
