import pytest

from apdu import Secret
from simulator.command import SW, Refused
from simulator.credentials import SLOT, Key, KeyUse
from simulator.files import Directory, Kind
from simulator.memory.eeprom import Cut, CutMoment, Eeprom, PowerLostError
from simulator.memory.heap import HEAP
from simulator.memory.layout import HEADER, body_size
from simulator.memory.store import Store
from simulator.memory.system import LifeCycle, formatted

BLANK = formatted(1, bytes(13), bytes(8), Secret(bytes(16)), 3)
LINEAR, FIXED, CYCLIC, PLAIN, KEYS, AMOUNTS, ROOT, CHILD = 1, 2, 3, 4, 5, 6, 0x3F00, 0xDF01


def key(number: int, value: bytes, tries: int | None = 3) -> Key:
    return Key(KeyUse.EXTERNAL, 0x0D, number, 1, Secret(value), tries=tries)


def place(store: Store, fid: int, of: int = ROOT):
    """The file or directory with this identifier, in the MF or in the directory ``of``."""
    (at,) = (path[-1] for path in store.root.walk() if path[-1].fid == of)
    return next(entry for entry in (*at.files, *at.internal, *at.directories) if entry.fid == fid)


@pytest.fixture(scope="module")
def content(open_store) -> bytes:
    """An MF with a file of each kind, and a directory with one file."""
    store = open_store(BLANK)
    store.create(None, Kind.DIRECTORY, ROOT, name=b"ROOT!")
    for fid, kind, size, count in [
        (LINEAR, Kind.LINEAR, 120, 0),
        (FIXED, Kind.FIXED, 40, 4),
        (CYCLIC, Kind.CYCLIC, 40, 3),
        (PLAIN, Kind.TRANSPARENT, 300, 0),
        (KEYS, Kind.KEYS, SLOT, 3),
        (AMOUNTS, Kind.AMOUNTS, 40, 0),
    ]:
        store.create(store.root, kind, fid, sfi=fid, size=size, count=count)
    store.create(store.root, Kind.DIRECTORY, CHILD, name=b"CHILD")
    store.create(place(store, CHILD), Kind.LINEAR, LINEAR, sfi=1, size=30)
    store.commit()
    for index, size in enumerate((10, 40, 20)):
        store.write_record(place(store, LINEAR), index, bytes((index + 1,)) * size)
        store.write_record(place(store, FIXED), index, bytes((index + 1,)) * 40)
    store.write_record(place(store, LINEAR, CHILD), 0, b"\x07" * 30)
    for number in (1, 2):
        store.append_newest(place(store, CYCLIC), bytes((number,)) * 40)
    store.write_content(place(store, PLAIN), 0, bytes(range(100)))
    store.store_key(store.root, key(0, b"\x12\x34"))
    store.store_key(store.root, key(1, b"\x01" * 16, None))
    store.commit()
    return store.eeprom.content


def view(store: Store) -> object:
    """All that a chip holds, as plain values."""

    def shown(directory: Directory) -> object:
        files = []
        for file in (*directory.files, *directory.internal):
            if file.has_records:
                held = store.records(file)
            elif file.kind is Kind.TRANSPARENT:
                held = (store.content(file), store.written(file))
            elif file.kind is Kind.KEYS:
                held = tuple((one, store.tries_left(one), one.value.reveal()) for one in store.keys(file))
            else:
                held = store.eeprom.read(file.at + HEADER, file.size)
            files.append((file.at, file.kind, file.fid, file.sfi, file.size, file.count, held))
        inside = tuple(shown(one) for one in directory.directories)
        return directory.at, directory.fid, directory.name, directory.ended, directory.blocked, tuple(files), inside

    area = store.system
    return area.life_cycle, area.blocked, area.historical_bytes, area.transport_tries, store.root and shown(store.root)


def pin(store: Store) -> Key:
    return store.keys(store.root)[0]


def build_elsewhere(store: Store) -> None:
    store.delete(place(store, CHILD))
    store.commit()
    store.create(store.root, Kind.CYCLIC, 9, sfi=9, size=7, count=2)


