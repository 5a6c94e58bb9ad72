"""Updating items: what is compared, written and read back, and what is said of each value."""

import datetime as dt
from types import SimpleNamespace

import pytest

from apdu.errors import CardMemoryError, SecurityStatusError, TlvError, WrongPinError
from apdu.secret import Secret
from cardlib.custody import NoKeys
from cardlib.errors import (
    AccessForbiddenError,
    ChangesError,
    ItemError,
    KeyUnavailableError,
    NotInProfileError,
    PinRequiredError,
    ReadBackError,
)
from cardlib.flows.read_files import read_files
from cardlib.flows.update_items import Outcome, UpdateReport, update_items
from cardlib.key_requests import Mac
from cardlib.profiles import profile_for
from cardlib.reused import Reused
from services.custody.development import DevelopmentCustodian
from simulator.people import INITIAL_PIN
from simulator.quirks import Quirks

V2 = profile_for(b"2.00")
OPENING = ["SELECT", "READ RECORD"]
PROOF = ["INTERNAL AUTHENTICATE"]
KEY = ["GET CHALLENGE", "EXTERNAL AUTHENTICATE"]
ASK_PIN = ["VERIFY", "VERIFY"]


def only(profile):
    """Profiles of which every card follows the same one."""
    return SimpleNamespace(every=(profile,), of_card=lambda *_: profile)


def update(desk, changes, **options) -> UpdateReport:
    return desk.run(update_items, changes, **options)


def held(desk, *files):
    """What the card holds, read anew."""
    reading = desk.run(read_files, files, today=dt.date(2026, 1, 15), pin=INITIAL_PIN)
    assert not reading.refused
    return {name: dict(contents.values) for name, contents in reading.files.items()}


def outcomes(report):
    return {(file, name): one.outcome for file, items in report.items.items() for name, one in items.items()}


def reason(report):
    ((one,),) = [list(items.values()) for items in report.items.values()]
    assert one.outcome is Outcome.FAILED
    return one.reason


def test_one_item_takes_the_fewest_commands(new_desk, new_card):
    desk = new_desk(new_card())
    report = update(desk, {"residence": {"telephone": "0990-0000001"}}, pin=INITIAL_PIN)
    assert outcomes(report) == {("residence", "telephone"): Outcome.WRITTEN}
    assert report.complete
    assert desk.names == [
        *OPENING,
        "SELECT",
        *ASK_PIN,
        "READ RECORD",
        *PROOF,
        *KEY,
        "UPDATE RECORD",
        "READ RECORD",
    ]
    assert desk.asked_keys == ["IRK", "UK4DF01"]
    assert held(desk, "residence")["residence"] == {
        **V2.file_named("residence").sample,
        "telephone": "0990-0000001",
    }


def test_what_the_card_holds_already_is_not_written_and_no_key_is_asked_for(new_desk, new_card):
    desk = new_desk(new_card())
    sample = V2.file_named("residence").sample
    report = update(desk, {"residence": sample}, pin=INITIAL_PIN)
    assert set(outcomes(report).values()) == {Outcome.UNCHANGED}
    assert len(report.items["residence"]) == len(sample)
    assert not desk.requests
    assert "UPDATE RECORD" not in desk.names


def test_each_file_is_updated_with_its_own_key_and_each_directory_entered_once(new_desk, new_card):
    desk = new_desk(new_card())
    changes = {
        "personal_status": {"employment_status": V2.file_named("personal_status").sample["employment_status"]},
        "household": {"household_region": "990100"},
        "marital_status": {"marital_status": None},
        "holder": {"birth_place": "990100"},
        "employment": {"occupation": "1010101", "employment_registration_region": "990100"},
    }
    names = {file: [item.name for item in V2.file_named(file).items] for file in changes}
    changes = {file: {name: v for name, v in values.items() if name in names[file]} for file, values in changes.items()}
    report = update(desk, {file: values for file, values in changes.items() if values}, pin=INITIAL_PIN)
    assert report.complete
    assert desk.counts["SELECT"] == 3
    assert desk.asked_keys == ["IRK", "UKSSSE", "UK1DF01", "UK3DF01", "UK2DF02"]
    now = held(desk, "household", "marital_status", "holder", "employment")
    assert now["household"]["household_region"] == "990100"
    assert now["marital_status"] == {"marital_status": None}
    assert now["holder"]["birth_place"] == "990100"
    assert now["employment"]["occupation"] == "1010101"


def test_without_the_pin_a_key_for_reading_is_asked_for_as_well(new_desk, new_card):
    desk = new_desk(new_card())
    assert update(desk, {"residence": {"telephone": "1"}}).complete
    assert desk.asked_keys == ["IRK", "RK1DF01", "UK4DF01"]


