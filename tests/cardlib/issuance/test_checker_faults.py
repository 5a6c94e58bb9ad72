"""What is wrong with one record, or to be looked at: each told with its place, all at once."""

import base64
from dataclasses import replace
from datetime import date

import pytest

from cardlib.issuance.buildable import building_faults
from cardlib.issuance.checker import check
from cardlib.issuance.record import PersonRecord
from cardlib.issuance.template import parse
from tests.cardlib.issuance.checking import HEAD, person, shipped, told, warned, with_items


def test_all_that_is_wrong_is_told_at_once_each_with_its_place():
    values = dict(person().values)
    del values["name"]
    record = PersonRecord("record", {
        **values,
        "nme": "示例",
        "social_security_number": "990000198503120028",
        "sex": "7",
        "ethnicity": 5,
        "birth_date": "1985-02-30",
        "issue_date": "",
        "card_number": "T00000020",
        "pin": "12a4",
        "photo": "base64:?",
    })  # fmt: skip
    assert told(check(shipped(), [record])) == [
        "record, field 11: the template has no such placeholder; did you mean name?",
        "record.name: is missing",
        "record.sex: the code is not in the table of the specification",
        "record.ethnicity: takes a code of the table ethnicity in quotation marks",
        "record.birth_date: there is no such day in the calendar",
        "record.issue_date: is blank, and the template does not allow that",
        "record.photo: takes base64 behind base64:",
        "record.social_security_number: is not a citizen's number of GB 11643, or its check digit is wrong",
        "record.card_number: the card number's check character is wrong",
        'record.pin: takes 4 to 16 digits, or "" for no PIN',
    ]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"name": "张" * 26}, "record.name: takes up to 50 bytes of text, not 52"),
        ({"name": "\ud800"}, "record.name: holds a character that GB 18030 does not have"),
        ({"name": "\ue78d"}, "record.name: character 1 is a character for private use, U+E78D: enter it again"),
        ({"name": None}, "record.name: is blank, and the template does not allow that"),
        ({"birth_place": "99000A"}, "record.birth_place: is not a region code of six digits"),
        ({"expiry_date": "2024-05-20"}, "record.expiry_date: is not after the issue date"),
        ({"issue_date": "1985-03-11"}, "record.birth_date: is after the issue date"),
        ({"pin": "123"}, 'record.pin: takes 4 to 16 digits, or "" for no PIN'),
        ({"pin": 123456}, "record.pin: takes text in quotation marks"),
        ({"photo": "photo.jpg"}, "record.photo: files are not read here: write base64: and the bytes"),
        (
            {"photo": "base64:" + base64.b64encode(bytes(5000)).decode()},
            "record.photo: has 5000 bytes, and the card's file 4096",
        ),
        ({"photo": 7}, "record.photo: takes the name of a file, or base64: and the bytes"),
        (
            {"social_security_number": "990000198502310021"},  # of 31 February
            "record.social_security_number: its birth date is not in the calendar",
        ),
    ],
)
def test_what_is_wrong(changes, fault):
    found = told(check(shipped(), [person(**changes)]))
    assert fault in found


def test_a_fixed_value_that_does_not_go_with_the_record_is_told_at_its_place_in_the_template():
    items = '[issuer]\nissue_date = "${issued}"\nexpiry_date = 2024-05-20\n'
    assert told(with_items(items, issued="2024-05-20")) == ["record, issuer.expiry_date: is not after the issue date"]


def test_two_meanings_of_a_record_do_not_go_together():
    text = HEAD.replace("2.0", "1.0") + '[files.employer]\nidentity_class = "${a?}"\neconomic_type = "${b?}"\n'
    template = parse(text)
    (fault,) = told(check(template, [PersonRecord("record", {"a": "11", "b": "110"})]))
    assert fault.startswith(("record.a: ", "record.b: "))
    assert told(check(template, [PersonRecord("record", {"a": "11", "b": ""})])) == []


def test_records_of_one_tag_are_filled_one_by_one():
    items = '[files.skills]\nworker_qualifications = ["${first}", "${second?}"]\n'
    (card,) = with_items(items, first={"occupation": "2020701"}, second="").ok()
    first, second = card.order.contents["skills"]["worker_qualifications"]
    assert (first["occupation"], second) == ("2020701", None)


def test_a_record_may_have_fixed_values_beside_placeholders():
    items = '[[files.special_settlements]]\ntransaction_number = 7\nsettlement_type = "${kind}"\n'
    (card,) = with_items(items, kind="1").ok()
    (record,) = card.order.contents["special_settlements"]["records"]
    assert (record["transaction_number"], record["settlement_type"].code) == (7, "1")


