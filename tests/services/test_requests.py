import pytest

from services.errors import InvalidRequestError
from services.requests import packed_pin, request_id


@pytest.mark.parametrize(
    ("digits", "packed"), [("1234", "1234"), ("123456", "123456"), ("12345", "12345F"), ("1" * 16, "11" * 8)]
)
def test_a_pin_is_packed_and_an_odd_digit_filled_up(digits, packed) -> None:
    pin = packed_pin(digits)
    assert pin is not None
    assert pin.reveal() == bytes.fromhex(packed)


def test_no_digits_are_no_pin() -> None:
    assert packed_pin("") is None


@pytest.mark.parametrize("digits", ["123", "1" * 17, "12 34", "12a4", "１２３４"])
def test_what_is_no_pin_is_refused_without_being_repeated(digits) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        packed_pin(digits)
    assert digits not in str(raised.value)


@pytest.mark.parametrize("value", ["", "a b", "x" * 65, "张"])
def test_a_request_needs_a_name_that_fits_into_a_log(value) -> None:
    with pytest.raises(InvalidRequestError):
        request_id(value)
