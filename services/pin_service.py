"""PinService: the holder's PIN."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import grpc

from apdu.flow import Answer, Flow
from apdu.secret import Secret
from cardlib.custody import KeyCustodian
from cardlib.flows.pin import (
    CardMark,
    PinAttempt,
    PinResult,
    PinState,
    PinStatus,
    card_mark,
    change_pin,
    pin_status,
    resume_change,
    verify_pin,
)
from cardlib.flows.pin_reset import reset_pin, unblock_pin
from cardlib.flows.session import CardSession
from cardlib.forms import FormMemory
from cardlib.regional import RegionalProfiles
from services import requests
from services.audit.names import CardNames, unnamed
from services.audit.subject import about
from services.call_time import deadline_of
from services.callers.caller import current_caller
from services.card import HeldCard
from services.errors import InvalidRequestError, RequestReusedError
from services.operations.journal import Operation, OperationJournal, OperationRequest, OperationState
from services.pin_entry import has_pad
from services.pin_guard import PinGuard
from services.pin_operations import PinOperation
from services.places import CardPlace, card_place
from services.readers import ReaderHub
from sscard.v1 import pin_pb2, pin_pb2_grpc

T = TypeVar("T")
Done = TypeVar("Done", pin_pb2.ChangePinResponse, pin_pb2.ResetPinResponse, pin_pb2.UnblockPinResponse)
Context = grpc.aio.ServicerContext[Any, Any]

STANDARD: Final = RegionalProfiles()
"""Nothing beyond the standard."""
DIGITS_OF_PADS: Final = 12
"""What PIN pads take, unless they are set otherwise [flows R34]."""

RESULTS: Final = {result: pin_pb2.PinResult.Value(f"PIN_RESULT_{result.name}") for result in PinResult}
STATES: Final = {state: pin_pb2.PinState.Value(f"PIN_STATE_{state.name}") for state in PinState}


@dataclass(frozen=True, slots=True)
class OpenCard:
    """A card that a call holds, its application selected; ``mark``: which one."""

    held: HeldCard
    session: CardSession
    mark: CardMark


class PinService(pin_pb2_grpc.PinServiceServicer):
    """Parse, one flow, map.

    ``operations`` is called, in a thread, when the journal is needed. ``guard``: the hub's own, which knows the initial
    PINs. ``card_digest``: a keyed digest of what identifies a card, up to 64 characters; called in a thread.
    ``named``: what a card is called on record.
    ``station``: name of this machine. ``call_deadline``: seconds that a call takes at most. ``regional``: what regions
    add to the card.
    """

    def __init__(  # noqa: PLR0913  # made in one place
        self,
        hub: ReaderHub,
        custodian: KeyCustodian,
        *,
        call_deadline: float,
        operations: Callable[[], OperationJournal],
        guard: PinGuard,
        card_digest: Callable[[bytes], str],
        named: CardNames = unnamed,
        station: str = "",
        regional: RegionalProfiles = STANDARD,
    ) -> None:
        self._hub = hub
        self._custodian = custodian
        self._call_deadline = call_deadline
        self._operations = operations
        self._guard = guard
        self._card_digest = card_digest
        self._named = named
        self._station = station
        self._profiles = regional
        self._forms = FormMemory()

    async def GetPinStatus(  # noqa: N802  the stub's name
        self, request: pin_pb2.GetPinStatusRequest, context: Context
    ) -> pin_pb2.GetPinStatusResponse:
        """How the PIN stands."""
        async with self._opened(card_place(request), context) as card:
            status = await card.held.run(pin_status(card.session), self._custodian.answer)
            return pin_pb2.GetPinStatusResponse(
                state=STATES[status.state],
                tries_left=status.tries_left or 0,
                verified=card.held.pin_verified,
                pin_pad=await has_pad(card.held),
            )

    async def VerifyPin(  # noqa: N802
        self, request: pin_pb2.VerifyPinRequest, context: Context
    ) -> pin_pb2.VerifyPinResponse:
        """One PIN, at most once."""
        place = card_place(request)
        pin = _required("pin", request.pin)
        async with self._opened(place, context) as card:
            flow = verify_pin(
                card.session,
                pin,
                allow_last_try=request.allow_last_try,
                card_is_new=request.card_is_new,
                counted=True,
            )
            attempt = await card.held.run(flow, self._custodian.answer)
            return self._attempted(card, attempt, initial=self._guard.is_initial(pin))

    async def ChangePin(  # noqa: N802
        self, request: pin_pb2.ChangePinRequest, context: Context
    ) -> pin_pb2.ChangePinResponse:
        """Another PIN, by the right of the old one."""
        place = card_place(request)
        request_id = requests.request_id(request.request_id)
        old = requests.packed_pin(request.old_pin, field="old_pin") or Secret(b"")
        new = self._new_pin(request.new_pin, old)
        answer = pin_pb2.ChangePinResponse(longer_than_pads=len(request.new_pin) > DIGITS_OF_PADS)

        def flow(card: OpenCard, *, announced: bool) -> Flow[PinAttempt]:
            part = resume_change if announced else change_pin
            return part(card.session, old, new, allow_last_try=request.allow_last_try, card_is_new=request.card_is_new)

        def changed(attempt: PinAttempt) -> pin_pb2.ChangePinResponse | PinResult:
            answer.result, answer.tries_left = RESULTS[attempt.result], attempt.tries_left
            return answer if attempt.result is PinResult.OK else attempt.result

        return await self._journalled("ChangePin", request_id, place, context, flow, changed, answer)

    async def ResetPin(  # noqa: N802
        self, request: pin_pb2.ResetPinRequest, context: Context
    ) -> pin_pb2.ResetPinResponse:
        """Another PIN, by the right of PUK."""
        place = card_place(request)
        request_id = requests.request_id(request.request_id)
        new = self._new_pin(request.new_pin)
        answer = pin_pb2.ResetPinResponse(longer_than_pads=len(request.new_pin) > DIGITS_OF_PADS)

        def flow(card: OpenCard, *, announced: bool) -> Flow[PinStatus]:  # noqa: ARG001  to repeat it is harmless
            return reset_pin(card.session, new)

        def reset(status: PinStatus) -> pin_pb2.ResetPinResponse:
            answer.tries_left = status.tries_left or 0
            return answer

        return await self._journalled("ResetPin", request_id, place, context, flow, reset, answer)

    async def UnblockPin(  # noqa: N802
        self, request: pin_pb2.UnblockPinRequest, context: Context
    ) -> pin_pb2.UnblockPinResponse:
        """The same PIN with all its tries, by the right of PUK."""
        place = card_place(request)
        request_id = requests.request_id(request.request_id)
        answer = pin_pb2.UnblockPinResponse()

        def flow(card: OpenCard, *, announced: bool) -> Flow[PinStatus]:  # noqa: ARG001  to repeat it is harmless
            return unblock_pin(card.session)

        def unblocked(status: PinStatus) -> pin_pb2.UnblockPinResponse:
            answer.tries_left = status.tries_left or 0
            return answer

        return await self._journalled("UnblockPin", request_id, place, context, flow, unblocked, answer)

    def _new_pin(self, digits: str, old: Secret | None = None) -> Secret:
        """A PIN that may be chosen; raises :class:`InvalidRequestError` and InitialPinChosenError."""
        new = _required("new_pin", digits)
        if new == old:
            raise InvalidRequestError("new_pin", "is the old PIN: the holder chooses another one")
        self._guard.check_new(new)
        return new

    @asynccontextmanager
    async def _opened(
        self, place: CardPlace, context: Context, *, limit: float | None = None
    ) -> AsyncIterator[OpenCard]:
        """The card at this place, its application selected and known by its marks.

        ``limit``: seconds in place of ``call_deadline``.
        """
        async with self._hub.addressed(place, deadline=deadline_of(context, limit or self._call_deadline)) as held:
            session = CardSession(held.atr, secrets.token_bytes, self._forms, self._profiles)
            await held.run(session.open(), self._custodian.answer)
            mark = card_mark(session)
            about(reader=held.reader, card=await asyncio.to_thread(self._named, mark))
            yield OpenCard(held, session, mark)

    async def _journalled(  # noqa: PLR0913, PLR0917
        self,
        method: str,
        request_id: str,
        place: CardPlace,
        context: Context,
        flow: Callable[..., Flow[T]],
        result: Callable[[T], Done | PinResult],
        answer: Done,
        *,
        ready: Callable[[OpenCard], Awaitable[None]] | None = None,
        answers: Answer | None = None,
        limit: float | None = None,
    ) -> Done:
        """What a flow makes of the card, once for this request.

        ``flow``: of a card, and of whether an earlier attempt has announced its change. ``result``: of what the flow
        gave, ``answer`` filled in, or why the PIN was not changed. ``ready``: awaited before the journal hears of it;
        ``answers``: to the flow's questions, the custodian's where there are none.
        """
        kind = f"PinService.{method}"
        institution = current_caller().institution
        journal = await asyncio.to_thread(self._operations)
        known = await asyncio.to_thread(journal.find, institution, request_id)
        if known is not None and known.state is OperationState.DONE:
            return _done_before(known, kind, answer)
        async with self._opened(place, context, limit=limit) as card:
            if ready is not None:
                await ready(card)
            told = card.mark.card_identifier.encode() or card.mark.historical_bytes
            wanted = self._request(kind, request_id, await asyncio.to_thread(self._card_digest, told))
            operation = await asyncio.to_thread(journal.begin, wanted)
            if operation.state is OperationState.DONE:  # by another call, while this one waited for the card
                return _done_before(operation, kind, answer)
            keeper = PinOperation(journal, operation)

            def kept(found: T) -> bytes | PinResult:
                end = result(found)
                return end if isinstance(end, PinResult) else end.SerializeToString()

            conversation = keeper.kept(flow(card, announced=keeper.announced), kept)
            await card.held.run(conversation, keeper.answering(answers or self._custodian.answer))
        return answer

    def _request(self, kind: str, request_id: str, subject: str) -> OperationRequest:
        """No PIN is in it, nor what may be added when it is repeated: a permission, another reader."""
        caller = current_caller()
        return OperationRequest(
            institution=caller.institution,
            request_id=request_id,
            kind=kind,
            subject=subject,
            digest=hashlib.sha256(f"{kind}\n{subject}".encode()).digest(),
            station=caller.terminal or self._station,
            operator=caller.name,
        )

    def _attempted(self, card: OpenCard, attempt: PinAttempt, *, initial: bool = False) -> pin_pb2.VerifyPinResponse:
        """What is said of one PIN; ``initial``: it is the initial one of a region."""
        told = PinResult.INITIAL_PIN if initial and attempt.result is PinResult.OK else attempt.result
        return pin_pb2.VerifyPinResponse(
            result=RESULTS[told], tries_left=attempt.tries_left, verified=card.held.pin_verified
        )


def _required(field: str, digits: str) -> Secret:
    pin = requests.packed_pin(digits, field=field)
    if pin is None:
        raise InvalidRequestError(field, "is required: 4 to 16 digits")
    return pin


def _done_before(operation: Operation, kind: str, answer: Done) -> Done:
    """What the request got when it was done."""
    if operation.kind != kind:
        raise RequestReusedError(operation.request_id, "kind")
    answer.ParseFromString(operation.result)
    answer.already_done = True
    return answer
