"""A whole purchase between a ready-made card and the ready-made PSAM, each given what the other answered [S2.9 §9.9].

The terminal computes nothing: card and PSAM have their keys from the same roots, and each checks the other's MAC.
"""

from collections.abc import Callable

import pytest

from cardlib.crypto import Algorithm
from cardlib.psam import ENVIRONMENTS
from simulator.card import SoftwareCard
from simulator.people import ready_card
from simulator.psam.ready import ready_psam

Talk = Callable[[str], str]

MEDICAL = "D15600000503"
PARTS = "".join(f"{amount:08X}" for amount in (1000, 250, 30))
"""Fen from the account, paid by the holder, by the pooled fund."""
MOMENT = "20240102030405"
TERMINAL = "990000004711"
CARDS = {Algorithm.DES: ("2.0", "00"), Algorithm.SM4: ("3.0", "03")}
"""Which ready-made card, and the algorithm byte of its key records; the FCI's 01 and 03 are another table."""


def talker(chip: SoftwareCard) -> Talk:
    """Sends hexadecimal, and fetches what waits: with Le 00 first, then with the Le that 6Cxx names."""

    def talk(command: str) -> str:
        answer = chip.process(bytes.fromhex(command))
        if answer[0] != 0x61:
            return answer.hex().upper()
        size = answer[1]
        assert chip.process(bytes.fromhex("00C0000000")) == bytes((0x6C, size))
        return chip.process(bytes((0, 0xC0, 0, 0, size))).hex().upper()

    return talk


class Counter:
    """A card in its medical application, its PIN verified; a PSAM in its application; and what passes between them."""

    def __init__(self, algorithm: Algorithm, psam: SoftwareCard, *, t0: bool) -> None:
        name, self.code = CARDS[algorithm]
        self.le = "" if t0 else "00"
        self.chip = ready_card(name, t0=t0)
        self.card, self.psam = talker(self.chip), talker(psam)
        self.factor = self.chip.power_on()[-8:].hex()
        psam.power_on()
        environment = ENVIRONMENTS[algorithm][1].hex()
        for say, command in (
            (self.card, f"00A404000F{ENVIRONMENTS[Algorithm.DES][1].hex()}"),
            (self.card, f"00A4040006{MEDICAL}"),
            (self.card, "0020000003123456"),
            (self.psam, f"00A404000F{environment}"),
            (self.psam, "00A4000002DF01"),
        ):
            assert say(command).endswith("9000"), command
        self.opening = self.balance()

    def balance(self) -> int:
        return int(self.card("B026000104").removesuffix("9000"), 16)

    def begin(self, terminal: str = TERMINAL) -> str:
        """B0 28: balance ‖ totals ‖ year ‖ counter ‖ key version ‖ algorithm ‖ random, 22 bytes [S2.7 §12]."""
        answer = self.card(f"B02801011301{PARTS}{terminal}{self.le}")
        assert (len(answer), answer[44:]) == (48, "9000")
        return answer[:44]

    def initialise(self, answer: str) -> str:
        """80 70 with the card's fields as they came, version and algorithm at 1A and 1B: number ‖ MAC1.

        The purchase keys of the test PSAM are a city's: the card's factor is all that they want [S2.9 annex B].
        """
        counter, described, random = answer[28:32], answer[32:36], answer[36:44]
        data = random + counter + PARTS + "32" + MOMENT + described + self.factor
        assert data[2 * 0x1A : 2 * 0x1C] == described
        found = self.psam(f"8070010024{data}{self.le}")
        assert (len(found), found[16:]) == (20, "9000"), found
        return found[:16]

    def debit(self, number_and_mac: str) -> str:
        """B0 2C: TAC ‖ MAC2, or a refusal."""
        return self.card(f"B02C01000F{number_and_mac[:8]}{MOMENT}{number_and_mac[8:]}{self.le}")

    def credit(self, mac2: str) -> str:
        return self.psam(f"8072000004{mac2}")


@pytest.fixture(params=[False, True], ids=["whole answers", "T=0"])
def counter(request, algorithm) -> Counter:
    t0 = request.param
    return Counter(algorithm, SoftwareCard(ready_psam(terminal=TERMINAL), t0=t0), t0=t0)


def test_a_purchase(counter):
    answer = counter.begin()
    assert answer[32:36] == "01" + counter.code
    number_and_mac = counter.initialise(answer)
    assert number_and_mac[:8] == "00000001"
    paid = counter.debit(number_and_mac)
    assert (len(paid), paid[16:]) == (20, "9000")
    assert counter.credit(paid[8:16]) == "9000"
    assert counter.balance() == counter.opening - 1000


def test_the_next_one_has_the_next_numbers(counter):
    first = counter.begin()
    counter.credit(counter.debit(counter.initialise(first))[8:16])
    second = counter.begin()
    assert int(second[28:32], 16) == int(first[28:32], 16) + 1
    number_and_mac = counter.initialise(second)
    assert number_and_mac[:8] == "00000002"
    assert counter.credit(counter.debit(number_and_mac)[8:16]) == "9000"


def test_a_wrong_mac2_is_9302_and_the_right_one_comes_too_late(counter):
    mac2 = counter.debit(counter.initialise(counter.begin()))[8:16]
    assert counter.credit(f"{int(mac2, 16) ^ 1:08X}") == "9302"
    assert counter.credit(mac2) == "6901"


def test_a_wrong_mac1_is_9302_and_nothing_is_paid(counter):
    number_and_mac = counter.initialise(counter.begin())
    assert counter.debit(f"{int(number_and_mac, 16) ^ 1:016X}") == "9302"
    assert counter.balance() == counter.opening


def test_the_terminal_number_is_the_one_in_the_psam_s_memory(counter):
    """The card is told a number by the terminal; the PSAM's MAC1 is over its own, in EF 0016."""
    number_and_mac = counter.initialise(counter.begin(terminal="990000004712"))
    assert counter.debit(number_and_mac) == "9302"
    counter.psam("00A40000023F00")
    assert counter.psam("00B0960006") == TERMINAL + "9000"
    assert counter.balance() == counter.opening


def test_a_right_le_at_last_keeps_the_transaction_and_any_other_command_ends_it():
    """Byte by byte: 61xx, Le 00, 6C16, Le 16, and only then B0 2C."""
    at = Counter(Algorithm.DES, SoftwareCard(ready_psam(terminal=TERMINAL)), t0=True)

    def raw(command: str) -> str:
        return at.chip.process(bytes.fromhex(command)).hex().upper()

    for between, sw in (("", "6108"), ("0084000004", "6901")):
        assert raw(f"B02801011301{PARTS}{TERMINAL}") == "6116"
        assert raw("00C0000000") == "6C16"
        answer = raw("00C0000016")
        assert answer.endswith("9000")
        number_and_mac = at.initialise(answer[:-4])
        if between:
            raw(between)
        assert raw(f"B02C01000F{number_and_mac[:8]}{MOMENT}{number_and_mac[8:]}") == sw
