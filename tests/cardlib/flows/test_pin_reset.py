"""Resetting and unblocking the PIN: the right of PUK, the genuine card first, every place where it can be cut."""

import pytest

from apdu.errors import AuthenticationBlockedError, CardRemovedError, SecureMessagingError, WrongKeyError
from apdu.flow import run
from apdu.readers import executor
from apdu.secret import Secret
from apdu.transport.wrappers import get_response
from cardlib.custody import NoKeys
from cardlib.errors import KeyUnavailableError, NotAuthenticError, PinNotSetError, PinStatusUnknownError
from cardlib.flows.pin import (
    MOST_TRIES,
    PinReplaced,
    PinResult,
    PinState,
    PinStatus,
    PinStepAhead,
    TriesRestored,
    unguarded,
    verify_pin,
)
from cardlib.flows.pin_reset import reset_pin, unblock_pin
from cardlib.flows.session import CardSession
from cardlib.key_requests import Cryptogram, Mac, PinBlock
from services.custody.development import DevelopmentCustodian
from simulator.people import INITIAL_PIN

NEW = Secret(bytes.fromhex("864209"))
LONG = Secret(bytes.fromhex("8642097531975310"))
WRONG = Secret(bytes.fromhex("654321"))
NONE = Secret(b"")
FULL = PinStatus(PinState.SET, 6)


def on(desk, part, *arguments, **options):
    def flow(atr, *, rng, forms):
        session = CardSession(atr, rng, forms)
        yield from session.open()
        return (yield from part(session, *arguments, **options))

    return desk.run(flow)


def blocked(desk):
    """The card on the desk, its PIN blocked."""
    for _ in range(6):
        on(desk, verify_pin, WRONG, allow_last_try=True)
    return desk


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0"])
@pytest.mark.parametrize("t0", [True, False], ids=["T=0", "a reader that hides T=0"])
def test_a_blocked_pin_gets_its_tries_back(new_desk, new_card, version, t0):
    desk = blocked(new_desk(new_card(version, t0=t0)))
    assert on(desk, unblock_pin) == FULL
    assert on(desk, verify_pin, INITIAL_PIN).result is PinResult.OK


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0"])
@pytest.mark.parametrize("new", [NEW, LONG], ids=["6 digits", "16 digits"])
def test_a_pin_is_reset(new_desk, new_card, version, new):
    desk = blocked(new_desk(new_card(version)))
    assert on(desk, reset_pin, new) == FULL
    assert on(desk, verify_pin, new).result is PinResult.OK
    assert on(desk, verify_pin, INITIAL_PIN).result is PinResult.REJECTED


def test_a_card_without_a_pin_is_given_one_and_is_not_unblocked(new_desk, new_card):
    desk = new_desk(new_card(pin=NONE))
    with pytest.raises(PinNotSetError):
        on(desk, unblock_pin)
    assert "EXTERNAL AUTHENTICATE" not in desk.names
    assert on(desk, reset_pin, NEW) == FULL


@pytest.mark.parametrize("part", [(unblock_pin,), (reset_pin, NEW)], ids=["unblock", "reset"])
def test_puk_is_not_tried_on_a_card_that_is_not_genuine(new_desk, new_card, part):
    desk = new_desk(new_card(t0=False), answers={"00880000": "00112233445566779000"})
    with pytest.raises(NotAuthenticError):
        on(desk, *part)
    assert "EXTERNAL AUTHENTICATE" not in desk.names


class Wrong(DevelopmentCustodian):
    """Gives wrong answers for these kinds of tasks with these keys."""

    def __init__(self, kind, key):
        super().__init__(development_mode=True)
        self.kind, self.key = kind, key

    def perform(self, request):
        found = super().perform(request)
        spoilt = [isinstance(task, self.kind) and task.key.name == self.key for task in request.tasks]
        return tuple(bytes(len(answer)) if bad else answer for answer, bad in zip(found, spoilt, strict=True))


