"""A PSAM issued on a blank chip with keys in custody: what stands on it, and that it does a PSAM's work."""

from collections.abc import Callable, Mapping

import pytest

from apdu.errors import MalformedError
from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from cardlib.crypto import Algorithm
from cardlib.errors import AlgorithmUnsupportedError
from cardlib.issuance.psam.flow import verify_psam
from cardlib.issuance.psam.report import PsamKeyProof
from cardlib.issuance.questions import Stage
from cardlib.key_requests import Cryptogram, KeyRequest, KeyTask, Mac, PinBlock, Purchase, Verification
from cardlib.keys import KEYS, PSAM_OWN_KEYS, KeyReference, Purpose
from cardlib.psam import PsamKeyType
from cardlib.psam_building import ApplicationInformation
from cardlib.psam_keys import PSAM_KEYS
from services.custody.psam import PsamCustodian
from simulator.card import SoftwareCard
from tests.issuance.chips import constant
from tests.issuance.psam.bench import (
    ENVIRONMENTS,
    FEW_KEYS,
    REGION,
    SERIAL,
    TERMINAL,
    chip,
    issue,
    issued,
    order,
    speak,
    with_pin_reset,
)
from tests.services.custody import openssl
from tests.services.custody.contract import CustodianContract, _Offers
from tests.services.custody.tasks import ROOTS, card

NOT_OF_A_PSAM = frozenset({"DLK", "DTK"})
SLOT = "PSAM"


def custodian_of(memory: bytes) -> PsamCustodian:
    readers = InProcessReaders([SLOT])
    readers.insert(SLOT, SoftwareCard(chip(memory).eeprom, t0=True), t0=True)
    return PsamCustodian(readers, SLOT)


class _OfAPsam(_Offers):
    offers = frozenset({Cryptogram, Mac, PinBlock, Purchase, Verification})
    held = frozenset(row.name for row in PSAM_KEYS) - NOT_OF_A_PSAM

    def refusals(self, task: KeyTask, algorithm: Algorithm = Algorithm.DES) -> tuple[type[Exception], ...]:
        """Of each key a PSAM has one version; with the purchase key it makes purchases only; a city's keys stay in it."""
        reasons = super().refusals(task, algorithm)
        inner = task.task if isinstance(task, Verification) else task
        key = getattr(inner, "key", None)
        of_purchases = isinstance(inner, Mac) and key.name in KEYS and KEYS[key.name].purpose is Purpose.PURCHASE
        of_another_version = isinstance(inner, Cryptogram) and key.version != 1
        return (*reasons, _unavailable()) if of_purchases or of_another_version else reasons


def _unavailable() -> type[Exception]:
    from cardlib.errors import KeyUnavailableError  # noqa: PLC0415

    return KeyUnavailableError
