"""What a store remembers of its memory is what is in memory, also after recoveries that were cut off themselves."""

import pytest

from apdu import Secret
from simulator.dialects.t514 import T514
from simulator.files import Directory, Kind
from simulator.memory.eeprom import Cut, CutMoment, Eeprom, PowerLostError
from simulator.memory.store import Store


def shape(store: Store) -> list[tuple[int, list[int]]]:
    """FIDs of the directories and of the files in each."""
    return [(path[-1].fid, [file.fid for file in path[-1].files]) for path in root_of(store).walk()]


def root_of(store: Store) -> Directory:
    assert store.root is not None
    return store.root


def new_store(*, sloppy: bool = False) -> Store:
    blank = T514.blank(historical_bytes=bytes(13), serial=bytes(8), transport_key=Secret(bytes(16)))
    store = Store(Eeprom(blank.content), T514, sloppy=sloppy)
    store.create(None, Kind.DIRECTORY, 0x3F00, parameters=bytes(16))
    store.create(root_of(store), Kind.LINEAR, 0xEF05, sfi=5, size=20, parameters=bytes(16))
    store.commit()
    return store


def build(store: Store) -> None:
    """One command's work: a file more, looked at before it is confirmed."""
    store.create(root_of(store), Kind.LINEAR, 0xEF06, sfi=6, size=20, parameters=bytes(16))
    assert [file.fid for file in root_of(store).files] == [0xEF05, 0xEF06]
    store.commit()


def writes_of(store: Store) -> int:
    before = store.eeprom.writes
    build(store)
    return store.eeprom.writes - before


WRITES = writes_of(new_store())


@pytest.mark.parametrize("second", range(1, 6))
@pytest.mark.parametrize("moment", CutMoment)
@pytest.mark.parametrize("first", range(1, WRITES + 1))
def test_a_recovery_that_is_cut_off_leaves_no_wrong_memory(first: int, moment: CutMoment, second: int) -> None:
    store = new_store()
    before = shape(store)
    store.eeprom.arm(Cut(first, moment))
    with pytest.raises(PowerLostError):
        build(store)
    store.eeprom.arm(Cut(second, CutMoment.AFTER))
    try:
        store.recover()
    except PowerLostError:
        store.recover()
    store.eeprom.arm(None)
    assert shape(store) == shape(Store(store.eeprom, T514))
    assert shape(store) == before or (first, moment) == (WRITES, CutMoment.AFTER)
    if shape(store) == before:
        build(store)
    assert shape(Store(Eeprom(store.eeprom.content), T514)) == shape(store) != before


@pytest.mark.parametrize("first", range(1, writes_of(new_store(sloppy=True)) + 1))
def test_without_a_journal_too_memory_is_looked_at_anew(first: int) -> None:
    store = new_store(sloppy=True)
    store.eeprom.arm(Cut(first, CutMoment.AFTER))
    with pytest.raises(PowerLostError):
        build(store)
    store.recover()
    assert shape(store) == shape(Store(store.eeprom, T514))
