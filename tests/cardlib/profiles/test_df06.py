"""DF06: what the tables alone do not tell."""

from cardlib.profiles.df06 import DF06, PREFERENTIAL_CARE, SOCIAL_RELIEF
from cardlib.values import CardDate


def test_three_kinds_of_relief_have_their_inner_items_under_the_same_tags() -> None:
    inner = "E30101E40420170301E50420190301E60400065000E703201906"
    values = SOCIAL_RELIEF.parse(bytes.fromhex(f"C31A{inner} C41A{inner.replace('E30101', 'E30109')}")).values
    assert values["relief_1"]["relief_type"].zh == "城市最低生活保障"
    assert values["relief_1"]["last_amount"] == 65000
    assert values["relief_1"]["last_paid_month"] == CardDate("201906")
    assert values["relief_1"]["last_paid_month"].iso == "2019-06"
    assert values["relief_2"]["relief_type"].en == "other relief"
    assert values["relief_3"] is None


def test_years_and_months_paid_are_as_long_as_they_are_precise() -> None:
    values = PREFERENTIAL_CARE.parse(bytes.fromhex("CD022011 D203201906 DF03FFFFFF")).values
    assert values["last_paid_year_1"].iso == "2011"
    assert values["last_paid_month_2"].iso == "2019-06"
    assert values["disability_pension_last_paid_month"] is None


def test_a_month_that_is_none_is_shown_with_a_warning() -> None:
    contents = PREFERENTIAL_CARE.parse(bytes.fromhex("D203201913"))
    assert contents.values["last_paid_month_2"] == CardDate("201913")
    assert ("DATE_IMPOSSIBLE", "last_paid_month_2") in [(found.code, found.item) for found in contents.warnings]


def test_a_directory_without_aid_is_selected_by_its_label() -> None:
    assert DF06.df_name == "救助与优抚信息区".encode("gbk")
    assert len(DF06.df_name) == 16
