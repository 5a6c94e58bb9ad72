"""Keystores for the tests of `sscard keys`."""

import os

import pytest

from services.custody.keystore import Costs, store, wrapping
from tests.services.cli.keystores import Keystore


@pytest.fixture
def cheap(monkeypatch):
    """Passphrases that open fast; and nobody's configuration."""
    for module in (store, wrapping):
        monkeypatch.setattr(module, "Costs", lambda: Costs(1, 1, 8))
    monkeypatch.delenv("SSCARD_MODE", raising=False)


@pytest.fixture
def fd():
    """Gives file descriptors with a content, and closes them."""
    opened = []

    def of(content: bytes | str) -> str:
        read, write = os.pipe()
        os.write(write, content.encode() if isinstance(content, str) else content)
        os.close(write)
        opened.append(read)
        return str(read)

    yield of
    for number in opened:
        os.close(number)


@pytest.fixture
def keystore(tmp_path, fd, cheap):
    made = Keystore(tmp_path / "keystore.json", fd)
    result = made.do("init")
    assert result.exit_code == 0, result.output
    return made
