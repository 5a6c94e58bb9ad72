"""The suite: which cases there are for a card, and how they are run (符合性测试)."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, TypeVar, cast

from apdu.errors import (
    AtrError,
    CardError,
    MuteCardError,
    ProtocolError,
    TransportError,
    UnansweredError,
)
from apdu.flow import Question, run
from apdu.readers import CardConnection, executor
from apdu.secret import Secret
from apdu.transport.wrappers import get_response
from cardlib.conformance.account import account_cases
from cardlib.conformance.basics import basic_cases
from cardlib.conformance.blocking import blocking_cases
from cardlib.conformance.case import GROUPS, Case, Deviation, Harm, NotRun, Outcome, ResetCard, Result, Subject
from cardlib.conformance.credentials import key_cases, pin_cases
from cardlib.conformance.maintenance import maintenance_cases
from cardlib.conformance.records import record_cases
from cardlib.conformance.safety import safety_cases
from cardlib.conformance.steps import FACTOR
from cardlib.custody import KeyCustodian
from cardlib.errors import AlgorithmUnsupportedError
from cardlib.flows.session import CardSession
from cardlib.forms import FormMemory
from cardlib.model import CardProfile
from cardlib.profiles import LATEST

R = TypeVar("R")

NOT_ASKED_FOR: Final = "destructive"
"""Beginning of the reason why a destructive case was not run."""

NOT_ASKED_FOR_TWICE: Final = "irreversible"
"""Beginning of the reason why a case was not run from whose harm nothing leads back."""

_LAST: Final = (Harm.UNBLOCKS, Harm.BLOCKS, Harm.ENDS)

_WITHOUT_CARD_KNOWN: Final = frozenset({"ATR", "SELECT"})


def cases(profile: CardProfile) -> tuple[Case, ...]:
    """Every case for cards of a profile, group by group in the order of GROUPS; what blocks the PIN comes after them.

    Last of all comes what ends the life of applications, and of the card.
    """
    found = [
        *basic_cases(profile),
        *pin_cases(),
        *record_cases(profile),
        *safety_cases(profile),
        *key_cases(profile),
        *maintenance_cases(),
        *account_cases(profile),
        *blocking_cases(profile),
    ]
    order = list(GROUPS)
    return tuple(sorted(found, key=lambda case: (_lateness(case), order.index(case.group))))


def _lateness(case: Case) -> int:
    return _LAST.index(case.harm) + 1 if case.harm in _LAST else 0


def recognise(card: CardConnection, *, pin: Secret | None = None) -> Subject:
    """Find out what card this is; a card that cannot be recognised is said so in the subject.

    ``pin``: packed, 2…8 bytes. Raises :class:`~apdu.errors.TransportError` when reader or card are lost.
    """
    try:
        session = CardSession(card.atr, lambda size: FACTOR[:size], FormMemory())
        run(session.open(), executor(get_response(card.transmit, strip_le=card.t0)))
    except TransportError:
        raise
    except AtrError:
        return Subject(card.atr, LATEST, pin=pin, unrecognised="the ATR is malformed")
    except CardError as error:
        return Subject(card.atr, LATEST, pin=pin, unrecognised=f"the card is not recognised: {error}")
    factors = None
    with suppress(CardError):  # cases that need keys say so
        factors = session.factors()
    return Subject(card.atr, session.profile, factors, pin)


def conduct(  # noqa: PLR0913  what harms is asked for by name
    card: CardConnection,
    subject: Subject,
    selected: Sequence[Case],
    custodian: KeyCustodian,
    *,
    destructive: bool = False,
    irreversible: bool = False,
) -> Iterator[Result]:
    """Run cases one after the other, the card reset before each, and yield what came of them.

    ``custodian`` answers the cases that need keys; those it has no key for are not run. Cases that harm the card are
    not run unless ``destructive``, those that end its life not unless ``irreversible`` as well. Raises
    :class:`~apdu.errors.TransportError` when reader or card are lost.
    """
    for case in selected:
        if case.destructive and not destructive:
            yield Result(case, Outcome.NOT_RUN, f"{NOT_ASKED_FOR}: it {case.harm.value}")
        elif case.irreversible and not irreversible:
            yield Result(case, Outcome.NOT_RUN, f"{NOT_ASKED_FOR_TWICE}: it {case.harm.value}")
        elif subject.unrecognised and case.group not in _WITHOUT_CARD_KNOWN:
            yield Result(case, Outcome.NOT_RUN, subject.unrecognised)
        else:
            start = time.perf_counter()
            outcome, detail = _decide(card, subject, case, custodian)
            yield Result(case, outcome, detail, time.perf_counter() - start)


def _decide(card: CardConnection, subject: Subject, case: Case, custodian: KeyCustodian) -> tuple[Outcome, str]:
    card.reset()
    transmit = card.transmit if case.raw else get_response(card.transmit, strip_le=card.t0)
    try:
        answer = run(case.flow(subject), executor(transmit), _Answers(card, custodian))
    except Deviation as deviation:
        return Outcome.FAILED, str(deviation)
    except NotRun as reason:
        return Outcome.NOT_RUN, str(reason)
    except (UnansweredError, AlgorithmUnsupportedError) as error:
        return Outcome.NOT_RUN, f"no key: {error}"
    except MuteCardError:
        return Outcome.FAILED, "the card does not answer"
    except ProtocolError:
        return Outcome.FAILED, "the card does not answer as its protocol has it"
    allowed = answer in case.expected
    detail = "" if allowed else f"answered {answer.sw:04X}, allowed: {case.expected}"
    return (Outcome.PASSED if allowed else Outcome.FAILED), detail


class _Answers:
    """Answers what cases ask: a reset by the reader, everything else by the custodian."""

    def __init__(self, card: CardConnection, custodian: KeyCustodian) -> None:
        self._card = card
        self._custodian = custodian

    def __call__(self, question: Question[R]) -> R:
        if isinstance(question, ResetCard):
            return cast("R", self._card.reset())
        return self._custodian.answer(question)
