"""Winning rights: what the PIN and keys are used for, and when they are not."""

import datetime as dt

import pytest

from apdu.errors import AuthenticationBlockedError, StatusWordError, WrongKeyError, WrongPinError
from apdu.secret import Secret
from cardlib.errors import AlgorithmUnsupportedError, LastPinTryError, NotAuthenticError, PinRequiredError
from cardlib.flows.read_files import FilesReading, read_files
from services.custody.development import DevelopmentCustodian
from simulator.people import INITIAL_PIN

TODAY = dt.date(2026, 1, 15)
WRONG_PIN = Secret(bytes.fromhex("654321"))


def read(desk, wanted=None, **options) -> FilesReading:
    return desk.run(read_files, wanted, today=TODAY, **options)


def reasons(reading):
    return {name: type(error) for name, error in reading.refused.items()}


# --- the PIN ---


def test_a_wrong_pin_stops_everything(new_desk, new_card):
    desk = new_desk(new_card())
    with pytest.raises(WrongPinError) as refusal:
        read(desk, ["household"], pin=WRONG_PIN)
    assert refusal.value.tries_left == 5
    assert desk.counts["VERIFY"] == 2


def test_the_last_try_is_not_used_unless_allowed(new_desk, new_card):
    desk = new_desk(new_card(pin_tries=2))
    with pytest.raises(WrongPinError):
        read(desk, ["medical_transactions"], pin=WRONG_PIN)
    reading = read(desk, ["medical_transactions", "household"], pin=INITIAL_PIN)
    assert reasons(reading) == {"medical_transactions": LastPinTryError}
    assert set(reading.files) == {"household"}  # its key was asked for instead
    assert read(desk, ["medical_transactions"], pin=INITIAL_PIN, allow_last_try=True).files


def test_a_blocked_pin_is_not_sent_and_keys_take_its_place(new_desk, new_card):
    desk = new_desk(new_card(pin_tries=1))
    with pytest.raises(WrongPinError):
        read(desk, ["household"], pin=WRONG_PIN, allow_last_try=True)
    for pin in (INITIAL_PIN, None):
        reading = read(desk, ["household", "medical_transactions"], pin=pin)
        assert set(reading.files) == {"household"}
        assert reasons(reading) == {"medical_transactions": AuthenticationBlockedError}
        assert desk.counts["VERIFY"] == 1


def test_a_card_without_a_pin_wants_none(new_desk, new_card):
    desk = new_desk(new_card(pin=Secret(b"")))
    for pin in (INITIAL_PIN, None):
        assert not read(desk, ["medical_transactions"], pin=pin).refused
        assert desk.counts["VERIFY"] == 1


def test_the_card_is_asked_for_its_pin_once_and_only_if_a_file_cannot_do_without(new_desk, new_card):
    desk = new_desk(new_card())
    assert reasons(read(desk, ["medical_transactions", "offline_settlement"])) == dict.fromkeys(
        ["medical_transactions", "offline_settlement"], PinRequiredError
    )
    assert desk.counts["VERIFY"] == 1
    read(desk, ["household"])
    assert "VERIFY" not in desk.names


def test_the_pin_never_shows(new_desk, new_card):
    desk = new_desk(new_card())
    text = repr(read(desk, pin=INITIAL_PIN)) + repr(desk.sent)
    assert "123456" not in text
    assert "虚构" not in text


# --- cards that are not what they seem ---


def test_a_card_that_is_not_genuine_gets_no_cryptogram(new_desk, new_card):
    desk = new_desk(new_card(t0=False), answers={"00880000": "00112233445566779000"})
    reading = read(desk, ["holder", "household", "employment"])
    assert set(reading.files) == {"holder"}
    assert reasons(reading) == dict.fromkeys(["household", "employment"], NotAuthenticError)
    assert "EXTERNAL AUTHENTICATE" not in desk.names


def test_a_card_without_our_key_is_asked_no_further(new_desk, new_card):
    desk = new_desk(new_card(), answers={"00880000": "6985"})
    assert reasons(read(desk, ["household", "employment"])) == dict.fromkeys(
        ["household", "employment"], NotAuthenticError
    )
    assert not desk.requests


class WrongKey(DevelopmentCustodian):
    """Proves the card, and has a wrong key for the rest."""

    def __init__(self):
        super().__init__(development_mode=True)

    def perform(self, request):
        found = super().perform(request)
        return (*found[:-1], bytes(8))


def test_a_wrong_key_is_not_tried_again(new_desk, new_card):
    desk = new_desk(new_card(), custodian=WrongKey())
    reading = read(desk, ["household", "residence"])
    assert {type(error) for error in reading.refused.values()} == {WrongKeyError}
    assert desk.counts["EXTERNAL AUTHENTICATE"] == 1


def test_a_cipher_that_cannot_be_computed_leaves_what_takes_no_key(new_desk, new_card):
    fci = "6F1C840F7378312E73682EC9E7BBE1B1A3D5CFA50988011E9F0C03860102" + "9000"
    desk = new_desk(new_card(t0=False), answers={"00A404000F": fci})
    reading = read(desk, ["holder", "household", "employment"])
    assert set(reading.files) == {"holder"}
    assert reasons(reading) == dict.fromkeys(["household", "employment"], AlgorithmUnsupportedError)
    assert not read(desk, ["household"], pin=INITIAL_PIN).refused


def test_a_card_that_does_not_say_how_many_tries_are_left_gets_no_pin(new_desk, new_card):
    desk = new_desk(new_card(), answers={"0020000000": "6985", "00200000": "6985"})
    reading = read(desk, ["medical_transactions"], pin=INITIAL_PIN)
    assert issubclass(reasons(reading)["medical_transactions"], StatusWordError)
    assert desk.counts["VERIFY"] == 1
