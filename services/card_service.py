"""CardService: what a card can do."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime
from typing import Any, Final

import grpc

from cardlib.custody import KeyCustodian
from cardlib.flows.pin import CardMark, mark_of
from cardlib.flows.read_files import read_files
from cardlib.flows.read_identity import AuthenticityCheck, read_identity
from cardlib.flows.read_photo import read_photo
from cardlib.flows.update_items import update_items
from cardlib.forms import FormMemory
from cardlib.regional import RegionalProfiles
from services import requests
from services.audit.held import told_of
from services.audit.names import CardNames, unnamed
from services.audit.subject import about
from services.call_time import deadline_of
from services.card import HeldCard
from services.errors import InvalidRequestError
from services.leases import LeaseView
from services.mapping import answers, leases
from services.mapping.changes import changes
from services.operations.journal import OperationState
from services.places import CardPlace, card_place
from services.readers import ReaderHub
from services.updating import Updates
from sscard.v1 import card_pb2, card_pb2_grpc, lease_pb2

STANDARD: Final = RegionalProfiles()
"""Nothing beyond the standard."""

CHECKS = {
    card_pb2.AUTHENTICITY_CHECK_UNSPECIFIED: AuthenticityCheck.WHEN_POSSIBLE,
    **{card_pb2.AuthenticityCheck.Value(f"AUTHENTICITY_CHECK_{check.name}"): check for check in AuthenticityCheck},
}


class CardService(card_pb2_grpc.CardServiceServicer):
    """Parse, one flow, map.

    ``call_deadline``: seconds that a call takes at most. ``updates``: the journal of updates. ``regional``: what
    regions add to the card. ``today`` is the clock by which validity is judged, ``now`` the one by which leases are
    told to end. ``named``: what a card is called on record.
    """

    def __init__(  # noqa: PLR0913  # made in one place
        self,
        hub: ReaderHub,
        custodian: KeyCustodian,
        *,
        call_deadline: float,
        updates: Updates,
        regional: RegionalProfiles = STANDARD,
        today: Callable[[], date] = date.today,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        named: CardNames = unnamed,
    ) -> None:
        self._hub = hub
        self._custodian = custodian
        self._call_deadline = call_deadline
        self._updates = updates
        self._today = today
        self._now = now
        self._named = named
        self._profiles = regional
        self._forms = FormMemory()

    async def ReadIdentity(  # noqa: N802  the stub's name
        self, request: card_pb2.ReadIdentityRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> card_pb2.ReadIdentityResponse:
        """Whose card it is, and whether it is genuine."""
        place = card_place(request)
        check = CHECKS.get(request.authenticity_check)
        if check is None:
            raise InvalidRequestError("authenticity_check", "is no value of AuthenticityCheck")
        async with self._held(place, context) as card:
            flow = read_identity(card.atr, rng=secrets.token_bytes, today=self._today(), forms=self._forms, check=check)
            reading = await card.run(flow, self._custodian.answer)
            atr = card.atr
        await self._tell_of(mark_of(reading.historical_bytes, reading.issuer))
        return answers.identity_response(reading, atr)

    async def ReadFiles(  # noqa: N802
        self, request: card_pb2.ReadFilesRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> card_pb2.ReadFilesResponse:
        """Any files and items of the card."""
        place = card_place(request)
        wanted = requests.wanted_names(request.files, request.read_mask)
        pin = requests.packed_pin(request.pin)
        async with self._held(place, context) as card:
            flow = read_files(
                card.atr,
                wanted,
                rng=secrets.token_bytes,
                today=self._today(),
                forms=self._forms,
                pin=pin,
                pin_verified=card.pin_verified,
                allow_last_try=request.allow_last_try,
                card_is_new=request.card_is_new,
                profiles=self._profiles,
            )
            reading = await card.run(flow, self._custodian.answer)
        await self._tell_of(reading.card, detail=" ".join(reading.files))
        return answers.files_response(reading)

    async def ReadPhoto(  # noqa: N802
        self, request: card_pb2.ReadPhotoRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> AsyncIterator[card_pb2.ReadPhotoResponse]:
        """The holder's photo; the card is let go before a caller that may be slow gets the first piece."""
        place = card_place(request)
        async with self._held(place, context) as card:
            flow = read_photo(card.atr, rng=secrets.token_bytes, forms=self._forms)
            photo = await card.run(flow, self._custodian.answer)
        await self._tell_of(photo.card)
        for piece in answers.photo_pieces(photo.image):
            yield piece

    async def UpdateItems(  # noqa: N802
        self, request: card_pb2.UpdateItemsRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> card_pb2.UpdateItemsResponse:
        """New values of items."""
        place = card_place(request)
        requests.request_id(request.request_id)
        # What regions add comes last: the newest profile that has an item says which kind of value it takes.
        wanted = changes(request, self._profiles.every)
        pin = requests.packed_pin(request.pin)
        async with self._held(place, context) as card:
            operation = await asyncio.to_thread(self._updates.begin, request, card.atr)
            if operation.state is OperationState.DONE:
                done = card_pb2.UpdateItemsResponse.FromString(operation.result)
                done.already_done = True
                return done
            flow = update_items(
                card.atr,
                wanted,
                rng=secrets.token_bytes,
                forms=self._forms,
                pin=pin,
                pin_verified=card.pin_verified,
                allow_last_try=request.allow_last_try,
                card_is_new=request.card_is_new,
                profiles=self._profiles,
            )
            report = await card.run(self._updates.kept(flow, operation), self._custodian.answer)
        await self._tell_of(report.card, detail=" ".join(report.items))
        return answers.update_response(report)

    async def AcquireCard(  # noqa: N802
        self, request: lease_pb2.AcquireCardRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> lease_pb2.AcquireCardResponse:
        """Keep a card for several calls."""
        reader = requests.reader_name(request.reader)
        idle = leases.seconds(request, "idle_time")
        if idle == 0:
            raise InvalidRequestError("idle_time", "is longer than zero")
        wait = leases.seconds(request, "wait")
        view = await self._hub.leases.acquire(
            reader, deadline=deadline_of(context, self._call_deadline), idle=idle, wait=wait
        )
        await self._tell_of_leased(view)
        return lease_pb2.AcquireCardResponse(state=leases.lease_state(view, self._now()))

    async def RenewCard(  # noqa: N802
        self, request: lease_pb2.RenewCardRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> lease_pb2.RenewCardResponse:
        """Have a lease last longer, and tell its epoch."""
        place = CardPlace(lease_id=leases.lease_id(request), epoch=request.lease.epoch)
        view = await self._hub.leases.renew(place, deadline=deadline_of(context, self._call_deadline))
        await self._tell_of_leased(view)
        return lease_pb2.RenewCardResponse(state=leases.lease_state(view, self._now()))

    async def ReleaseCard(  # noqa: N802
        self, request: lease_pb2.ReleaseCardRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> lease_pb2.ReleaseCardResponse:
        """End a lease."""
        await self._hub.leases.release(leases.lease_id(request), deadline=deadline_of(context, self._call_deadline))
        return lease_pb2.ReleaseCardResponse()

    def _held(
        self, place: CardPlace, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> AbstractAsyncContextManager[HeldCard]:
        return told_of(self._hub.addressed(place, deadline=deadline_of(context, self._call_deadline)), self._named)

    async def _tell_of(self, card: CardMark, detail: str = "") -> None:
        """Say which card this was about, for the audit; it was let go already."""
        about(card=await asyncio.to_thread(self._named, card), detail=detail)

    async def _tell_of_leased(self, lease: LeaseView) -> None:
        about(reader=lease.reader)
        if lease.mark is not None:
            await self._tell_of(lease.mark)
