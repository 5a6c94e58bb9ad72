"""A database that is away, locked or full when a service begins, and one that no waiting makes right."""

import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.cli.errors import NOT_NOW, UNUSABLE
from services.config import Config, ConfigError, NotNowError
from services.issuance.opening import StoreOfService
from services.store import engine as engines

NOBODY_THERE = "postgresql+psycopg://sscard@127.0.0.1:1/sscard"


def begin(database: str | Path, key: Path) -> None:
    store = StoreOfService(Config.load(database=str(database), digest_key=key))
    try:
        store.open_if_meant()
    finally:
        store.close()


@pytest.fixture
def kind() -> str:
    return "sqlite"


def test_a_server_that_is_away_may_be_back(tmp_path) -> None:
    with pytest.raises(NotNowError, match=r"cannot be opened: .*请稍后重新启动服务"):
        begin(NOBODY_THERE, tmp_path / "key")


def test_a_file_that_another_process_has_locked_is_free_later(database, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(engines, "_PRAGMAS", ("busy_timeout=10",))
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(NotNowError, match="database is locked"):
        begin(database, tmp_path / "key")
    other.close()
    begin(database, tmp_path / "key")


def test_a_full_disk_may_have_room_later(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(engines, "_PRAGMAS", ("max_page_count=4",))
    with pytest.raises(NotNowError, match="database or disk is full"):
        begin(tmp_path / "s.db", tmp_path / "key")


def test_a_disk_without_room_for_the_file_may_have_it_later(tmp_path, monkeypatch) -> None:
    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engines, "_make_private", full)
    with pytest.raises(NotNowError, match="No space left on device"):
        begin(tmp_path / "s.db", tmp_path / "key")


def test_what_is_wrong_itself_is_for_somebody_to_mend(database, tmp_path) -> None:
    (tmp_path / "text.db").write_text("this is no database " * 100)
    (tmp_path / "short").write_bytes(b"short")
    for place, key in (
        (tmp_path / "text.db", tmp_path / "key"),
        ("nonesuch://x", tmp_path / "key"),
        (tmp_path / "text.db" / "s.db", tmp_path / "key"),
        (database, tmp_path / "short"),
    ):
        with pytest.raises(ConfigError, match="see `database`") as refused:
            begin(place, key)
        assert not isinstance(refused.value, NotNowError)


@pytest.mark.parametrize(
    ("database", "code"), [(NOBODY_THERE, NOT_NOW), ("nonesuch://x", UNUSABLE)], ids=["away", "wrong"]
)
@pytest.mark.parametrize("audit", ["true", "false"])
def test_the_unit_is_told_which_it_is(tmp_path, monkeypatch, database, code, audit) -> None:
    monkeypatch.setenv("SSCARD_DATABASE", database)
    monkeypatch.setenv("SSCARD_DIGEST_KEY", str(tmp_path / "key"))
    monkeypatch.setenv("SSCARD_AUDIT", audit)
    monkeypatch.setenv("SSCARD_LISTEN", "127.0.0.1:0")
    done = CliRunner().invoke(app, ["serve", "--simulated"])
    assert done.exit_code == code, done.output
    unit = (Path(__file__).parents[3] / "deploy" / "sscard.service").read_text(encoding="utf-8")
    settings = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))
    assert settings["Restart"] == "on-failure"
    assert (str(code) in settings["RestartPreventExitStatus"].split()) is (code == UNUSABLE)
