"""UpdateItems and its journal: whatever interrupts it, the same request ends with the values on the card, once."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from secrets import token_bytes
from typing import Any

import grpc
import pytest

from apdu.flow import run
from apdu.readers import executor
from apdu.transport.inprocess import InProcessReaders
from apdu.transport.wrappers import get_response
from cardlib.custody import NoKeys
from cardlib.flows.update_items import update_items
from cardlib.forms import FormMemory
from services.custody.development import DevelopmentCustodian
from services.errors import JournalError
from services.operations.journal import OperationState
from services.store.engine import open_engine
from services.store.operations import SqlOperations
from services.updating import KIND, Updates
from simulator.card import SoftwareCard
from simulator.people import ready_card
from sscard.v1 import card_pb2, employment_pb2, files_pb2
from tests.services.activation.desk import Pulled

OCCUPATION = "4010100"
TELEPHONE = "00099012345"


def request(request_id: str = "u-1", occupation: str = OCCUPATION) -> card_pb2.UpdateItemsRequest:
    files = files_pb2.CardFiles(employment=employment_pb2.Employment(occupation=occupation))
    files.residence.telephone = TELEPHONE
    return card_pb2.UpdateItemsRequest(reader="desk", request_id=request_id, files=files)


class Mortal(SqlOperations):
    """The journal; the process dies at one of its calls, before it is on the disk or behind it."""

    def __init__(self, engine: Any) -> None:
        super().__init__(engine)
        self.calls = 0
        self.dies: int | None = None
        self.late = False

    def _at(self, call: Callable[..., Any], *arguments: Any) -> Any:
        now = self.calls == self.dies
        self.calls += 1
        if now and not self.late:
            raise JournalError("killed before it was written")
        result = call(*arguments)
        if now:
            raise JournalError("killed behind it")
        return result

    def begin(self, request: Any) -> Any:
        return self._at(super().begin, request)

    def note(self, operation: Any, step: str) -> None:
        self._at(super().note, operation, step)

    def finish(self, operation: Any, result: bytes) -> None:
        self._at(super().finish, operation, result)


async def refused(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code()


async def written(service: Any) -> list[str]:
    wanted = card_pb2.ReadFilesRequest(reader="desk", files=["employment", "residence"])
    files = (await service.cards.ReadFiles(wanted)).files
    return [files.employment.occupation, files.residence.telephone]


@pytest.fixture
async def desk(service_over):
    """One reader, its card, and a service over it that keeps its database."""
    readers = InProcessReaders(["desk"])
    card = ready_card("2.0")
    service = await service_over(readers, DevelopmentCustodian(development_mode=True))
    return readers, card, service


async def test_a_card_pulled_at_any_command_holds_the_values_after_the_same_request(desk) -> None:
    readers, card, service = desk
    whole = Pulled(card)
    readers.insert("desk", whole, t0=True)
    assert not (await service.cards.UpdateItems(request("first"))).already_done
    readers.remove("desk")
    points = 0
    for late in (False, True):
        for at in range(len(whole.commands)):
            chip = ready_card("2.0")
            readers.insert("desk", Pulled(chip, lambda: readers.remove("desk"), at, late=late), t0=True)
            name = f"cut-{at}-{late}"
            assert await refused(service.cards.UpdateItems(request(name))) is not grpc.StatusCode.INTERNAL
            readers.insert("desk", chip, t0=True)
            answer = await service.cards.UpdateItems(request(name))
            assert {each.result for each in answer.outcomes} <= {1, 2}
            assert not answer.already_done
            assert await written(service) == [OCCUPATION, TELEPHONE]
            assert (await service.cards.UpdateItems(request(name))).already_done
            readers.remove("desk")
            points += 1
    print(f"\nUpdateItems: card pulled at {points} points")  # noqa: T201  the number is asked for
    assert points == 2 * len(whole.commands) > 10


def test_a_service_killed_at_any_entry_is_outdone_by_the_same_request(tmp_path) -> None:
    engine = open_engine(str(tmp_path / "killed.db"))
    points = 0
    for late in (False, True):
        for dies in range(3):
            card, journal = ready_card("2.0", t0=False), Mortal(engine)
            journal.dies, journal.late = dies, late
            name = f"killed-{dies}-{late}"
            with pytest.raises(JournalError):
                update(card, journal, name)
            again = SqlOperations(engine)
            update(card, again, name)
            done = again.find("local", name)
            assert done is not None
            assert (done.state, done.kind) == (OperationState.DONE, KIND)
            points += 1
    engine.dispose()
    print(f"\nUpdateItems: killed at {points} points")  # noqa: T201  the number is asked for
    assert points == 6


def update(card: SoftwareCard, journal: SqlOperations, name: str) -> None:
    """As CardService does it, on a card without a reader."""
    updates = Updates(lambda: journal, lambda told: sha256(told).digest(), "machine 1")
    atr = card.power_on()
    operation = updates.begin(request(name), atr)
    if operation.state is OperationState.DONE:
        return
    flow = update_items(atr, {"residence": {"telephone": TELEPHONE}}, rng=token_bytes, forms=FormMemory())
    keys = DevelopmentCustodian(development_mode=True)

    def transmit(commands: Sequence[bytes]) -> list[bytes]:
        return [card.process(command) for command in commands]

    run(updates.kept(flow, operation), executor(get_response(transmit, strip_le=False)), keys.answer)


async def test_an_id_is_for_one_update_of_one_card(desk) -> None:
    readers, card, service = desk
    readers.insert("desk", card, t0=True)
    await service.cards.UpdateItems(request())
    assert await refused(service.cards.UpdateItems(request(occupation="1010100"))) is grpc.StatusCode.ALREADY_EXISTS
    readers.remove("desk")
    readers.insert("desk", ready_card("2.0", copy=1), t0=True)
    assert await refused(service.cards.UpdateItems(request())) is grpc.StatusCode.ALREADY_EXISTS


async def test_what_could_not_be_written_leaves_the_request_open(service_over) -> None:
    readers = InProcessReaders(["desk"])
    readers.insert("desk", ready_card("2.0"), t0=True)
    service = await service_over(readers, NoKeys())
    for _ in range(2):
        answer = await service.cards.UpdateItems(request())
        assert not answer.already_done
        assert {each.reason for each in answer.outcomes} == {"KEY_UNAVAILABLE"}
