"""What is refused, in each of the three ways for the same reason, before a PIN is sent or anything is changed."""

from collections.abc import Callable
from typing import Any

import pytest

from cardlib.custody import NoKeys
from services.catalogue import failure_of
from services.operations.journal import OperationState
from services.registry.lifecycle import CardEvent
from sscard.v1 import registry_pb2
from tests.services.activation.desk import (
    CALLS,
    CHOSEN,
    INITIAL,
    Desk,
    Issued,
    Pulled,
    at_bank,
    at_hospital,
    at_pharmacy,
    call,
    document,
    memory_card,
)

OTHER = {"social_security_number": "990000197001010011", "name": "李四"}
WAYS = {"bank": at_bank, "hospital": at_hospital, "pharmacy": at_pharmacy}
VERIFY, CHANGE_PIN, LONGEST_QUERY = 0x20, 0x5E, 5


class Forged(Pulled):
    """A copy of a card that has no key: whatever it is asked to prove, it answers the same."""

    def process(self, command: bytes) -> bytes:
        return bytes(8) + b"\x90\x00" if command[1] == 0x88 else self.chip.process(command)


def not_delivered(desk: Desk) -> Issued:
    return desk.card(delivered=False)


def lost(desk: Desk) -> Issued:
    return happened(desk, CardEvent.REPORT_LOSS)


def replaced(desk: Desk) -> Issued:
    return happened(desk, CardEvent.REPLACE, replacement_id=desk.card().id)


def cancelled(desk: Desk) -> Issued:
    return happened(desk, CardEvent.CANCEL)


def blocked(desk: Desk) -> Issued:
    return happened(desk, CardEvent.BLOCK)


def happened(desk: Desk, event: CardEvent, **more: Any) -> Issued:
    card = desk.card()
    desk.happens(card.entry, event, **more)
    return card


def expired(desk: Desk) -> Issued:
    desk.now = desk.now.replace(year=2090)
    return desk.card()


def forged(desk: Desk) -> Issued:
    card = desk.card()
    card.chip = Forged(card.chip)
    return card


def without_keys(desk: Desk) -> Issued:
    desk.custodian = NoKeys()
    return desk.card()


def with_another_number(desk: Desk) -> Issued:
    return desk.card(person=desk.person(**OTHER))


def with_another_name(desk: Desk) -> Issued:
    return desk.card(person=desk.person(name=OTHER["name"]))


REFUSALS = {
    not_delivered: "CARD_NOT_DELIVERED",
    lost: "CARD_LOST",
    replaced: "CARD_REPLACED",
    cancelled: "CARD_CANCELLED",
    blocked: "CARD_BLOCKED_BY_CENTRE",
    expired: "CARD_EXPIRED",
    forged: "CARD_NOT_AUTHENTIC",
    without_keys: "KEY_UNAVAILABLE",
    with_another_number: "HOLDER_MISMATCH",
    with_another_name: "HOLDER_MISMATCH",
}


async def refused(desk: Desk, card: Issued, request: Any, reason: str) -> None:
    """A request that is refused for this reason, and leaves card, registry and PIN as they are."""
    before, chip = card.state, Pulled(card.chip)
    two_cards = hasattr(request, "medical_card_reader")
    if two_cards:
        desk.medical_card(person=desk.registry.person(card.entry.person_id))
        desk.readers.insert("left", memory_card())
    desk.readers.insert("right" if two_cards else "left", chip, t0=True)
    async with desk.service() as service:
        with pytest.raises(Exception) as raised:  # noqa: PT011  which one, the catalogue says
            await call(service, request)
    assert failure_of(raised.value).refusal.reason == reason
    assert card.state is before
    assert desk.registry.activation_of(card.id) is None
    assert not [one for one in chip.commands if one[1] == CHANGE_PIN or (one[1] == VERIFY and len(one) > LONGEST_QUERY)]
    assert card.tries() == 6
    assert card.has_pin(INITIAL)
    operation = desk.operations.find(CALLS[type(request)][1].institution, request.request_id)
    assert operation is None or operation.state is not OperationState.DONE


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("prepare", "reason"), REFUSALS.items(), ids=[one.__name__ for one in REFUSALS])
async def test_each_refusal_has_its_own_reason_and_changes_nothing(
    desk: Desk, way: str, prepare: Callable[[Desk], Issued], reason: str
) -> None:
    await refused(desk, prepare(desk), WAYS[way](new_pin=CHOSEN), reason)


@pytest.mark.parametrize(
    "papers",
    [
        {"number": OTHER["social_security_number"]},
        {"name": OTHER["name"]},
        {"kind": registry_pb2.DOCUMENT_KIND_PASSPORT},
    ],
    ids=["number", "name", "kind"],
)
async def test_a_document_that_is_not_the_holders_is_refused_at_a_bank(desk: Desk, papers: dict[str, Any]) -> None:
    await refused(desk, desk.card(), at_bank(document=document(**papers)), "DOCUMENT_MISMATCH")


async def test_a_card_that_was_activated_is_refused_in_a_pharmacy_too(desk: Desk) -> None:
    card = desk.card()
    desk.medical_card()
    desk.readers.insert("left", memory_card())
    desk.readers.insert("right", card.chip, t0=True)
    async with desk.service() as service:
        await call(service, at_hospital(reader="right", new_pin=CHOSEN))
        with pytest.raises(Exception) as raised:  # noqa: PT011  which one, the catalogue says
            await call(service, at_pharmacy(old_pin=CHOSEN, new_pin="431529"))
    assert failure_of(raised.value).refusal.reason == "CARD_ALREADY_ACTIVATED"
    assert card.has_pin(CHOSEN)
