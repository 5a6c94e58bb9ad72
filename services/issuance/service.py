"""IssuanceService: making and verifying cards."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias, cast

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from apdu.atr import ATR
from cardlib.custody import KeyCustodian
from cardlib.issuance.questions import Note
from cardlib.issuance.report import CardReport
from services import requests
from services.errors import CertificateUnknownError, InvalidRequestError, RequestReusedError
from services.issuance.certificate import Certificate, Making
from services.issuance.journal import Issuance, Request, State
from services.issuance.orders import Ordered
from services.issuance.runner import IssueFlow, JournalledAnswer, VerifyFlow, certified, noting_only_progress
from services.readers import ReaderHub
from services.store.store import Store
from sscard.v1 import card_pb2, issuance_pb2, issuance_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]
Draw: TypeAlias = Callable[[Ordered, "issuance_pb2.FaceFormat.ValueType"], tuple[bytes, str]]
"""Draws the face of an order's card: a picture, and its media type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuing:
    """What this service issues with, besides readers, keys and its store.

    ``issue``, ``verify``: what makes and examines a card. ``read_order``: makes an order of a message. ``draw``: the
    face of an order's card. ``station``: name of this machine. ``issue_deadline``:
    seconds that making a card, or examining one, takes at most.
    """

    issue: IssueFlow
    verify: VerifyFlow
    read_order: Callable[[issuance_pb2.CardOrder], Ordered]
    draw: Draw
    station: str
    issue_deadline: float


class IssuanceService(issuance_pb2_grpc.IssuanceServiceServicer):
    """Parse, one flow, map.

    ``store`` is called, in a thread, when the store is needed for the first time: most services never make a card.
    """

    def __init__(self, hub: ReaderHub, custodian: KeyCustodian, store: Callable[[], Store], issuing: Issuing) -> None:
        self._hub = hub
        self._custodian = custodian
        self._store = store
        self._issuing = issuing

    async def PersonaliseCard(  # noqa: N802  the stub's name
        self, request: issuance_pb2.PersonaliseCardRequest, context: Context
    ) -> AsyncIterator[issuance_pb2.PersonaliseCardResponse]:
        """Progress, then the certificate."""
        steps: asyncio.Queue[Note | None] = asyncio.Queue()
        # A task of its own holds the card, so that it is let go at once when the caller leaves, whatever this generator
        # is waiting for then.
        making = asyncio.ensure_future(self._made(request, context, steps.put_nowait))
        making.add_done_callback(lambda _: steps.put_nowait(None))
        context.add_done_callback(lambda _: making.cancel())  # type: ignore[arg-type]  # the stubs want a class
        try:
            while (step := await steps.get()) is not None:
                yield issuance_pb2.PersonaliseCardResponse(progress=_progress(step))
            yield issuance_pb2.PersonaliseCardResponse(issued=await making)
        finally:
            making.cancel()

    async def VerifyCard(  # noqa: N802
        self, request: issuance_pb2.VerifyCardRequest, context: Context
    ) -> issuance_pb2.VerifyCardResponse:
        """Whether a card is what was ordered, and as its certificate says."""
        reader = requests.reader_name(request.reader)
        if request.certificate_number and request.certificate_document:
            raise InvalidRequestError("certificate_document", "takes the place of certificate_number: send one of both")
        ordered = await self._ordered(request.order)
        if ordered.order.premade:
            raise InvalidRequestError("order.template", "is for pre-made cards: it does not say all that is on them")
        store = await asyncio.to_thread(self._store)
        given = Certificate.load(request.certificate_document) if request.certificate_document else None
        deadline = _deadline(context, self._issuing.issue_deadline)
        async with self._hub.card(reader, deadline=deadline) as card:
            flow = self._issuing.verify(ordered.order, card.atr, rng=secrets.token_bytes)
            report = await card.run(flow, noting_only_progress(self._custodian.answer, lambda _: None))
        certificate = given or await asyncio.to_thread(
            _certificate_for, store, request.certificate_number, report.historical_bytes
        )
        beside = certificate.compared(report, store.digests) if certificate else None
        return issuance_pb2.VerifyCardResponse(
            card_version=report.version,
            algorithm=card_pb2.Algorithm.Value(f"ALGORITHM_{report.algorithm.name}"),
            files=len(report.files),
            keys=len(report.keys),
            pin_set=report.pin_tries is not None,
            pin_tries=report.pin_tries or 0,
            certificate_number=certificate.number if certificate else "",
            differences=beside.differences if beside else (),
            not_compared=beside.not_compared if beside else (),
        )

    async def RenderCardFace(  # noqa: N802
        self,
        request: issuance_pb2.RenderCardFaceRequest,
        context: Context,  # noqa: ARG002
    ) -> issuance_pb2.RenderCardFaceResponse:
        """The printed front."""
        if request.format not in issuance_pb2.FaceFormat.values():
            raise InvalidRequestError("format", "is no value of FaceFormat")
        ordered = await self._ordered(request.order)
        face, media_type = await asyncio.to_thread(self._issuing.draw, ordered, request.format)
        return issuance_pb2.RenderCardFaceResponse(face=face, media_type=media_type)

    async def GetCertificate(  # noqa: N802
        self,
        request: issuance_pb2.GetCertificateRequest,
        context: Context,  # noqa: ARG002
    ) -> issuance_pb2.GetCertificateResponse:
        """A certificate, by its number or its request."""
        if request.WhichOneof("key") is None:
            raise InvalidRequestError("number", "is missing, and so is request_id")
        store = await asyncio.to_thread(self._store)
        certificate = await asyncio.to_thread(_certificate_of, store, request)
        return issuance_pb2.GetCertificateResponse(certificate=_message(certificate))

    async def _made(
        self, request: issuance_pb2.PersonaliseCardRequest, context: Context, progress: Callable[[Note], None]
    ) -> issuance_pb2.IssuedCard:
        reader = requests.reader_name(request.reader)
        request_id = requests.request_id(request.request_id)
        operator = requests.operator(request.operator)
        deadline = _deadline(context, self._issuing.issue_deadline)
        ordered = await self._ordered(request.order)
        store = await asyncio.to_thread(self._store)
        digest = store.digests.of_order(ordered.order)
        if done := await asyncio.to_thread(_done_before, store, request_id, digest):
            return issuance_pb2.IssuedCard(request_id=request_id, certificate=_message(done), already_issued=True)
        async with self._hub.card(reader, deadline=deadline) as card:
            wanted = Request(
                request_id=request_id,
                chip=ATR.from_bytes(card.atr).historical_bytes,
                becomes=ordered.order.historical_bytes,
                order_digest=digest,
                station=self._issuing.station,
                operator=operator,
            )
            issuance = await asyncio.to_thread(store.journal.begin, wanted)
            if issuance.state is State.DONE:  # by another call, while this one waited for the card
                certificate = await asyncio.to_thread(_certificate_in, store, issuance)
                return issuance_pb2.IssuedCard(
                    request_id=request_id, certificate=_message(certificate), already_issued=True
                )
            making = Making(
                request_id=request_id,
                operator=operator,
                station=self._issuing.station,
                template=ordered.template,
                template_version=ordered.template_version,
            )
            loop = asyncio.get_running_loop()
            flow = self._issuing.issue(
                ordered.order,
                card.atr,
                begun=issuance.written,
                rng=secrets.token_bytes,
                attempt=issuance.attempt - 1,
            )
            answer = JournalledAnswer(
                store.journal,
                issuance,
                self._custodian.answer,
                lambda note: cast("None", loop.call_soon_threadsafe(progress, note)),
            )

            def certify(report: CardReport) -> Certificate:
                return Certificate.of(report, making, datetime.now(UTC), store.digests)

            certificate = await card.run(certified(flow, store.journal, issuance, certify), answer)
        return issuance_pb2.IssuedCard(
            request_id=request_id, certificate=_message(certificate), warnings=ordered.warnings
        )

    async def _ordered(self, order: issuance_pb2.CardOrder) -> Ordered:
        return await asyncio.to_thread(self._issuing.read_order, order)


