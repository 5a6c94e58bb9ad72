"""Readers without the one that has the PSAM: what is in there is no card of a holder, and no client's business."""

import time
from collections.abc import Sequence

from apdu.errors import ReaderNotFoundError
from apdu.readers import CardConnection, Readers, ReaderState
from services.config import Config


class ReadersWithout:
    """All readers but ``hidden``, which is as if it were not plugged in: an :class:`apdu.readers.Readers`.

    ``hidden`` is a whole name. It may come and go like any other.
    """

    def __init__(self, readers: Readers, hidden: str) -> None:
        self._readers = readers
        self._hidden = hidden

    def states(self) -> tuple[ReaderState, ...]:
        """As :meth:`apdu.readers.Readers.states`, without the hidden reader."""
        return self._shown(self._readers.states())

    def wait(self, known: Sequence[ReaderState], timeout: float) -> tuple[ReaderState, ...]:
        """As :meth:`apdu.readers.Readers.wait`; what happens to the hidden reader does not end it."""
        deadline = time.monotonic() + timeout
        seen = self._readers.states()
        while self._shown(seen) == tuple(known) and (left := deadline - time.monotonic()) > 0:
            before, seen = seen, self._readers.wait(seen, left)
            if seen == before:
                break  # the time is up, or the readers were closed and do not wait any more
        return self._shown(seen)

    def connect(self, reader: str, *, timeout: float = 5.0) -> CardConnection:
        """As :meth:`apdu.readers.Readers.connect`; raises ReaderNotFoundError for the hidden reader."""
        if reader == self._hidden:
            raise ReaderNotFoundError("there is no such reader", reader=reader)
        return self._readers.connect(reader, timeout=timeout)

    def close(self) -> None:
        """Close all readers, the hidden one among them."""
        self._readers.close()

    def _shown(self, states: Sequence[ReaderState]) -> tuple[ReaderState, ...]:
        return tuple(state for state in states if state.name != self._hidden)


def readers_for_cards(config: Config, readers: Readers) -> Readers:
    """The readers for cards of holders: all of them, but for the PSAM's where the configuration names one."""
    return ReadersWithout(readers, config.psam_reader) if config.psam_reader else readers
