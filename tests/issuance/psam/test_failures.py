"""What goes wrong while a PSAM is issued: other chips, other keys, custodians that refuse; and what nobody sees."""

import json
from dataclasses import replace
from typing import Any

import pytest

from cardlib.crypto import Algorithm
from cardlib.errors import (
    BuildingError,
    ChipFullError,
    KeyProofError,
    KeyUnavailableError,
    LostChipError,
    ReadBackError,
    UsedChipError,
    WrongChipError,
)
from cardlib.issuance.psam.flow import verify_psam
from cardlib.key_requests import KeyRequest, PsamKeyLoad
from cardlib.keys import CHIP_KEYS, KEYS, PSAM_OWN_KEYS, KeyReference
from cardlib.psam_building import ApplicationInformation
from services.custody.pkcs11 import Pkcs11Custodian
from simulator.blanks import blank_chip
from simulator.card import SoftwareCard
from simulator.memory.eeprom import Eeprom
from simulator.memory.journal import END, HEAD
from simulator.people import ready_card
from simulator.psam.ready import ready_psam
from tests.issuance.chips import Custodian, constant, lasting
from tests.issuance.psam.bench import BLANK, FEW_KEYS, REGION, SERIAL, chip, issue, issued, order, speak
from tests.services.custody import openssl
from tests.services.custody.tasks import ROOTS

ORDER = order(keys=FEW_KEYS, algorithms=(Algorithm.DES,))


class Otherwise(Custodian):
    """Answers as others would: ``change`` may put another request in place of each, or raise."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self._change = change

    def answer(self, request: KeyRequest) -> tuple[bytes, ...]:
        return super().answer(self._change(request))


# --- chips that are not blank PSAMs ---


@pytest.mark.parametrize("cos", ["t514", "fmcos"])
def test_a_blank_chip_of_another_system_is_no_psam(cos) -> None:
    card = SoftwareCard(blank_chip(cos, 1), t0=False)
    before = card.eeprom.content
    with pytest.raises(WrongChipError):
        issue(ORDER, card, begun=False)
    assert lasting(card.eeprom.content) == lasting(before)


@pytest.mark.parametrize("begun", [False, True])
def test_a_holders_card_in_the_wrong_slot_is_left_alone(begun) -> None:
    card = ready_card("2.0")
    before = card.eeprom.content
    with pytest.raises((UsedChipError, WrongChipError, BuildingError)):
        issue(ORDER, card, begun=begun)
    assert lasting(card.eeprom.content) == lasting(before)


@pytest.mark.parametrize("begun", [False, True])
def test_another_psam_is_left_alone(begun) -> None:
    card = SoftwareCard(ready_psam(), t0=False)
    before = card.eeprom.content
    with pytest.raises(UsedChipError, match="another PSAM"):
        issue(ORDER, card, begun=begun)
    assert lasting(card.eeprom.content) == lasting(before)


def test_the_psam_of_the_order_itself_is_not_begun_anew() -> None:
    with pytest.raises(UsedChipError, match="this very PSAM"):
        issue(order(), chip(issued()), begun=False)


def test_a_blank_chip_is_not_verified() -> None:
    card = chip()
    with pytest.raises(UsedChipError):
        speak(verify_psam(ORDER, card.power_on(), rng=constant), card)


def test_a_chip_without_room_says_so() -> None:
    card = SoftwareCard(Eeprom(BLANK.content, size=0x3800), t0=False, rng=constant)
    with pytest.raises(ChipFullError):
        issue(order(), card, begun=False)


# --- keys ---


def other_region(request: KeyRequest) -> KeyRequest:
    return replace(request, card=replace(request.card, region="990200"))


def other_temporary_key(request: KeyRequest) -> KeyRequest:
    """Loads are wrapped under another temporary key than the one that was told."""
    if any(isinstance(task, PsamKeyLoad) and task.under.name == "TMK" for task in request.tasks):
        return replace(request, tasks=tuple(replace(task, under=KeyReference("TMK", 2)) for task in request.tasks))
    return request


def another_key_in_its_place(request: KeyRequest) -> KeyRequest:
    """What is loaded as RK of the province is not what it will be compared with."""
    tasks = tuple(
        replace(task, key=KeyReference("PUK", 2)) if isinstance(task, PsamKeyLoad) and task.key.name == "PUK" else task
        for task in request.tasks
    )
    return replace(request, tasks=tasks)


def another_own_key(request: KeyRequest) -> KeyRequest:
    tasks = tuple(
        replace(task, key=KeyReference("PSAM-KID02", 2))
        if isinstance(task, PsamKeyLoad) and task.key.name == "PSAM-KID02"
        else task
        for task in request.tasks
    )
    return replace(request, tasks=tasks)


def test_a_load_that_the_psam_cannot_check_is_refused() -> None:
    with pytest.raises(BuildingError, match="PSAM-MKDDF") as caught:
        issue(ORDER, chip(), begun=False, custodian=Otherwise(other_temporary_key))
    assert caught.value.sw == 0x6988


def test_a_wrong_key_of_cards_does_not_prove_itself() -> None:
    with pytest.raises(KeyProofError) as caught:
        issue(ORDER, chip(), begun=False, custodian=Otherwise(another_key_in_its_place))
    assert (caught.value.key, caught.value.key_version, caught.value.sw) == ("PUK", 1, 0x9000)


def test_a_wrong_loaders_key_opens_nothing() -> None:
    with pytest.raises(KeyProofError) as caught:
        issue(ORDER, chip(), begun=False, custodian=Otherwise(another_own_key))
    assert (caught.value.key, caught.value.sw) == ("PSAM-KID02", 0x63C2)


def test_a_custodian_of_another_region_costs_tries_of_the_own_keys_until_the_psam_is_lost() -> None:
    """Its own keys are the region's too; nothing is written with wrong ones."""
    card = chip(issued(keys=FEW_KEYS, algorithms=(Algorithm.DES,)))
    wrong = Otherwise(other_region)
    for _ in range(2):
        with pytest.raises(KeyProofError):
            issue(ORDER, card, begun=True, custodian=wrong)
    with pytest.raises(KeyProofError):
        issue(ORDER, card, begun=True, custodian=wrong)
    with pytest.raises(LostChipError):
        issue(ORDER, card, begun=True)


