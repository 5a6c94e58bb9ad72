"""Blank chips and orders for PSAMs of invented issuers, and one attempt at issuing one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final

from apdu.flow import Flow
from apdu.readers import Transmit
from cardlib.crypto import Algorithm
from cardlib.issuance.psam.flow import issue_psam
from cardlib.issuance.psam.order import PsamOrder
from cardlib.issuance.psam.report import PsamReport
from cardlib.issuance.questions import Note
from cardlib.psam import CITY_KEYS, PsamKeyType
from cardlib.psam_building import ApplicationInformation
from cardlib.psam_keys import PSAM_KEYS, PsamKeyId
from simulator.blanks import BLANKS
from simulator.card import SoftwareCard
from simulator.memory.eeprom import Eeprom
from tests.issuance.chips import Custodian, constant, converse, process

BLANK: Final = BLANKS["blank-psam"](7)
REGION: Final = "990100"
SERIAL: Final = "99010020260101000001"
TERMINAL: Final = "990100000001"

FEW_KEYS: Final = tuple(
    replace(row, file=CITY_KEYS) if row.name == "UK2DF02" else row
    for row in PSAM_KEYS
    if row.name in {"DPK", "IRK", "STKDF01", "PUK", "DLK", "DTK", "UK2DF02", "LKDF03"}
)
"""Keys of every type in every file, some that do not compute at the beginning, in the middle and at the end."""

_ANSWERS: Final = Custodian()


def order(**changes: Any) -> PsamOrder:
    information = (
        ApplicationInformation(1, 1, "20260101", "20301231"),
        ApplicationInformation(1, 1, "20260201", "20311231"),
        ApplicationInformation(2, 1, "20260301", "20321231"),
    )
    return PsamOrder(
        **{
            "serial": SERIAL,
            "terminal": TERMINAL,
            "region": REGION,
            "information": information,
            "issuer": 0x99,
            "fci_data": b"\xf1\xf2",
            **changes,
        }
    )


def with_pin_reset(rows: Sequence[PsamKeyId] = PSAM_KEYS) -> tuple[PsamKeyId, ...]:
    """STK as PSAMs in the field have it, which encrypts PINs too."""
    both = PsamKeyType.ENCRYPT_AND_MAC
    return tuple(replace(row, kind=both) if row.name.startswith("STK") else row for row in rows)


def chip(memory: bytes = BLANK.content, store: Callable[[int, bytes], object] | None = None) -> SoftwareCard:
    return SoftwareCard(Eeprom(memory, store=store), t0=False, rng=constant)


def issue(
    wanted: PsamOrder,
    card: SoftwareCard,
    *,
    begun: bool,
    attempt: int = 0,
    custodian: Any = _ANSWERS,
    transmit: Transmit | None = None,
    noted: Callable[[Note], object] = lambda note: None,
) -> PsamReport:
    """One attempt, from the power-on."""
    flow = issue_psam(wanted, card.power_on(), begun=begun, rng=constant, attempt=attempt)
    return speak(flow, card, custodian, transmit, noted)


def speak(
    flow: Flow[PsamReport],
    card: SoftwareCard,
    custodian: Any = _ANSWERS,
    transmit: Transmit | None = None,
    noted: Callable[[Note], object] = lambda note: None,
) -> PsamReport:
    try:
        return converse(flow, card, custodian, transmit=transmit or process(card), noted=noted)
    finally:
        card.power_off()


@cache
def issued(**changes: Any) -> bytes:
    """The memory of a PSAM that was issued: made once."""
    card = chip()
    issue(order(**changes), card, begun=False)
    return card.eeprom.content


ENVIRONMENTS: Final = {
    "DES": (Algorithm.DES,),
    "DES and SM4": (Algorithm.DES, Algorithm.SM4),
}
