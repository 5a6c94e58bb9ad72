"""The PIN's flows on a simulated card: what is sent, what is not, and what is made of the answers."""

import pytest

from apdu.errors import CardMemoryError, CardRemovedError
from apdu.pinpad import PinEntry
from apdu.response import ResponseAPDU
from cardlib import commands
from cardlib.errors import (
    InitialPinError,
    LastPinTryError,
    PinNotSetError,
    PinRepeatedError,
    PinStatusUnknownError,
)
from cardlib.flows.pin import (
    CardMark,
    MaySendPin,
    PinAnswered,
    PinAttempt,
    PinReplaced,
    PinResult,
    PinState,
    PinStatus,
    PinStepAhead,
    card_mark,
    change_pin,
    change_pin_at_pad,
    pin_status,
    resume_change,
    verify_pin,
)
from simulator.quirks import Quirks
from tests.cardlib.flows.pin_parts import (
    CHANGE_ENTRY,
    ENTRY,
    NEW,
    NONE,
    OLD,
    VERIFY,
    WRONG,
    asked,
    desk,
    on,
    pins_sent,
)

__all__ = ["desk"]


# --- how it stands ---


@pytest.mark.parametrize(
    ("issued", "spent", "status"),
    [
        ({"pin_tries": 15}, 0, PinStatus(PinState.SET, 15)),
        ({"pin_tries": 3}, 2, PinStatus(PinState.SET, 1)),
        ({"pin_tries": 1}, 1, PinStatus(PinState.BLOCKED, 0)),
        ({"pin_tries": 1, "quirks": Quirks(pin_query_locked=0x63C0)}, 1, PinStatus(PinState.BLOCKED, 0)),
        ({"pin": NONE}, 0, PinStatus(PinState.NOT_SET, None)),
    ],
)
def test_the_card_says_how_its_pin_stands(desk, new_card, issued, spent, status):
    desk.card = new_card(**issued)
    for _ in range(spent):
        on(desk, verify_pin, WRONG, allow_last_try=True)
    assert on(desk, pin_status) == status
    assert pins_sent(desk) == 0
    assert on(desk, pin_status) == status


@pytest.mark.parametrize("sw", ["6984", "6A88", "6E00", "6200", "6F00"])
@pytest.mark.parametrize("part", [(verify_pin, OLD), (change_pin, OLD, NEW), (resume_change, OLD, NEW)])
def test_nothing_is_sent_to_a_card_that_does_not_say(desk, new_card, sw, part):
    desk.card = new_card(t0=False)
    desk.answers = {"00200000": sw}
    flow, *arguments = part
    with pytest.raises(PinStatusUnknownError):
        on(desk, flow, *arguments)
    assert pins_sent(desk) == 0
    assert not asked(desk, MaySendPin)


# --- verifying ---


def test_a_right_pin_and_a_wrong_one(desk):
    assert on(desk, verify_pin, WRONG) == PinAttempt(PinResult.REJECTED, 5)
    assert on(desk, verify_pin, OLD) == PinAttempt(PinResult.OK, 5)
    assert pins_sent(desk) == 1
    assert on(desk, pin_status).tries_left == 6


def test_a_right_pin_gives_all_tries_back_and_they_are_counted(desk):
    on(desk, verify_pin, WRONG)
    assert on(desk, verify_pin, OLD, counted=True) == PinAttempt(PinResult.OK, 6)
    assert [one.name for one in desk.sent][-3:] == ["VERIFY", "VERIFY", "VERIFY"]
    assert pins_sent(desk) == 1
    assert on(desk, verify_pin, WRONG, counted=True) == PinAttempt(PinResult.REJECTED, 5)
    assert [one.name for one in desk.sent].count("VERIFY") == 2  # a refusal has said it already


@pytest.mark.parametrize("said", ["9000", "6985"])
def test_a_card_that_does_not_count_for_who_has_verified_leaves_it_at_what_it_said_before(desk, new_card, said):
    desk.card = new_card(t0=False)

    def typed(_):
        desk.answers = {"00200000": said}
        return ResponseAPDU.from_bytes(desk.card.process(commands.verify(OLD).to_bytes()))

    on(desk, verify_pin, WRONG)
    desk.typed = typed
    assert on(desk, verify_pin, ENTRY, counted=True) == PinAttempt(PinResult.OK, 5)


def test_the_guard_is_asked_before_and_told_after(desk):
    on(desk, verify_pin, WRONG, card_is_new=True)
    (may,), (told,) = asked(desk, MaySendPin), asked(desk, PinAnswered)
    assert (may.pin, may.tries_left, may.card_is_new) == (WRONG, 6, True)
    assert (told.pin, told.accepted, told.tries_left) == (WRONG, False, 5)
    assert told.card == may.card
    assert len(may.card.card_identifier) == 32
    assert may.card.card_number
    assert len(may.card.historical_bytes) == 13
    on(desk, verify_pin, OLD)
    assert asked(desk, PinAnswered) == [PinAnswered(may.card, OLD, True, 5)]


@pytest.mark.parametrize("refusal", [PinRepeatedError(5), InitialPinError(6), CardRemovedError("pulled")])
def test_what_the_guard_refuses_is_not_sent(desk, refusal):
    desk.refusals = {MaySendPin: refusal}
    if isinstance(refusal, InitialPinError):
        assert on(desk, verify_pin, OLD) == PinAttempt(PinResult.INITIAL_PIN, 6)
    else:
        with pytest.raises(type(refusal)):
            on(desk, verify_pin, OLD)
    assert pins_sent(desk) == 0
    assert not asked(desk, PinAnswered)


