"""Changing a PIN with a journal: written ahead, and closed by the thread of the card, whoever still waits for it."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar, cast

from apdu.errors import AuthenticationBlockedError, WrongPinError
from apdu.flow import Answer, Flow, Question
from cardlib.errors import InitialPinError
from cardlib.flows.pin import PinResult, PinStepAhead
from services.catalogue import REFUSALS, failure_of
from services.operations.ending import INTERRUPTED, put_down
from services.operations.journal import Operation, OperationJournal

T = TypeVar("T")
R = TypeVar("R")

REASONS: Final[Mapping[PinResult, str]] = {
    PinResult.REJECTED: REFUSALS[WrongPinError].reason,
    PinResult.NOW_BLOCKED: REFUSALS[AuthenticationBlockedError].reason,
    PinResult.WAS_BLOCKED: REFUSALS[AuthenticationBlockedError].reason,
    PinResult.INITIAL_PIN: REFUSALS[InitialPinError].reason,
}
"""Why a PIN was not changed, as the journal has it."""


class PinOperation:
    """One attempt of an operation that changes a PIN.

    ``announced``: whether this attempt or an earlier one has told the journal that it would change the card. Until then
    nothing can have changed, and whatever ends the attempt refuses the request; from then on it stays open.
    """

    def __init__(self, journal: OperationJournal, operation: Operation) -> None:
        self.announced = bool(operation.step)
        self._journal = journal
        self._operation = operation

    def answering(self, others: Answer) -> Answer:
        """Puts down what is about to be changed; it is on the disk before the card is told."""

        def answered(question: Question[R]) -> R:
            if isinstance(question, PinStepAhead):
                self._journal.note(self._operation, question.step.value)
                self.announced = True
                return cast("R", None)
            return others(question)

        return answered

    def kept(self, flow: Flow[T], result: Callable[[T], bytes | PinResult]) -> Flow[T]:
        """The flow, with its end put into the journal.

        ``result``: of what the flow gave, what the same request gets from now on; or why the PIN was not changed.
        """
        try:
            found = yield from flow
        except GeneratorExit:
            self._failed(INTERRUPTED)
            raise
        except Exception as error:
            self._failed(failure_of(error).refusal.reason)
            raise
        end = result(found)
        if isinstance(end, bytes):
            self._journal.finish(self._operation, end)
        else:
            self._failed(REASONS[end], nothing_changed=end is PinResult.REJECTED)
        return found

    def _failed(self, reason: str, *, nothing_changed: bool = False) -> None:
        end = self._journal.interrupt if self.announced and not nothing_changed else self._journal.refuse
        put_down(lambda: end(self._operation, reason))
