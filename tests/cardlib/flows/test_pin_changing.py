"""Changing a PIN on a simulated card, and going on with a change that was interrupted."""

import pytest

from apdu.errors import StatusWordError, WrongPinError
from cardlib.errors import (
    LastPinTryError,
    PinRepeatedError,
    PinUnprovenError,
)
from cardlib.flows.pin import (
    MaySendPin,
    PinAnswered,
    PinAttempt,
    PinReplaced,
    PinResult,
    PinStep,
    PinStepAhead,
    change_pin,
    resume_change,
    verify_pin,
)
from tests.cardlib.flows.pin_parts import (
    NEW,
    NONE,
    OLD,
    WRONG,
    asked,
    desk,
    on,
    pins_sent,
)

__all__ = ["desk"]


# --- changing ---


def test_a_change_is_verified_before_and_proven_after(desk):
    assert on(desk, change_pin, OLD, NEW) == PinAttempt(PinResult.OK, 6)
    assert [one.name for one in desk.sent if one.name in {"VERIFY", "CHANGE PIN"}] == [
        *["VERIFY", "VERIFY", "CHANGE PIN"],
        *["VERIFY", "VERIFY"],
    ]
    assert asked(desk, PinStepAhead) == [PinStepAhead(PinStep.CHANGE)]
    assert on(desk, verify_pin, NEW).result is PinResult.OK
    assert on(desk, verify_pin, OLD).result is PinResult.REJECTED


def test_with_a_wrong_old_pin_nothing_is_changed(desk):
    assert on(desk, change_pin, WRONG, NEW) == PinAttempt(PinResult.REJECTED, 5)
    assert "CHANGE PIN" not in desk.names
    assert not asked(desk, PinStepAhead)


def test_a_card_without_a_pin_gets_one_and_one_that_has_one_is_not_asked_with_none(desk, new_card):
    assert on(desk, change_pin, NONE, NEW) == PinAttempt(PinResult.REJECTED, 6)
    assert pins_sent(desk) == 0
    desk.card = new_card(pin=NONE)
    assert on(desk, change_pin, NONE, NEW).result is PinResult.OK
    assert on(desk, change_pin, NONE, OLD) == PinAttempt(PinResult.REJECTED, 6)
    desk.card = new_card(pin_tries=1)
    on(desk, verify_pin, WRONG, allow_last_try=True)
    assert on(desk, change_pin, NONE, NEW) == PinAttempt(PinResult.WAS_BLOCKED, 0)


def test_a_change_that_the_card_refuses(desk):
    desk.answers = {"805E": "63C4"}
    with pytest.raises(WrongPinError):
        on(desk, change_pin, OLD, NEW)
    assert [told.accepted for told in asked(desk, PinAnswered)] == [True, False]
    desk.answers = {"805E": "6A80"}
    with pytest.raises(StatusWordError):
        on(desk, change_pin, OLD, NEW)
    assert [told.accepted for told in asked(desk, PinAnswered)] == [True]
    assert pins_sent(desk) == 2


def test_a_change_that_does_not_prove_itself_is_an_error(desk):
    card = desk.card

    class Forgets:
        """Says that it changed the PIN."""

        def power_on(self):
            return card.power_on()

        def process(self, raw):
            return bytes.fromhex("9000") if raw.startswith(bytes.fromhex("805E")) else card.process(raw)

    desk.card = Forgets()
    with pytest.raises(PinUnprovenError) as unproven:
        on(desk, change_pin, OLD, NEW)
    assert unproven.value.tries_left == 5


def test_a_card_that_wants_no_pin_from_who_has_verified_it_is_taken_at_its_word(desk):
    card = desk.card

    class SaysVerified:
        """Answers 9000 to VERIFY without data once a PIN was verified [ISO/IEC 7816-4]."""

        def power_on(self):
            self.verified = False
            return card.power_on()

        def process(self, raw):
            if raw[1] == 0x20 and len(raw) <= 5 and self.verified:
                return bytes.fromhex("9000")
            answer = card.process(raw)
            self.verified |= raw[1] == 0x20 and answer == bytes.fromhex("9000")
            return answer

    desk.card = SaysVerified()
    assert on(desk, change_pin, OLD, NEW) == PinAttempt(PinResult.OK, 6)
    assert pins_sent(desk) == 2
    assert len(asked(desk, PinReplaced)) == 1
    assert on(desk, verify_pin, NEW).result is PinResult.OK


# --- going on after an interruption ---


def test_a_change_that_was_made_is_found_by_the_new_pin(desk):
    on(desk, change_pin, OLD, NEW)
    assert on(desk, resume_change, OLD, NEW) == PinAttempt(PinResult.OK, 6)
    assert pins_sent(desk) == 1


def test_a_change_that_was_not_made_is_made(desk):
    assert on(desk, resume_change, OLD, NEW).result is PinResult.OK
    assert pins_sent(desk) == 4
    assert on(desk, verify_pin, NEW).result is PinResult.OK


def test_a_new_pin_that_was_refused_before_is_not_tried_again(desk):
    class First(dict):
        """The guard knows the new PIN as refused, and no other."""

        def get(self, kind, default=None):
            last = desk.questions[-1]
            return PinRepeatedError(5) if kind is MaySendPin and last.pin == NEW and not self.seen(NEW) else default

        @staticmethod
        def seen(pin):
            return sum(question.pin == pin for question in asked(desk, MaySendPin)) > 1

    desk.refusals = First()
    assert on(desk, resume_change, OLD, NEW).result is PinResult.OK
    assert pins_sent(desk) == 3


def test_the_last_try_is_not_spent_to_go_on(desk, new_card):
    desk.card = new_card(pin_tries=2)
    on(desk, verify_pin, WRONG)
    with pytest.raises(LastPinTryError):
        on(desk, resume_change, OLD, NEW)
    assert pins_sent(desk) == 0
    assert on(desk, resume_change, OLD, NEW, allow_last_try=True).result is PinResult.NOW_BLOCKED
    assert on(desk, resume_change, OLD, NEW).result is PinResult.WAS_BLOCKED


def test_a_first_pin_is_gone_on_with(desk, new_card):
    desk.card = new_card(pin=NONE)
    assert on(desk, resume_change, NONE, NEW).result is PinResult.OK
    assert on(desk, resume_change, NONE, NEW).result is PinResult.OK
    assert on(desk, resume_change, NONE, OLD) == PinAttempt(PinResult.REJECTED, 5)
