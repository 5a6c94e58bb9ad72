"""The .proto files against the declarations of cardlib: whichever is missing is named here."""

import pytest

from apdu.readers import ReaderState
from cardlib.crypto import Algorithm
from cardlib.flows.read_identity import Authenticity, AuthenticityCheck
from cardlib.profiles import ALL
from cardlib.values import CardDate, Coded
from services import mapping
from services.events import Event, EventKind
from services.redaction import is_sensitive
from sscard.v1 import card_pb2, identity_pb2, reader_pb2

MESSAGES = identity_pb2.Identity.DESCRIPTOR.fields_by_name
FIELDS = [
    pytest.param(file, field, id=f"{profile.version}-{file.name}-{field.name}")
    for profile in ALL
    for directory in profile.directories
    for file in directory.files
    for field in file.fields
]


@pytest.mark.parametrize(("file", "field"), FIELDS)
def test_every_item_has_a_field_of_its_name_that_takes_its_value(file, field) -> None:
    assert file.name in MESSAGES, f"add to message Identity: a field `{file.name}`"
    fields = MESSAGES[file.name].message_type.fields_by_name
    assert field.proto == field.name
    assert field.proto in fields, f"add to message {MESSAGES[file.name].message_type.name}: a field `{field.proto}`"
    message = getattr(identity_pb2.Identity(), file.name)
    mapping.put(message, field.proto, field.vector[1])
    assert message.HasField(field.proto)


@pytest.mark.parametrize(("file", "field"), FIELDS)
def test_the_option_sensitive_agrees_with_the_declaration(file, field) -> None:
    declared = MESSAGES[file.name].message_type.fields_by_name[field.proto]
    assert is_sensitive(declared) is field.sensitive


def test_no_field_is_without_an_item() -> None:
    for name, declared in MESSAGES.items():
        items = {
            field.proto
            for profile in ALL
            for directory in profile.directories
            for file in directory.files
            if file.name == name
            for field in file.fields
        }
        assert {field.name for field in declared.message_type.fields} == items


@pytest.mark.parametrize("profile", ALL, ids=lambda profile: profile.version)
def test_a_file_as_read_fills_its_message_and_blank_items_stay_unset(profile) -> None:
    file = profile.file_named("holder")
    values = {field.name: field.vector[1] for field in file.fields} | {"birth_place": None}
    contents = file.decode(file.split(b"".join(file.encode(values))))
    holder = identity_pb2.Holder()
    mapping.fill(holder, contents)
    assert holder.name == values["name"]
    assert holder.sex.code == values["sex"].code
    assert not holder.HasField("birth_place")


def test_dates_are_iso_and_an_early_cards_year_stays_alone() -> None:
    issuer = identity_pb2.Issuer()
    mapping.put(issuer, "issue_date", CardDate("20120230"))
    assert issuer.issue_date == "2012-02-30"
    mapping.put(issuer, "issue_date", CardDate("2012", standard=False))
    assert issuer.issue_date == "2012"


def test_an_unknown_code_is_kept_and_said_to_be_unknown() -> None:
    holder = identity_pb2.Holder()
    mapping.put(holder, "sex", Coded("7"))
    assert (holder.sex.code, holder.sex.chinese, holder.sex.known) == ("7", "", False)


def test_a_kind_of_value_without_a_form_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"bytes in field name"):
        mapping.put(identity_pb2.Holder(), "name", b"")


@pytest.mark.parametrize(
    ("ours", "theirs", "prefix"),
    [
        (Authenticity, card_pb2.Authenticity, "AUTHENTICITY"),
        (AuthenticityCheck, card_pb2.AuthenticityCheck, "AUTHENTICITY_CHECK"),
        (Algorithm, card_pb2.Algorithm, "ALGORITHM"),
        (EventKind, reader_pb2.ReaderEvent.Kind, "KIND"),
    ],
)
def test_enumerations_have_the_same_members(ours, theirs, prefix) -> None:
    assert {f"{prefix}_{member.name}" for member in ours} | {f"{prefix}_UNSPECIFIED"} == set(theirs.keys())


def test_the_numbers_of_algorithms_are_those_on_the_card() -> None:
    assert {f"ALGORITHM_{each.name}": each.value for each in Algorithm}.items() <= dict(
        card_pb2.Algorithm.items()
    ).items()


def test_a_reader_says_what_is_in_its_slot() -> None:
    assert mapping.reader(ReaderState("r")).slot == reader_pb2.SLOT_STATE_EMPTY
    assert mapping.reader(ReaderState("r", present=True, mute=True)).slot == reader_pb2.SLOT_STATE_MUTE
    card = mapping.reader(ReaderState("r", present=True, atr=b"\x3b\x00", in_use=True, insertions=3))
    assert (card.slot, card.atr, card.in_use, card.insertions) == (reader_pb2.SLOT_STATE_CARD, b"\x3b\x00", True, 3)


def test_an_event_about_no_reader_has_none() -> None:
    assert not mapping.event(Event(4, EventKind.SERVICE_LOST)).HasField("reader")
    assert mapping.event(Event(5, EventKind.READER_REMOVED, ReaderState("r"))).reader.name == "r"
