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
from simulator.faults import Delay, Fault, FaultyChip, Mute, PowerCut
from simulator.memory.eeprom import Eeprom
from simulator.people import ready_card
from simulator.timing import Report, TimedChip, TimingProfile

ETU = 1 / 9600
ROUND = TimingProfile(page_seconds=0.004, des_seconds=0.001, sm4_seconds=0.01)


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


class Writing(Told):
    """A chip that writes so many pages at each command, and as many at a reset."""

    def __init__(self, *pages: int, at_reset: int = 0) -> None:
        super().__init__(*["9000"] * len(pages))
        self.eeprom = Eeprom()
        self.pages = list(pages)
        self.at_reset = at_reset
        self._write(7)  # before anybody counts

    def power_on(self) -> bytes:
        self._write(self.at_reset)
        return super().power_on()

    def process(self, command: bytes) -> bytes:
        self._write(self.pages.pop(0))
        return super().process(command)

    def _write(self, pages: int) -> None:
        for _ in range(pages):
            self.eeprom.write(0, bytes((self.eeprom.writes % 255,)))


def test_each_page_that_is_written_takes_its_time() -> None:
    chip = TimedChip(Writing(2, 0, 5, at_reset=3), ROUND)
    chip.power_on()
    assert chip.report().eeprom_seconds == pytest.approx(3 * 0.004)
    for _ in range(3):
        chip.process(bytes.fromhex("00DC010402AABB"))
    report = chip.report()
    assert report.eeprom_writes == 10
    assert report.eeprom_seconds == pytest.approx(10 * 0.004)


def test_recovery_after_a_power_cut_takes_its_time() -> None:
    card = ready_card("2.0")
    chip = TimedChip(FaultyChip(card, [Fault(effect=PowerCut(2, stays=True), instruction=0x20)], remove=int), ROUND)
    assert chip.eeprom is card.eeprom
    chip.power_on()
    chip.process(bytes.fromhex("00A404000F7378312E73682EC9E7BBE1B1A3D5CF"))
    assert chip.process(bytes.fromhex("0020000003999999")) == b""
    cut_off = chip.report().eeprom_writes
    assert cut_off == 2
    assert chip.power_on()
    assert chip.report().eeprom_writes == card.eeprom.writes > cut_off
    assert chip.report().eeprom_seconds == pytest.approx(card.eeprom.writes * 0.004)


# Numbers of single operations, counted by hand. Session key of a card's key: 3DES; of an STK: DES. MACs run over what
# is said and the padding, so 21 bytes are 3 blocks of 8, or 2 of 16.
@pytest.mark.parametrize(
    ("command", "answer", "des", "sm4"),
    [
        ("0088000010" + "00" * 16, "6108", 3 + 1, 1 + 1),
        ("0082000A10" + "00" * 16, "63C2", 3 + 1, 1 + 1),
        ("0082000A10" + "00" * 16, "6984", 0, 0),
        ("04D6000014" + "00" * 20, "9000", 1 + 3, 1 + 2),
        ("04D6000014" + "00" * 20, "6988", 1 + 3, 1 + 2),
        ("04D6000014" + "00" * 20, "6982", 0, 0),
        ("00D6000014" + "00" * 20, "9000", 0, 0),
        ("8416000004" + "00" * 4, "9000", 1 + 1, 1 + 1),
        ("841E000104" + "00" * 4, "6988", 1 + 1, 1 + 1),
        # 5 + 16 bytes under the MAC; 16 bytes of an encrypted PIN, which nobody decrypts before the MAC is right
        ("8424000114" + "00" * 20, "9000", 1 + 3 + 2, 1 + 2 + 1),
        ("8424000114" + "00" * 20, "6A80", 1 + 3 + 2, 1 + 2 + 1),
        ("8424000114" + "00" * 20, "6988", 1 + 3, 1 + 2),
        ("8424000004" + "00" * 4, "9000", 1 + 1, 1 + 1),
        # 32 bytes of key record by 3DES; 37 under the MAC: 5 blocks, of which the last by 3DES
        ("84D4000024" + "00" * 36, "9000", 4 + 3 + 4 * 3, 3 + 2),
        ("84D4000024" + "00" * 36, "6988", 4 + 3, 3),
        ("80D4000018" + "00" * 24, "9000", 0, 0),
        # load: 15 bytes; 18, then 24; purchase: 26, then 12 and 30
        ("B02800010B" + "00" * 11, "6110", 3 + 2, 1 + 1),
        ("B028010113" + "00" * 19, "6118", 0, 0),
        ("B02A00000B" + "00" * 11, "6104", 3 + 3 + 4, 1 + 2 + 2),
        ("B02A00000B" + "00" * 11, "9302", 3 + 3, 1 + 2),
        ("B02C01000F" + "00" * 15, "6108", 3 + 4 + 2 + 4, 1 + 2 + 1 + 2),
        ("B02C01000F" + "00" * 15, "9302", 3 + 4, 1 + 2),
        ("B02C01000F" + "00" * 15, "6901", 0, 0),
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
    # External authentication spends a try before it knows, and gives it back: note, counter, head of the journal.
    assert report.eeprom_writes == 2 * 3
    assert report.eeprom_seconds == pytest.approx(6 * 0.004)
    # every character of the exchange, each once
    assert report.wire_seconds == pytest.approx((report.sent + report.received) * 12 * ETU)
