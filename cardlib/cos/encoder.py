"""What is common to all operating systems: the pieces in which a builder tells a chip what to become."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final

from apdu.command import CommandAPDU
from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.commands import MAC_SIZE
from cardlib.cos.plan import Plan, PlannedDirectory, PlannedFile, PlannedKey
from cardlib.crypto import Algorithm
from cardlib.key_requests import Cryptogram, Disclosure, Encipherment
from cardlib.keys import KeyReference

PLAIN, SECURE = 0x80, 0x84
CREATE, WRITE_KEY = 0xE0, 0xD4

LOADING_HEADERS: Final = {0: range(5, 7), 16: range(8, 9)}
"""Bytes of the header of WRITE KEY by the width that values are filled up to: FMCOS fills none, T514 all of them."""


def require_loading(header: bytes, width: int) -> None:
    """Raise MalformedError unless some system takes keys with a header of this length, filled up to this width."""
    if len(header) not in LOADING_HEADERS.get(width, ()):
        raise MalformedError(f"no chip takes a header of {len(header)} bytes before a key that is filled up to {width}")


@dataclass(frozen=True, slots=True)
class KeyLoading:
    """WRITE KEY (写密钥) for one key or PIN, without its value.

    A custodian who holds the value makes the command without showing it: it encrypts :meth:`block` under the key that
    protects the load (:func:`cardlib.cos.protection.encrypted_key`), computes the MAC of :meth:`message`
    (:func:`~cardlib.cos.protection.loading_mac`), and hands back both for :meth:`protected`. ``header``: what stands
    before the value. ``width``: bytes that a value is filled up to with FF, 0 for none. Raises MalformedError as
    :func:`require_loading`.
    """

    p1: int
    p2: int
    header: bytes
    width: int = 0

    def __post_init__(self) -> None:
        require_loading(self.header, self.width)

    def block(self, value: Secret) -> Secret:
        """Header and value, as they are loaded; the length byte and padding are the encryption's."""
        return Secret(self.header + value.reveal().ljust(self.width, b"\xff"))

    def clear(self, value: Secret) -> CommandAPDU:
        """The command with the value in clear."""
        return CommandAPDU(PLAIN, WRITE_KEY, self.p1, self.p2, self.block(value))

    def encrypted(self, cipher: bytes) -> CommandAPDU:
        """The command with the encrypted block, without MAC."""
        return CommandAPDU(PLAIN, WRITE_KEY, self.p1, self.p2, cipher)

    def message(self, cipher: bytes) -> bytes:
        """What the MAC is computed over: header with the Lc that counts the MAC, encrypted block."""
        return bytes((SECURE, WRITE_KEY, self.p1, self.p2, len(cipher) + MAC_SIZE)) + cipher

    def protected(self, cipher: bytes, mac: bytes) -> CommandAPDU:
        """The command with the encrypted block and its MAC of 4 bytes."""
        return CommandAPDU(SECURE, WRITE_KEY, self.p1, self.p2, cipher + mac)


