"""Who may use something that serves one conversation at a time, and can be kept for one between two of its turns."""

import threading
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class BusyError(Exception):
    """The turn did not come within the time that was given. For whoever waits, who says it in its own words."""


class Turns:
    """Turns, given to threads one at a time (互斥轮次).

    :meth:`keep` reserves the turns to come for one owner, for a time: whoever died meanwhile holds up nobody for ever.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = False
        self._owner: Hashable = None
        self._until = 0.0

    @contextmanager
    def turn(self, owner: Hashable, *, wait: float) -> Iterator[None]:
        """Have the turn within the block; it is waited for ``wait`` seconds, else :class:`BusyError` is raised.

        ``owner`` has the turns that were kept for it; None has those that were kept for nobody.
        """
        self._take(owner, time.monotonic() + wait)
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def keep(self, owner: Hashable, seconds: float) -> None:
        """Keep the turns to come for ``owner``, at most so long; within a turn."""
        with self._changed:
            self._owner, self._until = owner, time.monotonic() + seconds

    def release(self) -> None:
        """Keep them for nobody; within a turn."""
        with self._changed:
            self._owner = None

    def _take(self, owner: Hashable, deadline: float) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                kept = self._owner is not None and self._owner != owner and now < self._until
                if not self._busy and not kept:
                    self._busy = True
                    return
                if now >= deadline:
                    raise BusyError
                free = self._until if kept and not self._busy else deadline
                self._changed.wait(max(0.0, min(deadline, free) - now))
