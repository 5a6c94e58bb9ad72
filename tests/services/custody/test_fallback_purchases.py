"""A purchase is made and verified by one custodian, never with both."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from cardlib.crypto import Algorithm
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import (
    CardFactors,
    Cryptogram,
    KeyRequest,
    Mac,
    Purchase,
    Tac,
    Terminal,
    Verification,
)
from cardlib.keys import KeyReference
from cardlib.psam_flows import errors
from services.custody import fallback
from services.custody.fallback import FallbackCustodian
from simulator.card import SoftwareCard
from simulator.people import ready_card
from simulator.psam.ready import ready_psam
from tests.services.custody.fallback_desk import CENTRE, OTHER, Asked, Desk
from tests.services.custody.psam_counter import (
    CARD_SLOT,
    DPK,
    SLOT,
    TERMINAL,
    converse,
    cryptogram,
    pay,
    proof_of,
    proven,
    purchase,
    right,
)


def asked_of(centre):
    return [type(task) for request in centre.requests for task in request.tasks]


@pytest.fixture
def paying():
    """A desk with a card on it, and a purchase there."""

    def make(**options):
        at = Desk(**options)
        at.readers.insert(CARD_SLOT, ready_card("3.0"), t0=True)
        return at, lambda **how: converse(at.readers, CARD_SLOT, at.custodian, pay(**how))

    return make


def test_a_purchase_that_the_psam_began_is_verified_by_it(paying):
    at, buy = paying()
    assert buy()[2] == b"\x01"
    assert buy(spoil=1)[2] == b"\x00"
    assert not at.centre.requests


@pytest.mark.parametrize("away", [True, False])
def test_a_purchase_that_the_psam_began_and_lost_is_verified_by_nobody(paying, away):
    at, buy = paying()

    def lose():
        at.readers.remove(SLOT)
        if not away:
            at.readers.insert(SLOT, SoftwareCard(ready_psam()), t0=True)

    with pytest.raises(errors.PsamPurchaseLostError):
        buy(before_proof=lose)
    assert not at.centre.requests


@pytest.mark.parametrize("step", ["before_mac1", "before_proof"])
def test_a_purchase_that_the_centre_began_stays_there_though_the_psam_is_back(paying, step):
    at, buy = paying(empty=True)
    paid = buy(**{step: lambda: at.readers.insert(SLOT, at.psam, t0=True)})
    assert paid[2] == b"\x01"
    assert asked_of(at.centre) == [Terminal, Purchase, Verification]
    assert not at.psam.commands


def test_a_card_that_was_told_the_psam_s_number_never_gets_the_centre_s_mac1(paying):
    """It would refuse it: MAC1 is over the number that the card was told."""
    at, buy = paying()
    with pytest.raises(errors.NoPsamError):
        buy(before_mac1=lambda: at.readers.remove(SLOT))
    assert not at.centre.requests
    assert buy()[2] == b"\x01"
    assert asked_of(at.centre) == [Terminal, Purchase, Verification]


@pytest.mark.parametrize(
    ("psam", "told"),
    [
        ({}, TERMINAL),
        ({"algorithms": (Algorithm.DES,)}, CENTRE),
        ({"region": "990100"}, CENTRE),
    ],
)
def test_the_card_is_told_the_number_of_who_can_make_mac1_and_pays_there(paying, psam, told):
    at, buy = paying(psam=psam)
    assert at.ask(Terminal(DPK)) == (told + b"\x01",)
    assert buy()[2] == b"\x01"
    assert bool(at.centre.requests) == (told == CENTRE)
    assert bool(at.psam.sent(0x80, 0x70)) == (told == TERMINAL)


@pytest.mark.parametrize(("terminal", "by_psam"), [(TERMINAL, True), (CENTRE, False)])
def test_a_purchase_of_another_process_goes_to_whose_number_it_carries(terminal, by_psam):
    at = Desk()
    (made,) = at.ask(purchase(terminal=terminal))
    assert made[:6] == terminal
    assert bool(at.psam.sent(0x80, 0x70)) is by_psam
    assert (Purchase in asked_of(at.centre)) is not by_psam
    assert at.ask(proven(made)) == (b"\x01",)
    assert (Verification in asked_of(at.centre)) is not by_psam


def test_a_number_that_is_nobody_s_gets_no_mac1():
    at = Desk()
    with pytest.raises(KeyUnavailableError, match="terminal number of somebody else"):
        at.ask(purchase(terminal=bytes(6)))
    assert asked_of(at.centre) == [Terminal]
    assert not at.psam.sent(0x80, 0x70)
    at.readers.remove(SLOT)
    with pytest.raises(errors.NoPsamError):  # it may be that one's
        at.ask(purchase(terminal=TERMINAL))


def test_it_is_not_given_to_the_centre_because_the_psam_is_busy():
    at = Desk()
    (made,) = at.ask(purchase())
    with pytest.raises(errors.PsamBusyError):
        at.ask(purchase(terminal=CENTRE), card=OTHER)
    assert not at.centre.requests
    assert at.ask(proven(made)) == (b"\x01",)


def test_mac2_and_tac_are_verified_by_one_request():
    """The PSAM has the one, and no PSAM has the other."""
    at = Desk()
    (made,) = at.ask(purchase())
    mac2, tac = proven(made), Tac(KeyReference("DTK"), bytes(22))
    assert at.ask(Verification(tac, right(tac)[0]), mac2, cryptogram()) == (b"\x01", b"\x01", *right(cryptogram()))
    assert asked_of(at.centre) == [Verification, Cryptogram]


def test_a_purchase_that_begins_in_the_request_that_ends_another_is_remembered():
    at = Desk()
    (made,) = at.ask(purchase())
    said, again = at.ask(proven(made), purchase(2))
    assert said == b"\x01"
    at.readers.remove(SLOT)
    with pytest.raises(errors.PsamPurchaseLostError):
        at.ask(proven(again, 2))
    assert not at.centre.requests


def test_mac2_comes_first_and_mac1_last_wherever_they_stand():
    at = Desk()
    (made,) = at.ask(purchase())
    again, first, said = at.ask(purchase(2), cryptogram(), proven(made))
    assert (said, first) == (b"\x01", *right(cryptogram()))
    assert at.ask(proven(again, 2)) == (b"\x01",)


def test_one_request_may_verify_purchases_of_both():
    at = Desk()
    (theirs,) = at.ask(purchase(terminal=CENTRE))
    (ours,) = at.ask(purchase(2))
    wrong = Verification(proof_of(theirs), bytes(4))
    assert at.ask(proven(theirs), proven(ours, 2), wrong) == (b"\x01", b"\x01", b"\x00")


def test_a_purchase_of_another_process_is_verified_by_who_can():
    """Neither remembers it; the PSAM has no session key of it, and the centre needs none."""
    at = Desk()
    proof = Mac(DPK, bytes(8), bytes(12))
    assert at.ask(Verification(proof, right(proof)[0])) == (b"\x01",)
    assert len(at.centre.requests) == 1


def test_only_so_many_purchases_are_remembered(monkeypatch):
    monkeypatch.setattr(fallback, "PURCHASES_REMEMBERED", 3)
    custodian = FallbackCustodian(Asked(errors.NoPsamError("DPK", "away")), Asked())
    for sequence in range(10):
        card = CardFactors(Algorithm.SM4, "990000", bytes([sequence]) * 8)
        (said,) = custodian.perform(KeyRequest(card, (Terminal(DPK),)))
        custodian.perform(KeyRequest(card, (purchase(sequence, said[:6]),)))
    assert len(custodian._made) == len(custodian._told) == 3


def test_several_threads_may_use_it():
    at = Desk({"without": frozenset({"RKSSSE"})})
    at.first._wait = 20
    names = ["IRK", "RKSSSE"] * 10
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda name: at.ask(cryptogram(name)), names))
    assert answers == [right(cryptogram(name)) for name in names]
    assert len(at.centre.requests) == 10
