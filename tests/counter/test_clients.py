"""Clients that give up: a deadline in the middle of each stream, a call that is cancelled while it waits for a swap."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from apdu.transport.inprocess import Chip, InProcessReaders
from services.callers.caller import Role
from services.config import LogLevel
from services.pin_entry import MARGIN
from services.store.registry import SqlRegistry
from simulator.blanks import blank_chip
from simulator.card import SoftwareCard
from simulator.pinpad import ObligingHolder, Prompt, SimulatedPad
from sscard.v1 import activation_pb2, card_pb2, issuance_pb2, lease_pb2, pin_pb2, reader_pb2, registry_pb2
from sscard.v1.activation_pb2_grpc import ActivationServiceStub
from sscard.v1.reader_pb2_grpc import ReaderServiceStub
from tests.counter.holders import INITIAL, OF_BANK, OF_CHIP, OF_PHARMACY, Card, Custodian, card_of
from tests.counter.world import LONG, Counter, counter, enter_institutions
from tests.services.leased import Told

READER, OTHER, PAD = "counter", "beside", "pad"
NO_WAIT = Duration()
DEADLINES = (0.5, 2.0, 8.0, 30.0)
"""Seconds after which a client of these tests gives up; the next one where a busy machine was not there yet."""
OWN, NEW = OF_BANK.pins
Prompting = activation_pb2.ActivationPrompt


class Thinking(ObligingHolder):
    """A holder at a pad who types nothing until told."""

    def __init__(self, pin: str, new: str) -> None:
        super().__init__(pin, new)
        self.asked, self.go_on = threading.Event(), threading.Event()

    def keys(self, prompt: Prompt) -> Any:
        self.asked.set()
        assert self.go_on.wait(30), "a test forgot its holder"
        return super().keys(prompt)


@pytest.fixture
def holder() -> Thinking:
    """Who stands at the pad."""
    return Thinking(OWN, NEW)


@pytest.fixture
async def desk(tmp_path: Path, holder: Thinking) -> AsyncIterator[Counter]:
    """A service with two readers, and one that has a pad."""
    readers = InProcessReaders([READER, OTHER])
    readers.add_reader(PAD, pad=SimulatedPad(holder))
    settings = {"database": str(tmp_path / "sscard.db"), "log_level": LogLevel.INFO}
    async with counter(tmp_path, readers, Custodian(), **settings) as running:
        yield running


async def handed_out(desk: Counter, card: Card) -> str:
    """The card in the registry, delivered."""
    holder = card.holder
    person = registry_pb2.Person(social_security_number=holder.number, name=holder.name)
    await desk.supervisor.RegisterPerson(registry_pb2.RegisterPersonRequest(request_id="person", person=person))
    request = registry_pb2.RegisterCardRequest(
        request_id="card",
        card_identifier=card.marks.identifier,
        card_number=card.marks.number,
        social_security_number=holder.number,
    )
    entered = (await desk.supervisor.RegisterCard(request)).card
    delivery = registry_pb2.DeliverCardRequest(
        request_id="delivery", card=registry_pb2.CardReference(id=entered.id), document=holder.shows()
    )
    await desk.teller.DeliverCard(delivery)
    return str(entered.id)


async def state_of(desk: Counter, card_id: str) -> int:
    request = registry_pb2.GetCardRequest(card=registry_pb2.CardReference(id=card_id))
    return int((await desk.supervisor.GetCard(request)).card.state)


async def is_free(desk: Counter, reader: str) -> None:
    """The card can be had by somebody else, without waiting."""
    acquire = lease_pb2.AcquireCardRequest(reader=reader, wait=NO_WAIT)
    state = (await desk.supervisor.AcquireCard(acquire)).state
    await desk.supervisor.ReleaseCard(lease_pb2.ReleaseCardRequest(lease=state.lease))


async def freed(desk: Counter, reader: str) -> None:
    """The same, once the command is over that the card was busy with."""
    acquire = lease_pb2.AcquireCardRequest(reader=reader)
    state = (await desk.supervisor.AcquireCard(acquire)).state
    await desk.supervisor.ReleaseCard(lease_pb2.ReleaseCardRequest(lease=state.lease))


async def late(
    call: Callable[..., Awaitable[Any]], request: Any, reached: threading.Event, *, least: float = DEADLINES[0]
) -> None:
    """A call whose deadline passes, behind the moment that is ``reached``; it has ``least`` seconds."""
    for seconds in (least, *DEADLINES[1:]):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call(request, seconds=seconds)
        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        if reached.is_set():
            return
    pytest.fail("it was never in the middle")


def insert(desk: Counter, card: Chip, reader: str = READER) -> Told:
    chip = Told(card)
    desk.readers.insert(reader, chip, t0=True)
    return chip


@pytest.mark.parametrize("behind", [0, 3, 6, 9], ids="after {} commands".format)
@pytest.mark.parametrize("way", ["ActivateAtBank", "ActivateAtHospital", "ActivateAtPharmacy"])
async def test_an_activation_whose_deadline_passes_is_sent_again(desk: Counter, way: str, behind: int) -> None:
    holder = OF_PHARMACY if way == "ActivateAtPharmacy" else OF_BANK
    card = card_of(holder, 707)
    card_id = await handed_out(desk, card)
    chip = insert(desk, card.chip)
    told = {"reader": READER, "request_id": "activation", "new_pin": NEW}
    role, more = {
        "ActivateAtBank": (Role.TELLER, {"document": holder.shows()}),
        "ActivateAtHospital": (Role.HOSPITAL, {"registration": activation_pb2.REGISTRATION_OUTPATIENT}),
        "ActivateAtPharmacy": (Role.PHARMACY, {"medical_card_reader": OTHER}),
    }[way]
    if way == "ActivateAtPharmacy":
        insert(desk, card_of(holder, 808, version="1.0").chip, OTHER)
    request = getattr(activation_pb2, f"{way}Request")(**(told | more))
    call = getattr(getattr(desk, role.value), way)
    chip.hold(behind=behind)
    await late(call, request, chip.waits)
    chip.go_on()
    await freed(desk, READER)
    outcome = (await call(request)).outcome
    assert outcome.activated
    assert await state_of(desk, card_id) == registry_pb2.CARD_STATE_ACTIVATED
    desk.readers.remove(READER)
    assert card.tries() == 6
    assert card.has_pin(NEW)


async def test_making_a_card_whose_deadline_passes_goes_on_when_it_is_sent_again(desk: Counter) -> None:
    chip = insert(desk, SoftwareCard(blank_chip("t514", 9)))
    person = {
        "social_security_number": OF_CHIP.number,
        "name": OF_CHIP.name,
        "sex": "2",
        "birth_date": "1985-03-12",
        "card_number": "T00000028",
        "issue_date": "2026-01-01",
        "expiry_date": "2036-01-01",
        "pin": INITIAL,
    }
    order = issuance_pb2.CardOrder(template="template-2.0", person=person)
    request = issuance_pb2.PersonaliseCardRequest(reader=READER, request_id="made", order=order)
    chip.hold(behind=25)
    await late(desk.issuer.PersonaliseCard, request, chip.waits)
    chip.go_on()
    await freed(desk, READER)
    issued = (await desk.issuer.PersonaliseCard(request)).issued
    assert issued.certificate.number
    assert (await desk.issuer.PersonaliseCard(request)).issued.certificate == issued.certificate


@pytest.mark.parametrize("method", ["VerifyPinAtPad", "ChangePinAtPad"])
async def test_a_pad_at_which_nobody_types_in_time_keeps_no_card(desk: Counter, holder: Thinking, method: str) -> None:
    card = card_of(OF_BANK, 909, pin=OWN)
    insert(desk, card.chip, PAD)
    request = getattr(pin_pb2, f"{method}Request")(reader=PAD)
    if method == "ChangePinAtPad":
        request.request_id = "at-the-pad"
    call = getattr(desk.teller, method)
    await late(call, request, holder.asked, least=MARGIN + 1.5)
    holder.go_on.set()
    await freed(desk, PAD)
    result = (await call(request)).result
    assert result.result == pin_pb2.PIN_RESULT_OK
    desk.readers.remove(PAD)
    assert card.tries() == 6
    assert card.has_pin(NEW if method == "ChangePinAtPad" else OWN)


async def test_a_photo_whose_deadline_passes_is_read_again(desk: Counter) -> None:
    chip = insert(desk, card_of(OF_BANK, 111).chip)
    request = card_pb2.ReadPhotoRequest(reader=READER)
    chip.hold(behind=2)
    await late(desk.teller.ReadPhoto, request, chip.waits)
    chip.go_on()
    await freed(desk, READER)
    assert (await desk.teller.ReadPhoto(request)).media_type


async def test_reminders_whose_deadline_passes_are_listed_again(desk: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    card_id = await handed_out(desk, card_of(OF_BANK, 222))
    await enter_institutions(desk)
    asked, go_on, reminders = threading.Event(), threading.Event(), SqlRegistry.reminders

    def slow(self: SqlRegistry, **which: Any) -> Iterator[Any]:
        asked.set()
        assert go_on.wait(30)
        yield from reminders(self, **which)

    monkeypatch.setattr(SqlRegistry, "reminders", slow)
    request = activation_pb2.ListActivationRemindersRequest(days=366)
    await late(desk.supervisor.ListActivationReminders, request, asked)
    go_on.set()
    assert (await desk.supervisor.ListActivationReminders(request)).card.id == card_id


async def test_a_watcher_whose_deadline_passes_goes_on_where_it_was(desk: Counter) -> None:
    seen: list[reader_pb2.WatchReadersResponse] = []
    events = ReaderServiceStub(desk.channels[Role.TELLER])

    async def watch() -> None:
        async for answer in events.WatchReaders(reader_pb2.WatchReadersRequest(), timeout=DEADLINES[1]):
            seen.append(answer)  # noqa: PERF401  it ends with an exception

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await watch()
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    last = seen[-1]
    insert(desk, card_of(OF_BANK, 333).chip)
    request = reader_pb2.WatchReadersRequest(instance=last.instance, after_sequence=last.event.sequence)
    event = (await events.WatchReaders(request, timeout=LONG).read()).event
    assert event.kind == reader_pb2.ReaderEvent.KIND_CARD_INSERTED
    assert event.sequence == last.event.sequence + 1


@pytest.mark.parametrize("readers", [1, 2])
async def test_a_pharmacy_that_leaves_while_it_waits_for_the_swap_keeps_no_reader(desk: Counter, readers: int) -> None:
    card, original = card_of(OF_PHARMACY, 707), card_of(OF_PHARMACY, 808, version="1.0")
    card_id = await handed_out(desk, card)
    # One that the registry has need not be shown again.
    medical = registry_pb2.RegisterMedicalCardRequest(
        request_id="medical", social_security_number=OF_PHARMACY.number, number=original.marks.number
    )
    await desk.supervisor.RegisterMedicalCard(medical)
    insert(desk, original.chip)
    new = READER if readers == 1 else OTHER
    request = activation_pb2.ActivateAtPharmacyRequest(
        request_id="pharmacy", medical_card_reader=READER, reader=new, swap_seconds=60, new_pin=NEW
    )
    stub = ActivationServiceStub(desk.channels[Role.PHARMACY])
    call = stub.ActivateAtPharmacy(request, timeout=LONG)
    wanted = Prompting.ACTION_SWAP_CARDS if readers == 1 else Prompting.ACTION_INSERT_CARD
    while (await call.read()).prompt.action != wanted:
        pass  # the service may not have noticed the original card at first
    call.cancel()
    await is_free(desk, READER)  # the original card is there still
    desk.readers.remove(READER)
    insert(desk, card_of(OF_BANK, 444).chip, new)
    await is_free(desk, new)
    desk.readers.remove(new)

    # Nobody waits any more: a card that is inserted now is left alone.
    insert(desk, card.chip, new)
    await asyncio.sleep(0.1)
    assert await state_of(desk, card_id) == registry_pb2.CARD_STATE_DELIVERED
    outcome = (await desk.pharmacy.ActivateAtPharmacy(request)).outcome
    assert outcome.activated
    assert await state_of(desk, card_id) == registry_pb2.CARD_STATE_ACTIVATED
    desk.readers.remove(new)
    assert card.tries() == 6
    assert card.has_pin(NEW)