def test_one_record_of_a_repeated_item_is_written_by_its_number(new_desk, new_card):
    desk = new_desk(new_card())
    first, *_ = V2.file_named("education").sample["degrees"]
    second = {**first, "school": "另一所虚构大学"}
    assert update(desk, {"education": {"degrees": (first, second)}}, pin=INITIAL_PIN).complete
    (written,) = [command for command in desk.sent if command.name == "UPDATE RECORD"]
    assert (written.p1, written.p2 & 0x07) == (3, 4)
    assert held(desk, "education")["education"]["degrees"] == (first, second, None)


def test_a_name_over_two_records_is_written_as_one(new_desk, new_card):
    desk = new_desk(new_card())
    name = "示例古丽阿卜杜热合曼江·买买提样本"
    assert update(desk, {"holder": {"name": name}}).complete
    assert desk.counts["UPDATE RECORD"] == 2
    assert held(desk, "holder")["holder"]["name"] == name


@pytest.mark.parametrize("quirks", [Quirks(), Quirks(sfi=False, whole_file=False, by_tag=False)], ids=["tag", "number"])
def test_a_record_that_is_not_on_the_card_is_appended(new_desk, new_card, quirks):
    sample = V2.file_named("unemployment_insurance").sample
    name = "last_unemployment_registration_date"
    without = {"unemployment_insurance": {**sample, name: None}}
    desk = new_desk(new_card(contents=without, quirks=quirks))
    assert held(desk, "unemployment_insurance") == without
    assert update(desk, {"unemployment_insurance": {name: sample[name]}}, pin=INITIAL_PIN).complete
    assert held(desk, "unemployment_insurance") == {"unemployment_insurance": sample}


def test_a_record_that_may_be_left_out_becomes_blank_where_it_stands(new_desk, new_card):
    desk = new_desk(new_card())
    change = {"unemployment_insurance": {"last_unemployment_registration_date": None}}
    assert update(desk, change, pin=INITIAL_PIN).complete
    assert desk.counts["UPDATE RECORD"] == 1
    assert held(desk, "unemployment_insurance")["unemployment_insurance"]["last_unemployment_registration_date"] is None
    assert set(outcomes(update(desk, change, pin=INITIAL_PIN)).values()) == {Outcome.UNCHANGED}


def entry(number: int) -> dict:
    (record,) = V2.file_named("employment_history").sample["records"]
    return {**record, "employer_name": f"虚构单位{number}"}


@pytest.mark.parametrize("quirks", [Quirks(), Quirks(lenient_append=True), Quirks(sfi=False)], ids=repr)
def test_records_are_appended_to_a_cyclic_file_oldest_first(new_desk, new_card, quirks):
    desk = new_desk(new_card(quirks=quirks))
    (before,) = V2.file_named("employment_history").sample["records"]
    changes = {"employment_history": {"records": (entry(2), entry(1))}}
    assert outcomes(update(desk, changes, pin=INITIAL_PIN)) == {("employment_history", "records"): Outcome.WRITTEN}
    assert held(desk, "employment_history")["employment_history"]["records"] == (entry(2), entry(1), before)
    assert outcomes(update(desk, changes, pin=INITIAL_PIN)) == {("employment_history", "records"): Outcome.UNCHANGED}


def test_an_append_that_was_cut_short_is_completed(new_desk, new_card):
    desk = new_desk(new_card())
    (before,) = V2.file_named("employment_history").sample["records"]
    update(desk, {"employment_history": {"records": (entry(1),)}}, pin=INITIAL_PIN)
    assert update(desk, {"employment_history": {"records": (entry(2), entry(1))}}, pin=INITIAL_PIN).complete
    assert desk.counts["UPDATE RECORD"] == 1
    assert held(desk, "employment_history")["employment_history"]["records"] == (entry(2), entry(1), before)


def test_a_card_that_appends_by_number_1_is_found_out_and_remembered(new_desk, new_card):
    desk = new_desk(new_card(quirks=Quirks(lenient_append=True)), answers={"00DC003B": "6A86"})
    for number, updates in ((1, 2), (2, 1)):
        assert update(desk, {"employment_history": {"records": (entry(number),)}}, pin=INITIAL_PIN).complete
        assert desk.counts["UPDATE RECORD"] == updates


