"""Reading any files and items: what it takes, what comes back, and what is said of files that cannot be read."""

import datetime as dt
from types import SimpleNamespace

import pytest

from apdu.errors import FileNotFoundOnCardError
from apdu.secret import Secret
from cardlib.custody import NoKeys
from cardlib.errors import (
    AccessForbiddenError,
    ForeignCardError,
    KeyUnavailableError,
    NotInProfileError,
    PinRequiredError,
)
from cardlib.flows.read_files import FilesReading, read_files
from cardlib.flows.read_identity import Authenticity
from cardlib.forms import Reading
from cardlib.keys import KEYS
from cardlib.model import AddressableFile
from cardlib.profiles import profile_for
from cardlib.values import Concern
from services.custody.development import DevelopmentCustodian
from simulator.people import INITIAL_PIN
from simulator.quirks import Quirks

TODAY = dt.date(2026, 1, 15)
WRONG_PIN = Secret(bytes.fromhex("654321"))
V2 = profile_for(b"2.00")


def only(profile):
    """Profiles of which every card follows the same one."""
    return SimpleNamespace(every=(profile,), of_card=lambda *_: profile)


def read(desk, wanted=None, **options) -> FilesReading:
    return desk.run(read_files, wanted, today=TODAY, **options)


class Without(DevelopmentCustodian):
    """Has all keys but these."""

    def __init__(self, *names):
        super().__init__(development_mode=True)
        self.names = names

    def perform(self, request):
        for wanted in request.tasks:
            if wanted.key.name in self.names:
                raise KeyUnavailableError(wanted.key.name)
        return super().perform(request)


OPENING = ["SELECT", "READ RECORD"]
PROOF = ["INTERNAL AUTHENTICATE"]
KEY = ["GET CHALLENGE", "EXTERNAL AUTHENTICATE"]
ASK_PIN = ["VERIFY", "VERIFY"]

FEWEST = {
    "issuer data alone": ("2.0", ["issuer"], None, OPENING, []),
    "free files": ("2.0", ["issuer", "holder"], None, [*OPENING, "READ RECORD"], []),
    "RKSSSE": ("3.0", ["issuer", "holder"], None, [*OPENING, *PROOF, *KEY, "READ RECORD"], ["IRK", "RKSSSE"]),
    "a free file elsewhere": ("2.0", ["health.abo_blood_group"], None, [*OPENING, "SELECT", "READ RECORD"], []),
    "a key of a directory": (
        "2.0",
        ["household"],
        None,
        [*OPENING, *PROOF, "SELECT", *KEY, "READ RECORD"],
        ["IRK", "RK1DF01"],
    ),
    "the PIN instead of a key": ("2.0", ["household"], INITIAL_PIN, [*OPENING, "SELECT", *ASK_PIN, "READ RECORD"], []),
    "one key for all files of a directory": (
        "2.0",
        ["household", "residence", "employer"],
        None,
        [*OPENING, *PROOF, "SELECT", *KEY, *["READ RECORD"] * 3],
        ["IRK", "RK1DF01"],
    ),
    "the PIN verified once for several directories": (
        "2.0",
        ["household", "employment", "pension"],
        INITIAL_PIN,
        [*OPENING, "SELECT", *ASK_PIN, "READ RECORD", *["SELECT", "READ RECORD"] * 2],
        [],
    ),
    "two keys of one directory": (
        "2.0",
        ["unemployment_insurance", "pension"],
        None,
        [*OPENING, *PROOF, "SELECT", *KEY, *KEY, *["READ RECORD"] * 2],
        ["IRK", "RK1DF03", "RK2DF03"],
    ),
    "key and PIN, the key first": (
        "2.0",
        ["offline_settlement"],
        INITIAL_PIN,
        [*OPENING, *PROOF, "SELECT", *KEY, *ASK_PIN, "READ RECORD"],
        ["IRK", "RK1DF04"],
    ),
    "no PIN where it is no use": (
        "3.0",
        ["holder"],
        INITIAL_PIN,
        [*OPENING, *PROOF, *KEY, "READ RECORD"],
        ["IRK", "RKSSSE"],
    ),
}


@pytest.mark.parametrize("case", FEWEST.values(), ids=FEWEST)
@pytest.mark.parametrize("t0", [True, False], ids=["T=0", "a reader that hides T=0"])
def test_files_are_read_in_the_fewest_commands_and_key_requests(new_desk, new_card, case, t0):
    version, wanted, pin, commands, keys = case
    desk = new_desk(new_card(version, t0=t0))
    reading = read(desk, wanted, pin=pin)
    assert desk.names == commands
    assert desk.asked_keys == keys
    assert not reading.refused
    assert set(reading.files) == {name.partition(".")[0] for name in wanted}