@pytest.mark.parametrize("name", ["TMK", *PSAM_OWN_KEYS, "PUK", "DPK"])
def test_a_key_that_the_custodian_lacks_ends_it_and_the_next_call_goes_on(name) -> None:
    def without(request: KeyRequest) -> KeyRequest:
        if name in {getattr(task, "key", KeyReference("")).name for task in request.tasks}:
            raise KeyUnavailableError(name, "not here")
        return request

    card = chip()
    with pytest.raises(KeyUnavailableError) as caught:
        issue(ORDER, card, begun=False, custodian=Otherwise(without))
    assert caught.value.key == name
    assert issue(ORDER, card, begun=True).keys
    assert lasting(card.eeprom.content) == lasting(issued(keys=FEW_KEYS, algorithms=(Algorithm.DES,)))


def test_the_custodian_of_an_hsm_says_why_it_does_not() -> None:
    refused = Pkcs11Custodian.key_above
    with pytest.raises(KeyUnavailableError, match="would have to leave the HSM"):
        refused(None, ORDER.factors(Algorithm.DES), KeyReference("IRK"), 3)


# --- what is read back ---


@pytest.mark.parametrize(
    "changes",
    [
        {"terminal": "990100000002"},
        {"information": (ApplicationInformation(purchase_index=3), *ORDER.information[1:])},
        {"information": (*ORDER.information[:2], ApplicationInformation(valid_until="20991230"))},
        {"serial": "99010020260101000002"},
    ],
    ids=["terminal", "ministry", "city", "serial"],
)
def test_a_psam_of_another_order_is_told_by_its_files(changes) -> None:
    card = chip(issued(keys=FEW_KEYS, algorithms=(Algorithm.DES,)))
    wanted = order(**{"keys": FEW_KEYS, "algorithms": (Algorithm.DES,)} | changes)
    with pytest.raises(ReadBackError):
        speak(verify_psam(wanted, card.power_on(), rng=constant), card)


# --- what nobody sees ---


def test_no_key_but_the_temporary_one_is_ever_seen_outside_the_custodian(caplog) -> None:
    """Neither the flow nor who carries its commands: all bytes that pass are looked through."""
    caplog.set_level(0)
    card, seen = chip(), []

    class Watched(Custodian):
        def answer(self, request: KeyRequest) -> tuple[bytes, ...]:
            answers = super().answer(request)
            seen.extend((repr(request).encode(), *answers))
            return answers

    def transmit(commands):
        seen.extend(commands)
        answers = [card.process(command) for command in commands]
        seen.extend(answers)
        return answers

    wanted = order()
    report = issue(wanted, card, begun=False, custodian=Watched(), transmit=transmit)
    passed = b"|".join(seen)
    told = repr(report) + caplog.text + json.dumps(report.commands)
    for algorithm in wanted.algorithms:
        psam = openssl.Card(wanted.factors(algorithm), ROOTS)
        canaries = [psam.key(KeyReference(name)) for name in PSAM_OWN_KEYS]
        for name in KEYS:
            canaries += [psam.key(KeyReference(name), levels) for levels in (1, 2, 3)]
        assert len(canaries) > 200
        for value in canaries:
            assert value not in passed
            assert value.hex() not in told.lower()
        # The canary itself: what comes in clear is seen.
        assert psam.key(KeyReference("TMK")) in passed


def test_the_temporary_key_is_nowhere_on_a_finished_psam() -> None:
    """But in what the memory remembers of commands that are over, which no chip shows."""
    memory = issued()
    kept = memory[:HEAD] + memory[END:]
    for algorithm in order().algorithms:
        own = openssl.Card(order().factors(algorithm), ROOTS)
        assert own.key(KeyReference("TMK")) not in kept
        assert all(own.key(KeyReference(name)) in kept for name in PSAM_OWN_KEYS)


def test_orders_and_tasks_show_no_secret() -> None:
    assert "Secret" not in repr(ORDER)
    assert SERIAL in repr(ORDER)
    assert REGION in repr(ORDER)
    task = PsamKeyLoad(KeyReference("IRK"), 3, KeyReference("PSAM-MKADF"), bytes(8), bytes(4), b"CHALLENGE")
    assert "CHALLENGE" not in repr(task)
    assert set(PSAM_OWN_KEYS) < set(CHIP_KEYS)
