"""The process that makes a card is killed, with the chip in its reader; the next one goes on with both."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from services.issuance.journal import State
from services.store.store import open_store

ROOT = Path(__file__).parents[3]

MAKER = """
import asyncio, sys
from importlib import resources
from pathlib import Path

import grpc

from apdu.transport.inprocess import InProcessReaders
from services import logs
from services.config import Config, LogLevel
from services.custody.development import DevelopmentCustodian
from services.server import build_server
from simulator.cards import Cards
from sscard.v1 import issuance_pb2, issuance_pb2_grpc

async def make(place):
    with Cards(place / "chips") as chips:
        readers = InProcessReaders(["left"])
        readers.insert("left", chips.kind("blank-t514").chip, t0=True)
        config = Config(mode="development", listen="127.0.0.1:0", database=str(place / "s.db"))
        server = build_server(config, readers, DevelopmentCustodian(development_mode=True))
        await server.start()
        person = resources.files("cardlib.issuance").joinpath("data", "person.json").read_bytes()
        order = issuance_pb2.CardOrder(template="template-2.0", person_json=person)
        request = issuance_pb2.PersonaliseCardRequest(reader="left", request_id="one", order=order)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            async for event in issuance_pb2_grpc.IssuanceServiceStub(channel).PersonaliseCard(request):
                print(event.WhichOneof("event"), event.progress.detail, flush=True)
        await server.stop()

logs.configure(LogLevel.WARNING, json=True)
asyncio.run(make(Path(sys.argv[1])))
"""


def maker(place: Path) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto'}"}
    return subprocess.Popen(
        [sys.executable, "-c", MAKER, str(place)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.timeout(120)
def test_a_process_that_is_killed_again_and_again_ends_in_a_card_and_each_time_further(tmp_path: Path) -> None:
    for steps in (4, 6, 12):
        with maker(tmp_path) as process:
            for _ in range(steps):
                assert process.stdout.readline().startswith("progress")
            os.kill(process.pid, signal.SIGKILL)
            process.communicate(timeout=60)
        store = open_store(str(tmp_path / "s.db"), tmp_path / "s.digest-key")
        known = store.journal.find("one")
        store.close()
        assert (known.state, known.written) == (State.OPEN, True)
    with maker(tmp_path) as last:
        told, errors = last.communicate(timeout=60)
    assert last.returncode == 0, errors
    assert Counter(line.split()[0] for line in told.splitlines())["issued"] == 1
    store = open_store(str(tmp_path / "s.db"), tmp_path / "s.digest-key")
    known = store.journal.find("one")
    assert (known.state, known.attempt) == (State.DONE, 4)
    assert store.journal.certificate(known.certificate).chip == known.chip
    store.close()
