"""Activations as messages, and what is kept of one with its operation."""

from __future__ import annotations  # Outcome is for the types alone: it is made of what is kept here

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cardlib.flows.pin import PinAttempt, PinResult
from services.registry.messages import card_message, medical_card_message, person_message, timestamp
from sscard.v1 import activation_pb2, pin_pb2, registry_pb2

if TYPE_CHECKING:
    from services.activation.records import Outcome
    from services.registry.model import BankActivation, Reminder

ACTIONS: Final = {
    activation_pb2.ActivationPrompt.ACTION_INSERT_MEDICAL_CARD: "请插入原医疗卡 Insert the original medical card",
    activation_pb2.ActivationPrompt.ACTION_SWAP_CARDS: (
        "请取出原医疗卡，换插社会保障卡 Take the original medical card out and insert the new card"
    ),
    activation_pb2.ActivationPrompt.ACTION_INSERT_CARD: "请插入社会保障卡 Insert the new card",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of an outcome: nothing of anybody."""

    card_id: str
    activated: bool
    pin: PinAttempt | None
    warnings: tuple[str, ...]


def kept_outcome(outcome: Outcome, *, activated: bool) -> bytes:
    """What is kept with the operation, from which :func:`outcome_kept` tells how it ended."""
    kept = activation_pb2.ActivationOutcome(activated=activated, warnings=outcome.warnings)
    kept.activation.card.CopyFrom(registry_pb2.RegisteredCard(id=outcome.card.id))
    _put_pin(kept, outcome.pin)
    return kept.SerializeToString(deterministic=True)


def outcome_kept(result: bytes) -> Kept:
    """The other way round."""
    kept = activation_pb2.ActivationOutcome.FromString(result)
    pin = None
    if kept.pin_result:
        name = pin_pb2.PinResult.Name(kept.pin_result).removeprefix("PIN_RESULT_")
        pin = PinAttempt(PinResult[name], kept.tries_left)
    return Kept(kept.activation.card.id, kept.activated, pin, tuple(kept.warnings))


def outcome_message(outcome: Outcome) -> activation_pb2.ActivationOutcome:
    """What came of a request."""
    message = activation_pb2.ActivationOutcome(
        activated=outcome.activated,
        social_security_number=outcome.person.data.social_security_number,
        name=outcome.person.data.name,
        warnings=outcome.warnings,
    )
    if (activation := activation_message(outcome)) is not None:
        message.activation.CopyFrom(activation)
    _put_pin(message, outcome.pin)
    return message


def activation_message(outcome: Outcome) -> activation_pb2.Activation | None:
    """The activation of an outcome; None where there was none."""
    if outcome.activation is None:
        return None
    return activation_pb2.Activation(
        card=card_message(outcome.card),
        way=activation_pb2.ActivationWay.Value(f"ACTIVATION_WAY_{outcome.activation.way.name}"),
        institution=outcome.activation.institution,
        time=timestamp(outcome.activation.time),
        medical_card=medical_card_message(outcome.medical_card) if outcome.medical_card else None,
        pin_changed=outcome.activation.pin_changed,
    )


def reminder_message(reminder: Reminder) -> activation_pb2.ListActivationRemindersResponse:
    """A card that has to be activated."""
    return activation_pb2.ListActivationRemindersResponse(
        card=card_message(reminder.card),
        person=person_message(reminder.person),
        days_left=reminder.days_left,
        medical_card_restricted=reminder.medical_card_restricted,
    )


def bank_activation_message(noted: BankActivation) -> activation_pb2.BankActivation:
    """What a bank said."""
    return activation_pb2.BankActivation(institution=noted.institution, time=timestamp(noted.time))


def prompt(
    action: activation_pb2.ActivationPrompt.Action.ValueType, reader: str, seconds: int
) -> activation_pb2.ActivationPrompt:
    """What somebody is to do."""
    return activation_pb2.ActivationPrompt(action=action, reader=reader, text=ACTIONS[action], seconds=seconds)


def _put_pin(message: activation_pb2.ActivationOutcome, pin: PinAttempt | None) -> None:
    if pin is not None:
        message.pin_result = pin_pb2.PinResult.Value(f"PIN_RESULT_{pin.result.name}")
        message.tries_left = 0 if pin.result is PinResult.OK else pin.tries_left
