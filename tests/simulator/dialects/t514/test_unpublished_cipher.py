"""Keys of SSF33, whose cipher is unpublished: a card may hold them, and computes nothing with them."""

import pytest

VALUE = "0A" * 16
SSF33, TRIPLE_DES = "02", "00"


def record(algorithm: str, card_id: str = "8A") -> str:
    return f"0D{card_id}01EF03{algorithm}0A10{VALUE}"


@pytest.fixture
def loaded(begun):
    assert begun.load(record(SSF33)) == "9000"
    assert begun.load(record(TRIPLE_DES, "8B")) == "9000"
    return begun


def prove(chip, card_id: str) -> str:
    chip("0084000008")
    return chip(f"008200{card_id}10" + "00" * 16)


def test_authentication_with_such_a_key_is_not_supported(loaded):
    assert [prove(loaded, "8A") for _ in range(4)] == ["6A81"] * 4
    assert prove(loaded, "8B") == "63C2", "that one is computed with"


def test_it_wins_no_right_and_stays_what_it_is(loaded):
    before = loaded.card.image
    prove(loaded, "8A")
    assert loaded.card.image == before, "not a try is spent"
    assert loaded.load(record(TRIPLE_DES)) == "9000"
    assert prove(loaded, "8A") == "63C2"


@pytest.mark.parametrize("size", ["08", "0F"])
def test_it_has_one_length(begun, size):
    assert begun.load(f"0D8A01EF03{SSF33}0A{size}{VALUE}") == "6A80"
