import threading
import time

import pytest

from services.custody.turns import BusyError, Turns


def test_one_at_a_time_and_the_next_when_it_is_free():
    turns, order, inside = Turns(), [], threading.Event()

    def other():
        inside.set()
        with turns.turn(None, wait=10):
            order.append("other")

    with turns.turn(None, wait=1):
        thread = threading.Thread(target=other)
        thread.start()
        assert inside.wait(5)
        time.sleep(0.05)
        order.append("first")
    thread.join(5)
    assert order == ["first", "other"]


def test_a_turn_that_does_not_come_is_given_up():
    turns = Turns()
    with turns.turn(None, wait=1):
        begun = time.monotonic()
        with pytest.raises(BusyError), turns.turn(None, wait=0.1):
            pytest.fail("two had it")
        assert 0.1 <= time.monotonic() - begun < 2
    with turns.turn(None, wait=0):
        pass


def test_a_turn_ends_also_when_something_is_raised():
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.turn(None, wait=1):
        raise ZeroDivisionError
    with turns.turn(None, wait=0):
        pass


def test_turns_are_kept_for_one_until_it_lets_go_or_time_is_over():
    turns = Turns()
    with turns.turn("a", wait=0):
        turns.keep("a", 60)
    for stranger in ("b", None):
        with pytest.raises(BusyError), turns.turn(stranger, wait=0.05):
            pytest.fail("it was kept for another")
    with turns.turn("a", wait=0):
        turns.release()
    with turns.turn("b", wait=0):
        turns.keep("b", 0.2)
    begun = time.monotonic()
    with turns.turn(None, wait=5):
        assert 0.1 < time.monotonic() - begun < 3
