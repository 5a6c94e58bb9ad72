"""At a bank with a PIN pad: the holder types both PINs, and nobody else knows them."""

from typing import Any

import pytest

from apdu import pinpad
from apdu.errors import CardRemovedError, NoPinPadError, PadUnsuitableError
from services.pin_entry import ANY_DIGITS, PadDigits
from services.registry.lifecycle import CardState
from simulator.pinpad import ENTER, ScriptedHolder, SimulatedPad
from sscard.v1 import activation_pb2, pin_pb2
from tests.services.activation.desk import CHOSEN, INITIAL, Desk, Pulled, at_bank, call

TYPED = (INITIAL + ENTER, CHOSEN + ENTER, CHOSEN + ENTER)
AT_PAD: dict[str, Any] = {"reader": "pad", "new_pin": "", "pin_at_pad": True}
SIX = PadDigits.configured(6)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinpad, "POLL", 0.001)


async def test_both_pins_are_typed_and_each_key_is_an_event(desk: Desk) -> None:
    card = desk.card()
    desk.readers.add_reader("pad", pad=SimulatedPad(ScriptedHolder(*TYPED)))
    desk.readers.insert("pad", card.chip, t0=True)
    events: list[activation_pb2.ActivateAtBankResponse] = []

    async def hear(event: activation_pb2.ActivateAtBankResponse) -> None:
        events.append(event)

    async with desk.service(pad_digits=SIX) as service:
        outcome = await call(service, at_bank(**AT_PAD), on_event=hear)
    kinds = [event.entry.kind for event in events]
    assert kinds.count(pin_pb2.PinEntryEvent.KIND_DIGIT) == 18
    assert kinds[0] == pin_pb2.PinEntryEvent.KIND_ENTER_OLD_PIN
    assert outcome.activated
    assert outcome.activation.pin_changed
    assert card.has_pin(CHOSEN)


async def test_a_wrong_old_pin_activates_nothing(desk: Desk) -> None:
    card = desk.card()
    wrong = SimulatedPad(ScriptedHolder("999999" + ENTER, *TYPED[1:]))
    desk.readers.add_reader("pad", pad=wrong)
    desk.readers.insert("pad", card.chip, t0=True)
    async with desk.service(pad_digits=SIX) as service:
        outcome = await call(service, at_bank(**AT_PAD))
    assert (outcome.pin_result, outcome.tries_left) == (pin_pb2.PIN_RESULT_REJECTED, 5)
    assert card.state is CardState.DELIVERED


@pytest.mark.parametrize(
    ("reader", "digits", "error"),
    [("left", SIX, NoPinPadError), ("pad", ANY_DIGITS, PadUnsuitableError)],
    ids=["no pad", "PINs of any length"],
)
async def test_a_pad_that_cannot_do_it_is_told_of_before_anything_is_begun(
    desk: Desk, reader: str, digits: PadDigits, error: type[Exception]
) -> None:
    card = desk.card()
    desk.readers.add_reader("pad", pad=SimulatedPad(ScriptedHolder()))
    desk.readers.insert(reader, card.chip, t0=True)
    async with desk.service(pad_digits=digits) as service:
        with pytest.raises(error):
            await call(service, at_bank(**(AT_PAD | {"reader": reader})))
    assert card.state is CardState.DELIVERED
    assert desk.operations.find("bank-7", "bank-1") is None


async def test_a_card_pulled_as_its_pin_is_changed_is_activated_by_the_same_request(desk: Desk) -> None:
    """The holder types again: what the card has now is the old PIN of the second time."""
    card = desk.card()
    first = Pulled(card.chip)
    desk.readers.add_reader("pad", pad=SimulatedPad(ScriptedHolder(*TYPED)))

    class PulledAtChange(Pulled):
        def process(self, command: bytes) -> bytes:
            answer = self.chip.process(command)
            if command[1] == 0x5E:
                desk.readers.remove("pad")
            return answer

    desk.readers.insert("pad", PulledAtChange(first), t0=True)
    async with desk.service(pad_digits=SIX) as service:
        with pytest.raises(CardRemovedError):
            await call(service, at_bank(**AT_PAD))
    assert card.state is CardState.DELIVERED
    assert card.has_pin(CHOSEN)
    desk.readers.add_reader(
        "second", pad=SimulatedPad(ScriptedHolder(CHOSEN + ENTER, "431529" + ENTER, "431529" + ENTER))
    )
    desk.readers.insert("second", card.chip, t0=True)
    async with desk.service(pad_digits=SIX) as service:
        assert (await call(service, at_bank(**(AT_PAD | {"reader": "second"})))).activated
    assert card.has_pin("431529")
