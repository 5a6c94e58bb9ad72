"""Orders from templates and records: what they come to, and everything that is wrong with them at once."""

import base64
import io
import string
import traceback
from dataclasses import replace
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apdu.secret import Secret
from cardlib.codes import ETHNICITY, SEX
from cardlib.crypto import Algorithm
from cardlib.issuance.attachments import attachments_in
from cardlib.issuance.buildable import building_faults
from cardlib.issuance.checker import Checked, Checker, check
from cardlib.issuance.faults import OrderFaultsError
from cardlib.issuance.order import IdentificationCode, records_of
from cardlib.issuance.record import PersonRecord, parse_json, read_csv
from cardlib.issuance.template import Template, parse
from cardlib.values import CardDate, CardIdentifier

DATA = resources.files("cardlib.issuance").joinpath("data")
HEAD = 'version = "2.0"\nregion = "990000"\nchip = "t514"\n'
NUMBER = "990000198503120027"
CARD = "T00000028"


def shipped(name: str = "template-2.0.toml") -> Template:
    return parse(DATA.joinpath(name).read_text(encoding="utf-8"))


def person(**changes: object) -> PersonRecord:
    record = parse_json(DATA.joinpath("person.json").read_bytes())
    return PersonRecord(record.place, {**record.values, **changes})


def told(checked: Checked) -> list[str]:
    return [str(fault) for fault in checked.faults]


def warned(checked: Checked) -> list[str]:
    return [str(warning) for warning in checked.warnings]


def with_items(items: str, **values: object) -> Checked:
    """A template of these items, and a record of these values."""
    return check(parse(HEAD + items), [PersonRecord("record", values)])


# --- what comes out --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", ["2.0", "3.0"])
@pytest.mark.parametrize("chip", ["t514", "fmcos"])
def test_the_shipped_record_becomes_an_order(version, chip):
    text = DATA.joinpath(f"template-{version}.toml").read_text(encoding="utf-8").replace('"t514"', f'"{chip}"')
    template = parse(text)
    checked = check(template, [person()], today=date(2024, 6, 1))
    (card,) = checked.ok()
    order = card.order
    assert warned(checked) == []
    assert (order.profile.version, order.algorithm, order.chip) == (version, template.algorithm, chip)
    assert (order.region, order.pin, order.pin_tries, order.key_tries) == ("990000", Secret(b"\x12\x34\x56"), 6, 3)
    assert (order.key_versions, order.transport_lot, order.historical_bytes) == ((1, 2, 3), 1, None)
    assert order.identification_code is IdentificationCode.UNDER_IRK
    assert order.contents["holder"] == {
        "social_security_number": NUMBER,
        "name": "示例古丽·买买提样本",
        "sex": SEX["2"],
        "ethnicity": ETHNICITY["05"],
        "birth_place": "990000",
        "birth_date": CardDate("19850312"),
    }
    assert order.contents["issuer"]["spec_version"] == f"{version}0"
    assert order.contents["photo"] == {"content": None}
    assert not card.premade
    order.plan(bytes(13), records_of(order.profile, order.contents))
    # The photo, the fingerprint and the rest of what the profile declares fill about 16 KiB.
    assert 10_000 < checked.memory < 32_768


def test_the_shipped_record_fits_cards_that_are_made():
    values = {name: value for name, value in person().values.items() if name not in {"issue_date", "expiry_date"}}
    del values["pin"], values["photo"]
    checked = check(shipped("template-premade.toml"), [PersonRecord("record", values)])
    (card,) = checked.ok()
    assert card.premade
    assert card.order.contents.keys() == {"holder", "issuer"}
    assert card.order.contents["issuer"] == {"card_number": CARD}
    assert (card.order.pin, checked.memory) == (Secret(b""), 0)


def test_a_template_without_placeholders_needs_no_record():
    checked = check(parse(HEAD + 'algorithm = "SM4"\nbank_combined = true\n[face]\nsize = 9\n'))
    (card,) = checked.ok()
    assert (card.order.algorithm, card.order.bank_combined, card.face) == (Algorithm.SM4, True, {"size": 9})
    assert warned(checked) == ["person: the cards will have no holder yet"]


