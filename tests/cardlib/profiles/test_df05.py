"""DF05: what the tables alone do not tell."""

import pytest

from cardlib.codes import ABO_BLOOD_GROUP, HEALTH_STATUS
from cardlib.profiles.df05 import DF05, HEALTH
from cardlib.values import Coded


@pytest.mark.parametrize(
    ("stored", "group"),
    [("41D0CD00", "A型"), ("42D0CD00", "B型"), ("4142D0CD", "AB型"), ("4FD0CD00", "O型"), ("C6E4CBFB", "其他")],
)
def test_a_blood_group_is_its_own_text_in_gbk(stored: str, group: str) -> None:
    item = HEALTH.item_named("abo_blood_group")
    assert item.decode(bytes.fromhex(stored)) == ABO_BLOOD_GROUP[group]
    assert ABO_BLOOD_GROUP[group].known
    assert item.encode(ABO_BLOOD_GROUP[group])[2:] == bytes.fromhex(stored)


def test_drugs_and_diseases_have_five_records_each() -> None:
    drug = "A318 A510C7E0C3B9CBD8" + "00" * 10 + "A60430313031"
    blank = "A318 A510" + "00" * 16 + "A60400000000"
    values = HEALTH.parse(bytes.fromhex(drug + blank * 4)).values
    assert values["contraindicated_drugs"] == ({"name": "青霉素", "code": "0101"}, None, None, None, None)
    assert values["major_diseases"] == (None,) * 5


def test_an_unknown_flag_is_kept_and_everybody_may_read_it() -> None:
    assert HEALTH.item_named("asthma").decode(b"7") == Coded("7")
    assert HEALTH.item_named("health_status").decode(b"3") == HEALTH_STATUS["3"]
    assert str(HEALTH.read) == "free"


def test_a_directory_without_aid_is_selected_by_its_label() -> None:
    assert DF05.df_name == "生命与健康信息区".encode("gbk")
    assert len(DF05.df_name) == 16
