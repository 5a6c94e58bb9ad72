"""What a chip's operating system adds to the shared kernel: how cards are built on it, what its bytes mean (COS)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from apdu.secret import Secret
from cardlib.crypto import SM4, TRIPLE_DES, CipherSuite
from cardlib.psam import SM4_KEY, SSF33_KEY
from simulator.access import FileRights
from simulator.command import SW, Refused
from simulator.credentials import Key, KeyUse
from simulator.files import Kind, Path
from simulator.memory import layout, system
from simulator.memory.image import CardImage
from simulator.memory.store import Store

if TYPE_CHECKING:
    from simulator.commands.instruction import Instruction
    from simulator.session import Session


class Dialect(ABC):
    """One chip operating system (COS 方言). Instances hold nothing; :data:`simulator.dialects.DIALECTS` has them all.

    What a subclass does not say is as the standard's cards have it.
    """

    code: ClassVar[int]
    """Its number in a chip's memory."""
    name: ClassVar[str]

    @abstractmethod
    def instructions(self, session: "Session") -> "Mapping[bytes, Instruction]":
        """CLA and INS → the command, as far as known where the card stands now."""

    @abstractmethod
    def rights(self, kind: Kind, parameters: bytes) -> FileRights:
        """Who may use a file, from the 16 bytes that its creation stored."""

    @abstractmethod
    def key_use(self, type_byte: int) -> KeyUse:
        """What a key of this type is for."""

    @abstractmethod
    def unrestricted(self, session: "Session") -> bool:
        """Whether the current directory is still being built, so that its files' rights do not bind yet."""

    @abstractmethod
    def fci(self, store: Store, path: Path) -> bytes:
        """What SELECT of the directory at the end of ``path`` answers; b"" for nothing but 9000."""

    def charge(self, kind: Kind, size: int, count: int, name: bytes) -> int:  # noqa: ARG002
        """Bytes that a directory or file takes of the space of those above it."""
        return layout.HEADER + layout.body_size(kind, size, count)

    def suite(self, key: Key) -> CipherSuite:
        """The cipher that a key is for; refuses with 6A81 for SSF33, which is not published."""
        if key.algorithm == SSF33_KEY:
            raise Refused(SW.FUNCTION_UNSUPPORTED)
        return SM4 if key.algorithm == SM4_KEY else TRIPLE_DES

    def unblocking_level(self, pin: Key) -> int:  # noqa: ARG002
        """The right, won beside the PIN, by which it may be unblocked; 0: none."""
        return 0

    def begin(self, session: "Session") -> None:  # noqa: B027
        """The card was reset: prepare what the dialect remembers while powered, in ``session.extension``."""

    def entered(self, session: "Session") -> None:  # noqa: B027
        """A directory was selected."""

    def blank(
        self,
        *,
        historical_bytes: bytes,
        serial: bytes,
        transport_key: Secret,
        transport_tries: int = 3,
    ) -> CardImage:
        """A chip as the factory delivers it (空白芯片).

        ``historical_bytes``: at most 15. ``serial``: 8 bytes. ``transport_key``: 16 bytes. Raises ValueError.
        """
        return CardImage(system.formatted(self.code, historical_bytes, serial, transport_key, transport_tries))
