"""Times on the line, computed by hand from ISO/IEC 7816-3; at 3.5712 MHz an etu of 372 cycles is 1/9600 s."""

from functools import reduce
from operator import xor

import pytest

from simulator.line import Line

CLOCK = 3_571_200
T0 = "3B6D000000814A444686605199000001AC"  # a card's ATR from a field trace


def atr(body: str) -> bytes:
    """An ATR with its TCK put behind it."""
    raw = bytes.fromhex(body)
    return raw + bytes((reduce(xor, raw[1:]),))


def line(text: str, bit_rate: float | None = None) -> Line:
    return Line.agreed(bytes.fromhex(text), CLOCK, bit_rate)


def exchange(on: Line, command: str, answer: str, waited: float = 0) -> tuple[int, int, int, int]:
    traffic = on.exchange(bytes.fromhex(command), bytes.fromhex(answer), waited)
    return traffic.sent, traffic.received, traffic.tpdus, traffic.etus


def test_a_card_without_ta1_talks_t0_at_9600_bits_per_second() -> None:
    agreed = line(T0)
    assert (agreed.protocol, agreed.to_card, agreed.from_card) == (0, 12, 12)
    assert agreed.etu == pytest.approx(1 / 9600)
    assert agreed.patience == pytest.approx(1.0)  # 9600 etu [S2.2 §9.2.2]
    assert agreed.agreement == 0


@pytest.mark.parametrize(
    ("ta1", "cycles", "pps"),
    [("11", 372, False), ("01", 372, False), ("13", 93, True), ("18", 31, True), ("96", 16, True), ("71", 372, False)],
)
def test_the_speed_is_that_of_ta1_after_pps(ta1: str, cycles: float, pps: bool) -> None:
    agreed = line(f"3B10{ta1}")
    assert agreed.etu == pytest.approx(cycles / CLOCK)
    # eight characters of twelve etu, still at 9600 bit/s
    assert agreed.agreement == pytest.approx(96 / 9600 if pps else 0)


@pytest.mark.parametrize(("ta2", "cycles"), [("00", 93), ("10", 372)], ids=["TA1's speed", "implicit speed"])
def test_a_card_in_specific_mode_is_at_its_speed_without_pps(ta2: str, cycles: float) -> None:
    agreed = line(f"3B901310{ta2}")
    assert (agreed.protocol, agreed.agreement) == (0, 0)
    assert agreed.etu == pytest.approx(cycles / CLOCK)


def test_a_bit_rate_that_is_given_goes_before_ta1() -> None:
    agreed = line("3B1018", bit_rate=38_400)
    assert (agreed.etu, agreed.agreement) == (1 / 38_400, 0)


def test_tc1_is_extra_guard_time_to_the_card_only() -> None:
    agreed = line("3B4005")
    assert (agreed.to_card, agreed.from_card) == (17, 12)
    assert exchange(agreed, "00B0000004", "DEADBEEF9000") == (5, 7, 1, 5 * 17 + 7 * 12)
    assert (line("3B40FF").to_card, line("3B40FF").from_card) == (12, 12)


@pytest.mark.parametrize(
    ("command", "answer", "sent", "received", "tpdus"),
    [
        ("00A40000", "9000", 5, 2, 1),  # case 1
        ("00B0000004", "DEADBEEF9000", 5, 1 + 4 + 2, 1),  # case 2
        ("00B0000000", "6C04", 5, 2, 1),  # case 2, refused: no procedure byte
        ("00A4000002EF05", "9000", 5 + 2, 1 + 2, 1),  # case 3
        ("00A4000002EF0500", "6F009000", 5 + 2 + 5, (1 + 2) + (1 + 2 + 2), 2),  # case 4: 61xx, then GET RESPONSE
        ("00A4000002EF0500", "6A82", 5 + 2, 1 + 2, 1),  # case 4 refused
        ("00A4", "6700", 2, 2, 1),  # not a command
        ("00B00000000200", "6700", 7, 2, 1),  # extended length does not exist by T=0
        ("00A4000002EF05", "", 5, 0, 1),  # mute after the header
        ("00B0000004", "90", 5, 1, 1),  # cut off
    ],
)
def test_an_exchange_by_t0(command: str, answer: str, sent: int, received: int, tpdus: int) -> None:
    assert exchange(line(T0), command, answer) == (sent, received, tpdus, 12 * (sent + received))


