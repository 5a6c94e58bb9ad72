"""The PSAM first, the centre after exactly five failures, and a purchase never with both."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from apdu.errors import CardRemovedError, MalformedError, MuteCardError
from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from cardlib.crypto import Algorithm
from cardlib.custody import KeyCustodian, NoKeys
from cardlib.errors import AlgorithmUnsupportedError, KeyUnavailableError
from cardlib.key_requests import (
    CardFactors,
    Cryptogram,
    KeyRequest,
    Mac,
    PinBlock,
    Purchase,
    Tac,
    Terminal,
    Verification,
)
from cardlib.keys import KeyReference
from cardlib.psam import PsamKeyType
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
from tests.services.custody.contract import CustodianContract
from tests.services.custody.psam_counter import (
    CARD,
    CARD_SLOT,
    DPK,
    FACTOR,
    ORIGINAL,
    SLOT,
    STK,
    TERMINAL,
    TODAY,
    Spied,
    converse,
    cryptogram,
    pay,
    proof_of,
    proven,
    purchase,
    right,
    unblock_pin,
)

PIN = PinBlock(STK, FACTOR, Secret(bytes.fromhex("123456")))
BOTH_USES = {"maintenance": PsamKeyType.ENCRYPT_AND_MAC}
ALL_CODES = (-2201, -2202, -2203, -27272, -24)
CENTRE = bytes.fromhex("990099000001")


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
        (-27265, {"answers": {"00A404": "6A81"}}, cryptogram()),
        (-27013, {"answers": {"00A404": "6985"}}, cryptogram()),
        (-28416, {"answers": {"00A404": "6F00"}}, cryptogram()),
        (-26368, {"answers": {"00A404": "6700"}}, cryptogram()),
        (-25985, {"answers": {"00A404": "6581"}}, cryptogram()),
        (-27265, {"answers": {"00B095": "6A81"}}, cryptogram()),
        (-25985, {"answers": {"00B095": "6581"}}, cryptogram()),
        (-26881, {"psam": BOTH_USES, "answers": {"80FA": "6901"}}, PIN),
        (-26881, {"answers": {"80FA": "6901"}}, cryptogram()),
        (None, {"answers": {"80FA": "01029000"}}, cryptogram()),
        (None, {"psam": BOTH_USES, "answers": {"80FA": "9000"}}, PIN),
        (None, {"psam": BOTH_USES, "answers": {"80FA": "031234568000000000000000000000009000"}}, PIN),
        (None, {"answers": {"8070": "000000019000"}}, purchase()),
        (None, {"answers": {"00B096": "00000000009000"}}, purchase()),
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
    assert failure_of(caught.value).metadata.get("national_code") == (None if code is None else str(code))
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


def test_a_busy_psam_is_waited_for_and_the_centre_is_not_asked():
    at = Desk()
    (made,) = at.ask(purchase())
    for task in (cryptogram(), Terminal(DPK)):
        with pytest.raises(errors.PsamBusyError):
            at.ask(task, card=OTHER)
    assert at.ask(proven(made)) == (b"\x01",)
    assert at.ask(Terminal(DPK), card=OTHER) == (TERMINAL + b"\x01",)
    assert not at.centre.requests


# --- purchases ---


OTHER = CardFactors(Algorithm.SM4, "990000", bytes(8))


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


class TestFallback(CustodianContract):
    """What the PSAM has not got, the centre has."""

    terminal = bytes.fromhex("990100000001")

    @pytest.fixture
    def custodian(self):
        readers = InProcessReaders([SLOT])
        readers.insert(SLOT, SoftwareCard(ready_psam(region="990100", **BOTH_USES), t0=True), t0=True)
        return FallbackCustodian(PsamCustodian(readers, SLOT), DevelopmentCustodian(development_mode=True))


class TestFallbackWithoutPsam(CustodianContract):
    @pytest.fixture
    def custodian(self):
        first = PsamCustodian(InProcessReaders([SLOT]), SLOT)
        return FallbackCustodian(first, DevelopmentCustodian(development_mode=True))
