"""`sscard serve`, as often as it is asked for, each time in a new process that stops where it is told to.

A program of its own, for tests. It has everything imported, and forks: so a new service is there at once. Reads from
standard input, a line each, where the log of a new service goes; writes its process id. A service stops for ever at the
n-th entry of the journal for a request when ``POINTS/REQUEST`` says ``n early`` (before it is written) or ``n late``
(once it is on the disk), and then makes ``POINTS/REQUEST.reached``. Who started it kills it then.
"""

import os
import signal
import sys
import threading
from collections import Counter
from functools import wraps
from pathlib import Path
from typing import Any

from services.cli import app
from services.server import build_server
from services.store.journal import SqlJournal
from services.store.operations import SqlOperations
from services.store.registry import SqlRegistry

POINTS = Path(os.environ.pop("POINTS"))
ENTRIES = {
    SqlOperations: ("begin", "note", "finish", "refuse", "interrupt"),
    SqlRegistry: ("activate", "change"),
    SqlJournal: ("begin", "note", "finish", "fail"),
}
written: Counter[str] = Counter()


def stopping(entry: Any) -> Any:
    @wraps(entry)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        # SqlRegistry's are about something else first.
        about = named.get("operation") or next((one for one in arguments[1:] if hasattr(one, "request_id")), None)
        if about is None:
            return entry(*arguments, **named)
        written[about.request_id] += 1
        point = POINTS / about.request_id
        number, when = point.read_text().split() if point.exists() else ("0", "")
        here = written[about.request_id] == int(number)
        if here and when == "early":
            stop(point)
        result = entry(*arguments, **named)
        if here:
            stop(point)
        return result

    return wrapped


def stop(point: Path) -> None:
    point.with_suffix(".reached").touch()
    threading.Event().wait()


def serve(log: str) -> None:
    """In the child."""
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(target, stream)
    for kind, names in ENTRIES.items():
        for name in names:
            setattr(kind, name, stopping(getattr(kind, name)))
    # Threads that have stopped stay in asyncio's pool: it needs room for more.
    os.cpu_count = lambda: 28
    app(["serve"], prog_name="sscard")


def main() -> None:
    assert build_server, "imported beforehand"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        if not (child := os.fork()):
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve(line.strip())
        print(child, flush=True)  # noqa: T201  the answer


if __name__ == "__main__":
    main()
