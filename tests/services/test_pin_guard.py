"""Which PINs the guard lets through: on its own, told what flows tell it."""

import threading

import pytest

from apdu.secret import Secret
from cardlib.errors import InitialPinChosenError, InitialPinError, PinRepeatedError
from cardlib.flows.pin import MOST_TRIES, CardMark, MaySendPin, PinAnswered, PinReplaced, TriesRestored
from services.config import Config, ConfigError
from services.pin_guard import MOST_PINS, PinGuard, no_registry
from services.registry.lifecycle import CardState

INITIAL = Secret(bytes.fromhex("123456"))
A, B = Secret(bytes.fromhex("864209")), Secret(bytes.fromhex("975310"))
CARD, OTHER = CardMark(bytes(13), "1" * 32, "A00000001"), CardMark(bytes(13), "2" * 32, "A00000001")


def guard(state=None, **options) -> PinGuard:
    return PinGuard(lambda _: state, ("123456",), **options)


def refused(one: PinGuard, pin, *, card=CARD, tries=5) -> None:
    one.answer(MaySendPin(card, pin, tries))
    one.answer(PinAnswered(card, pin, accepted=False, tries_left=tries - 1))


def test_a_refused_pin_is_not_sent_to_that_card_again():
    one = guard()
    refused(one, A)
    with pytest.raises(PinRepeatedError) as repeated:
        one.answer(MaySendPin(CARD, A, 4))
    assert repeated.value.tries_left == 4
    one.answer(MaySendPin(CARD, B, 4))
    one.answer(MaySendPin(OTHER, A, 6))


def test_every_refused_pin_is_remembered():
    one = guard()
    refused(one, A, tries=5)
    refused(one, B, tries=4)
    for pin in (A, B):
        with pytest.raises(PinRepeatedError):
            one.answer(MaySendPin(CARD, pin, 3))


@pytest.mark.parametrize(
    "event",
    [PinAnswered(CARD, B, True, 4), PinAnswered(CARD, None, True, 4), PinReplaced(CARD)],
    ids=["another was taken", "one was taken at the pad", "it was replaced"],
)
def test_it_is_forgotten_once_the_card_has_taken_another(event):
    one = guard()
    refused(one, A)
    one.answer(event)
    one.answer(MaySendPin(CARD, A, 5))


def test_a_counter_that_went_up_tells_that_a_pin_was_taken_elsewhere():
    one = guard()
    refused(one, A, tries=5)
    one.answer(MaySendPin(CARD, A, 5))


def test_a_counter_that_went_down_elsewhere_tells_nothing():
    one = guard()
    refused(one, A, tries=5)
    one.answer(PinAnswered(CARD, None, accepted=False, tries_left=3))
    with pytest.raises(PinRepeatedError):
        one.answer(MaySendPin(CARD, A, 3))
    one.answer(MaySendPin(CARD, A, 4))


@pytest.mark.parametrize("told", [1, 2], ids=["cut after it was announced", "all went well"])
def test_unblocking_makes_no_refused_pin_right(told):
    one = guard()
    refused(one, A, tries=1)
    for left in (MOST_TRIES, 6)[:told]:
        one.answer(TriesRestored(CARD, 0, left))
    with pytest.raises(PinRepeatedError):
        one.answer(MaySendPin(CARD, A, 6))
    one.answer(TriesRestored(OTHER, 0, 6))


@pytest.mark.parametrize(("tries", "is_refused"), [(6, False), (5, False), (4, True)])
def test_a_pin_whose_answer_was_lost_counts_as_refused_once_the_counter_went_down(tries, is_refused):
    one = guard()
    one.answer(MaySendPin(CARD, A, 5))
    if is_refused:
        one.answer(MaySendPin(CARD, B, tries))
        with pytest.raises(PinRepeatedError):
            one.answer(MaySendPin(CARD, A, tries))
    else:
        one.answer(MaySendPin(CARD, A, tries))


def test_a_lost_answer_is_not_lost_by_unblocking():
    one = guard()
    one.answer(MaySendPin(CARD, A, 5))
    one.answer(TriesRestored(CARD, 4, MOST_TRIES))
    with pytest.raises(PinRepeatedError):
        one.answer(MaySendPin(CARD, A, 6))


@pytest.mark.parametrize(
    ("state", "card_is_new", "may"),
    [
        *[(state, said, True) for state in ("issued", "at_outlet", "delivered") for said in (False, True)],
        *[(state, True, False) for state in ("activated", "lost", "replaced", "cancelled", "blocked")],
        (None, False, False),
        (None, True, True),
    ],
)
def test_initial_pins_are_for_new_cards(state, card_is_new, may):
    one = guard(None if state is None else CardState(state))
    asked = MaySendPin(CARD, INITIAL, 6, card_is_new)
    if may:
        one.answer(asked)
    else:
        with pytest.raises(InitialPinError) as refusal:
            one.answer(asked)
        assert refusal.value.tries_left == 6
    one.answer(MaySendPin(CARD, A, 6, card_is_new))


def test_a_registry_that_fails_lets_no_initial_pin_through():
    def away(_card):
        raise ConnectionError

    one = PinGuard(away, ("123456",))
    with pytest.raises(ConnectionError):
        one.answer(MaySendPin(CARD, INITIAL, 6, card_is_new=True))
    one.answer(MaySendPin(CARD, A, 6))


def test_initial_pins_are_known_by_their_digits_and_not_chosen():
    one = PinGuard(no_registry, ("123456", "88888"))
    for digits in ("123456", "88888F"):
        with pytest.raises(InitialPinChosenError):
            one.check_new(Secret(bytes.fromhex(digits)))
    one.check_new(A)
    assert not one.is_initial(A)


def test_what_is_remembered_has_an_end():
    one = guard(cards=2)
    cards = [CardMark(bytes(13), f"{number:032}", "") for number in range(3)]
    for card in cards:
        refused(one, A, card=card)
    one.answer(MaySendPin(cards[0], A, 4))
    with pytest.raises(PinRepeatedError):
        one.answer(MaySendPin(cards[2], A, 4))
    pins = [Secret(bytes.fromhex(f"{number:06}")) for number in range(MOST_PINS + 1)]
    for pin in pins:
        one.answer(PinAnswered(CARD, pin, accepted=False, tries_left=3))
    one.answer(MaySendPin(CARD, pins[0], 3))
    with pytest.raises(PinRepeatedError):
        one.answer(MaySendPin(CARD, pins[1], 3))


def test_many_threads_at_once():
    one = guard()
    refused(one, A)
    let_through = []

    def ask(number):
        card = CARD if number % 2 else CardMark(bytes(13), f"{number:032}", "")
        for _ in range(200):
            try:
                one.answer(MaySendPin(card, A, 4))
                let_through.append(card)
            except PinRepeatedError:
                pass

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(let_through) == 4 * 200
    assert CARD not in let_through


def test_nothing_of_a_pin_is_kept_or_shown():
    one = guard()
    refused(one, A)
    kept = repr(vars(one)) + repr([*one._cards.values()])
    for canary in ("864209", "\\x86B\\t", "1" * 32, "123456"):
        assert canary not in kept


def test_initial_pins_are_a_setting(monkeypatch):
    assert Config.load().initial_pins == ("123456",)
    monkeypatch.setenv("SSCARD_INITIAL_PINS", "888888, 0000")
    assert Config.load().initial_pins == ("888888", "0000")
    monkeypatch.setenv("SSCARD_INITIAL_PINS", "88x888")
    with pytest.raises(ConfigError, match="initial_pins"):
        Config.load()
