"""Status words: every one has a meaning, the same one means different things after different commands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apdu import errors, status
from apdu.response import ResponseAPDU

VERIFY, EXTERNAL_AUTHENTICATE, READ_RECORD = 0x20, 0x82, 0xB2

# (status word, instruction) → what the caller gets; from the standard's part 5, table 5 and §6.3, §6.4, §6.14.
REFUSALS = {
    "wrong PIN": (0x63C2, VERIFY, errors.WrongPinError, 2),
    "PIN just blocked": (0x63C0, VERIFY, errors.WrongPinError, 0),
    "PIN blocked": (0x6983, VERIFY, errors.AuthenticationBlockedError, None),
    "wrong key": (0x63C1, EXTERNAL_AUTHENTICATE, errors.WrongKeyError, 1),
    "key blocked": (0x6983, EXTERNAL_AUTHENTICATE, errors.AuthenticationBlockedError, None),
    "no such key": (0x6A88, EXTERNAL_AUTHENTICATE, errors.FileNotFoundOnCardError, None),
    "no challenge": (0x6984, EXTERNAL_AUTHENTICATE, errors.ConditionsError, None),
    "written after some tries": (0x63C1, 0xDC, errors.StatusWordError, 1),
    "not allowed": (0x6982, READ_RECORD, errors.SecurityStatusError, None),
    "no record": (0x6A83, READ_RECORD, errors.FileNotFoundOnCardError, None),
    "wrong MAC": (0x6988, 0x24, errors.SecureMessagingError, None),
    "application blocked": (0x9303, 0xA4, errors.ApplicationBlockedError, None),
    "card blocked": (0x6A81, 0xA4, errors.FunctionUnsupportedError, None),
    "too little money": (0x9401, 0x28, errors.InsufficientBalanceError, None),
    "worn out": (0x6581, 0xDC, errors.CardMemoryError, None),
    "full": (0x6A84, 0xDC, errors.CardMemoryError, None),
    "unheard of": (0x6FAB, READ_RECORD, errors.StatusWordError, None),
}


@pytest.mark.parametrize(("sw", "ins", "error", "tries"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_raised_as_its_type(sw: int, ins: int, error: type[Exception], tries: int | None) -> None:
    with pytest.raises(errors.StatusWordError) as refusal:
        ResponseAPDU(b"", sw).ok(ins)
    assert type(refusal.value) is error
    assert refusal.value.sw == sw
    assert refusal.value.tries_left == tries
    assert f"{sw:04X}" in str(refusal.value)
    assert status.command_name(ins) in str(refusal.value)


@given(st.integers(0, 0xFFFF), st.none() | st.integers(0, 0xFF))
def test_every_status_word_means_something_and_never_fails(sw: int, ins: int | None) -> None:
    meaning = status.meaning_of(sw, ins)
    assert meaning.text
    assert meaning.chinese
    assert isinstance(status.error_for(sw, ins), meaning.error)


@pytest.mark.parametrize("table", [status.MEANINGS, *status.PER_COMMAND.values()])
def test_tables_hold_patterns_that_can_match(table: dict[str, status.Meaning]) -> None:
    assert table
    for pattern in table:
        digits = pattern.replace("x", "0")
        assert len(pattern) == 4
        assert status.meaning_of(int(digits, 16)).text


def test_61xx_is_success_with_more_to_fetch() -> None:
    response = ResponseAPDU.from_bytes(bytes.fromhex("6118"))
    assert response.waiting == 0x18
    assert response.ok() == b""
    assert ResponseAPDU(b"", 0x6100).waiting == 256
    assert ResponseAPDU(b"", 0x9000).waiting is None


def test_an_answer_without_status_word_is_a_protocol_error() -> None:
    with pytest.raises(errors.ProtocolError):
        ResponseAPDU.from_bytes(b"\x90")


def test_a_response_shows_no_data() -> None:
    response = ResponseAPDU.from_bytes(bytes.fromhex("0812AABBCC9000"))
    assert response.to_bytes().hex() == "0812aabbcc9000"
    assert "aabbcc" not in repr(response).lower()
    assert "5 bytes" in repr(response)
