"""A PSAM and a centre behind one custodian, and what each of them is asked."""

import itertools

from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from cardlib.crypto import Algorithm
from cardlib.custody import KeyCustodian
from cardlib.key_requests import (
    CardFactors,
    KeyRequest,
    PinBlock,
)
from cardlib.psam import PsamKeyType
from services.custody.development import DevelopmentCustodian
from services.custody.fallback import FallbackCustodian
from services.custody.psam import PsamCustodian
from simulator.card import SoftwareCard
from simulator.psam.quirks import PsamQuirks
from simulator.psam.ready import ready_psam
from tests.services.custody.psam_counter import (
    CARD,
    CARD_SLOT,
    FACTOR,
    SLOT,
    STK,
    TODAY,
    Spied,
)

PIN = PinBlock(STK, FACTOR, Secret(bytes.fromhex("123456")))
BOTH_USES = {"maintenance": PsamKeyType.ENCRYPT_AND_MAC}
ALL_CODES = (-2201, -2202, -2203, -27272, -24)
CENTRE = bytes.fromhex("990099000001")
OTHER = CardFactors(Algorithm.SM4, "990000", bytes(8))
"""Another card."""


class Asked(KeyCustodian):
    """A custodian that notes what it is asked, and answers as another does or raises."""

    def __init__(self, behind: KeyCustodian | Exception | None = None) -> None:
        self.behind = behind or Centre()
        self.requests: list[KeyRequest] = []

    def perform(self, request):
        self.requests.append(request)
        if isinstance(self.behind, Exception):
            raise self.behind
        return self.behind.perform(request)


class Centre(DevelopmentCustodian):
    """One whose terminal number is not that of the PSAM."""

    def __init__(self) -> None:
        super().__init__(development_mode=True)
        self._terminal = CENTRE, itertools.count(1).__next__


class Otherwise:
    """A PSAM that answers commands that begin so in another way."""

    def __init__(self, chip: SoftwareCard, answers: dict[str, str]) -> None:
        self.power_on, self.reset, self.power_off, self._chip = chip.power_on, chip.reset, chip.power_off, chip
        self._answers = {bytes.fromhex(start): bytes.fromhex(answer) for start, answer in answers.items()}

    def process(self, command):
        return next((at for start, at in self._answers.items() if command.startswith(start)), None) or (
            self._chip.process(command)
        )


class Desk:
    def __init__(self, psam=None, *, quirks=None, empty=False, answers=None) -> None:
        self.readers = InProcessReaders([SLOT, CARD_SLOT])
        chip = SoftwareCard(ready_psam(**psam or {}), quirks=quirks or PsamQuirks())
        self.psam = Spied(Otherwise(chip, answers or {}))
        if not empty:
            self.readers.insert(SLOT, self.psam, t0=True)
        self.first = PsamCustodian(self.readers, SLOT, wait=0.2, today=lambda: TODAY)
        self.centre = Asked()
        self.custodian = FallbackCustodian(self.first, self.centre)

    def ask(self, *tasks, card=CARD):
        return self.custodian.perform(KeyRequest(card, tasks))
