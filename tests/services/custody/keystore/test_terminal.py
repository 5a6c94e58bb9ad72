"""Terminal sequence numbers are given out once, whatever happens."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.custody.keystore import TerminalCounter
from services.custody.keystore import files as module
from services.custody.keystore.errors import KeystoreBusyError, KeystoreFileError, TerminalCounterError
from services.custody.keystore.terminal import LAST

NUMBER = "990000000001"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "terminal.json"


def test_numbers_follow_each_other_from_where_they_start(path):
    counter = TerminalCounter.create(path, NUMBER, start=4000)
    assert [counter.next() for _ in range(200)] == list(range(4000, 4200))
    assert counter.number == bytes.fromhex(NUMBER)


def test_a_new_process_leaves_a_gap_and_repeats_nothing(path):
    seen = [TerminalCounter.create(path, NUMBER).next() for _ in range(1)]
    for _ in range(5):
        counter = TerminalCounter.open(path)
        seen += [counter.next() for _ in range(3)]
    assert seen == sorted(set(seen))
    assert len(seen) == 16


def test_it_is_in_the_file_before_it_is_used(path, monkeypatch):
    counter = TerminalCounter.create(path, NUMBER)
    assert counter.next() < json.loads(path.read_bytes())["next"]
    written = []
    write = module.write
    monkeypatch.setattr(module, "write", lambda *arguments: (write(*arguments), written.append(1)))
    for _ in range(300):
        assert counter.next() < json.loads(path.read_bytes())["next"]
    assert 4 <= len(written) <= 6, "not every purchase pays for a write"


def test_what_cannot_be_noted_is_not_given_out(path, monkeypatch):
    counter = TerminalCounter.create(path, NUMBER)

    def full(*_):
        raise KeystoreFileError("full")

    with monkeypatch.context() as patched:
        patched.setattr(module, "write", full)
        with pytest.raises(KeystoreFileError):
            counter.next()
    assert counter.next() == 1


def test_threads_and_processes_that_share_it_never_get_the_same(path):
    TerminalCounter.create(path, NUMBER)
    script = (
        "import sys; from pathlib import Path; from services.custody.keystore import TerminalCounter\n"
        "counter = TerminalCounter(Path(sys.argv[1]), bytes.fromhex('990000000001'), reserved=1)\n"
        "print(*(counter.next() for _ in range(150)))"
    )
    root = Path(__file__).parents[4]
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(path)], cwd=root, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    counter = TerminalCounter(path, bytes.fromhex(NUMBER), reserved=1)
    with ThreadPoolExecutor(4) as threads:
        mine = list(threads.map(lambda _: counter.next(), range(150)))
    others = [list(map(int, process.communicate(timeout=50)[0].split())) for process in processes]
    everything = [*mine, *others[0], *others[1]]
    assert len(everything) == len(set(everything)) == 450


def test_a_forked_process_has_numbers_of_its_own_even_when_it_is_forked_in_the_middle(path):
    counter = TerminalCounter.create(path, NUMBER)
    mine = [counter.next()]
    read, write = os.pipe()
    with counter._guard:  # as if another thread took a number at that moment
        child = os.fork()
        if not child:
            try:
                os.write(write, str(counter.next()).encode())
            finally:
                os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        readable, _, _ = select.select([pipe], [], [], 20)
        its = int(pipe.read()) if readable else None
    if not readable:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    mine += [counter.next() for _ in range(3)]
    assert mine == [1, 2, 3, 4]
    assert its is not None, "it did not wait for a lock that nobody there would open"
    assert its > 64


def test_a_process_that_hangs_is_not_waited_for_for_ever(path, monkeypatch):
    counter = TerminalCounter.create(path, NUMBER)
    monkeypatch.setattr("services.custody.keystore.terminal.WAIT", 0.1)
    with module.exclusive(path), pytest.raises(KeystoreBusyError):
        counter.next()
    assert counter.next() == 1


def test_after_the_last_number_there_is_none(path):
    counter = TerminalCounter.create(path, NUMBER, start=LAST - 1)
    assert [counter.next(), counter.next()] == [LAST - 1, LAST]
    for at in (counter, TerminalCounter.open(path)):
        with pytest.raises(TerminalCounterError, match="last terminal sequence number"):
            at.next()


@pytest.mark.parametrize(
    ("number", "start"),
    [("99", 1), ("99000000000A", 1), ("９９００００００００００", 1), (NUMBER, 0), (NUMBER, LAST + 1)],
)
def test_what_cannot_be_is_refused(path, number, start):
    with pytest.raises(TerminalCounterError):
        TerminalCounter.create(path, number, start=start)
    assert not path.exists()


def test_a_counter_is_never_begun_anew_by_itself(path):
    counter = TerminalCounter.create(path, NUMBER)
    with pytest.raises(KeystoreFileError, match="there already"):
        TerminalCounter.create(path, NUMBER)
    path.unlink()
    with pytest.raises(KeystoreFileError):
        counter.next()
    with pytest.raises(KeystoreFileError):
        TerminalCounter.open(path)


@pytest.mark.parametrize(
    "content",
    [
        "", "{}", "[]", "5", '{"format": "sscard terminal counter", "format_version": 1, "terminal": "99", "next": 1}',
        '{"format": "sscard terminal counter", "format_version": 1, "terminal": "990000000001", "next": 0}',
        '{"format": "sscard terminal counter", "format_version": 1, "terminal": "990000000001", "next": true}',
        '{"format": "sscard terminal counter", "format_version": 2, "terminal": "990000000001", "next": 1}',
    ],
    ids=range(8),
)  # fmt: skip
def test_a_damaged_one_is_named_with_what_to_do(path, content):
    path.write_text(content)
    with pytest.raises(TerminalCounterError, match="make it anew with a start above"):
        TerminalCounter.open(path)


def test_one_that_became_another_terminals_is_not_used(path, tmp_path):
    counter = TerminalCounter.create(path, NUMBER)
    path.unlink()
    TerminalCounter.create(path, "990000000002")
    with pytest.raises(TerminalCounterError, match="another terminal"):
        counter.next()


def test_one_thread_at_a_time_takes_a_number(path, monkeypatch):
    counter, inside, most = TerminalCounter.create(path, NUMBER, start=1), [], []
    reserve = counter._reserve

    def slow():
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.02)
        inside.pop()
        return reserve()[:1]

    monkeypatch.setattr(counter, "_reserve", slow)
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(lambda _: counter.next(), range(8)))) == 8
    assert set(most) == {1}
