"""What a store has room for; and files that come and go while power fails now and then."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from apdu import Secret
from simulator.command import SW, Refused
from simulator.files import Kind
from simulator.memory.eeprom import Cut, CutMoment, Eeprom, PowerLostError
from simulator.memory.heap import HEAP, MOST_LINEAR
from simulator.memory.layout import HEADER, LIVE, MAX_RECORDS, Block, body_size
from simulator.memory.store import Store
from simulator.memory.system import formatted

BLANK = formatted(1, bytes(13), bytes(8), Secret(bytes(16)), 3)
ROOT, CHILD = 0x3F00, 0xDF01


def place(store: Store, fid: int, of: int = ROOT):
    """The file or directory with this identifier, in the MF or in the directory ``of``."""
    (at,) = (path[-1] for path in store.root.walk() if path[-1].fid == of)
    return next(entry for entry in (*at.files, *at.directories) if entry.fid == fid)


def test_space_is_that_of_every_directory_above(open_store):
    store = open_store(BLANK)
    store.create(None, Kind.DIRECTORY, ROOT, space=4 * HEADER + 20)
    store.create(store.root, Kind.DIRECTORY, CHILD, space=2 * HEADER)
    with pytest.raises(Refused) as refused:  # 2 + 64 more than half of what is there
        store.create(place(store, CHILD), Kind.TRANSPARENT, 1, size=HEADER)
    assert refused.value.sw == SW.FILE_FULL
    store.create(place(store, CHILD), Kind.TRANSPARENT, 1, size=HEADER - 2)
    with pytest.raises(Refused):
        store.create(place(store, CHILD), Kind.DIRECTORY, 2)
    with pytest.raises(Refused):
        store.create(store.root, Kind.TRANSPARENT, 3, size=19)
    store.create(store.root, Kind.TRANSPARENT, 3, size=18)
    store.delete(place(store, 1, CHILD))
    store.create(store.root, Kind.TRANSPARENT, 4, size=HEADER - 2)


def test_records_have_numbers_up_to_254(open_store):
    store = open_store(BLANK)
    store.create(None, Kind.DIRECTORY, ROOT)
    store.create(store.root, Kind.LINEAR, 1, size=0x1000)
    file = place(store, 1)
    for index in range(MAX_RECORDS):
        store.write_record(file, index, b"\x01\x00")
        store.commit()
    with pytest.raises(Refused):
        store.write_record(file, MAX_RECORDS, b"\x01\x00")
    assert len(store.records(file)) == 254


def test_records_of_one_byte_stay_within_their_file(open_store):
    store = open_store(BLANK)
    store.create(None, Kind.DIRECTORY, ROOT)
    store.create(store.root, Kind.LINEAR, 1, size=10)
    store.create(store.root, Kind.LINEAR, 2, size=10)
    held = 0
    while held < 11:
        try:
            store.write_record(place(store, 1), held, b"\x01")
        except Refused:
            break
        held += 1
    assert 5 <= held < 11
    store.commit()
    fresh = open_store(store.eeprom.content)
    assert fresh.records(place(fresh, 1)) == (b"\x01",) * held
    assert fresh.records(place(fresh, 2)) == ()


def test_the_largest_linear_file_can_always_be_changed_and_a_larger_one_is_refused(open_store):
    store = open_store(BLANK)
    store.create(None, Kind.DIRECTORY, ROOT)
    with pytest.raises(Refused) as refused:
        store.create(store.root, Kind.LINEAR, 1, size=MOST_LINEAR + 1)
    assert refused.value.sw == SW.FILE_FULL
    store.create(store.root, Kind.LINEAR, 1, size=MOST_LINEAR)
    store.commit()
    size, rest = divmod(MOST_LINEAR, MAX_RECORDS)
    for index in range(MAX_RECORDS):
        store.write_record(place(store, 1), index, bytes((index,)) * (size + (index < rest)))
        store.commit()
    before = store.records(place(store, 1))
    store.write_record(place(store, 1), 0, b"\x55")
    store.commit()
    assert store.records(place(store, 1)) == (b"\x55", *before[1:])


def test_a_command_that_changes_more_than_can_be_undone_is_refused_and_changes_nothing(open_store):
    store = open_store(BLANK)
    store.create(None, Kind.DIRECTORY, ROOT)
    for fid in range(400):  # as many headers to delete, more than there are pages for notes
        store.create(store.root, Kind.TRANSPARENT, fid, size=1)
        store.commit()
    with pytest.raises(Refused) as refused:
        store.delete(store.root)
    store.undo()
    assert (refused.value.sw, len(store.root.files)) == (SW.MEMORY, 400)


def test_bytes_may_be_written_far_behind_the_last_of_a_large_file(open_store):
    store = open_store(BLANK)
    store.create(None, Kind.DIRECTORY, ROOT)
    store.create(store.root, Kind.TRANSPARENT, 1, size=0xC000)
    store.write_content(place(store, 1), 0xBFFF, b"\x55")
    store.commit()
    assert store.content(place(store, 1)) == bytes(0xBFFF) + b"\x55"


def test_what_a_deleted_file_held_is_never_taken_for_a_header(open_store):
    store = open_store(BLANK)
    store.create(None, Kind.DIRECTORY, ROOT)
    store.create(store.root, Kind.TRANSPARENT, 1, size=500)
    file, small = place(store, 1), body_size(Kind.TRANSPARENT, 10, 0)
    forged = Block(0, LIVE, Kind.TRANSPARENT, 0x66, HEADER + small, store.root.at, size=10).packed()
    store.write_content(file, small - 2, forged)  # behind the header and what the smaller file will take
    store.commit()
    store.delete(file)
    store.commit()
    assert store.create(store.root, Kind.TRANSPARENT, 2, size=10) == file.at
    store.commit()
    assert [found.fid for found in open_store(store.eeprom.content).root.files] == [2]


class StoreAgainstModel(RuleBasedStateMachine):
    """Files come and go, and their records; power fails now and then. Held against a dictionary."""

    open_store = None

    @initialize()
    def begin(self):
        self.store = type(self).open_store(Eeprom(BLANK, size=HEAP + 0x1000))
        self.store.create(None, Kind.DIRECTORY, ROOT)
        self.store.commit()
        self.model: dict[int, list[bytes]] = {}

    @rule(fid=st.integers(1, 6), size=st.sampled_from([4, 20, 20, 64]), kind=st.sampled_from([Kind.LINEAR, Kind.FIXED]))
    def create(self, fid, size, kind):
        if fid not in self.model:
            self.attempt(lambda: self.store.create(self.store.root, kind, fid, size=size, count=3), {fid: []})

    @rule(fid=st.integers(1, 6))
    def delete(self, fid):
        if fid in self.model:
            self.attempt(lambda: self.store.delete(place(self.store, fid)), {fid: None})

    @rule(fid=st.integers(1, 6), index=st.integers(0, 3), fill=st.binary(min_size=20, max_size=20))
    def write(self, fid, index, fill):
        held = self.model.get(fid)
        if held is None or index > len(held):
            return
        file = place(self.store, fid)
        data = (fill * 4)[: file.size] if file.kind is Kind.FIXED else fill[: 2 + fill[0] % 9]
        self.attempt(
            lambda: self.store.write_record(file, index, data), {fid: [*held[:index], data, *held[index + 1 :]]}
        )

    @rule(write=st.integers(1, 6), written=st.none() | st.integers(0, 8))
    def cut(self, write, written):
        self.store.eeprom.arm(Cut(write, CutMoment.DURING, written))

    def attempt(self, change, wanted):
        after = {fid: held for fid, held in (self.model | wanted).items() if held is not None}
        try:
            change()
            self.store.commit()
        except Refused:
            self.store.undo()
        except PowerLostError:
            self.store = type(self).open_store(Eeprom(self.store.eeprom.content, size=HEAP + 0x1000))
            if self.held() == after:  # the head's last byte was written before power failed
                self.model = after
        else:
            self.model = after
        assert self.held() == self.model

    def held(self):
        return {file.fid: list(self.store.records(file)) for file in self.store.root.files}


def test_files_come_and_go_as_in_a_dictionary(open_store):
    machine = type("Machine", (StoreAgainstModel,), {"open_store": staticmethod(open_store)})
    case = machine.TestCase
    case.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
    case().runTest()
