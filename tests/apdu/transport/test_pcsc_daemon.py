"""PC/SC readers at a real pcscd, whose virtual readers hold chips of this process."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
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
from apdu.readers import ReaderState
from apdu.transport.pcsc import PcscReaders
from simulator.pcscd import VirtualReaders

pytestmark = [pytest.mark.pcsc, pytest.mark.xdist_group("pcscd"), pytest.mark.timeout(60)]

ROOT = Path(__file__).parents[3]
COMMAND = bytes.fromhex("00A4000002CAFE")
ANSWER = bytes.fromhex("CAFE9000")
Echo = Callable[..., Any]
States = tuple[ReaderState, ...]


def until(readers: PcscReaders, condition: Callable[[States], bool]) -> States:
    """The first states that fulfil a condition, at most five seconds from now."""
    deadline = time.monotonic() + 5
    states = readers.states()
    while not condition(states):
        assert time.monotonic() < deadline, states
        states = readers.wait(states, timeout=1)
    return states


@pytest.fixture
def readers(pcscd: VirtualReaders) -> Iterator[PcscReaders]:
    pcsc = PcscReaders()
    yield pcsc
    pcsc.close()
    for index in range(len(pcscd.readers)):
        pcscd.remove(index)
    until(PcscReaders(), lambda states: not any(state.present for state in states))


@pytest.fixture
def first(pcscd: VirtualReaders) -> str:
    return pcscd.readers[0]


def insert(pcscd: VirtualReaders, readers: PcscReaders, chip: Any, index: int = 0) -> None:
    pcscd.insert(index, chip)
    until(readers, lambda states: states[index].present)


def test_readers_are_listed(pcscd: VirtualReaders, readers: PcscReaders) -> None:
    states = readers.states()
    assert tuple(state.name for state in states) == pcscd.readers
    assert not any(state.present or state.in_use or state.mute for state in states)


def test_insertion_and_removal_are_seen(pcscd: VirtualReaders, readers: PcscReaders, echo_chip: Echo) -> None:
    chip = echo_chip()
    before = readers.states()
    pcscd.insert(1, chip)
    inserted = readers.wait(before, timeout=5)
    assert inserted[1].present
    assert inserted[1].atr == chip.atr
    assert inserted[0] == before[0]
    pcscd.remove(1)
    removed = readers.wait(inserted, timeout=5)
    assert not removed[1].present
    assert removed[1].atr is None
    assert removed[1].insertions > inserted[1].insertions > before[1].insertions


def test_a_wait_without_change_ends_in_time(readers: PcscReaders) -> None:
    known = readers.states()
    start = time.monotonic()
    assert readers.wait(known, timeout=0.3) == known
    assert 0.3 <= time.monotonic() - start < 2


def test_close_wakes_a_wait(readers: PcscReaders) -> None:
    known = readers.states()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(readers.wait, known, 60)
        time.sleep(0.2)
        start = time.monotonic()
        readers.close()
        assert waiting.result(5) == known
    assert time.monotonic() - start < 0.5


def test_commands_are_answered(pcscd: VirtualReaders, readers: PcscReaders, first: str, echo_chip: Echo) -> None:
    chip = echo_chip()
    insert(pcscd, readers, chip)
    connection = readers.connect(first)
    assert connection.atr == chip.atr
    assert connection.t0
    assert connection.transmit([COMMAND, COMMAND]) == [ANSWER, ANSWER]
    assert readers.states()[0].in_use
    connection.close()


def test_a_card_for_t1_is_spoken_to_by_t1(
    pcscd: VirtualReaders, readers: PcscReaders, first: str, echo_chip: Echo
) -> None:
    insert(pcscd, readers, echo_chip("3B800181"))
    assert not readers.connect(first).t0


def test_a_card_is_reset_in_between_and_at_the_end(
    pcscd: VirtualReaders, readers: PcscReaders, first: str, echo_chip: Echo
) -> None:
    chip = echo_chip()
    insert(pcscd, readers, chip)
    connection = readers.connect(first)
    chip.calls.clear()
    assert connection.reset() == chip.atr
    assert chip.calls == ["reset"]
    assert connection.transmit([COMMAND]) == [ANSWER]
    connection.close()
    assert chip.calls == ["reset", "reset"]


def test_a_card_left_as_it_is_is_not_reset(
    pcscd: VirtualReaders, readers: PcscReaders, first: str, echo_chip: Echo
) -> None:
    chip = echo_chip()
    insert(pcscd, readers, chip)
    connection = readers.connect(first)
    chip.calls.clear()
    connection.close(reset=False)
    readers.connect(first).close(reset=False)
    assert chip.calls == []


def test_an_apdu_takes_a_fraction_of_a_millisecond(
    pcscd: VirtualReaders, readers: PcscReaders, first: str, echo_chip: Echo
) -> None:
    insert(pcscd, readers, echo_chip())
    connection = readers.connect(first)
    connection.transmit([COMMAND])
    start = time.monotonic()
    connection.transmit([COMMAND] * 500)
    assert time.monotonic() - start < 500 * 0.005  # 0.044 each where acknowledgements are delayed


def test_an_empty_slot_and_an_unknown_reader_are_told_apart(readers: PcscReaders, first: str) -> None:
    with pytest.raises(NoCardError):
        readers.connect(first)
    with pytest.raises(ReaderNotFoundError):
        readers.connect("no such reader")


def test_a_mute_card_is_seen_and_refused(
    pcscd: VirtualReaders, readers: PcscReaders, first: str, echo_chip: Echo
) -> None:
    insert(pcscd, readers, echo_chip(""))
    state = until(readers, lambda states: states[0].mute)[0]
    assert state.present
    assert state.atr is None
    with pytest.raises(MuteCardError):
        readers.connect(first)


def test_a_card_pulled_out_in_the_middle_of_a_command_is_removed(
    pcscd: VirtualReaders, readers: PcscReaders, first: str, echo_chip: Echo
) -> None:
    chip = echo_chip()
    insert(pcscd, readers, chip)
    connection = readers.connect(first)
    chip.hold()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(connection.transmit, [COMMAND])
        assert chip.busy.wait(5)
        pcscd.remove(0)
        chip.release()
        assert isinstance(answer.exception(5), CardRemovedError)
    with pytest.raises(CardRemovedError):
        connection.transmit([COMMAND])
    connection.close()


def test_another_card_in_the_same_slot_does_not_take_over_the_connection(
    pcscd: VirtualReaders, readers: PcscReaders, first: str, echo_chip: Echo
) -> None:
    insert(pcscd, readers, echo_chip())
    connection = readers.connect(first)
    pcscd.remove(0)
    until(readers, lambda states: not states[0].present)
    insert(pcscd, readers, echo_chip())
    with pytest.raises(CardRemovedError):
        connection.transmit([COMMAND])
    connection.close()
    assert readers.connect(first).transmit([COMMAND]) == [ANSWER]


def test_a_card_held_elsewhere_is_in_use_until_it_is_let_go(
    pcscd: VirtualReaders, readers: PcscReaders, first: str, echo_chip: Echo
) -> None:
    insert(pcscd, readers, echo_chip())
    other = PcscReaders()
    held = other.connect(first)
    with pytest.raises(CardInUseError):
        readers.connect(first, timeout=0.2)
    threading.Timer(0.2, held.close).start()
    assert readers.connect(first, timeout=5).transmit([COMMAND]) == [ANSWER]


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_a_dead_daemon_is_noticed_and_its_return_too(
    pcscd: VirtualReaders, readers: PcscReaders, first: str, echo_chip: Echo, *, kill: bool
) -> None:
    insert(pcscd, readers, echo_chip())
    connection = readers.connect(first)
    known = readers.states()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(readers.wait, known, 30)
        time.sleep(0.2)
        pcscd.stop_daemon(kill=kill)
        assert isinstance(waiting.exception(5), NoServiceError)
    for attempt in (readers.states, lambda: connection.transmit([COMMAND]), lambda: readers.connect(first)):
        with pytest.raises(NoServiceError):
            attempt()
    pcscd.start_daemon()
    assert tuple(state.name for state in readers.states()) == pcscd.readers
    until(readers, lambda states: states[0].present)
    with pytest.raises(NoServiceError):
        connection.transmit([COMMAND])
    connection.close()
    assert readers.connect(first).transmit([COMMAND]) == [ANSWER]


SIXTEEN = """
import json, sys
from apdu.transport.pcsc import PcscReaders
readers = PcscReaders()
known = readers.states()
print(len(known), flush=True)
states = readers.wait(known, timeout=10)
print(json.dumps([state.name for state in states if state.present]), flush=True)
"""


@pytest.mark.usefixtures("no_pcscd")
def test_16_readers_are_watched(echo_chip: Echo) -> None:
    with VirtualReaders(16, name="Crowd") as crowd:
        environment = os.environ | {"PCSCLITE_CSOCK_NAME": str(crowd.socket_path), "PYTHONPATH": str(ROOT)}
        with subprocess.Popen([sys.executable, "-c", SIXTEEN], env=environment, stdout=subprocess.PIPE) as client:
            assert client.stdout is not None
            assert client.stdout.readline() == b"16\n"
            crowd.insert(15, echo_chip())
            assert json.loads(client.stdout.readline()) == ["Crowd H 00 01"]


def test_opensc_tool_sees_the_same_card(pcscd: VirtualReaders, readers: PcscReaders, echo_chip: Echo) -> None:
    tool = shutil.which("opensc-tool")
    assert tool, "opensc-tool is not installed; on Debian: apt-get install opensc"
    insert(pcscd, readers, echo_chip(), index=2)

    def ask(*arguments: str) -> str:
        command = [tool, "--reader", "2", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout

    assert ask("--atr").strip() == "3b:6d:00:00:00:81:31:47:31:86:50:43:02:00:00:00:13"
    said = ask("--send-apdu", "00A4000002CAFE")
    assert "SW1=0x90, SW2=0x00" in said
    assert "CA FE" in said
