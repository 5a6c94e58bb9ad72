"""FMCOS chips that are spoken to in hexadecimal, and the manual's cryptography once more, without our suites."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from apdu.secret import Secret
from simulator.card import SoftwareCard
from simulator.dialects.fmcos import FMCOS
from simulator.memory.eeprom import Eeprom

TRANSPORT = "FF" * 8
CHALLENGE = "1122334455667788"
MF_NAME = "315041592E5359532E4444463031"
MASTER = "39FF39FF39FF39FF39FF39FF39013901"
LINE = "36FF36FF36FF3601"


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.card.DIALECTS", {FMCOS.code: FMCOS})


def des(key: bytes, data: bytes) -> bytes:
    return Cipher(TripleDES((key * 3)[:24]), modes.ECB()).encryptor().update(data)


def undes(key: bytes, data: bytes) -> bytes:
    return Cipher(TripleDES((key * 3)[:24]), modes.ECB()).decryptor().update(data)


def retail_mac(key: bytes, start: bytes, message: bytes) -> bytes:
    """ISO/IEC 9797-1 algorithm 3, or for 8 bytes algorithm 1; padded with 80 00… always."""
    message += b"\x80"
    message += bytes(-len(message) % 8)
    state = start.ljust(8, b"\0")
    for at in range(0, len(message), 8):
        state = des(key[:8], bytes(a ^ b for a, b in zip(state, message[at : at + 8], strict=True)))
    if len(key) == 16:
        state = des(key[:8], undes(key[8:], state))
    return state[:4]


class Chip:
    """A chip: ``chip("00A40000023F00")`` is its answer."""

    def __init__(self, card: SoftwareCard) -> None:
        self.card = card
        self.life_cycle = lambda: card.image.system.life_cycle
        card.power_on()

    def __call__(self, command: str) -> str:
        return self.card.process(bytes.fromhex(command)).hex().upper()

    def script(self, *commands: str) -> None:
        for command in commands:
            assert self(command) == "9000", command

    def reset(self) -> None:
        assert self.card.reset()

    def mf(self, right: str = "F0F0") -> None:
        self.script(f"80E03F000D38FFFF{right}{TRANSPORT}")

    def challenge(self, size: int = 4) -> bytes:
        answer = bytes.fromhex(self(f"00840000{size:02X}"))
        assert answer[-2:] == b"\x90\x00"
        return answer[:-2]

    def authenticate(self, number: int, key: str, size: int = 4) -> str:
        """The manual's EXTERNAL AUTHENTICATE."""
        cryptogram = des(bytes.fromhex(key), self.challenge(size).ljust(8, b"\0"))
        return self(f"008200{number:02X}08{cryptogram.hex()}")

    def authenticate_ssc(self, number: int, key: str, version: str = "") -> str:
        """The SSC layer's: two steps, the challenge is the original too."""
        challenge = self.challenge(8)
        cryptogram = des(des(bytes.fromhex(key), challenge), challenge)
        return self(f"008200{number:02X}{16 + len(version) // 2:02X}{cryptogram.hex()}{challenge.hex()}{version}")

    def secured(self, header: str, data: str, key: str, *, wrong: bool = False, tail: str = "") -> str:
        """A command with the manual's MAC; ``header`` is CLA INS P1 P2."""
        challenge, body = self.challenge(), bytes.fromhex(data)
        message = bytes.fromhex(header) + bytes((len(body) + 4,)) + body
        mac = retail_mac(bytes.fromhex(key), challenge, message)
        return self((message + (bytes(4) if wrong else mac)).hex() + tail)

    def secured_ssc(self, header: str, data: str, key: str) -> str:
        """A command with the standard's MAC: session key from the challenge, zero start, single DES."""
        session, body = des(bytes.fromhex(key), self.challenge(8)), bytes.fromhex(data)
        message = bytes.fromhex(header) + bytes((len(body) + 4,)) + body
        return self((message + retail_mac(session, bytes(8), message)).hex())


def encrypted(key: str, data: str) -> str:
    """LD ‖ data, 80 00… only where needed, ECB."""
    body = bytes.fromhex(data)
    body = bytes((len(body),)) + body
    if len(body) % 8:
        body += b"\x80"
        body += bytes(-len(body) % 8)
    return des(bytes.fromhex(key), body).hex().upper()


@pytest.fixture
def crypto() -> dict[str, Callable[..., object]]:
    """``encrypted``, ``retail_mac``, ``des``."""
    return {"encrypted": encrypted, "retail_mac": retail_mac, "des": des}


@pytest.fixture
def make() -> Callable[..., Chip]:
    """``make(challenge, t0=…)``: a blank chip whose random bytes are these."""

    def made(challenge: str = CHALLENGE, *, t0: bool = False, transport: str = TRANSPORT) -> Chip:
        image = FMCOS.blank(
            historical_bytes=bytes.fromhex("00814A444686609900DEADBEEF"),
            serial=bytes(8),
            transport_key=Secret(bytes.fromhex(transport)),
        )
        random = bytes.fromhex(challenge)
        return Chip(SoftwareCard(image, t0=t0, rng=lambda size: random[:size]))

    return made


@pytest.fixture
def blank(make: Callable[..., Chip]) -> Chip:
    """A blank chip."""
    return make()


@pytest.fixture
def chip(blank: Chip) -> Chip:
    """A chip with an MF that has a key file, 39-00 (next state A) and 36-00, still free."""
    blank.mf()
    blank.script(
        "80E00000073F010001F0FFFF",
        f"80D401000D36F0F0FF33{LINE}",
        f"80D401001539F0FAAA33{MASTER}",
    )
    return blank


@pytest.fixture
def again() -> Callable[[Chip], Chip]:
    """Another card with the same memory."""

    def copied(chip: Chip) -> Chip:
        return Chip(SoftwareCard(Eeprom(chip.card.image.content), t0=False))

    return copied
