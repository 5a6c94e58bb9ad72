"""Codes, codes glued together, constructed items."""

from types import MappingProxyType

import pytest

from cardlib.codes import EMPLOYMENT_FORM, EMPLOYMENT_REGISTRATION, ETHNICITY, SEX
from cardlib.schema import Schema, SchemaError, an, btlv, cn, coded, composite, money, region
from cardlib.values import Coded, Concern, Value

# 学位信息, DF01/EF15 tag 40, with a shorter school [S1 §8.2.7].
DEGREE = btlv({0x57: ("degree", an(3), "学位代码"), 0x58: ("subject", cn(3), "专业"), 0x59: ("school", an(4), "学校")})
DEGREE_BYTES = "5703323034" + "5803080902" + "5904B1B1B4F3"
DEGREE_VALUE = {"degree": "204", "subject": "080902", "school": "北大"}

# 就业登记类型及形式, DF02/EF06 tag 4B [S1 §8.3.2.2].
REGISTRATION = composite((("type", 2, EMPLOYMENT_REGISTRATION), ("form", 3, EMPLOYMENT_FORM)))


@pytest.mark.parametrize(
    ("schema", "stored", "value"),
    [
        (coded(SEX, an(1)), "31", SEX["1"]),
        (coded(SEX, an(1)), "37", Coded("7")),
        (coded(ETHNICITY, cn(1)), "20", ETHNICITY["20"]),
        (coded(ETHNICITY, cn(1)), "1F", Coded("1")),
        (DEGREE, DEGREE_BYTES, DEGREE_VALUE),
        (DEGREE, "5904B1B1B4F3" + "5803080902" + "5703323034", DEGREE_VALUE),
        (DEGREE, "5703323034", {"degree": "204", "subject": None, "school": None}),
        (DEGREE, "FF" * 16, None),
        (REGISTRATION, "3130303231", {"type": EMPLOYMENT_REGISTRATION["10"], "form": EMPLOYMENT_FORM["021"]}),
        (REGISTRATION, "3230202020", {"type": EMPLOYMENT_REGISTRATION["20"], "form": None}),
        (REGISTRATION, "3130373737", {"type": EMPLOYMENT_REGISTRATION["10"], "form": Coded("777")}),
        (REGISTRATION, "2020202020", None),
    ],
)
def test_reading_is_tolerant(schema: Schema, stored: str, value: Value) -> None:
    assert schema.decode(bytes.fromhex(stored)) == value


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (coded(SEX, an(1)), Coded("7")),
        (coded(SEX, an(1)), Coded("7", "第七", "seventh", known=True)),
        (coded(SEX, an(1)), "1"),
        (DEGREE, "204"),
        (DEGREE, {"degree": "204"}),
        (DEGREE, {**DEGREE_VALUE, "surplus": "1"}),
        (DEGREE, {**DEGREE_VALUE, "school": "北京大学"}),
        (DEGREE, {"degree": None, "subject": None, "school": None}),
        (REGISTRATION, {"type": EMPLOYMENT_REGISTRATION["10"]}),
        (REGISTRATION, {"type": EMPLOYMENT_REGISTRATION["10"], "form": Coded("777")}),
        (REGISTRATION, "10021"),
    ],
)
def test_writing_refuses_what_would_not_read_back(schema: Schema, value: Value) -> None:
    with pytest.raises(SchemaError):
        schema.encode(value)


def test_a_value_says_what_its_parts_say_each_by_its_own_type() -> None:
    where = btlv({0x10: ("region", region(), "地区"), 0x11: ("amount", money(2), "金额"), 0x12: ("note", an(2), "注")})
    value = where.decode(bytes.fromhex("1003" + "9900FF" + "1102" + "12A4" + "1202" + "3132"))
    assert where.concerns(value) == (Concern.REGION_MALFORMED, Concern.NUMBER_NOT_DIGITS)
    assert REGISTRATION.concerns({"type": Coded("77"), "form": Coded("777")}) == (Concern.CODE_UNKNOWN,)


def test_a_broken_structure_raises() -> None:
    with pytest.raises(SchemaError):
        DEGREE.decode(bytes.fromhex("57FF323034"))


def test_a_constructed_value_is_frozen_and_no_type_of_construct() -> None:
    value = DEGREE.decode(bytes.fromhex(DEGREE_BYTES))
    assert isinstance(value, MappingProxyType)
    assert DEGREE.encode(value) == bytes.fromhex(DEGREE_BYTES)


def test_parts_are_declared_with_their_names_in_both_languages() -> None:
    assert [(part.name, part.chinese) for part in DEGREE.parts] == [
        ("degree", "学位代码"),
        ("subject", "专业"),
        ("school", "学校"),
    ]
    assert [part.chinese for part in REGISTRATION.parts] == ["就业登记类型", "就业形式"]
    assert DEGREE.inner[0x59].name == "school"
