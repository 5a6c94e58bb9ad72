"""The PSAM first, the centre after exactly five failures."""

import pytest

from apdu.errors import CardRemovedError, MalformedError, MuteCardError
from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from cardlib.crypto import Algorithm
from cardlib.custody import NoKeys
from cardlib.errors import AlgorithmUnsupportedError, KeyUnavailableError
from cardlib.key_requests import (
    Cryptogram,
    KeyRequest,
    Mac,
    PinBlock,
    Tac,
    Terminal,
)
from cardlib.keys import KeyReference
from cardlib.psam_flows import errors
from cardlib.psam_flows.errors import PsamError
from services.catalogue import failure_of
from services.custody.development import DevelopmentCustodian
from services.custody.fallback import FallbackCustodian
from services.custody.psam import PsamCustodian
from simulator.card import SoftwareCard
from simulator.people import ready_card
from simulator.psam.quirks import PsamQuirks
from simulator.psam.ready import ready_psam
from tests.services.custody.contract import CustodianContract
from tests.services.custody.fallback_desk import ALL_CODES, BOTH_USES, OTHER, PIN, Asked, Desk
from tests.services.custody.psam_counter import (
    CARD,
    CARD_SLOT,
    DPK,
    FACTOR,
    ORIGINAL,
    SLOT,
    STK,
    TERMINAL,
    converse,
    cryptogram,
    proven,
    purchase,
    right,
    unblock_pin,
)


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
