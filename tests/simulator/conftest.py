"""A card of odd files, the keys of the ready-made ones, and a way to talk to a card in hexadecimal."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import count

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from apdu import Secret
from cardlib import development_keys
from cardlib.cos import t514
from cardlib.cos.plan import Plan, PlannedDirectory, PlannedFile, PlannedKey, PlannedPin
from cardlib.crypto import Algorithm
from cardlib.key_requests import CardFactors
from cardlib.keys import KeyReference, Level, Purpose
from cardlib.model import Structure
from cardlib.rules import FREE, NEVER, PIN, AllOf, AnyOf, Key, Rule
from simulator.card import SoftwareCard
from simulator.dialects.t514 import T514
from simulator.image import CardImage
from simulator.making.maker import make
from simulator.memory.eeprom import Eeprom
from simulator.people import READY
from simulator.quirks import Quirks

SSSE = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")
RUN = ("0101AA", "0202BBBB", "0301C1", "0301C2", "0401DD", "0301C3")
PHOTO = bytes(range(256)) + b"\x5a" * 44
HISTORICAL = bytes.fromhex("00814A444686609900DEADBEEF")
TRANSPORT_KEY = Secret(b"\x54" * 16)


def run(*records: str) -> tuple[bytes, ...]:
    return tuple(map(bytes.fromhex, records))


def key(
    name: str, purpose: Purpose, card_id: int, version: int = 1, *, tries: int | None = 3, size: int = 16
) -> PlannedKey:
    return PlannedKey(
        name=name,
        reference=KeyReference(name, version),
        purpose=purpose,
        level=Level.UNKNOWN,
        card_id=card_id,
        tries=tries,
        size=size,
    )


def master(directory: str) -> PlannedKey:
    return key(f"MK{directory}", Purpose.MASTER, 0)


def maintenance(name: str, card_id: int, algorithm: Algorithm) -> PlannedKey:
    """An STK: single DES on a DES card, without a counter."""
    size = 8 if algorithm is Algorithm.DES else 16
    return key(name, Purpose.MAINTENANCE, card_id, tries=None, size=size)


def linear(fid: int, read: Rule, records: Sequence[bytes], update: Rule = NEVER, **fields) -> PlannedFile:
    fields = {"structure": Structure.LINEAR_VARIABLE, "space": sum(map(len, records)), **fields}
    return _file(fid, read, records, update, fields)


def cyclic(fid: int, records: Sequence[bytes], **fields) -> PlannedFile:
    """Three records of two bytes, for everybody."""
    fields = {"structure": Structure.CYCLIC, "space": 6, "record_size": 2, "record_count": 3, **fields}
    return _file(fid, FREE, records, FREE, fields)


def transparent(fid: int, content: bytes, read: Rule = FREE, update: Rule = FREE, **fields) -> PlannedFile:
    fields = {"structure": Structure.TRANSPARENT, "space": len(content), **fields}
    return _file(fid, read, (content,), update, fields)


def _file(fid: int, read: Rule, contents: Sequence[bytes], update: Rule, fields: Mapping[str, object]) -> PlannedFile:
    return PlannedFile(
        name=f"EF{fid:04X}", fid=fid, sfi=fid & 0x1F, read=read, update=update, contents=tuple(contents), **fields
    )


def odd_plan(algorithm: Algorithm) -> Plan:
    """MF (a bank's) → SSSE → DF01, DF02; and a second DDF, with a DF01 of its own, both without STK."""
    df01 = PlannedDirectory(
        name="DF01",
        fid=0xDF01,
        df_name=bytes.fromhex("D15600000500"),
        is_ddf=False,
        files=(
            linear(0xEF05, AnyOf(PIN, Key("RK1DF01")), run("200131"), Key("UK1DF01")),
            linear(0xEF06, PIN, run("230132"), AllOf(PIN, Key("UK1DF01"))),
            linear(0xEF07, FREE, run("290131"), FREE, secure_messaging="STKDF01"),
        ),
        keys=(
            master("DF01"),
            key("RK1DF01", Purpose.READ, 0x88),
            key("UK1DF01", Purpose.UPDATE, 0x83),
            maintenance("STKDF01", 0x82, algorithm),
        ),
    )
    df02 = PlannedDirectory(
        name="DF02", fid=0xDF02, df_name=bytes.fromhex("D15600000501"), is_ddf=False, keys=(master("DF02"),)
    )
    ssse = PlannedDirectory(
        name="SSSE",
        fid=0xDDF1,
        df_name=SSSE,
        is_ddf=True,
        lock_key="BK",
        pin=PlannedPin(6, None),
        files=(
            linear(0xEF05, FREE, run(*RUN)),
            linear(0xEF06, Key("RKSSSE"), run("080133"), Key("UKSSSE")),
            transparent(0xEF07, PHOTO),
            transparent(0xEF08, PHOTO, Key("RKSSSE"), Key("UKSSSE")),
            linear(0xEF09, FREE, run(*(f"{tag:02X}64" + "00" * 100 for tag in (1, 2, 3)))),
            linear(0xEF0A, FREE, (), space=2),
            linear(0xEF0B, FREE, run("0A01A1", "0B01B1", "0A01A2"), FREE, space=13),
            linear(
                0xEF0C,
                FREE,
                run("0A01A1", "0B01B1"),
                FREE,
                structure=Structure.LINEAR_FIXED,
                space=9,
                record_size=3,
                record_count=3,
            ),
            cyclic(0xEF0D, run("D2D2", "D1D1")),
            cyclic(0xEF0E, (), secure_messaging="STKSSSE"),
            transparent(0xEF0F, bytes(8), secure_messaging="STKSSSE"),
        ),
        keys=(
            master("SSSE"),
            key("IRK", Purpose.INTERNAL_AUTHENTICATION, 0x00, tries=None),
            key("UKSSSE", Purpose.UPDATE, 0x04),
            key("BK", Purpose.CARD_BLOCK, 0x05, tries=None),
            *(key("RKSSSE", Purpose.READ, 0x0A, version) for version in (1, 2, 3)),
            maintenance("STKSSSE", 0x02, algorithm),
        ),
        children=(df01, df02),
    )
    inner = PlannedDirectory(
        name="OTHER",
        fid=0xDF01,
        df_name=b"OTHER",
        is_ddf=False,
        files=(transparent(0xEF10, bytes(8), secure_messaging="STKNONE"),),
        keys=(master("OTHER"),),
    )
    other = PlannedDirectory(
        name="PKI", fid=0xDDF2, df_name=b"PKI.TEST", is_ddf=True, keys=(master("PKI"),), children=(inner,)
    )
    mf = PlannedDirectory(
        name="MF", fid=0x3F00, df_name=b"1PAY.SYS.DDF01", is_ddf=True, keys=(master("MF"),), children=(ssse, other)
    )
    return Plan("odd", algorithm, HISTORICAL, mf)


def odd_values(plan: Plan) -> dict[KeyReference, Secret]:
    """The value of a key is its id and version, repeated; IRK has the one of card.md §4.11."""
    keys = (key for directory in plan.mf.walk() for key in directory.keys)
    values = {key.reference: Secret((bytes((key.card_id, key.version)) * 8)[: key.size]) for key in keys}
    values[KeyReference("IRK")] = Secret(bytes.fromhex("4cf56d8b099457aea63cd651de50733e"))
    return values


def blank_image() -> CardImage:
    """A T514 chip from the factory."""
    return T514.blank(historical_bytes=HISTORICAL, serial=HISTORICAL[5:], transport_key=TRANSPORT_KEY)


@lru_cache
def odd_image(algorithm: Algorithm, pin: str) -> CardImage:
    """The card of odd files, as its chip holds it."""
    plan = odd_plan(algorithm)
    chip = SoftwareCard(blank_image())
    make(chip, plan, {}, odd_values(plan), Secret(bytes.fromhex(pin)), TRANSPORT_KEY, t514.T514())
    return chip.image


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
        image: CardImage | Eeprom | None = None,
    ):
        image = odd_image(algorithm, pin) if image is None else image
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


@pytest.fixture(scope="session")
def ready_keys() -> Callable[[str], dict[str, str]]:
    """The keys of a ready-made card, first versions, by name and in hexadecimal."""

    def keys(name: str) -> dict[str, str]:
        ready = READY[name]
        factors = CardFactors(ready.algorithm, "990000", ready.historical_bytes(ready.serial)[5:])
        roots = development_keys.load()
        firsts = (reference for reference in roots if reference.version == 1)
        return {
            reference.name: factors.card_key(reference, roots[reference], ready.profile.keys).reveal().hex()
            for reference in firsts
        }

    return keys


@pytest.fixture(scope="session")
def blank() -> CardImage:
    """A T514 chip from the factory: 13 historical bytes, transport key 54…54, three tries."""
    return blank_image()


@pytest.fixture(scope="session")
def odd_building() -> tuple[Plan, dict[KeyReference, Secret], Secret]:
    """The plan of the card of odd files, the values of its keys, and the transport key of the blank chip."""
    plan = odd_plan(Algorithm.SM4)
    return plan, odd_values(plan), TRANSPORT_KEY