def test_only_the_slices_of_a_transparent_file_that_differ_are_written(new_desk, new_card):
    desk = new_desk(new_card())
    content = bytearray(V2.file_named("photo").sample["content"])
    content[1000] ^= 1
    content[4095] ^= 1
    assert update(desk, {"photo": {"content": bytes(content)}}).complete
    assert desk.counts["UPDATE BINARY"] == 2
    assert held(desk, "photo")["photo"]["content"] == bytes(content)


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0"])
@pytest.mark.parametrize(
    "quirks",
    [Quirks(sfi=False), Quirks(whole_file=False), Quirks(sfi=False, whole_file=False, by_tag=False)],
    ids=["no SFI", "no whole files", "record numbers only"],
)
def test_field_cards_are_written_in_the_form_they_are_read_in(new_desk, new_card, version, quirks):
    desk = new_desk(new_card(version, quirks=quirks))
    report = update(desk, {"holder": {"name": "新名", "birth_place": "990200"}}, pin=INITIAL_PIN)
    if version == "1.0":  # UKMF has no published number
        assert {type(one.reason) for one in report.items["holder"].values()} <= {KeyUnavailableError, type(None)}
    else:
        assert report.complete
        assert held(desk, "holder")["holder"]["name"] == "新名"


def test_a_record_of_a_1_0_card_is_rewritten_with_its_meaning_of_2_0(new_desk, new_card):
    file = profile_for(None).file_named("employer")
    (reused,) = (one for one in file.fields if isinstance(one, Reused))
    meant = reused.after[0]
    desk = new_desk(new_card("1.0"))
    changes = {"employer": {meant.name: meant.example}}
    assert update(desk, changes, pin=INITIAL_PIN).complete
    now = held(desk, "employer")["employer"]
    assert now[meant.name] == meant.example
    assert now[reused.before[0].name] is None
    assert set(outcomes(update(desk, changes, pin=INITIAL_PIN)).values()) == {Outcome.UNCHANGED}


# --- secure messaging ---


@pytest.mark.parametrize("version", ["2.0", "3.0"])
@pytest.mark.parametrize("quirks", [Quirks(), Quirks(sfi=False)], ids=["by SFI", "selected"])
def test_a_file_that_asks_for_it_is_updated_with_a_mac_under_a_fresh_challenge(new_desk, new_card, version, quirks):
    profile = profile_for(version.encode()).derive(version, residence={"secure_messaging": "STKDF01"})
    desk = new_desk(new_card(version, profile=profile, quirks=quirks))
    changes = {"residence": {"telephone": "0990-0000001", "contact_name": "样本四"}}
    assert update(desk, changes, pin=INITIAL_PIN, profiles=only(profile)).complete
    writes = [command for command in desk.sent if command.name == "UPDATE RECORD"]
    assert [command.cla for command in writes] == [0x04, 0x04]
    assert [wanted.key.name for r in desk.requests for wanted in r.tasks if isinstance(wanted, Mac)] == [
        "STKDF01",
        "STKDF01",
    ]
    assert held(desk, "residence")["residence"]["contact_name"] == "样本四"


def test_without_the_mac_key_the_file_stays_as_it_is(new_desk, new_card):
    class NoMac(DevelopmentCustodian):
        def perform(self, request):
            if any(isinstance(wanted, Mac) for wanted in request.tasks):
                raise KeyUnavailableError("STKDF01")
            return super().perform(request)

    profile = V2.derive("2.0", residence={"secure_messaging": "STKDF01"})
    desk = new_desk(new_card(profile=profile), custodian=NoMac(development_mode=True))
    report = update(desk, {"residence": {"telephone": "1"}}, pin=INITIAL_PIN, profiles=only(profile))
    assert isinstance(reason(report), KeyUnavailableError)
    assert "UPDATE RECORD" not in desk.names


# --- what fails ---


def test_all_faults_are_named_before_the_card_is_asked_anything(new_desk, new_card):
    desk = new_desk(new_card())
    with pytest.raises(ChangesError) as refusal:
        update(
            desk,
            {
                "residence": {"telephone": "0" * 16, "shoe_size": "44"},
                "holder": {"birth_place": "99"},
                "nonsense": {"a": None},
                "medical_account": {"cia_balance": 5},
            },
        )
    assert [type(fault) for fault in refusal.value.faults] == [
        ItemError,
        ItemError,
        ItemError,
        NotInProfileError,
        AccessForbiddenError,
    ]
    assert not desk.sent
    assert "0000000000000000" not in str(refusal.value)


def test_what_another_version_could_hold_is_refused_before_anything_is_written(new_desk, new_card):
    desk = new_desk(new_card("1.0"))
    with pytest.raises(ChangesError):
        update(desk, {"photo": {"content": b"\x5a" * 4096}})
    assert desk.names == OPENING


