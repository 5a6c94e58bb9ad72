"""ActivationService: turning cards on, at banks, in hospitals, in pharmacies; and the half-year rule."""

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message

from apdu.secret import Secret
from cardlib.custody import KeyCustodian
from cardlib.flows.pin import AtPad
from cardlib.flows.present_card import MemoryNumbers
from cardlib.forms import FormMemory
from services import requests
from services.activation.conversation import Tools, activate, answering
from services.activation.deadlines import Applying, apply_deadlines
from services.activation.messages import (
    activation_message,
    bank_activation_message,
    outcome_message,
    reminder_message,
)
from services.activation.pharmacy import Pharmacy
from services.activation.records import Attempt, Outcome, Records, Wanted
from services.audit.subject import about
from services.call_time import deadline_of
from services.callers.caller import current_caller
from services.errors import InvalidRequestError
from services.operations.journal import Operation
from services.pin_entry import ANY_DIGITS, MARGIN, PadDesk, PadDigits, as_message, check_pad
from services.pin_guard import PinGuard
from services.places import card_place
from services.readers import ReaderHub
from services.registry import checks
from services.registry.days import today
from services.registry.documents import check_document
from services.registry.journalled import NO_RESULT, Books, once
from services.registry.lifecycle import CardState
from services.registry.messages import card_message, medical_card_message
from services.registry.model import ActivationWay, BankActivation, RegisteredCard
from services.registry.references import CardReferences
from services.registry.scope import scope_of
from services.registry.texts import text
from sscard.v1 import activation_pb2, activation_pb2_grpc

T = TypeVar("T")
Context = grpc.aio.ServicerContext[Any, Any]
Tell: TypeAlias = Callable[[Message], None]

MAX_TELLER: Final = 64
MAX_DAYS: Final = 366
SWAP_SECONDS, LONGEST_SWAP = 60, 300
PIECE: Final = 100
"""Reminders that are fetched at once."""


