"""The service is killed (SIGKILL) at every entry of its journal: the request sent again does what was asked, once.

Each process dies with many calls half-way, every one stopped at an entry of its own; the cards are in readers of a real
pcscd, in this process, and outlive it.
"""

import itertools
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from apdu.transport.inprocess import Chip
from services.audit.verify import Examination, examine
from services.callers.caller import Role
from services.store.audit import SqlAuditChain
from services.store.engine import open_engine
from simulator.blanks import blank_chip
from simulator.card import SoftwareCard
from simulator.pcscd import VirtualReaders
from sscard.v1 import activation_pb2, issuance_pb2, pin_pb2, registry_pb2
from tests.counter.holders import INITIAL, OF_BANK, OF_CHIP, OF_PHARMACY, TRIES, Card, card_of
from tests.counter.processes import Machine, Service, eventually, machine

pytestmark = [pytest.mark.pcsc, pytest.mark.xdist_group("pcscd")]

SLOTS = 12
OWN, NEW = OF_BANK.pins
WRONG = "604182635840"
SERIALS = itertools.count(1000)
PIN_COMMANDS = {0x20, 0x5E}
LONGEST_QUERY = 5


class Watched(Chip):
    """A card that counts the PINs it has refused."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self.refused = 0

    def power_on(self) -> bytes:
        return self._chip.power_on()

    def reset(self) -> bytes:
        return self._chip.reset()

    def power_off(self) -> None:
        self._chip.power_off()

    def process(self, command: bytes) -> bytes:
        answer = self._chip.process(command)
        self.refused += command[1] in PIN_COMMANDS and len(command) > LONGEST_QUERY and answer[:1] == b"\x63"
        return answer


@dataclass
class Flow:
    """One call that changes something, where its service dies in the middle, and what is true in the end.

    ``entry``: the number of the entry in the journal, 0 for none; ``late``: once it is on the disk, rather than before.
    """

    role: Role
    request: Any
    cards: list[Card]
    pin: str
    card_id: str = ""
    entry: int = 0
    late: bool = False
    slots: list[int] = field(default_factory=list)

    @property
    def card(self) -> Card:
        return self.cards[-1]

    @property
    def name(self) -> str:
        return type(self.request).__name__.removesuffix("Request")

    def put_in(self, machine: Machine, free: Iterator[int]) -> None:
        """The cards into readers, which the request names then."""
        self.slots = [next(free) for _ in self.cards] if "reader" in self.request.DESCRIPTOR.fields_by_name else []
        for slot, card in zip(self.slots, self.cards, strict=False):
            machine.slots.insert(slot, card.chip)
        names = [machine.slots.readers[slot] for slot in self.slots]
        if names:
            self.request.reader = names[-1]
        if len(names) > 1:
            self.request.medical_card_reader = names[0]

    def take_out(self, machine: Machine) -> None:
        for slot in self.slots:
            machine.slots.remove(slot)


class Cast:
    """Makes flows with cards of their own, entered and handed out as they need it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        for holder in (OF_BANK, OF_PHARMACY):
            person = registry_pb2.Person(social_security_number=holder.number, name=holder.name)
            request = registry_pb2.RegisterPersonRequest(request_id=f"person-{holder.number[-4:]}", person=person)
            service.call(Role.SUPERVISOR, request)

    def card(self, pin: str = INITIAL, holder: Any = OF_BANK, version: str = "2.0") -> Card:
        card = card_of(holder, next(SERIALS), version=version, pin=pin, keys="")
        card.chip = Watched(card.chip)
        return card

    def registered(self, card: Card, *, delivered: bool = True) -> str:
        request = registry_pb2.RegisterCardRequest(
            request_id=f"card-{card.marks.number}",
            card_identifier=card.marks.identifier,
            card_number=card.marks.number,
            social_security_number=card.holder.number,
        )
        card_id = str(self.service.call(Role.SUPERVISOR, request).card.id)
        if delivered:
            self.service.call(Role.TELLER, self._delivery(card, card_id, f"delivered-{card_id}"))
        return card_id

    @staticmethod
    def _delivery(card: Card, card_id: str, name: str) -> registry_pb2.DeliverCardRequest:
        reference = registry_pb2.CardReference(id=card_id)
        return registry_pb2.DeliverCardRequest(request_id=name, card=reference, document=card.holder.shows())

    def change_pin(self, name: str) -> Flow:
        request = pin_pb2.ChangePinRequest(request_id=name, old_pin=OWN, new_pin=NEW)
        return Flow(Role.TELLER, request, [self.card(OWN)], NEW)

    def reset_pin(self, name: str) -> Flow:
        return Flow(Role.SUPERVISOR, pin_pb2.ResetPinRequest(request_id=name, new_pin=NEW), [self.card(OWN)], NEW)

    def unblock_pin(self, name: str) -> Flow:
        card = self.card(OWN)
        for _ in range(TRIES):
            assert not card.has_pin(WRONG)
        card.chip.refused = 0
        return Flow(Role.SUPERVISOR, pin_pb2.UnblockPinRequest(request_id=name), [card], OWN)

    def deliver(self, name: str) -> Flow:
        card = self.card()
        card_id = self.registered(card, delivered=False)
        return Flow(Role.TELLER, self._delivery(card, card_id, name), [card], INITIAL, card_id)

    def at_bank(self, name: str) -> Flow:
        card = self.card()
        request = activation_pb2.ActivateAtBankRequest(request_id=name, document=OF_BANK.shows(), new_pin=NEW)
        return Flow(Role.TELLER, request, [card], NEW, self.registered(card))

    def at_hospital(self, name: str) -> Flow:
        card = self.card()
        outpatient = activation_pb2.REGISTRATION_OUTPATIENT
        request = activation_pb2.ActivateAtHospitalRequest(request_id=name, registration=outpatient, new_pin=NEW)
        return Flow(Role.HOSPITAL, request, [card], NEW, self.registered(card))

    def at_pharmacy(self, name: str) -> Flow:
        card, original = self.card(holder=OF_PHARMACY), self.card(holder=OF_PHARMACY, version="1.0")
        request = activation_pb2.ActivateAtPharmacyRequest(request_id=name, new_pin=NEW, swap_seconds=60)
        return Flow(Role.PHARMACY, request, [original, card], NEW, self.registered(card))

    def personalise(self, name: str) -> Flow:
        person = {
            "social_security_number": OF_CHIP.number,
            "name": OF_CHIP.name,
            "sex": "2",
            "birth_date": "1985-03-12",
            "card_number": "T00000028",
            "issue_date": "2026-01-01",
            "expiry_date": "2036-01-01",
            "pin": OWN,
        }
        order = issuance_pb2.CardOrder(template="template-2.0", person=person)
        request = issuance_pb2.PersonaliseCardRequest(request_id=name, order=order)
        marks = self.card().marks
        return Flow(Role.ISSUER, request, [Card(SoftwareCard(blank_chip("t514", 7)), marks, OF_CHIP)], OWN)


