"""What files hold after any order of updates, held against plain lists."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from simulator.card import SoftwareCard
from simulator.dialects.t514 import T514
from simulator.memory.store import Store

TAGS = (0x0A, 0x0B, 0x0C)
SPACE = 13
CAPACITY = 3


class FilesAgainstModel(RuleBasedStateMachine):
    """EF0B is linear, EF0D cyclic, EF07 transparent; all of them may be read and updated by everybody."""

    make_terminal = None

    @initialize()
    def insert(self):
        self.card = type(self).make_terminal(t0=False)
        self.card.select_ssse()
        self.linear = [bytes.fromhex(record) for record in ("0A01A1", "0B01B1", "0A01A2")]
        self.cyclic = [b"\xd2\xd2", b"\xd1\xd1"]
        self.bytes = bytearray(range(256)) + b"\x5a" * 44

    @rule(number=st.integers(1, 6), tag=st.sampled_from(TAGS), value=st.binary(max_size=6))
    def update_by_number(self, number, tag, value):
        record = bytes((tag, len(value))) + value
        changed = [*self.linear[: number - 1], record, *self.linear[number:]]
        answer = self.card(f"00DC{number:02X}5C{len(record):02X}{record.hex()}")
        if number > len(self.linear) + 1:
            assert answer == "6A83"
        elif len(b"".join(changed)) > SPACE:
            assert answer == "6A84"
        else:
            assert answer == "9000"
            self.linear = changed

    @rule(tag=st.sampled_from(TAGS), value=st.binary(max_size=3), last=st.booleans())
    def update_by_tag(self, tag, value, last):
        record = bytes((tag, len(value))) + value
        tags = [held[0] for held in self.linear]
        places = [index for index, held in enumerate(tags) if held == tag] or [len(tags)]
        index = places[-1 if last else 0]
        changed = [*self.linear[:index], record, *self.linear[index + 1 :]]
        fits = len(b"".join(changed)) <= SPACE
        answer = self.card(f"00DC{tag:02X}{0x58 | last:02X}{len(record):02X}{record.hex()}")
        assert answer == ("9000" if fits else "6A84")
        if fits:
            self.linear = changed

    @rule(record=st.binary(min_size=1, max_size=3))
    def append(self, record):
        answer = self.card(f"00DC006B{len(record):02X}{record.hex()}")
        assert answer == ("9000" if len(record) == 2 else "6700")
        if len(record) == 2:
            self.cyclic = [record, *self.cyclic][:CAPACITY]

    @rule(offset=st.integers(0, 310), data=st.binary(min_size=1, max_size=60))
    def write_bytes(self, offset, data):
        self.card("00A4020002EF07")
        answer = self.card(f"00D6{offset:04X}{len(data):02X}{data.hex()}")
        if offset >= len(self.bytes):
            assert answer == "6B00"
        elif offset + len(data) > len(self.bytes):
            assert answer == "6700"
        else:
            assert answer == "9000"
            self.bytes[offset : offset + len(data)] = data

    @rule()
    def read(self):
        self.card("00A4020002EF07")
        content = self.card("00B0000000")[:-4] + self.card("00B0010000")[:-4]
        assert bytes.fromhex(content) == self.bytes
        assert self.card("00B2015D00") == b"".join(self.linear).hex().upper() + "9000"
        assert self.card("00B2016D00") == b"".join(self.cyclic).hex().upper() + "9000"

    @rule(cold=st.booleans())
    def reset(self, cold):
        if cold:
            self.card.card.power_off()
        self.card.card.reset()
        self.card.select_ssse()


def test_files_hold_what_was_written_to_them(make_terminal):
    machine = type("Machine", (FilesAgainstModel,), {"make_terminal": staticmethod(make_terminal)})
    case = machine.TestCase
    case.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
    case().runTest()


def test_files_show_no_data(odd):
    card = SoftwareCard(odd)
    card.power_on()
    store = Store(card.eeprom, T514)
    (file,) = (found for found in store.root.directories[0].files if found.fid == 0xEF05)
    assert store.records(file)[0] == bytes.fromhex("0101AA")
    assert not any(text in repr(shown) for shown in (file, store.root, odd) for text in ("0101", "\\x01\\xaa"))
