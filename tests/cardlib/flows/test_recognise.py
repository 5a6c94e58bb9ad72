import secrets

import pytest

from apdu.errors import CardRemovedError
from apdu.flow import run
from apdu.readers import executor
from cardlib.flows.pin import CardMark
from cardlib.flows.recognise import recognise
from cardlib.forms import FormMemory
from simulator.people import READY, ready_card


def recognised(chip):
    atr = chip.power_on()
    execute = executor(lambda commands: [chip.process(command) for command in commands])
    return run(recognise(atr, rng=secrets.token_bytes, forms=FormMemory()), execute)


class Blank:
    """Something that is no social security card."""

    def __init__(self, atr: str, answer: str = "6A82") -> None:
        self.atr = bytes.fromhex(atr)
        self._answer = bytes.fromhex(answer)

    def power_on(self) -> bytes:
        return self.atr

    def process(self, command: bytes) -> bytes:
        return self._answer


@pytest.mark.parametrize("version", READY)
def test_a_card_is_known_by_its_serial_number_and_by_what_it_says_of_itself(version) -> None:
    ready = READY[version]
    traits = recognised(ready_card(version))
    assert isinstance(traits, CardMark)
    assert traits.historical_bytes == ready.historical_bytes(ready.serial)
    assert len(traits.card_identifier) == 32
    assert traits == recognised(ready_card(version))


def test_the_cards_of_one_holder_are_told_apart() -> None:
    first, second = (recognised(ready_card("2.0", copy=copy)) for copy in (0, 1))
    assert first != second
    assert first.card_identifier != second.card_identifier


@pytest.mark.parametrize("answer", ["6A82", "6D00", "9000", "6985"])
def test_what_is_no_social_security_card_is_known_by_its_whole_answer_to_reset(answer) -> None:
    chip = Blank("3B6D000000813147318650430200000013", answer)
    assert recognised(chip) == chip.atr


def test_an_answer_to_reset_that_breaks_the_standard_is_one_as_well() -> None:
    assert recognised(Blank("3B")) == b"\x3b"


def test_a_card_that_is_pulled_out_is_not_recognised() -> None:
    class Pulled(Blank):
        def process(self, command: bytes) -> bytes:
            raise CardRemovedError("it is out")

    with pytest.raises(CardRemovedError):
        recognised(Pulled("3B6D000000813147318650430200000013"))
