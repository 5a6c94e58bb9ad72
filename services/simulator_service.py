"""SimulatorService: cards of a simulator put in, taken out, exchanged and made to fail; and the server for it."""

import asyncio
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, TypeVar

import grpc
from grpc_reflection.v1alpha import reflection

from apdu.errors import NoCardError
from services import errors
from services.addresses import require_free
from services.callers.recognition import everybody_is_local
from services.config import ConfigError, address_of, is_loopback
from services.errors import InvalidRequestError
from services.interceptors import CallInterceptor, Checks
from services.server import check_access
from simulator import rack as racks
from simulator.fault_scripts import FaultScriptError, loads
from simulator.faults import Fault
from simulator.rack import CardSource, CardSourceError, NewCard, Rack, RackCard, SlotState
from sscard.v1 import simulator_pb2, simulator_pb2_grpc

MAX_TEXT: Final = 64 * 1024
"""Characters of a fault script, of the description of a card, or of a path."""

PATIENCE: Final = 20.0
"""Seconds that the server may take to start or to stop."""

SERVICE: Final = simulator_pb2.DESCRIPTOR.services_by_name["SimulatorService"]

Context = grpc.aio.ServicerContext[Any, Any]
T = TypeVar("T")

_REFUSALS: Final[Mapping[type[racks.RackError], Callable[[str], Exception]]] = {
    racks.NoSlotError: errors.SlotUnknownError,
    racks.SlotEmptyError: NoCardError,
    racks.SlotTakenError: errors.SlotTakenError,
    racks.NoSuchCardError: errors.CardUnknownError,
    racks.CardInSlotError: errors.CardInSlotError,
    racks.NameTakenError: errors.CardNameTakenError,
}


class SimulatorService(simulator_pb2_grpc.SimulatorServiceServicer):
    """Answers from a rack of cards.

    ``sources``: what makes new cards, by the name of the field of NewCard's ``source`` that it takes.
    """

    def __init__(self, rack: Rack, sources: Mapping[str, CardSource]) -> None:
        self._rack = rack
        self._sources = sources

    async def ListSlots(  # noqa: N802  the stub's name
        self,
        request: simulator_pb2.ListSlotsRequest,  # noqa: ARG002
        context: Context,  # noqa: ARG002
    ) -> simulator_pb2.ListSlotsResponse:
        """The slots and the drawer as they are now."""
        slots, drawer = await _carried_out(lambda: (self._rack.slots(), self._rack.drawer()))
        return simulator_pb2.ListSlotsResponse(slots=map(_slot, slots), drawer=map(_card, drawer))

    async def InsertCard(  # noqa: N802
        self,
        request: simulator_pb2.InsertCardRequest,
        context: Context,  # noqa: ARG002
    ) -> simulator_pb2.InsertCardResponse:
        """A card in an empty slot."""
        slot = await _carried_out(
            lambda: self._rack.insert(request.slot, self._wanted(request, self._rack.require_free))
        )
        return simulator_pb2.InsertCardResponse(slot=_slot(slot))

    async def RemoveCard(  # noqa: N802
        self,
        request: simulator_pb2.RemoveCardRequest,
        context: Context,  # noqa: ARG002
    ) -> simulator_pb2.RemoveCardResponse:
        """A card out of its slot."""
        card = await _carried_out(lambda: self._rack.remove(request.slot))
        return simulator_pb2.RemoveCardResponse(card=_card(card))

    async def SwapCard(  # noqa: N802
        self,
        request: simulator_pb2.SwapCardRequest,
        context: Context,  # noqa: ARG002
    ) -> simulator_pb2.SwapCardResponse:
        """A card for another."""
        removed, slot = await _carried_out(
            lambda: self._rack.swap(request.slot, self._wanted(request, self._rack.require_taken))
        )
        return simulator_pb2.SwapCardResponse(removed=_card(removed), slot=_slot(slot))

    async def DiscardCard(  # noqa: N802
        self,
        request: simulator_pb2.DiscardCardRequest,
        context: Context,  # noqa: ARG002
    ) -> simulator_pb2.DiscardCardResponse:
        """A card out of the simulator."""
        card = await _carried_out(lambda: self._rack.discard(request.name))
        return simulator_pb2.DiscardCardResponse(card=_card(card))

    async def LoadFaults(  # noqa: N802
        self,
        request: simulator_pb2.LoadFaultsRequest,
        context: Context,  # noqa: ARG002
    ) -> simulator_pb2.LoadFaultsResponse:
        """Faults, once the whole script is right."""
        cards = await _carried_out(lambda: self._load(request.slot or None, _text("script", request.script)))
        return simulator_pb2.LoadFaultsResponse(cards=map(_card, cards))

    async def ClearFaults(  # noqa: N802
        self,
        request: simulator_pb2.ClearFaultsRequest,
        context: Context,  # noqa: ARG002
    ) -> simulator_pb2.ClearFaultsResponse:
        """No faults any more."""
        cards = await _carried_out(lambda: self._rack.clear_faults(request.slot or None))
        return simulator_pb2.ClearFaultsResponse(cards=map(_card, cards))

    async def GetReport(  # noqa: N802
        self,
        request: simulator_pb2.GetReportRequest,
        context: Context,  # noqa: ARG002
    ) -> simulator_pb2.GetReportResponse:
        """What a card has done."""
        card, report = await _carried_out(lambda: self._rack.report(request.name))
        return simulator_pb2.GetReportResponse(
            card=_card(card),
            seconds=report.seconds,
            reset_seconds=report.reset_seconds,
            wire_seconds=report.wire_seconds,
            eeprom_seconds=report.eeprom_seconds,
            crypto_seconds=report.crypto_seconds,
            waiting_seconds=report.waiting_seconds,
            resets=report.resets,
            apdus=report.apdus,
            tpdus=report.tpdus,
            bytes_sent=report.sent,
            bytes_received=report.received,
        )

    def _load(self, slot: int | None, script: str) -> tuple[RackCard, ...]:
        present = {state.card.number for state in self._rack.slots() if state.card is not None}

        def misplaced(fault: Fault) -> Iterable[str]:
            if fault.card is not None and slot is not None:
                yield f"card: the script is for the card in slot {slot} alone"
            elif fault.card is not None and fault.card not in present:
                yield f"card: card {fault.card} is in no slot"

        try:
            faults = loads(script, misplaced)
        except FaultScriptError as error:
            raise errors.FaultScriptRefusedError("script", error.mistakes) from None
        return self._rack.load_faults(faults, slot)

    def _wanted(
        self,
        request: simulator_pb2.InsertCardRequest | simulator_pb2.SwapCardRequest,
        require: Callable[[int, str], None],
    ) -> str | NewCard:
        """The card that a request means.

        ``require`` is asked before a card is made: one that has no place would have cost a serial number, a seed and a
        card file.
        """
        if request.WhichOneof("card") == "name":
            return request.name
        source = request.new_card.WhichOneof("source")
        if source is None:
            raise InvalidRequestError("card", "is required: the name of a card, or of what to make a new one")
        name = request.new_card.name
        if not re.fullmatch("[0-9A-Za-z._-]{0,64}", name):
            raise InvalidRequestError("new_card.name", "takes up to 64 letters, digits, dots, hyphens and underscores")
        field = f"new_card.{source}"
        make = self._sources.get(source)
        if make is None:
            raise InvalidRequestError(field, f"is nothing that this simulator makes cards of; {_or(self._sources)} is")
        text = _text(field, getattr(request.new_card, source))
        require(request.slot, name)
        try:
            made = make(text)
        except CardSourceError as error:
            raise errors.CardNotMadeError(field, error.mistakes) from None
        return replace(made, name=name or made.name)


