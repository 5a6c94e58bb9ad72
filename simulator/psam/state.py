"""What a powered PSAM remembers beside selection, challenge and rights: one temporary key, or a purchase [S2.9 §9]."""

from dataclasses import dataclass, field

from apdu.secret import Secret
from cardlib.crypto import CipherSuite
from cardlib.psam import PsamKeyType
from simulator.session import Session

_ENCRYPTING = frozenset({PsamKeyType.ENCRYPT, PsamKeyType.ENCRYPT_AND_MAC})
_AUTHENTICATING = frozenset({PsamKeyType.MAC, PsamKeyType.ENCRYPT_AND_MAC})


@dataclass(slots=True)
class TemporaryKey:
    """The session key in the register (临时密钥), and what it may still do [S2.9 §9.8.2].

    Each of the two kinds, encryption and MAC, is finished once per delivery, so that one key encrypts a PIN and then
    computes the MAC of the command that carries it (inference). ``chained``: the last block of a MAC in several parts,
    None when none is under way.
    """

    suite: CipherSuite
    value: Secret
    kind: int
    encrypted: bool = False
    authenticated: bool = False
    chained: bytes | None = field(default=None, repr=False)

    @property
    def encrypts(self) -> bool:
        """Whether its type is for encryption."""
        return self.kind in _ENCRYPTING

    @property
    def authenticates(self) -> bool:
        """Whether its type is for MACs."""
        return self.kind in _AUTHENTICATING


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase between MAC1 and MAC2: its session key (SESPK), and the three amounts that MAC2 is over."""

    suite: CipherSuite
    session_key: Secret
    amounts: bytes


class PsamState:
    """The register: a temporary key or a purchase, never both (inference); all is lost without power."""

    __slots__ = ("key", "purchase")

    def __init__(self) -> None:
        self.key: TemporaryKey | None = None
        self.purchase: Purchase | None = None

    def clear(self) -> None:
        """Nothing is in the register."""
        self.key = self.purchase = None


def state_of(session: Session) -> PsamState:
    """The register of a powered PSAM."""
    state = session.extension
    assert isinstance(state, PsamState)
    return state