class ActivationService(activation_pb2_grpc.ActivationServiceServicer):
    """Parse, one conversation, map.

    ``books`` is called, in a thread, when they are needed for the first time. ``guard``: the hub's own.
    ``initial_pin``: digits of the PIN that the region's cards are issued with, "" where they have none. ``memory``:
    where original medical cards that are memory cards have their number, None where there are none. ``now``: the clock.
    ``call_deadline``: seconds that a conversation with a card takes at most, ``pad_deadline`` with PINs typed at a pad.
    ``pad_digits``: of those.
    """

    def __init__(  # noqa: PLR0913  # made in one place
        self,
        hub: ReaderHub,
        custodian: KeyCustodian,
        *,
        books: Callable[[], Books],
        guard: PinGuard,
        initial_pin: str,
        memory: MemoryNumbers | None,
        now: Callable[[], datetime],
        call_deadline: float,
        pad_deadline: float = 120.0,
        pad_digits: PadDigits = ANY_DIGITS,
    ) -> None:
        self._hub = hub
        self._custodian = custodian
        self._books = books
        self._guard = guard
        self._now = now
        self._call_deadline = call_deadline
        self._pad_deadline = pad_deadline
        self._pad_digits = pad_digits
        self._references = CardReferences(hub)
        self._tools = Tools(
            rng=secrets.token_bytes,
            today=lambda: today(now),
            forms=FormMemory(),
            initial_pin=requests.packed_pin(initial_pin) or Secret(b""),
            memory=memory,
        )

    async def ActivateAtBank(  # noqa: N802  the stub's name
        self, request: activation_pb2.ActivateAtBankRequest, context: Context
    ) -> AsyncIterator[activation_pb2.ActivateAtBankResponse]:
        """Card, document, and a PIN that the holder chooses."""
        check_document(request.document)
        if bool(request.new_pin) is request.pin_at_pad:
            raise InvalidRequestError("new_pin", "or pin_at_pad is required: one of both")
        if request.pin_at_pad and request.old_pin:
            raise InvalidRequestError("old_pin", "is typed at the pad: leave it empty")
        operator = text("teller", request.teller, MAX_TELLER, least=0)
        async for event in self._at_counter(ActivationWay.BANK, request, context, operator=operator):
            yield activation_pb2.ActivateAtBankResponse(**event)

    async def ActivateAtHospital(  # noqa: N802
        self, request: activation_pb2.ActivateAtHospitalRequest, context: Context
    ) -> AsyncIterator[activation_pb2.ActivateAtHospitalResponse]:
        """The first registration activates, every other one reads."""
        if not request.registration or request.registration not in activation_pb2.Registration.values():
            raise InvalidRequestError("registration", "is required: a value of Registration")
        async for event in self._at_counter(ActivationWay.HOSPITAL, request, context):
            yield activation_pb2.ActivateAtHospitalResponse(**event)

    async def ActivateAtPharmacy(  # noqa: N802
        self, request: activation_pb2.ActivateAtPharmacyRequest, context: Context
    ) -> AsyncIterator[activation_pb2.ActivateAtPharmacyResponse]:
        """The original medical card, then the new one."""
        original = requests.reader_name(request.medical_card_reader, field="medical_card_reader")
        new = requests.reader_name(request.reader) if request.reader else original
        if request.swap_seconds > LONGEST_SWAP:
            raise InvalidRequestError("swap_seconds", f"takes 1 to {LONGEST_SWAP}, or 0 for {SWAP_SECONDS}")
        wanted = await self._wanted(ActivationWay.PHARMACY, request)

        async def work(attempt: Attempt, tell: Tell) -> Outcome:
            pharmacy = Pharmacy(
                hub=self._hub,
                original=original,
                new=new,
                seconds=request.swap_seconds or SWAP_SECONDS,
                tell=tell,
                deadline=lambda: deadline_of(context, self._call_deadline),
                answer=self._custodian.answer,
            )
            return await pharmacy.activate(attempt, self._tools)

        async for event in self._streamed(wanted, work, context):
            yield activation_pb2.ActivateAtPharmacyResponse(**event)

    async def ReportBankActivation(  # noqa: N802
        self, request: activation_pb2.ReportBankActivationRequest, context: Context
    ) -> activation_pb2.ReportBankActivationResponse:
        """What the bank says of its own application, put down beside."""
        request_id = requests.request_id(request.request_id)
        if not request.HasField("time"):
            raise InvalidRequestError("time", "is required")
        try:
            moment = request.time.ToDatetime(UTC)
        except ValueError:
            raise InvalidRequestError("time", "is no moment between the years 1 and 9999") from None
        if moment > self._now():
            raise InvalidRequestError("time", "is in the future")
        books = await asyncio.to_thread(self._books)
        card = await self._card(request, context, books)
        scope = await asyncio.to_thread(scope_of, books.registry, current_caller())
        noted = BankActivation(card_id=card.id, institution=scope.institution, time=moment)
        operation = books.request("ActivationService.ReportBankActivation", request_id, card.id, request)

        def work(begun: Operation) -> None:
            scope.require_bank_of(card)
            books.registry.note_bank_activation(noted, operation=begun, result=NO_RESULT)

        await asyncio.to_thread(once, books.operations, operation, work, lambda: None)
        return activation_pb2.ReportBankActivationResponse()

    async def GetActivation(  # noqa: N802
        self, request: activation_pb2.GetActivationRequest, context: Context
    ) -> activation_pb2.GetActivationResponse:
        """How a card stands with activation."""
        books = await asyncio.to_thread(self._books)
        card = await self._card(request, context, books)
        return await asyncio.to_thread(self._standing, books, card)

    async def ListActivationReminders(  # noqa: N802
        self,
        request: activation_pb2.ListActivationRemindersRequest,
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[activation_pb2.ListActivationRemindersResponse]:
        """The cards that have to be activated soon, as the registry reads them."""
        if request.days > MAX_DAYS:
            raise InvalidRequestError("days", f"takes 0 to {MAX_DAYS}")
        asked = checks.institution_code("outlet", request.outlet) if request.outlet else ""
        about(detail=f"days {request.days} {asked}".rstrip())
        books = await asyncio.to_thread(self._books)
        scope = await asyncio.to_thread(scope_of, books.registry, current_caller())
        outlet = scope.outlet_of_reminders(asked)
        reminders = books.registry.reminders(today=today(self._now), days=request.days, outlet=outlet)
        people: set[str] = set()
        while True:
            piece = await asyncio.to_thread(lambda: tuple(itertools.islice(reminders, PIECE)))
            people.update(reminder.person.id for reminder in piece)
            # Before they go out: who leaves in the middle may have had them.
            about(detail=f"days {request.days} {outlet}".rstrip() + f": {len(people)} people")
            if not piece:
                return
            for reminder in piece:
                yield reminder_message(reminder)

    async def ApplyActivationDeadlines(  # noqa: N802
        self,
        request: activation_pb2.ApplyActivationDeadlinesRequest,
        context: Context,  # noqa: ARG002
    ) -> activation_pb2.ApplyActivationDeadlinesResponse:
        """The half-year rule, as of today."""
        caller = current_caller()
        by = Applying(
            institution=caller.institution,
            request_id=requests.request_id(request.request_id),
            operator=caller.name,
            station=caller.terminal,
        )
        books = await asyncio.to_thread(self._books)
        (await asyncio.to_thread(scope_of, books.registry, caller)).require_centre("the half-year rule")
        overdue, restricted = await asyncio.to_thread(apply_deadlines, books, by, today=today(self._now))
        about(detail=f"overdue {overdue}, restricted {restricted}")
        return activation_pb2.ApplyActivationDeadlinesResponse(overdue=overdue, restricted=restricted)

    async def _at_counter(
        self, way: ActivationWay, request: Any, context: Context, *, operator: str = ""
    ) -> AsyncIterator[dict[str, Any]]:
        """One card, in a reader or under a lease."""
        place = card_place(request)
        wanted = await self._wanted(way, request, operator=operator)

        async def work(attempt: Attempt, tell: Tell) -> Outcome:
            deadline = deadline_of(context, self._pad_deadline if wanted.at_pad else self._call_deadline)
            async with self._hub.addressed(place, deadline=deadline) as held:
                about(reader=held.reader)
                answer = answering(attempt, self._custodian.answer)
                if not wanted.at_pad:
                    return await held.run(activate(held.atr, attempt, self._tools), answer)
                entry = self._pad_digits.change()
                await check_pad(held, entry)
                pad: PadDesk[Outcome] = PadDesk(deadline - MARGIN)
                pad.at(held)
                flow = activate(held.atr, attempt, self._tools, pad=AtPad(entry))
                async with contextlib.aclosing(pad.told(held.run(flow, pad.answering(answer)))) as events:
                    async for event in events:
                        if isinstance(event, Outcome):
                            return event
                        tell(as_message(event))
            raise AssertionError("it ends with what came of it")

        async for event in self._streamed(wanted, work, context):
            yield event

    async def _streamed(
        self, wanted: Wanted, work: Callable[[Attempt, Tell], Awaitable[Outcome]], context: Context
    ) -> AsyncIterator[dict[str, Any]]:
        """What happens, then what came of it, each under the name of its field."""
        events: asyncio.Queue[Message | None] = asyncio.Queue()
        # A task of its own holds the card, so that it is let go at once when the caller leaves, whatever this generator
        # is waiting for then.
        working = asyncio.ensure_future(self._worked(wanted, work, events.put_nowait))
        working.add_done_callback(lambda _: events.put_nowait(None))
        context.add_done_callback(lambda _: working.cancel())  # type: ignore[arg-type]  # the stubs want a class
        try:
            while (event := await events.get()) is not None:
                yield {"prompt" if isinstance(event, activation_pb2.ActivationPrompt) else "entry": event}
            yield {"outcome": outcome_message(await working)}
        finally:
            working.cancel()

    async def _worked(self, wanted: Wanted, work: Callable[[Attempt, Tell], Awaitable[Outcome]], tell: Tell) -> Outcome:
        """What came of the request: when it was sent before, or now."""
        books = await asyncio.to_thread(self._books)
        records = Records(books, self._now)
        attempt = Attempt(records, wanted)
        try:
            outcome = await asyncio.to_thread(records.done_before, wanted) or await work(attempt, tell)
        except BaseException:
            about(card=attempt.card_id, person=attempt.person_id, detail=wanted.way)
            raise
        done = "activated" if outcome.activated else "not activated" if outcome.activation is None else "read"
        about(card=outcome.card.id, person=outcome.person.id, detail=f"{wanted.way}: {done}")
        return outcome

    async def _wanted(self, way: ActivationWay, request: Any, *, operator: str = "") -> Wanted:
        """What is asked for; raises :class:`InvalidRequestError` and InitialPinChosenError."""
        request_id = requests.request_id(request.request_id)
        old = requests.packed_pin(request.old_pin, field="old_pin")
        new = requests.packed_pin(request.new_pin, field="new_pin")
        if new is None and old is not None:
            raise InvalidRequestError("old_pin", "goes with new_pin: nothing is verified here")
        if new is not None:
            self._guard.check_new(new)
            if new == old:
                raise InvalidRequestError("new_pin", "is the old PIN: the holder chooses another one")
        books = await asyncio.to_thread(self._books)
        kind = f"ActivationService.ActivateAt{way.name.capitalize()}"
        named = books.request(kind, request_id, "", _without_pins_and_readers(request))
        return Wanted(
            way=way,
            kind=kind,
            request_id=request_id,
            institution=named.institution,
            station=named.station,
            operator=operator or named.operator,
            digest=named.digest,
            document=request.document if way is ActivationWay.BANK else None,
            old_pin=old,
            new_pin=new,
            at_pad=getattr(request, "pin_at_pad", False),
        )

    async def _card(self, request: Any, context: Context, books: Books) -> RegisteredCard:
        card = await self._references.find(
            request.card,
            books.registry,
            deadline=deadline_of(context, self._call_deadline),
            named=books.card_name,
        )
        about(card=card.id, person=card.person_id)
        return card

    def _standing(self, books: Books, card: RegisteredCard) -> activation_pb2.GetActivationResponse:
        records, registry = Records(books, self._now), books.registry
        late = card.deadline is not None and card.deadline < today(self._now)
        answer = activation_pb2.GetActivationResponse(
            card=card_message(card),
            overdue=late and card.state is CardState.DELIVERED,
            medical_cards=map(medical_card_message, registry.medical_cards_of(card.person_id)),
        )
        if (found := activation_message(records.standing(card))) is not None:
            answer.activation.CopyFrom(found)
        if (noted := registry.bank_activation_of(card.id)) is not None:
            answer.bank_activation.CopyFrom(bank_activation_message(noted))
        return answer


def _without_pins_and_readers(request: Message) -> Message:
    """What makes a request this one: it may be repeated with another PIN, and at another reader."""
    told = type(request)()
    told.CopyFrom(request)
    for name in ("reader", "lease", "medical_card_reader", "swap_seconds", "old_pin", "new_pin", "pin_at_pad"):
        if name in told.DESCRIPTOR.fields_by_name:
            told.ClearField(name)
    return told
