"""A card of odd files, and a way to talk to it in hexadecimal."""

from collections.abc import Callable
from itertools import count

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from apdu import Secret
from cardlib.crypto import Algorithm
from cardlib.rules import FREE, PIN, AllOf, AnyOf, Key
from simulator.card import SoftwareCard
from simulator.credentials import KeyRecord, KeyUse, PinRecord
from simulator.files import CyclicFile, Directory, LinearFile, TransparentFile
from simulator.image import CardImage
from simulator.quirks import Quirks

SSSE = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")
RUN = ("0101AA", "0202BBBB", "0301C1", "0301C2", "0401DD", "0301C3")
PHOTO = bytes(range(256)) + b"\x5a" * 44


def run(*records: str) -> tuple[bytes, ...]:
    return tuple(map(bytes.fromhex, records))


def key(name: str, card_id: int, version: int, tries: int | None = 3, use: KeyUse = KeyUse.EXTERNAL) -> KeyRecord:
    """A key whose value is its id and version, repeated."""
    return KeyRecord(use, name, card_id, version, Secret(bytes((card_id, version)) * 8), tries)


def maintenance(name: str, card_id: int, algorithm: Algorithm) -> KeyRecord:
    """An STK: as :func:`key`, single DES on a DES card, without a counter."""
    value = bytes((card_id, 1)) * (4 if algorithm is Algorithm.DES else 8)
    return KeyRecord(KeyUse.MAINTENANCE, name, card_id, 1, Secret(value))


def odd_image(algorithm: Algorithm, pin: str) -> CardImage:
    """MF (a bank's) → SSSE → DF01, DF02; and a second DDF, with a DF01 of its own."""
    df01 = Directory(
        0xDF01,
        bytes.fromhex("D15600000500"),
        bytes.fromhex("6F088406D15600000500"),
        files=(
            LinearFile(0xEF05, AnyOf(PIN, Key("RK1DF01")), run("200131"), update=Key("UK1DF01"), space=3),
            LinearFile(0xEF06, PIN, run("230132"), update=AllOf(PIN, Key("UK1DF01")), space=3),
            LinearFile(0xEF07, FREE, run("290131"), update=FREE, secure_messaging="STKDF01", space=3),
        ),
        keys=(key("RK1DF01", 0x88, 1), key("UK1DF01", 0x83, 1), maintenance("STKDF01", 0x82, algorithm)),
    )
    df02 = Directory(0xDF02, bytes.fromhex("D15600000501"), bytes.fromhex("6F088406D15600000501"))
    ssse = Directory(
        0xDDF1,
        SSSE,
        bytes.fromhex("6F11840F") + SSSE,
        files=(
            LinearFile(0xEF05, FREE, run(*RUN)),
            LinearFile(0xEF06, Key("RKSSSE"), run("080133"), update=Key("UKSSSE"), space=3),
            TransparentFile(0xEF07, FREE, PHOTO, update=FREE),
            TransparentFile(0xEF08, Key("RKSSSE"), PHOTO, update=Key("UKSSSE")),
            LinearFile(0xEF09, FREE, run(*(f"{tag:02X}64" + "00" * 100 for tag in (1, 2, 3)))),
            LinearFile(0xEF0A, FREE, ()),
            LinearFile(0xEF0B, FREE, run("0A01A1", "0B01B1", "0A01A2"), update=FREE, space=13),
            LinearFile(0xEF0C, FREE, run("0A01A1", "0B01B1"), update=FREE, space=9, fixed=True),
            CyclicFile(0xEF0D, FREE, run("D2D2", "D1D1"), update=FREE, size=2, capacity=3),
            CyclicFile(0xEF0E, FREE, (), update=FREE, secure_messaging="STKSSSE", size=2, capacity=3),
            TransparentFile(0xEF0F, FREE, bytes(8), update=FREE, secure_messaging="STKSSSE"),
            TransparentFile(0xEF10, FREE, bytes(8), update=FREE, secure_messaging="STKNONE"),
        ),
        directories=(df01, df02),
        pin=PinRecord(Secret(bytes.fromhex(pin)), tries=6),
        keys=(
            KeyRecord(KeyUse.INTERNAL, "IRK", 0, 1, Secret(bytes.fromhex("4cf56d8b099457aea63cd651de50733e"))),
            key("UKSSSE", 0x04, 1),
            key("BK", 0x05, 1, tries=None),
            *(key("RKSSSE", 0x0A, version) for version in (1, 2, 3)),
            maintenance("STKSSSE", 0x02, algorithm),
        ),
    )
    other = Directory(0xDDF2, b"PKI.TEST", b"\x6f\x00", directories=(Directory(0xDF01, b"OTHER"),))
    mf = Directory(
        0x3F00, b"1PAY.SYS.DDF01", bytes.fromhex("6F10840E315041592E5359532E4444463031"), directories=(ssse, other)
    )
    return CardImage(bytes.fromhex("00814A444686609900DEADBEEF"), algorithm, mf)


