"""What the layers above PC/SC cost: gRPC reads against bare pyscard, and how fast pcscd answers.

Simulator, pcscd, server and client are processes of their own, as in real life. The two kinds of read alternate, and
each pair of neighbours makes one ratio, so that a machine whose speed drifts does not tilt the result.
"""

import contextlib
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import grpc

from cardlib import commands
from cardlib.commands import RecordMode
from cardlib.crypto import Algorithm
from cardlib.key_requests import CardFactors, Cryptogram, KeyRequest
from cardlib.keys import KeyReference
from cardlib.profiles import LATEST, profile_for
from services.custody.development import DevelopmentCustodian
from sscard.v1.card_pb2 import Authenticity, ReadIdentityRequest
from sscard.v1.card_pb2_grpc import CardServiceStub
from sscard.v1.reader_pb2 import ListReadersRequest, SlotState
from sscard.v1.reader_pb2_grpc import ReaderServiceStub

PAIRS = 100
BURST = 5000
ADDRESS = "127.0.0.1:50559"
CARDS = (("2.0", Algorithm.DES), ("3.0", Algorithm.SM4))


def main() -> None:
    """identity over gRPC and pcscd against bare pyscard; APDUs per second through pcscd"""  # noqa: D400, D403
    if "PCSCLITE_CSOCK_NAME" not in os.environ:
        cards = [f"--card={version}" for version, _ in CARDS]
        again = [sys.executable, "-m", "bench", "pcsc"]
        raise SystemExit(subprocess.call([sys.executable, "-m", "services.cli", "simulate", *cards, "--", *again]))
    with _server() as channel:
        readers = _readers_with_cards(channel)
        for reader, (version, algorithm) in zip(readers, CARDS, strict=True):
            _compare(channel, reader, version, algorithm)
        _burst(readers[0])


@contextlib.contextmanager
def _server() -> Iterator[grpc.Channel]:
    environment = os.environ | {"SSCARD_LISTEN": ADDRESS, "SSCARD_MODE": "development", "SSCARD_LOG_LEVEL": "warning"}
    server = subprocess.Popen([sys.executable, "-m", "services.cli", "serve"], env=environment)
    try:
        with grpc.insecure_channel(ADDRESS) as channel:
            grpc.channel_ready_future(channel).result(timeout=20)
            yield channel
    finally:
        server.terminate()
        server.wait(timeout=20)


def _readers_with_cards(channel: grpc.Channel) -> list[str]:
    stub = ReaderServiceStub(channel)
    for _ in range(100):
        readers = stub.ListReaders(ListReadersRequest(), timeout=5).readers
        names = [reader.name for reader in readers if reader.slot == SlotState.SLOT_STATE_CARD]
        if len(names) == len(CARDS):
            return names
        time.sleep(0.1)
    raise SystemExit("the simulated cards did not appear")


def _compare(channel: grpc.Channel, reader: str, version: str, algorithm: Algorithm) -> None:
    stub = CardServiceStub(channel)

    def over_grpc() -> None:
        reply = stub.ReadIdentity(ReadIdentityRequest(reader=reader), timeout=10)
        assert reply.authenticity == Authenticity.AUTHENTICITY_PROVEN

    bare = BareRead(reader, version, algorithm)
    for warm_up in (over_grpc, bare):
        for _ in range(5):
            warm_up()
    pairs = [(_timed(over_grpc), _timed(bare)) for _ in range(PAIRS)]
    ratios = [ours / theirs for ours, theirs in pairs]
    grpc_ms, bare_ms = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
    low, _, high = statistics.quantiles(ratios, n=4)
    print(
        f"{version} card: gRPC {grpc_ms:.2f} ms, bare pyscard {bare_ms:.2f} ms, ratio {statistics.median(ratios):.2f} "
        f"(quartiles {low:.2f} to {high:.2f}; {PAIRS} pairs)",
        flush=True,
    )


def _timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _connection(reader: str) -> "object":
    from smartcard.System import readers  # noqa: PLC0415

    return next(found for found in readers() if found.name == reader).createConnection()


class BareRead:
    """The same commands, written out against pyscard, with everything that can be computed beforehand computed."""

    def __init__(self, reader: str, version: str, algorithm: Algorithm) -> None:
        self.reader = reader
        self.keyed = version == "3.0"
        self.algorithm = algorithm
        self.custodian = DevelopmentCustodian(development_mode=True)
        profile = profile_for(version.encode())
        self.issuer, self.holder = (_whole(profile.file("SSSE", fid)) for fid in (0xEF05, 0xEF06))

    def __call__(self) -> None:
        """Connect, read, disconnect."""
        card = _connection(self.reader)
        card.connect()
        self._send(card, commands.select_name(LATEST.name, ne=None).to_bytes())
        issuer = self._send(card, self.issuer)
        factor, original = secrets.token_bytes(8), secrets.token_bytes(8)
        proof = self._send(card, commands.internal_authenticate(factor, original).to_bytes()[:-1])
        asked = [Cryptogram(KeyReference("IRK"), factor, original)]
        if self.keyed:
            challenge, own = self._send(card, commands.get_challenge().to_bytes()), secrets.token_bytes(8)
            asked.append(Cryptogram(KeyReference("RKSSSE"), challenge, own))
        factors = CardFactors(self.algorithm, issuer[2:5].hex(), bytes(card.getATR()[-8:]))
        expected, *permit = self.custodian.perform(KeyRequest(factors, tuple(asked)))
        assert proof == expected
        if self.keyed:
            self._send(card, commands.external_authenticate(0x0A, permit[0], own).to_bytes())
        assert len(self._send(card, self.holder)) == self.holder[-1]
        card.disconnect()

    @staticmethod
    def _send(card: "object", command: bytes) -> bytes:
        data, sw1, sw2 = card.transmit(list(command))
        if sw1 == 0x61:
            data, sw1, sw2 = card.transmit([0x00, 0xC0, 0x00, 0x00, sw2])
        assert (sw1, sw2) == (0x90, 0x00)
        return bytes(data)


def _whole(file: "object") -> bytes:
    return commands.read_record(1, RecordMode.FROM_NUMBER_TO_LAST, sfi=file.sfi, ne=file.size).to_bytes()


def _burst(reader: str) -> None:
    """READ RECORD as fast as pcscd goes, three runs, the median."""
    card = _connection(reader)
    card.connect()
    card.transmit(list(commands.select_name(LATEST.name, ne=None).to_bytes()))
    command: Sequence[int] = list(_whole(LATEST.file("SSSE", 0xEF05)))

    def many() -> None:
        for _ in range(BURST):
            card.transmit(command)

    rate = BURST / statistics.median(_timed(many) for _ in range(3))
    card.disconnect()
    print(f"READ RECORD of 64 bytes through pcscd: {rate:,.0f} APDU/s", flush=True)
