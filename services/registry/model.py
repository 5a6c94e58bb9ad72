"""What the registry knows, and the port behind which it is stored.

Days are those of Beijing; moments have their time zone. Personal values are in fields without ``repr``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from services.operations.journal import Operation
from services.registry.lifecycle import CardEvent, CardState


class MedicalCardState(StrEnum):
    """Where an original medical card stands (原医疗卡状态)."""

    VALID = "valid"
    RESTRICTED = "restricted"


class InstitutionKind(StrEnum):
    """Kinds of institutions (机构类型)."""

    BANK = "bank"
    HOSPITAL = "hospital"
    PHARMACY = "pharmacy"
    ISSUER = "issuer"
    OFFICE = "office"


class ActivationWay(StrEnum):
    """Where a card is activated (激活途径)."""

    BANK = "bank"
    HOSPITAL = "hospital"
    PHARMACY = "pharmacy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Institution:
    """An institution of the registry; ``code``: as it stands in the certificates of its callers."""

    code: str
    name: str
    kind: InstitutionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonData:
    """What is known of a person; "" is not known."""

    social_security_number: str = field(repr=False)
    name: str = field(repr=False)
    birth_date: str = field(default="", repr=False)
    sex: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    document_number: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person of the registry; ``id``: 32 hexadecimal digits."""

    id: str
    data: PersonData


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredCard:
    """A card of the registry; ``id``: 32 hexadecimal digits. ``deadline``: last day on which to activate it."""

    id: str
    card_identifier: str = field(repr=False)
    card_number: str = field(repr=False)
    person_id: str
    state: CardState
    outlet: str = ""
    issued: datetime
    received: date | None = None
    deadline: date | None = None
    activated: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MedicalCard:
    """An original medical card (原医疗卡); ``id``: 32 hexadecimal digits."""

    id: str
    number: str = field(repr=False)
    person_id: str
    state: MedicalCardState
    state_since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """An activation (激活记录). ``medical_card_id``: the original medical card that was shown, "" for none."""

    card_id: str
    way: ActivationWay
    institution: str
    station: str
    operator: str
    time: datetime
    medical_card_id: str = ""
    pin_changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BankActivation:
    """What a bank said of its own application on the card (金融账户激活)."""

    card_id: str
    institution: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A card that is delivered and not activated (激活提醒)."""

    card: RegisteredCard
    person: Person
    days_left: int
    medical_card_restricted: bool


class Registry(Protocol):
    """The registry. Blocking; any thread. Every method is one transaction.

    A method that takes ``operation`` finishes it with ``result`` in the same transaction, or changes nothing:
    :class:`~services.errors.SupersededError`. Looking up raises the
    :class:`~services.errors.RegistryError` that its docstring names; all raise JournalError when the database fails.
    """

    def register_institution(
        self, code: str, name: str, kind: InstitutionKind, *, operation: Operation, result: bytes
    ) -> None:
        """Enter an institution, or its new name and kind."""
        ...

    def institution(self, code: str) -> Institution | None:
        """An institution; None where there is none with this code."""
        ...

    def register_person(
        self, data: PersonData, *, corrects: bool = True, operation: Operation | None = None, result: bytes = b""
    ) -> Person:
        """Enter a person, or new values of the person with this social security number; "" keeps what is known.

        Without ``corrects`` what documents are compared with stays as it is known: InstitutionKindError.
        """
        ...

    def register_card(  # noqa: PLR0913
        self,
        person_id: str,
        card_identifier: str,
        card_number: str,
        *,
        issued: datetime,
        operation: Operation | None = None,
        result: bytes = b"",
    ) -> RegisteredCard:
        """Enter a card as issued; one that is there for the same person is found as it stands.

        Raises CardNotOfPersonError where it is somebody else's.
        """
        ...

    def register_medical_card(
        self, person_id: str, number: str, *, today: date, operation: Operation, result: bytes
    ) -> MedicalCard:
        """Enter an original medical card, valid; one that is there for the same person is found as it stands."""
        ...

    def person(self, person_id: str) -> Person:
        """Raises PersonNotRegisteredError."""
        ...

    def person_by_number(self, social_security_number: str) -> Person:
        """Raises PersonNotRegisteredError."""
        ...

    def card(self, card_id: str) -> RegisteredCard:
        """Raises CardNotRegisteredError."""
        ...

    def card_by_identifier(self, card_identifier: str) -> RegisteredCard:
        """By 卡的识别码, hexadecimal. Raises CardNotRegisteredError."""
        ...

    def card_by_number(self, card_number: str) -> RegisteredCard:
        """By 卡号. Raises CardNotRegisteredError, also where several have it."""
        ...

    def made_day(self, card_identifier: str) -> date | None:
        """The day on which a card was made for the first time, by its certificate; None for one made elsewhere."""
        ...

    def cards_of(self, person_id: str) -> tuple[RegisteredCard, ...]:
        """A person's cards, the newest first."""
        ...

    def medical_cards_of(self, person_id: str) -> tuple[MedicalCard, ...]:
        """A person's original medical cards."""
        ...

    def medical_card_by_number(self, number: str) -> MedicalCard:
        """Raises MedicalCardNotRegisteredError."""
        ...

    def change(  # noqa: PLR0913
        self,
        card_id: str,
        event: CardEvent,
        *,
        reason: str,
        outlet: str = "",
        received: date | None = None,
        replacement_id: str = "",
        only_of: str = "",
        operation: Operation,
        result: bytes,
    ) -> RegisteredCard:
        """What happens to a card, by the state machine; ``outlet`` and ``received`` with what sets them.

        ``only_of``: cards of other outlets than this one are not touched, and of cards that have none yet only those
        that it receives or hands out; "": all cards are. Raises CardStateError, CardNotRegisteredError,
        CardAtOtherOutletError, InstitutionKindError.
        """
        ...

    def activate(self, activation: Activation, *, operation: Operation, result: bytes) -> RegisteredCard:
        """The card activated, the activation put down, the restriction of the holder's medical cards lifted, at once.

        Raises the CardStateError of a card that cannot be.
        """
        ...

    def activation_of(self, card_id: str) -> Activation | None:
        """The activation of a card."""
        ...

    def note_bank_activation(self, noted: BankActivation, *, operation: Operation, result: bytes) -> None:
        """Put down what a bank says; the same once more changes nothing. Raises BankActivationNotedError."""
        ...

    def bank_activation_of(self, card_id: str) -> BankActivation | None:
        """What a bank said."""
        ...

    def reminders(self, *, today: date, days: int, outlet: str = "") -> Iterator[Reminder]:
        """Delivered cards with at most ``days`` left, the most urgent first; read piece by piece."""
        ...

    def apply_deadlines(self, *, today: date, operation: Operation) -> tuple[int, int]:
        """Restrict the original medical cards of holders whose card is overdue.

        Returns how many cards are overdue and how many medical cards were restricted now; the operation's result is the
        two numbers, as ASCII ``overdue,restricted``. Idempotent.
        """
        ...
