"""The custodian whose keys are in a PSAM (PSAM卡), in a reader of its own beside the holder's card."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final, TypeVar, cast

import structlog

from apdu.errors import CardInUseError, TransportError
from apdu.flow import Flow
from apdu.readers import Readers
from cardlib.crypto import Algorithm
from cardlib.crypto.suite import MAC_SIZE
from cardlib.custody import KeyCustodian
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import (
    CardFactors,
    Cryptogram,
    KeyRequest,
    KeyTask,
    Mac,
    PinBlock,
    Purchase,
    Terminal,
    Verification,
    key_names,
)
from cardlib.keys import KEYS, KeyDeclaration, KeyReference, Purpose
from cardlib.psam_flows.environment import PsamEnvironment
from cardlib.psam_flows.errors import (
    NoPsamError,
    PsamBusyError,
    PsamProofRefusedError,
    PsamPurchaseLostError,
    PsamRefusedError,
    missing,
)
from cardlib.psam_flows.purchase import OpenPurchase, credit_purchase, initialise_purchase, terminal_of
from cardlib.psam_flows.session import PsamSession
from cardlib.psam_keys import PSAM_KEYS, PsamKeyId
from services.card import Traffic, no_traffic
from services.custody.psam_link import PsamLink
from services.custody.turns import BusyError, Turns

T = TypeVar("T")

_log = structlog.get_logger("services.custody.psam")

_MAINTENANCE: Final = frozenset({Purpose.MAINTENANCE})
_PURCHASE: Final = frozenset({Purpose.PURCHASE})
_WRONG, _RIGHT = b"\x00", b"\x01"


class PsamCustodian(KeyCustodian):
    """Has a PSAM compute what can be computed with one: cryptograms, MACs of commands, PIN blocks, MAC1 and MAC2.

    The PSAM is held exclusively from the first request to :meth:`close`. One request has it at a time; a purchase keeps
    it until its MAC2 was checked. Every other task (loads, TACs, anything for building cards) is the centre's work and
    refused with PsamKeyMissingError. All errors: :mod:`cardlib.psam_flows.errors`, each with its national code.

    ``reader``: name of the PSAM's. ``table``: ids of the deployment's PSAMs; ``keys``: what is known of keys, by name.
    ``wait``: seconds to wait for the PSAM while others use it; after that PsamBusyError is raised, and the same request
    can be repeated.
    ``purchase_hold``: seconds for which a purchase keeps the PSAM: within them a card that was pulled out may come
    back. ``today``: the clock for keys that are not in force for ever. ``traffic`` puts a log around conversations, and
    must not show data: there are PINs in clear among them. May be used from several threads, and blocks them.
    """

    def __init__(  # noqa: PLR0913 - the settings of a PSAM
        self,
        readers: Readers,
        reader: str,
        *,
        table: Sequence[PsamKeyId] = PSAM_KEYS,
        keys: Mapping[str, KeyDeclaration] = KEYS,
        wait: float = 5.0,
        purchase_hold: float = 20.0,
        today: Callable[[], date] = date.today,
        traffic: Traffic = no_traffic,
    ) -> None:
        self._reader = reader
        self._keys = keys
        self._wait = wait
        self._purchase_hold = purchase_hold
        self._link = PsamLink(readers, reader, table=tuple(table), keys=keys, wait=wait, today=today, traffic=traffic)
        self._turns = Turns()
        self._purchase: OpenPurchase | None = None
        self._lost: OpenPurchase | None = None

    def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
        """As :meth:`cardlib.custody.KeyCustodian.perform`.

        A Verification of MAC2 is for the purchase that the PSAM has made MAC1 for last, and once only: after a reset of
        the PSAM, or anything else that was asked of it, PsamPurchaseLostError is raised, for its session key is gone.
        Of several purchases in one request the last is the one that can be verified. A Terminal disturbs no purchase.
        Raises MalformedError for input of a length not taken, and nothing else does.
        """
        for task in request.tasks:
            self._require_offered(task)
        owner = request.card if any(map(self._is_of_purchase, request.tasks)) else None
        names = ", ".join(dict.fromkeys(name for task in request.tasks for name in key_names(task)))
        answers: dict[int, bytes] = {}
        self._in_turn(owner, names, lambda: self._answer_all(request, answers))
        return tuple(answers[place] for place in range(len(request.tasks)))

    def environment(self, algorithm: Algorithm) -> PsamEnvironment:
        """What the PSAM says of itself.

        Raises NoPsamError, PsamBusyError, PsamAlgorithmError, PsamAnswerError and PsamRefusedError.
        """

        def said() -> PsamEnvironment:
            session = self._session(algorithm)
            self._link.check()
            return session.environment

        return self._in_turn(None, "", said)

    def close(self) -> None:
        """Let the PSAM go, reset; the next request takes it again. Never raises: a request that hangs is left alone."""
        purchase = self._purchase
        try:
            self._in_turn(purchase.card if purchase else None, "", self._disconnect)
        except (NoPsamError, PsamBusyError):
            _log.warning("psam_still_in_use", reader=self._reader)

    def _require_offered(self, task: KeyTask) -> None:
        match task:
            case Cryptogram(key=key) | Verification(task=Cryptogram(key=key)):
                declared = self._keys.get(key.name)
                if declared is None or not declared.authenticates:
                    raise missing(key.name, "it is not a key for authentication")
            case Mac(key=key) | PinBlock(key=key):
                self._require(key, _MAINTENANCE, "commands, as far as a PSAM is concerned")
            case Verification(task=Mac(key=key)):
                self._require(key, _MAINTENANCE | _PURCHASE, "commands or purchases")
            case Terminal(key=key) | Purchase(key=key):
                self._require(key, _PURCHASE, "purchases")
            case _:
                raise missing(
                    key_names(task)[-1], f"no PSAM answers a {type(task).__name__}: that is the centre's work"
                )

    def _require(self, key: KeyReference, purposes: frozenset[Purpose], what: str) -> None:
        declared = self._keys.get(key.name)
        if declared is None or declared.purpose not in purposes:
            raise missing(key.name, f"it is not a key for {what}")

    def _in_turn(self, owner: CardFactors | None, names: str, work: Callable[[], T]) -> T:
        """Do it alone; once more, with a new connection, when a PSAM that was there stops answering."""
        try:
            with self._turns.turn(owner, wait=self._wait):
                try:
                    return self._connected(work)
                except CardInUseError as error:
                    raise PsamBusyError(names, f"another program has the PSAM in {self._reader!r}: {error}") from error
                except TransportError as error:
                    _log.warning("psam_away", reader=self._reader, error=type(error).__name__)
                    raise NoPsamError(names, f"no PSAM answers in {self._reader!r}: {error}") from error
        except BusyError:
            text = f"the PSAM in {self._reader!r} is in use for longer than {self._wait:g} s"
            raise PsamBusyError(names, text) from None

    def _connected(self, work: Callable[[], T]) -> T:
        was_there = False
        try:
            return work()
        except TransportError as error:
            was_there = self._link.connected
            self._disconnect()
            if not was_there:
                raise
            _log.info("psam_connected_again", reader=self._reader, error=type(error).__name__)
        try:
            return work()
        except TransportError:
            self._disconnect()
            raise

    def _answer_all(self, request: KeyRequest, answers: dict[int, bytes]) -> None:
        """Answer what is not answered yet. MAC2 comes first and MAC1 last: all else would lose the purchase."""
        for place in sorted(range(len(request.tasks)), key=lambda place: self._rank(request.tasks[place])):
            if place not in answers:
                answers[place] = self._answer_one(request.card, request.tasks[place])

    def _answer_one(self, card: CardFactors, task: KeyTask) -> bytes:  # noqa: PLR0911 - one case for each task
        match task:
            case Verification(task=Mac()) if self._is_of_purchase(task):
                return self._proven(card, task)
            case Verification():
                right = self._answer_one(card, task.task)
                return _RIGHT if hmac.compare_digest(right, task.answer) else _WRONG
            case Cryptogram():
                return self._had(card, lambda at: at.cryptogram(card, task.key, task.factor, task.original))
            case Mac():
                return self._had(card, lambda at: at.mac(card, task.key, task.factor, task.data))
            case PinBlock():
                return self._had(card, lambda at: at.pin_block(card, task.key, task.factor, task.pin))
            case Terminal():
                # The session stays as it is, where it is of the card's algorithm: with it a purchase that is under way.
                session = self._link.session(card.algorithm)
                self._link.check()
                return terminal_of(session, card, task)
            case _:
                made = cast("Purchase", task)
                answer, self._purchase = self._had(card, lambda at: initialise_purchase(at, card, made))
                self._turns.keep(card, self._purchase_hold)
                return answer

    def _had(self, card: CardFactors, wanted: Callable[[PsamSession], Flow[T]]) -> T:
        """What a flow brings; once more where the PSAM may have lost power unseen, and stand outside its application.

        Some refusals are known without asking it: then it is asked whether it is there still, and not another one.
        """
        try:
            return self._link.run(wanted(self._session(card.algorithm)))
        except PsamRefusedError:
            self._link.leave()
        except KeyUnavailableError:
            self._link.check()
            raise
        return self._link.run(wanted(self._session(card.algorithm)))

    def _proven(self, card: CardFactors, task: Verification) -> bytes:
        wanted = OpenPurchase(card, cast("Mac", task.task))
        name = task.task.key.name
        if wanted == self._lost:
            raise PsamPurchaseLostError(
                name, "the PSAM was reset or used otherwise since MAC1: its session key is gone"
            )
        if wanted != self._purchase:
            raise missing(name, "the purchase is not the one that this PSAM made MAC1 for last")
        if len(task.answer) != MAC_SIZE:
            return _WRONG
        try:
            self._link.run(credit_purchase(name, task.answer))
        except PsamProofRefusedError as error:
            _log.warning("purchase_proof_refused", reader=self._reader, national_code=error.national_code)
            return _WRONG
        except PsamPurchaseLostError:
            self._link.leave()
            raise
        finally:
            self._end_purchase()
        return _RIGHT

    def _is_of_purchase(self, task: KeyTask) -> bool:
        """Whether it is one of the steps of a purchase."""
        match task:
            case Terminal() | Purchase():
                return True
            case Verification(task=Mac(key=key)):
                declared = self._keys.get(key.name)
                return declared is not None and declared.purpose is Purpose.PURCHASE
            case _:
                return False

    def _rank(self, task: KeyTask) -> int:
        match task:
            case Purchase():
                return 2
            case Verification() if self._is_of_purchase(task):
                return 0
            case _:
                return 1

    def _session(self, algorithm: Algorithm) -> PsamSession:
        """A session for something new, which is the end of a purchase under way."""
        self._end_purchase()
        return self._link.session(algorithm)

    def _end_purchase(self) -> None:
        if self._purchase is not None:
            self._lost, self._purchase = self._purchase, None
            self._turns.release()

    def _disconnect(self) -> None:
        self._end_purchase()
        self._link.disconnect()
