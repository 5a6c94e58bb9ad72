"""Keystores that open fast."""

import hashlib
import os
from pathlib import Path

import pytest

from apdu.secret import Secret
from services.custody.keystore import Costs, CredentialKey, KeyAlgorithm, KeyPlan, changing, create_keystore

CHEAP = Costs(iterations=1, lanes=1, memory_kib=8)


def value(number: int = 0, size: int = 16) -> Secret:
    return Secret(hashlib.sha256(f"test key {number}".encode()).digest()[:size])


@pytest.fixture
def opener() -> CredentialKey:
    return CredentialKey(Secret(os.urandom(32)))


@pytest.fixture
def path(tmp_path: Path, opener: CredentialKey) -> Path:
    """A keystore of production without keys."""
    made = tmp_path / "keystore.json"
    create_keystore(made, opener)
    return made


@pytest.fixture
def development(tmp_path: Path, opener: CredentialKey) -> Path:
    """A keystore of development without keys."""
    made = tmp_path / "development.json"
    create_keystore(made, opener, development_mode=True)
    return made


@pytest.fixture
def filled(path, opener):
    """A keystore with four keys, as a file."""
    with changing(path, opener) as keystore:
        keystore.add(KeyPlan("IRK", 1, KeyAlgorithm.SM4), value(1))
        keystore.add(KeyPlan("IRK", 2, KeyAlgorithm.SM4), value(2))
        keystore.add(KeyPlan("UKSSSE", 1, KeyAlgorithm.SM4, 2, "99"), value(3))
        keystore.add(KeyPlan("KEK", 1, KeyAlgorithm.AES), value(4, 32))
    return path
