"""`sscard issue-psam`: on a blank chip, on one that was begun, on a finished one."""

import pytest
from typer.testing import CliRunner

from apdu.errors import CardRemovedError
from apdu.transport.inprocess import InProcessReaders
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import PsamKeyLoad
from services.cli import app, issue_psam
from services.custody.development import DevelopmentCustodian
from simulator.blanks import BLANKS
from simulator.card import SoftwareCard

READER = "SAM Writer 01"
ORDER = """
serial = "99010020260101000001"
terminal = "990100000001"
region = "990100"

[ministry]
valid_from = "20260101"
valid_until = "20301231"

[province]
valid_from = "20260101"
valid_until = "20301231"

[city]
valid_from = "20260101"
valid_until = "20301231"
"""


@pytest.fixture
def chip(monkeypatch) -> SoftwareCard:
    """Stays what it is from one command to the next."""
    card = SoftwareCard(BLANKS["blank-psam"](1), t0=True)

    def readers(_) -> InProcessReaders:
        found = InProcessReaders([READER])
        found.insert(READER, card, t0=True)
        return found

    monkeypatch.setattr(issue_psam, "open_readers", readers)
    monkeypatch.setenv("SSCARD_MODE", "development")
    return card


@pytest.fixture
def command(tmp_path):
    """Runs the command; what it said, and its exit code."""
    file = tmp_path / "psam.toml"
    file.write_text(ORDER)

    def run(*arguments: str):
        return CliRunner().invoke(app, ["issue-psam", str(file), *arguments])

    return run


class Interrupted(DevelopmentCustodian):
    """Ctrl-C, or a removed chip, at the fifth key for a PSAM."""

    error: type[BaseException] = KeyboardInterrupt
    loads = 0

    def perform(self, request):
        if any(isinstance(task, PsamKeyLoad) for task in request.tasks):
            Interrupted.loads += 1
            if Interrupted.loads == 5:
                raise self.error("stopped")
        return super().perform(request)

    def close(self) -> None:
        """Nothing to close."""


def test_a_psam_is_issued_and_proven(chip, command) -> None:
    result = command("--reader", "SAM")
    assert result.exit_code == 0, result.output
    assert "PSAM 99010020260101000001, terminal 终端 990100000001: issued and proven" in result.stdout
    for algorithm in ("DES", "SM4"):
        assert f"{algorithm}: 7 files read back, 68 keys" in result.stdout
        assert "5 authenticated, 58 computed, 5 accepted only" in result.stdout


def test_the_same_file_serves_for_other_numbers(chip, command) -> None:
    result = command("--serial", "99010020260101000002", "--terminal", "990100000002")
    assert "PSAM 99010020260101000002, terminal 终端 990100000002: issued" in result.stdout


def test_a_finished_one_is_refused_and_may_be_verified(chip, command) -> None:
    assert command().exit_code == 0
    again = command()
    assert again.exit_code == 1
    assert "this very PSAM" in again.stderr
    assert "CHIP_USED" in again.stderr
    verified = command("--verify")
    assert verified.exit_code == 0
    assert "compared and proven" in verified.stdout
    assert command("--verify", "--terminal", "990100000002").exit_code == 1
    assert command("--resume").exit_code == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, CardRemovedError])
def test_what_was_stopped_is_gone_on_with(chip, command, monkeypatch, error) -> None:
    Interrupted.error, Interrupted.loads = error, 0
    with monkeypatch.context() as patch:
        patch.setattr(issue_psam, "open_custodian", lambda *_, **__: Interrupted(development_mode=True))
        stopped = command()
    assert stopped.exit_code == (130 if error is KeyboardInterrupt else 1)
    assert ("--resume" in stopped.stderr) == (error is KeyboardInterrupt)
    assert command().exit_code == 1
    assert command("--resume").exit_code == 0
    assert command("--verify").exit_code == 0


def test_a_key_that_is_missing_is_named(chip, command, monkeypatch) -> None:
    Interrupted.error, Interrupted.loads = KeyUnavailableError, 0
    monkeypatch.setattr(issue_psam, "open_custodian", lambda *_, **__: Interrupted(development_mode=True))
    result = command()
    assert result.exit_code == 1
    assert "KEY_UNAVAILABLE" in result.stderr


def test_in_production_the_ids_have_to_be_said(chip, command, monkeypatch) -> None:
    monkeypatch.setenv("SSCARD_MODE", "production")
    result = command()
    assert result.exit_code == 2
    assert "psam_keys" in result.stderr


def test_an_order_that_cannot_be_is_told_before_a_chip_is_touched(chip, command) -> None:
    result = command("--terminal", "1")
    assert result.exit_code == 2
    assert "12 digits" in result.stderr
    assert command().exit_code == 0