def test_one_file_without_its_key_does_not_fail_the_others(new_desk, new_card):
    class WithoutUk4(DevelopmentCustodian):
        def perform(self, request):
            if any(wanted.key.name == "UK4DF01" for wanted in request.tasks):
                raise KeyUnavailableError("UK4DF01")
            return super().perform(request)

    desk = new_desk(new_card(), custodian=WithoutUk4(development_mode=True))
    report = update(
        desk, {"residence": {"telephone": "1"}, "household": {"household_region": "990100"}}, pin=INITIAL_PIN
    )
    assert outcomes(report) == {
        ("residence", "telephone"): Outcome.FAILED,
        ("household", "household_region"): Outcome.WRITTEN,
    }
    assert report.items["residence"]["telephone"].reason.key == "UK4DF01"
    assert not report.complete


def test_what_cannot_be_read_is_not_written(new_desk, new_card):
    desk = new_desk(new_card())
    report = update(desk, {"offline_settlement": {"offline_settlement_count": 1}})
    assert isinstance(reason(report), PinRequiredError)
    assert "UPDATE RECORD" not in desk.names


def test_a_file_that_only_the_card_writes_is_refused(new_desk, new_card):
    desk = new_desk(new_card())
    records = V2.file_named("medical_transactions").sample["records"]
    report = update(desk, {"medical_transactions": {"records": (*records, *records)}}, pin=INITIAL_PIN)
    assert isinstance(reason(report), AccessForbiddenError)


def test_without_keys_nothing_is_written_and_equal_values_are_still_recognised(new_desk, new_card):
    desk = new_desk(new_card(), custodian=NoKeys())
    sample = V2.file_named("residence").sample
    report = update(desk, {"residence": {"telephone": "1", "contact_name": sample["contact_name"]}}, pin=INITIAL_PIN)
    assert outcomes(report) == {
        ("residence", "telephone"): Outcome.FAILED,
        ("residence", "contact_name"): Outcome.UNCHANGED,
    }


def test_a_refused_record_fails_alone(new_desk, new_card):
    desk = new_desk(new_card(), answers={"00DC2830": "6581"})
    report = update(desk, {"residence": {"telephone": "1", "contact_name": "样本四"}}, pin=INITIAL_PIN)
    assert report.items["residence"]["telephone"].outcome is Outcome.FAILED
    assert isinstance(report.items["residence"]["telephone"].reason, CardMemoryError)
    assert report.items["residence"]["contact_name"].outcome is Outcome.WRITTEN


def test_an_update_that_took_several_attempts_counts_by_what_is_read_back(new_desk, new_card):
    desk = new_desk(new_card(), answers={"00DC2830": "63C2"})  # says so, and has written nothing
    report = update(desk, {"residence": {"telephone": "1"}}, pin=INITIAL_PIN)
    assert isinstance(reason(report), ReadBackError)


def test_a_read_back_that_is_refused_fails_what_was_written(new_desk, new_card):
    desk = new_desk(new_card())
    card = desk.card

    class Forgetful:
        written = False

        def power_on(self):
            return card.power_on()

        def process(self, command):
            if self.written and command.startswith(bytes.fromhex("00B2")):
                return bytes.fromhex("6982")
            self.written |= command.startswith(bytes.fromhex("00DC"))
            return card.process(command)

    desk.card = Forgetful()
    assert isinstance(reason(update(desk, {"residence": {"telephone": "1"}}, pin=INITIAL_PIN)), SecurityStatusError)


def test_a_directory_that_is_not_on_the_card_fails_its_own_values(new_desk, new_card):
    desk = new_desk(new_card(), answers={"00A4040006D15600000501": "6A82", "00A4000002DF02": "6A82"})
    report = update(desk, {"employment": {"occupation": "1010101"}, "residence": {"telephone": "1"}}, pin=INITIAL_PIN)
    assert outcomes(report) == {
        ("employment", "occupation"): Outcome.FAILED,
        ("residence", "telephone"): Outcome.WRITTEN,
    }


def test_records_that_are_no_tlv_are_not_written_over(new_desk, new_card):
    desk = new_desk(new_card(t0=False), answers={"00B22830": "280F31" + "9000"})
    assert isinstance(reason(update(desk, {"residence": {"telephone": "1"}}, pin=INITIAL_PIN)), TlvError)
    assert "UPDATE RECORD" not in desk.names


def test_a_wrong_pin_stops_everything(new_desk, new_card):
    desk = new_desk(new_card())
    with pytest.raises(WrongPinError):
        update(desk, {"residence": {"telephone": "1"}}, pin=Secret(bytes.fromhex("654321")))
    assert "UPDATE RECORD" not in desk.names


def test_new_values_never_show(new_desk, new_card):
    desk = new_desk(new_card())
    report = update(desk, {"residence": {"contact_name": "样本四"}}, pin=INITIAL_PIN)
    assert "样本四" not in repr(report) + repr(desk.sent) + repr(desk.requests)
