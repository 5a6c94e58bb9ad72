"""Keystores, an HSM and a PSAM for a service to open, and what the custodian it gets must answer."""

import os
from pathlib import Path

import pytest

from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from cardlib.custody import KeyCustodian
from cardlib.key_requests import Cryptogram, KeyRequest
from cardlib.keys import KeyReference
from services.config import Config
from services.custody.keystore import (
    Costs,
    CredentialKey,
    KeyAlgorithm,
    KeyPlan,
    Passphrases,
    TerminalCounter,
    changing,
    create_keystore,
)
from simulator.card import SoftwareCard
from simulator.psam.ready import ready_psam
from tests.services.custody import openssl
from tests.services.custody.conftest import DEVELOPMENT, PIN
from tests.services.custody.tasks import FACTOR, ORIGINAL, ROOTS, card

IRK, DPK, PUK = (KeyReference(name) for name in ("IRK", "DPK", "PUK"))
PHRASES = ("first holder's passphrase", "第二位持有人的口令须够长𠮷")
CHEAP = Costs(iterations=1, lanes=1, memory_kib=8)
PSAM = "PSAM reader"


def config(**settings) -> Config:
    return Config.load(**{"mode": "production"} | settings)


def asked(custodian: KeyCustodian, whose=card(), key: KeyReference = IRK) -> bytes:  # noqa: B008 - never changed
    (answer,) = custodian.perform(KeyRequest(whose, (Cryptogram(key, FACTOR, ORIGINAL),)))
    return answer


def right(whose=card(), key: KeyReference = IRK) -> bytes:  # noqa: B008
    return openssl.Card(whose, ROOTS).answer(Cryptogram(key, FACTOR, ORIGINAL))


@pytest.fixture
def key(tmp_path) -> Path:
    path = tmp_path / "keystore.key"
    path.write_bytes(os.urandom(32))
    path.chmod(0o600)
    return path


def filled(path: Path, opener, *, development: bool = False) -> Path:
    """A keystore with IRK and DPK of 3DES cards."""
    create_keystore(path, opener, development_mode=development, costs=CHEAP)
    with changing(path, opener, development_mode=development) as keystore:
        for each in (IRK, DPK):
            keystore.add(KeyPlan(each.name, 1, KeyAlgorithm.DES), ROOTS[each])
    return path


@pytest.fixture
def keystore(tmp_path, key) -> Path:
    return filled(tmp_path / "keystore.json", CredentialKey(Secret(key.read_bytes())))


@pytest.fixture
def locked(tmp_path) -> Path:
    """A keystore that opens with two passphrases."""
    return filled(tmp_path / "locked.json", Passphrases(tuple(Secret(phrase.encode()) for phrase in PHRASES)))


@pytest.fixture
def counter(tmp_path) -> Path:
    path = tmp_path / "terminal.json"
    TerminalCounter.create(path, "990000000042", start=7)
    return path


@pytest.fixture
def descriptors():
    """Gives file descriptors with a content, and closes them."""
    opened = []

    def of(*contents: str) -> tuple[int, ...]:
        for content in contents:
            read, write = os.pipe()
            os.write(write, content.encode())
            os.close(write)
            opened.append(read)
        return tuple(opened[-len(contents) :])

    yield of
    for number in opened:
        os.close(number)


@pytest.fixture
def hsm(softhsm, tmp_path) -> dict[str, object]:
    """The settings of an HSM with the development keys."""
    pin = tmp_path / "hsm.pin"
    pin.write_text(PIN + "\n")
    return {"hsm_library": Path(softhsm.library), "hsm_token": DEVELOPMENT, "hsm_pin_file": pin}


def psam_readers(**description) -> InProcessReaders:
    readers = InProcessReaders([PSAM])
    readers.insert(PSAM, SoftwareCard(ready_psam(region="990100", **description), t0=True), t0=True)
    return readers
