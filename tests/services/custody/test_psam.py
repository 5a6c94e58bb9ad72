"""The PSAM's custodian when things go wrong: resets, removals, replacements, several callers, purchases cut off."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import grpc
import pytest

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.key_requests import CardFactors, Cryptogram, KeyRequest, Mac, PinBlock, Verification
from cardlib.keys import KEYS, KeyReference
from cardlib.psam import PsamKeyType
from cardlib.psam_flows.errors import (
    NoPsamError,
    PsamAlgorithmError,
    PsamBusyError,
    PsamKeyMissingError,
    PsamLevelError,
    PsamPurchaseError,
    PsamReadKeyError,
    PsamRefusedError,
)
from cardlib.psam_keys import PSAM_KEYS
from services import logs
from services.catalogue import failure_of
from services.config import LogLevel
from services.custody.psam import PsamCustodian
from simulator.card import SoftwareCard
from simulator.people import ready_card
from simulator.psam.quirks import PsamQuirks
from simulator.psam.ready import ready_psam
from tests.services.custody.psam_counter import (
    CARD,
    CARD_SLOT,
    FACTOR,
    ORIGINAL,
    SLOT,
    STK,
    Desk,
    Gate,
    Spied,
    converse,
    cryptogram,
    proof_of,
    purchase,
    right,
    unblock_pin,
)


@pytest.fixture
def desk() -> Callable[..., Desk]:
    return Desk


# --- the connection ---


def test_it_is_connected_when_it_is_needed_and_opened_once(desk):
    at = desk()
    assert at.psam.power_ons == 1  # the reader's own look
    for _ in range(3):
        assert at.ask(cryptogram()) == right(cryptogram())
    assert at.psam.power_ons == 2
    assert len(at.psam.sent(0x00, 0xA4)) == 2
    at.custodian.close()
    at.custodian.close()
    assert at.ask(cryptogram()) == right(cryptogram())
    assert at.psam.power_ons == 3


def test_levels_are_looked_for_once_for_each_psam_and_environment(desk):
    at, key = desk(), cryptogram("UK3DF01")  # a city's
    at.ask(key)
    assert len(at.psam.sent(0xBF, 0xDE)) == 3
    at.ask(key)
    at.custodian.close()
    at.ask(key)
    assert len(at.psam.sent(0xBF, 0xDE)) == 5
    other = CardFactors(Algorithm.DES, CARD.region, CARD.card_factor)
    assert at.ask(key, card=other) == right(key, card=other)
    assert len(at.psam.sent(0xBF, 0xDE)) == 8
    assert at.ask(key) == right(key)
    assert len(at.psam.sent(0xBF, 0xDE)) == 9
    assert not at.psam.sent(0xBF, 0xEC)


def test_a_key_that_is_not_there_is_looked_for_once_until_the_psam_was_away(desk):
    at = desk(SoftwareCard(ready_psam(without=frozenset({"RKSSSE"}))))
    for _ in range(3):
        with pytest.raises(PsamReadKeyError):
            at.ask(cryptogram("RKSSSE"))
    assert len(at.psam.sent(0xBF, 0xDE)) == 6
    at.readers.remove(SLOT)
    at.readers.insert(SLOT, SoftwareCard(ready_psam()), t0=True)
    assert at.ask(cryptogram("RKSSSE")) == right(cryptogram("RKSSSE"))


@pytest.mark.parametrize("failing", range(1, 12))
def test_a_psam_that_is_reset_at_any_command_is_connected_again(desk, failing):
    tasks = cryptogram(), Mac(STK, FACTOR, b"command"), cryptogram("UK3DF01")
    at = desk(Spied(SoftwareCard(ready_psam()), failing))
    assert at.ask(*tasks) == right(*tasks)
    assert at.psam.power_ons == 3


def test_a_psam_that_stays_silent_is_none(desk):
    at = desk(Spied(SoftwareCard(ready_psam()), 9, 10))
    with pytest.raises(NoPsamError, match="does not answer") as caught:
        at.ask(cryptogram())
    assert (caught.value.national_code, caught.value.key) == (-2201, "IRK")
    assert at.ask(cryptogram()) == right(cryptogram())


def test_a_psam_that_lost_power_unseen_is_opened_again(desk):
    at = desk()
    at.ask(cryptogram())
    at.psam.chip.reset()
    assert at.ask(cryptogram()) == right(cryptogram())
    at.psam.chip.reset()
    assert at.ask(purchase())[0][:6] == bytes.fromhex("990000000001")
    at = desk(SoftwareCard(ready_psam(maintenance=PsamKeyType.ENCRYPT_AND_MAC)))
    pin = PinBlock(STK, FACTOR, Secret(bytes.fromhex("123456")))
    des = CardFactors(Algorithm.DES, CARD.region, CARD.card_factor)
    at.ask(pin, card=des)
    at.psam.chip.reset()
    assert at.ask(pin, card=des) == right(pin, card=des)


def test_a_psam_that_another_program_has_is_busy(desk):
    at = desk()
    other = at.readers.connect(SLOT)
    with pytest.raises(PsamBusyError, match="not free") as caught:
        at.ask(cryptogram())
    assert (caught.value.national_code, caught.value.key) == (None, "IRK")
    assert failure_of(caught.value).refusal.code is grpc.StatusCode.UNAVAILABLE
    at.custodian.close()
    other.close()
    assert at.ask(cryptogram()) == right(cryptogram())


def test_an_empty_slot_and_a_missing_reader_are_none(desk):
    at = desk()
    at.readers.remove(SLOT)
    with pytest.raises(NoPsamError, match="no card"):
        at.ask(cryptogram())
    at.readers.insert(SLOT, at.psam, t0=True)
    assert at.ask(cryptogram()) == right(cryptogram())
    nowhere = PsamCustodian(at.readers, "elsewhere")
    with pytest.raises(NoPsamError, match="no such reader"):
        nowhere.perform(KeyRequest(CARD, (cryptogram(),)))


def test_a_psam_that_is_replaced_is_another_one(desk):
    at, key = desk(SoftwareCard(ready_psam(region="990200"))), cryptogram("UK3DF01")
    there = CardFactors(Algorithm.SM4, "990200", CARD.card_factor)
    assert at.ask(key, card=there) == right(key, card=there)
    with pytest.raises(PsamLevelError):
        at.ask(key)
    at.readers.remove(SLOT)
    at.readers.insert(SLOT, SoftwareCard(ready_psam()), t0=True)
    assert at.ask(key) == right(key)
    with pytest.raises(PsamLevelError):
        at.ask(key, card=there)


def test_a_replaced_psam_is_never_spoken_for_by_the_one_before(desk):
    at = desk()
    assert at.custodian.environment(Algorithm.SM4).terminal_number == bytes.fromhex("990000000001")
    at.readers.remove(SLOT)
    at.readers.insert(SLOT, SoftwareCard(ready_psam(terminal="990000004711")), t0=True)
    assert at.custodian.environment(Algorithm.SM4).terminal_number == bytes.fromhex("990000004711")


def test_an_environment_that_is_gone_when_it_is_entered_again(desk):
    at = desk()
    des = CardFactors(Algorithm.DES, CARD.region, CARD.card_factor)
    at.ask(cryptogram())
    at.ask(cryptogram(), card=des)
    process = at.psam.chip.process
    sm4 = bytes.fromhex("7378332E73682E")
    at.psam.chip = Without(process, sm4)
    with pytest.raises(PsamAlgorithmError):
        at.ask(cryptogram())
    assert at.ask(cryptogram(), card=des) == right(cryptogram(), card=des)


class Without:
    """A chip that does not find what has these bytes in its name."""

    def __init__(self, process, name):
        self._process, self._name = process, name

    def process(self, command):
        return b"\x6a\x82" if self._name in command else self._process(command)


def test_closing_leaves_a_request_that_hangs_alone(desk):
    at, gate = desk(), Gate()
    at.psam.hold = gate
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(at.ask, cryptogram())
        assert gate.reached.wait(10)
        at.custodian.close()
        gate.open.set()
        assert asked.result(10) == right(cryptogram())


def test_a_pin_in_clear_is_in_no_log(desk, log):
    chip = SoftwareCard(ready_psam(maintenance=PsamKeyType.ENCRYPT_AND_MAC))
    at = desk(chip, traffic=logs.traffic(LogLevel.TRAFFIC))
    pin = PinBlock(STK, FACTOR, Secret(bytes.fromhex("739151")))
    assert at.ask(pin) == right(pin)
    assert '"80FA0000"' in log.getvalue()
    assert "739151" not in log.getvalue()
    assert any(b"\x73\x91\x51" in command for command in at.psam.commands)


# --- what it has not got ---


@pytest.mark.parametrize(
    ("psam", "task", "error"),
    [
        ({"algorithms": (Algorithm.DES,)}, cryptogram(), PsamAlgorithmError),
        ({"without": frozenset({"RKSSSE"})}, cryptogram("RKSSSE"), PsamReadKeyError),
        ({"without": frozenset({"IRK"})}, cryptogram(), PsamKeyMissingError),
        ({"region": "990100"}, cryptogram("UK3DF01"), PsamLevelError),
        ({"region": "660000"}, cryptogram("PUK"), PsamLevelError),
        ({"without": frozenset({"DPK"})}, purchase(), PsamPurchaseError),
        ({"key_version": 2}, cryptogram(), PsamKeyMissingError),
        ({}, PinBlock(STK, FACTOR, Secret(b"\x12\x34\x56")), PsamKeyMissingError),
    ],
)
def test_what_a_psam_has_not_got_has_an_error_of_its_own(desk, psam, task, error):
    with pytest.raises(error) as caught:
        desk(SoftwareCard(ready_psam(**psam))).ask(task)
    assert type(caught.value) is error


def test_the_deployment_s_keys_say_what_has_one_version_and_what_is_for_purchases(desk):
    """A regional key that is not in the specification's table."""
    declared = {
        "STKREGION": replace(KEYS["STKSSSE"], name="STKREGION"),
        "DPKREGION": replace(KEYS["DPK"], name="DPKREGION"),
    }
    rows = {row.name: row for row in PSAM_KEYS if row.name == "STKSSSE" or (row.name, row.id) == ("DPK", 1)}
    table = replace(rows["STKSSSE"], name="STKREGION"), replace(rows["DPK"], name="DPKREGION")
    at = desk(SoftwareCard(ready_psam(key_version=2)), table=table, keys=declared)
    mac = Mac(STK, FACTOR, b"command")
    assert at.ask(replace(mac, key=KeyReference("STKREGION"))) == right(mac)
    regional = KeyReference("DPKREGION")
    (made,) = at.ask(replace(purchase(), key=regional))
    proof = replace(proof_of(made), key=regional)
    assert at.ask(Verification(proof, right(proof_of(made))[0])) == (b"\x01",)


