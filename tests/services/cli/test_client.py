"""A service of the command line's own: everything that was opened for it is closed, however it ends."""

import pytest

from apdu.transport.inprocess import InProcessReaders
from cardlib.custody import NoKeys
from services.cli import own_service
from services.cli.client import channel_to
from services.config import Config, ConfigError
from sscard.v1.reader_pb2 import ListReadersRequest
from sscard.v1.reader_pb2_grpc import ReaderServiceStub


@pytest.fixture(autouse=True)
def _own_state(monkeypatch, tmp_path) -> None:
    """What is kept in production, the audit, is not kept where the user's is."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def closed(monkeypatch) -> list[str]:
    names: list[str] = []

    class Readers(InProcessReaders):
        def close(self):
            names.append("readers")
            super().close()

    class Keys(NoKeys):
        def close(self):
            names.append("keys")

    monkeypatch.setattr(own_service, "open_readers", lambda _: Readers())
    monkeypatch.setattr(own_service, "open_custodian", lambda *_, **__: Keys())
    return names


def test_a_service_that_was_used_lets_go_of_cards_and_keys_once(closed) -> None:
    with channel_to("", Config()) as channel:
        assert not ReaderServiceStub(channel).ListReaders(ListReadersRequest(), timeout=10).readers
        assert not closed
    assert closed == ["readers", "keys"]


def test_without_keys_the_readers_are_closed(closed, monkeypatch) -> None:
    def refuse(*_, **__):
        raise ConfigError("no keys")

    monkeypatch.setattr(own_service, "open_custodian", refuse)
    with pytest.raises(ConfigError, match="no keys"), channel_to("", Config()):
        pytest.fail("it began")
    assert closed == ["readers"]


def test_a_service_that_cannot_be_built_leaves_nothing_open(closed, tmp_path) -> None:
    with pytest.raises(ConfigError, match="missing"), channel_to("", Config(regional_profiles=(tmp_path / "missing",))):
        pytest.fail("it began")
    assert closed == ["keys", "readers"]


def test_a_service_that_cannot_start_is_stopped(closed, tmp_path) -> None:
    text = tmp_path / "text"
    text.write_text("this is no database")
    with pytest.raises(ConfigError), channel_to("", Config(database=str(text))):
        pytest.fail("it began")
    assert closed == ["readers", "keys"]


def test_a_service_of_its_own_does_not_show_the_psams_reader(monkeypatch) -> None:
    monkeypatch.setattr(own_service, "open_readers", lambda _: InProcessReaders(["Reader 00", "Reader 01"]))
    with channel_to("", Config(psam_reader="Reader 01")) as channel:
        readers = ReaderServiceStub(channel).ListReaders(ListReadersRequest(), timeout=10).readers
    assert [reader.name for reader in readers] == ["Reader 00"]
