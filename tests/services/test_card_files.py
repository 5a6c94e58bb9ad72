"""ReadFiles, ReadPhoto and UpdateItems, from the call to the card and back."""

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from apdu.transport.inprocess import InProcessReaders
from cardlib.custody import NoKeys
from cardlib.flows.read_files import value_names
from cardlib.model import AddressableFile
from cardlib.profiles.v3 import V3
from services.cli.table import as_json
from simulator.people import READY, ready_card
from sscard.v1 import card_pb2, employment_pb2, files_pb2, identity_pb2, items_pb2
from sscard.v1.items_pb2 import ItemUpdate, ItemValue

READ, UPDATE = card_pb2.ReadFilesRequest, card_pb2.UpdateItemsRequest
PIN = "123456"


@pytest.fixture
async def without_keys(service_over):
    readers = InProcessReaders(["two"])
    readers.insert("two", ready_card("2.0"), t0=True)
    return await service_over(readers, NoKeys())


async def test_files_come_typed_and_as_lists(service) -> None:
    answer = await service.cards.ReadFiles(READ(reader="three", files=["holder", "employment"]))
    assert answer.card_version == "3.0"
    assert [(result.file, result.read) for result in answer.results] == [("holder", True), ("employment", True)]
    assert answer.files.holder.name == READY["3.0"].holder["name"]
    listed = {item.name: item.value for item in answer.item_files[0].items}
    assert listed["name"].text == READY["3.0"].holder["name"]
    assert listed["sex"].coded == answer.files.holder.sex


async def test_everything_that_a_command_can_read_is_read(service) -> None:
    answer = await service.cards.ReadFiles(READ(reader="three", files=["*"], pin=PIN))
    every = [file.name for directory in V3.directories for file in directory.files]
    reachable = {file.name for one in V3.directories for file in one.files if isinstance(file, AddressableFile)}
    assert [result.file for result in answer.results] == [name for name in every if name in reachable]
    assert all(result.read for result in answer.results)
    assert {file.file for file in answer.item_files} == reachable


async def test_a_mask_reads_single_items(service) -> None:
    mask = FieldMask(paths=["holder.name", "household"])
    answer = await service.cards.ReadFiles(READ(reader="two", read_mask=mask))
    assert [field.name for field, _ in answer.files.holder.ListFields()] == ["name"]
    assert [item.name for item in answer.item_files[0].items] == ["name"]
    assert {item.name for item in answer.item_files[1].items} == set(value_names(V3.file_named("household")))


async def test_json_is_readable(service) -> None:
    text = as_json(await service.cards.ReadFiles(READ(reader="two", files=["holder.birth_date", "holder.sex"])))
    assert '"birth_date": "1985-03-12"' in text
    assert '"chinese": "女性"' in text


async def test_files_that_cannot_be_read_say_why_and_do_not_fail_the_others(without_keys) -> None:
    answer = await without_keys.cards.ReadFiles(READ(reader="two", files=["holder", "employment", "photo", "nonesuch"]))
    assert {result.file: result.reason for result in answer.results} == {
        "holder": "",
        "photo": "KEY_UNAVAILABLE",
        "employment": "KEY_UNAVAILABLE",
        "nonesuch": "NOT_IN_PROFILE",
    }
    assert all(result.message and result.chinese_message for result in answer.results if result.reason)
    assert not answer.files.HasField("employment")


async def test_the_pin_opens_what_no_key_is_at_hand_for(without_keys) -> None:
    answer = await without_keys.cards.ReadFiles(READ(reader="two", files=["employment"], pin=PIN))
    assert answer.results[0].read
    assert answer.files.employment.ListFields()


async def test_an_item_that_the_version_does_not_have_is_named(service) -> None:
    answer = await service.cards.ReadFiles(READ(reader="two", files=["holder.name", "employment.first_job_date"]))
    assert [(result.file, result.item, result.reason) for result in answer.results] == [
        ("holder", "", ""),
        ("employment", "first_job_date", "NOT_IN_PROFILE"),
    ]


