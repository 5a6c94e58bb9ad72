"""Orders from templates and records: what they come to, of one record and of many, and that nothing private is told."""

import io
import string
import traceback
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apdu.secret import Secret
from cardlib.codes import ETHNICITY, SEX
from cardlib.crypto import Algorithm
from cardlib.issuance.attachments import attachments_in
from cardlib.issuance.checker import Checked, Checker, check
from cardlib.issuance.faults import OrderFaultsError
from cardlib.issuance.order import IdentificationCode, records_of
from cardlib.issuance.record import PersonRecord, read_csv
from cardlib.issuance.template import parse
from cardlib.values import CardDate, CardIdentifier
from tests.cardlib.issuance.checking import CARD, DATA, HEAD, NUMBER, person, shipped, told, warned, with_items


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
