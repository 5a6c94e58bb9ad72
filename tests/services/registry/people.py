"""Invented people and cards for tests of the registry, and operations of theirs."""

import itertools
from datetime import UTC, date, datetime
from hashlib import sha256

import sqlalchemy as sa

from services.operations.journal import Operation, OperationRequest
from services.registry.lifecycle import CardEvent
from services.registry.model import (
    Activation,
    ActivationWay,
    InstitutionKind,
    Person,
    PersonData,
    RegisteredCard,
)
from services.store.operations import SqlOperations
from services.store.personal import Personal
from services.store.registry import SqlRegistry

NOON = datetime(2026, 3, 15, 4, tzinfo=UTC)
"""Noon in Beijing."""
TODAY = date(2026, 3, 15)
LI = PersonData(
    social_security_number="99000019850312002X",
    name="李𠮷·阿依古丽",
    birth_date="1985-03-12",
    sex="2",
    phone="13900000000",
    document_number="E99000017",
)
WANG = PersonData(social_security_number="990000199001010017", name="王丁")
IDENTIFIER, NUMBER, MEDICAL = "990000D15600000500A1B2C3FFFFFFFF", "T00000001", "YB99000012345678"


class Desk:
    """A registry and its journal, whose clock is ``now``; makes operations and people as they are needed."""

    def __init__(self, engine: sa.Engine, personal: Personal) -> None:
        self.engine = engine
        self.now = NOON
        self.registry = SqlRegistry(engine, personal, now=lambda: self.now)
        self.operations = SqlOperations(engine, now=lambda: self.now)
        self._numbers = itertools.count(1)

    def operation(self, request_id: str = "") -> Operation:
        """One that is open."""
        return self.operations.begin(
            OperationRequest(
                institution="bank-1",
                request_id=request_id or f"r-{next(self._numbers)}",
                kind="Test",
                subject="anything",
                digest=sha256(b"test").digest(),
                station="desk 1",
                operator="Zhao",
            )
        )

    def institution(self, code: str, kind: InstitutionKind) -> None:
        """An institution of a kind."""
        self.registry.register_institution(code, "测试机构", kind, operation=self.operation(), result=b"")

    def card(self, person: Person | None = None, identifier: str = "", number: str = NUMBER) -> RegisteredCard:
        """A card as issued, of the first person unless it is said."""
        person = person or self.registry.register_person(LI)
        identifier = identifier or f"990000D156000005{next(self._numbers):016X}"
        return self.registry.register_card(person.id, identifier, number, issued=self.now)

    def happens(self, card: RegisteredCard, event: CardEvent, **more: object) -> RegisteredCard:
        """Something happens to a card."""
        operation = self.operation()
        return self.registry.change(card.id, event, **{"reason": "", "operation": operation, "result": b"", **more})

    def delivered(self, received: date = TODAY, **more: object) -> RegisteredCard:
        """A card that its holder received on a day."""
        return self.happens(self.card(**more), CardEvent.DELIVER, received=received)

    def activation(self, card: RegisteredCard, **more: object) -> Activation:
        """An activation of a card at a bank, now."""
        told = {"institution": "bank-1", "station": "desk 1", "operator": "Zhao", "time": self.now}
        return Activation(**{"card_id": card.id, "way": ActivationWay.BANK, **told, **more})

    def activated(self, card: RegisteredCard, **more: object) -> RegisteredCard:
        """A card, activated."""
        return self.registry.activate(self.activation(card, **more), operation=self.operation(), result=b"")
