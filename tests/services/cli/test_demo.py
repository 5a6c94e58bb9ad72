"""The demonstration tells the whole story, on cards in this process; through pcscd in tests/e2e."""

from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from services.audit.verify import Examination
from services.cli import app, demo
from services.config import Config
from services.demo.telling import Narrator, UnexpectedlyAllowedError
from services.store.engine import open_engine
from tests.services.cli.told_story import check


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["demo", *arguments])


def test_every_step_is_told_and_no_pin_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = run()
    assert result.exit_code == 0, result.output
    check(result.output)
    assert not [*tmp_path.iterdir()], "something is left behind"


def test_an_audit_that_was_tampered_with_ends_the_demonstration(monkeypatch: pytest.MonkeyPatch) -> None:
    examined = demo.examined_audit

    def tampered(config: Config) -> Examination:
        engine = open_engine(config.database_or_default)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER audit_entry_update")
            connection.exec_driver_sql("UPDATE audit_entry SET method = 'nothing' WHERE sequence = 3")
        engine.dispose()
        return examined(config)

    monkeypatch.setattr(demo.Story, "run", demo.Story._enter_institutions)
    monkeypatch.setattr(demo, "examined_audit", tampered)
    result = run()
    assert result.exit_code == 1
    assert "审计链异常" in result.output


@pytest.mark.parametrize("variable", ["SSCARD_CONTROL", "PCSCLITE_CSOCK_NAME"])
def test_without_a_simulator_it_says_how_it_is_meant(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSCARD_CONTROL", "PCSCLITE_CSOCK_NAME"):
        monkeypatch.setenv(name, "127.0.0.1:9")
    monkeypatch.delenv(variable)
    result = run("--pcsc")
    assert result.exit_code == 2
    assert "sscard simulate --control 127.0.0.1:0 --slots 2 -- sscard demo --pcsc" in result.output


def test_a_simulator_that_has_ended_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSCARD_CONTROL", "127.0.0.1:9")
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", "/nonexistent")
    result = run("--pcsc")
    assert result.exit_code == 1
    assert "no service answers" in result.output


def test_a_call_that_ought_to_be_refused_and_is_not_ends_the_story() -> None:
    with pytest.raises(UnexpectedlyAllowedError, match="DOCUMENT_MISMATCH"):
        Narrator(Console(quiet=True), {}).refused(lambda: None, "DOCUMENT_MISMATCH")
