"""DF07: what the tables alone do not tell."""

from cardlib.profiles.df07 import DEMOBILISED_OFFICER, DF07, EXPERT, HONOURS


def test_every_file_has_a_read_key_of_its_own() -> None:
    assert [str(file.read) for file in DF07.files] == ["RK1DF07", "RK2DF07", "RK3DF07"]
    assert [str(file.update) for file in DF07.files] == ["UK1DF07", "UK2DF07", "UK3DF07"]


def test_two_titles_of_the_same_name_keep_their_codes() -> None:
    title = HONOURS.item_named("honour_title")
    assert title.decode(b"04").zh == title.decode(b"45").zh == "先进工作者"
    assert [title.encode(title.decode(code))[2:] for code in (b"04", b"45")] == [b"04", b"45"]


def test_a_title_that_the_table_leaves_out_is_kept_and_marked() -> None:
    contents = HONOURS.parse(bytes.fromhex("F0023132"))
    assert contents.values["honour_title"].code == "12"
    assert ("CODE_UNKNOWN", "honour_title") in [(found.code, found.item) for found in contents.warnings]


def test_experts_and_officers_are_read_as_codes_and_text() -> None:
    expert = EXPERT.parse(bytes.fromhex("F503313231 F60420180901 F746B2E2CAD4CAD0C8CBC3F1D5FEB8AE" + "00" * 56)).values
    assert expert["expert_category"].zh == "中国科学院院士"
    assert expert["approving_body"] == "测试市人民政府"
    assert DEMOBILISED_OFFICER.parse(bytes.fromhex("F90132")).values["placement"].zh == "自主择业"
