"""A T514 chip from the factory, and its building commands, written down from the published layouts once more."""

from collections.abc import Callable

import pytest

from cardlib.crypto import Algorithm
from simulator.card import SoftwareCard
from simulator.memory.eeprom import Eeprom
from simulator.memory.image import CardImage

SERIAL = "9900DEADBEEF"
"""T8…TD of the blank chip."""
TRANSPORT, MK, OTHER = "54" * 16, "4D" * 16, "4E" * 16
MF = "80E0010010" + "0000FFFF013F000100000100000200" + "00"
KEYS = "80E0010010" + "0000000090EF02C3000244" + "18EFEF00FF"
Ecb = Callable[[Algorithm, bytes, bytes], bytes]
Proof = Callable[[Algorithm, bytes, bytes, bytes], bytes]


def xor(first: bytes, second: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(first, second, strict=True))


class Chip:
    """Speaks hexadecimal to a chip and builds on it."""

    def __init__(self, memory: CardImage | Eeprom, ecb: Ecb, proof: Proof) -> None:
        self.card = SoftwareCard(memory, t0=False)
        self.ecb, self.proof = ecb, proof
        self.card.power_on()

    def __call__(self, command: str) -> str:
        return self.card.process(bytes.fromhex(command)).hex().upper()

    def script(self, *commands: str) -> None:
        for command in commands:
            assert self(command)[-4:] == "9000", command

    def again(self) -> None:
        self.card.power_off()
        self.card.power_on()

    def transport(self, key: str = TRANSPORT, serial: str = SERIAL) -> str:
        """3DES of 0000 ‖ T8…TD under the transport key."""
        block = self.ecb(Algorithm.DES, bytes.fromhex(key), bytes.fromhex("0000" + serial))
        return self(f"80E0030008{block.hex()}")

    def authenticate(self, key: str = MK, algorithm: Algorithm = Algorithm.DES) -> str:
        """With the master key of the current directory: cryptogram ‖ challenge, which is the original too."""
        challenge = bytes.fromhex(self("0084000008")[:-4])
        proof = self.proof(algorithm, bytes.fromhex(key), challenge, challenge)
        return self(f"0082000010{proof.hex()}{challenge.hex()}")

    def load(self, record: str, *, p1: int = 0) -> str:
        """A key record in clear."""
        return self(f"80D4{p1:02X}0018{record}")

    def cipher(self, record: str, master: str = MK) -> bytes:
        """Length ‖ record ‖ 80 00… under the master key."""
        framed = bytes((len(record) // 2,)) + bytes.fromhex(record) + b"\x80"
        return self.ecb(Algorithm.DES, bytes.fromhex(master), framed.ljust(32, b"\0"))

    def mac(self, message: bytes, challenge: bytes, master: str = MK) -> bytes:
        """Retail MAC over header and data, begun with the challenge: single DES, the last block finished with 3DES."""
        key = bytes.fromhex(master)
        padded = message + b"\x80"
        padded = padded.ljust(-(-len(padded) // 8) * 8, b"\0")
        chained = challenge
        for at in range(0, len(padded), 8):
            last = at + 8 == len(padded)
            chained = self.ecb(Algorithm.DES, key if last else key[:8], xor(chained, padded[at : at + 8]))
        return chained[:4]

    def secured(self, data: bytes, *, p1: int = 0, master: str = MK, challenge: bytes | None = None) -> str:
        """WRITE KEY of a record, encrypted or not, with a MAC; asks for a challenge if None is given."""
        challenge = challenge or bytes.fromhex(self("0084000008")[:-4])
        message = bytes((0x84, 0xD4, p1, 0x00, len(data) + 4)) + data
        return self((message + self.mac(message, challenge, master)).hex())

    def mf(self) -> None:
        """Create the MF with its key file and MK, and win the right that this gives."""
        assert self.transport() == "9000"
        self.script(MF, KEYS)
        assert self.load(master_record(), p1=1) == "9000"
        assert self.authenticate() == "9000"


def master_record(value: str = MK, *, tries: str = "03", version: str = "01") -> str:
    return f"0000{version}EF{tries}00FF10{value}"


def key_record(card_id: str, value: str, *, version: str = "01", level: str = "0A", tries: str = "03") -> str:
    """Of a key for external authentication."""
    return f"0D{card_id}{version}EF{tries}00{level}10{value}"


def file(
    fid: str,
    kind: str = "C6",
    *,
    space: str = "0020",
    updates: str = "00",
    scw: str = "44",
    size: str = "00",
    rights: str = "00000000",
) -> str:
    """CREATE FILE of an elementary file; its SFI is the FID's low byte."""
    return f"80E0010010000000{space}{fid}{kind}{updates}{fid[2:]}{scw}{size}{rights}"


def directory(fid: str, name: str, *, kind: str = "02", lock: str = "00") -> str:
    data = f"00{lock}FFFF01{fid}{kind}0000{'01' if kind == '01' else '00'}00000200" + "00" + name.encode().hex()
    return f"80E00100{len(data) // 2:02X}{data}"


@pytest.fixture
def commands() -> object:
    """The commands that chips are built with: ``MF``, ``KEYS``, ``file(…)``…"""

    class Commands:
        pass

    found = Commands()
    found.MF, found.KEYS, found.MK, found.OTHER, found.SERIAL = MF, KEYS, MK, OTHER, SERIAL
    found.file, found.directory, found.key, found.master = file, directory, key_record, master_record
    return found


@pytest.fixture
def new_chip(blank, encrypt_blocks, cryptogram) -> Callable[..., Chip]:
    return lambda memory=blank: Chip(memory, encrypt_blocks, cryptogram)


@pytest.fixture
def chip(new_chip) -> Chip:
    """A chip from the factory, powered on."""
    return new_chip()


@pytest.fixture
def begun(chip) -> Chip:
    """The same with an MF, its MK authenticated."""
    chip.mf()
    return chip
