"""What a table says about a code."""

from cardlib.codes import ETHNICITY, SEX
from cardlib.codes.table import flag, yes_no


def test_a_known_code_has_its_meanings() -> None:
    female = SEX["2"]
    assert (female.code, female.zh, female.en, female.known) == ("2", "女性", "female", True)


def test_an_unknown_code_is_kept_and_marked() -> None:
    unknown = ETHNICITY["77"]
    assert (unknown.code, unknown.zh, unknown.en, unknown.known) == ("77", "", "", False)


def test_a_question_is_answered_by_no_and_yes() -> None:
    assert yes_no("n", "中", "c").rows == (("0", "否", "no"), ("1", "是", "yes"))
    assert yes_no("n", "中", "c", "allowed").rows == (("0", "否", "allowed: no"), ("1", "是", "allowed: yes"))


def test_a_flag_may_be_unknown_as_well() -> None:
    assert flag("asthma", "哮喘标志", "c").rows == (
        ("0", "无", "asthma: no"),
        ("1", "有", "asthma: yes"),
        ("2", "不详", "asthma: unknown"),
    )