def test_with_remote_keys_the_pin_comes_first(new_desk, new_card):
    desk = new_desk(new_card())
    reading = read(desk, ["offline_settlement"], pin=INITIAL_PIN, keys_are_remote=True)
    assert not reading.refused
    assert desk.names == [*OPENING, "SELECT", *ASK_PIN, *PROOF, *KEY, "READ RECORD"]


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0"])
def test_everything_is_read_as_it_was_written(new_desk, new_card, version):
    desk = new_desk(new_card(version))
    reading = read(desk, pin=INITIAL_PIN)
    profile = profile_for(version.encode())
    known = {name for name, key in KEYS.items() if key.card_id is not None}
    expected = {
        file.name: file.sample
        for directory in profile.directories
        for file in directory.files
        if isinstance(file, AddressableFile) and file.items and file.read.keys <= known
    }
    assert len(expected) > 15
    assert {name: dict(contents.values) for name, contents in reading.files.items() if name in expected} == expected
    assert reading.version == version
    assert reading.authenticity is Authenticity.PROVEN
    assert desk.counts["VERIFY"] == 2
    directories = [command for command in desk.sent if command.name == "SELECT"]
    assert len(directories) == len({command.data for command in directories})


def test_a_file_longer_than_one_answer_is_read_in_records_and_a_tail(new_desk, new_card):
    desk = new_desk(new_card())
    reading = read(desk, ["skills", "health"], pin=INITIAL_PIN)
    assert reading.files["health"].values == V2.file_named("health").sample
    assert reading.files["skills"].values == V2.file_named("skills").sample
    # DF02/EF05: records of 5, 5, 110 and 110 bytes, then two of 103; DF05/EF05: 15 records, then 233 bytes.
    assert desk.counts["READ RECORD"] == 1 + 5 + 16


def test_a_cyclic_file_with_more_records_than_it_must_have_is_read_to_its_end(new_desk, new_card):
    file = V2.file_named("employment_history")
    (record,) = file.sample["records"]
    more = {"records": tuple({**record, "employer_name": f"虚构单位{n}"} for n in range(9))}
    desk = new_desk(new_card(contents={"employment_history": more}))
    reading = read(desk, ["employment_history"], pin=INITIAL_PIN)
    assert not reading.refused
    assert [one["employer_name"] for one in reading.files["employment_history"].values["records"]] == [
        f"虚构单位{n}" for n in range(9)
    ]
    assert read(desk, ["issuer"]).files["issuer"]
    assert desk.forms.recall(reading.historical_bytes).reading is Reading.WHOLE_BY_SFI


def test_an_empty_cyclic_file_is_no_error(new_desk, new_card):
    desk = new_desk(new_card(contents={"medical_transactions": {"records": ()}}))
    reading = read(desk, ["medical_transactions"], pin=INITIAL_PIN)
    assert reading.files["medical_transactions"].values == {"records": ()}


def test_single_items_are_read_by_their_tag_where_that_is_less(new_desk, new_card):
    desk = new_desk(new_card())
    reading = read(desk, ["residence.contact_name", "holder.name"], pin=INITIAL_PIN)
    assert set(reading.files["residence"].values) == {"contact_name"}
    assert reading.files["residence"].values["contact_name"] == V2.file_named("residence").sample["contact_name"]
    assert reading.files["holder"].values["name"] == V2.file_named("holder").sample["name"]
    assert not reading.warnings
    by_tag = [command.p1 for command in desk.sent if command.name == "READ RECORD" and not command.p2 & 0x07]
    assert by_tag == [0x09, 0x4E, 0x2C]


def test_a_repeated_item_is_read_first_and_next(new_desk, new_card):
    desk = new_desk(new_card())
    (item,) = (item for item in V2.file_named("education").items if item.tag == 0x40)
    reading = read(desk, [f"education.{item.name}"], pin=INITIAL_PIN)
    assert reading.files["education"].values == {item.name: V2.file_named("education").sample[item.name]}


def test_most_of_a_file_is_read_as_a_whole(new_desk, new_card):
    desk = new_desk(new_card())
    names = [f"pension.{item.name}" for item in V2.file_named("pension").items[:-1]]
    reading = read(desk, names, pin=INITIAL_PIN)
    assert desk.counts["READ RECORD"] == 2
    assert len(reading.files["pension"].values) == len(names)


def test_a_card_that_knows_no_tags_is_read_whole_and_only_what_was_asked_comes_back(new_desk, new_card):
    desk = new_desk(new_card(quirks=Quirks(by_tag=False)))
    reading = read(desk, ["residence.contact_name"], pin=INITIAL_PIN)
    assert set(reading.files["residence"].values) == {"contact_name"}
    assert reading.files["residence"].values["contact_name"]