def test_keys_that_are_not_in_force_are_not_used(desk):
    at = desk()
    late = PsamCustodian(at.readers, SLOT, today=lambda: date(2100, 1, 1))
    with pytest.raises(PsamKeyMissingError, match="not in force"):
        late.perform(KeyRequest(CARD, (cryptogram(),)))


def test_a_blocked_psam_is_passed_on_as_it_is(desk):
    pin = PinBlock(STK, FACTOR, Secret(b"\x12\x34\x56"))
    for blocked, task in (("application", cryptogram()), ("application", purchase()), ("application", pin)):
        image = ready_psam(maintenance=PsamKeyType.ENCRYPT_AND_MAC)
        chip = SoftwareCard(image, quirks=PsamQuirks(blocked=blocked))
        with pytest.raises(PsamRefusedError, match="6985") as caught:
            desk(chip).ask(task)
        assert caught.value.national_code == -27013


def test_a_request_in_the_middle_of_which_something_is_missing_is_refused_as_a_whole(desk):
    at = desk()
    with pytest.raises(MalformedError):
        at.ask(cryptogram(), Cryptogram(KeyReference("IRK"), b"", ORIGINAL))
    with pytest.raises(PsamKeyMissingError):
        at.ask(cryptogram(), cryptogram("MKSSSE"))
    assert at.ask(cryptogram()) == right(cryptogram())