CHANGES = {
    "a record, shorter": lambda store: store.write_record(place(store, LINEAR), 1, b"\x55" * 5),
    "a record, longer": lambda store: store.write_record(place(store, LINEAR), 0, b"\x55" * 45),
    "a record, as long": lambda store: store.write_record(place(store, LINEAR), 1, b"\x55" * 40),
    "a record, appended": lambda store: store.write_record(place(store, LINEAR), 3, b"\x55" * 45),
    "a fixed record": lambda store: store.write_record(place(store, FIXED), 1, b"\x55" * 40),
    "a fixed record, appended": lambda store: store.write_record(place(store, FIXED), 3, b"\x55" * 40),
    "a cyclic record": lambda store: store.append_newest(place(store, CYCLIC), b"\x55" * 40),
    "bytes": lambda store: store.write_content(place(store, PLAIN), 20, b"\x55" * 70),
    "bytes behind the last": lambda store: store.write_content(place(store, PLAIN), 90, b"\x55" * 70),
    "bytes far behind": lambda store: store.write_content(place(store, PLAIN), 200, b"\x55" * 70),
    "a new key": lambda store: store.store_key(store.root, key(7, b"\x77" * 16)),
    "a key replaced": lambda store: store.store_key(
        store.root, Key(KeyUse.EXTERNAL, 0x0D, 0, 2, Secret(b"\x77" * 16), tries=5, at=pin(store).at)
    ),
    "another PIN": lambda store: store.write_value(store.root, pin(store), Secret(b"\x65\x43\x21")),
    "no PIN": lambda store: store.write_value(store.root, pin(store), Secret(b"")),
    "a try spent": lambda store: store.write_tries(pin(store), 2),
    "amounts": lambda store: store.write(place(store, AMOUNTS).at + HEADER, b"\x55" * 40, guarded=True),
    "a new file": lambda store: store.create(store.root, Kind.FIXED, 9, sfi=9, size=5, count=9),
    "a new directory": lambda store: store.create(place(store, CHILD), Kind.DIRECTORY, 9, name=b"NINTH"),
    "a file deleted": lambda store: store.delete(place(store, CYCLIC)),
    "a directory deleted": lambda store: store.delete(place(store, CHILD)),
    "everything deleted": lambda store: store.delete(store.root),
    "an end": lambda store: store.end(place(store, CHILD)),
    "a block": lambda store: store.block(place(store, CHILD)),
    "a blocked card": lambda store: store.block_card(),
    "a life that goes on": lambda store: store.set_life_cycle(LifeCycle.ISSUED),
    "historical bytes": lambda store: store.set_historical_bytes(b"\x55" * 15),
    "a try of the transport key": lambda store: store.set_transport_tries(1),
    "several at once": lambda store: [
        store.write_record(place(store, LINEAR), 0, b"\x55" * 45),
        store.append_newest(place(store, CYCLIC), b"\x55" * 40),
        store.write_tries(pin(store), 1),
        store.delete(place(store, FIXED)),
        store.create(store.root, Kind.LINEAR, 9, sfi=9, size=50),
    ],
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_there_altogether_or_not_at_all_wherever_power_fails(content, every_cut, open_store, name):
    def act(eeprom: Eeprom) -> None:
        store = open_store(eeprom)
        CHANGES[name](store)
        store.commit()

    whole = Eeprom(content)
    act(whole)
    before, after = view(open_store(content)), view(open_store(whole))
    assert before != after
    seen = [(cut, view(open_store(held))) for cut, held in every_cut(content, act)]
    assert {repr(found) for _, found in seen} == {repr(before), repr(after)}
    assert [cut for cut, found in seen if found == after] == [Cut(whole.writes, CutMoment.AFTER)]


@pytest.mark.parametrize("name", ["a record, longer", "a directory deleted", "several at once"])
def test_recovery_of_a_store_may_be_cut_off(content, every_cut, open_store, name):
    def act(eeprom: Eeprom) -> None:
        store = open_store(eeprom)
        CHANGES[name](store)
        store.commit()

    before = view(open_store(content))
    points = 0
    for cut, held in every_cut(content, act):
        for _, again in every_cut(held, open_store):
            points += 1
            assert view(open_store(again)) == before, cut
    assert points > 100


def test_one_store_goes_on_after_power_failed(content, open_store):
    """What it remembers of its files is what memory holds, also when it is the same store that was cut off."""

    def confirmed(store: Store) -> None:
        CHANGES["several at once"](store)
        store.commit()

    whole = open_store(content)
    confirmed(whole)
    for write in range(1, whole.eeprom.writes + 1):
        store = open_store(content)
        before = view(store)
        store.eeprom.arm(Cut(write))
        with pytest.raises(PowerLostError):
            confirmed(store)
        store.recover()
        assert view(store) == before
        confirmed(store)
        assert view(store) == view(open_store(store.eeprom.content)) == view(whole)


@pytest.mark.parametrize("name", CHANGES)
def test_undoing_leaves_nothing(content, name, open_store):
    store = open_store(content)
    before = view(store)
    CHANGES[name](store)
    store.undo()
    assert view(store) == before
    assert view(open_store(store.eeprom.content)) == before


def test_what_is_built_in_the_place_of_something_deleted_is_whole_or_not_there(content, every_cut, open_store):
    def act(eeprom: Eeprom) -> None:
        store = open_store(eeprom)
        build_elsewhere(store)
        store.commit()

    whole = Eeprom(content)
    act(whole)
    deleted = open_store(content)
    deleted.delete(place(deleted, CHILD))
    states = {repr(view(open_store(content))), repr(view(deleted)), repr(view(open_store(whole)))}
    assert len(states) == 3
    assert {repr(view(open_store(held))) for _, held in every_cut(content, act)} == states


def test_deleted_space_is_used_again(content, open_store):
    store = open_store(content)
    file, last = place(store, CYCLIC), place(store, LINEAR, CHILD)
    store.delete(file)
    store.commit()
    assert store.create(store.root, Kind.CYCLIC, 9, sfi=9, size=40, count=3) == file.at
    assert store.records(place(store, 9)) == ()
    assert store.create(store.root, Kind.LINEAR, 10, sfi=10, size=8) > last.at
    store.commit()
    store.delete(store.root)
    store.commit()
    assert store.create(None, Kind.DIRECTORY, ROOT) == HEAP
    store.commit()
    assert (store.root.files, store.root.directories) == ((), ())
    assert open_store(store.eeprom.content).root.files == ()


@pytest.mark.parametrize("kind", [Kind.LINEAR, Kind.FIXED, Kind.CYCLIC, Kind.TRANSPARENT, Kind.KEYS, Kind.AMOUNTS])
def test_a_new_file_is_empty_whatever_lay_there(content, kind, open_store):
    store = open_store(content[:HEAP] + b"\xa5" * 0x3000)
    store.eeprom.write(HEAP, b"\xff")
    store.create(None, Kind.DIRECTORY, ROOT)
    size = SLOT if kind is Kind.KEYS else 30
    store.create(store.root, kind, 1, sfi=1, size=size, count=4)
    file = place(store, 1)
    assert store.keys(file) == () if kind is Kind.KEYS else True
    if kind is Kind.TRANSPARENT:
        store.write_content(file, 20, b"\x01")
        assert store.content(file) == bytes(20) + b"\x01" + bytes(9)
    elif kind is Kind.AMOUNTS:
        assert store.eeprom.read(file.at + HEADER, 30) == bytes(30)
    elif kind is not Kind.KEYS:
        assert store.records(file) == ()
    store.create(store.root, Kind.LINEAR, 2, size=1)
    assert [found.fid for found in (*store.root.files, *store.root.internal)].count(2) == 1


def test_memory_comes_to_an_end(content, open_store):
    last = place(open_store(content), LINEAR, CHILD)
    end = last.at + HEADER + body_size(last.kind, last.size, last.count)
    store = open_store(Eeprom(content, size=end + HEADER + body_size(Kind.TRANSPARENT, 8, 0)))
    before = view(store)
    with pytest.raises(Refused) as refused:
        store.create(store.root, Kind.TRANSPARENT, 9, size=9)
    assert refused.value.sw == SW.FILE_FULL
    assert (view(store), store.eeprom.content) == (before, content)
    store.create(store.root, Kind.TRANSPARENT, 9, size=8)
    with pytest.raises(Refused):
        store.create(store.root, Kind.DIRECTORY, 10)


@pytest.mark.parametrize(
    ("fid", "index", "size"),
    [(LINEAR, 3, 51), (LINEAR, 0, 61), (FIXED, 4, 40)],
    ids=["no room to append", "no room to grow", "as many as there can be"],
)
def test_a_file_that_cannot_hold_a_record_stays_as_it_is(content, fid, index, size, open_store):
    store = open_store(content)
    if fid == FIXED:
        store.write_record(place(store, FIXED), 3, bytes(40))
        store.commit()
    before = view(store)
    with pytest.raises(Refused) as refused:
        store.write_record(place(store, fid), index, bytes(size))
    assert (refused.value.sw, view(store)) == (SW.FILE_FULL, before)


def test_keys_take_the_slots_there_are(content, open_store):
    store = open_store(content)
    store.store_key(store.root, key(2, b"\x02" * 16))
    with pytest.raises(Refused) as refused:
        store.store_key(store.root, key(3, b"\x03" * 16))
    assert refused.value.sw == SW.FILE_FULL
    with pytest.raises(Refused) as refused:
        store.store_key(place(store, CHILD), key(3, b"\x03" * 16))
    assert refused.value.sw == SW.FILE_NOT_FOUND
    assert [(one.id, store.tries_left(one)) for one in store.keys(store.root)] == [(0, 3), (1, None), (2, 3)]
    assert store.keys(place(store, CHILD)) == ()


SLOPPY_CONTENTS = ["a record, longer", "a fixed record", "a cyclic record", "bytes", "a key replaced", "another PIN"]
GUARDED = [
    "a try spent",
    "amounts",
    "a new file",
    "a new directory",
    "a directory deleted",
    "everything deleted",
    "an end",
    "a block",
    "a blocked card",
    "a life that goes on",
    "historical bytes",
    "a try of the transport key",
]


def sloppily(content, every_cut, open_store, name):
    """What a sloppy chip has after each cut, and before and after the change."""

    def act(eeprom: Eeprom) -> None:
        store = open_store(eeprom, sloppy=True)
        CHANGES[name](store)
        store.commit()

    whole = Eeprom(content)
    act(whole)
    ends = {repr(view(open_store(content))), repr(view(open_store(whole)))}
    return ends, {repr(view(open_store(held, sloppy=True))) for _, held in every_cut(content, act)}


@pytest.mark.parametrize("name", SLOPPY_CONTENTS)
def test_a_sloppy_chip_leaves_torn_files_and_keys(content, every_cut, open_store, name):
    ends, found = sloppily(content, every_cut, open_store, name)
    assert found - ends


@pytest.mark.parametrize("name", GUARDED)
def test_what_keeps_a_sloppy_chip_alive_is_whole(content, every_cut, open_store, name):
    ends, found = sloppily(content, every_cut, open_store, name)
    assert found == ends


def test_guarded_writes_of_a_sloppy_chip_are_all_or_nothing(content, every_cut, open_store):
    def act(eeprom: Eeprom) -> None:
        store = open_store(eeprom, sloppy=True)
        store.write(place(store, AMOUNTS).at + HEADER, b"\x55" * 40, guarded=True)
        store.append_newest(place(store, CYCLIC), b"\x55" * 40, guarded=True)
        store.write_content(place(store, PLAIN), 90, b"\x55" * 40, guarded=True)
        store.commit()

    whole = Eeprom(content)
    act(whole)
    ends = {repr(view(open_store(content))), repr(view(open_store(whole)))}
    assert {repr(view(open_store(held, sloppy=True))) for _, held in every_cut(content, act)} == ends