async def test_a_wrong_pin_fails_the_call_and_tells_the_tries_left(without_keys, refusal) -> None:
    call = without_keys.cards.ReadFiles(READ(reader="two", files=["employment"], pin="654321"))
    code, info = await refusal(call)
    assert (code, info.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PIN_WRONG")
    assert info.metadata["tries_left"] == "5"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        pytest.param(READ(files=["holder"]), "reader", id="no reader"),
        pytest.param(READ(reader="two"), "files", id="nothing"),
        pytest.param(READ(reader="two", files=[""]), "files", id="empty name"),
        pytest.param(READ(reader="two", files=["holder"], pin="123"), "pin", id="short PIN"),
        pytest.param(READ(reader="two", files=["holder"], pin="１２３４５６"), "pin", id="digits of another script"),
        pytest.param(READ(reader="two", read_mask=FieldMask(paths=["holder.x"])), "read_mask", id="no field"),
        pytest.param(READ(reader="two", read_mask=FieldMask(paths=["holder.sex.code"])), "read_mask", id="too deep"),
    ],
)
async def test_a_request_that_cannot_be_meant_is_refused_by_the_field(service, refusal, request_, field) -> None:
    code, info = await refusal(service.cards.ReadFiles(request_))
    assert (code.name, info.reason, info.metadata["field"]) == ("INVALID_ARGUMENT", "INVALID_REQUEST", field)


async def test_the_photo_comes_in_pieces(service) -> None:
    pieces = [piece async for piece in service.cards.ReadPhoto(card_pb2.ReadPhotoRequest(reader="three"))]
    image = b"".join(piece.chunk for piece in pieces)
    assert {(piece.size, piece.media_type) for piece in pieces} == {(len(image), "image/bmp")}
    assert image.startswith(b"BM")
    assert len(image) == int.from_bytes(image[2:6], "little")


async def test_without_the_key_the_photo_is_refused(without_keys, refusal) -> None:
    stream = without_keys.cards.ReadPhoto(card_pb2.ReadPhotoRequest(reader="two"))
    code, info = await refusal(stream.read())
    assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "KEY_UNAVAILABLE")


async def test_items_are_written_read_back_and_not_written_twice(service) -> None:
    request = UPDATE(
        reader="three",
        request_id="a-1",
        files=files_pb2.CardFiles(employment=employment_pb2.Employment(occupation="4010100")),
        items=[items_pb2.ItemUpdate(file="residence", item="telephone", value=items_pb2.ItemValue(text="00099012345"))],
    )
    first = await service.cards.UpdateItems(request)
    repeated = await service.cards.UpdateItems(request)
    assert repeated.already_done
    assert repeated.outcomes == first.outcomes
    request.request_id = "a-1b"
    again = await service.cards.UpdateItems(request)
    names = [(outcome.file, outcome.item) for outcome in first.outcomes]
    assert names == [("residence", "telephone"), ("employment", "occupation")]
    written, unchanged = files_pb2.ItemOutcome.RESULT_WRITTEN, files_pb2.ItemOutcome.RESULT_UNCHANGED
    assert {outcome.result for outcome in first.outcomes} == {written}
    assert {outcome.result for outcome in again.outcomes} == {unchanged}
    answer = await service.cards.ReadFiles(READ(reader="three", files=["residence", "employment"]))
    assert answer.files.residence.telephone == "00099012345"
    assert answer.files.employment.occupation == "4010100"


async def test_without_the_update_key_each_item_says_so(without_keys) -> None:
    request = UPDATE(reader="two", request_id="a-2", pin=PIN)
    request.files.employment.occupation = "4010100"
    (outcome,) = (await without_keys.cards.UpdateItems(request)).outcomes
    assert (outcome.result, outcome.reason) == (files_pb2.ItemOutcome.RESULT_FAILED, "KEY_UNAVAILABLE")


