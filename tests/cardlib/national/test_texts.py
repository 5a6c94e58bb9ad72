"""Values as the interface writes them."""

import pytest

from cardlib.national.texts import text_of, value_of
from cardlib.profiles import ALL
from cardlib.profiles.v2 import V2
from cardlib.schema import SchemaError, an, binary, cn, date, money

EXPECTED = {
    # file, item, stored, text
    "digits": ("holder", "birth_place", "990000", "990000"),
    "text": ("holder", "social_security_number", b"990000199001010017".hex(), "990000199001010017"),
    "Chinese text": ("household", "household_address", "D5C5C8FD".ljust(160, "0"), "张三"),
    "code of a table": ("holder", "sex", "31", "1"),
    "code in digits": ("holder", "ethnicity", "01", "01"),
    "date": ("holder", "birth_date", "19900101", "19900101"),
    "year in ASCII": ("issuer", "issue_date", "32303132", "2012"),
    "identifier with F": ("issuer", "card_identifier", "990000D156000005000A0B1CFFFFFFFF", None),
    "blank digits": ("holder", "birth_place", "FFFFFF", ""),
    "blank text": ("holder", "name_extension", "00" * 20, ""),
    "no money is a sum": ("offline_settlement", "offline_settlement_total", "00000000", "00000000"),
    "parts": (
        "education",
        "degrees",
        "5703343033" + "5803" + "1202FF" + "5928" + "C7E5BBAA".ljust(80, "0"),
        "403^1202^清华",
    ),
    "sign of the grammar": ("household", "household_address", b"a|b".hex().ljust(160, "0"), "a｜b"),
    "no parts at all": ("education", "degrees", "5703" + "00" * 3 + "5803FFFFFF5928" + "00" * 40, ""),
    "parts that cannot be taken apart": ("education", "degrees", "57FF" + "00" * 50, None),
}


@pytest.mark.parametrize(("file", "item", "stored", "text"), EXPECTED.values(), ids=EXPECTED)
def test_what_is_stored_is_written_by_its_type(file: str, item: str, stored: str, text: str | None) -> None:
    schema = V2.file_named(file).item_named(item).schema
    assert text_of(schema, bytes.fromhex(stored)) == (stored if text is None else text)


ITEMS = [
    pytest.param(item, id=f"{profile.version}-{file.name}-{item.name}")
    for profile in ALL
    for directory in profile.directories
    for file in directory.files
    for item in file.items
]


@pytest.mark.parametrize("item", ITEMS)
def test_every_items_example_is_read_back_from_its_text(item) -> None:
    value = item.vector[1]
    assert value_of(item.schema, text_of(item.schema, item.schema.encode(value))) == value


REFUSED = {
    "letters for digits": (cn(3), "99000X", "digits"),
    "digits with blanks": (cn(3), "99 000", "digits"),
    "too many digits": (cn(3), "9900001", "takes 3 bytes"),
    "too much text": (an(2), "张三", "takes 2 bytes"),
    "half a byte": (binary(2), "ABC", "hexadecimal"),
    "too few bytes": (binary(2), "AB", "takes 2 bytes"),
    "no day": (date(), "20240230", "calendar"),
    "no digits of money": (money(4), "12A", "digits"),
    "no text": (an(4), "\ud800", "GB 18030"),
}


@pytest.mark.parametrize(("schema", "text", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_may_not_be_written_is_refused_without_being_quoted(schema, text: str, reason: str) -> None:
    with pytest.raises(SchemaError) as caught:
        value_of(schema, text)
    assert reason in caught.value.reason
    assert text not in caught.value.reason


def test_parts_may_end_with_the_sign_or_not_and_are_all_there() -> None:
    schema = V2.file_named("education").items[1].schema
    assert value_of(schema, "403^1202^清华") == value_of(schema, "403^1202^清华^")
    for text in ("403^1202", "403^1202^清华^x", "403"):
        with pytest.raises(SchemaError, match="3 parts"):
            value_of(schema, text)


def test_nothing_is_a_blank() -> None:
    assert value_of(cn(3), "") is None


def test_money_is_given_in_fen_with_or_without_leading_zeros() -> None:
    assert value_of(money(4), "12345") == value_of(money(4), "00012345") == 12345
