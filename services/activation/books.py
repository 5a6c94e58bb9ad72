"""Registry and journal of activations, as one conversation with a card needs them. Blocking; any thread."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from apdu.secret import Secret
from cardlib.flows.pin import PinAttempt
from cardlib.flows.present_card import OriginalCard, PresentedCard
from cardlib.flows.read_identity import Authenticity
from services.activation.errors import OriginalUnprovenError
from services.activation.messages import kept_outcome, outcome_kept
from services.operations.journal import Operation, OperationJournal, OperationRequest, OperationState
from services.registry.documents import same_name
from services.registry.errors import (
    CardNotOfPersonError,
    CardNotRegisteredError,
    HolderMismatchError,
    MedicalCardNotRegisteredError,
)
from services.registry.lifecycle import CardEvent, CardState, after
from services.registry.model import Activation, ActivationWay, MedicalCard, Person, RegisteredCard, Registry
from sscard.v1 import registry_pb2

CHECKED: Final = "checked"
"""Step: card, holder and registry belong together, and nothing was changed."""
CHANGING_PIN: Final = "changing pin"
"""Step: the next command changes the PIN. From here on the card may have the new one."""
ACTIVATING_WITH_PIN: Final = "activating, pin changed"
ACTIVATING: Final = "activating"
SHOWN: Final = "original medical card shown "
"""Step of a pharmacy; the registry's id of the original medical card follows."""
_PIN_BEGUN: Final = frozenset({CHANGING_PIN, ACTIVATING_WITH_PIN})


class RequestDigest(Protocol):
    """Makes the keyed digest by which a request is known again."""

    def __call__(self, *parts: str) -> bytes:
        """32 bytes; equal for equal parts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a caller asks for. PINs are packed; None: not given.

    ``digest``: of what makes it this request. ``kind``: the method. ``document``: the holder's, at a bank.
    """

    way: ActivationWay
    kind: str
    request_id: str
    institution: str
    station: str
    operator: str
    digest: bytes = field(repr=False)
    document: registry_pb2.IdentityDocument | None = field(default=None, repr=False)
    old_pin: Secret | None = None
    new_pin: Secret | None = None
    at_pad: bool = False

    @property
    def sets_pin(self) -> bool:
        """Whether the holder chooses a PIN."""
        return self.at_pad or self.new_pin is not None

    @property
    def just_reads_activated(self) -> bool:
        """Whether a card that is activated already is no error: a hospital registers its patients every time."""
        return self.way is ActivationWay.HOSPITAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a request; ``activation`` None: nothing, because of the PIN."""

    card: RegisteredCard
    person: Person
    activation: Activation | None
    medical_card: MedicalCard | None = None
    activated: bool
    pin: PinAttempt | None = None
    warnings: tuple[str, ...] = ()


class Books:
    """``now``: the clock."""

    def __init__(self, registry: Registry, operations: OperationJournal, now: Callable[[], datetime]) -> None:
        self.registry = registry
        self.operations = operations
        self.now = now

    def done_before(self, wanted: Wanted) -> Outcome | None:
        """What came of this request when it was sent before; None unless it was done.

        Raises :class:`~services.errors.RequestReusedError` where the request is another one.
        """
        known = self.operations.find(wanted.institution, wanted.request_id)
        if known is None or known.state is not OperationState.DONE:
            return None
        return self.outcome_of(self.operations.begin(_request(wanted, known.subject)))

    def outcome_of(self, done: Operation) -> Outcome:
        """What came of an operation that was done: what was kept of it, and what the registry says now."""
        kept = outcome_kept(done.result)
        card = self.registry.card(kept.card_id)
        return Outcome(
            card=card,
            person=self.registry.person(card.person_id),
            activation=self.registry.activation_of(card.id),
            medical_card=self.medical_card(card.id),
            activated=kept.activated,
            pin=kept.pin,
            warnings=kept.warnings,
        )

    def card_and_holder(self, card: PresentedCard) -> tuple[RegisteredCard, Person]:
        """The registry's of a card; raises :class:`~services.registry.errors.CardNotRegisteredError`."""
        registered = self.registry.card_by_identifier(card.card_identifier.upper())
        return registered, self.registry.person(registered.person_id)

    def original(self, shown: OriginalCard) -> tuple[Person, MedicalCard | None]:
        """Whose an original medical card is, and which one; None where it proves itself and is not in the registry.

        Raises :class:`~services.registry.errors.RegistryError` and :class:`OriginalUnprovenError`.
        """
        try:
            medical_card = self.registry.medical_card_by_number(shown.number.upper())
        except MedicalCardNotRegisteredError:
            if shown.card is None:
                raise
            medical_card = None
        if shown.card is None:
            assert medical_card is not None, "a memory card is known by its number alone"
            return self.registry.person(medical_card.person_id), medical_card
        person = self.registry.person_by_number(shown.card.social_security_number.upper())
        if medical_card is not None and medical_card.person_id != person.id:
            raise CardNotOfPersonError("the original medical card")
        try:
            self._require_usable(self.registry.card_by_identifier(shown.card.card_identifier.upper()), person)
        except CardNotRegisteredError:
            if medical_card is None and shown.card.authenticity is not Authenticity.PROVEN:
                raise OriginalUnprovenError from None
        return person, medical_card

    def medical_card(self, card_id: str) -> MedicalCard | None:
        """The original medical card that was shown when a card was activated."""
        activation = self.registry.activation_of(card_id)
        if activation is None or not activation.medical_card_id:
            return None
        theirs = self.registry.medical_cards_of(self.registry.card(card_id).person_id)
        return next((each for each in theirs if each.id == activation.medical_card_id), None)

    @staticmethod
    def _require_usable(old: RegisteredCard, person: Person) -> None:
        """An original card that is a card of the registry: one that was replaced is what a holder shows."""
        if old.person_id != person.id:
            raise CardNotOfPersonError("the original medical card")
        if old.state in {CardState.LOST, CardState.CANCELLED, CardState.BLOCKED}:
            after(old.state, CardEvent.ACTIVATE, activated=False)