async def test_a_value_that_no_card_takes_is_refused_before_the_card_is_asked(service, refusal) -> None:
    request = UPDATE(reader="three", request_id="a-3")
    request.files.employment.occupation = "longer than seven bytes"
    code, info = await refusal(service.cards.UpdateItems(request))
    assert (code.name, info.reason) == ("INVALID_ARGUMENT", "CHANGES_INVALID")


async def test_an_update_needs_a_name(service, refusal) -> None:
    _, info = await refusal(service.cards.UpdateItems(UPDATE(reader="three", request_id="no spaces")))
    assert info.metadata["field"] == "request_id"


async def test_a_canary_neither_pin_nor_data_reach_the_log(service, log) -> None:
    canary = "02938475"
    holder = READY["2.0"].holder
    with pytest.raises(grpc.aio.AioRpcError):
        await service.cards.ReadFiles(READ(reader="two", files=["medical_transactions"], pin=canary))
    await service.cards.ReadFiles(READ(reader="two", files=["*"], pin=PIN))
    request = UPDATE(reader="two", request_id="canary-1", pin=PIN)
    request.files.CopyFrom(files_pb2.CardFiles(holder=identity_pb2.Holder(name="金丝雀")))
    request.items.add(file="residence", item="contact_name").value.text = "金丝雀丙"
    await service.cards.UpdateItems(request)
    text = log.getvalue()
    assert '"exchange"' in text
    assert '"request_id": "canary-1"' in text
    for datum in (canary, "金丝雀", holder["name"], holder["social_security_number"]):
        assert datum not in text
        assert datum.encode("gb18030").hex().upper() not in text.upper()
        # What protobuf's text format makes of it.
        assert "".join(f"\\\\{byte:03o}" for byte in datum.encode()) not in text
    assert f'pin: "{PIN}"' not in text.replace("\\", "")


ESTRANGING = {
    "a version that no profile has": ("spec_version", "x"),
    "another version": ("spec_version", "2.00"),
    "a blank version": ("spec_version", None),
    "another region": ("card_identifier", "110000D15600000500003000FFFFFFFF"),
    "another card of the region": ("card_identifier", "990000D15600000500003001FFFFFFFF"),
    "no card identifier": ("card_identifier", None),
}


@pytest.mark.parametrize(("item", "text"), ESTRANGING.values(), ids=ESTRANGING)
async def test_an_update_that_would_make_another_card_of_it_is_refused_and_nothing_is_written(
    service, refusal, item, text
) -> None:
    value = ItemValue() if text is None else ItemValue(text=text)
    telephone = ItemUpdate(file="residence", item="telephone", value=ItemValue(text="1"))
    request = card_pb2.UpdateItemsRequest(
        reader="three", request_id="1", items=[telephone, ItemUpdate(file="issuer", item=item, value=value)]
    )
    _, info = await refusal(service.cards.UpdateItems(request))
    assert info.reason == "CHANGES_INVALID", info
    answer = await service.cards.ReadFiles(READ(reader="three", files=["issuer", "residence.telephone"], pin=PIN))
    assert answer.files.issuer.spec_version == "3.00"
    assert answer.files.residence.telephone != "1"


async def test_the_authentication_code_of_a_card_may_be_written_later(service) -> None:
    later = ItemUpdate(file="issuer", item="card_identifier", value=ItemValue(text="990000D15600000500003000A1B2C3D4"))
    request = card_pb2.UpdateItemsRequest(reader="three", request_id="1", items=[later])
    (outcome,) = (await service.cards.UpdateItems(request)).outcomes
    assert outcome.reason == ""


async def test_a_name_that_ends_in_a_dot_is_no_item(service) -> None:
    answer = await service.cards.ReadFiles(READ(reader="two", files=["holder."]))
    assert [result.reason for result in answer.results] == ["NOT_IN_PROFILE"]
    assert not answer.item_files
