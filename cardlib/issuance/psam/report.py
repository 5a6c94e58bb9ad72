"""What is known about a PSAM once it was issued: what stands on it, and what proves its keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from cardlib.crypto import Algorithm
from cardlib.issuance.report import WrittenFile
from cardlib.keys import KeyReference


class PsamKeyProof(Enum):
    """How a key was shown to be on the PSAM (密钥验证方式); there are no check values of keys on a PSAM."""

    AUTHENTICATION = "外部认证"
    """One of its own keys: it took a cryptogram."""
    COMPUTATION = "过程密钥运算"
    """It computed for a test card what the custodian computes."""
    ACCEPTED_LOAD = "装载鉴别"
    """It checked the MAC and the form of the load; only a purchase, or no command at all, shows the key."""


@dataclass(frozen=True, slots=True)
class ProvenPsamKey:
    """One key in one environment; ``levels``: 0 for the PSAM's own keys."""

    algorithm: Algorithm
    key: KeyReference
    levels: int
    proof: PsamKeyProof


@dataclass(frozen=True, kw_only=True)
class PsamReport:
    """A PSAM that was issued (PSAM发卡结果), or proven again.

    ``files``: of each environment, as read back, by the FID in hexadecimal digits. No key value is in it.
    """

    serial: str
    terminal: str
    atr: bytes
    files: Mapping[Algorithm, tuple[WrittenFile, ...]]
    keys: tuple[ProvenPsamKey, ...]
    commands: Mapping[str, int]
    """Commands sent for each stage, by its name; those repeated after an interruption included."""
