"""PINs and historical bytes as people write them."""

import pytest
from pydantic import ValidationError

from apdu.secret import Secret
from cardlib.written.entries import Entry, historical_bytes, packed_pin, pin_digits


@pytest.mark.parametrize("digits", ["123", "1" * 17, "12a4", "１２３４", " 1234"])
def test_what_is_no_pin(digits):
    with pytest.raises(ValueError, match="takes 4 to 16 digits"):
        pin_digits(digits)


@pytest.mark.parametrize(("digits", "packed"), [("", ""), ("1234", "1234"), ("12345", "12345F"), ("1" * 16, "11" * 8)])
def test_a_pin_is_packed(digits, packed):
    assert packed_pin(pin_digits(digits)) == Secret(bytes.fromhex(packed))


@pytest.mark.parametrize("text", ["", "00" * 12, "00" * 14, "0" * 25, "zz" * 13, 7, None])
def test_what_are_no_historical_bytes(text):
    with pytest.raises(ValueError, match="takes 26 hexadecimal digits"):
        historical_bytes(text)


def test_a_table_shows_nothing():
    class Held(Entry):
        pin: str

    assert "1234" not in f"{Held(pin='1234')!r} {Held(pin='1234')}"
    with pytest.raises(ValidationError) as refused:
        Held.model_validate({"pin": 1234})
    assert "1234" not in str(refused.value)
