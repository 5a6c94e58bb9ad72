"""The audit as the configuration wants it, in a database of its own."""

import asyncio

import pytest

from services.audit.checkpoint import read_checkpoints
from services.audit.opening import open_audit, signing_key
from services.audit.verify import examine
from services.config import Config, ConfigError, Mode
from services.custody.signing import open_signing_key
from services.store.audit import SqlAuditChain
from services.store.engine import open_engine
from tests.services.audit.entries import NOON, entry


@pytest.fixture
def engine(tmp_path):
    opened = open_engine(str(tmp_path / "sscard.db"))
    yield opened
    opened.dispose()


def config(tmp_path, **more: object) -> Config:
    return Config(**{"mode": Mode.DEVELOPMENT, "database": str(tmp_path / "sscard.db")} | more)


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"mode": "production"}, True),
        ({"mode": "production", "database": "/x.db"}, True),
        ({"mode": "development"}, False),
        ({"mode": "development", "database": "/x.db"}, True),
        ({"mode": "development", "database": "/x.db", "audit": False}, False),
        ({"mode": "development", "audit": True}, True),
    ],
)
def test_it_is_kept_in_production_and_wherever_a_database_is_named(settings, kept) -> None:
    assert Config.load(**settings).keeps_audit is kept


def test_production_cannot_be_without_it() -> None:
    with pytest.raises(ConfigError, match="audit = false is for development"):
        Config.load(mode="production", audit=False)


def test_its_files_are_beside_the_database_unless_it_is_said(tmp_path, monkeypatch) -> None:
    settings = config(tmp_path)
    assert settings.audit_key_file == tmp_path / "sscard.audit-key"
    assert settings.audit_checkpoint_file == tmp_path / "sscard.audit-checkpoints"
    named = config(tmp_path, audit_key=tmp_path / "a", audit_checkpoints=tmp_path / "b")
    assert (named.audit_key_file, named.audit_checkpoint_file) == (tmp_path / "a", tmp_path / "b")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    assert config(tmp_path, database="postgresql://h/d").audit_key_file == tmp_path / "state" / "sscard.audit-key"


def test_none_is_opened_where_none_is_wanted(engine, tmp_path) -> None:
    assert open_audit(config(tmp_path, audit=False), engine) is None
    assert not (tmp_path / "sscard.audit-key").exists()


async def test_entries_and_their_checkpoints_agree(engine, tmp_path) -> None:
    settings = config(tmp_path, audit_checkpoint_every=2, station="branch 7")
    audit = open_audit(settings, engine, now=lambda: NOON)
    for number in range(3):
        await audit.record(entry(number))
    await asyncio.to_thread(audit.close)
    checkpoints = read_checkpoints(settings.audit_checkpoint_file, [signing_key(settings).public])
    assert [(each.sequence, each.moment, each.station) for each in checkpoints] == [
        (2, "2026-11-22T12:00:00Z", "branch 7"),
        (3, "2026-11-22T12:00:00Z", "branch 7"),
    ]
    examination = examine(SqlAuditChain(engine), checkpoints)
    assert examination.unbroken
    assert (examination.entries, examination.signed) == (3, 3)


def test_a_key_that_cannot_be_used_is_told_with_its_setting(engine, tmp_path) -> None:
    settings = config(tmp_path)
    settings.audit_key_file.write_text("no key")
    settings.audit_key_file.chmod(0o600)
    with pytest.raises(ConfigError, match=r"audit_key: .* is no private key"):
        open_audit(settings, engine)


async def test_nothing_of_a_holder_stands_in_the_database_file(engine, tmp_path) -> None:
    """Canary: an identity number that reaches any text of an entry."""
    number = "990000199001010017"
    audit = open_audit(config(tmp_path), engine)
    names = ("method", "caller", "reader", "card", "person", "detail", "request_id")
    await audit.record(entry(1, **dict.fromkeys(names, f"x {number}")))
    await asyncio.to_thread(audit.close)
    engine.dispose()
    files = [path.read_bytes() for path in tmp_path.iterdir()]
    assert any(b"identity number withheld" in content for content in files)
    assert not any(number.encode() in content for content in files)


def test_a_development_key_may_be_open_to_others(engine, tmp_path) -> None:
    open_signing_key(tmp_path / "sscard.audit-key")
    (tmp_path / "sscard.audit-key").chmod(0o644)
    assert signing_key(config(tmp_path))
    with pytest.raises(ConfigError, match="open to other users"):
        signing_key(config(tmp_path, mode=Mode.PRODUCTION))
