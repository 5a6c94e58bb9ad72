"""A program that a command of ours runs, to its end, and ends when it is itself told to."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import Final

from services.cli.errors import UNUSABLE, fail

GRACE: Final = 5.0
"""Seconds from the first word to stop until what still runs is killed."""


def run_command(command: list[str], variables: Mapping[str, str]) -> int:
    """Run a command with more environment variables; its exit code as a shell has it. For the main thread.

    SIGHUP, SIGINT and SIGTERM are passed on to it and to what it started, which are a process group; what is left of
    them after :data:`GRACE` is killed. With a terminal as standard input, from which only one group may read, they stay
    in ours: then Ctrl-C reaches all by itself, and the others are passed on to the command alone.
    """
    job = _Job(own_group=not os.isatty(0))
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, job.told)
    signal.signal(signal.SIGALRM, job.killed)
    try:
        code = job.run(command, os.environ | variables)
    except OSError as error:
        fail(f"{command[0]}: {error.strerror}", code=UNUSABLE)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return code if code >= 0 else 128 - code


class _Job:
    """A command, and in a group of its own what it started."""

    def __init__(self, *, own_group: bool) -> None:
        self._own_group = own_group
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def run(self, command: list[str], environment: Mapping[str, str]) -> int:
        with subprocess.Popen(command, env=environment, process_group=0 if self._own_group else None) as child:  # noqa: S603  the caller's
            self._child = child
            for number in self._early:
                self._send(number)
            code = child.wait()
        # Whoever was told to stop may still be about it. In some containers nobody collects the dead: hence the end.
        while self._own_group and _kills_soon() and self._send(0):
            time.sleep(0.02)
        return code

    def told(self, number: int, _: object) -> None:
        if number == signal.SIGINT and not self._own_group:
            return
        if not _kills_soon():
            signal.setitimer(signal.ITIMER_REAL, GRACE)
        if self._child is None:
            self._early.append(number)
        else:
            self._send(number)

    def killed(self, *_: object) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> bool:
        """Whether there was anybody to get it."""
        if self._child is None:
            return False
        try:
            if self._own_group:
                os.killpg(self._child.pid, number)
            else:
                self._child.send_signal(number)
        except OSError:
            return False
        return True


def _kills_soon() -> bool:
    return signal.getitimer(signal.ITIMER_REAL)[0] > 0
