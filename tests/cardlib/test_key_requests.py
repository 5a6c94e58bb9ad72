"""What a key request shows of itself: nothing by which a card or a person could be found."""

from cardlib.crypto import Algorithm
from cardlib.key_requests import CardFactors, CodeOfCard, KeyRequest
from cardlib.keys import KeyReference


def test_factors_and_identifier_of_a_card_do_not_show() -> None:
    card = CardFactors(Algorithm.SM4, "990100", bytes.fromhex("99fa017e00c0ffee"))
    shown = repr(KeyRequest(card, (CodeOfCard(KeyReference("IRK"), b"990100123456"),)))
    assert "990100" in shown, "the region does"
    assert "IRK" in shown
    for secret in ("c0ffee", "\\xc0\\xff", "fa01", "\\xfa\\x01", "123456"):
        assert secret not in shown