async def _carried_out(work: Callable[[], T]) -> T:
    """What comes of ``work``, which may take a while, in another thread."""
    try:
        return await asyncio.to_thread(work)
    except racks.RackError as error:
        raise _REFUSALS[type(error)](str(error)) from None


def _or(names: Mapping[str, object]) -> str:
    return " or ".join(names) or "nothing"


def _text(field: str, text: str) -> str:
    if len(text) > MAX_TEXT:
        raise InvalidRequestError(field, f"is longer than {MAX_TEXT} characters")
    return text


def _card(card: RackCard) -> simulator_pb2.SimulatedCard:
    return simulator_pb2.SimulatedCard(name=card.name, number=card.number, label=card.label, faults=card.faults)


def _slot(slot: SlotState) -> simulator_pb2.SimulatedSlot:
    return simulator_pb2.SimulatedSlot(
        number=slot.number, reader=slot.reader, card=_card(slot.card) if slot.card is not None else None
    )


class ControlAddressError(Exception):
    """The simulator cannot be controlled at this address; the message says why, in a sentence."""


def check_address(address: str) -> None:
    """Raise :class:`ControlAddressError` for an address that is not one of this machine alone."""
    try:
        host, _ = address_of(address)
    except ValueError as error:
        raise ControlAddressError(str(error)) from None
    if not is_loopback(host):
        raise ControlAddressError(
            f"{address} can be reached from other machines: a simulator is controlled from its own alone, at "
            "127.0.0.1:PORT, [::1]:PORT or localhost:PORT"
        )


@contextmanager
def control(rack: Rack, sources: Mapping[str, CardSource], address: str) -> Iterator[str]:
    """Serve SimulatorService at a loopback address, in a thread of its own; the value is the address, with its port.

    Port 0 is any free one. Raises :class:`ControlAddressError`.
    """
    check_address(address)
    check_access([SERVICE])
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulator control", daemon=True)
    thread.start()
    try:
        server, port = asyncio.run_coroutine_threadsafe(_start(rack, sources, address), loop).result(PATIENCE)
        try:
            yield f"{address.rpartition(':')[0]}:{port}"
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(0.2), loop).result(PATIENCE)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


async def _start(rack: Rack, sources: Mapping[str, CardSource], address: str) -> tuple[grpc.aio.Server, int]:
    local = CallInterceptor(Checks(everybody_is_local))
    server = grpc.aio.server(interceptors=(local,), options=(("grpc.so_reuseport", 0),))
    simulator_pb2_grpc.add_SimulatorServiceServicer_to_server(SimulatorService(rack, sources), server)
    reflection.enable_server_reflection((SERVICE.full_name, reflection.SERVICE_NAME), server)
    try:
        require_free(address)
        port = server.add_insecure_port(address)
    except (ConfigError, RuntimeError):
        raise ControlAddressError(f"cannot listen at {address}: is it in use?") from None
    await server.start()
    return server, port
