"""What one card is to become (制卡任务): everything that is decided before a chip is touched."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from apdu.secret import Secret
from cardlib import model
from cardlib.cos.plan import CardParameters, Plan, Records, plan_card
from cardlib.crypto import Algorithm
from cardlib.keys import VERSIONS, KeyReference, Purpose
from cardlib.values import Value

Contents: TypeAlias = Mapping[str, Mapping[str, Value]]
"""Values by the profile's names of file and item; what is not there is blank."""


class IdentificationCode(Enum):
    """Where the last four bytes of item 01 (卡的识别码中的认证码) come from; how they are made is not public."""

    UNDER_IRK = "irk"
    """A MAC under the card's IRK over the first twelve bytes, by the key custodian."""
    UNSET = "unset"
    """FFFFFFFF: left to whoever makes the real one."""
    GIVEN = "given"
    """As it stands in the order's contents, whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardOrder:
    """One card to make (制卡任务); its ``repr`` shows no data of a person.

    ``chip``: name of the operating system in :data:`cardlib.cos.encoders.ENCODERS`. ``region``: six digits of the city,
    for item 01 and the keys. ``historical_bytes``: 13 bytes to give to the chip, None: it keeps those it has.
    ``contents``: values of all files; item 01 (``issuer.card_identifier``) is made from region and chip unless
    ``identification_code`` is GIVEN. ``pin``: packed, 2…8 bytes, b"" for none. ``key_versions``: in which versions keys
    are loaded. ``transport_lot``: version of the key TRANSPORT. ``premade``: the chip
    was initialised before and has no holder yet (预制卡); only ``contents`` are written.
    """

    profile: model.CardProfile
    algorithm: Algorithm
    chip: str
    region: str
    contents: Contents = field(repr=False)
    pin: Secret
    pin_tries: int = 6
    key_tries: int = 3
    key_versions: tuple[int, ...] = VERSIONS
    bank_combined: bool = False
    historical_bytes: bytes | None = None
    identification_code: IdentificationCode = IdentificationCode.UNDER_IRK
    transport_lot: int = 1
    premade: bool = False

    def plan(self, historical_bytes: bytes, records: Records) -> Plan:
        """What is built on the chip with these historical bytes, to hold these records; raises PlanError."""
        keys = [
            KeyReference(key.name, version)
            for key in self.profile.keys.values()
            if key.purpose is not Purpose.MASTER
            for version in self.key_versions
        ]
        parameters = CardParameters(
            algorithm=self.algorithm,
            historical_bytes=historical_bytes,
            pin_tries=self.pin_tries,
            key_tries=self.key_tries,
            bank_combined=self.bank_combined,
        )
        return plan_card(self.profile, parameters, keys, records)


def records_of(profile: model.CardProfile, contents: Contents) -> Records:
    """The records of all files of a profile that hold these values, blank ones included.

    Internal files without values are left out: the operating system begins with zeros. Raises
    :class:`~cardlib.errors.ItemError` for a value that its item cannot hold, :class:`KeyError` for a file that the
    profile does not have.
    """
    for name in contents:
        profile.file_named(name)
    return {
        file.name: tuple(file.encode(contents.get(file.name, {})))
        for directory in profile.directories
        for file in directory.files
        if file.name in contents or not isinstance(file, model.InternalFile)
    }
