"""One conversation with the card at the counter: who it is, what the registry says, the PIN, the activation.

It runs in the thread of the card, registry and journal included, so that what was begun is put down to its end whether
or not the caller is still there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar, cast

from apdu.errors import TransportError
from apdu.flow import Answer, Flow, Question
from apdu.secret import Secret
from cardlib.errors import KeyUnavailableError
from cardlib.flows.choose_pin import choose_pin, choose_pin_at_pad
from cardlib.flows.pin import AtPad, PinAttempt, PinResult, PinStepAhead
from cardlib.flows.present_card import MemoryNumbers, PresentedCard, is_memory_card, present_card, present_original
from cardlib.flows.session import RandomBytes
from cardlib.forms import FormMemory
from services.activation.errors import CardAwaitedError, CardExpiredError, CardNotSwappedError
from services.activation.records import (
    ACTIVATING,
    ACTIVATING_WITH_PIN,
    CHANGING_PIN,
    CHECKED,
    SHOWN,
    Attempt,
    Outcome,
    require_holder,
)
from services.catalogue import failure_of
from services.errors import CallEndedError, DeadlineError, IssuanceError, ShuttingDownError
from services.operations.ending import put_down
from services.pin_operations import REASONS
from services.registry.documents import require_document
from services.registry.errors import CardAlreadyActivatedError, HolderMismatchError
from services.registry.lifecycle import CardEvent, CardState, after
from services.registry.model import MedicalCard, Person, RegisteredCard

T = TypeVar("T")
R = TypeVar("R")

PIN_NOT_CHANGED: Final = (
    "the card was activated before: its PIN was not changed; the holder changes it with the old one"
)
PIN_KEPT: Final = (
    "no PIN was chosen: where the card still has its initial one, that is not sent to it any more (INITIAL_PIN); "
    "the holder changes it at a PIN pad (ChangePinAtPad), or a supervisor sets another one (ResetPin)"
)
NOT_REGISTERED: Final = (
    "the original medical card is not in the registry, so the activation does not name it: have it registered"
)
_INTERRUPTIONS: Final = (
    TransportError,
    KeyUnavailableError,
    CallEndedError,
    DeadlineError,
    ShuttingDownError,
    IssuanceError,
    CardAwaitedError,
    CardNotSwappedError,
)
"""What ends an attempt without saying anything about card or holder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What conversations are held with. ``today``: the day in Beijing. ``initial_pin``: packed.

    ``memory``: where original medical cards that are memory cards have their number, None where there are none.
    """

    rng: RandomBytes
    today: Callable[[], date]
    forms: FormMemory
    initial_pin: Secret
    memory: MemoryNumbers | None


@dataclass(frozen=True, slots=True)
class Shown:
    """The original medical card that was shown, as far as the registry has it, and whose it is.

    ``identifier``: of a social security card, "" for others. ``reader``: where the new card is to come.
    """

    person: Person
    medical_card: MedicalCard | None
    identifier: str
    reader: str


def answering(attempt: Attempt, others: Answer) -> Answer:
    """Puts down that the PIN is about to be changed, before it is; lets ``others`` answer the rest."""

    def answered(question: Question[R]) -> R:
        if isinstance(question, PinStepAhead):
            attempt.note(CHANGING_PIN)
            return cast("R", None)
        return others(question)

    return answered


def activate(
    atr: bytes, attempt: Attempt, tools: Tools, *, pad: AtPad | None = None, shown: Shown | None = None
) -> Flow[Outcome]:
    """Activate the card that was just powered and answered ``atr``; ``shown``: behind that original medical card.

    Raises what :func:`~cardlib.flows.present_card.present_card` raises, RegistryError, ActivationError, and what the
    PIN flow raises; each ends the operation as refused or leaves it open, by what the card has had.
    """
    if shown is not None and is_memory_card(atr):
        raise CardNotSwappedError(shown.reader)
    return (yield from _kept(_activate(atr, attempt, tools, pad, shown), attempt))


def show_original(atr: bytes, attempt: Attempt, tools: Tools, reader: str) -> Flow[Shown | Outcome]:
    """Read the original medical card, and begin; ``reader``: where the new card is to come.

    An Outcome where the request was done meanwhile. Raises what
    :func:`~cardlib.flows.present_card.present_original` and
    :meth:`~services.activation.records.Records.original` raise.
    """
    flow = present_original(atr, rng=tools.rng, today=tools.today(), forms=tools.forms, memory=tools.memory)
    original = yield from flow
    person, medical_card = attempt.records.original(original)
    attempt.person_id = person.id
    if (done := attempt.begin(person.id)) is not None:
        return done
    attempt.medical_card_id = medical_card.id if medical_card else ""
    if not attempt.pin_begun:
        attempt.note(SHOWN)
    return Shown(person, medical_card, original.card.card_identifier if original.card else "", reader)


def shown_before(attempt: Attempt, reader: str) -> Shown | None:
    """The original medical card that an earlier attempt at this request was shown; None for none. Blocking."""
    registry = attempt.records.registry
    person_id, medical_card_id = attempt.shown_before()
    theirs = registry.medical_cards_of(person_id) if medical_card_id else ()
    for medical_card in theirs:
        if medical_card.id == medical_card_id:
            return Shown(registry.person(person_id), medical_card, "", reader)
    return None


def shown_unregistered(attempt: Attempt, reader: str) -> Shown | None:
    """As :func:`shown_before`, of an original that is not in the registry: whose it was is all that is known of it."""
    person_id, medical_card_id = attempt.shown_before()
    if not person_id or medical_card_id:
        return None
    return Shown(attempt.records.registry.person(person_id), None, "", reader)


def _activate(atr: bytes, attempt: Attempt, tools: Tools, pad: AtPad | None, shown: Shown | None) -> Flow[Outcome]:
    wanted = attempt.wanted
    card = yield from present_card(atr, rng=tools.rng, today=tools.today(), forms=tools.forms)
    if shown is not None and _is_original(card, shown):
        raise CardNotSwappedError(shown.reader)
    attempt.card_id = attempt.records.unregistered_name(card)
    registered, person = attempt.records.card_and_holder(card)
    attempt.card_id, attempt.person_id = registered.id, person.id
    if not attempt.begun and (done := attempt.begin(shown.person.id if shown else registered.id)) is not None:
        return done
    if shown is not None and shown.person.id != person.id:
        raise HolderMismatchError("social_security_number")
    already = _require_activatable(registered, attempt)
    require_holder(card, person)
    if card.expired and not already:
        raise CardExpiredError
    if wanted.document is not None:
        require_document(wanted.document, person)
    if not attempt.step:
        attempt.note(CHECKED)
    pin = None
    if wanted.sets_pin and (not already or attempt.pin_begun):
        pin = yield from _choose_pin(atr, attempt, tools, pad)
    outcome = Outcome(
        card=registered,
        person=person,
        activation=None,
        activated=False,
        pin=pin,
        warnings=tuple(_warnings(card, attempt, tools, shown, already=already and pin is None)),
    )
    if pin is not None and pin.result is not PinResult.OK:
        return _without_pin(attempt, outcome, pin)
    return _activated(attempt, outcome, already=already)


def _activated(attempt: Attempt, outcome: Outcome, *, already: bool) -> Outcome:
    if already:
        return attempt.leave(outcome)
    attempt.note(ACTIVATING if outcome.pin is None else ACTIVATING_WITH_PIN)
    try:
        return attempt.activate(outcome)
    except CardAlreadyActivatedError:
        if not (attempt.wanted.just_reads_activated or outcome.pin):
            raise
        return attempt.leave(outcome)


def _choose_pin(atr: bytes, attempt: Attempt, tools: Tools, pad: AtPad | None) -> Flow[PinAttempt]:
    wanted = attempt.wanted
    if pad is not None and attempt.step == ACTIVATING_WITH_PIN:
        # The card has the new one, and nobody but the holder knows it.
        return PinAttempt(PinResult.OK, 0)
    if pad is not None:
        return (yield from choose_pin_at_pad(atr, pad, rng=tools.rng, forms=tools.forms))
    assert wanted.new_pin is not None, "typed where there is no pad"
    return (
        yield from choose_pin(
            atr,
            wanted.old_pin,
            wanted.new_pin,
            initial=tools.initial_pin,
            resume=attempt.pin_begun,
            rng=tools.rng,
            forms=tools.forms,
        )
    )


def _require_activatable(card: RegisteredCard, attempt: Attempt) -> bool:
    """Whether the card was activated earlier, where that is no error; raises :class:`CardStateError`.

    It is none either where this request has changed the PIN before another one was faster to activate.
    """
    already = card.state is CardState.ACTIVATED
    if not (already and (attempt.wanted.just_reads_activated or attempt.pin_begun)):
        after(card.state, CardEvent.ACTIVATE, activated=card.activated is not None)
    return already


def _is_original(card: PresentedCard, shown: Shown) -> bool:
    number = shown.medical_card.number if shown.medical_card else ""
    return card.card_identifier == shown.identifier or (number != "" and card.card_number.upper() == number)


def _warnings(card: PresentedCard, attempt: Attempt, tools: Tools, shown: Shown | None, *, already: bool) -> list[str]:
    told = [warning.message for warning in card.warnings]
    if already and attempt.wanted.sets_pin:
        told.append(PIN_NOT_CHANGED)
    if not already and not attempt.wanted.sets_pin and tools.initial_pin:
        told.append(PIN_KEPT)
    if shown is not None and shown.medical_card is None:
        told.append(NOT_REGISTERED)
    return told


def _without_pin(attempt: Attempt, outcome: Outcome, pin: PinAttempt) -> Outcome:
    """The card has not taken the old PIN: nothing is activated. Whether it has a new one, only REJECTED says."""
    reason = REASONS[pin.result]
    if attempt.pin_begun and pin.result is not PinResult.REJECTED:
        attempt.interrupt(reason)
    else:
        attempt.refuse(reason)
    return outcome


def _kept(flow: Flow[T], attempt: Attempt) -> Flow[T]:
    """The flow, with its failure put into the journal."""
    try:
        return (yield from flow)
    except GeneratorExit:
        _failed(attempt, CallEndedError())
        raise
    except Exception as error:
        _failed(attempt, error)
        raise


def _failed(attempt: Attempt, error: Exception) -> None:
    if attempt.begun:
        half_way = attempt.pin_begun or isinstance(error, _INTERRUPTIONS)
        put_down(lambda: (attempt.interrupt if half_way else attempt.refuse)(failure_of(error).refusal.reason))
