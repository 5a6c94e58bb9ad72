import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.memory.eeprom import PAGE, Cut, CutMoment, Eeprom, PowerLostError
from simulator.memory.journal import CAPACITY, END, HEAD, NOTES, Journal, JournalFullError

A, B, C = END, END + 3 * PAGE, END + 10 * PAGE
SIZE = 12 * PAGE
BEFORE = bytes(range(256)) * 2
UNIT = ((A, b"\x11" * 40), (B, b"\x22"), (A + 8, b"\x33" * 4), (C, b"\x44" * PAGE))
"""Four writes of which one is over another."""


def fresh(units: int = 0) -> bytes:
    """Memory that holds BEFORE, after this many units that changed something and changed it back."""
    eeprom = Eeprom(b"\xff" * END + BEFORE[:SIZE])
    journal = Journal(eeprom)
    for _ in range(units):
        old = eeprom.read(B, 9 * PAGE)
        for data in (b"\x99" * len(old), old):
            journal.write(B, data)
            journal.commit()
    return eeprom.content


def data(content: bytes | Eeprom) -> bytes:
    return (content if isinstance(content, Eeprom) else Eeprom(content)).read(END, SIZE)


def unit(eeprom: Eeprom) -> None:
    journal = Journal(eeprom)
    journal.recover()
    for at, new in UNIT:
        journal.write(at, new)
    journal.commit()


def recovered(content: bytes) -> Eeprom:
    eeprom = Eeprom(content)
    Journal(eeprom).recover()
    return eeprom


def after() -> bytes:
    model = bytearray(BEFORE[:SIZE])
    for at, new in UNIT:
        model[at - END : at - END + len(new)] = new
    return bytes(model)


@pytest.mark.parametrize("units", [0, 1, 2])
def test_a_unit_is_there_altogether_or_not_at_all_wherever_power_fails(every_cut, units):
    found = [(cut, data(recovered(content))) for cut, content in every_cut(fresh(units), unit)]
    assert {held for _, held in found} == {BEFORE[:SIZE], after()}
    # Only the last write, that of the head, makes the difference.
    last = max(cut.write for cut, _ in found)
    assert {cut.write for cut, held in found if held == after()} == {last}
    assert [held == after() for cut, held in found if cut.write == last] == [False, False, False, False, True]


def test_recovery_may_be_cut_off_and_begin_again(every_cut):
    points = 0
    for cut, content in every_cut(fresh(1), unit):
        wanted = data(recovered(content))
        for _, again in every_cut(content, lambda eeprom: Journal(eeprom).recover()):
            points += 1
            assert data(recovered(again)) == wanted, cut
            for _, third in every_cut(again, lambda eeprom: Journal(eeprom).recover()):
                assert data(recovered(third)) == wanted
    assert points > 200


def test_undoing_may_be_cut_off(every_cut):
    def undone(eeprom: Eeprom) -> None:
        journal = Journal(eeprom)
        journal.recover()
        for at, new in UNIT:
            journal.write(at, new)
        assert journal.open
        journal.undo()
        assert not journal.open

    eeprom = Eeprom(fresh(1))
    undone(eeprom)
    assert data(eeprom) == BEFORE[:SIZE]
    assert {data(recovered(content)) for _, content in every_cut(fresh(1), undone)} == {BEFORE[:SIZE]}


def test_recovery_says_whether_there_was_something_to_put_back():
    eeprom = Eeprom(fresh())
    assert not Journal(eeprom).recover()
    eeprom.arm(Cut(3, CutMoment.BEFORE))
    with pytest.raises(PowerLostError):
        unit(eeprom)
    assert Journal(eeprom).recover()
    writes = eeprom.writes
    assert not Journal(eeprom).recover()
    assert eeprom.writes == writes


def test_nothing_is_written_for_what_does_not_change():
    eeprom = Eeprom(fresh(1))
    journal = Journal(eeprom)
    journal.recover()
    journal.write(A, BEFORE[:40])
    journal.commit()
    journal.undo()
    assert (eeprom.writes, journal.open) == (0, False)


def test_notes_of_earlier_units_undo_nothing(every_cut):
    """A long unit leaves notes behind those of a short one, which is then cut off, or confirmed."""
    long = Eeprom(fresh())
    journal = Journal(long)
    journal.recover()
    for place in range(0, SIZE, 8):
        journal.write(END + place, b"\x77" * 8)
    journal.commit()
    assert data(long) == b"\x77" * SIZE

    def short(eeprom: Eeprom) -> None:
        one = Journal(eeprom)
        one.recover()
        one.write(A, b"\x55" * 8)
        one.commit()

    wanted = {b"\x77" * SIZE, b"\x55" * 8 + b"\x77" * (SIZE - 8)}
    assert {data(recovered(content)) for _, content in every_cut(long.content, short)} == wanted
    # Twice the same: the head's number is now that of none of the notes.
    both = Eeprom(long.content)
    short(both)
    assert data(recovered(both.content)) == b"\x55" * 8 + b"\x77" * (SIZE - 8)


