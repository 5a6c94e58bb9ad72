"""The PSAM of the specification's worked examples, and a way to talk to it in hexadecimal."""

from collections.abc import Callable
from functools import cache

import pytest

from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.psam import ADF_FID, DES_KEY, ENVIRONMENTS, SM4_KEY, TRIPLE_DES_KEY, PsamKey, PsamKeyType
from simulator.card import SoftwareCard
from simulator.memory.eeprom import Eeprom
from simulator.memory.image import CardImage
from simulator.psam.making import EnvironmentDescription, PsamDescription, make
from simulator.psam.quirks import PsamQuirks

K = bytes(range(16))
AFTER_PROVINCE = {
    Algorithm.DES: "8AB85B3FCDD2E24EF01D379392FF31BE",
    Algorithm.SM4: "289E72EC25BEDAFE6CD137B8C3309921",
}
AFTER_CITY = {
    Algorithm.DES: "2492F3A64E687AA8403BFD261F90B778",
    Algorithm.SM4: "E863A2E269018BE7967AB03B563289C6",
}
DDF_MASTER = bytes(range(0x50, 0x60))
ADF_MASTER = bytes(range(0x40, 0x50))
LOADERS = tuple(bytes(range(start, start + 16)) for start in (0x10, 0x20, 0x30))
TERMINAL = "650100000001"


def example_keys(algorithm: Algorithm) -> tuple[PsamKey, ...]:
    """Those of the worked examples; purchase keys of versions 02 and 03 are version 01 further down."""
    code = SM4_KEY if algorithm is Algorithm.SM4 else TRIPLE_DES_KEY
    short, short_code = (Secret(K), SM4_KEY) if algorithm is Algorithm.SM4 else (Secret(K[:8]), DES_KEY)
    second, third = (Secret(bytes.fromhex(table[algorithm])) for table in (AFTER_PROVINCE, AFTER_CITY))
    return (
        PsamKey(PsamKeyType.ENCRYPT, 0x2D, 3, Secret(K), code),
        PsamKey(PsamKeyType.ENCRYPT, 0x2A, 2, second, code),
        PsamKey(PsamKeyType.ENCRYPT, 0x26, 1, third, code),
        PsamKey(PsamKeyType.MAC, 0x09, 3, short, short_code),
        PsamKey(PsamKeyType.ENCRYPT_AND_MAC, 0x10, 3, short, short_code, 0x0012),
        PsamKey(PsamKeyType.PURCHASE, 1, 3, Secret(K), code),
        PsamKey(PsamKeyType.PURCHASE, 2, 2, second, code),
        PsamKey(PsamKeyType.PURCHASE, 3, 1, third, code),
        PsamKey(PsamKeyType.LOAD, 0x7C, 3, Secret(K), code, 0x0012),
        PsamKey(PsamKeyType.TAC, 0x7B, 3, Secret(K), code, 0x0012),
        PsamKey(PsamKeyType.ENCRYPT, 0x90, 0, Secret(K), code, 0x0013),
    )


@cache
def example_image(
    *, empty: bool = False, trade_number: int = 1, algorithms: tuple[Algorithm, ...] = (Algorithm.DES, Algorithm.SM4)
) -> CardImage:
    """Made by commands, as every PSAM is; ``empty``: without keys for cards."""
    environments = tuple(
        EnvironmentDescription(
            algorithm,
            Secret(DDF_MASTER),
            Secret(ADF_MASTER),
            (Secret(LOADERS[0]), Secret(LOADERS[1]), Secret(LOADERS[2])),
            () if empty or algorithm is Algorithm.SSF33 else example_keys(algorithm),
            trade_number=trade_number,
        )
        for algorithm in algorithms
    )
    return make(PsamDescription("65010020240102000001", TERMINAL, environments, issuer=0x65, fci_data=b"\xf1\xf2"))


def fixed_random(size: int) -> bytes:
    """The challenges of the worked examples."""
    return bytes.fromhex("11223344") if size == 4 else bytes(range(0xA0, 0xA0 + size))


class Terminal:
    """Talks hexadecimal: ``psam("00A4000000") == "9000"``; blanks may be anywhere."""

    def __init__(self, card: SoftwareCard) -> None:
        self.card = card
        card.power_on()

    def __call__(self, command: str) -> str:
        return self.card.process(bytes.fromhex(command)).hex().upper()

    def enter(self, algorithm: Algorithm, *, application: bool = True) -> None:
        """Select an environment, and the application in it."""
        assert self("00A404000F" + ENVIRONMENTS[algorithm][1].hex()).endswith("9000")
        if application:
            assert self(f"00A4000002{ADF_FID:04X}").endswith("9000")


@pytest.fixture
def make_psam() -> Callable[..., Terminal]:
    """A PSAM behind a reader that hides 61xx (``t0=False``), without selection; arguments as for the card."""

    def make_one(
        image: CardImage | Eeprom | None = None, *, t0: bool = False, quirks: PsamQuirks | None = None
    ) -> Terminal:
        card = SoftwareCard(image or example_image(), t0=t0, rng=fixed_random, quirks=quirks or PsamQuirks())
        return Terminal(card)

    return make_one


@pytest.fixture
def image_of() -> Callable[..., CardImage]:
    return example_image


@pytest.fixture(params=[Algorithm.DES, Algorithm.SM4], ids=lambda algorithm: algorithm.name)
def algorithm(request: pytest.FixtureRequest) -> Algorithm:
    return request.param


@pytest.fixture
def psam(make_psam: Callable[..., Terminal]) -> Terminal:
    """The application of the DES environment is selected."""
    terminal = make_psam()
    terminal.enter(Algorithm.DES)
    return terminal
