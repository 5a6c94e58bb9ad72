"""A service in production whose keys are in a keystore that two people open: client, process, pcscd, software card."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from apdu.secret import Secret
from cardlib import development_keys
from cardlib.keys import KeyReference
from services.callers.caller import Role
from services.custody.keystore import (
    Costs,
    KeyAlgorithm,
    KeyPlan,
    Passphrases,
    TerminalCounter,
    changing,
    create_keystore,
)
from simulator.pcscd import VirtualReaders
from simulator.people import READY, ready_card
from sscard.v1.card_pb2 import Authenticity, ReadIdentityRequest
from sscard.v1.card_pb2_grpc import CardServiceStub
from tests.services.callers.world import CALLERS, authority, caller_pair, shown, tls_settings

pytestmark = [pytest.mark.pcsc, pytest.mark.xdist_group("pcscd")]

SSCARD = [sys.executable, "-m", "services.cli"]
PHRASES = ("first holder's passphrase", "第二位持有人的口令须够长𠮷")
NAMES = ("IRK", "RKSSSE")
AUTHORITY = authority()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration of production, and beside it a keystore with the keys that SM4 cards are read with."""
    place = tmp_path_factory.mktemp("service")
    path, opener = place / "keystore.json", Passphrases(tuple(Secret(phrase.encode()) for phrase in PHRASES))
    create_keystore(path, opener, costs=Costs(iterations=1, lanes=1, memory_kib=8))
    roots = development_keys.load()
    with changing(path, opener) as keystore:
        for name in NAMES:
            keystore.add(KeyPlan(name, 1, KeyAlgorithm.SM4), roots[KeyReference(name)])
    TerminalCounter.create(place / "terminal.json", "990000000001", start=1)
    made = tls_settings(place, AUTHORITY)
    file = place / "sscard.toml"
    file.write_text(
        "".join(f'{name} = "{path}"\n' for name, path in made.items())
        + f'listen = "127.0.0.1:0"\nkeystore = "{place}/keystore.json"\nterminal_counter = "{place}/terminal.json"\n',
        encoding="utf-8",
    )
    return file


def pipe(content: str) -> int:
    read, write = os.pipe()
    os.write(write, content.encode())
    os.close(write)
    return read


def started(settings: Path, *phrases: str) -> "subprocess.Popen[str]":
    """`sscard serve` with passphrases in descriptors."""
    descriptors = [pipe(phrase) for phrase in phrases]
    environment = {name: value for name, value in os.environ.items() if name != "SSCARD_MODE"}
    environment["SSCARD_KEYSTORE_PASSPHRASE_FDS"] = ",".join(map(str, descriptors))
    process = subprocess.Popen(
        [*SSCARD, "serve", "--config", str(settings)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=descriptors,
    )
    for descriptor in descriptors:
        os.close(descriptor)
    return process


@pytest.fixture(scope="module")
def channel(pcscd: VirtualReaders, settings: Path) -> Iterator[grpc.Channel]:
    server = started(settings, *(phrase + "\n" for phrase in PHRASES))
    try:
        assert server.stderr is not None
        found = next(match for line in server.stderr if (match := re.search(r'"port": (\d+)', line)))
        hospital = shown(caller_pair(AUTHORITY, CALLERS[Role.HOSPITAL]), AUTHORITY)
        with grpc.secure_channel(f"127.0.0.1:{found[1]}", hospital) as channel:
            yield channel
    finally:
        server.send_signal(signal.SIGTERM)
        _, log = server.communicate(timeout=30)
    assert server.returncode == 0, log
    assert '"stopped"' in log
    assert not any(phrase in log for phrase in PHRASES)


def read(channel: grpc.Channel, pcscd: VirtualReaders, version: str):
    pcscd.insert(0, ready_card(version))
    pcscd.wait_noticed()
    try:
        return CardServiceStub(channel).ReadIdentity(ReadIdentityRequest(reader=pcscd.readers[0]), timeout=20)
    finally:
        pcscd.remove(0)


def test_a_card_is_proven_and_its_holder_read_with_the_keys_of_the_keystore(channel, pcscd) -> None:
    card = read(channel, pcscd, "3.0")
    assert card.authenticity == Authenticity.AUTHENTICITY_PROVEN
    assert card.identity.holder.name == READY["3.0"].holder["name"]


def test_a_card_for_which_the_keystore_has_no_key_is_read_unproven(channel, pcscd) -> None:
    card = read(channel, pcscd, "2.0")
    assert card.card_version == "2.0"
    assert card.authenticity == Authenticity.AUTHENTICITY_NOT_CHECKED


def test_one_holder_alone_does_not_start_the_service(settings) -> None:
    server = started(settings, PHRASES[0], "not the other's phrase")
    _, said = server.communicate(timeout=30)
    assert server.returncode == 2
    assert "keystore.json stays closed" in said
    assert "Every holder enters their passphrase again" in said
    assert not any(phrase in said for phrase in PHRASES)
    assert "Traceback" not in said
