"""Readers in this process."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from apdu.errors import (
    CardInUseError,
    CardRemovedError,
    MuteCardError,
    NoCardError,
    NoServiceError,
    ReaderNotFoundError,
)
from apdu.readers import Readers, ReaderState
from apdu.transport.inprocess import InProcessReaders

COMMAND = bytes.fromhex("00A4000002CAFE")
ANSWER = bytes.fromhex("CAFE9000")
Echo = Callable[..., Any]


@pytest.fixture
def readers() -> InProcessReaders:
    return InProcessReaders(["one", "two"])


def test_they_are_readers(readers: InProcessReaders) -> None:
    checked_by_mypy: Readers = readers
    assert checked_by_mypy.states() == (ReaderState("one"), ReaderState("two"))


def test_a_card_is_seen_with_its_atr(readers: InProcessReaders, echo_chip: Echo) -> None:
    chip = echo_chip()
    readers.insert("two", chip)
    assert readers.states() == (ReaderState("one"), ReaderState("two", present=True, atr=chip.atr, insertions=1))
    readers.remove("two")
    assert readers.states() == (ReaderState("one"), ReaderState("two", insertions=2))


def test_a_card_without_power_is_powered_by_connecting_and_loses_it_at_the_end(
    readers: InProcessReaders, echo_chip: Echo
) -> None:
    chip = echo_chip()
    readers.insert("one", chip)
    chip.calls.clear()
    connection = readers.connect("one")
    assert connection.transmit([COMMAND, COMMAND]) == [ANSWER, ANSWER]
    assert connection.atr == chip.atr
    connection.close()
    connection.close()
    assert chip.calls == ["power_on", "power_off"]


def test_a_card_left_without_reset_keeps_its_power(readers: InProcessReaders, echo_chip: Echo) -> None:
    chip = echo_chip()
    readers.insert("one", chip)
    readers.connect("one").close(reset=False)
    chip.calls.clear()
    readers.connect("one").close(reset=False)
    assert chip.calls == []


def test_reset_is_a_warm_reset(readers: InProcessReaders, echo_chip: Echo) -> None:
    chip = echo_chip()
    readers.insert("one", chip)
    connection = readers.connect("one")
    chip.calls.clear()
    assert connection.reset() == chip.atr
    assert chip.calls == ["reset"]


@pytest.mark.parametrize("t0", [False, True])
def test_the_protocol_is_as_said_at_insertion(readers: InProcessReaders, echo_chip: Echo, *, t0: bool) -> None:
    readers.insert("one", echo_chip(), t0=t0)
    assert readers.connect("one").t0 is t0


def test_a_card_is_held_by_one_and_then_by_the_next(readers: InProcessReaders, echo_chip: Echo) -> None:
    readers.insert("one", echo_chip())
    first = readers.connect("one")
    assert readers.states()[0].in_use
    with pytest.raises(CardInUseError, match=r"one"):
        readers.connect("one", timeout=0.01)
    threading.Timer(0.05, first.close).start()
    second = readers.connect("one", timeout=5)
    assert second.transmit([COMMAND]) == [ANSWER]
    with pytest.raises(CardRemovedError):
        first.transmit([COMMAND])


def test_the_other_reader_is_free_meanwhile(readers: InProcessReaders, echo_chip: Echo) -> None:
    readers.insert("one", echo_chip())
    readers.insert("two", echo_chip())
    readers.connect("one")
    assert readers.connect("two", timeout=0).transmit([COMMAND]) == [ANSWER]


def test_an_empty_slot_and_an_unknown_reader_are_told_apart(readers: InProcessReaders) -> None:
    with pytest.raises(NoCardError):
        readers.connect("one")
    with pytest.raises(ReaderNotFoundError):
        readers.connect("three")
    with pytest.raises(ReaderNotFoundError):
        readers.remove("three")


def test_a_mute_card_is_seen_and_refused_and_does_not_stay_held(readers: InProcessReaders, echo_chip: Echo) -> None:
    readers.insert("one", echo_chip(""))
    assert readers.states()[0] == ReaderState("one", present=True, mute=True, insertions=1)
    with pytest.raises(MuteCardError):
        readers.connect("one")
    assert not readers.states()[0].in_use


def test_no_answer_to_a_command_is_a_mute_card(readers: InProcessReaders, echo_chip: Echo) -> None:
    chip = echo_chip()
    chip.process = lambda _command: b""
    readers.insert("one", chip)
    connection = readers.connect("one")
    with pytest.raises(MuteCardError):
        connection.transmit([COMMAND])


def test_a_removed_card_answers_no_more_even_when_it_is_back(readers: InProcessReaders, echo_chip: Echo) -> None:
    chip = echo_chip()
    readers.insert("one", chip)
    connection = readers.connect("one")
    readers.remove("one")
    readers.insert("one", chip)
    with pytest.raises(CardRemovedError):
        connection.transmit([COMMAND])
    connection.close()
    assert readers.connect("one", timeout=0).transmit([COMMAND]) == [ANSWER]


def test_a_card_pulled_out_in_the_middle_of_a_command_is_removed(readers: InProcessReaders, echo_chip: Echo) -> None:
    chip = echo_chip()
    readers.insert("one", chip)
    connection = readers.connect("one")
    chip.hold()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(connection.transmit, [COMMAND])
        assert chip.busy.wait(5)
        readers.remove("one")
        chip.release()
        assert isinstance(answer.exception(5), CardRemovedError)
    assert chip.calls[-1] == "power_off"
    with pytest.raises(CardRemovedError):
        connection.reset()


def test_a_card_pulled_out_while_it_is_powered_was_not_there(readers: InProcessReaders, echo_chip: Echo) -> None:
    chip = echo_chip()
    readers.insert("one", chip)

    def pull() -> bytes:
        readers.remove("one")
        return bytes(chip.atr)

    chip.power_on = pull
    chip.calls.clear()
    with pytest.raises(NoCardError):
        readers.connect("one")
    assert chip.calls == ["power_off"]


def test_a_second_card_does_not_fit(readers: InProcessReaders, echo_chip: Echo) -> None:
    readers.insert("one", echo_chip())
    with pytest.raises(ValueError, match="a card in 'one' already"):
        readers.insert("one", echo_chip())


def test_wait_returns_at_once_when_something_differs_already(readers: InProcessReaders) -> None:
    assert readers.wait((), timeout=60) == readers.states()


def test_wait_returns_the_same_states_after_its_time(readers: InProcessReaders) -> None:
    start = time.monotonic()
    known = readers.states()
    assert readers.wait(known, timeout=0.05) == known
    assert time.monotonic() - start >= 0.05


def test_wait_sees_readers_and_cards_come_and_go(readers: InProcessReaders, echo_chip: Echo) -> None:
    changes = [
        lambda: readers.add_reader("three"),
        lambda: readers.insert("three", echo_chip()),
        lambda: readers.remove("three"),
        lambda: readers.remove_reader("three"),
    ]
    for change in changes:
        known = readers.states()
        threading.Timer(0.02, change).start()
        assert readers.wait(known, timeout=5) != known


def test_an_unplugged_reader_takes_its_card_along(readers: InProcessReaders, echo_chip: Echo) -> None:
    readers.insert("one", echo_chip())
    connection = readers.connect("one")
    readers.remove_reader("one")
    with pytest.raises(CardRemovedError):
        connection.transmit([COMMAND])
    with pytest.raises(ReaderNotFoundError):
        readers.connect("one")
    with pytest.raises(ValueError, match="already"):
        readers.add_reader("two")


def test_close_wakes_waiters_and_frees_cards(readers: InProcessReaders, echo_chip: Echo) -> None:
    readers.insert("one", echo_chip())
    connection = readers.connect("one")
    known = readers.states()
    threading.Timer(0.02, readers.close).start()
    start = time.monotonic()
    readers.wait(known, timeout=60)
    assert time.monotonic() - start < 10
    readers.close()
    with pytest.raises(CardRemovedError):
        connection.transmit([COMMAND])
    with pytest.raises(NoServiceError):
        readers.connect("one")


def test_a_chip_that_breaks_when_powered_does_not_hold_its_reader(echo_chip) -> None:
    class Broken(echo_chip):
        broken = False

        def power_on(self) -> bytes:
            if self.broken:
                raise RuntimeError("broken")
            return super().power_on()

    chip, readers = Broken(), InProcessReaders(["r"])
    readers.insert("r", chip)
    chip.broken = True
    with pytest.raises(RuntimeError):
        readers.connect("r")
    chip.broken = False
    assert readers.connect("r", timeout=0).atr == chip.atr