def test_the_last_try_is_spent_only_where_that_is_allowed(desk, new_card):
    desk.card = new_card(pin_tries=2)
    assert on(desk, verify_pin, WRONG) == PinAttempt(PinResult.REJECTED, 1)
    with pytest.raises(LastPinTryError):
        on(desk, verify_pin, WRONG)
    assert pins_sent(desk) == 0
    assert on(desk, verify_pin, WRONG, allow_last_try=True) == PinAttempt(PinResult.NOW_BLOCKED, 0)
    assert on(desk, verify_pin, OLD, allow_last_try=True) == PinAttempt(PinResult.WAS_BLOCKED, 0)
    assert pins_sent(desk) == 0


def test_a_card_without_a_pin_is_sent_none(desk, new_card):
    desk.card = new_card(pin=NONE)
    with pytest.raises(PinNotSetError):
        on(desk, verify_pin, OLD)
    assert pins_sent(desk) == 0


def test_a_pin_that_was_blocked_between_two_commands(desk):
    desk.answers = {VERIFY: "6983"}
    assert on(desk, verify_pin, OLD) == PinAttempt(PinResult.WAS_BLOCKED, 0)
    assert not asked(desk, PinAnswered)


def test_an_answer_that_is_neither_right_nor_wrong_is_an_error_and_nothing_is_tried_again(desk):
    desk.answers = {VERIFY: "6581"}
    with pytest.raises(CardMemoryError):
        on(desk, verify_pin, OLD)
    assert pins_sent(desk) == 1
    assert not asked(desk, PinAnswered)


# --- at a pad ---


def typing(desk, command):
    """What a pad does: has the command sent, itself."""
    return lambda _: ResponseAPDU.from_bytes(desk.card.process(command.to_bytes()))


def test_a_pin_typed_at_a_pad(desk, new_card):
    desk.card = new_card(t0=False)
    desk.typed = typing(desk, commands.verify(WRONG))
    assert on(desk, verify_pin, ENTRY) == PinAttempt(PinResult.REJECTED, 5)
    assert [(told.pin, told.accepted) for told in asked(desk, PinAnswered)] == [(None, False)]
    desk.typed = typing(desk, commands.verify(OLD))
    assert on(desk, verify_pin, ENTRY).result is PinResult.OK
    assert pins_sent(desk) == 0  # none but by the pad
    assert not asked(desk, MaySendPin)


def test_a_change_typed_at_a_pad(desk, new_card):
    desk.card = new_card(t0=False)
    desk.typed = typing(desk, commands.change_pin(WRONG, NEW))
    assert on(desk, change_pin_at_pad, CHANGE_ENTRY) == PinAttempt(PinResult.REJECTED, 5)
    desk.typed = typing(desk, commands.change_pin(OLD, NEW))
    assert on(desk, change_pin_at_pad, CHANGE_ENTRY).result is PinResult.OK
    kinds = [type(question) for question in desk.questions]
    assert kinds == [PinStepAhead, PinEntry, PinReplaced]
    assert on(desk, verify_pin, NEW).result is PinResult.OK


def test_what_was_typed_at_a_pad_is_counted_and_a_card_pulled_meanwhile_has_its_new_pin(desk, new_card):
    desk.card = new_card(t0=False)
    on(desk, verify_pin, WRONG)
    desk.typed = typing(desk, commands.verify(OLD))
    assert on(desk, verify_pin, ENTRY, counted=True) == PinAttempt(PinResult.OK, 6)
    on(desk, verify_pin, WRONG)
    desk.typed = typing(desk, commands.change_pin(OLD, NEW))
    assert on(desk, change_pin_at_pad, CHANGE_ENTRY, counted=True) == PinAttempt(PinResult.OK, 6)
    on(desk, verify_pin, WRONG)
    card = desk.card

    def typed_and_pulled(_):
        answer = ResponseAPDU.from_bytes(card.process(commands.change_pin(NEW, OLD).to_bytes()))
        desk.card = Pulled()
        return answer

    desk.typed = typed_and_pulled
    assert on(desk, change_pin_at_pad, CHANGE_ENTRY, counted=True) == PinAttempt(PinResult.OK, 5)
    desk.card = card
    assert on(desk, verify_pin, OLD).result is PinResult.OK


class Pulled:
    """What is in the reader once the card is gone."""

    def process(self, _):
        raise CardRemovedError("pulled")


def test_nobody_is_asked_to_type_for_the_last_try(desk, new_card):
    desk.card = new_card(pin_tries=1)
    for part, entry in ((verify_pin, ENTRY), (change_pin_at_pad, CHANGE_ENTRY)):
        with pytest.raises(LastPinTryError):
            on(desk, part, entry)
        assert not desk.questions


def test_nothing_about_a_card_or_a_pin_shows(desk):
    on(desk, change_pin, OLD, NEW)
    mark = on(desk, lambda session: (yield from _marked(session)))
    text = repr(desk.questions) + str(desk.questions) + repr(mark)
    assert isinstance(mark, CardMark)
    for canary in ("123456", "864209", "\\x12\\x34", mark.card_identifier, mark.card_number):
        assert canary not in text


def _marked(session):
    yield from pin_status(session)
    return card_mark(session)