class Attempt:
    """One attempt at one request: what the journal has of it."""

    def __init__(self, books: Books, wanted: Wanted) -> None:
        self.books = books
        self.wanted = wanted
        self.card_id = ""
        self.person_id = ""
        """Known once the card has said them; for the audit."""
        self.step = ""
        """The last that was noted, by this attempt or by an earlier one that was interrupted."""
        self._operation: Operation | None = None

    @property
    def begun(self) -> bool:
        """Whether the journal has it."""
        return self._operation is not None

    @property
    def pin_begun(self) -> bool:
        """Whether the card may have the new PIN."""
        return self.step in _PIN_BEGUN

    def begin(self, subject: str) -> Outcome | None:
        """Put down that it begins, about a card or a person of the registry; what came of it, where it is done."""
        wanted = self.wanted
        known = self.books.operations.find(wanted.institution, wanted.request_id)
        operation = self.books.operations.begin(_request(wanted, subject))
        if operation.state is OperationState.DONE:
            return self.books.outcome_of(operation)
        self._operation = operation
        # An operation that was refused has changed nothing: its steps do not count.
        anew = known is not None and known.state is OperationState.REFUSED and known.attempt == operation.attempt - 1
        self.step = "" if anew else operation.step
        return None

    def note(self, step: str) -> None:
        """Put a step down before it is done."""
        self.books.operations.note(self._open, step)
        self.step = step

    def refuse(self, reason: str) -> None:
        """It ended with nothing changed."""
        self.books.operations.refuse(self._open, reason)

    def interrupt(self, reason: str) -> None:
        """It ended half-way: the same request goes on."""
        self.books.operations.interrupt(self._open, reason)

    def activate(self, card: RegisteredCard, outcome: Outcome, medical_card_id: str) -> Outcome:
        """The card activated, and the operation done, at once; raises what the registry does."""
        wanted = self.wanted
        activation = Activation(
            card_id=card.id,
            way=wanted.way,
            institution=wanted.institution,
            station=wanted.station,
            operator=wanted.operator,
            time=self.books.now(),
            medical_card_id=medical_card_id,
            pin_changed=outcome.pin is not None,
        )
        self.books.registry.activate(activation, operation=self._open, result=kept_outcome(outcome, activated=True))
        return self._with(outcome, activated=True)

    def leave(self, outcome: Outcome) -> Outcome:
        """The card was activated earlier, and that is no error: the operation is done."""
        self.books.operations.finish(self._open, kept_outcome(outcome, activated=False))
        return self._with(outcome, activated=False)

    def _with(self, outcome: Outcome, *, activated: bool) -> Outcome:
        return Outcome(
            card=self.books.registry.card(outcome.card.id),
            person=outcome.person,
            activation=self.books.registry.activation_of(outcome.card.id),
            medical_card=self.books.medical_card(outcome.card.id),
            activated=activated,
            pin=outcome.pin,
            warnings=outcome.warnings,
        )

    @property
    def _open(self) -> Operation:
        assert self._operation is not None, "begin() comes first"
        return self._operation


def require_holder(card: PresentedCard, person: Person) -> None:
    """Whether card and registry say one holder; raises :class:`~services.registry.errors.HolderMismatchError`."""
    if card.social_security_number.upper() != person.data.social_security_number:
        raise HolderMismatchError("social_security_number")
    if not same_name(card.name, person.data.name):
        raise HolderMismatchError("name")


def _request(wanted: Wanted, subject: str) -> OperationRequest:
    return OperationRequest(
        institution=wanted.institution,
        request_id=wanted.request_id,
        kind=wanted.kind,
        subject=subject,
        digest=wanted.digest,
        station=wanted.station,
        operator=wanted.operator,
    )
