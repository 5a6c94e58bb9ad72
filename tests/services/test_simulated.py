import pytest

from apdu.pinpad import PinEntry, PinPad, has_pad
from services.config import ConfigError
from services.simulated import simulated_readers
from simulator.people import ready_card


def test_every_name_gets_a_reader_with_its_card() -> None:
    readers = simulated_readers(["3.0", "2.0"])
    names = [state.name for state in readers.states()]
    assert names == ["Software reader 01 (3.0)", "Software reader 02 (2.0)"]
    assert [state.atr for state in readers.states()] == [ready_card("3.0").atr, ready_card("2.0").atr]


def test_cards_of_one_name_have_serial_numbers_of_their_own() -> None:
    readers = simulated_readers(["2.0", "2.0", "2.0"])
    assert len({state.atr for state in readers.states()}) == 3


def test_blank_chips_are_to_be_had_too_each_with_its_number() -> None:
    first, second = simulated_readers(["blank-t514", "blank-fmcos"]).states()
    assert first.atr == bytes.fromhex("3B6D000000814A4400866099000000 0000")
    assert second.atr == bytes.fromhex("3B6D000000814A4400866099000000 0001")


def test_a_name_without_a_card_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no software card '9\.9'; there are 1\.0, 2\.0, 3\.0.*blank-t514"):
        simulated_readers(["9.9"])


def test_with_pad_behind_a_name_the_reader_has_a_pin_pad_and_somebody_who_types() -> None:
    readers = simulated_readers(["2.0+pad", "2.0"])
    with_pad, without = (state.name for state in readers.states())
    assert (with_pad, without) == ("Software reader 01 (2.0+pad)", "Software reader 02 (2.0)")
    assert not has_pad(readers.connect(without))
    connection = readers.connect(with_pad)
    connection.transmit([bytes.fromhex("00A404000F7378312E73682EC9E7BBE1B1A3D5CF")])
    assert PinPad(connection).enter(PinEntry(bytes.fromhex("00200000"))).sw == 0x9000


@pytest.mark.parametrize("name", ["blank-t514+pad", "2.0+pad+pad", "+pad"])
def test_a_pad_is_only_where_there_is_a_pin(name: str) -> None:
    with pytest.raises(ConfigError, match="no software card"):
        simulated_readers([name])
