"""CardService: what a card can do."""

import secrets
import time
from collections.abc import Callable
from datetime import date
from typing import Any, cast

import grpc

from cardlib.custody import KeyCustodian
from cardlib.flows.read_identity import AuthenticityCheck, read_identity
from cardlib.forms import FormMemory
from services import mapping
from services.errors import InvalidRequestError
from services.readers import ReaderHub
from sscard.v1 import card_pb2, card_pb2_grpc

MAX_NAME = 255
"""Characters in a reader's name; PC/SC has at most 127 bytes."""

CHECKS = {
    card_pb2.AUTHENTICITY_CHECK_UNSPECIFIED: AuthenticityCheck.WHEN_POSSIBLE,
    **{card_pb2.AuthenticityCheck.Value(f"AUTHENTICITY_CHECK_{check.name}"): check for check in AuthenticityCheck},
}


class CardService(card_pb2_grpc.CardServiceServicer):
    """Parse, one flow, map.

    ``call_deadline``: seconds that a call takes at most. ``today`` is the clock by which validity is judged.
    """

    def __init__(
        self,
        hub: ReaderHub,
        custodian: KeyCustodian,
        *,
        call_deadline: float,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._hub = hub
        self._custodian = custodian
        self._call_deadline = call_deadline
        self._today = today
        self._forms = FormMemory()

    async def ReadIdentity(  # noqa: N802  the stub's name
        self, request: card_pb2.ReadIdentityRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> card_pb2.ReadIdentityResponse:
        """Whose card it is, and whether it is genuine."""
        reader = _name("reader", request.reader)
        check = CHECKS.get(request.authenticity_check)
        if check is None:
            raise InvalidRequestError("authenticity_check", "is no value of AuthenticityCheck")
        async with self._hub.card(reader, deadline=self._deadline(context)) as card:
            flow = read_identity(card.atr, rng=secrets.token_bytes, today=self._today(), forms=self._forms, check=check)
            reading = await card.run(flow, self._custodian.answer)
            return mapping.identity_response(reading, card.atr)

    def _deadline(self, context: "grpc.aio.ServicerContext[Any, Any]") -> float:
        remaining = cast("float | None", context.time_remaining())  # None without a deadline, whatever the stubs say
        limit = self._call_deadline if remaining is None else min(remaining, self._call_deadline)
        return time.monotonic() + limit


def _name(field: str, value: str) -> str:
    if not value:
        raise InvalidRequestError(field, "is required")
    if len(value) > MAX_NAME:
        # It comes back in the error's metadata, for which HTTP/2 has little room.
        raise InvalidRequestError(field, f"is longer than {MAX_NAME} characters")
    return value