def _deadline(context: Context, most: float) -> float:
    remaining = cast("float | None", context.time_remaining())  # None without a deadline, whatever the stubs say
    return time.monotonic() + (most if remaining is None else min(remaining, most))


def _done_before(store: Store, request_id: str, digest: bytes) -> Certificate | None:
    """The certificate of a request that is done; raises as beginning it again would, without a card."""
    issuance = store.journal.find(request_id)
    if issuance is None or issuance.state is not State.DONE:
        return None
    if issuance.order_digest != digest:
        raise RequestReusedError(request_id, "order")
    return _certificate_in(store, issuance)


def _certificate_in(store: Store, issuance: Issuance) -> Certificate:
    if issuance.certificate is None:
        raise CertificateUnknownError(f"of the request {issuance.request_id}: it is not done")
    return store.journal.certificate(issuance.certificate)


def _certificate_of(store: Store, request: issuance_pb2.GetCertificateRequest) -> Certificate:
    if request.WhichOneof("key") == "number":
        return store.journal.certificate(requests.certificate_number(request.number))
    issuance = store.journal.find(requests.request_id(request.request_id))
    if issuance is None:
        raise CertificateUnknownError(f"of the request {request.request_id}: it is not known")
    return _certificate_in(store, issuance)


def _certificate_for(store: Store, number: str, chip: bytes) -> Certificate | None:
    """The certificate of this number, else the newest of this chip, if any."""
    if number:
        return store.journal.certificate(requests.certificate_number(number))
    done = (known.certificate for known in store.journal.find_by_chip(chip) if known.certificate is not None)
    newest = next(done, None)
    return None if newest is None else store.journal.certificate(newest)


def _progress(note: Note) -> issuance_pb2.IssuanceProgress:
    return issuance_pb2.IssuanceProgress(
        stage=issuance_pb2.IssuanceStage.Value(f"ISSUANCE_STAGE_{note.stage.name}"),
        detail=note.detail,
        done=note.done,
        total=note.total,
    )


def _message(certificate: Certificate) -> issuance_pb2.CardCertificate:
    made = Timestamp()
    made.FromDatetime(certificate.made)
    return issuance_pb2.CardCertificate(
        number=certificate.number,
        document=certificate.document,
        sha256=certificate.sha256,
        page=certificate.page(),
        made_time=made,
    )
