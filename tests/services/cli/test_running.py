"""Commands that ours run: what ends with them, and what with us."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto'}"}
RUN = """
import sys
import typer
from services.cli import running
running.GRACE = 1.0
try:
    sys.exit(running.run_command(sys.argv[1:], {"TOLD": "told"}))
except typer.Exit as left:
    sys.exit(left.exit_code)
"""
Start = Callable[..., "subprocess.Popen[str]"]

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def start() -> Iterator[Start]:
    """Runs a command as `sscard simulate` does."""
    started: list[subprocess.Popen[str]] = []

    def run(*command: str, stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", RUN, *command], stdin=stdin, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate(timeout=10)


def job(place: Path, script: str) -> str:
    path = place / "job.sh"
    path.write_text(script, encoding="utf-8")
    return str(path)


def gone(pid: int) -> bool:
    """Whether a process ends within a few seconds; one that nobody collected has."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def number_in(line: str) -> int:
    (number,) = re.findall(r"^\d+$", line, re.MULTILINE)
    return int(number)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_what_a_job_started_ends_with_us(start: Start, tmp_path: Path, number: int) -> None:
    running = start("sh", job(tmp_path, "sh -c 'echo $$; exec sleep 300'\n"))
    assert running.stdout is not None
    sleep = number_in(running.stdout.readline())
    running.send_signal(number)
    assert running.wait(20) == 128 + number
    assert gone(sleep)


def test_who_does_not_listen_is_killed_also_after_the_command_itself_ended(start: Start, tmp_path: Path) -> None:
    running = start("sh", job(tmp_path, "(trap '' TERM; sh -c 'echo $$; exec sleep 300') & trap 'exit 3' TERM; wait\n"))
    assert running.stdout is not None
    sleep = number_in(running.stdout.readline())
    running.terminate()
    assert running.wait(20) == 3
    assert gone(sleep)


def test_a_command_that_does_not_listen_is_killed(start: Start) -> None:
    running = start("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    assert running.stdout is not None
    running.stdout.readline()
    running.terminate()
    assert running.wait(20) == 128 + signal.SIGKILL


def test_what_runs_in_the_background_of_a_command_that_ends_by_itself_is_left_alone(
    start: Start, tmp_path: Path
) -> None:
    running = start("sh", job(tmp_path, "sleep 300 >/dev/null & echo $!; exit 7\n"))
    assert running.stdout is not None
    sleep = number_in(running.stdout.readline())
    assert running.wait(20) == 7
    os.kill(sleep, signal.SIGKILL)


def test_a_command_has_the_variables_and_may_not_exist(start: Start) -> None:
    assert start("sh", "-c", "echo $TOLD").communicate(timeout=20)[0] == "told\n"
    assert start("no-such-program").wait(20) == 2


def test_on_a_terminal_a_command_reads_and_ctrl_c_reaches_it_once() -> None:
    script = "trap 'echo interrupted' INT; echo ready; read line; echo got $line; read line; echo got $line; exit 4"
    ours, theirs = pty.openpty()
    own_terminal = "import fcntl, termios\nfcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    command = [sys.executable, "-c", own_terminal + RUN, "bash", "-c", script]
    seen = b""

    def until(words: bytes) -> None:
        nonlocal seen
        while words not in seen:
            seen += os.read(ours, 1024)

    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, env=ENVIRONMENT
    ) as running:
        try:
            for typed, said in (
                (b"", b"ready"),
                (b"one\n", b"got one"),
                (b"\x03", b"interrupted"),
                (b"two\n", b"got two"),
            ):
                os.write(ours, typed)
                until(said)
            assert running.wait(20) == 4
        finally:
            running.kill()
            os.close(theirs)
            os.close(ours)
    assert seen.count(b"interrupted") == 1
