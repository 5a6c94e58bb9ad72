"""A card with a medical account, and the other side of its loads and purchases.

That other side, host and PSAM, computes with the OpenSSL command line and nothing of ours.
"""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from apdu.secret import Secret
from cardlib.crypto import Algorithm
from simulator.account.amounts import Amounts
from simulator.card import SoftwareCard
from simulator.credentials import Key
from simulator.dialects.t514 import T514
from simulator.files import Directory, Kind
from simulator.memory.eeprom import Eeprom
from simulator.memory.image import CardImage
from simulator.memory.layout import HEADER
from simulator.memory.store import Store
from simulator.quirks import Quirks

SSSE = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")
DF04 = bytes.fromhex("D15600000503")
CARD_KEYS = {Algorithm.DES: "f27d8d26ec3430bd1ab26aced5f5ea2e", Algorithm.SM4: "4cf56d8b099457aea63cd651de50733e"}
PIN = "123456"
OPENING = Amounts(1, 1, 5000, 25_000, 480_000, bytes.fromhex("2024"), bytes.fromhex("0101"))
TERMINAL, TIME = "650100000001", "20240102030405"

READ_BY_PIN, SET_BY_DSK, FREE = "440F00EFEF", "0400000007", "4400000000"
"""How a T514 file of each kind is guarded: the SCW, then parent's and own level for reading, and for updating."""

LEGACY = ["-provider", "legacy", "-provider", "default"]
CIPHERS = {(Algorithm.DES, 8): ["-des", *LEGACY], (Algorithm.DES, 16): ["-des-ede"], (Algorithm.SM4, 16): ["-sm4"]}


class Outside:
    """Host and PSAM of one algorithm: session keys, MACs and TACs, from the text of the rules."""

    def __init__(self, program: str, algorithm: Algorithm) -> None:
        self.program = program
        self.algorithm = algorithm
        self.block = 16 if algorithm is Algorithm.SM4 else 8

    def _run(self, key: bytes, data: bytes, mode: str, *more: str) -> bytes:
        cipher, *provider = CIPHERS[self.algorithm, len(key)]
        if (mode, cipher) == ("ecb", "-des-ede"):
            cipher, mode = "-des-ede-ecb", ""
        name = f"{cipher}-{mode}" if mode else cipher
        command = [self.program, "enc", name, *provider, "-K", key.hex(), "-nopad", *more]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout

    def session(self, key: bytes, factor: bytes) -> bytes:
        return self._run(key, factor.ljust(self.block, b"\0"), "ecb")

    def mac(self, session: bytes, data: bytes) -> bytes:
        data += b"\x80"
        data += bytes(-len(data) % self.block)
        last = self._run(session, data, "cbc", "-iv", "00" * self.block)[-self.block :]
        if self.block == 8:
            return last[:4]
        words = [last[at : at + 4] for at in range(0, 16, 4)]
        return bytes(a ^ b ^ c ^ d for a, b, c, d in zip(*words, strict=True))

    def tac(self, key: bytes, data: bytes) -> bytes:
        if self.block == 8:
            key = bytes(a ^ b for a, b in zip(key[:8], key[8:], strict=True))
        return self.mac(key, data)


@pytest.fixture(scope="session")
def outside() -> Callable[[Algorithm], Outside]:
    program = shutil.which("openssl")
    if program is None:
        pytest.fail("the openssl command is missing, the second computation needs it: apt-get install openssl")
    return lambda algorithm: Outside(program, algorithm)


# --- the card ---


def _guarded(rights: str) -> bytes:
    joined = bytes.fromhex(rights)
    return bytes(10) + joined[:1] + b"\0" + joined[1:]


def _key(kind: int, number: int, value: bytes, *, level: int = 0, algorithm: int = 0, tries: int | None = 3) -> Key:
    return Key(T514.key_use(kind), kind, number, 1, Secret(value), algorithm=algorithm, level=level, tries=tries)


@dataclass(kw_only=True)
class Medical:
    """What the card of a test is like; the default is that of the published vectors."""

    algorithm: Algorithm = Algorithm.SM4
    amounts: Amounts | None = OPENING
    pin: str = PIN
    record: int = 0x1C
    """Bytes of a log record; 0: the card has no log."""
    indexes: tuple[int, ...] = (1,)
    """Of DLK and DPK."""
    tac_indexes: tuple[int, ...] = (1,)
    """Of DTK."""
    key_size: int = 16
    """Bytes of DLK and DPK."""
    quirks: Quirks = field(default_factory=Quirks)
    t0: bool = False

    def image(self) -> CardImage:
        """MF, SSSE with PIN and keys, DF03 without and DF04 with an account."""
        blank = T514.blank(historical_bytes=bytes(13), serial=bytes(8), transport_key=Secret(bytes(16)))
        store = Store(Eeprom(blank.content), T514)
        code = 3 if self.algorithm is Algorithm.SM4 else 0
        key = bytes.fromhex(CARD_KEYS[self.algorithm])
        store.create(None, Kind.DIRECTORY, 0x3F00)
        store.create(store.root, Kind.DIRECTORY, 0xDDF1, name=SSSE, lock_level=5)
        self._keys(
            store,
            (
                _key(0x01, 0, bytes.fromhex(self.pin), level=0x0F, tries=6),
                _key(0x0D, 0x05, key, level=5, algorithm=code, tries=None),
                _key(0x07, 0x02, key if code else key[:8], algorithm=code or 1, tries=None),
            ),
        )
        store.create(store.root.directories[0], Kind.DIRECTORY, 0xDF03, name=b"OTHER")
        store.create(store.root.directories[0], Kind.DIRECTORY, 0xDF04, name=DF04)
        self._keys(
            store,
            [
                *(_key(kind, index, key[: self.key_size], algorithm=code) for kind in (8, 9) for index in self.indexes),
                *(_key(0x0A, index, key, algorithm=code) for index in self.tac_indexes),
                _key(0x0D, 0x87, key, level=7, algorithm=code),
            ],
        )
        here = _last(store)
        if self.record:
            store.create(here, Kind.CYCLIC, 0xEF08, sfi=8, size=self.record, count=3, parameters=_guarded(READ_BY_PIN))
        store.create(here, Kind.TRANSPARENT, 0xEF09, sfi=9, size=4, parameters=_guarded(FREE))
        if self.amounts:
            at = store.create(here, Kind.AMOUNTS, 0xEF03, sfi=3, size=40, parameters=_guarded(SET_BY_DSK))
            store.write(at + HEADER, self.amounts.pack())
        for path in store.root.walk():
            store.end(path[-1])
        store.commit()
        return CardImage(store.eeprom.content)

    @staticmethod
    def _keys(store: Store, keys: list[Key] | tuple[Key, ...]) -> None:
        store.create(_last(store), Kind.KEYS, 0xEF02, sfi=2, size=32, count=len(keys))
        for key in keys:
            store.store_key(_last(store), key)