FLOWS: tuple[Callable[[Cast, str], Flow], ...] = (
    Cast.change_pin,
    Cast.reset_pin,
    Cast.unblock_pin,
    Cast.deliver,
    Cast.at_bank,
    Cast.at_hospital,
    Cast.at_pharmacy,
)


@pytest.fixture
def counter(pcscd: VirtualReaders, tmp_path: Path) -> Iterator[Machine]:
    # Where namespaces are not permitted, a machine has room for one daemon.
    pcscd.stop_daemon()
    try:
        with VirtualReaders(SLOTS, name="Counter") as slots, machine(tmp_path, slots) as made:
            yield made
    finally:
        pcscd.start_daemon()


def rounds(flows: list[Flow]) -> Iterator[list[Flow]]:
    """As many at once as there are readers for."""
    while flows:
        room, now = SLOTS, []
        for flow in list(flows):
            if (needs := len(flow.cards)) <= room:
                room -= needs
                now.append(flow)
                flows.remove(flow)
        yield now


def put_in(machine: Machine, flows: list[Flow]) -> None:
    free = iter(range(SLOTS))
    for flow in flows:
        flow.put_in(machine, free)
    machine.slots.wait_noticed(30)


def steps_of(machine: Machine, name: str) -> list[str]:
    """What the journal has of a request, from its beginning."""
    with sqlite3.connect(machine.folder / "sscard.db") as database:
        found = database.execute("SELECT step FROM operation_step WHERE request_id = ? ORDER BY sequence", (name,))
        return ["begun", *(step.partition(" ")[0] for (step,) in found)]


