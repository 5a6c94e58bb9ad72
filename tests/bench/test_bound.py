"""Making a card takes hardly more than no builder could leave out; counts are the same in every run."""

from collections import Counter

import pytest

from apdu.command import CommandAPDU
from apdu.transport.inprocess import Chip
from bench.bound import Part, t0_bytes
from bench.issuance import PREMADE, SUITES, blank, given_a_holder, made, order_for
from cardlib.cos.encoders import ENCODERS
from cardlib.crypto import Algorithm
from simulator.memory.eeprom import Eeprom, eeprom_of

MOST = 1.10
MOST_TRIPS = 3

KINDS = [(cos, suite) for cos in ENCODERS for suite in SUITES]


class Listening:
    """A chip, and what was sent to it, by name."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self.heard: Counter[str] = Counter()

    @property
    def eeprom(self) -> Eeprom | None:
        return eeprom_of(self._chip)

    def power_on(self) -> bytes:
        return self._chip.power_on()

    def reset(self) -> bytes:
        return self._chip.reset()

    def power_off(self) -> None:
        self._chip.power_off()

    def process(self, command: bytes) -> bytes:
        self.heard[CommandAPDU.from_bytes(command).name] += 1
        return self._chip.process(command)


@pytest.mark.parametrize(("cos", "suite"), KINDS)
def test_making_a_card_stays_near_the_bound(cos: str, suite: Algorithm) -> None:
    order = order_for(cos, suite)
    station, bound = made(order, blank(order))
    assert bound.commands.total() <= station.total.commands <= MOST * bound.commands.total()
    assert bound.size.total() <= station.total.size <= MOST * bound.size.total()


@pytest.mark.parametrize(("cos", "suite"), KINDS)
def test_the_bound_asks_for_nothing_that_the_flow_does_not_do(cos: str, suite: Algorithm) -> None:
    order = order_for(cos, suite)
    chip = Listening(blank(order))
    station, bound = made(order, chip)
    assert {name: count for name, count in bound.by_name.items() if count > chip.heard[name]} == {}
    assert all(bound.commands[part] <= station.spent[part].commands for part in Part)
    assert all(bound.size[part] <= station.spent[part].size for part in Part)
    assert sum(chip.heard.values()) - chip.heard["GET RESPONSE"] == station.total.commands


@pytest.mark.parametrize(
    ("command", "size"),
    [
        pytest.param("80E00200", 5 + 2, id="case 1"),
        pytest.param("0084000008", 5 + 1 + 8 + 2, id="case 2"),
        pytest.param("00B2012D00", 5 + 1 + 256 + 2, id="case 2, all that fits"),
        pytest.param("00A40000023F00", 5 + 1 + 2 + 2, id="case 3"),
        pytest.param("0088000010" + "00" * 16 + "08", (5 + 1 + 16 + 2) + (5 + 1 + 8 + 2), id="case 4"),
    ],
)
def test_bytes_are_those_of_t0(command: str, size: int) -> None:
    assert t0_bytes(CommandAPDU.from_bytes(bytes.fromhex(command))) == size


@pytest.mark.parametrize("cos", ENCODERS)
@pytest.mark.parametrize(("version", "suite"), PREMADE)
def test_a_pre_made_card_gets_its_holder_in_three_trips(cos: str, version: str, suite: Algorithm) -> None:
    spent = given_a_holder(order_for(cos, suite, version)).total
    assert 0 < spent.scripts <= MOST_TRIPS
    assert 0 < spent.requests <= MOST_TRIPS