def _last(store: Store) -> Directory:
    *_, path = store.root.walk()
    return path[-1]


class Terminal:
    """Talks hexadecimal to a card that stands in DF04, its PIN verified where it has one."""

    def __init__(self, medical: Medical, outside: Outside) -> None:
        calls = iter(range(1, 1 << 20))

        def rng(size: int) -> bytes:
            return bytes.fromhex("A1B2C3D4") if size == 4 else bytes((next(calls) & 0xFF,)) * size

        self.outside = outside
        self.key = bytes.fromhex(CARD_KEYS[medical.algorithm])
        self.pin = medical.pin
        self.card = SoftwareCard(medical.image(), t0=medical.t0, rng=rng, quirks=medical.quirks)
        self.start()

    def start(self) -> None:
        """Power on, go to DF04, verify the PIN."""
        self.card.power_on()
        self.enter()
        if self.pin:
            self.verify()

    def enter(self) -> None:
        for name in (SSSE, DF04):
            self(f"00A40400{len(name):02X}{name.hex()}")

    def verify(self) -> str:
        return self(f"00200000{len(self.pin) // 2:02X}{self.pin}")

    def __call__(self, command: str) -> str:
        return self.card.process(bytes.fromhex(command)).hex().upper()

    def authenticate(self, card_id: str) -> str:
        """EXTERNAL AUTHENTICATE with the key of this id."""
        session = self.outside.session(self.key, bytes.fromhex(self("0084000008")[:-4]))
        cryptogram = self.outside.session(session, b"original")
        if len(cryptogram) == 16:
            cryptogram = bytes(a ^ b for a, b in zip(cryptogram[:8], cryptogram[8:], strict=True))
        return self(f"008200{card_id}10{cryptogram.hex()}{b'original'.hex()}")

    def begin_load(self, amount: int = 1000, *, index: int = 1) -> str:
        return self(f"B02800010B{index:02X}{amount:08X}{TERMINAL}")

    def begin_purchase(self, account: int = 1000, self_paid: int = 0, pooled: int = 0, *, index: int = 1) -> str:
        return self(f"B028010113{index:02X}{account:08X}{self_paid:08X}{pooled:08X}{TERMINAL}")

    def credit(self, amount: int = 1000, *, number: int = 1, time: str = TIME, spoil: int = 0) -> str:
        """CREDIT FOR LOAD with the right MAC2, or one with some bits wrong."""
        session = self.outside.session(self.key, bytes.fromhex(f"A1B2C3D4{number:04X}8000"))
        mac = int.from_bytes(self.outside.mac(session, bytes.fromhex(f"{amount:08X}31{TERMINAL}{time}")), "big")
        return self(f"B02A00000B{time}{mac ^ spoil:08X}")

    def debit(
        self,
        account: int = 1000,
        self_paid: int = 0,
        pooled: int = 0,
        *,
        number: int = 1,
        time: str = TIME,
        sequence: int = 1,
        spoil: int = 0,
    ) -> str:
        """DEBIT FOR PURCHASE with the right MAC1, or one with some bits wrong."""
        session = self.outside.session(self.key, bytes.fromhex(f"A1B2C3D4{number:04X}{sequence & 0xFFFF:04X}"))
        parts = f"{account:08X}{self_paid:08X}{pooled:08X}32{TERMINAL}{time}"
        mac = int.from_bytes(self.outside.mac(session, bytes.fromhex(parts)), "big")
        return self(f"B02C01000F{sequence:08X}{time}{mac ^ spoil:08X}")

    def balance(self) -> str:
        """What GET BALANCE answers for all three amounts, without 9000 where that is the end."""
        return " ".join(self(f"B02600{p2}").removesuffix("9000") for p2 in ("0104", "0206", "0306"))

    def proof(self, trade: str, number: int) -> str:
        return self(f"B02E00{trade}02{number:04X}")

    def log(self) -> list[str]:
        """The records of the log, the newest first."""
        answers = [self(f"00B2{number:02X}4400") for number in (1, 2, 3)]
        return [answer[:-4] for answer in answers if answer.endswith("9000")]


@pytest.fixture
def terminal(outside: Callable[[Algorithm], Outside]) -> Callable[..., Terminal]:
    """``terminal(**of_medical)``: at a card as :class:`Medical` describes it."""

    def make(**options: object) -> Terminal:
        medical = Medical(**options)
        return Terminal(medical, outside(medical.algorithm))

    return make
