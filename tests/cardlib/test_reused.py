"""Records of 1.0 cards with the meanings of 2.0, after the examples of the specification's annex C."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardlib.errors import ItemError
from cardlib.items import Item, Records
from cardlib.reused import Reused
from cardlib.schema import Schema, an, date, money
from cardlib.values import CardDate, Concern, Value


def item(tag: int, name: str, schema: Schema, stored: str, value: Value) -> Item:
    return Item(tag=tag, name=name, chinese=name, schema=schema, vector=(stored, value), proto=None, sensitive=True)


WAGES = item(0x38, "wages", money(4), "06000000", 6_000_000)
UPDATED = item(0x39, "updated", date(), "20190304", CardDate("20190304"))
PARTY = item(0x38, "party", an(2), "3133", "13")
JOINED = item(0x39, "joined", date(), "20080701", CardDate("20080701"))
FIELD = Reused(before=(WAGES, UPDATED), after=(PARTY, JOINED))


def records(**stored: str) -> Records:
    return {int(tag[1:], 16): (bytes.fromhex(value),) for tag, value in stored.items()}


def values(stored: Records) -> dict[str, Value]:
    return {name: value for name, (value, _) in FIELD.read(stored).items()}


def test_a_record_without_mark_means_what_it_meant_in_1_0() -> None:
    assert values(records(t38="06000000", t39="20190304")) == {
        "wages": 6_000_000,
        "updated": CardDate("20190304"),
        "party": None,
        "joined": None,
    }


def test_a_marked_record_and_its_companion_mean_what_they_mean_in_2_0() -> None:
    assert values(records(t38="3133EEEE", t39="20080701")) == {
        "wages": None,
        "updated": None,
        "party": "13",
        "joined": CardDate("20080701"),
    }


def test_what_is_wrong_is_said_of_the_meaning_that_counts() -> None:
    read = FIELD.read(records(t38="3133EEEE", t39="20081301"))
    assert read["joined"] == (CardDate("20081301"), (Concern.DATE_IMPOSSIBLE,))
    assert read["updated"] == (None, ())


def test_missing_records_are_missed_under_the_names_of_1_0() -> None:
    read = FIELD.read({})
    assert {name: concerns for name, (_, concerns) in read.items()} == {
        "wages": (Concern.RECORD_MISSING,),
        "updated": (Concern.RECORD_MISSING,),
        "party": (),
        "joined": (),
    }


def test_a_companion_that_is_missing_is_missed_in_its_new_meaning() -> None:
    assert FIELD.read(records(t38="3133EEEE"))["joined"] == (None, (Concern.RECORD_MISSING,))


def test_one_byte_ee_at_the_end_of_a_text_is_no_mark() -> None:
    name = item(0x81, "institution", an(8), "B5DAD2BBD2BDD4BA", "第一医院")
    field = Reused(before=(name,), after=(item(0x81, "kind", an(3), "333130", "310"),))
    # The second byte of a character may be EE; here the last character is D2EE.
    assert field.read({0x81: (bytes.fromhex("BCD7D2D2B1FBD2EE"),)})["kind"] == (None, ())


def test_values_of_2_0_are_marked_in_the_length_of_1_0() -> None:
    assert [record.hex() for record in FIELD.write({"party": "13", "joined": CardDate("20080701")})] == [
        "38043133eeee",
        "390420080701",
    ]


def test_a_value_of_the_companion_alone_marks_a_blank_record() -> None:
    assert [record.hex() for record in FIELD.write({"joined": CardDate("20080701")})] == [
        "38040000eeee",
        "390420080701",
    ]


def test_without_any_value_the_records_are_those_of_a_blank_1_0_card() -> None:
    assert [record.hex() for record in FIELD.write({})] == ["3804ffffffff", "3904ffffffff"]


def test_values_of_both_versions_are_refused() -> None:
    with pytest.raises(ItemError) as refused:
        FIELD.write({"wages": 1, "joined": CardDate("20080701")})
    assert (refused.value.item, refused.value.reason) == (
        "joined",
        "takes the record of wages, which has a value as well",
    )


def test_a_value_of_1_0_that_looks_rewritten_is_refused() -> None:
    field = Reused(
        before=(item(0x32, "economic_type", an(3), "313130", "110"),),
        after=(item(0x32, "identity", an(2), "3234", "24"),),
    )
    text = bytes.fromhex("31b0ee").decode("gb18030")
    with pytest.raises(ItemError, match="would be taken for a record"):
        field.write({"economic_type": text})


def test_the_sample_is_a_card_as_issued() -> None:
    assert FIELD.sample == {"wages": 6_000_000, "updated": CardDate("20190304"), "party": None, "joined": None}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((WAGES,), (JOINED,)),
        ((WAGES, UPDATED), (PARTY, item(0x39, "short", an(2), "3030", "00"))),
        ((JOINED,), (UPDATED,)),
    ],
    ids=["other tag", "companion of other length", "nothing to mark"],
)
def test_what_cannot_be_told_apart_is_not_declared(before: tuple[Item, ...], after: tuple[Item, ...]) -> None:
    with pytest.raises(ValueError, match="meaning"):
        Reused(before=before, after=after)


days = st.dates().map(lambda day: CardDate(f"{day.year:04}{day.month:02}{day.day:02}"))


@given(
    st.one_of(
        st.fixed_dictionaries({"wages": st.integers(0, 99_999_999), "updated": st.none() | days}),
        st.fixed_dictionaries({"party": st.none() | st.sampled_from(["01", "13"]), "joined": days}),
    )
)
def test_what_is_written_reads_back(given_values: dict[str, Value]) -> None:
    stored = {record[0]: (record[2:],) for record in FIELD.write(given_values)}
    assert {name: value for name, value in values(stored).items() if value is not None} == {
        name: value for name, value in given_values.items() if value is not None
    }
