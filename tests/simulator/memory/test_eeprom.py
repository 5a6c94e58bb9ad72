from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.memory.eeprom import PAGE, Cut, CutMoment, Eeprom, PowerLostError


def cut_off(eeprom: Eeprom, cut: Cut, at: int, data: bytes) -> None:
    eeprom.arm(cut)
    with pytest.raises(PowerLostError):
        eeprom.write(at, data)


def test_what_was_never_written_is_erased():
    eeprom = Eeprom(b"\x01", size=PAGE)
    assert eeprom.read(0, 3) == b"\x01\xff\xff"
    eeprom.write(5, b"\x02")
    assert eeprom.content == b"\x01\xff\xff\xff\xff\x02"
    assert (eeprom.size, eeprom.writes) == (PAGE, 1)


def test_memories_that_begin_with_the_same_bytes_share_no_writes():
    content = bytes(PAGE)
    first, second = Eeprom(content), Eeprom(content)
    first.write(0, b"\x01")
    assert (first.read(0, 1), second.read(0, 1), content) == (b"\x01", b"\x00", bytes(PAGE))


@pytest.mark.parametrize(
    ("at", "size", "pages"),
    [(0, 1, 1), (0, PAGE, 1), (0, PAGE + 1, 2), (PAGE - 1, 2, 2), (PAGE - 1, 1, 1), (5, 3 * PAGE, 4)],
)
def test_a_write_changes_page_by_page(at, size, pages):
    told = []
    eeprom = Eeprom(store=lambda place, part: told.append((place, part)))
    eeprom.write(at, bytes(size))
    assert eeprom.writes == len(told) == pages
    assert b"".join(part for _, part in told) == bytes(size)
    assert [place + len(part) for place, part in told[:-1]] == [place for place, _ in told[1:]]
    assert all(place // PAGE == (place + len(part) - 1) // PAGE for place, part in told)
    assert all(before // PAGE + 1 == after // PAGE for (before, _), (after, _) in pairwise(told))


def test_pages_that_would_not_change_are_not_written():
    eeprom = Eeprom(bytes(3 * PAGE))
    eeprom.write(0, bytes(PAGE) + b"\x01" + bytes(2 * PAGE - 1))
    assert eeprom.writes == 1
    eeprom.write(3 * PAGE, b"\xff" * PAGE)
    assert eeprom.writes == 1
    eeprom.write(0, b"")
    assert eeprom.writes == 1


@pytest.mark.parametrize(("at", "size"), [(-1, 1), (PAGE, 1), (PAGE - 1, 2), (0, PAGE + 1)])
def test_there_is_nothing_beyond_the_end(at, size):
    eeprom = Eeprom(size=PAGE)
    with pytest.raises(IndexError):
        eeprom.write(at, bytes(size))
    assert (eeprom.content, eeprom.writes) == (b"", 0)
    with pytest.raises(ValueError, match="do not fit"):
        Eeprom(bytes(PAGE + 1), size=PAGE)


@pytest.mark.parametrize(
    ("cut", "first", "second"),
    [
        (Cut(1, CutMoment.BEFORE), "00" * 4, "00" * 4),
        (Cut(1, CutMoment.DURING), "1111FF00", "00" * 4),
        (Cut(1, CutMoment.DURING, 0), "FF000000", "00" * 4),
        (Cut(1, CutMoment.DURING, 3), "111111FF", "00" * 4),
        (Cut(1, CutMoment.DURING, 9), "11111111", "00" * 4),
        (Cut(1, CutMoment.AFTER), "11111111", "00" * 4),
        (Cut(2, CutMoment.BEFORE), "11111111", "00" * 4),
        (Cut(2, CutMoment.DURING, 1), "11111111", "11FF0000"),
        (Cut(2, CutMoment.AFTER), "11111111", "11111111"),
    ],
)
def test_power_fails_before_during_or_after_a_page(cut, first, second):
    told = {}
    eeprom = Eeprom(bytes(2 * PAGE), store=told.__setitem__)
    cut_off(eeprom, cut, PAGE - 4, b"\x11" * 8)
    assert eeprom.read(PAGE - 4, 4).hex().upper() == first
    assert eeprom.read(PAGE, 4).hex().upper() == second
    assert all(eeprom.read(at, len(part)) == part for at, part in told.items())
    assert eeprom.writes == len(told)


def test_a_torn_page_differs_only_where_the_write_would_have_changed_it():
    eeprom = Eeprom(bytes.fromhex("AA00BB00CC00"))
    cut_off(eeprom, Cut(1, CutMoment.DURING, 1), 0, bytes.fromhex("AA01BB02CC03"))
    assert eeprom.content == bytes.fromhex("AA01BBFFCC00")


def test_power_fails_once():
    eeprom = Eeprom(bytes(PAGE))
    cut_off(eeprom, Cut(1, CutMoment.BEFORE), 0, b"\x01")
    eeprom.write(0, b"\x01")
    assert eeprom.read(0, 1) == b"\x01"


def test_writes_are_counted_from_where_the_cut_was_armed():
    eeprom = Eeprom(bytes(4 * PAGE))
    eeprom.write(0, b"\x01")
    cut = Cut(3, CutMoment.BEFORE)
    eeprom.arm(cut)
    eeprom.write(0, b"\x02")
    eeprom.write(0, b"\x02")  # no page
    eeprom.write(PAGE, b"\x02")
    with pytest.raises(PowerLostError):
        eeprom.write(2 * PAGE, b"\x02")
    assert eeprom.read(2 * PAGE, 1) == b"\x00"


def test_a_cut_may_be_taken_back():
    eeprom = Eeprom()
    eeprom.arm(Cut(1))
    eeprom.arm(None)
    eeprom.write(0, b"\x01")
    assert eeprom.content == b"\x01"


@given(st.lists(st.tuples(st.integers(0, 3 * PAGE), st.binary(max_size=PAGE)), max_size=12))
def test_what_is_written_is_read(writes):
    eeprom, model = Eeprom(size=4 * PAGE), bytearray(b"\xff" * 4 * PAGE)
    for at, data in writes:
        eeprom.write(at, data)
        model[at : at + len(data)] = data
    assert eeprom.read(0, 4 * PAGE) == model