class Encoder(ABC):
    """How one operating system is told to build a card. Instances hold nothing; ``parent`` is None for the MF.

    Every method raises :class:`~cardlib.cos.plan.PlanError` for what this system cannot express.
    """

    name: ClassVar[str]
    protects_new_keys: ClassVar[bool]
    """Whether new keys are loaded encrypted and with a MAC under the directory's MK; else in clear."""
    transport_key_size: ClassVar[int]
    """Bytes of the transport key."""
    mac_challenge: ClassVar[int]
    """Bytes of the challenge that the MAC of WRITE KEY begins with."""
    chunk: ClassVar[int]
    """Bytes of one UPDATE BINARY."""
    ended: ClassVar[frozenset[int]]
    """What an authentication with the MK of a directory is answered once that is ended."""
    erase: ClassVar[CommandAPDU | None]
    """Empties the current directory, which is as new then; None where what is built can be filled at any time."""
    there_already: ClassVar[int] = 0x6A86
    """What is answered to creating a file, or adding a key, that is there already (inference for T514)."""

    @abstractmethod
    def transport(self, historical_bytes: bytes, key: Secret) -> tuple[CommandAPDU, ...]:
        """Authentication with the transport key (传输密钥认证); ``historical_bytes``: those of the blank chip."""

    @abstractmethod
    def serial(self, historical_bytes: bytes) -> tuple[CommandAPDU, ...]:
        """Give the chip these historical bytes, T1…TD (更新卡复位信息)."""

    @abstractmethod
    def create_directory(self, directory: PlannedDirectory, transport_key: Secret) -> CommandAPDU:
        """Create the MF, or a directory in the current one (建立目录)."""

    @abstractmethod
    def create_key_file(self, directory: PlannedDirectory) -> CommandAPDU:
        """Create the current directory's key file, the first of its files (建立密钥文件)."""

    @abstractmethod
    def control_information(self, directory: PlannedDirectory) -> tuple[CommandAPDU, ...]:
        """What a DDF needs besides so that it and its ADFs answer SELECT as planned (FCI文件)."""

    @abstractmethod
    def create_file(
        self, file: PlannedFile, directory: PlannedDirectory, parent: PlannedDirectory | None
    ) -> CommandAPDU:
        """Create an elementary file in the current directory (建立文件)."""

    @abstractmethod
    def internal_sfi(self, directory: PlannedDirectory) -> int:
        """SFI by which the directory's internal file is filled while it is built."""

    @abstractmethod
    def add_key(self, key: PlannedKey, directory: PlannedDirectory, plan: Plan) -> KeyLoading:
        """Load a new key into the current directory."""

    @abstractmethod
    def add_pin(self, length: int, directory: PlannedDirectory, plan: Plan) -> KeyLoading:
        """Load the PIN, ``length`` bytes, into the current directory."""

    @abstractmethod
    def replace_key(self, key: PlannedKey, directory: PlannedDirectory, plan: Plan) -> KeyLoading:
        """Load another value in place of a key's; always encrypted and with a MAC, under the directory's MK."""

    def replace_master(self, directory: PlannedDirectory, plan: Plan) -> KeyLoading:
        """Load another MK in place of the current directory's, under the old one."""
        return self.replace_key(directory.master_key, directory, plan)

    def algorithm(self, directory: PlannedDirectory, plan: Plan) -> Algorithm:  # noqa: ARG002
        """The cipher of the directory's MK."""
        return plan.algorithm

    @abstractmethod
    def authenticate(
        self, directory: PlannedDirectory, algorithm: Algorithm, key: Secret, challenge: bytes
    ) -> CommandAPDU:
        """EXTERNAL AUTHENTICATION with the current directory's MK, over a challenge of 8 bytes."""

    @abstractmethod
    def proof(self, directory: PlannedDirectory, challenge: bytes) -> Cryptogram | Encipherment:
        """What a custodian computes for the same, with the MK that the directory has at last."""

    @abstractmethod
    def show(self, directory: PlannedDirectory, cryptogram: bytes, challenge: bytes) -> CommandAPDU:
        """The same with the custodian's answer."""

    @abstractmethod
    def transport_task(self, historical_bytes: bytes, key: KeyReference) -> Encipherment | Disclosure:
        """What a custodian is asked for before anything is built."""

    @abstractmethod
    def open(self, answer: bytes) -> tuple[CommandAPDU, ...]:
        """Authentication with the transport key by the custodian's answer; none where it comes with the MF."""

    @abstractmethod
    def end(self, directory: PlannedDirectory) -> tuple[CommandAPDU, ...]:
        """End the current directory's pre-issue: from now on its rights hold (结束预个人化)."""


MASTER_CHALLENGE: Final = 8
"""Bytes of the challenge of a master key's authentication."""
