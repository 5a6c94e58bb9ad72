"""Many at the counters of one service, through a real pcscd: nobody waits longer than the rules of leases say.

The cards are in this process, so that a test sees what reaches them and can have one take its time.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from simulator.pcscd import VirtualReaders
from sscard.v1.card_pb2 import ReadFilesRequest, ReadIdentityRequest
from sscard.v1.card_pb2_grpc import CardServiceStub
from sscard.v1.lease_pb2 import AcquireCardRequest, CardLease, LeaseState, ReleaseCardRequest, RenewCardRequest
from sscard.v1.reader_pb2 import ListReadersRequest, ReaderEvent, WatchReadersRequest
from sscard.v1.reader_pb2_grpc import ReaderServiceStub
from tests.services.leased import Told, told

pytestmark = [pytest.mark.pcsc, pytest.mark.xdist_group("pcscd")]

SLOTS = 12
LONG = 30.0
"""Seconds that no call here needs: whoever waits as long was forgotten."""
PIN = "123456"
Kind = ReaderEvent.Kind


@dataclass
class Counters:
    """A service with twelve readers, each with a card, and what its clients need."""

    target: str
    slots: VirtualReaders
    cards: list[Told]
    channel: grpc.Channel

    @property
    def readers(self) -> tuple[str, ...]:
        return self.slots.readers

    @contextmanager
    def client(self) -> Iterator[CardServiceStub]:
        """A client with a connection of its own."""
        with grpc.insecure_channel(self.target) as channel:
            yield CardServiceStub(channel)

    def insertions(self, reader: str) -> int:
        listed = ReaderServiceStub(self.channel).ListReaders(ListReadersRequest(), timeout=LONG).readers
        return next(each.insertions for each in listed if each.name == reader)


@pytest.fixture(scope="module")
def counters(pcscd: VirtualReaders, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counters]:
    # Where namespaces are not permitted, a machine has room for one daemon.
    pcscd.stop_daemon()
    try:
        with VirtualReaders(SLOTS, name="Counter") as slots:
            cards = [told(copy=copy) for copy in range(SLOTS)]
            for slot, card in enumerate(cards):
                slots.insert(slot, card)
            slots.wait_noticed(LONG)
            settings = {
                "SSCARD_MODE": "development",
                "SSCARD_LISTEN": "127.0.0.1:0",
                "SSCARD_INITIAL_PINS": "888888",  # the ready-made cards have 123456, and no registry knows them
                "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state")),
                "PCSCLITE_CSOCK_NAME": str(slots.socket_path),
            }
            server = subprocess.Popen(
                [sys.executable, "-m", "services.cli", "serve"],
                env=os.environ | settings,
                stderr=subprocess.PIPE,
                text=True,
                cwd="/",
                bufsize=1,
            )
            assert server.stderr is not None
            found = next(match for line in server.stderr if (match := re.search(r"serving.*port=(\d+)", line)))
            try:
                # What is not read would fill the pipe, and then the service would wait for us.
                rest = threading.Thread(target=server.stderr.read, daemon=True)
                rest.start()
                with grpc.insecure_channel(f"127.0.0.1:{found[1]}") as channel:
                    yield Counters(f"127.0.0.1:{found[1]}", slots, cards, channel)
            finally:
                server.send_signal(signal.SIGTERM)
                server.wait(LONG)
                rest.join(LONG)
                server.stderr.close()
            assert server.returncode == 0
            assert not any(card.verified for card in cards)
    finally:
        pcscd.start_daemon()


def acquire(client: CardServiceStub, reader: str, *, idle: float = 20.0, wait: float = LONG) -> LeaseState:
    request = AcquireCardRequest(reader=reader, idle_time=_duration(idle), wait=_duration(wait))
    return client.AcquireCard(request, timeout=2 * LONG).state


def release(client: CardServiceStub, state: LeaseState) -> None:
    client.ReleaseCard(ReleaseCardRequest(lease=state.lease), timeout=LONG)


def read(client: CardServiceStub, lease: CardLease) -> str:
    return client.ReadIdentity(ReadIdentityRequest(lease=lease), timeout=LONG).card_version


def refused(call: Callable[[], Any]) -> ErrorInfo:
    with pytest.raises(grpc.RpcError) as refusal:
        call()
    status = rpc_status.from_call(refusal.value)  # type: ignore[arg-type]  # an RpcError of a call is a Call
    info = ErrorInfo()
    assert status is not None, refusal.value
    assert any(detail.Unpack(info) for detail in status.details)
    return info


def eventually(check: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not check():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(int(seconds * 1e9))
    return duration


def test_two_clients_that_fight_for_one_card_have_it_in_turn(counters: Counters) -> None:
    turns = 6
    inside = threading.Semaphore(1)
    order: list[str] = []

    def fight(name: str) -> None:
        with counters.client() as client:
            for _ in range(turns):
                state = acquire(client, counters.readers[0])
                assert inside.acquire(blocking=False), "two have the card at once"
                order.append(name)
                assert read(client, state.lease) == "2.0"
                inside.release()
                release(client, state)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fight, ("first", "second")))
    assert len(order) == 2 * turns
    # Who has let the card go comes behind the one who waited: neither is done before the other is nearly so.
    assert abs(order[:turns].count("first") - order[:turns].count("second")) <= 2


def test_twelve_readers_are_busy_at_once(counters: Counters) -> None:
    together = threading.Barrier(SLOTS, timeout=LONG)

    def visit(reader: str) -> list[str]:
        with counters.client() as client:
            state = acquire(client, reader)
            together.wait()  # each has a card now: nobody gets here if one waits for another
            versions = [read(client, state.lease) for _ in range(2)]
            together.wait()
            release(client, state)
            return versions

    with ThreadPoolExecutor(SLOTS) as pool:
        assert list(pool.map(visit, counters.readers)) == [["2.0", "2.0"]] * SLOTS


def test_a_client_that_vanishes_loses_its_lease_and_leaves_no_pin_behind(counters: Counters) -> None:
    reader, card = counters.readers[1], counters.cards[1]
    stream = ReaderServiceStub(counters.channel).WatchReaders(WatchReadersRequest(), timeout=2 * LONG)
    events = (reply.event for reply in stream)
    assert any(event.kind == Kind.KIND_INITIAL_COMPLETE for event in events)
    with counters.client() as vanishing:
        state = acquire(vanishing, reader, idle=1.0)
        wanted = ReadFilesRequest(lease=state.lease, files=["*"], pin=PIN)
        assert vanishing.ReadFiles(wanted, timeout=LONG).card_version == "2.0"
    assert card.verified, "what is verified stays so while the lease lasts"
    with counters.client() as next_one:
        later = acquire(next_one, reader)
        assert not later.pin_verified
        assert not card.verified
        assert read(next_one, later.lease) == "2.0"
        assert refused(lambda: read(next_one, state.lease)).reason == "LEASE_ENDED"
        release(next_one, later)
    kinds = [event.kind for event in islice((event for event in events if event.reader.name == reader), 4)]
    stream.cancel()
    assert kinds == [Kind.KIND_CARD_HELD, Kind.KIND_CARD_FREE] * 2


def test_a_slow_card_is_waited_for_by_nobody_but_its_own_counter(counters: Counters) -> None:
    slow, card = counters.readers[2], counters.cards[2]
    with counters.client() as client, counters.client() as other, ThreadPoolExecutor(SLOTS) as pool:
        state = acquire(client, slow)
        card.hold()
        try:
            busy = pool.submit(read, client, state.lease)
            assert card.waits.wait(LONG)

            def visit(reader: str) -> str:
                lease = acquire(other, reader)
                version = read(other, lease.lease)
                release(other, lease)
                return version

            others = [reader for reader in counters.readers if reader != slow]
            assert list(pool.map(visit, others)) == ["2.0"] * (SLOTS - 1)
            info = refused(lambda: acquire(other, slow, wait=0.5))
            assert (info.reason, info.metadata["held_by"]) == ("CARD_IN_USE", "local")
            assert 0 < int(info.metadata["free_within"]) <= 300
            assert not busy.done(), "all that was done while the card was busy"
        finally:
            card.go_on()
        assert busy.result(LONG) == "2.0"
        release(client, state)
        assert read(other, acquire(other, slow, wait=0.5).lease) == "2.0"


def test_a_card_taken_out_and_put_back_is_another_epoch_and_another_card_is_none(counters: Counters) -> None:
    reader, card = counters.readers[3], counters.cards[3]

    def exchange(chip: Any) -> None:
        before = counters.insertions(reader)
        counters.slots.remove(3)
        eventually(lambda: counters.insertions(reader) > before)
        counters.slots.insert(3, chip)
        eventually(lambda: counters.insertions(reader) > before + 1)

    with counters.client() as client:
        state = acquire(client, reader)
        wanted = ReadFilesRequest(lease=state.lease, files=["*"], pin=PIN)
        client.ReadFiles(wanted, timeout=LONG)
        assert card.verified
        exchange(card)
        assert refused(lambda: read(client, state.lease)).reason == "LEASE_EPOCH"
        renewed = client.RenewCard(RenewCardRequest(lease=state.lease), timeout=LONG).state
        assert renewed.lease.epoch > state.lease.epoch
        assert not renewed.pin_verified
        assert not card.verified
        assert read(client, renewed.lease) == "2.0"

        stranger = told("3.0")
        exchange(stranger)
        refusal = refused(lambda: client.RenewCard(RenewCardRequest(lease=renewed.lease), timeout=LONG))
        assert refusal.reason == "LEASE_OTHER_CARD"
        assert refused(lambda: read(client, renewed.lease)).reason == "LEASE_ENDED"
        state = acquire(client, reader)
        assert read(client, state.lease) == "3.0"
        release(client, state)


def test_a_call_given_up_half_way_costs_the_epoch_and_not_the_lease(counters: Counters) -> None:
    reader, card = counters.readers[4], counters.cards[4]
    with counters.client() as client:
        state = acquire(client, reader)
        card.hold()
        # Every file takes long enough for the service to hear in the middle of it that nobody wants it any more.
        wanted = ReadFilesRequest(lease=state.lease, files=["*"], pin=PIN)
        call = client.ReadFiles.future(wanted, timeout=LONG)
        assert card.waits.wait(LONG)
        card.seconds = 0.05
        card.go_on()
        call.cancel()
        assert refused(lambda: read(client, state.lease)).reason == "LEASE_EPOCH"
        card.seconds = 0.0
        assert card.commands == [], "it was reset, and nothing was sent to it since"
        renewed = client.RenewCard(RenewCardRequest(lease=state.lease), timeout=LONG).state
        assert renewed.lease.epoch > state.lease.epoch
        assert read(client, renewed.lease) == "2.0"
        release(client, renewed)
