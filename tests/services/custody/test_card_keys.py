"""What custodians have in common: what they do before a terminal sequence number is gone."""

import itertools

import pytest

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.key_requests import CardFactors, KeyRequest
from cardlib.keys import KeyReference
from services.custody.card_keys import CardKeyCustodian
from tests.services.custody.tasks import ROOTS, TERMINAL, card, purchase


class Counted(CardKeyCustodian):
    def __init__(self) -> None:
        self.numbers = itertools.count(7)
        super().__init__(terminal=(TERMINAL, lambda: next(self.numbers)))

    def card_key(self, card: CardFactors, key: KeyReference) -> Secret:
        return card.card_key(key, ROOTS[key])


@pytest.mark.parametrize(
    "wrong",
    [
        {"time": b"\xff" * 7},
        {"time": bytes.fromhex("20241301030405")},
        {"time": bytes.fromhex("20240102036000")},
        {"time": bytes.fromhex("2024010203040506")},
        {"random": bytes(3)},
        {"sequence": -1},
        {"amounts": (1 << 32, 0, 0)},
        {"kind": 256},
    ],
    ids=str,
)
def test_a_purchase_that_cannot_be_uses_up_no_sequence_number(wrong) -> None:
    custodian = Counted()
    with pytest.raises(MalformedError):
        custodian.perform(KeyRequest(card(), (purchase(**wrong),)))
    (answer,) = custodian.perform(KeyRequest(card(), (purchase(time=bytes.fromhex("20240229235959")),)))
    assert answer[6:10] == bytes.fromhex("00000007")
