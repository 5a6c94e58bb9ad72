"""IssuanceService: making and verifying cards."""

import asyncio
import contextlib
import contextvars
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, cast

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from apdu.atr import ATR
from apdu.errors import CardError
from cardlib.custody import KeyCustodian
from cardlib.flows.pin import CardMark
from cardlib.issuance.questions import Note
from cardlib.issuance.report import CardReport
from cardlib.profiles.ssse import HOLDER
from services import requests
from services.audit.held import told_of
from services.audit.names import CardNames, unnamed
from services.audit.subject import about
from services.call_time import deadline_of
from services.callers.caller import Role, current_caller
from services.catalogue import tell_written
from services.errors import CertificateUnknownError, InvalidRequestError, IssuanceError, RequestReusedError
from services.issuance.certificate import Certificate, Kind, Making
from services.issuance.journal import Issuance, Request, State
from services.issuance.orders import Ordered
from services.issuance.runner import IssueFlow, JournalledAnswer, VerifyFlow, certified, noting_only_progress
from services.readers import ReaderHub
from services.registry.entering import enter
from services.registry.model import Registry
from services.store.store import Store
from sscard.v1 import card_pb2, issuance_pb2, issuance_pb2_grpc

COMPLETE: Final = "compare with one that says all that is on them, without `premade`, with their holder and their PIN"
Context = grpc.aio.ServicerContext[Any, Any]
Draw: TypeAlias = Callable[[Ordered, "issuance_pb2.FaceFormat.ValueType"], tuple[bytes, str]]
"""Draws the face of an order's card: a picture, and its media type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuing:
    """What this service issues with, besides readers, keys and its store.

    ``issue``, ``verify``: what makes and examines a card. ``read_order``: makes an order of a message, ``read_face``:
    of one that is to be printed only. ``draw``: the face of an order's card. ``station``: name of this machine.
    ``issue_deadline``: seconds that making a card, or examining one, takes at most.
    """

    issue: IssueFlow
    verify: VerifyFlow
    read_order: Callable[[issuance_pb2.CardOrder], Ordered]
    read_face: Callable[[issuance_pb2.CardOrder], Ordered]
    draw: Draw
    station: str
    issue_deadline: float


class IssuanceService(issuance_pb2_grpc.IssuanceServiceServicer):
    """Parse, one flow, map.

    ``store`` is called, in a thread, when the store is needed for the first time: most services never make a card.
    ``registry``: where cards that were made are entered, called likewise; None: nowhere.
    ``named``: what a card is called on record.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # made in one place
        self,
        hub: ReaderHub,
        custodian: KeyCustodian,
        store: Callable[[], Store],
        issuing: Issuing,
        registry: Callable[[], Registry] | None = None,
        named: CardNames = unnamed,
    ) -> None:
        self._hub = hub
        self._custodian = custodian
        self._store = store
        self._issuing = issuing
        self._registry = registry
        self._named = named

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
            raise InvalidRequestError("order.template", f"is for pre-made cards: {COMPLETE}")
        store = await asyncio.to_thread(self._store)
        given = Certificate.load(request.certificate_document) if request.certificate_document else None
        deadline = deadline_of(context, self._issuing.issue_deadline)
        async with told_of(self._hub.card(reader, deadline=deadline), self._named) as card:
            flow = self._issuing.verify(ordered.order, card.atr, rng=secrets.token_bytes)
            report = await card.run(flow, noting_only_progress(self._custodian.answer, lambda _: None))
        identifier = report.card_identifier.hex().upper()
        about(card=await asyncio.to_thread(self._named, CardMark(report.historical_bytes, identifier, "")))
        certificate, *earlier = await asyncio.to_thread(
            _certificates_for, store, given, request.certificate_number, report.historical_bytes
        ) or (None,)
        beside = certificate.compared(report, store.digests, earlier) if certificate else None
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
        ordered = await asyncio.to_thread(self._issuing.read_face, request.order)
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
        about(detail=certificate.number)
        await self._tell_of(certificate)
        return issuance_pb2.GetCertificateResponse(certificate=_message(certificate))

    async def _made(
        self, request: issuance_pb2.PersonaliseCardRequest, context: Context, progress: Callable[[Note], None]
    ) -> issuance_pb2.IssuedCard:
        reader = requests.reader_name(request.reader)
        request_id = requests.request_id(request.request_id)
        operator = _operator(request.operator)
        again_reason = requests.again_reason(request.again_reason)
        deadline = deadline_of(context, self._issuing.issue_deadline)
        ordered = await self._ordered(request.order)
        store = await asyncio.to_thread(self._store)
        digest = store.digests.of_order(ordered.order)

        def on(chip: bytes) -> Request:
            return Request(
                request_id=request_id,
                chip=chip,
                becomes=ordered.order.historical_bytes,
                order_digest=digest,
                for_stock=not any(ordered.order.contents.get(HOLDER.name, {}).values()),
                number_digest=store.digests.of_card_number(ordered.order),
                again_reason=again_reason,
                station=self._issuing.station,
                operator=operator,
            )

        try:
            if done := await asyncio.to_thread(_done_before, store, request_id, digest):
                warnings = await asyncio.to_thread(self._entered, ordered, done, again=True)
                await self._tell_of(done)
                return _issued(request_id, done, already=True, in_reader=self._is_in(reader, done), warnings=warnings)
            return await self._made_on_card(reader, ordered, store, on, deadline, progress)
        except RequestReusedError:
            raise  # what is known of that id is another card's
        except Exception as error:
            with contextlib.suppress(IssuanceError):
                known = await asyncio.to_thread(store.journal.find, request_id)
                half_built = known is not None and known.state is State.OPEN and known.written
                tell_written(error, written=half_built)
            raise

    async def _made_on_card(  # noqa: PLR0913, PLR0917  called in one place
        self,
        reader: str,
        ordered: Ordered,
        store: Store,
        on: Callable[[bytes], Request],
        deadline: float,
        progress: Callable[[Note], None],
    ) -> issuance_pb2.IssuedCard:
        """The card in the reader made; ``on``: the request for a chip."""
        async with told_of(self._hub.card(reader, deadline=deadline), self._named) as card:
            wanted = on(ATR.from_bytes(card.atr).historical_bytes)
            issuance = await asyncio.to_thread(store.journal.begin, wanted)
            if issuance.state is State.DONE:  # by another call, while this one waited for the card
                certificate = await asyncio.to_thread(_certificate_in, store, issuance)
                warnings = await asyncio.to_thread(self._entered, ordered, certificate, again=True)
                await self._tell_of(certificate)
                here = certificate.chip == wanted.chip
                return _issued(wanted.request_id, certificate, already=True, in_reader=here, warnings=warnings)
            making = Making(
                kind=Kind.PERSONALISATION if ordered.order.premade else Kind.MAKING,
                request_id=wanted.request_id,
                operator=wanted.operator,
                station=wanted.station,
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

            to_look_at = list(ordered.warnings)
            call = contextvars.copy_context()  # the thread of the card knows no call that could be on record

            def entered(certificate: Certificate) -> None:
                to_look_at.extend(call.run(self._entered, ordered, certificate, again=False))

            certificate = await card.run(certified(flow, store.journal, issuance, certify, entered), answer)
        await self._tell_of(certificate)
        return _issued(wanted.request_id, certificate, already=False, in_reader=True, warnings=to_look_at)

    def _entered(self, ordered: Ordered, certificate: Certificate, *, again: bool) -> tuple[str, ...]:
        """The card that was made put into the registry, and what somebody should look at there."""
        about(detail=certificate.number)
        return () if self._registry is None else enter(self._registry(), ordered.order, certificate, again=again)

    async def _tell_of(self, certificate: Certificate) -> None:
        """Say which card this was about, for the audit."""
        mark = CardMark(certificate.chip, certificate.told["card"]["card_identifier"].upper(), "")
        about(card=await asyncio.to_thread(self._named, mark))

    def _is_in(self, reader: str, certificate: Certificate) -> bool:
        """Whether the chip of a certificate is in a reader, as far as was seen; no card is touched."""
        with contextlib.suppress(CardError):
            atrs = [state.atr for state in self._hub.states() if state.name == reader and state.atr]
            return any(ATR.from_bytes(atr).historical_bytes == certificate.chip for atr in atrs)
        return False

    async def _ordered(self, order: issuance_pb2.CardOrder) -> Ordered:
        return await asyncio.to_thread(self._issuing.read_order, order)


def _operator(said: str) -> str:
    """Who makes a card: the caller, by its certificate; who shows none says it. Raises InvalidRequestError."""
    operator, caller = requests.operator(said), current_caller()
    if caller.role is Role.LOCAL:
        return operator
    if operator and operator != caller.name:
        raise InvalidRequestError("operator", "is not the name in the caller's certificate: leave it empty")
    return caller.name


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


def _certificates_for(store: Store, given: Certificate | None, number: str, chip: bytes) -> tuple[Certificate, ...]:
    """The certificate that was given or has this number, else the chip's newest; behind it older ones, as needed."""
    if number:
        given = store.journal.certificate(requests.certificate_number(number))
    found = [] if given is None else [given]
    numbers = store.journal.certificate_numbers(chip)
    if given is not None and given.number in numbers:
        numbers = numbers[numbers.index(given.number) + 1 :]
    for older in numbers:
        if found and found[-1].kind is Kind.MAKING:
            break
        found.append(store.journal.certificate(older))
    return tuple(found)


def _issued(
    request_id: str, certificate: Certificate, *, already: bool, in_reader: bool, warnings: Sequence[str] = ()
) -> issuance_pb2.IssuedCard:
    return issuance_pb2.IssuedCard(
        request_id=request_id,
        certificate=_message(certificate),
        already_issued=already,
        warnings=warnings,
        chip=certificate.chip,
        in_reader=in_reader,
    )


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
