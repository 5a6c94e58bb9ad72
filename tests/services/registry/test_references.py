"""Which card it is that is shown."""

import secrets

import pytest

from apdu.flow import refuse, run
from apdu.readers import executor
from cardlib.errors import CardDataError, ForeignCardError
from cardlib.forms import FormMemory
from services.registry.references import read_card_identifier
from simulator.blanks import blank_chip
from simulator.card import SoftwareCard
from simulator.people import READY, ready_card


def identifier_of(card: SoftwareCard) -> str:
    flow = read_card_identifier(card.power_on(), rng=secrets.token_bytes, forms=FormMemory())
    return run(flow, executor(lambda commands: [card.process(command) for command in commands]), refuse)


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0"])
def test_every_version_says_its_identifier_without_a_key_or_a_pin(version) -> None:
    told = identifier_of(ready_card(version, t0=False))
    assert told == READY[version].contents(READY[version].serial)["issuer"]["card_identifier"].digits
    assert len(told) == 32
    assert told == told.upper()


def test_a_chip_without_an_application_is_no_such_card() -> None:
    with pytest.raises(ForeignCardError):
        identifier_of(SoftwareCard(blank_chip("t514"), t0=False))


def test_a_card_that_holds_no_identifier_is_told_from_one_that_is_not_registered(monkeypatch) -> None:
    card = ready_card("2.0", t0=False)
    process = card.process

    def blank(command: bytes) -> bytes:
        answer = process(command)
        told = bytes.fromhex(READY["2.0"].contents(READY["2.0"].serial)["issuer"]["card_identifier"].digits)
        return answer.replace(told, bytes(16))

    monkeypatch.setattr(card, "process", blank)
    with pytest.raises(CardDataError):
        identifier_of(card)