def test_after_a_unit_that_was_undone_the_next_one_is_a_unit_of_its_own(every_cut):
    def second(eeprom: Eeprom) -> None:
        journal = Journal(eeprom)
        journal.recover()
        journal.write(C, b"\x66" * 8)
        journal.commit()

    begun = Eeprom(fresh(1))
    begun.arm(Cut(5, CutMoment.DURING))
    with pytest.raises(PowerLostError):
        unit(begun)
    wanted = bytearray(BEFORE[:SIZE])
    wanted[C - END : C - END + 8] = b"\x66" * 8
    found = {data(recovered(content)) for _, content in every_cut(begun.content, second)}
    assert found == {BEFORE[:SIZE], bytes(wanted)}


@pytest.mark.parametrize("heads", [1, 2, 3, 4])
def test_the_head_is_written_in_two_places_by_turns(heads):
    eeprom = Eeprom(b"\xff" * (END + SIZE))
    journal = Journal(eeprom)
    journal.recover()
    for number in range(heads):
        journal.write(A, bytes((number,)))
        journal.commit()
    numbers = [int.from_bytes(eeprom.read(at, 4), "big") for at in (HEAD, HEAD + PAGE)]
    assert numbers[heads % 2] == heads
    assert numbers[1 - heads % 2] == (heads - 1 or 0xFFFFFFFF)
    assert HEAD // PAGE + 1 == (HEAD + PAGE) // PAGE


def test_a_unit_that_is_too_much_for_the_journal_is_refused_before_it_changes_anything():
    eeprom = Eeprom(bytes(0x8000))
    journal = Journal(eeprom)
    journal.recover()
    room = (END - NOTES) // PAGE * (PAGE - 14)
    assert room == CAPACITY
    with pytest.raises(JournalFullError):
        journal.write(A, b"\x01" * (room + 1))
    assert (eeprom.writes, journal.open) == (0, False)
    journal.write(A, b"\x01" * room)
    with pytest.raises(JournalFullError):
        journal.write(0x7000, b"\x01")
    assert eeprom.read(0x7000, 1) == b"\x00"
    journal.undo()
    assert eeprom.read(A, 0x5000) == bytes(0x5000)
    journal.write(0x7000, b"\x01")
    journal.commit()
    assert recovered(eeprom.content).read(0x7000, 1) == b"\x01"


def test_a_full_journal_is_put_back_too(every_cut):
    content = Eeprom(bytes(0x5000)).content

    def big(eeprom: Eeprom) -> None:
        journal = Journal(eeprom)
        journal.recover()
        journal.write(A, b"\x01" * CAPACITY)
        journal.commit()

    whole = Eeprom(content)
    big(whole)
    tried = 0
    for cut, held in every_cut(content, big):
        if cut.write % 37 in {0, 1} or cut.write > whole.writes - 2:
            tried += 1
            assert set(recovered(held).read(A, CAPACITY)) in ({0}, {1})
    assert tried > 20


@pytest.mark.parametrize("ahead", range(4))
@pytest.mark.parametrize("shift", range(PAGE))
def test_bytes_that_look_like_a_note_are_never_one(shift: int, ahead: int):
    """Whoever writes files may choose their bytes, and power may fail in the next unit: nothing else is put back."""
    eeprom = Eeprom(bytes(0x8000))
    journal = Journal(eeprom)
    journal.recover()
    number = (ahead + 1).to_bytes(4, "big") + (0x7000).to_bytes(4, "big") + (4).to_bytes(2, "big")
    check = zlib.crc32(number + b"EVIL", 0x53534331).to_bytes(4, "big")
    content = bytes(shift) + (number + check + b"EVIL") * 16
    for written in (content, bytes(len(content))):
        journal.write(A, written)
        journal.commit()
    eeprom.arm(Cut(2, CutMoment.BEFORE))
    with pytest.raises(PowerLostError):
        journal.write(A, b"last")
    assert recovered(eeprom.content).read(0x7000, 4) == bytes(4)


WRITES = st.lists(st.tuples(st.integers(0, SIZE - 60), st.binary(min_size=1, max_size=60)), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(units=st.lists(WRITES, min_size=1, max_size=3), write=st.integers(1, 40), written=st.none() | st.integers(0, 32))
def test_any_order_of_units_ends_before_or_after_one_of_them(units, write, written):
    eeprom = Eeprom(fresh())
    states = [data(eeprom)]
    for writes in units:
        model = bytearray(states[-1])
        for at, new in writes:
            model[at : at + len(new)] = new
        states.append(bytes(model))
    journal = Journal(eeprom)
    journal.recover()
    eeprom.arm(Cut(write, CutMoment.DURING, written))
    done = 0
    try:
        for writes in units:
            for at, new in writes:
                journal.write(END + at, new)
            journal.commit()
            done += 1
    except PowerLostError:
        assert data(recovered(eeprom.content)) in (states[done], states[done + 1])
    else:
        assert data(recovered(eeprom.content)) == states[-1]
