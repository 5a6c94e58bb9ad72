"""The hands at the counter: what puts software cards into readers and takes them out."""

import contextlib
import time
from abc import abstractmethod
from typing import Protocol

import grpc

from apdu.transport.inprocess import InProcessReaders
from simulator.cards import Cards
from simulator.rack import NewCard
from sscard.v1 import reader_pb2, simulator_pb2
from sscard.v1.reader_pb2_grpc import ReaderServiceStub
from sscard.v1.simulator_pb2_grpc import SimulatorServiceStub

PATIENCE = 20.0
"""Seconds for a reader to notice a card, and for a call to the simulator."""


class Desk(Protocol):
    """Two readers and any number of cards; a card is named by who holds it, and made when it is put in first."""

    @property
    @abstractmethod
    def readers(self) -> tuple[str, ...]:
        """Names of the readers."""
        ...

    @abstractmethod
    def insert(self, reader: str, card: str, kind: str = "") -> None:
        """Put a card in; ``kind``: what it is made as, the first time."""
        ...

    @abstractmethod
    def remove(self, reader: str) -> None:
        """Take the card out."""
        ...


class DeskInProcess(Desk):
    """Readers in this process."""

    def __init__(self, names: tuple[str, ...] = ("Counter 1", "Counter 2")) -> None:
        self.hardware = InProcessReaders(names)
        """What the service has as its readers."""
        self._names = names
        self._make = Cards()
        self._cards: dict[str, NewCard] = {}

    @property
    def readers(self) -> tuple[str, ...]:
        """See the port."""
        return self._names

    def insert(self, reader: str, card: str, kind: str = "") -> None:
        """See the port."""
        if card not in self._cards:
            self._cards[card] = self._make.kind(kind)
        self.hardware.insert(reader, self._cards[card].chip, t0=True)

    def remove(self, reader: str) -> None:
        """See the port."""
        self.hardware.remove(reader)


class DeskOfSimulator(Desk):
    """Virtual readers of a real PC/SC daemon; `sscard simulate --control` at ``address`` moves the cards.

    What is in the slots at the beginning is taken out. Raises grpc.RpcError where no simulator answers.
    """

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address)
        self._simulator = SimulatorServiceStub(self._channel)
        slots = self._simulator.ListSlots(simulator_pb2.ListSlotsRequest(), timeout=PATIENCE).slots
        self._slots = {slot.reader: slot.number for slot in slots}
        self._made: set[str] = set()
        for slot in slots:
            if slot.HasField("card"):
                self.remove(slot.reader)

    @property
    def readers(self) -> tuple[str, ...]:
        """See the port."""
        return tuple(self._slots)

    def insert(self, reader: str, card: str, kind: str = "") -> None:
        """See the port."""
        request = simulator_pb2.InsertCardRequest(slot=self._slots[reader])
        if card in self._made:
            request.name = card
        else:
            request.new_card.CopyFrom(simulator_pb2.NewCard(name=card, kind=kind))
        self._simulator.InsertCard(request, timeout=PATIENCE)
        self._made.add(card)

    def remove(self, reader: str) -> None:
        """See the port."""
        self._simulator.RemoveCard(simulator_pb2.RemoveCardRequest(slot=self._slots[reader]), timeout=PATIENCE)

    def close(self) -> None:
        """Take the story's cards out of the simulator, and let it go; never raises."""
        with contextlib.suppress(grpc.RpcError):
            slots = self._simulator.ListSlots(simulator_pb2.ListSlotsRequest(), timeout=PATIENCE).slots
            for slot in slots:
                if slot.card.name in self._made:
                    self.remove(slot.reader)
            for name in self._made:
                self._simulator.DiscardCard(simulator_pb2.DiscardCardRequest(name=name), timeout=PATIENCE)
        self._channel.close()


def wait_until(channel: grpc.Channel, reader: str, slot: reader_pb2.SlotState.ValueType) -> None:
    """Return when the service has noticed what is in a reader; raises TimeoutError."""
    stub = ReaderServiceStub(channel)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        readers = stub.ListReaders(reader_pb2.ListReadersRequest(), timeout=PATIENCE).readers
        if any(each.name == reader and each.slot == slot for each in readers):
            return
        time.sleep(0.05)
    raise TimeoutError(f"{reader}: the service does not notice the card")