def test_there_is_no_chip_of_another_name():
    order = replace(check(parse(HEAD)).ok()[0].order, chip="other")
    assert building_faults(order, {}) == (["there is no chip other; there are t514, fmcos"], None)


@pytest.mark.parametrize("text", ["-1", "1.0", "²", "4294967295", "9" * 5000, "0x10", " "])
def test_numbers_that_are_none(text):
    item = '[[files.special_settlements]]\ntransaction_number = "${number}"'
    (fault,) = told(with_items(item, number=text))
    assert fault.startswith("record.number: ")


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"sex": "1"}, "record.sex: does not agree with the social security number"),
        ({"birth_date": "1985-03-13"}, "record.birth_date: does not agree with the social security number"),
        ({"issue_date": "2025-01-01"}, "record.issue_date: the date lies in the future"),
        (
            {"issue_date": "2020-01-01", "expiry_date": "2024-01-01"},
            "record.expiry_date: the card's validity has ended",
        ),
        ({"pin": "1234567890123"}, "record.pin: has more than 12 digits, which PIN pads need not take"),
    ],
)
def test_what_is_to_be_looked_at(changes, warning):
    checked = check(shipped(), [person(**changes)], today=date(2024, 6, 1))
    assert (told(checked), warned(checked)) == ([], [warning])
    assert checked.warnings[0].message_zh


@pytest.mark.parametrize("digits", ["", "1234", "12345", "1234567890123456"])
def test_pins_of_every_length_are_packed(digits):
    template = parse(HEAD + '[pin]\nvalue = "${pin?}"\n')
    (card,) = check(template, [PersonRecord("record", {"pin": digits})]).ok()
    assert card.order.pin.reveal().hex().upper() == digits + "F" * (len(digits) % 2)


def test_a_template_may_have_wrong_check_characters_warned_of():
    text = '[checks]\nsocial_security_number = "warning"\ncard_number = "warning"\n'
    items = '[person]\nsocial_security_number = "${a}"\n[issuer]\ncard_number = "${b}"\n'
    checked = with_items(text + items, a="WB0123456789012", b="AI666666X")
    assert told(checked) == []
    assert warned(checked)[1:] == [
        "record.a: is not a citizen's number of GB 11643, or its check digit is wrong",
        "record.b: the card number's check character is wrong",
    ]


def test_the_region_of_a_given_identifier_is_the_templates():
    items = 'identification_code = "given"\n[issuer]\ncard_identifier = "${identifier}"\n'
    found = told(with_items(items, identifier="110000D156000005000A0B1C00112233"))
    assert found == ["record.identifier: its region is not the template's"]


def test_a_card_that_its_chip_cannot_hold_is_a_fault_of_the_record():
    checked = check(parse(HEAD + "memory = 8000\n"))
    (fault,) = told(checked)
    assert fault.startswith("record: the card takes about ")


def test_more_records_than_a_file_can_have_are_refused_before_a_chip_is_touched():
    items = "".join(f"[[files.special_settlements]]\ntransaction_number = {number}\n" for number in range(1, 257))
    (fault,) = told(with_items(items))
    assert fault == "record: DF04, file special_settlements: at most 254 records of 255 bytes"


def test_a_chip_that_cannot_be_given_historical_bytes_is_not_ordered_with_any():
    text = HEAD.replace("t514", "fmcos") + 'historical_bytes = "00814A44208660990000000001"\n'
    assert told(check(parse(text))) == ["record: historical bytes: FMCOS cannot be given historical bytes"]


@pytest.mark.parametrize(
    ("character", "what"),
    [
        ("\ue81f", "a character for private use, U+E81F"),
        ("\u200b", "an invisible character, U+200B"),
        ("\ufe00", "an invisible character, U+FE00"),
        ("\x07", "a control character, U+0007"),
        ("\u2028", "a line separator, U+2028"),
        ("\ufffd", "the mark of a character that was lost, U+FFFD"),
    ],
)
def test_what_no_name_has_is_told_by_place_and_code_point_only(character, what):
    checked = check(shipped(), [person(name=f"示例{character}一")])
    assert told(checked) == [f"record.name: character 3 is {what}: enter it again"]
    assert "示例" not in checked.faults[0].message_zh
    assert check(shipped(), [person(name="示例·𠮷䶮")]).faults == ()


@pytest.mark.parametrize("written", ["9.9E+17", "9,90000E+17", "1E+3", "9.9e+17"])
@pytest.mark.parametrize("item", ["social_security_number", "card_number", "pin"])
def test_a_number_that_a_spreadsheet_has_rounded_is_told_as_one(item, written):
    (fault,) = told(check(shipped(), [person(**{item: written})]))
    assert fault == (
        f"record.{item}: is a number that a spreadsheet has rounded: make the column one of text and enter it again"
    )
