"""ATR. Vectors: the two public traces; ATRs with TD1 put together, and their TCK computed, by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apdu.atr import ATR, InterfaceBytes
from apdu.errors import AtrError

TRACE_A = "3B6D000000814A444686605199000001AC"
TRACE_D = "3B6D000000813147318650430200000013"


@pytest.mark.parametrize(
    ("raw", "historical"),
    [(TRACE_A, "00814A444686605199000001AC"), (TRACE_D, "00813147318650430200000013")],
    ids=["trace A", "trace D"],
)
def test_social_security_cards_offer_t0_and_13_historical_bytes(raw: str, historical: str) -> None:
    atr = ATR.from_bytes(bytes.fromhex(raw))
    assert atr.historical_bytes == bytes.fromhex(historical)
    assert len(atr.historical_bytes) == 13
    assert atr.protocols == (0,)
    assert atr.interface == (InterfaceBytes(None, tb=0, tc=0),)
    assert atr.tck is None
    assert not atr.inverse
    assert atr.raw == bytes.fromhex(raw)


def test_historical_bytes_move_when_ta1_is_there() -> None:
    atr = ATR.from_bytes(bytes.fromhex("3B7D110000" + "00814A444686605199000001AC"))
    assert atr.interface == (InterfaceBytes(None, ta=0x11, tb=0, tc=0),)
    assert atr.historical_bytes == bytes.fromhex("00814A444686605199000001AC")


def test_the_inverse_convention_is_taken() -> None:
    assert ATR.from_bytes(bytes.fromhex("3F" + TRACE_A[2:])).inverse


def test_the_shortest_atr_has_no_historical_bytes() -> None:
    assert ATR.from_bytes(b"\x3b\x00").historical_bytes == b""


def test_td1_with_t15_brings_a_tck_though_t0_is_the_only_protocol() -> None:
    # T0 81, TD1 80, TD2 1F, TA3 03, T1 55: 81^80^1F^03^55 = 48. [S2.2 T7-T9]
    atr = ATR.from_bytes(bytes.fromhex("3B81801F035548"))
    assert atr.protocols == (0,)
    assert atr.interface == (
        InterfaceBytes(None, td=0x80),
        InterfaceBytes(0, td=0x1F),
        InterfaceBytes(15, ta=0x03),
    )
    assert atr.historical_bytes == b"\x55"
    assert atr.tck == 0x48


def test_both_protocols_are_offered_in_the_cards_order() -> None:
    # A common contactless answer, as PC/SC part 3 §3.1.3.2.3 builds it: 3B 80 80 01 and TCK 80^80^01 = 01.
    assert ATR.from_bytes(bytes.fromhex("3B80800101")).protocols == (0, 1)
    # T=1 alone: T0 80, TD1 01; 80^01 = 81.
    assert ATR.from_bytes(bytes.fromhex("3B800181")).protocols == (1,)


def test_td1_that_names_t0_alone_brings_no_tck() -> None:
    atr = ATR.from_bytes(bytes.fromhex("3B8100AA"))
    assert atr.historical_bytes == b"\xaa"
    assert atr.tck is None


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ("", "2 to 33 bytes"),
        ("3B", "2 to 33 bytes"),
        ("3B" * 34, "2 to 33 bytes"),
        ("036D0000", "TS"),
        ("3B6D00", "interface bytes"),
        ("3BF0110000", "interface bytes"),
        (TRACE_A[:-2], "historical bytes"),
        (TRACE_A + "00", "bytes follow"),
        ("3B8001", "TCK is missing"),
        ("3B800182", "TCK is wrong"),
        ("3B80018100", "TCK is missing, or bytes follow"),
    ],
    ids=[
        "nothing",
        "TS alone",
        "34 bytes",
        "inverse convention not turned round",
        "cut off in TB1",
        "cut off in TD1",
        "historical bytes cut off",
        "TCK on a T=0 card",
        "no TCK on a T=1 card",
        "wrong TCK",
        "bytes behind TCK",
    ],
)
def test_a_malformed_atr_is_refused(raw: str, complaint: str) -> None:
    with pytest.raises(AtrError, match=complaint):
        ATR.from_bytes(bytes.fromhex(raw))


@given(st.binary(max_size=40).map(lambda rest: b"\x3b" + rest))
def test_any_bytes_parse_or_are_refused(raw: bytes) -> None:
    try:
        atr = ATR.from_bytes(raw)
    except AtrError:
        return
    size = 2 + sum(byte is not None for g in atr.interface for byte in (g.ta, g.tb, g.tc, g.td))
    assert len(raw) == size + len(atr.historical_bytes) + (atr.tck is not None)
