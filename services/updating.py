"""UpdateItems with a journal: written ahead, and closed by the thread of the card, whoever still waits for it."""

from collections.abc import Callable
from typing import Final

from apdu.atr import ATR
from apdu.flow import Flow
from cardlib.flows.update_items import Outcome, UpdateReport
from services.callers.caller import current_caller
from services.catalogue import failure_of
from services.mapping.answers import update_response
from services.operations.ending import INTERRUPTED, put_down
from services.operations.journal import Operation, OperationJournal, OperationRequest
from sscard.v1 import card_pb2

KIND: Final = "CardService.UpdateItems"
WRITING: Final = "writing"
"""The one step: where it was cut off, the card says."""


class Updates:
    """The journal, as UpdateItems uses it.

    ``operations`` is called when it is needed first. ``digest``: a keyed digest, 32 bytes. ``station``: name of this
    machine. Blocking.
    """

    def __init__(
        self, operations: Callable[[], OperationJournal], digest: Callable[[bytes], bytes], station: str
    ) -> None:
        self._operations = operations
        self._digest = digest
        self._station = station

    def begin(self, request: card_pb2.UpdateItemsRequest, atr: bytes) -> Operation:
        """The operation of a request on the card with this answer to reset; in the call's context, whose caller it is.

        Values are part of what makes it this request; reader, lease, PIN and permissions may differ when it is sent
        again.
        Raises :class:`~services.errors.RequestReusedError`, JournalError.
        """
        told = card_pb2.UpdateItemsRequest(files=request.files, items=request.items)
        if request.HasField("update_mask"):
            told.update_mask.CopyFrom(request.update_mask)
        chip = ATR.from_bytes(atr).historical_bytes or atr
        caller = current_caller()
        return self._operations().begin(
            OperationRequest(
                institution=caller.institution,
                request_id=request.request_id,
                kind=KIND,
                subject=self._digest(b"chip\0" + chip).hex(),
                digest=self._digest(KIND.encode() + b"\0" + told.SerializeToString(deterministic=True)),
                station=caller.terminal or self._station,
                operator=caller.name,
            )
        )

    def kept(self, flow: Flow[UpdateReport], operation: Operation) -> Flow[UpdateReport]:
        """The flow, with its beginning and its end put into the journal.

        It is done when the card holds every value; until then the same request goes on from what the card holds.
        """
        journal = self._operations()
        journal.note(operation, WRITING)
        try:
            report = yield from flow
        except GeneratorExit:
            put_down(lambda: journal.interrupt(operation, INTERRUPTED))
            raise
        except Exception as error:
            reason = failure_of(error).refusal.reason
            put_down(lambda: journal.interrupt(operation, reason))
            raise
        if report.complete:
            journal.finish(operation, update_response(report).SerializeToString())
        else:
            put_down(lambda: journal.interrupt(operation, _first_failure(report)))
        return report


def _first_failure(report: UpdateReport) -> str:
    """The reason of the first item that could not be written."""
    failed = [one for file in report.items.values() for one in file.values() if one.outcome is Outcome.FAILED]
    return next((failure_of(one.reason).refusal.reason for one in failed if one.reason is not None), INTERRUPTED)
