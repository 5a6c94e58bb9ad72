"""Making one card for a caller: the flow on the card in the reader, journalled step by step."""

from collections.abc import Callable
from typing import Protocol, TypeVar, cast

from apdu.flow import Answer, Flow, Question
from cardlib.errors import ChipError, LostChipError
from cardlib.issuance.order import CardOrder
from cardlib.issuance.questions import Note
from cardlib.issuance.report import CardReport
from cardlib.issuance.talk import RandomBytes
from services.catalogue import failure_of
from services.issuance.certificate import Certificate
from services.issuance.journal import Issuance, IssuanceJournal
from services.operations.ending import INTERRUPTED, put_down

R = TypeVar("R")


class IssueFlow(Protocol):
    """What makes a card: :func:`cardlib.issuance.flow.issue_card`, or another one of its form."""

    def __call__(
        self, order: CardOrder, atr: bytes, *, begun: bool, rng: RandomBytes, attempt: int
    ) -> Flow[CardReport]:
        """The flow for one card; ``begun``: this very order may have written to this chip, ``attempt`` times before."""
        ...


class VerifyFlow(Protocol):
    """What examines a card: :func:`cardlib.issuance.flow.verify_card`, or another one of its form."""

    def __call__(self, order: CardOrder, atr: bytes, *, rng: RandomBytes) -> Flow[CardReport]:
        """The flow for one card."""
        ...


class JournalledAnswer:
    """Answers a flow that makes a card: notes go into the journal and then to ``progress``, the rest to ``others``."""

    def __init__(
        self, journal: IssuanceJournal, issuance: Issuance, others: Answer, progress: Callable[[Note], None]
    ) -> None:
        self._journal = journal
        self._issuance = issuance
        self._others = others
        self._progress = progress

    def __call__(self, question: Question[R]) -> R:
        """A note is on the disk when this returns. Raises what journal and custodian raise."""
        if isinstance(question, Note):
            self._journal.note(self._issuance, question)
            self._progress(question)
            return cast("R", None)
        return self._others(question)


def noting_only_progress(others: Answer, progress: Callable[[Note], None]) -> Answer:
    """Answers a flow that changes nothing: its notes are progress and no more."""

    def answer(question: Question[R]) -> R:
        if isinstance(question, Note):
            progress(question)
            return cast("R", None)
        return others(question)

    return answer


def certified(
    flow: Flow[CardReport],
    journal: IssuanceJournal,
    issuance: Issuance,
    certify: Callable[[CardReport], Certificate],
    enter: Callable[[Certificate], None],
) -> Flow[Certificate]:
    """The flow, with its end put into the journal: what ``certify`` makes of the card's report, or why it failed.

    Then ``enter`` puts the card where cards are known. It happens in the thread of the card, so that it happens whether
    or not the caller is still there.
    """
    try:
        report = yield from flow
    except GeneratorExit:
        _failed(journal, issuance, INTERRUPTED, lost=False)
        raise
    except Exception as error:
        untouched = isinstance(error, ChipError) and error.untouched
        reason = failure_of(error).refusal.reason
        _failed(journal, issuance, reason, lost=isinstance(error, LostChipError), untouched=untouched)
        raise
    certificate = certify(report)
    journal.finish(issuance, certificate)
    enter(certificate)
    return certificate


def _failed(journal: IssuanceJournal, issuance: Issuance, reason: str, *, lost: bool, untouched: bool = False) -> None:
    put_down(lambda: journal.fail(issuance, reason, lost=lost, untouched=untouched), request_id=issuance.request_id)
