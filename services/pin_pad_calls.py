"""PinService, with the PIN typed at the reader's own pad."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from apdu.flow import Flow
from apdu.pinpad import PadEvent
from cardlib.flows.pin import AtPad, PinAttempt, PinResult, change_pin_at_pad, verify_pin
from services import requests
from services.call_time import deadline_of
from services.pin_entry import ANY_DIGITS, MARGIN, PadDesk, PadDigits, as_message, check_pad
from services.pin_service import RESULTS, Context, OpenCard, PinService
from services.places import CardPlace, card_place
from sscard.v1 import pin_pb2


class PadPinService(PinService):
    """The whole PinService: its calls at a PIN pad besides the others.

    ``pad_digits``: what PINs have that are typed there. ``pad_deadline``: seconds that such a call takes at most, in
    place of ``call_deadline``. The rest is as for :class:`~services.pin_service.PinService`.

    The counter is asked before, and the last try is only spent where the request allows it, as elsewhere. A PIN that
    was typed at a pad nobody but the pad knows: whether the card has refused it before, or it is an initial one, cannot
    be seen. So after a refusal nothing is tried again by itself: the caller asks again, and the holder types again.

    Where the pad tells no keys, an entry cannot be called off: it ends by the holder or by the reader's clock, which
    gets no more time than the call has, and a PIN typed meanwhile still goes to the card.
    """

    def __init__(
        self, *arguments: Any, pad_digits: PadDigits = ANY_DIGITS, pad_deadline: float = 120.0, **others: Any
    ) -> None:
        super().__init__(*arguments, **others)
        self._digits = pad_digits
        self._pad_deadline = pad_deadline

    async def VerifyPinAtPad(  # noqa: N802  the stub's name
        self, request: pin_pb2.VerifyPinAtPadRequest, context: Context
    ) -> AsyncIterator[pin_pb2.VerifyPinAtPadResponse]:
        """The PIN once, typed by the holder."""
        desk = self._desk(context)
        async with aclosing(desk.told(self._verify(card_place(request), request, desk, context))) as told:
            async for event in told:
                if isinstance(event, PadEvent):
                    yield pin_pb2.VerifyPinAtPadResponse(entry=as_message(event))
                else:
                    yield pin_pb2.VerifyPinAtPadResponse(result=event)

    async def ChangePinAtPad(  # noqa: N802
        self, request: pin_pb2.ChangePinAtPadRequest, context: Context
    ) -> AsyncIterator[pin_pb2.ChangePinAtPadResponse]:
        """The old PIN, and the new one twice."""
        requests.request_id(request.request_id)
        desk = self._desk(context)
        async with aclosing(desk.told(self._change(card_place(request), request, desk, context))) as told:
            async for event in told:
                if isinstance(event, PadEvent):
                    yield pin_pb2.ChangePinAtPadResponse(entry=as_message(event))
                else:
                    yield pin_pb2.ChangePinAtPadResponse(result=event)

    async def _verify(
        self, place: CardPlace, request: pin_pb2.VerifyPinAtPadRequest, desk: PadDesk[Any], context: Context
    ) -> pin_pb2.VerifyPinResponse:
        async with self._opened(place, context, limit=self._pad_deadline) as card:
            entry = self._digits.verify()
            await check_pad(card.held, entry)
            desk.at(card.held)
            flow = verify_pin(card.session, AtPad(entry), allow_last_try=request.allow_last_try, counted=True)
            return self._attempted(card, await card.held.run(flow, desk.answering(self._custodian.answer)))

    async def _change(
        self, place: CardPlace, request: pin_pb2.ChangePinAtPadRequest, desk: PadDesk[Any], context: Context
    ) -> pin_pb2.ChangePinResponse:
        entry = self._digits.change()
        answer = pin_pb2.ChangePinResponse()

        def flow(card: OpenCard, *, announced: bool) -> Flow[PinAttempt]:  # noqa: ARG001  the holder types anew
            return change_pin_at_pad(card.session, AtPad(entry), allow_last_try=request.allow_last_try, counted=True)

        def changed(attempt: PinAttempt) -> pin_pb2.ChangePinResponse | PinResult:
            answer.result, answer.tries_left = RESULTS[attempt.result], attempt.tries_left
            return answer if attempt.result is PinResult.OK else attempt.result

        async def ready(card: OpenCard) -> None:
            await check_pad(card.held, entry)
            desk.at(card.held)

        return await self._journalled(
            "ChangePinAtPad",
            request.request_id,
            place,
            context,
            flow,
            changed,
            answer,
            ready=ready,
            answers=desk.answering(self._custodian.answer),
            limit=self._pad_deadline,
        )

    def _desk(self, context: Context) -> PadDesk[Any]:
        desk = PadDesk[Any](deadline_of(context, self._pad_deadline) - MARGIN)
        # At once when the caller leaves, whatever the answering generator is waiting for then.
        context.add_done_callback(lambda _: desk.call_off())  # type: ignore[arg-type]  # the stubs want a class
        return desk