def check(service: Service, flow: Flow, machine: Machine) -> None:
    """The same request again, then what card and registry say."""
    answer = service.call(flow.role, flow.request)
    again = service.call(flow.role, flow.request)
    if flow.name.startswith("Activate"):
        assert answer.outcome.activated
        assert answer.outcome.activation == again.outcome.activation
        assert answer.outcome.activation.pin_changed
    elif flow.name == "PersonaliseCard":
        assert again.issued.already_issued
        assert again.issued.certificate == answer.issued.certificate
    elif flow.name != "DeliverCard":
        assert again.already_done
    flow.take_out(machine)
    if flow.card_id:
        reference = registry_pb2.CardReference(id=flow.card_id)
        state = service.call(Role.SUPERVISOR, registry_pb2.GetCardRequest(card=reference)).card.state
        delivered = flow.name == "DeliverCard"
        assert state == (registry_pb2.CARD_STATE_DELIVERED if delivered else registry_pb2.CARD_STATE_ACTIVATED)
    if isinstance(flow.card.chip, Watched):
        assert flow.card.chip.refused <= 1
        assert flow.card.tries() == TRIES
    assert flow.card.has_pin(flow.pin)


def events_of(machine: Machine, card_id: str) -> list[str]:
    with sqlite3.connect(machine.folder / "sscard.db") as database:
        found = database.execute("SELECT event FROM card_event WHERE card_id = ? ORDER BY sequence", (card_id,))
        return [event for (event,) in found]


def examined(machine: Machine) -> Examination:
    """The audit's chain, of all the processes."""
    engine = open_engine(str(machine.folder / "sscard.db"))
    try:
        return examine(SqlAuditChain(engine))
    finally:
        engine.dispose()


def test_the_service_is_killed_at_every_entry_of_its_journal(
    counter: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    points: list[Flow] = []
    with counter.service() as service:
        cast = Cast(service)
        whole = [make(cast, f"whole-{make.__name__.replace('_', '-')}") for make in FLOWS]
        put_in(counter, whole)
        counter.wait_noticed(service)
        for make, flow in zip(FLOWS, whole, strict=True):
            check(service, flow, counter)
            entries = len(steps_of(counter, flow.request.request_id))
            # Before the first entry nothing is anywhere.
            for entry, late in itertools.product(range(1, entries + 1), (False, True)):
                if entry > 1 or late:
                    point = make(cast, f"{flow.request.request_id}-{entry}-{'late' if late else 'early'}")
                    point.entry, point.late = entry, late
                    points.append(point)
        counter.wait_noticed(service)  # the readers are empty
        points.insert(0, cast.personalise("personalise"))
        points[0].entry, points[0].late = 5, True
    total, kills = len(points), 0
    for flows in rounds(points):
        put_in(counter, flows)
        with counter.service() as service:
            for flow in flows:
                point = counter.points / flow.request.request_id
                point.write_text(f"{flow.entry} {'late' if flow.late else 'early'}")
            calls = [service.begin(flow.role, flow.request) for flow in flows]
            reached = [counter.points / f"{flow.request.request_id}.reached" for flow in flows]
            eventually(lambda reached=reached: all(path.exists() for path in reached))
            service.kill()
            kills += 1
            for call in calls:
                with pytest.raises(grpc.RpcError):
                    call()
        for path in counter.points.iterdir():
            path.unlink()
        with counter.service() as service:
            for flow in flows:
                check(service, flow, counter)
                if flow.card_id:
                    wanted = ["deliver"] if flow.name == "DeliverCard" else ["deliver", "activate"]
                    assert events_of(counter, flow.card_id) == wanted
            counter.wait_noticed(service)  # the readers are empty
    audit = examined(counter)
    assert audit.entries > 3 * total
    assert not audit.faults
    with capsys.disabled():
        name = os.environ["PYTEST_CURRENT_TEST"].partition("::")[2].removesuffix(" (call)")
        print(f"\n{name}: {total} points, {kills} processes killed")  # noqa: T201  the number is asked for
    assert total > 35