@pytest.mark.parametrize("part", [(unblock_pin,), (reset_pin, NEW)], ids=["unblock", "reset"])
def test_a_wrong_puk_is_tried_once(new_desk, new_card, part):
    desk = new_desk(new_card(), custodian=Wrong(Cryptogram, "PUK"))
    for refusal in (WrongKeyError, WrongKeyError, WrongKeyError, AuthenticationBlockedError):
        with pytest.raises(refusal):
            on(desk, *part)
        assert desk.counts["EXTERNAL AUTHENTICATE"] == 1


def test_a_wrong_mac_changes_nothing(new_desk, new_card):
    desk = new_desk(new_card(), custodian=Wrong(Mac, "STKSSSE"))
    with pytest.raises(SecureMessagingError):
        on(desk, reset_pin, NEW)
    desk.custodian = DevelopmentCustodian(development_mode=True)
    assert on(desk, verify_pin, INITIAL_PIN).result is PinResult.OK


@pytest.mark.parametrize("part", [(unblock_pin,), (reset_pin, NEW)], ids=["unblock", "reset"])
def test_without_keys_nothing_is_done(new_desk, new_card, part):
    desk = new_desk(new_card(), custodian=NoKeys())
    with pytest.raises(KeyUnavailableError):
        on(desk, *part)
    assert "EXTERNAL AUTHENTICATE" not in desk.names


def test_a_card_that_does_not_say_how_its_pin_stands_is_not_unblocked(new_desk, new_card):
    desk = new_desk(new_card(), answers={"00200000": "6985"})
    with pytest.raises(PinStatusUnknownError):
        on(desk, unblock_pin)
    assert "EXTERNAL AUTHENTICATE" not in desk.names


def test_the_keys_asked_for_are_those_of_the_standard_and_the_pin_is_a_secret(new_desk, new_card):
    desk = new_desk(new_card())
    on(desk, reset_pin, NEW)
    keys = [(type(task), task.key.name) for request in desk.requests for task in getattr(request, "tasks", ())]
    assert keys[-2:] == [(PinBlock, "STKSSSE"), (Mac, "STKSSSE")]
    assert "864209" not in repr(desk.requests) + repr(desk.sent)


def test_the_guard_is_told(new_desk, new_card):
    desk = new_desk(new_card())
    seen = []

    def heard(part, *arguments):
        def flow(atr):
            session = CardSession(atr, bytes, desk.forms)
            yield from session.open()
            yield from part(session, *arguments)

        def answer(question):
            seen.append(question)
            return unguarded(desk.custodian.answer)(question)

        seen.clear()
        run(flow(desk.card.power_on()), executor(get_response(desk._transmit, strip_le=True)), answer)
        return [question for question in seen if isinstance(question, TriesRestored | PinReplaced | PinStepAhead)]

    on(desk, verify_pin, WRONG)
    announced, ahead, after = heard(unblock_pin)
    assert isinstance(announced, PinStepAhead)
    assert (ahead.tries_before, ahead.tries_left) == (5, MOST_TRIES)
    assert (after.tries_before, after.tries_left) == (5, 6)
    assert [type(question) for question in heard(reset_pin, NEW)] == [PinStepAhead, PinReplaced]


@pytest.mark.parametrize("part", [(unblock_pin,), (reset_pin, NEW)], ids=["unblock", "reset"])
@pytest.mark.parametrize("answered", [False, True], ids=["before the card has it", "before its answer is there"])
def test_cut_at_every_command_it_can_be_repeated(new_desk, new_card, part, answered):
    desk = new_desk(new_card(t0=False))
    card = desk.card

    class Pulled:
        left = -1

        def power_on(self):
            return card.power_on()

        def process(self, raw):
            if self.left == 0:
                if answered:
                    card.process(raw)
                raise CardRemovedError("pulled")
            self.left -= 1
            return card.process(raw)

    desk.card = Pulled()
    points = 0
    while True:
        desk.card.left = points
        try:
            on(desk, *part)
        except CardRemovedError:
            points += 1
            desk.card.left = -1
            assert on(desk, *part) == FULL
        else:
            break
    assert points == len(desk.names)
    desk.card = card
    right = NEW if len(part) > 1 else INITIAL_PIN
    assert on(desk, verify_pin, right).result is PinResult.OK
