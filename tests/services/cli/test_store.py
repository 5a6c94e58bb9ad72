"""`sscard store rotate-key`, over the database of this machine; `backup` is in test_issuance."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.cli import app
from services.config import Config
from services.issuance.opening import StoreOfService
from services.registry.model import PersonData
from services.store import rotation
from services.store.engine import StoreError

LI = PersonData(social_security_number="99000019900101001X", name="Li")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("SSCARD_MODE", "development")
    monkeypatch.setenv("SSCARD_DATABASE", str(tmp_path / "s.db"))
    return Config.load()


@pytest.fixture
def person(settings: Config) -> str:
    store = StoreOfService(settings)
    entered = store.registry().register_person(LI)
    store.close()
    return entered.id


def rotate_key() -> Result:
    return CliRunner().invoke(app, ["store", "rotate-key"])


def test_everything_is_sealed_under_a_new_key(settings, person) -> None:
    for version in (2, 3):
        result = rotate_key()
        assert (result.exit_code, f"data key {version}: 1 rows sealed anew" in result.stdout) == (0, True)
        assert "1 rows done, 0 to go" in result.stderr
    store = StoreOfService(settings)
    assert store.registry().person(person).data == LI
    store.close()


def test_what_stopped_is_said_to_go_on(person, monkeypatch) -> None:
    whole = rotation._retire

    def fails(_connection: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(rotation, "_retire", fails)
    result = rotate_key()
    assert (result.exit_code, "the disk is full; what was done so far counts" in result.stderr) == (1, True)
    monkeypatch.setattr(rotation, "_retire", whole)
    assert "data key 2: gone on with, 0 rows" in rotate_key().stdout


def test_without_a_database_none_is_made(settings, tmp_path) -> None:
    result = rotate_key()
    assert (result.exit_code, "there is no database" in result.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_without_the_key_nothing_is_done(settings, person, tmp_path) -> None:
    (tmp_path / "s.data-key").unlink()
    result = rotate_key()
    assert (result.exit_code, "restore it from the backup" in result.stderr) == (1, True)
    assert not (tmp_path / "s.data-key").exists()
