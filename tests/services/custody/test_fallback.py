"""The PSAM first, the centre after exactly five failures, and a purchase never with both."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from apdu.errors import CardRemovedError, MalformedError, MuteCardError
from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from cardlib.crypto import Algorithm
from cardlib.custody import KeyCustodian, NoKeys
from cardlib.errors import AlgorithmUnsupportedError, KeyUnavailableError
from cardlib.key_requests import Cryptogram, KeyRequest, Mac, PinBlock, Purchase, Tac, Verification
from cardlib.keys import KeyReference
from cardlib.psam_flows import errors
from cardlib.psam_flows.errors import PsamError
from services.catalogue import failure_of
from services.custody import fallback
from services.custody.development import DevelopmentCustodian
from services.custody.fallback import FallbackCustodian
from services.custody.psam import PsamCustodian
from simulator.card import SoftwareCard
from simulator.people import ready_card
from simulator.psam.quirks import PsamQuirks
from simulator.psam.ready import ready_psam
from tests.services.custody.psam_counter import (
    CARD,
    CARD_SLOT,
    DPK,
    FACTOR,
    ORIGINAL,
    SLOT,
    STK,
    TODAY,
    Spied,
    converse,
    cryptogram,
    pay,
    purchase,
    right,
    unblock_pin,
)

PIN = PinBlock(STK, FACTOR, Secret(bytes.fromhex("123456")))
ALL_CODES = (-2201, -2202, -2203, -27272, -24)


class Asked(KeyCustodian):
    """A custodian that notes what it is asked, and answers as another does or raises."""

    def __init__(self, behind: KeyCustodian | Exception | None = None) -> None:
        self.behind = behind or DevelopmentCustodian(development_mode=True)
        self.requests: list[KeyRequest] = []

    def perform(self, request):
        self.requests.append(request)
        if isinstance(self.behind, Exception):
            raise self.behind
        return self.behind.perform(request)


class Desk:
    def __init__(self, psam=None, *, quirks=None, empty=False) -> None:
        self.readers = InProcessReaders([SLOT, CARD_SLOT])
        self.psam = Spied(SoftwareCard(ready_psam(**psam or {}), quirks=quirks or PsamQuirks()))
        if not empty:
            self.readers.insert(SLOT, self.psam, t0=True)
        self.first = PsamCustodian(self.readers, SLOT, wait=0.2, today=lambda: TODAY)
        self.centre = Asked()
        self.custodian = FallbackCustodian(self.first, self.centre)

    def ask(self, *tasks, card=CARD):
        return self.custodian.perform(KeyRequest(card, tasks))


def test_what_the_psam_has_the_centre_is_not_asked_for():
    at = Desk()
    tasks = cryptogram(), cryptogram("RKSSSE"), Mac(STK, FACTOR, b"command")
    assert at.ask(*tasks) == right(*tasks)
    assert not at.centre.requests


@pytest.mark.parametrize(
    ("code", "desk", "task"),
    [
        (-2201, {"empty": True}, cryptogram()),
        (-2202, {"psam": {"algorithms": (Algorithm.DES,)}}, cryptogram()),
        (-2203, {"psam": {"without": frozenset({"RKSSSE"})}}, cryptogram("RKSSSE")),
        (-27272, {"psam": {"without": frozenset({"UK3DF01"})}}, cryptogram("UK3DF01")),
        (-27272, {}, PIN),
        (-27272, {}, Tac(KeyReference("DTK"), b"data")),
        (-24, {"psam": {"region": "990100"}}, cryptogram("UK3DF01")),
    ],
)
def test_each_of_the_five_codes_has_the_centre_asked_for_the_whole_request(code, desk, task):
    at = Desk(**desk)
    tasks = cryptogram(), task
    with pytest.raises(PsamError) as caught:
        at.first.perform(KeyRequest(CARD, tasks))
    assert caught.value.national_code == code
    assert failure_of(caught.value).metadata["national_code"] == str(code)
    assert at.ask(*tasks) == right(*tasks)
    assert at.centre.requests == [KeyRequest(CARD, tasks)]


@pytest.mark.parametrize(
    ("code", "desk", "task"),
    [
        (-37891, {"psam": {"without": frozenset({"DPK"})}}, purchase()),
        (
            -37891,
            {"psam": {"without": frozenset({"DPK"})}, "quirks": PsamQuirks(purchase_key_missing=0x9403)},
            purchase(),
        ),
        (-27013, {"quirks": PsamQuirks(blocked="application")}, cryptogram()),
    ],
)
def test_after_any_other_code_the_centre_is_not_asked(code, desk, task):
    at = Desk(**desk)
    with pytest.raises(PsamError) as caught:
        at.ask(task)
    assert caught.value.national_code == code
    assert failure_of(caught.value).metadata["national_code"] == str(code)
    assert not at.centre.requests


def test_nor_after_input_that_nobody_takes():
    at = Desk()
    with pytest.raises(MalformedError):
        at.ask(Cryptogram(KeyReference("IRK"), b"", ORIGINAL))
    assert not at.centre.requests


def every_psam_error(kind=PsamError):
    return [kind, *(error for below in kind.__subclasses__() for error in every_psam_error(below))]


@pytest.mark.parametrize("kind", every_psam_error()[1:], ids=lambda kind: kind.__name__)
def test_the_five_codes_and_no_others(kind):
    error = errors.PsamRefusedError("IRK", 0x6982) if kind is errors.PsamRefusedError else kind("IRK", "a reason")
    centre = Asked()
    custodian = FallbackCustodian(Asked(error), centre)
    request = KeyRequest(CARD, (cryptogram(),))
    if error.national_code in ALL_CODES:
        assert custodian.perform(request) == right(cryptogram())
    else:
        with pytest.raises(kind):
            custodian.perform(request)
    assert len(centre.requests) == (error.national_code in ALL_CODES)


@pytest.mark.parametrize(
    "error",
    [
        MalformedError("odd"),
        KeyUnavailableError("IRK", "not by a PSAM"),
        AlgorithmUnsupportedError("SSF33"),
        CardRemovedError("the holder's"),
        MuteCardError("silent"),
    ],
)
def test_a_failure_without_a_code_is_passed_on(error):
    centre = Asked()
    with pytest.raises(type(error)):
        FallbackCustodian(Asked(error), centre).perform(KeyRequest(CARD, (cryptogram(),)))
    assert not centre.requests


def test_a_psam_that_is_pulled_out_half_way_is_one_that_is_not_there():
    at = Desk()
    at.ask(cryptogram())
    at.psam.hold = lambda command: at.readers.remove(SLOT) if command[1] == 0xFA else None
    assert at.ask(cryptogram(), cryptogram("RKSSSE")) == right(cryptogram(), cryptogram("RKSSSE"))
    assert len(at.centre.requests) == 1


def test_what_the_centre_has_not_got_either_is_its_refusal():
    with pytest.raises(KeyUnavailableError, match="no key custodian") as caught:
        FallbackCustodian(Asked(errors.NoPsamError("IRK", "away")), NoKeys()).perform(KeyRequest(CARD, (cryptogram(),)))
    assert isinstance(caught.value.__context__, errors.NoPsamError)


def test_a_pin_is_reset_by_a_psam_for_macs_and_a_centre_for_the_rest():
    at = Desk()
    at.readers.insert(CARD_SLOT, ready_card("3.0"), t0=True)
    new = Secret(bytes.fromhex("654321"))
    converse(at.readers, CARD_SLOT, at.custodian, lambda atr: unblock_pin(atr, new=new))
    assert [type(task) for request in at.centre.requests for task in request.tasks] == [PinBlock]


# --- purchases ---


def test_a_purchase_that_the_psam_began_is_verified_by_it():
    at = Desk()
    at.readers.insert(CARD_SLOT, ready_card("3.0"), t0=True)
    terminal = at.first.environment(Algorithm.SM4).terminal_number
    assert converse(at.readers, CARD_SLOT, at.custodian, pay(terminal, 1))[2] == b"\x01"
    assert converse(at.readers, CARD_SLOT, at.custodian, pay(terminal, 1, spoil=1))[2] == b"\x00"
    assert not at.centre.requests


@pytest.mark.parametrize("away", [True, False])
def test_a_purchase_that_the_psam_began_and_lost_is_verified_by_nobody(away):
    at = Desk()
    at.readers.insert(CARD_SLOT, ready_card("3.0"), t0=True)
    terminal = at.first.environment(Algorithm.SM4).terminal_number

    def lose():
        at.readers.remove(SLOT)
        if not away:
            at.readers.insert(SLOT, SoftwareCard(ready_psam()), t0=True)

    with pytest.raises(errors.PsamPurchaseLostError):
        converse(at.readers, CARD_SLOT, at.custodian, pay(terminal, 1, before_proof=lose))
    assert not at.centre.requests


def test_a_purchase_that_the_centre_began_is_verified_by_it_though_the_psam_is_back():
    at = Desk(empty=True)
    at.readers.insert(CARD_SLOT, ready_card("3.0"), t0=True)

    def back():
        at.readers.insert(SLOT, at.psam, t0=True)

    terminal = bytes.fromhex("990000000001")
    paid = converse(at.readers, CARD_SLOT, at.custodian, pay(terminal, 1, before_proof=back))
    assert paid[2] == b"\x01"
    assert [type(task) for request in at.centre.requests for task in request.tasks] == [Purchase, Verification]
    assert not at.psam.commands


def test_a_purchase_of_another_process_is_verified_by_who_can():
    """Neither remembers it; the PSAM has no session key of it, and the centre needs none."""
    at = Desk()
    proof = Mac(DPK, bytes(8), bytes(12))
    assert at.ask(Verification(proof, right(proof)[0])) == (b"\x01",)
    assert len(at.centre.requests) == 1


def test_only_so_many_purchases_are_remembered(monkeypatch):
    monkeypatch.setattr(fallback, "PURCHASES_REMEMBERED", 3)
    centre = Asked()
    custodian = FallbackCustodian(Asked(errors.NoPsamError("DPK", "away")), centre)
    for sequence in range(10):
        custodian.perform(KeyRequest(CARD, (purchase(sequence),)))
    assert len(custodian._purchases) == 3


def test_several_threads_may_use_it():
    at = Desk({"without": frozenset({"RKSSSE"})})
    at.first._wait = 20
    names = ["IRK", "RKSSSE"] * 10
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda name: at.ask(cryptogram(name)), names))
    assert answers == [right(cryptogram(name)) for name in names]
    assert len(at.centre.requests) == 10
