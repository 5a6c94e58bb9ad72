"""A recorded run as a card to run the suite against once more."""

from collections.abc import Mapping, Sequence

from apdu.errors import ReaderError
from apdu.part10 import Feature
from apdu.transport.transcript import Replay


class ReplayedCard:
    """An :class:`apdu.readers.CardConnection` to the card of a transcript (回放).

    ``t0``: as of the connection that was recorded. The run has to be the same: the same cases, PIN and custodian;
    :class:`~apdu.errors.TranscriptMismatchError` otherwise. A reset leaves no trace in a transcript.
    """

    def __init__(self, replay: Replay, *, t0: bool) -> None:
        self._replay = replay
        self._t0 = t0

    @property
    def atr(self) -> bytes:
        """The recorded card's."""
        return self._replay.atr

    @property
    def t0(self) -> bool:
        """As it was recorded."""
        return self._t0

    def transmit(self, commands: Sequence[bytes]) -> list[bytes]:
        """The recorded answers."""
        return self._replay(commands)

    def features(self) -> Mapping[Feature, int]:
        """None: what a reader does by itself is not recorded."""
        return {}

    def control(self, code: int, data: bytes) -> bytes:  # noqa: ARG002
        """Raises :class:`~apdu.errors.ReaderError`."""
        raise ReaderError("a recording has no reader that could do this")

    def reset(self) -> bytes:
        """The recorded card's ATR."""
        return self._replay.atr

    def close(self, *, reset: bool = True) -> None:
        """Nothing is held."""
