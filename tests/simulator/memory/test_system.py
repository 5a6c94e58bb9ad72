import pytest

from apdu import Secret
from simulator.memory.eeprom import Eeprom
from simulator.memory.system import (
    BLOCKED_AT,
    FORMAT,
    HISTORICAL_AT,
    LIFE_CYCLE_AT,
    TRANSPORT_TRIES_AT,
    LifeCycle,
    SystemArea,
    formatted,
)

KEY = Secret(bytes(range(16)))
HISTORICAL = bytes.fromhex("00814A444686609900DEADBEEF")
SERIAL = bytes.fromhex("0123456789ABCDEF")


def area(historical: bytes = HISTORICAL) -> SystemArea:
    return SystemArea(Eeprom(formatted(7, historical, SERIAL, KEY, 5)))


def test_a_chip_from_the_factory_says_what_it_was_given():
    chip = area()
    assert chip.formatted
    assert (chip.dialect, chip.life_cycle, chip.blocked) == (7, LifeCycle.BLANK, False)
    assert (chip.historical_bytes, chip.serial, chip.transport_key) == (HISTORICAL, SERIAL, KEY)
    assert (chip.transport_tries, chip.transport_tries_most) == (5, 5)
    assert "000102" not in repr(chip.transport_key)


# T0 by hand: TB1 and TC1 present (6), number of historical bytes [S2.2 §8].
@pytest.mark.parametrize(
    ("historical", "atr"),
    [("", "3B600000"), ("00", "3B61000000"), ("00814A444686609900DEADBEEF", "3B6D000000814A444686609900DEADBEEF")],
)
def test_the_answer_to_reset_announces_t0_and_the_historical_bytes(historical, atr):
    assert area(bytes.fromhex(historical)).atr == bytes.fromhex(atr)


def test_the_places_are_those_of_what_is_read():
    eeprom = Eeprom(formatted(7, HISTORICAL, SERIAL, KEY, 5))
    for at, data in [
        (LIFE_CYCLE_AT, bytes((LifeCycle.ISSUED,))),
        (BLOCKED_AT, b"\x01"),
        (HISTORICAL_AT, b"\x02\xaa\xbb"),
        (TRANSPORT_TRIES_AT, b"\x04"),
    ]:
        eeprom.write(at, data)
    chip = SystemArea(eeprom)
    assert (chip.life_cycle, chip.blocked, chip.historical_bytes) == (LifeCycle.ISSUED, True, b"\xaa\xbb")
    assert (chip.transport_tries, chip.transport_tries_most) == (4, 5)
    assert (chip.dialect, chip.serial, chip.transport_key) == (7, SERIAL, KEY)


@pytest.mark.parametrize(
    ("historical", "serial", "key"),
    [(bytes(16), SERIAL, KEY), (HISTORICAL, bytes(7), KEY), (HISTORICAL, SERIAL, Secret(bytes(8)))],
    ids=["16 historical bytes", "a serial number of 7", "a key of 8"],
)
def test_what_does_not_fit_is_refused(historical, serial, key):
    with pytest.raises(ValueError, match="15 historical bytes"):
        formatted(7, historical, serial, key, 5)


@pytest.mark.parametrize("content", [b"", bytes(64), b"\xff" * 64, FORMAT[:3], FORMAT[:3] + b"\x02"])
def test_other_bytes_are_no_chip(content):
    assert not SystemArea(Eeprom(content)).formatted
