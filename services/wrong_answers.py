"""Wrong answers of cards are counted, so that nobody finds a right one by asking (验证失败计数).

A MAC has four bytes, and who may ask whether one is right can try all of them: too many within a few days unless
somebody counts.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import structlog

from cardlib.crypto import Algorithm, factors
from cardlib.key_requests import CardFactors, KeyRequest, Verification
from cardlib.keys import KeyReference
from services.custody.errors import VerificationsBlockedError

LIMIT: Final = 5
"""Wrong answers for one key of one card, after which no more are looked at."""
PAUSE: Final = 900.0
"""Seconds after the last wrong answer until the next is looked at."""
ROOM: Final = 20_000
"""Keys of cards that are counted at a time; whoever would have one forgotten has to give as many wrong answers."""

_RIGHT: Final = b"\x01"

_log = structlog.get_logger("services.keys")


class _Mark(NamedTuple):
    """One key of one card: regions that make the same key are the same here."""

    algorithm: Algorithm
    factors: tuple[bytes, bytes, bytes]
    key: KeyReference


class _Wrong(NamedTuple):
    times: int
    last: float


Attempt: TypeAlias = Mapping[int, _Mark]
"""The verifications of a request by their place in it."""


class WrongAnswers:
    """Counts for each key of a card; not for use from several threads.

    A right answer takes nothing back: who has a card could give one between two guesses. ``clock``: seconds.
    """

    def __init__(self, *, room: int = ROOM, clock: Callable[[], float] = time.monotonic) -> None:
        self._room = room
        self._clock = clock
        self._wrong: OrderedDict[_Mark, _Wrong] = OrderedDict()
        self._running: Counter[_Mark] = Counter()

    def begin(self, request: KeyRequest) -> Attempt:
        """Note what is to be verified: until :meth:`end` it counts as wrong, or many guesses could be made at once.

        Raises :class:`~services.custody.errors.VerificationsBlockedError` when that would be too many.
        """
        attempt = {
            place: _mark(request.card, task.task.key)
            for place, task in enumerate(request.tasks)
            if isinstance(task, Verification)
        }
        self._forget_old()
        wanted = Counter(attempt.values())
        for mark, times in wanted.items():
            wrong = self._wrong[mark].times if mark in self._wrong else 0
            if wrong + self._running[mark] + times > LIMIT:
                _log.warning("verifications_blocked", **_about(request.card, mark.key))
                raise VerificationsBlockedError(mark.key.name)
        self._running.update(wanted)
        return attempt

    def end(self, request: KeyRequest, attempt: Attempt, answers: Sequence[bytes] | None) -> None:
        """Note what became of it; None: nothing was answered, so nobody knows more than before."""
        self._running -= Counter(attempt.values())
        for place, mark in attempt.items():
            if answers is not None and answers[place] != _RIGHT:
                times = self._wrong.pop(mark).times + 1 if mark in self._wrong else 1
                self._wrong[mark] = _Wrong(times, self._clock())
                _log.warning("verification_wrong", **_about(request.card, mark.key), times=times)
        while len(self._wrong) > self._room:
            self._wrong.popitem(last=False)

    def _forget_old(self) -> None:
        """The oldest come first."""
        now = self._clock()
        while self._wrong and next(iter(self._wrong.values())).last + PAUSE <= now:
            self._wrong.popitem(last=False)


def _mark(card: CardFactors, key: KeyReference) -> _Mark:
    return _Mark(card.algorithm, factors(card.region, card.card_factor), key)


def _about(card: CardFactors, key: KeyReference) -> dict[str, str]:
    return {"key_region": card.region, "algorithm": card.algorithm.name, "key": key.name}
