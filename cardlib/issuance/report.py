"""What is known about a card once it was made: what was written, and what proves it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

from cardlib.crypto import Algorithm
from cardlib.keys import KeyReference


class KeyProof(Enum):
    """How a key was shown to be on the card (密钥验证方式)."""

    INTERNAL_AUTHENTICATION = "内部认证"
    EXTERNAL_AUTHENTICATION = "外部认证"
    COMMAND_MAC = "报文鉴别"
    """A command with its MAC that changes nothing, or an answer of the card with one."""
    ACCEPTED_LOAD = "装载鉴别"
    """The chip checked the MAC and the padding of the encrypted load; no command shows the key without changing
    something."""


@dataclass(frozen=True, slots=True)
class ProvenKey:
    """One key of the card, and how it was proven.

    ``check_value``: 3 bytes, as the custodian computes it; b"": not asked for.
    """

    key: KeyReference
    directory: str
    proof: KeyProof
    check_value: bytes


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file as it was read back: SHA-256 over its records in order, and their number and bytes."""

    name: str
    digest: bytes
    records: int
    size: int

    @classmethod
    def of(cls, name: str, records: Sequence[bytes]) -> Self:
        """Of a file that holds these."""
        content = b"".join(records)
        return cls(name, hashlib.sha256(content).digest(), len(records), len(content))


@dataclass(frozen=True, kw_only=True)
class CardReport:
    """A card that was made, or examined again (制卡结果).

    ``card_identifier``: item 01, 16 bytes. ``pin_tries``: tries left of the PIN, None where none is set. ``files``: in
    the profile's order. Neither names, PINs nor key values are in it.
    """

    version: str
    algorithm: Algorithm
    chip: str
    atr: bytes
    historical_bytes: bytes
    card_identifier: bytes = field(repr=False)
    pin_tries: int | None
    files: tuple[WrittenFile, ...]
    keys: tuple[ProvenKey, ...]
    commands: Mapping[str, int]
    """Commands sent for each stage, by its name; those repeated after an interruption included."""
