import pytest

from services.errors import InvalidRequestError
from services.requests import is_request_id, packed_pin, request_id


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


@pytest.mark.parametrize("value", ["990000198503120027", "give-99000019850312002X-1", "99000019850312002x"])
def test_a_request_is_not_named_after_its_holder(value) -> None:
    """Names of requests stand in clear in journal, audit and log."""
    assert not is_request_id(value)
    with pytest.raises(InvalidRequestError, match="looks like an identity number") as raised:
        request_id(value)
    assert "19850312" not in str(raised.value)


@pytest.mark.parametrize("value", ["20261122093000123456", "000000198503120027", "990000198513120027", "a" * 64])
def test_other_numbers_name_requests(value) -> None:
    assert request_id(value) == value
