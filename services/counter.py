"""The services of the counter (柜面服务) as the configuration wants them: PINs, registry, activation."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from cardlib.custody import KeyCustodian
from cardlib.flows.pin import CardMark
from cardlib.flows.present_card import MemoryNumbers
from cardlib.flows.read_number import NumberLayout
from cardlib.regional import RegionalProfiles
from services.activation.deadlines import DailyDeadlines
from services.activation.service import ActivationService
from services.config import Config
from services.issuance.opening import StoreOfService, keeps_registry
from services.operations.journal import OperationJournal
from services.pin_entry import PadDigits
from services.pin_guard import PinGuard
from services.pin_pad_calls import PadPinService
from services.readers import ReaderHub
from services.registry.errors import CardNotRegisteredError
from services.registry.journalled import Books
from services.registry.lifecycle import CardState
from services.registry.model import RegisteredCard
from services.registry.service import RegistryService
from services.updating import Updates
from sscard.v1 import activation_pb2, activation_pb2_grpc, pin_pb2, pin_pb2_grpc, registry_pb2, registry_pb2_grpc

COUNTER_SERVICES: Final[tuple[ServiceDescriptor, ...]] = (
    pin_pb2.DESCRIPTOR.services_by_name["PinService"],
    registry_pb2.DESCRIPTOR.services_by_name["RegistryService"],
    activation_pb2.DESCRIPTOR.services_by_name["ActivationService"],
)


REMEMBERED: Final = 4096
"""Cards whose ids of the registry are remembered."""


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


class Counter:
    """What these services share: the store's registry and journal, the guard of PINs, the clock ``now``."""

    def __init__(self, config: Config, store: StoreOfService, *, now: Callable[[], datetime] = utc_now) -> None:
        self._config = config
        self._store = store
        self._now = now
        # An id is a card's for good; that there is none is no answer to keep.
        self._id_of = lru_cache(REMEMBERED)(lambda identifier: store.registry().card_by_identifier(identifier).id)
        self.guard = PinGuard(self._state_of, config.initial_pins)
        """Asked before any PIN goes to a card: for the hub."""

    def add_services(
        self, server: grpc.aio.Server, hub: ReaderHub, custodian: KeyCustodian, regional: RegionalProfiles
    ) -> None:
        """Have them served."""
        deadline = self._config.call_deadline
        digits = PadDigits.configured(self._config.pad_pin_digits)
        pins = PadPinService(
            hub,
            custodian,
            call_deadline=deadline,
            operations=self._operations,
            guard=self.guard,
            card_digest=self._card_digest,
            named=self.card_name,
            station=self._config.station_or_default,
            regional=regional,
            pad_digits=digits,
            pad_deadline=self._config.pad_deadline,
        )
        pin_pb2_grpc.add_PinServiceServicer_to_server(pins, server)
        registry = RegistryService(hub, self._books, call_deadline=deadline, now=self._now)
        registry_pb2_grpc.add_RegistryServiceServicer_to_server(registry, server)
        activation = ActivationService(
            hub,
            custodian,
            books=self._books,
            guard=self.guard,
            initial_pin=self._config.initial_pins[0],
            memory=_memory_numbers(self._config),
            now=self._now,
            call_deadline=deadline,
            pad_digits=digits,
            pad_deadline=self._config.pad_deadline,
        )
        activation_pb2_grpc.add_ActivationServiceServicer_to_server(activation, server)

    def card_name(self, card: CardMark) -> str:
        """What a card is called on record: :data:`~services.audit.names.CardNames`."""
        if not self._config.keeps_audit:
            return ""
        if keeps_registry(self._config):
            with contextlib.suppress(CardNotRegisteredError):
                return self._id_of(card.card_identifier.upper())
        return self._card_digest(card.card_identifier.encode() or card.historical_bytes)

    def updates(self) -> Updates:
        """The journal of UpdateItems."""
        return Updates(self._operations, self._digest, self._config.station_or_default)

    def daily(self) -> DailyDeadlines:
        """What applies the half-year rule every day."""
        return DailyDeadlines(self._books, now=self._now)

    def _books(self) -> Books:
        store = self._store()
        return Books(
            self._store.registry(), store.operations, store.digests.of_request, self._config.station_or_default
        )

    def _operations(self) -> OperationJournal:
        return self._store().operations

    def _digest(self, told: bytes) -> bytes:
        return self._store().digests.of_request(told)

    def _card_digest(self, told: bytes) -> str:
        return self._digest(told).hex()

    def _state_of(self, card: CardMark) -> CardState | None:
        known = self._registered(card)
        return None if known is None else known.state

    def _registered(self, card: CardMark) -> RegisteredCard | None:
        if not keeps_registry(self._config):
            return None
        try:
            return self._store.registry().card_by_identifier(card.card_identifier.upper())
        except CardNotRegisteredError:
            return None


def _memory_numbers(config: Config) -> MemoryNumbers | None:
    if config.medical_card_offset is None:
        return None
    layout = NumberLayout(config.medical_card_offset, config.medical_card_length, config.medical_card_encoding)
    return MemoryNumbers(layout, config.medical_card_type)