QUIRKS = {
    "no SFI": Quirks(sfi=False),
    "no whole files": Quirks(whole_file=False),
    "record numbers only": Quirks(sfi=False, whole_file=False, by_tag=False),
    "MF first": Quirks(select_mf_first=True),
    "key version": Quirks(key_version_required=True),
}


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0"])
@pytest.mark.parametrize("quirks", QUIRKS.values(), ids=QUIRKS)
def test_field_cards_hold_the_same(new_desk, new_card, version, quirks):
    plain = read(new_desk(new_card(version)), pin=INITIAL_PIN)
    desk = new_desk(new_card(version, quirks=quirks))
    for _ in range(2):
        reading = read(desk, pin=INITIAL_PIN)
        assert {n: c.values for n, c in reading.files.items()} == {n: c.values for n, c in plain.files.items()}
        assert reading.refused.keys() == plain.refused.keys()


def test_a_directory_is_found_by_fid_where_its_aid_is_not_known_and_that_is_remembered(new_desk, new_card):
    desk = new_desk(new_card(), answers={"00A4040006": "6A82"})
    for selects in (3, 2):
        assert read(desk, ["household"]).files
        assert desk.counts["SELECT"] == selects


# --- what cannot be read ---


def reasons(reading):
    return {name: type(error) for name, error in reading.refused.items()}


def test_without_keys_the_rest_is_read(new_desk, new_card):
    desk = new_desk(new_card(), custodian=NoKeys())
    reading = read(desk, ["holder", "household", "health", "medical_transactions"])
    assert set(reading.files) == {"holder", "health"}
    assert reasons(reading) == {"household": KeyUnavailableError, "medical_transactions": PinRequiredError}
    assert reading.authenticity is Authenticity.NOT_CHECKED


def test_a_missing_key_fails_its_own_files_only(new_desk, new_card):
    desk = new_desk(new_card(), custodian=Without("RK2DF03", "RK1DF01"))
    reading = read(desk, ["household", "unemployment_insurance", "pension", "employment"])
    assert set(reading.files) == {"pension", "employment"}
    assert {name: error.key for name, error in reading.refused.items()} == {
        "household": "RK1DF01",
        "unemployment_insurance": "RK2DF03",
    }


def test_a_missing_local_key_costs_no_pin_try(new_desk, new_card):
    desk = new_desk(new_card(), custodian=Without("RK1DF04"))
    reading = read(desk, ["offline_settlement"], pin=INITIAL_PIN)
    assert reasons(reading) == {"offline_settlement": KeyUnavailableError}
    assert "VERIFY" not in desk.names


def test_a_key_whose_number_is_not_known_is_said_to_be_missing(new_desk, new_card):
    unknown = next(name for name, key in KEYS.items() if key.directory == "DF03" and key.card_id is None)
    profile = V2.derive("2.0", pension={"read": type(V2.file_named("expert").read)(unknown)})
    reading = read(new_desk(new_card()), ["pension"], profiles=only(profile))
    assert reading.refused["pension"].key == unknown


def test_what_the_version_does_not_have_is_said_by_name(new_desk, new_card):
    reading = read(new_desk(new_card("1.0")), ["photo", "holder.shoe_size", "nonsense", "holder.sex"])
    assert reasons(reading) == dict.fromkeys(["photo", "holder.shoe_size", "nonsense"], NotInProfileError)
    assert reading.files["holder"].values["sex"]


def test_what_no_command_reads_is_refused_without_asking(new_desk, new_card):
    desk = new_desk(new_card())
    reading = read(desk, ["medical_account"])
    assert reasons(reading) == {"medical_account": AccessForbiddenError}
    assert desk.names == OPENING
    assert "medical_account" not in read(desk).refused


def test_a_file_or_directory_that_is_not_on_the_card_is_said_to_be_missing(new_desk, new_card):
    desk = new_desk(
        new_card(), answers={"00B2013D": "6A82", "00A4040006D15600000501": "6A82", "00A4000002DF02": "6A82"}
    )
    reading = read(desk, ["household", "personal_status", "employment", "skills"], pin=INITIAL_PIN)
    assert set(reading.files) == {"household"}
    assert reasons(reading) == dict.fromkeys(["personal_status", "employment", "skills"], FileNotFoundOnCardError)
    assert desk.counts["READ RECORD"] == 3


def test_records_that_are_no_tlv_fail_their_own_file(new_desk, new_card):
    desk = new_desk(new_card(), answers={"00B2014D": "3704" + "9000"})
    reading = read(desk, ["household", "employer"], pin=INITIAL_PIN)
    assert set(reading.files) == {"household"}
    assert "employer" in reading.refused


def test_a_foreign_card_is_an_error(new_desk, new_card):
    with pytest.raises(ForeignCardError):
        read(new_desk(new_card(), answers={"00A40400": "6A82"}))


def test_warnings_are_about_what_was_asked_for(new_desk, new_card):
    holder = {**V2.file_named("holder").sample, "social_security_number": "990000199001010018"}
    desk = new_desk(new_card(contents={"holder": holder}))
    assert [w.code for w in read(desk, ["holder"]).warnings] == [Concern.ID_CHECK_DIGIT]
    assert not read(desk, ["holder.sex"]).warnings
