"""Purchases with a PSAM: in order, cut off, lost, and beside other callers."""

import time
from collections.abc import Callable

import pytest

from cardlib.crypto import Algorithm
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import CardFactors, Terminal, Verification
from cardlib.psam_flows.errors import (
    PsamBusyError,
    PsamKeyMissingError,
    PsamPurchaseError,
    PsamPurchaseLostError,
)
from simulator.card import SoftwareCard
from simulator.people import ready_card
from simulator.psam.quirks import PsamQuirks
from simulator.psam.ready import ready_psam
from tests.services.custody.psam_counter import (
    AMOUNTS,
    CARD_SLOT,
    DPK,
    SLOT,
    TERMINAL,
    Desk,
    Spied,
    cryptogram,
    proof_of,
    proven,
    purchase,
    right,
)

OTHER = CardFactors(Algorithm.SM4, "990000", bytes(8))


@pytest.fixture
def desk() -> Callable[..., Desk]:
    return Desk


def test_mac1_comes_last_and_mac2_first_wherever_they_stand_in_a_request(desk):
    at, key = desk(), cryptogram()
    first, made, _ = at.ask(key, purchase(), key)
    assert first == right(key)[0]
    said, other, again = at.ask(proven(made), key, purchase(2))
    assert (said, other) == (b"\x01", first)
    assert at.ask(proven(again, 2)) == (b"\x01",)


def test_a_purchase_is_verified_once(desk):
    at = desk()
    (made,) = at.ask(purchase())
    assert at.ask(Verification(proof_of(made), bytes(4))) == (b"\x00",)
    with pytest.raises(PsamPurchaseLostError) as caught:
        at.ask(proven(made))
    assert caught.value.national_code == -26881
    (made,) = at.ask(purchase(2))
    assert at.ask(Verification(proof_of(made, 2), b"")) == (b"\x00",)  # the PSAM was not asked
    assert at.ask(proven(made, 2)) == (b"\x01",)


@pytest.mark.parametrize("sw", [0x9302, 0x63CF])
def test_a_card_with_a_wrong_mac2_has_not_proven_its_debit(desk, sw):
    at = desk(SoftwareCard(ready_psam(), quirks=PsamQuirks(mac2_wrong=sw)))
    at.readers.insert(CARD_SLOT, ready_card("3.0"), t0=True)
    before, _, said, after = at.pay(spoil=1)
    assert (said, before - after) == (b"\x00", AMOUNTS[0])


def test_a_psam_without_a_purchase_key_may_say_so_as_a_bank_s_does(desk):
    chip = SoftwareCard(ready_psam(without=frozenset({"DPK"})), quirks=PsamQuirks(purchase_key_missing=0x9403))
    with pytest.raises(PsamPurchaseError) as caught:
        desk(chip).ask(purchase())
    assert caught.value.national_code == -37891


def test_another_s_purchase_is_not_this_one(desk):
    at = desk()
    (made,) = at.ask(purchase())
    with pytest.raises(PsamBusyError):  # it waits, and the PSAM is kept for the first card
        at.ask(proven(made), card=OTHER)
    with pytest.raises(PsamKeyMissingError, match="not the one"):
        at.ask(proven(made, 2))
    assert at.ask(proven(made)) == (b"\x01",)


def lose(at: Desk, how: str) -> None:
    if how == "replaced":
        at.readers.remove(SLOT)
        at.readers.insert(SLOT, SoftwareCard(ready_psam()), t0=True)
    elif how == "removed":
        at.readers.remove(SLOT)
    elif how == "reset while asked":
        at.psam.fail_at.add(len(at.psam.commands) + 1)
    elif how == "reset unseen":
        at.psam.chip.reset()
    else:
        at.custodian.close()


@pytest.mark.parametrize("how", ["replaced", "removed", "reset while asked", "reset unseen", "closed"])
def test_a_purchase_is_lost_by_a_reset_and_that_is_said(desk, how):
    at = desk()
    at.readers.insert(CARD_SLOT, ready_card("3.0"), t0=True)
    with pytest.raises(PsamPurchaseLostError):
        at.pay(before_proof=lambda: lose(at, how))
    if how != "removed":
        assert at.pay()[2] == b"\x01"


def test_a_trade_number_is_never_given_twice_wherever_power_fails(desk):
    seen: set[bytes] = set()
    chip = SoftwareCard(ready_psam())
    for failing in range(1, 14):
        at = desk(Spied(chip, failing))
        (made,) = at.ask(purchase())
        assert made[6:10] not in seen
        seen.add(made[6:10])
        at.custodian.close()


def test_others_wait_while_a_purchase_is_under_way_and_then_take_their_turn(desk):
    at = desk(purchase_hold=0.6)
    (made,) = at.ask(purchase())
    with pytest.raises(PsamBusyError, match="in use"):
        at.ask(cryptogram())
    assert at.ask(proven(made)) == (b"\x01",)
    assert at.ask(cryptogram()) == right(cryptogram())

    (made,) = at.ask(purchase(2))
    time.sleep(0.5)
    assert at.ask(cryptogram()) == right(cryptogram())  # nobody came for it
    with pytest.raises(PsamPurchaseLostError):
        at.ask(proven(made, 2))


def test_a_card_may_begin_anew_without_having_ended(desk):
    at = desk()
    (abandoned,) = at.ask(purchase())
    (made,) = at.ask(purchase(2))
    with pytest.raises(PsamPurchaseLostError):
        at.ask(proven(abandoned))
    assert at.ask(proven(made, 2)) == (b"\x01",)


@pytest.mark.parametrize("task", [Terminal(DPK), purchase(), cryptogram()], ids=lambda task: type(task).__name__)
def test_another_card_is_told_to_come_again_while_a_purchase_is_under_way(desk, task):
    at = desk(wait=0.05)
    (made,) = at.ask(purchase())
    with pytest.raises(PsamBusyError, match="in use") as caught:
        at.ask(task, card=OTHER)
    assert (caught.value.national_code, caught.value.key) == (None, task.key.name)
    assert at.ask(proven(made)) == (b"\x01",)
    assert at.ask(task, card=OTHER)


def test_asking_for_the_terminal_number_disturbs_no_purchase_of_the_card(desk):
    at = desk()
    (made,) = at.ask(purchase())
    assert at.ask(Terminal(DPK)) == (TERMINAL + b"\x01",)
    assert at.ask(proven(made)) == (b"\x01",)


def test_the_card_is_told_the_number_in_the_psam_and_pays_with_it_alone(desk):
    at = desk(SoftwareCard(ready_psam(terminal="990000004711")))
    at.readers.insert(CARD_SLOT, ready_card("3.0"), t0=True)
    assert at.pay()[2] == b"\x01"
    begun = len(at.psam.sent(0x80, 0x70))
    with pytest.raises(KeyUnavailableError, match="terminal number of somebody else"):
        at.ask(purchase())
    assert len(at.psam.sent(0x80, 0x70)) == begun


def test_a_psam_that_is_replaced_when_the_card_was_told_its_number_makes_no_mac1(desk):
    at = desk()
    at.readers.insert(CARD_SLOT, ready_card("3.0"), t0=True)
    other = Spied(SoftwareCard(ready_psam(terminal="990000004711")))

    def replace_it():
        at.readers.remove(SLOT)
        at.readers.insert(SLOT, other, t0=True)

    with pytest.raises(KeyUnavailableError, match="terminal number of somebody else"):
        at.pay(before_mac1=replace_it)
    assert not other.sent(0x80, 0x70)
    assert at.pay()[2] == b"\x01"
