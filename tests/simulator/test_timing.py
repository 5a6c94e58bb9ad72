"""Seconds of known exchanges, computed by hand: 372 etu at 3.5712 MHz are 9600 bit/s, a character takes 12 etu."""

import datetime as dt
from typing import Any

import pytest

from apdu.flow import run
from apdu.readers import executor
from apdu.transport.wrappers import get_response
from cardlib.crypto import Algorithm
from cardlib.flows.read_identity import read_identity
from cardlib.forms import FormMemory
from services.custody.development import DevelopmentCustodian
from simulator.clock import Clock, Cost
from simulator.faults import Delay, Fault, FaultyChip, Mute
from simulator.people import ready_card
from simulator.timing import Report, TimedChip, TimingProfile

ETU = 1 / 9600
ROUND = TimingProfile(page_bytes=16, page_seconds=0.004, des_seconds=0.001, sm4_seconds=0.01)


class Told:
    """A chip that answers what the test says."""

    def __init__(self, *answers: str, atr: str = "3B00") -> None:
        self.answers = [bytes.fromhex(answer) for answer in answers]
        self.atr = bytes.fromhex(atr)

    def power_on(self) -> bytes:
        return self.atr

    def reset(self) -> bytes:
        return self.atr

    def power_off(self) -> None:
        self.atr = b""

    def process(self, command: bytes) -> bytes:
        return self.answers.pop(0)


def after(*exchanges: tuple[str, str], algorithm: Algorithm = Algorithm.DES, atr: str = "3B00") -> Report:
    chip = TimedChip(Told(*(answer for _, answer in exchanges), atr=atr), ROUND, algorithm=algorithm)
    chip.power_on()
    for command, answer in exchanges:
        assert chip.process(bytes.fromhex(command)) == bytes.fromhex(answer)
    return chip.report()


def test_selecting_the_ssse_by_t0_at_9600_bits_per_second() -> None:
    aid = "7378312E73682EC9E7BBE1B1A3D5CF"
    fci = "6F1C840F" + aid + "A50988011E9F0C03860103"
    report = after(("00A404000F" + aid, "611E"), ("00C000001E", fci + "9000"), ("00B2012D00", "6C40"))
    # header, data; INS, SW · header; INS, 30 bytes, SW · header; SW
    assert (report.sent, report.received) == (5 + 15 + 5 + 5, 3 + 33 + 2)
    assert report.wire_seconds == pytest.approx(68 * 12 / 9600)  # 85 ms
    assert (report.apdus, report.tpdus) == (2, 3)


def test_a_command_repeated_with_the_right_le_is_one_apdu() -> None:
    record = "00" * 4 + "9000"
    report = after(("00B2012D00", "6C04"), ("00B2012D04", record), ("00B2012D04", record))
    assert (report.apdus, report.tpdus) == (2, 3)


def test_reading_a_record_by_t1_at_9600_bits_per_second() -> None:
    report = after(("00B2012D40", "00" * 64 + "9000"), atr="3B800181")
    # blocks of 5 + 4 and 66 + 4 bytes, and twice the block guard time, 22 etu instead of 12
    assert (report.sent, report.received, report.tpdus) == (9, 70, 1)
    assert report.wire_seconds == pytest.approx((79 * 12 + 20) / 9600)  # 100.8 ms


def test_a_reset_lasts_until_the_atr_is_there_and_the_speed_is_agreed_upon() -> None:
    # 800 clock cycles, 17 characters
    assert after(atr="3B6D000000814A444686605199000001AC").reset_seconds == pytest.approx(800 / 3_571_200 + 204 * ETU)
    # four characters, and eight for PPS
    assert after(atr="3B1018").reset_seconds == pytest.approx(800 / 3_571_200 + (36 + 96) * ETU)
    # a reader waits 40 000 cycles in vain, after 400 with RST low
    assert after(atr="").reset_seconds == pytest.approx(40_400 / 3_571_200)


