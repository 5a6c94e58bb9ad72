"""From messages back to values: what is read can be written as it is."""

import pytest

from cardlib.model import RECORDS, AddressableFile, CyclicFile
from cardlib.profiles import ALL
from cardlib.values import CardDate
from services.errors import InvalidRequestError
from services.mapping import generic, incoming, typed
from services.mapping.changes import changes
from sscard.v1 import card_pb2, employment_pb2, files_pb2, identity_pb2, items_pb2, medical_pb2, values_pb2

FILES = [
    pytest.param(profile, file, id=f"{profile.version}-{file.name}")
    for profile in ALL
    for directory in profile.directories
    for file in directory.files
    if isinstance(file, AddressableFile)
]


def values_that_are_set(contents):
    found = {name: value for name, value in contents.values.items() if value is not None}
    return {name: value for name, value in found.items() if not isinstance(value, tuple) or any(value)}


def same(ours, theirs) -> bool:
    """Trailing blanks of a repeated item are left out in messages."""
    return {name: _trimmed(value) for name, value in ours.items()} == {
        name: _trimmed(value) for name, value in theirs.items()
    }


def _trimmed(value):
    if not isinstance(value, tuple):
        return value
    return value[: max((place for place, one in enumerate(value, 1) if one is not None), default=0)]


@pytest.mark.parametrize(("profile", "file"), FILES)
def test_a_typed_message_holds_what_was_read(profile, file) -> None:
    contents = file.parse(b"".join(file.encode(file.sample)))
    message = getattr(files_pb2.CardFiles(), file.name)
    typed.fill(message, contents)
    assert same(incoming.typed_values(file, message, "files"), values_that_are_set(contents))


@pytest.mark.parametrize(("profile", "file"), FILES)
def test_a_list_of_items_holds_what_was_read(profile, file) -> None:
    contents = file.parse(b"".join(file.encode(file.sample)))
    listed = generic.item_file(profile, contents)
    assert (listed.file, listed.directory, listed.fid) == (file.name, profile.directory_of(file.name).name, file.fid)
    expected = 1 if isinstance(file, CyclicFile) else len(file.declarations)
    assert len(listed.items) == expected
    found = {item.name: incoming.generic_value(file, item.name, item.value, "items") for item in listed.items}
    blank = {name for name, value in found.items() if value is None}
    assert same({name: value for name, value in found.items() if name not in blank}, values_that_are_set(contents))


REQUEST = card_pb2.UpdateItemsRequest


def test_a_mask_names_what_becomes_blank() -> None:
    request = REQUEST(files=files_pb2.CardFiles(employment=employment_pb2.Employment(occupation="2020701")))
    request.update_mask.paths.extend(["employment.occupation", "employment.last_employment_registration_date"])
    assert changes(request, ALL) == {"employment": {"occupation": "2020701", "last_employment_registration_date": None}}


def test_without_a_mask_what_is_set_is_written() -> None:
    holder = identity_pb2.Holder(birth_date="1990-01-01", sex=values_pb2.CodedValue(code="1"))
    written = changes(REQUEST(files=files_pb2.CardFiles(holder=holder)), ALL)["holder"]
    assert written["birth_date"] == CardDate("19900101")
    assert (written["sex"].code, written["sex"].known) == ("1", True)
    assert written.keys() == {"birth_date", "sex"}


def test_items_of_a_former_version_are_written_as_well() -> None:
    account = medical_pb2.OfflineSettlement(account_balance=12345)
    assert changes(REQUEST(files=files_pb2.CardFiles(offline_settlement=account)), ALL) == {
        "offline_settlement": {"account_balance": 12345}
    }


def test_records_are_taken_newest_first() -> None:
    history = employment_pb2.EmploymentHistory(records=[{"occupation": "2020701", "start_date": "2020-01-31"}])
    ((record,),) = changes(REQUEST(files=files_pb2.CardFiles(employment_history=history)), ALL)[
        "employment_history"
    ].values()
    assert (record["occupation"], record["start_date"], record["end_date"]) == ("2020701", CardDate("20200131"), None)


def item(file: str, name: str, **kind) -> items_pb2.ItemUpdate:
    return items_pb2.ItemUpdate(file=file, item=name, value=items_pb2.ItemValue(**kind))


def test_a_generic_value_without_a_kind_makes_the_item_blank() -> None:
    assert changes(REQUEST(items=[item("holder", "birth_place")]), ALL) == {"holder": {"birth_place": None}}


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        pytest.param(REQUEST(), "files", id="nothing"),
        pytest.param(REQUEST(items=[item("nothing", "x")]), "items[0].file", id="no such file"),
        pytest.param(REQUEST(items=[item("holder", "x")]), "items[0].item", id="no such item"),
        pytest.param(REQUEST(items=[item("holder", "name", number=1)]), "items[0].value", id="another kind"),
        pytest.param(REQUEST(items=[item("holder", "birth_date", date="1.1.1990")]), "items[0].value", id="no date"),
        pytest.param(REQUEST(items=[item("holder", "name", text="x")] * 2), "items[1]", id="twice"),
        pytest.param(
            REQUEST(files=files_pb2.CardFiles(holder=identity_pb2.Holder(birth_date="x"))),
            "files.holder.birth_date",
            id="no date in a typed field",
        ),
        pytest.param(REQUEST(update_mask={"paths": ["holder.sex.code"]}), "update_mask", id="too deep"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_the_name_of_its_field(request_, field) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        changes(request_, ALL)
    assert raised.value.field == field


def test_a_cyclic_file_has_one_value() -> None:
    assert incoming.value_names(ALL[-1].file_named("employment_history")) == {RECORDS}
