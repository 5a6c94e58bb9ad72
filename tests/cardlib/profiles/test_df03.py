"""DF03: what the tables alone do not tell."""

import pytest

from cardlib.codes import DEPENDENCY_RELATION
from cardlib.errors import ItemError
from cardlib.profiles.df03 import DEPENDANTS, INSURANCE_CERTIFICATE, UNEMPLOYMENT_INSURANCE
from cardlib.values import CardDate, Coded

KINSHIP = DEPENDANTS.item_named("kinship")


@pytest.mark.parametrize(
    ("code", "stored"), [("1", "1F"), ("2", "2F"), ("4", "4F"), ("5", "5F"), ("6", "6F"), ("7", "7F")]
)
def test_a_kinship_of_one_digit_is_filled_up_and_is_read_with_a_leading_zero_too(code: str, stored: str) -> None:
    assert KINSHIP.encode(DEPENDENCY_RELATION[code]) == bytes.fromhex(f"7601{stored}")
    assert KINSHIP.decode(bytes.fromhex(stored)) == DEPENDENCY_RELATION[code]
    assert KINSHIP.decode(bytes.fromhex(f"0{code}")) == DEPENDENCY_RELATION[code]


@pytest.mark.parametrize(
    ("stored", "value"), [("FF", None), ("00", None), ("0F", Coded("0")), ("3F", Coded("3")), ("12", Coded("12"))]
)
def test_a_kinship_that_the_table_does_not_have_is_kept(stored: str, value: Coded | None) -> None:
    assert KINSHIP.decode(bytes.fromhex(stored)) == value


def test_a_kinship_is_not_written_with_a_leading_zero() -> None:
    with pytest.raises(ItemError, match="not in the table"):
        KINSHIP.encode(Coded("01"))


def test_the_four_insurance_certificates_stand_one_after_the_other_and_the_reserved_one_is_blank() -> None:
    # 7927 = tag and length; amounts in packed fen, [S1 §8.4.8.5]
    one = "7927 1803{kind} 1903990000 1A0420120701 1B0420190331 1C0400012345 1D03303831 1E0420190415"
    blank = "7927 1803000000 1903FFFFFF 1A04FFFFFFFF 1B04FFFFFFFF 1C04FFFFFFFF 1D03000000 1E04FFFFFFFF"
    run = "".join(one.format(kind=kind) for kind in ("313130", "333130", "323130")) + blank
    contents = INSURANCE_CERTIFICATE.parse(bytes.fromhex(run))
    pension, medical, unemployment, reserved = contents.values["certificates"]
    assert [one["insurance_type"].en for one in (pension, medical, unemployment)] == [
        "urban enterprise employees' basic pension insurance",
        "employees' basic medical insurance",
        "unemployment insurance",
    ]
    assert pension["personal_contribution"] == 12345
    assert pension["contribution_months"] == 81
    assert medical["insured_until"] == CardDate("20190331")
    assert reserved is None
    assert contents.warnings == ()
    assert b"".join(INSURANCE_CERTIFICATE.encode(contents.values)) == bytes.fromhex(run)


def test_a_contribution_padded_as_the_letter_of_the_rule_has_it_is_the_same_sum() -> None:
    one = "7927 1803313130 1903990000 1A0420120701 1B0420190331 1C0412345FFF 1D03303831 1E0420190415"
    (first, *_) = INSURANCE_CERTIFICATE.parse(bytes.fromhex(one)).values["certificates"]
    assert first["personal_contribution"] == 12345


def test_the_months_of_unemployment_insurance_are_numbers() -> None:
    contents = UNEMPLOYMENT_INSURANCE.parse(bytes.fromhex("6303303836 6403303734 6503202020 6603000000"))
    assert contents.values["cumulative_contribution_months"] == 86
    assert contents.values["effective_contribution_months"] == 74
    assert contents.values["benefit_months_entitled"] is None
    assert contents.values["benefit_months_received"] is None