@pytest.mark.parametrize(
    ("command", "answer", "pages"),
    [
        ("00DC010410" + "08" + "0E" + "31" * 14, "9000", 1),
        ("00DC010411" + "08" + "0F" + "31" * 15, "9000", 2),
        ("00DC010411" + "08" + "0F" + "31" * 15, "6982", 0),
        ("04D6000014" + "00" * 16 + "11223344", "9000", 1),
        ("00B2012D04", "000000009000", 0),
    ],
)
def test_what_is_written_takes_its_pages(command: str, answer: str, pages: int) -> None:
    assert after((command, answer)).eeprom_seconds == pytest.approx(pages * 0.004)


# Session key 3DES, then blocks under single DES; MACs run over 5 + 16 bytes and the padding: 3 blocks of 8, 2 of 16.
@pytest.mark.parametrize(
    ("command", "answer", "des", "sm4"),
    [
        ("0088000010" + "00" * 16, "6108", 3 + 1, 1 + 1),
        ("0082000A10" + "00" * 16, "63C2", 3 + 1, 1 + 1),
        ("0082000A10" + "00" * 16, "6984", 0, 0),
        ("04D6000014" + "00" * 20, "9000", 3 + 3, 1 + 2),
        ("04D6000014" + "00" * 20, "6988", 3 + 3, 1 + 2),
        ("00D6000014" + "00" * 20, "9000", 0, 0),
    ],
)
def test_ciphers_take_their_time(command: str, answer: str, des: int, sm4: int) -> None:
    assert after((command, answer)).crypto_seconds == pytest.approx(des * 0.001)
    assert after((command, answer), algorithm=Algorithm.SM4).crypto_seconds == pytest.approx(sm4 * 0.01)


def test_a_late_answer_costs_waiting_and_null_bytes() -> None:
    clock = Clock()
    late = FaultyChip(Told("9000"), [Fault(effect=Delay(2.5))], remove=int, sleep=clock.wait)
    chip = TimedChip(late, clock=clock)
    chip.power_on()
    chip.process(bytes.fromhex("00A40000"))
    report = chip.report()
    assert report.waiting_seconds == 2.5
    assert report.received == 2 + 2  # the work waiting time is 1 s
    assert report.wire_seconds == pytest.approx(9 * 12 * ETU)


def test_a_mute_card_costs_the_work_waiting_time() -> None:
    chip = TimedChip(FaultyChip(Told(), [Fault(effect=Mute())], remove=int))
    chip.power_on()
    assert chip.process(bytes.fromhex("00A40000")) == b""
    assert chip.report().waiting_seconds == pytest.approx(1.0)
    assert chip.report().wire_seconds == pytest.approx(5 * 12 * ETU)


def test_all_seconds_are_slept_if_wanted() -> None:
    slept: list[float] = []
    chip = TimedChip(Told("9000"), clock=Clock(sleep=slept.append))
    chip.power_on()
    chip.process(bytes.fromhex("00A40000"))
    report = chip.report()
    assert sum(slept) == pytest.approx(report.seconds) == pytest.approx(report.reset_seconds + 84 * ETU)
    assert chip.clock.spent(Cost.WIRE) == report.wire_seconds


def test_power_off_reaches_the_chip(echo_chip: Any) -> None:
    inner = echo_chip()
    chip = TimedChip(inner)
    assert chip.reset() == inner.atr
    chip.power_off()
    assert inner.calls == ["reset", "power_off"]
    assert chip.report().resets == 1


def test_an_identity_is_read_as_without_a_clock() -> None:
    chip = TimedChip(ready_card("3.0"), ROUND, algorithm=Algorithm.SM4)
    flow = read_identity(chip.power_on(), rng=lambda n: bytes(range(n)), today=dt.date(2026, 1, 15), forms=FormMemory())
    wire = get_response(lambda commands: [chip.process(command) for command in commands], strip_le=True)
    reading = run(flow, executor(wire), DevelopmentCustodian(development_mode=True).answer)
    report = chip.report()
    assert reading.version == "3.0"
    assert report.apdus == 6
    assert report.crypto_seconds == pytest.approx(4 * 0.01)  # internal and external authentication
    assert report.eeprom_seconds == 0
    # every character of the exchange, each once
    assert report.wire_seconds == pytest.approx((report.sent + report.received) * 12 * ETU)