def test_rows_of_a_table_become_orders_and_numbers_are_text_there():
    template = parse(
        HEAD
        + '[person]\nname = "${姓名}"\nsocial_security_number = "${number?}"\n'
        + '[files.offline_settlement]\noffline_settlement_total = "${fen}"\n'
        + '[[files.special_settlements]]\ntransaction_number = "${first?}"\n'
        + '[[files.special_settlements]]\ntransaction_number = "${second?}"\n'
    )
    data = "姓名,fen,first,second\n示例一,0,7,\n示例二,12345,,\n".encode("gb18030")
    one, two = check(template, read_csv(lambda: io.BytesIO(data))).ok()
    assert (one.place, two.place) == ("row 2", "row 3")
    assert two.order.contents["offline_settlement"] == {"offline_settlement_total": 12345}
    assert [record["transaction_number"] for record in one.order.contents["special_settlements"]["records"]] == [7]
    assert two.order.contents["special_settlements"]["records"] == ()
    assert two.order.contents["holder"]["social_security_number"] is None


def test_parts_may_be_filled_one_by_one_or_as_an_object():
    item = "insurance_type_and_marks"
    parts = with_items(f'[files.medical_insurance]\n{item} = {{ insurance_type = "${{kind?}}" }}', kind="310").ok()
    whole = with_items(f'[files.medical_insurance]\n{item} = "${{all}}"', all={"insurance_type": "310"}).ok()
    blank = with_items(f'[files.medical_insurance]\n{item} = {{ insurance_type = "${{kind?}}" }}', kind="").ok()
    found = [cards[0].order.contents["medical_insurance"][item] for cards in (parts, whole, blank)]
    assert found[0] == found[1]
    assert found[0]["insurance_type"].code == "310"
    assert found[2] is None


def test_historical_bytes_and_identifier_may_come_from_the_record():
    items = (
        'historical_bytes = "00814A4420866099${serial}00"\nidentification_code = "given"\n'
        '[issuer]\ncard_identifier = "${identifier}"\n'
    )
    identifier = "990000D156000005000A0B1C00112233"
    (card,) = with_items(items, serial="000A0b1C", identifier=identifier).ok()
    assert card.order.historical_bytes == bytes.fromhex("00814A4420866099000A0B1C00")
    assert card.order.contents["issuer"]["card_identifier"] == CardIdentifier(identifier)
    assert card.order.identification_code is IdentificationCode.GIVEN


def test_historical_bytes_are_thirteen():
    items = 'historical_bytes = "00814A442086609900${serial}"\n'
    (card,) = with_items(items, serial="00000001").ok()
    assert card.order.historical_bytes == bytes.fromhex("00814A44208660990000000001")
    assert told(with_items(items, serial="0001")) == [
        "record.serial: together with the template: takes 26 hexadecimal digits in quotation marks"
    ]


def test_a_name_is_written_whole_over_both_records():
    # 29 bytes, then a character that lies across the records; bytes by iconv -t gb18030.
    name = "a" + "示" * 14 + "例"
    (card,) = check(shipped(), [person(name=name)]).ok()
    held = records_of(card.order.profile, card.order.contents)["holder"]
    stored = {record[0]: record[2:] for record in held}
    assert (len(stored[0x09]), len(stored[0x4E])) == (30, 20)
    raw = bytes.fromhex("61" + "CABE" * 14 + "C0FD")
    assert (stored[0x09] + stored[0x4E]).rstrip(b"\x00") == raw


NAMED = parse(HEAD + '[person]\nname = "${name}"\n')


@settings(deadline=None)
@given(st.text(st.characters(codec="gb18030", exclude_categories=("C", "Z")), min_size=1, max_size=60))
def test_a_name_is_on_the_card_whole_or_refused(name):
    checked = Checker(NAMED).check(PersonRecord("record", {"name": name}))
    if checked.card is None:
        assert any(fault.place == "record.name" for fault in checked.faults)
    else:
        order = checked.card.order
        file = order.profile.file_named("holder")
        read = file.parse(b"".join(records_of(order.profile, {"holder": order.contents["holder"]})["holder"]))
        assert read.values["name"] == name


# --- what is wrong with a record -------------------------------------------------------------------------------------
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
        ({"name": "\ue78d"}, "record.name: holds a private-use character for which GB 18030 has an assigned one"),
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


