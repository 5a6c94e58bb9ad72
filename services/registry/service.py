"""RegistryService: people, their cards with their life cycle, original medical cards, institutions."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from services import requests
from services.audit.subject import about
from services.call_time import deadline_of
from services.callers.caller import current_caller
from services.errors import InvalidRequestError
from services.operations.journal import Operation, OperationState
from services.readers import ReaderHub
from services.registry import checks
from services.registry.days import today
from services.registry.documents import check_document, require_document
from services.registry.entering import changes
from services.registry.journalled import NO_RESULT, Books, once
from services.registry.lifecycle import CardEvent
from services.registry.messages import (
    EVENTS,
    INSTITUTION_KINDS,
    card_message,
    medical_card_message,
    person_message,
)
from services.registry.model import RegisteredCard
from services.registry.references import CardReferences, is_shown
from services.registry.scope import scope_of
from services.registry.texts import text
from sscard.v1 import registry_pb2, registry_pb2_grpc

R = TypeVar("R")
Context = grpc.aio.ServicerContext[Any, Any]


class RegistryService(registry_pb2_grpc.RegistryServiceServicer):
    """Parse, one method of the registry, map.

    ``books`` is called, in a thread, when the registry is needed for the first time. ``call_deadline``: seconds that a
    call takes at most. ``now``: the clock.
    """

    def __init__(
        self, hub: ReaderHub, books: Callable[[], Books], *, call_deadline: float, now: Callable[[], datetime]
    ) -> None:
        self._books = books
        self._call_deadline = call_deadline
        self._now = now
        self._references = CardReferences(hub)

    async def RegisterInstitution(  # noqa: N802  the stub's name
        self,
        request: registry_pb2.RegisterInstitutionRequest,
        context: Context,  # noqa: ARG002
    ) -> registry_pb2.RegisterInstitutionResponse:
        """An institution."""
        code = checks.institution_code("code", request.code)
        name = text("name", request.name, checks.MAX_INSTITUTION_NAME)
        if (kind := INSTITUTION_KINDS.get(request.kind)) is None:
            raise InvalidRequestError("kind", "is required: a value of InstitutionKind")
        about(detail=code)
        books = await self._opened()

        def work(operation: Operation) -> None:
            books.registry.register_institution(code, name, kind, operation=operation, result=NO_RESULT)

        await self._once(books, request, f"institution {code}", work, lambda: None)
        return registry_pb2.RegisterInstitutionResponse()

    async def RegisterPerson(  # noqa: N802
        self,
        request: registry_pb2.RegisterPersonRequest,
        context: Context,  # noqa: ARG002
    ) -> registry_pb2.RegisterPersonResponse:
        """A person, or what is new about one."""
        data = checks.person(request.person, today(self._now))
        books = await self._opened()
        # Before anything is done: who leaves in the middle leaves that on record, too.
        about(person=books.person_name(data.social_security_number))
        known, changed = await asyncio.to_thread(changes, books.registry, data)
        about(person=known.id if known else "", detail=changed)
        scope = await asyncio.to_thread(scope_of, books.registry, current_caller())
        person = await self._once(
            books,
            request,
            books.named("person", data.social_security_number),
            lambda operation: books.registry.register_person(
                data, corrects=scope.everything, operation=operation, result=NO_RESULT
            ),
            lambda: books.registry.person_by_number(data.social_security_number),
        )
        about(person=person.id)
        return registry_pb2.RegisterPersonResponse(person=person_message(person))

    async def RegisterMedicalCard(  # noqa: N802
        self,
        request: registry_pb2.RegisterMedicalCardRequest,
        context: Context,  # noqa: ARG002
    ) -> registry_pb2.RegisterMedicalCardResponse:
        """The original medical card of a person."""
        holder = checks.social_security_number("social_security_number", request.social_security_number)
        number = checks.medical_card_number("number", request.number)
        books = await self._opened()
        about(person=books.person_name(holder))
        person = await asyncio.to_thread(books.registry.person_by_number, holder)
        about(person=person.id)
        card = await self._once(
            books,
            request,
            books.named("medical card", number),
            lambda operation: books.registry.register_medical_card(
                person.id, number, today=today(self._now), operation=operation, result=NO_RESULT
            ),
            lambda: books.registry.medical_card_by_number(number),
        )
        return registry_pb2.RegisterMedicalCardResponse(medical_card=medical_card_message(card))

    async def RegisterCard(  # noqa: N802
        self,
        request: registry_pb2.RegisterCardRequest,
        context: Context,  # noqa: ARG002
    ) -> registry_pb2.RegisterCardResponse:
        """A card that was made elsewhere."""
        holder = checks.social_security_number("social_security_number", request.social_security_number)
        identifier = checks.card_identifier("card_identifier", request.card_identifier)
        number = checks.card_number("card_number", request.card_number)
        books = await self._opened()
        about(person=books.person_name(holder), card=books.card_name(identifier))
        person = await asyncio.to_thread(books.registry.person_by_number, holder)
        about(person=person.id)
        card = await self._once(
            books,
            request,
            books.named("card", identifier),
            lambda operation: books.registry.register_card(
                person.id, identifier, number, issued=self._now(), operation=operation, result=NO_RESULT
            ),
            lambda: books.registry.card_by_identifier(identifier),
        )
        about(card=card.id)
        return registry_pb2.RegisterCardResponse(card=card_message(card))

    async def DeliverCard(  # noqa: N802
        self, request: registry_pb2.DeliverCardRequest, context: Context
    ) -> registry_pb2.DeliverCardResponse:
        """A card handed out; the document is compared before anything changes."""
        check_document(request.document)
        day = today(self._now)
        received = checks.received_day("received_date", request.received_date, day) if request.received_date else day
        books = await self._opened()
        scope = await asyncio.to_thread(scope_of, books.registry, current_caller())
        card = await self._meant(books, request, context)
        about(card=card.id, person=card.person_id, detail=CardEvent.DELIVER)

        def work(operation: Operation) -> RegisteredCard:
            require_document(request.document, books.registry.person(card.person_id))
            made = books.registry.made_day(card.card_identifier) if request.received_date else None
            if made is not None and received < made:
                raise InvalidRequestError("received_date", f"is a day before the card was made, {made}")
            return books.registry.change(
                card.id,
                CardEvent.DELIVER,
                reason="",
                outlet=operation.institution,
                received=received,
                only_of=scope.only_of,
                operation=operation,
                result=NO_RESULT,
            )

        card = await self._once(books, request, card.id, work, lambda: books.registry.card(card.id))
        return registry_pb2.DeliverCardResponse(card=card_message(card))

    async def ChangeCardState(  # noqa: N802
        self, request: registry_pb2.ChangeCardStateRequest, context: Context
    ) -> registry_pb2.ChangeCardStateResponse:
        """Anything else that happens to a card."""
        if (event := EVENTS.get(request.event)) is None:
            raise InvalidRequestError("event", "is required: a value of CardEvent")
        reason = checks.reason("reason", request.reason)
        replacement_id = _replacement(request, event)
        books = await self._opened()
        scope = await asyncio.to_thread(scope_of, books.registry, current_caller())
        card = await self._meant(books, request, context)
        about(card=card.id, person=card.person_id, detail=event)
        if replacement_id == card.id:
            raise InvalidRequestError("replacement_id", "is the card itself")

        def work(operation: Operation) -> RegisteredCard:
            return books.registry.change(
                card.id,
                event,
                reason=reason,
                outlet=operation.institution if event is CardEvent.RECEIVE else "",
                replacement_id=replacement_id,
                only_of=scope.only_of,
                operation=operation,
                result=NO_RESULT,
            )

        card = await self._once(books, request, card.id, work, lambda: books.registry.card(card.id))
        return registry_pb2.ChangeCardStateResponse(card=card_message(card))

    async def GetCard(  # noqa: N802
        self, request: registry_pb2.GetCardRequest, context: Context
    ) -> registry_pb2.GetCardResponse:
        """A card."""
        books = await self._opened()
        card = await self._references.find(
            request.card, books.registry, deadline=deadline_of(context, self._call_deadline), named=books.card_name
        )
        about(card=card.id, person=card.person_id)
        return registry_pb2.GetCardResponse(card=card_message(card))

    async def GetPerson(  # noqa: N802
        self,
        request: registry_pb2.GetPersonRequest,
        context: Context,  # noqa: ARG002
    ) -> registry_pb2.GetPersonResponse:
        """A person, with cards and original medical cards."""
        wanted = _wanted_person(request)
        by_id = request.WhichOneof("by") == "id"
        books = await self._opened()
        registry = books.registry
        about(person=wanted if by_id else books.person_name(wanted))

        def found() -> registry_pb2.GetPersonResponse:
            person = registry.person(wanted) if by_id else registry.person_by_number(wanted)
            return registry_pb2.GetPersonResponse(
                person=person_message(person),
                cards=map(card_message, registry.cards_of(person.id)),
                medical_cards=map(medical_card_message, registry.medical_cards_of(person.id)),
            )

        response = await asyncio.to_thread(found)
        about(person=response.person.id)
        return response

    async def _opened(self) -> Books:
        return await asyncio.to_thread(self._books)

    async def _meant(
        self,
        books: Books,
        request: registry_pb2.DeliverCardRequest | registry_pb2.ChangeCardStateRequest,
        context: Context,
    ) -> RegisteredCard:
        """The card of a request. One that was shown to a request that is done need not be shown again."""
        request_id = requests.request_id(request.request_id)
        if is_shown(request.card):
            known = await asyncio.to_thread(books.operations.find, current_caller().institution, request_id)
            if known is not None and known.state is OperationState.DONE and known.kind == _kind(request):
                return await asyncio.to_thread(books.registry.card, known.subject)
        return await self._references.find(
            request.card, books.registry, deadline=deadline_of(context, self._call_deadline), named=books.card_name
        )

    async def _once(
        self, books: Books, request: Any, subject: str, work: Callable[[Operation], R], again: Callable[[], R]
    ) -> R:
        request_id = requests.request_id(request.request_id)
        journalled = books.request(_kind(request), request_id, subject, request)
        return await asyncio.to_thread(once, books.operations, journalled, work, again)


def _kind(request: Message) -> str:
    """The method of a request, as the journal has it."""
    return f"RegistryService.{type(request).__name__.removesuffix('Request')}"


def _replacement(request: registry_pb2.ChangeCardStateRequest, event: CardEvent) -> str:
    if event is CardEvent.REPLACE:
        return checks.registry_id("replacement_id", request.replacement_id)
    if request.replacement_id:
        raise InvalidRequestError("replacement_id", "is for CARD_EVENT_REPLACE")
    return ""


def _wanted_person(request: registry_pb2.GetPersonRequest) -> str:
    match request.WhichOneof("by"):
        case "id":
            return checks.registry_id("id", request.id)
        case "social_security_number":
            return checks.social_security_number("social_security_number", request.social_security_number)
        case _:
            raise InvalidRequestError("id", "is missing, and so is social_security_number")
