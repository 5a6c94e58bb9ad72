"""KeyService: a custodian's answers for those who have no keys, within what is offered to them."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from enum import Enum
from typing import Any, Final

import grpc
import structlog

from apdu.errors import MalformedError
from cardlib.custody import KeyCustodian
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import (
    CheckValue,
    CodeOfCard,
    Cryptogram,
    Disclosure,
    Encipherment,
    KeyRequest,
    KeyTask,
    LoadedKey,
    Mac,
    PinBlock,
    PsamKeyLoad,
    Purchase,
    Tac,
    Terminal,
    Verification,
    key_names,
)
from cardlib.keys import CHIP_KEYS, KEYS, KeyDeclaration, Purpose
from services.audit.subject import about
from services.call_time import deadline_of
from services.callers.caller import Role, current_caller
from services.errors import DeadlineError, InvalidRequestError
from services.lane import Lane
from services.mapping.keys import request_of
from services.wrong_answers import Attempt, WrongAnswers
from sscard.v1 import keys_pb2, keys_pb2_grpc

AT_ONCE: Final = 16
"""Requests that the custodian works on at the same time; others wait."""

_log = structlog.get_logger("services.keys")


class Use(Enum):
    """What keys are used for; the value ends the sentence "this service does not offer …"."""

    CARDS = "to work with cards"
    """At a terminal: to read, to update, to change a PIN, to pay, to check what a card answers."""
    BUILDING = "to build cards"
    """To put keys into chips, and to prove them: at a personalisation station. It is told TMK of every chip, so it can
    decrypt what is loaded: the right to build is the right to every key of every card."""
    PSAMS = "to issue PSAMs"
    """To put roots of cards' keys into PSAMs. Whoever may do that, can learn the roots by a PSAM of his own making: so
    it is offered neither to terminals nor to stations, but where PSAMs are issued."""
    ACCOUNTS = "to sign for medical accounts"
    """MACs that load or book money, and TACs: for whoever keeps the accounts. Who builds cards could make them, too."""


TERMINALS: Final = frozenset({Use.CARDS})
STATIONS: Final = frozenset({Use.CARDS, Use.BUILDING})
"""What terminals and what personalisation stations are offered."""
PSAM_ISSUERS: Final = STATIONS | {Use.PSAMS}
"""What is offered where PSAMs are issued."""

OF_ROLES: Final[Mapping[Role, frozenset[Use]]] = {
    Role.TERMINAL: TERMINALS,
    Role.ISSUER: PSAM_ISSUERS,
    Role.LOCAL: frozenset(Use),
}
"""What keys may be used for by callers of each role, as far as the service offers it; nothing by others."""

_OF_A_CHIP: Final = frozenset({Purpose.MASTER, Purpose.TEMPORARY, Purpose.TRANSPORT})
_OF_A_PSAM: Final = frozenset({Purpose.PSAM_MASTER, Purpose.PSAM_LOADER})
_MOVES_MONEY: Final = frozenset({Purpose.LOAD, Purpose.PURCHASE})


def use_of(task: KeyTask, keys: Mapping[str, KeyDeclaration] = KEYS) -> Use:
    """What a task is for; ``keys``: what is known of keys by their name. An unknown one the custodian refuses.

    Whatever names a key of a PSAM is for who issues PSAMs, be it to compute, to load or to verify.
    """
    purposes = {
        declared.purpose for name in key_names(task) if (declared := CHIP_KEYS.get(name) or keys.get(name)) is not None
    }
    if isinstance(task, PsamKeyLoad) or not purposes.isdisjoint(_OF_A_PSAM):
        return Use.PSAMS
    match task:
        case Cryptogram() | Verification() if not purposes.isdisjoint(_OF_A_CHIP):
            return Use.BUILDING
        case Mac() if not purposes.isdisjoint(_MOVES_MONEY):
            return Use.ACCOUNTS
        case Tac():
            return Use.ACCOUNTS
        case Encipherment() | LoadedKey() | Disclosure() | CheckValue() | CodeOfCard():
            return Use.BUILDING
        case Cryptogram() | Mac() | PinBlock() | Terminal() | Purchase() | Verification():
            return Use.CARDS


class KeyService(keys_pb2_grpc.KeyServiceServicer):
    """Answers from a custodian, which is asked in threads and may be slow.

    ``call_deadline``: seconds that a call takes at most. ``allowed``: what keys may be used for at most, whatever the
    caller's role. ``keys``: what is known of keys by their name.
    """

    def __init__(
        self,
        custodian: KeyCustodian,
        *,
        call_deadline: float,
        allowed: frozenset[Use] = TERMINALS,
        keys: Mapping[str, KeyDeclaration] = KEYS,
    ) -> None:
        self._custodian = custodian
        self._call_deadline = call_deadline
        self._allowed = allowed
        self._keys = {**CHIP_KEYS, **keys}
        self._places = asyncio.Semaphore(AT_ONCE)
        self._wrong = WrongAnswers()

    async def PerformKeyTasks(  # noqa: N802  the stub's name
        self, request: keys_pb2.PerformKeyTasksRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> keys_pb2.PerformKeyTasksResponse:
        """What takes keys of one card."""
        deadline = deadline_of(context, self._call_deadline)
        wanted = request_of(request, self._keys)
        _log.info(
            "keys_asked",
            # By another name than the card's item of that, which logs mask.
            key_region=wanted.card.region,
            algorithm=wanted.card.algorithm.name,
            tasks=dict(Counter(type(task).__name__ for task in wanted.tasks)),
            keys=sorted({name for task in wanted.tasks for name in key_names(task)}),
        )
        about(detail=f"keys {' '.join(sorted({name for task in wanted.tasks for name in key_names(task)}))}")
        for task in wanted.tasks:
            self._require_offered(task)
        return keys_pb2.PerformKeyTasksResponse(answers=await self._performed(wanted, deadline))

    def _require_offered(self, task: KeyTask) -> None:
        use, names = use_of(task, self._keys), ", ".join(key_names(task))
        if use not in self._allowed:
            raise KeyUnavailableError(names, f"this service does not offer {use.value}")
        role = current_caller().role
        if use not in OF_ROLES.get(role, ()):
            raise KeyUnavailableError(names, f"this service does not offer {use.value} to the role {role}")

    async def _performed(self, request: KeyRequest, deadline: float) -> tuple[bytes, ...]:
        """The custodian's answers, from a thread of their own: one that hangs keeps its place, and nothing else."""
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await self._places.acquire()
        except TimeoutError:
            raise DeadlineError from None
        answers = self._begun(request)
        await asyncio.wait([answers], timeout=deadline - time.monotonic())
        if not answers.done():
            raise DeadlineError
        try:
            return answers.result()
        except MalformedError as error:
            # What it was given is the caller's, not a card's.
            raise InvalidRequestError("tasks", str(error)) from None

    def _begun(self, request: KeyRequest) -> "asyncio.Future[tuple[bytes, ...]]":
        """The answers to come, which give back the place that was taken for them; so does a failure to begin."""
        with ExitStack() as undoing:
            undoing.callback(self._places.release)
            attempt = self._wrong.begin(request)
            undoing.callback(self._wrong.end, request, attempt, None)
            lane = Lane("keys")
            answers = lane.submit(lambda: self._custodian.perform(request))
            lane.close()
            undoing.pop_all()
        answers.add_done_callback(lambda _: self._leave(request, attempt, answers))
        return answers

    def _leave(self, request: KeyRequest, attempt: Attempt, answers: "asyncio.Future[tuple[bytes, ...]]") -> None:
        self._places.release()
        # Whoever asked may be gone: an error that nobody fetches is no warning.
        self._wrong.end(request, attempt, None if answers.exception() is not None else answers.result())
