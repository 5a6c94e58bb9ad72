"""The whole way: gRPC client, service in a process of its own, real pcscd, software card; and foreign clients."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from simulator.pcscd import VirtualReaders
from simulator.people import READY, ready_card
from sscard.v1.card_pb2 import Authenticity, ReadIdentityRequest, ReadIdentityResponse
from sscard.v1.card_pb2_grpc import CardServiceStub
from sscard.v1.reader_pb2 import ListReadersRequest, Reader, ReaderEvent, SlotState, WatchReadersRequest
from sscard.v1.reader_pb2_grpc import ReaderServiceStub

pytestmark = [pytest.mark.pcsc, pytest.mark.xdist_group("pcscd")]

SSCARD = [sys.executable, "-m", "services.cli"]
Kind = ReaderEvent.Kind


@pytest.fixture(scope="module")
def service(pcscd: VirtualReaders) -> Iterator[tuple[grpc.Channel, "subprocess.Popen[str]"]]:
    settings = {"SSCARD_MODE": "development", "SSCARD_LISTEN": "127.0.0.1:0", "SSCARD_CARD_WAIT": "1"}
    server = subprocess.Popen(
        [*SSCARD, "serve"], env=os.environ | settings, stderr=subprocess.PIPE, text=True, cwd="/", bufsize=1
    )
    try:
        assert server.stderr is not None
        found = next(match for line in server.stderr if (match := re.search(r"serving.*port=(\d+)", line)))
        with grpc.insecure_channel(f"127.0.0.1:{found[1]}") as channel:
            yield channel, server
    finally:
        server.send_signal(signal.SIGTERM)
        _, log = server.communicate(timeout=30)
    assert server.returncode == 0, log
    assert "stopped" in log
    for ready in READY.values():
        assert str(ready.holder["name"]) not in log
        assert str(ready.holder["social_security_number"]) not in log


@pytest.fixture
def channel(service: tuple[grpc.Channel, object]) -> grpc.Channel:
    return service[0]


@pytest.fixture
def slots(pcscd: VirtualReaders) -> Iterator[VirtualReaders]:
    """The virtual readers, emptied afterwards."""
    yield pcscd
    for slot in range(4):
        pcscd.remove(slot)


def eventually(check: Callable[[], Any], *, seconds: float = 10) -> Any:
    end = time.monotonic() + seconds
    while not (result := check()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return result


def reader_of(channel: grpc.Channel, name: str) -> Reader:
    listed = ReaderServiceStub(channel).ListReaders(ListReadersRequest(), timeout=5).readers
    return next(reader for reader in listed if reader.name == name)


def insert(
    channel: grpc.Channel, slots: VirtualReaders, slot: int, chip: Any, state: Any = SlotState.SLOT_STATE_CARD
) -> str:
    eventually(lambda: reader_of(channel, slots.readers[slot]).slot == SlotState.SLOT_STATE_EMPTY)
    slots.insert(slot, chip)
    eventually(lambda: reader_of(channel, slots.readers[slot]).slot == state)
    return slots.readers[slot]


def read(channel: grpc.Channel, reader: str, timeout: float = 10) -> ReadIdentityResponse:
    return CardServiceStub(channel).ReadIdentity(ReadIdentityRequest(reader=reader), timeout=timeout)


def reason(channel: grpc.Channel, reader: str, timeout: float = 10) -> str:
    with pytest.raises(grpc.RpcError) as refusal:
        read(channel, reader, timeout)
    status = rpc_status.from_call(refusal.value)  # type: ignore[arg-type]  # an RpcError of a call is a Call
    info = ErrorInfo()
    assert status is not None, refusal.value
    assert any(detail.Unpack(info) for detail in status.details)
    return info.reason


@pytest.mark.parametrize("version", READY)
def test_an_identity_is_read_over_grpc_through_pcscd(
    channel: grpc.Channel, slots: VirtualReaders, version: str
) -> None:
    card = read(channel, insert(channel, slots, 0, ready_card(version)))
    assert card.card_version == version
    assert card.authenticity == Authenticity.AUTHENTICITY_PROVEN
    assert card.identity.holder.name == READY[version].holder["name"]
    assert not card.warnings


def test_what_is_no_card_or_no_such_card_has_its_own_reason(
    channel: grpc.Channel, slots: VirtualReaders, echo_chip: Any
) -> None:
    class Foreign(echo_chip):  # type: ignore[misc]
        def process(self, command: bytes) -> bytes:
            return b"\x6a\x82"

    assert reason(channel, "No such reader") == "NO_READER"
    assert reason(channel, slots.readers[1]) == "NO_CARD"
    assert reason(channel, insert(channel, slots, 1, echo_chip(""), SlotState.SLOT_STATE_MUTE)) == "CARD_MUTE"
    assert reason(channel, insert(channel, slots, 2, Foreign())) == "FOREIGN_CARD"
    assert read(channel, insert(channel, slots, 0, ready_card("2.0"))).card_version == "2.0"


def test_a_card_pulled_half_way_is_an_error_and_reads_again_when_it_is_back(
    channel: grpc.Channel, slots: VirtualReaders
) -> None:
    card, gone = ready_card("3.0"), threading.Event()

    class Pulled:
        atr, power_on, reset, power_off = card.atr, card.power_on, card.reset, card.power_off

        def process(self, command: bytes) -> bytes:
            if command[1] == 0x88:
                threading.Thread(target=slots.remove, args=(0,)).start()
                gone.wait(10)
            return card.process(command)

    reader = insert(channel, slots, 0, Pulled())
    assert reason(channel, reader) == "CARD_REMOVED"
    gone.set()
    eventually(lambda: reader_of(channel, reader).slot == SlotState.SLOT_STATE_EMPTY)
    assert read(channel, insert(channel, slots, 0, card)).authenticity == Authenticity.AUTHENTICITY_PROVEN


def test_a_card_that_hangs_holds_up_nobody_else(channel: grpc.Channel, slots: VirtualReaders, echo_chip: Any) -> None:
    hanging = echo_chip()
    stuck = insert(channel, slots, 2, hanging)
    reader = insert(channel, slots, 0, ready_card("2.0"))
    hanging.hold()
    try:
        with pytest.raises(grpc.RpcError) as late:
            read(channel, stuck, timeout=0.5)
        assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert read(channel, reader).card_version == "2.0"
        assert reader_of(channel, stuck).in_use
    finally:
        hanging.release()
    eventually(lambda: not reader_of(channel, stuck).in_use)


def test_two_readers_are_read_at_the_same_time(channel: grpc.Channel, slots: VirtualReaders) -> None:
    readers = [insert(channel, slots, slot, ready_card(kind)) for slot, kind in ((0, "2.0"), (1, "3.0"), (2, "1.0"))]
    with ThreadPoolExecutor(6) as pool:
        cards = list(pool.map(lambda reader: read(channel, reader), readers * 4))
    assert [card.card_version for card in cards] == ["2.0", "3.0", "1.0"] * 4


def test_events_tell_of_cards_and_of_a_daemon_that_dies_and_comes_back(
    channel: grpc.Channel, slots: VirtualReaders
) -> None:
    for reader in slots.readers:
        eventually(lambda reader=reader: reader_of(channel, reader).slot == SlotState.SLOT_STATE_EMPTY)
    stream = ReaderServiceStub(channel).WatchReaders(WatchReadersRequest(), timeout=60)
    events = (reply.event for reply in stream)
    initial = []
    for event in events:
        initial.append(event)
        if event.kind == Kind.KIND_INITIAL_COMPLETE:
            break
    assert [event.kind for event in initial].count(Kind.KIND_READER_ADDED) == 4
    assert all(event.initial for event in initial)

    slots.insert(3, ready_card("2.0"))
    inserted = next(events)
    slots.remove(3)
    removed = next(events)
    assert [event.kind for event in (inserted, removed)] == [Kind.KIND_CARD_INSERTED, Kind.KIND_CARD_REMOVED]
    assert inserted.reader.name == slots.readers[3]
    assert removed.sequence == inserted.sequence + 1 == initial[-1].sequence + 2

    slots.stop_daemon(kill=True)
    kinds = [event.kind for event in (next(events) for _ in range(5))]
    assert kinds == [Kind.KIND_READER_REMOVED] * 4 + [Kind.KIND_SERVICE_LOST]
    assert reason(channel, slots.readers[0]) == "NO_SERVICE"
    slots.start_daemon()
    assert next(events).kind == Kind.KIND_SERVICE_BACK
    stream.cancel()
    assert read(channel, insert(channel, slots, 0, ready_card("3.0"))).card_version == "3.0"


def opensc_tool(*arguments: str) -> str:
    done = subprocess.run(["opensc-tool", *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_foreign_client_sees_the_same_card(channel: grpc.Channel, slots: VirtualReaders) -> None:
    reader = insert(channel, slots, 0, ready_card("3.0"))
    ours = read(channel, reader)
    assert opensc_tool("-r", reader, "--atr").strip() == ours.atr.hex(":")

    commands = ("00A404000F7378312E73682EC9E7BBE1B1A3D5CF00", "00B2012D40", "00B201355B")
    spoken = opensc_tool("-r", reader, *(word for command in commands for word in ("-s", command)))
    select, issuer, holder = spoken.split("Sending:")[1:]
    assert "SW1=0x90, SW2=0x00" in select
    assert "9F 0C 03 86 01 03" in select  # SM4, in the FCI
    hexadecimal = "".join(re.findall(r"^((?:[0-9A-F]{2} )+)", issuer, re.MULTILINE)).replace(" ", "")
    assert ours.identity.issuer.card_identifier in hexadecimal
    assert "SW1=0x69, SW2=0x82" in holder  # without RKSSSE nobody reads the holder