def counting_rng() -> Callable[[int], bytes]:
    """Different bytes at every call, the same in every run."""
    calls = count(1)
    return lambda size: bytes((next(calls) & 0xFF,)) * size


def ecb(algorithm: Algorithm, key: bytes, data: bytes) -> bytes:
    """Blocks under SM4, 3DES (16-byte key) or DES (8-byte key)."""
    cipher = SM4(key) if algorithm is Algorithm.SM4 else TripleDES((key * 3)[:24])
    return Cipher(cipher, modes.ECB()).encryptor().update(data)


def auth8(algorithm: Algorithm, key: bytes, challenge: bytes, original: bytes) -> bytes:
    """An authentication cryptogram, written down from the specification (§4.3, §4.4) once more, without our suites."""
    block = 16 if algorithm is Algorithm.SM4 else 8
    session = ecb(algorithm, key, challenge.ljust(block, b"\0"))
    answer = ecb(algorithm, session, original.ljust(block, b"\0"))
    return answer if block == 8 else bytes(a ^ b for a, b in zip(answer[:8], answer[8:], strict=True))


def mac4(algorithm: Algorithm, key: bytes, challenge: bytes, message: bytes) -> bytes:
    """The MAC of a command, from the specification (§4.3, §4.5): block by block, without our suites and without CBC."""
    block = 16 if algorithm is Algorithm.SM4 else 8
    session = ecb(algorithm, key, challenge.ljust(block, b"\0"))
    message += b"\x80"
    chained = bytes(block)
    for start in range(0, len(message), block):
        part = message[start : start + block].ljust(block, b"\0")
        chained = ecb(algorithm, session, bytes(a ^ b for a, b in zip(chained, part, strict=True)))
    words = [chained[at : at + 4] for at in range(0, block, 4)]
    return words[0] if block == 8 else bytes(a ^ b ^ c ^ d for a, b, c, d in zip(*words, strict=True))


class Terminal:
    """Talks hexadecimal: ``terminal("00A4000000") == "9000"``."""

    def __init__(self, card: SoftwareCard, algorithm: Algorithm) -> None:
        self.card = card
        self.algorithm = algorithm
        card.power_on()

    def __call__(self, command: str) -> str:
        return self.card.process(bytes.fromhex(command)).hex().upper()

    def authenticate(self, card_id: str, key: str, *, version: str = "", le: str = "08") -> str:
        """GET CHALLENGE and EXTERNAL AUTHENTICATE with this key; the answer to the latter."""
        challenge, original = bytes.fromhex(self(f"00840000{le}")[:-4]), "0102030405060708"
        cryptogram = auth8(self.algorithm, bytes.fromhex(key), challenge, bytes.fromhex(original))
        length = 16 + len(version) // 2
        return self(f"008200{card_id}{length:02X}{cryptogram.hex()}{original}{version}")

    def secured(self, header: str, data: str, key: str, *, le: str = "08") -> str:
        """GET CHALLENGE and a command with a MAC under this key; ``header`` is CLA INS P1 P2. The answer to it."""
        challenge = bytes.fromhex(self(f"00840000{le}")[:-4])
        body = bytes.fromhex(data)
        message = bytes.fromhex(header) + bytes((len(body) + 4,)) + body
        return self((message + mac4(self.algorithm, bytes.fromhex(key), challenge, message)).hex())

    def select_ssse(self) -> None:
        self("00A404000F" + SSSE.hex())
        self("00C0000013")


@pytest.fixture(scope="session")
def make_terminal() -> Callable[..., Terminal]:
    def make(
        *,
        t0: bool = True,
        quirks: Quirks | None = None,
        algorithm: Algorithm = Algorithm.SM4,
        pin: str = "123456",
        image: CardImage | None = None,
    ):
        image = image or odd_image(algorithm, pin)
        card = SoftwareCard(image, t0=t0, rng=counting_rng(), quirks=quirks or Quirks())
        return Terminal(card, algorithm)

    return make


@pytest.fixture
def terminal(make_terminal: Callable[..., Terminal]) -> Terminal:
    """A T=0 card with the SSSE selected."""
    terminal = make_terminal()
    terminal.select_ssse()
    return terminal


@pytest.fixture
def direct(make_terminal: Callable[..., Terminal]) -> Terminal:
    """The same behind a reader that hides 61xx and 6Cxx."""
    terminal = make_terminal(t0=False)
    terminal.select_ssse()
    return terminal


@pytest.fixture(scope="session")
def encrypt_blocks() -> Callable[[Algorithm, bytes, bytes], bytes]:
    return ecb


@pytest.fixture(scope="session")
def mac() -> Callable[[Algorithm, bytes, bytes, bytes], bytes]:
    return mac4


@pytest.fixture(scope="session")
def odd() -> CardImage:
    """The image of the card of odd files, to make several cards from."""
    return odd_image(Algorithm.SM4, "123456")


@pytest.fixture(scope="session")
def cryptogram() -> Callable[[Algorithm, bytes, bytes, bytes], bytes]:
    return auth8