@pytest.mark.parametrize(("waited", "nulls"), [(0.9, 0), (1.0, 0), (1.1, 1), (2.0, 1), (3.5, 3)])
def test_a_slow_card_sends_a_null_for_every_work_waiting_time(waited: float, nulls: int) -> None:
    assert exchange(line(T0), "00A40000", "9000", waited) == (5, 2 + nulls, 1, 12 * (7 + nulls))


def test_tc2_is_the_work_waiting_integer() -> None:
    assert line("3B80" + "40" + "14").patience == pytest.approx(2.0)


def test_a_card_that_offers_t1_first_gets_it() -> None:
    agreed = Line.agreed(atr("3B8001"), CLOCK)
    assert (agreed.protocol, agreed.ifsc, agreed.epilogue) == (1, 32, 1)
    assert agreed.patience == pytest.approx(11 / 9600 + 16 * 960 / 9600)  # BWI 4
    assert Line.agreed(atr("3B808001"), CLOCK).protocol == 0


def test_the_bytes_of_t1_are_its_frame_size_waiting_time_and_check() -> None:
    agreed = Line.agreed(atr("3B8081" + "71FE2501"), CLOCK)  # TD1 81; TD2 71: TA3 FE, TB3 25, TC3 01
    assert (agreed.protocol, agreed.ifsc, agreed.epilogue) == (1, 254, 2)
    assert agreed.patience == pytest.approx(11 / 9600 + 4 * 960 / 9600)


def test_an_exchange_by_t1() -> None:
    # 5 bytes in a block of 9, answered by 6 in one of 10; twice the block guard time, 22 etu instead of 12
    assert exchange(Line.agreed(atr("3B8001"), CLOCK), "00B0000004", "DEADBEEF9000") == (9, 10, 1, 19 * 12 + 2 * 10)
    # TC1 FF: 11 etu a character in both directions
    assert exchange(Line.agreed(atr("3BC0FF01"), CLOCK), "00B0000004", "DEADBEEF9000") == (9, 10, 1, 19 * 11 + 2 * 11)


def test_long_commands_and_answers_are_chained_by_t1() -> None:
    agreed = Line.agreed(atr("3B8001"), CLOCK)
    # 45 bytes in blocks of 32 and 13; the first is acknowledged by 4 bytes, the second answered by 6
    assert exchange(agreed, "00D6000028" + "00" * 40, "9000") == (45 + 8, 4 + 6, 2, 63 * 12 + 4 * 10)
    # 256 + 2 bytes come in 254 and 4, and the first of them is acknowledged
    assert exchange(agreed, "00B0000000", "00" * 256 + "9000") == (9 + 4, 258 + 8, 2, 279 * 12 + 4 * 10)


def test_a_slow_card_asks_for_more_time_by_t1() -> None:
    agreed = Line.agreed(atr("3B8001"), CLOCK)
    assert exchange(agreed, "00A40000", "9000", 1.6) == (8, 6, 1, 14 * 12 + 20)
    assert exchange(agreed, "00A40000", "9000", 5.0) == (8 + 5, 6 + 5, 2, 24 * 12 + 40)


def test_a_silent_card_answers_no_block() -> None:
    assert exchange(Line.agreed(atr("3B8001"), CLOCK), "00A40000", "") == (8, 0, 1, 8 * 12)


def test_of_a_malformed_atr_nothing_is_taken() -> None:
    assert line("3B1018FF") == line("3B00") == line("")