# --- many records ----------------------------------------------------------------------------------------------------
BATCH = '[person]\nname = "${name}"\nsocial_security_number = "${number}"\n[issuer]\ncard_number = "${card}"\n'


def batch(table: str) -> Checked:
    return check(parse(HEAD + BATCH), read_csv(lambda: io.BytesIO(table.encode())))


def test_numbers_that_stand_twice_are_told_with_both_rows():
    checked = batch(f"name,number,card\n示例一,{NUMBER},{CARD}\n示例二,{NUMBER},T0000001X\n示例三,,{CARD}\n")
    assert told(checked) == [
        "row 3, column number: the social_security_number is that of row 2 too",
        "row 4, column number: is blank, and the template does not allow that",
        "row 4, column card: the card_number is that of row 2 too",
    ]
    assert [card.place for card in checked.cards] == ["row 2"]
    with pytest.raises(OrderFaultsError) as refused:
        checked.ok()
    assert refused.value.faults == checked.faults


def test_what_is_wrong_with_a_header_is_told_once():
    checked = batch(f"nname,number,card\n示例一,{NUMBER},{CARD}\n示例二,{NUMBER},T0000001X\n")
    assert told(checked)[:2] == [
        "column 1: the template has no such placeholder; did you mean name?",
        "header, column name: is missing",
    ]
    assert sum("did you mean" in fault for fault in told(checked)) == 1


def test_a_table_that_breaks_off_keeps_what_was_told_before():
    checked = batch(f'name,number,card\n,{NUMBER},{CARD}\n"示例')
    assert told(checked) == [
        "row 2, column name: is blank, and the template does not allow that",
        "row 3: is no CSV: a quotation mark is not closed, or a cell is too long",
    ]


def test_thousands_of_rows_are_planned_once():
    rows = "".join(f"示例{number},,\n" for number in range(2000))
    template = parse(HEAD + BATCH.replace("${number}", "${number?}").replace("${card}", "${card?}"))
    checked = check(template, read_csv(lambda: io.BytesIO(f"name,number,card\n{rows}".encode())))
    assert len(checked.ok()) == 2000


# --- files -----------------------------------------------------------------------------------------------------------
def test_a_photo_is_read_by_its_name_in_the_record():
    asked = []

    def attachment(name: str, room: int) -> bytes:
        asked.append((name, room))
        return b"\xff\xd8\xff\xd9"

    (card,) = check(shipped(), [person(photo="photos/a.jpg")], attachment).ok()
    assert asked == [("photos/a.jpg", 4096)]
    assert card.order.contents["photo"]["content"] == b"\xff\xd8\xff\xd9".ljust(4096, b"\x00")


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("../a.jpg", "record.photo: takes the name of a file in the record's folder or below, without .."),
        ("missing.jpg", "record.photo: the file cannot be read: No such file or directory"),
    ],
)
def test_a_photo_that_cannot_be_read_is_a_fault(tmp_path, name, fault):
    assert told(check(shipped(), [person(photo=name)], attachments_in(tmp_path))) == [fault]


# --- what must not be told -------------------------------------------------------------------------------------------
FIELDS = sorted(person().values)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*FIELDS, "nme", "CANARYcolumn"]),
        st.sampled_from(
            ["CANARY", "CANARY" * 20, "", "1985-03-12", {"CANARY": "CANARY"}, ["CANARY"], 4711471147, None]
        ),
    )
)
def test_nothing_that_stands_in_a_record_is_ever_told(changes):
    checked = check(shipped(), [person(**changes)], lambda name, room: Path(f"/nowhere/{name}").read_bytes())
    try:
        checked.ok()
    except OrderFaultsError as error:
        text = "".join(traceback.format_exception(error))
    else:
        text = ""
    text += (
        f"{Checker(shipped()).check(person(**changes))} {checked} {checked.cards} {checked.faults} {checked.warnings}"
    )
    for canary in ("CANARY", "4711", NUMBER, CARD, "123456", "古丽", "1985"):
        assert canary not in text


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), st.text(string.printable, max_size=30) | st.integers() | st.none()))
def test_any_record_comes_to_a_card_or_to_faults(changes):
    checked = check(shipped(), [person(**changes)])
    assert bool(checked.cards) != bool(checked.faults)
