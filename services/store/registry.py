"""The registry in the database: personal values sealed, searched by their digests (持卡库)."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import TypeVar

import sqlalchemy as sa

from services.operations.journal import Operation
from services.registry.lifecycle import CardEvent
from services.registry.model import (
    Activation,
    BankActivation,
    Institution,
    InstitutionKind,
    MedicalCard,
    Person,
    PersonData,
    RegisteredCard,
    Registry,
    Reminder,
)
from services.store import registry_cards as cards
from services.store import registry_people as people
from services.store.journal import utc_now
from services.store.operations import finish_operation
from services.store.personal import Personal
from services.store.registry_cards import Change
from services.store.registry_deadlines import PIECE, reminders_after, restrict_overdue
from services.store.registry_people import Rows
from services.store.transactions import in_transaction

R = TypeVar("R")


class SqlRegistry(Registry):
    """Every method is one transaction, which finishes the operation that it is for. ``now``: the clock.

    Transactions are as if they came one after the other (:mod:`services.store.transactions`): of two activations of one
    card one finds it activated, and a card that is activated while deadlines are applied leaves nobody restricted.
    """

    def __init__(self, engine: sa.Engine, personal: Personal, *, now: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._personal = personal
        self._now = now

    def register_institution(
        self, code: str, name: str, kind: InstitutionKind, *, operation: Operation, result: bytes
    ) -> None:
        """See the port."""
        self._finishing(operation, result, lambda rows: people.put_institution(rows, code, name, kind))

    def institution(self, code: str) -> Institution | None:
        """See the port."""
        return self._read(lambda rows: people.institution_of(rows, code))

    def register_person(
        self, data: PersonData, *, corrects: bool = True, operation: Operation | None = None, result: bytes = b""
    ) -> Person:
        """See the port."""
        return self._finishing(operation, result, lambda rows: people.put_person(rows, data, corrects=corrects))

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
        """See the port; raises PersonNotRegisteredError too."""
        return self._finishing(
            operation, result, lambda rows: cards.put_card(rows, person_id, card_identifier, card_number, issued)
        )

    def register_medical_card(
        self, person_id: str, number: str, *, today: date, operation: Operation, result: bytes
    ) -> MedicalCard:
        """See the port; raises PersonNotRegisteredError, and CardNotOfPersonError where it is somebody else's."""
        return self._finishing(operation, result, lambda rows: people.put_medical_card(rows, person_id, number, today))

    def person(self, person_id: str) -> Person:
        """See the port."""
        return self._read(lambda rows: people.person_of(rows, person_id))

    def person_by_number(self, social_security_number: str) -> Person:
        """See the port."""
        return self._read(lambda rows: people.person_by_number(rows, social_security_number))

    def card(self, card_id: str) -> RegisteredCard:
        """See the port."""
        return self._read(lambda rows: cards.card_of(rows, card_id))

    def card_by_identifier(self, card_identifier: str) -> RegisteredCard:
        """See the port."""
        return self._read(lambda rows: cards.card_by_identifier(rows, card_identifier))

    def card_by_number(self, card_number: str) -> RegisteredCard:
        """See the port."""
        return self._read(lambda rows: cards.card_by_number(rows, card_number))

    def made_day(self, card_identifier: str) -> date | None:
        """See the port."""
        return self._read(lambda rows: cards.made_day(rows, card_identifier))

    def cards_of(self, person_id: str) -> tuple[RegisteredCard, ...]:
        """See the port."""
        return self._read(lambda rows: cards.cards_of(rows, person_id))

    def medical_cards_of(self, person_id: str) -> tuple[MedicalCard, ...]:
        """See the port."""
        return self._read(lambda rows: people.medical_cards_of(rows, person_id))

    def medical_card_by_number(self, number: str) -> MedicalCard:
        """See the port."""
        return self._read(lambda rows: people.medical_card_by_number(rows, number))

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
        """See the port. A card that is delivered without a day is received today; ACTIVATE is :meth:`activate`'s."""
        change = Change(
            event=event,
            reason=reason,
            outlet=outlet,
            received=received,
            replacement_id=replacement_id,
            only_of=only_of,
        )
        return self._finishing(
            operation, result, lambda rows: cards.change_card(rows, card_id, change, operation, self._now())
        )

    def activate(self, activation: Activation, *, operation: Operation, result: bytes) -> RegisteredCard:
        """See the port."""
        return self._finishing(
            operation, result, lambda rows: cards.activate_card(rows, activation, operation, self._now())
        )

    def activation_of(self, card_id: str) -> Activation | None:
        """See the port."""
        return self._read(lambda rows: cards.activation_of(rows, card_id))

    def note_bank_activation(self, noted: BankActivation, *, operation: Operation, result: bytes) -> None:
        """See the port; raises CardNotRegisteredError."""
        self._finishing(operation, result, lambda rows: cards.note_bank_activation(rows, noted))

    def bank_activation_of(self, card_id: str) -> BankActivation | None:
        """See the port."""
        return self._read(lambda rows: cards.bank_activation_of(rows, card_id))

    def reminders(self, *, today: date, days: int, outlet: str = "") -> Iterator[Reminder]:
        """See the port. Each piece is a transaction of its own, so that a slow reader holds nobody up."""
        last: Reminder | None = None
        while True:
            behind = last
            piece = self._read(lambda rows: reminders_after(rows, today, days, outlet, behind))  # noqa: B023
            yield from piece
            if len(piece) < PIECE:
                return
            last = piece[-1]

    def apply_deadlines(self, *, today: date, operation: Operation) -> tuple[int, int]:
        """See the port."""

        def work(connection: sa.Connection) -> tuple[int, int]:
            overdue, restricted = restrict_overdue(Rows(connection, self._personal), today)
            finish_operation(connection, operation, f"{overdue},{restricted}".encode(), self._now())
            return overdue, restricted

        return in_transaction(self._engine, work)

    def _finishing(self, operation: Operation | None, result: bytes, work: Callable[[Rows], R]) -> R:
        """What ``work`` does and the end of the operation, both or neither."""

        def both(connection: sa.Connection) -> R:
            done = work(Rows(connection, self._personal))
            if operation is not None:
                finish_operation(connection, operation, result, self._now())
            return done

        return in_transaction(self._engine, both)

    def _read(self, work: Callable[[Rows], R]) -> R:
        return in_transaction(self._engine, lambda connection: work(Rows(connection, self._personal)))
