"""Registry and journal of activations, as one conversation with a card needs them. Blocking; any thread."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from apdu.secret import Secret
from cardlib.flows.pin import PinAttempt
from cardlib.flows.present_card import OriginalCard, PresentedCard
from cardlib.flows.read_identity import Authenticity
from services.activation.errors import OriginalFirstError, OriginalUnprovenError
from services.activation.messages import kept_outcome, outcome_kept
from services.operations.journal import Operation, OperationRequest, OperationState
from services.registry.checks import ID
from services.registry.documents import same_name
from services.registry.errors import (
    CardNotOfPersonError,
    CardNotRegisteredError,
    HolderMismatchError,
    MedicalCardNotRegisteredError,
    PersonNotRegisteredError,
)
from services.registry.journalled import Books
from services.registry.lifecycle import CardEvent, CardState, after
from services.registry.model import Activation, ActivationWay, MedicalCard, Person, RegisteredCard
from sscard.v1 import registry_pb2

ORIGINAL: Final = "original medical card"
"""Which of the two cards of a pharmacy it is, where that is to be told."""
CHECKED: Final = "checked"
"""Step: card, holder and registry belong together, and nothing was changed."""
CHANGING_PIN: Final = "changing pin"
"""Step: the next command changes the PIN. From here on the card may have the new one."""
ACTIVATING_WITH_PIN: Final = "activating, pin changed"
ACTIVATING: Final = "activating"
SHOWN: Final = "shown"
"""Step of a pharmacy: the original medical card was read. Its id in the registry stands behind this and later steps."""
_NEW: Final = frozenset({CardState.ISSUED, CardState.AT_OUTLET, CardState.DELIVERED})
"""Where cards stand that are still to be activated."""
_PIN_BEGUN: Final = frozenset({CHANGING_PIN, ACTIVATING_WITH_PIN})


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


class Records:
    """What the centre has of cards and requests; ``now``: the clock."""

    def __init__(self, books: Books, now: Callable[[], datetime]) -> None:
        self.registry = books.registry
        self.operations = books.operations
        self.now = now
        self._card_name = books.card_name

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
        standing = self.standing(self.registry.card(kept.card_id))
        return replace(standing, activated=kept.activated, pin=kept.pin, warnings=kept.warnings)

    def standing(self, card: RegisteredCard) -> Outcome:
        """How a card stands: its activation, if there was one."""
        return Outcome(
            card=card,
            person=self.registry.person(card.person_id),
            activation=self.registry.activation_of(card.id),
            medical_card=self.medical_card(card.id),
            activated=False,
        )

    def unregistered_name(self, card: PresentedCard) -> str:
        """What the audit calls a card that the registry may not know."""
        return self._card_name(card.card_identifier)

    def card_and_holder(self, card: PresentedCard) -> tuple[RegisteredCard, Person]:
        """The registry's of a card; raises :class:`~services.registry.errors.CardNotRegisteredError`."""
        registered = self.registry.card_by_identifier(card.card_identifier.upper())
        return registered, self.registry.person(registered.person_id)

    def original(self, shown: OriginalCard) -> tuple[Person, MedicalCard | None]:
        """Whose an original medical card is, and which one; None where it proves itself and is not in the registry.

        Raises :class:`~services.registry.errors.RegistryError`, :class:`OriginalUnprovenError`, and
        :class:`OriginalFirstError` for a card that is still to be activated and no original of the registry.
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
        try:
            person = self.registry.person_by_number(shown.card.social_security_number.upper())
        except PersonNotRegisteredError:
            raise PersonNotRegisteredError(ORIGINAL) from None
        if medical_card is not None and medical_card.person_id != person.id:
            raise CardNotOfPersonError("the original medical card")
        try:
            old = self.registry.card_by_identifier(shown.card.card_identifier.upper())
            self._require_usable(old, person)
            if medical_card is None and old.state in _NEW:
                raise OriginalFirstError
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

    def __init__(self, records: Records, wanted: Wanted) -> None:
        self.records = records
        self.wanted = wanted
        self.card_id = ""
        self.person_id = ""
        """Known once the card has said them; for the audit, to which a card that is not registered has a name too."""
        self.step = ""
        """The last that was noted, by this attempt or by an earlier one; "" behind a refusal, which changed nothing."""
        self.medical_card_id = ""
        """The original medical card that was shown."""
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
        operation = self.records.operations.begin(_request(wanted, subject))
        if operation.state is OperationState.DONE:
            return self.records.outcome_of(operation)
        self._operation = operation
        self.step, self.medical_card_id = _step_of(operation)
        return None

    def shown_before(self) -> tuple[str, str]:
        """Person and original medical card, by their ids, that an earlier attempt has noted; "" for none."""
        known = self.records.operations.find(self.wanted.institution, self.wanted.request_id)
        if known is None or known.state is not OperationState.OPEN or not known.step:
            return "", ""
        return known.subject, _step_of(known)[1]

    def note(self, step: str) -> None:
        """Put a step down before it is done."""
        self.records.operations.note(self._open, f"{step} {self.medical_card_id}".rstrip())
        self.step = step

    def refuse(self, reason: str) -> None:
        """It ended with nothing changed."""
        self.records.operations.refuse(self._open, reason)

    def interrupt(self, reason: str) -> None:
        """It ended half-way: the same request goes on."""
        self.records.operations.interrupt(self._open, reason)

    def activate(self, outcome: Outcome) -> Outcome:
        """The card activated, and the operation done, at once; raises what the registry does."""
        wanted = self.wanted
        activation = Activation(
            card_id=outcome.card.id,
            way=wanted.way,
            institution=wanted.institution,
            station=wanted.station,
            operator=wanted.operator,
            time=self.records.now(),
            medical_card_id=self.medical_card_id,
            pin_changed=outcome.pin is not None,
        )
        self.records.registry.activate(activation, operation=self._open, result=kept_outcome(outcome, activated=True))
        return self._with(outcome, activated=True)

    def leave(self, outcome: Outcome) -> Outcome:
        """The card was activated earlier, and that is no error: the operation is done."""
        self.records.operations.finish(self._open, kept_outcome(outcome, activated=False))
        return self._with(outcome, activated=False)

    def _with(self, outcome: Outcome, *, activated: bool) -> Outcome:
        standing = self.records.standing(self.records.registry.card(outcome.card.id))
        return replace(standing, activated=activated, pin=outcome.pin, warnings=outcome.warnings)

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


def _step_of(operation: Operation) -> tuple[str, str]:
    """Its last step, and the id of the original medical card behind it, "" for none."""
    step, _, last = operation.step.rpartition(" ")
    return (step, last) if re.fullmatch(ID, last) else (operation.step, "")


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