def test_a_pin_is_reset_with_one_delivery_where_the_psam_has_such_a_key(desk):
    at = desk(SoftwareCard(ready_psam(maintenance=PsamKeyType.ENCRYPT_AND_MAC)))
    at.readers.insert(CARD_SLOT, ready_card("3.0"), t0=True)
    new = Secret(bytes.fromhex("654321"))
    converse(at.readers, CARD_SLOT, at.custodian, lambda atr: unblock_pin(atr, new=new))
    with_stk = [command for command in at.psam.sent(0xBF, 0xDE) if command[3] == 0x09]
    assert [command[2] for command in with_stk] == [0x68, 0x48, 0x28]


def test_two_callers_are_served_one_after_the_other(desk):
    """Neither gets between the other's delivery and its computation."""
    at, gate = desk(wait=20), Gate()
    at.ask(cryptogram())
    begun = len(at.psam.commands)
    at.psam.hold = lambda command: gate() if command[1] == 0xFA else None
    cards = [CardFactors(Algorithm.SM4, "990000", bytes((number,)) * 8) for number in range(2)]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(at.ask, cryptogram(), card=cards[0])
        assert gate.reached.wait(10)
        second = pool.submit(at.ask, cryptogram(), card=cards[1])
        time.sleep(0.1)
        assert [command[1] for command in at.psam.commands[begun:]] == [0xDE]
        gate.open.set()
        assert first.result(10) == right(cryptogram(), card=cards[0])
        assert second.result(10) == right(cryptogram(), card=cards[1])
