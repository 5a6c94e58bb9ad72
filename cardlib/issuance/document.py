"""The form of a template (制卡模板): TOML tables as typed entries, before anything is asked of a profile."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from cardlib.keys import VERSIONS
from cardlib.written.entries import Chip, Entry, Suite, Tries, Version, pin_digits

Severity = Literal["error", "warning"]


def _pin(text: str) -> str:
    return text if text.startswith("${") else pin_digits(text)


def _versions(found: list[int]) -> list[int]:
    if sorted(set(found)) != found or not set(found) <= set(VERSIONS) or VERSIONS[0] not in found:
        raise ValueError("takes 1, and further versions up to 3 in their order: [1], [1, 2] or [1, 2, 3]")
    return found


class PinEntry(Entry):
    """``[pin]``: 4 to 16 digits, "" for none, or a placeholder; how many wrong tries block it."""

    value: Annotated[str, AfterValidator(_pin)] = ""
    tries: Tries = 6


class KeysEntry(Entry):
    """``[keys]``: versions that are loaded, wrong tries that block a key, the lot of the chips' transport key."""

    versions: Annotated[list[int], AfterValidator(_versions)] = Field(default_factory=lambda: list(VERSIONS))
    tries: Tries = 3
    transport_lot: Annotated[int, Field(ge=1, le=0xFFFF)] = 1


class ChecksEntry(Entry):
    """``[checks]``: which findings about numbers stop an order.

    Foreigners' numbers are not made by GB 11643, and some issuers' card numbers have another ninth character.
    """

    social_security_number: Severity = "error"
    card_number: Severity = "error"


class Document(Entry):
    """A whole template; what the tables of items may hold is the profile's business."""

    version: Version
    region: Annotated[str, Field(pattern="^[0-9]{6}$")]
    premade: bool = False
    algorithm: Suite | None = None
    chip: Chip | None = None
    regional: str | None = None
    bank_combined: bool = False
    identification_code: Literal["irk", "unset", "given"] = "irk"
    historical_bytes: str | None = None
    memory: Annotated[int, Field(ge=1)] | None = None
    pin: PinEntry = PinEntry()
    keys: KeysEntry = KeysEntry()
    checks: ChecksEntry = ChecksEntry()
    person: dict[str, Any] = Field(default_factory=dict)
    issuer: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, Any] = Field(default_factory=dict)
    face: dict[str, Any] = Field(default_factory=dict)


OF_BUILDING = ("chip", "bank_combined", "identification_code", "historical_bytes", "memory", "pin", "keys")
"""What a card that is made already has; a template for such cards does not say it."""
