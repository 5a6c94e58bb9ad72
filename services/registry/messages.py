"""What the registry knows, as messages."""

from datetime import date, datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from services.registry.lifecycle import CardEvent
from services.registry.model import InstitutionKind, MedicalCard, Person, PersonData, RegisteredCard
from sscard.v1 import registry_pb2

INSTITUTION_KINDS: Final = {
    registry_pb2.InstitutionKind.Value(f"INSTITUTION_KIND_{kind.name}"): kind for kind in InstitutionKind
}
EVENTS: Final = {
    value: CardEvent[name.removeprefix("CARD_EVENT_")] for name, value in registry_pb2.CardEvent.items() if value
}
"""Events that a caller may send; delivery and activation have calls of their own."""


def person_message(person: Person) -> registry_pb2.Person:
    """A person; field by field under the same names."""
    data = {name: getattr(person.data, name) for name in PersonData.__dataclass_fields__}
    return registry_pb2.Person(id=person.id, **data)


def card_message(card: RegisteredCard) -> registry_pb2.RegisteredCard:
    """A card."""
    return registry_pb2.RegisteredCard(
        id=card.id,
        card_identifier=card.card_identifier,
        card_number=card.card_number,
        person_id=card.person_id,
        state=registry_pb2.CardState.Value(f"CARD_STATE_{card.state.name}"),
        outlet=card.outlet,
        issued_time=timestamp(card.issued),
        received_date=day(card.received),
        activation_deadline=day(card.deadline),
        activated_time=timestamp(card.activated) if card.activated else None,
    )


def medical_card_message(card: MedicalCard) -> registry_pb2.MedicalCard:
    """An original medical card."""
    return registry_pb2.MedicalCard(
        id=card.id,
        number=card.number,
        person_id=card.person_id,
        state=registry_pb2.MedicalCardState.Value(f"MEDICAL_CARD_STATE_{card.state.name}"),
        state_since=day(card.state_since),
    )


def timestamp(moment: datetime) -> Timestamp:
    """A moment, which has its time zone."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def day(value: date | None) -> str:
    """YYYY-MM-DD; "" for none."""
    return value.isoformat() if value else ""
