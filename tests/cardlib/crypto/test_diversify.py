"""Diversification factors."""

import pytest

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import SM4, TRIPLE_DES, card_key, factors

T6_TD = bytes.fromhex("8660650100000001")


@pytest.mark.parametrize(
    ("region", "province", "city"),
    [
        pytest.param("650100", "3635303030307368", "3635303130307378", id="the specification's example"),
        pytest.param("990123", "3939303030307368", "3939303132337378", id="all six digits count"),
        pytest.param("330782", "3333303030307368", "3333303730307378", id="Zhejiang counts four digits"),
    ],
)
def test_factors_of_a_region(region, province, city):
    assert factors(region, T6_TD) == (bytes.fromhex(province), bytes.fromhex(city), T6_TD)


@pytest.mark.parametrize("suite", [TRIPLE_DES, SM4])
def test_counties_of_a_zhejiang_city_share_their_keys(suite):
    root = Secret(bytes(range(16)))
    assert card_key(suite, root, "330782", T6_TD) == card_key(suite, root, "330700", T6_TD)
    assert card_key(suite, root, "340782", T6_TD) != card_key(suite, root, "340700", T6_TD)


@pytest.mark.parametrize("region", ["", "65010", "6501000", "65010F", "FFFFFF", "-50100", "６５０１００"])
def test_a_region_is_six_decimal_digits(region):
    with pytest.raises(MalformedError, match="six decimal digits"):
        factors(region, T6_TD)


@pytest.mark.parametrize("length", [0, 7, 9, 13])
def test_a_card_factor_is_eight_bytes(length):
    with pytest.raises(MalformedError, match="8 bytes"):
        factors("650100", bytes(length))
