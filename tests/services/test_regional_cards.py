"""A region's own files reach clients: read with the rest, written with the region's key, on that region's cards."""

from pathlib import Path

import pytest

from apdu.transport.inprocess import InProcessReaders
from cardlib.development_keys import load as development_keys
from cardlib.regional import load
from services.custody.development import DevelopmentCustodian
from simulator.card import SoftwareCard
from simulator.image import Issue, image_for
from simulator.people import INITIAL_PIN, READY
from sscard.v1.card_pb2 import ReadFilesRequest, UpdateItemsRequest
from sscard.v1.files_pb2 import ItemOutcome
from sscard.v1.items_pb2 import ItemUpdate, ItemValue

PROFILE = Path(__file__).parents[1] / "vectors" / "regional" / "person-number.toml"
REGIONAL = load(PROFILE)


def regional_card() -> SoftwareCard:
    ready = READY["3.0"]
    profile = REGIONAL.profile_for(ready.profile, "990000")
    issue = Issue(algorithm=ready.algorithm, historical_bytes=ready.historical_bytes(9), pin=INITIAL_PIN)
    return SoftwareCard(image_for(profile, ready.contents(9), issue, development_keys(profile.keys)), t0=False)


@pytest.fixture
async def cards(service_over):
    """A service that knows the region, over a card of the region."""
    readers = InProcessReaders(["regional"])
    readers.insert("regional", regional_card())
    custodian = DevelopmentCustodian(development_mode=True, keys=REGIONAL.keys)
    return (await service_over(readers, custodian, regional_profiles=(PROFILE,))).cards


async def test_a_regional_file_is_updated_with_its_key_and_read_in_the_list_of_items(cards) -> None:
    number = ItemUpdate(file="person_number", item="person_number", value=ItemValue(text="990000000042"))
    request = UpdateItemsRequest(reader="regional", request_id="1", items=[number])
    assert [outcome.result for outcome in (await cards.UpdateItems(request)).outcomes] == [ItemOutcome.RESULT_WRITTEN]
    request.request_id = "2"
    assert [outcome.result for outcome in (await cards.UpdateItems(request)).outcomes] == [ItemOutcome.RESULT_UNCHANGED]

    answer = await cards.ReadFiles(ReadFilesRequest(reader="regional", files=["person_number", "holder"]))
    assert all(result.read for result in answer.results)
    listed = {item.name: item.value.text for file in answer.item_files for item in file.items}
    assert listed["person_number"] == "990000000042"
    assert answer.files.holder.name == READY["3.0"].holder["name"]


async def test_everything_includes_what_the_region_has(cards) -> None:
    answer = await cards.ReadFiles(ReadFilesRequest(reader="regional", files=["*"], pin="123456"))
    assert "person_number" in {file.file for file in answer.item_files}


async def test_a_card_of_another_region_has_no_such_file(service) -> None:
    answer = await service.cards.ReadFiles(ReadFilesRequest(reader="three", files=["person_number"]))
    assert [result.reason for result in answer.results] == ["NOT_IN_PROFILE"]
