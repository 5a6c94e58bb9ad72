"""The PSAM first, and the centre after exactly those failures that the national terminal interface names [S3 §10.5]."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from typing import Final

import structlog

from apdu.errors import MalformedError
from cardlib.crypto import purchase_factor
from cardlib.custody import KeyCustodian
from cardlib.key_requests import CardFactors, KeyRequest, KeyTask, Mac, Purchase, Terminal, Verification
from cardlib.psam_flows.errors import FALLBACK_CODES, PsamError
from services.custody.card_keys import TERMINAL_NUMBER
from services.custody.data_keys import HasWrappers, KeyWrapper, WrapperError

_log = structlog.get_logger("services.custody.fallback")

PURCHASES_REMEMBERED: Final = 1024
_NUMBER: Final = 4


class FallbackCustodian(KeyCustodian):
    """Asks ``first``, a PSAM's custodian; when it fails with one of the five codes, ``second`` gets the same tasks.

    The codes are :data:`~cardlib.psam_flows.errors.FALLBACK_CODES`: no PSAM, no such algorithm, no RKSSSE, no such key,
    a key that does not reach the card. Any other failure is the answer.

    A purchase never goes from one to the other. Who answers a Terminal makes MAC1, because the card is told his number
    before there is a MAC1; who makes MAC1 verifies MAC2, or nobody does. Both are remembered for the last purchases of
    this process. For the MAC1 of another purchase the two are asked which terminal number they have; another MAC2 goes
    the ordinary way. May be used from several threads if both may.
    """

    def __init__(self, first: KeyCustodian, second: KeyCustodian) -> None:
        self._first = first
        self._second = second
        self._told = _Makers()
        """By card and terminal number: who has told it."""
        self._made = _Makers()
        """By card, key, and the factor of its session key: who has made MAC1."""

    def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
        """As :meth:`cardlib.custody.KeyCustodian.perform`; raises what whoever was asked last raises.

        Both may answer parts of a request: MAC2 who made MAC1, and before anything else, because that would lose it;
        MAC1 whose terminal number it carries, and last; the rest goes together. When another task fails, what became of
        MAC2 is not told: a request of its own is safer.
        """
        card, tasks = request.card, request.tasks
        proofs = {place: maker for place, task in enumerate(tasks) if (maker := self._prover(card, task)) is not None}
        purchases = {place: self._maker(card, task) for place, task in enumerate(tasks) if isinstance(task, Purchase)}
        rest = [place for place in range(len(tasks)) if place not in proofs.keys() | purchases.keys()]
        answers = self._had(request, proofs) | self._had_ordinarily(request, rest) | self._had(request, purchases)
        return tuple(answers[place] for place in range(len(tasks)))

    def data_key_wrapper(self, name: str) -> KeyWrapper:
        """As the second has it: a PSAM wraps nothing of a database. Raises WrapperError where he has none."""
        if not isinstance(self._second, HasWrappers):
            raise WrapperError("data_key_name: there is no keystore and no HSM here that could have this key")
        return self._second.data_key_wrapper(name)

    def close(self) -> None:
        """Close both."""
        self._first.close()
        self._second.close()

    def _had(self, request: KeyRequest, makers: Mapping[int, KeyCustodian]) -> dict[int, bytes]:
        """The answers to tasks that are for one of the two alone, by their places."""
        answers: dict[int, bytes] = {}
        for maker in (self._first, self._second):
            places = [place for place in makers if makers[place] is maker]
            if places:
                answers |= self._asked(maker, request, places)
        return answers

    def _had_ordinarily(self, request: KeyRequest, places: Sequence[int]) -> dict[int, bytes]:
        if not places:
            return {}
        try:
            return self._asked(self._first, request, places)
        except PsamError as error:
            if error.national_code not in FALLBACK_CODES:
                raise
            _log.info("psam_passed_over", national_code=error.national_code, key=error.key)
            return self._asked(self._second, request, places)

    def _asked(self, whom: KeyCustodian, request: KeyRequest, places: Sequence[int]) -> dict[int, bytes]:
        """The answers of one of the two; what it thereby takes upon itself is remembered."""
        tasks = tuple(request.tasks[place] for place in places)
        answers = whom.perform(KeyRequest(request.card, tasks))
        for task, answer in zip(tasks, answers, strict=True):
            match task:
                case Terminal():
                    self._told.keep((request.card, answer[:TERMINAL_NUMBER]), whom)
                case Purchase():
                    number = int.from_bytes(answer[TERMINAL_NUMBER : TERMINAL_NUMBER + _NUMBER], "big")
                    factor = purchase_factor(task.random, task.sequence, number)
                    self._made.keep((request.card, task.key, factor), whom)
                case _:
                    pass
        return dict(zip(places, answers, strict=True))

    def _prover(self, card: CardFactors, task: KeyTask) -> KeyCustodian | None:
        """Who made the purchase whose MAC2 the task verifies; None where it verifies none that is remembered."""
        match task:
            case Verification(task=Mac(key=key, factor=factor)):
                return self._made.get((card, key, factor))
            case _:
                return None

    def _maker(self, card: CardFactors, task: Purchase) -> KeyCustodian:
        """Whose terminal number the purchase carries; the first, who says why not, where nobody has it."""
        if len(task.terminal) != TERMINAL_NUMBER:
            raise MalformedError(f"a terminal number has {TERMINAL_NUMBER} bytes, not {len(task.terminal)}")
        known = self._told.get((card, task.terminal))
        if known is not None:
            return known
        question = KeyRequest(card, (Terminal(task.key),))
        for whom in (self._first, self._second):
            try:
                (said,) = whom.perform(question)
            except PsamError as error:
                if error.national_code not in FALLBACK_CODES:
                    raise
            else:
                if said[:TERMINAL_NUMBER] == task.terminal:
                    return whom
        return self._first


class _Makers:
    """Who has done something, for the last so many names of it."""

    def __init__(self) -> None:
        self._makers: OrderedDict[Hashable, KeyCustodian] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: Hashable) -> KeyCustodian | None:
        with self._lock:
            return self._makers.get(name)

    def keep(self, name: Hashable, maker: KeyCustodian) -> None:
        with self._lock:
            self._makers[name] = maker
            self._makers.move_to_end(name)
            while len(self._makers) > PURCHASES_REMEMBERED:
                self._makers.popitem(last=False)

    def __len__(self) -> int:
        return len(self._makers)
