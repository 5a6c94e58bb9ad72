"""``sscard conformance``, as its users call it."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from apdu.transport.inprocess import InProcessReaders
from services.cli import app, conformance
from simulator.people import ready_card
from simulator.quirks import Quirks

CARD = ("--simulated", "--reader", "Software reader 02")


def sscard(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["conformance", *arguments], input=stdin)


def test_a_card_that_conforms_is_reported_by_group_with_exit_code_0() -> None:
    result = sscard(*CARD)
    assert result.exit_code == 0, result.output
    for text in ("Conformance of a 3.0 card", "KEY_VER3", "DF07_SAFETY", "no PIN was given", "it blocks the PIN"):
        assert text in result.output
    assert "FAILED" not in result.output


def test_a_card_that_does_not_is_named_by_case_clause_and_answer_with_exit_code_1(monkeypatch) -> None:
    readers = InProcessReaders(["Counter 1"])
    readers.insert("Counter 1", ready_card("3.0", t0=False, quirks=Quirks(by_tag=False)))
    monkeypatch.setattr(conformance, "open_readers", lambda _settings: readers)
    result = sscard("--simulated", "--group", "SSSE_RECORD")
    assert result.exit_code == 1
    assert "FAILED SSSE_RECORD.EF05.tags" in result.output
    assert "S2.5 §6.10" in result.output
    assert "6A86" in result.output


def test_only_the_groups_asked_for_are_run(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    result = sscard(*CARD, "-g", "atr", "-g", "SELECT", "--junit", str(report))
    assert result.exit_code == 0, result.output
    root = ET.fromstring(report.read_bytes())
    assert [suite.get("name") for suite in root] == ["ATR", "SELECT"]


def test_a_group_that_is_not_there_is_refused_with_those_that_are() -> None:
    result = sscard(*CARD, "--group", "DF99_RECORD")
    assert result.exit_code == 2
    assert "DF01_RECORD" in result.stderr


@pytest.mark.parametrize(("reply", "code"), [("y\n", 0), ("n\n", 1)])
def test_before_what_harms_the_card_it_asks(reply: str, code: int) -> None:
    result = sscard(*CARD, "-g", "SSSE_SAFETY", "--destructive", stdin=reply)
    assert result.exit_code == code, result.output
    assert "block the PIN" in result.stderr
    assert ("Conformance of" in result.stdout) is (code == 0)


def test_with_the_pin_and_yes_everything_is_run() -> None:
    result = sscard(*CARD, "--destructive", "--yes", "--pin-stdin", stdin="123456\n")
    assert result.exit_code == 0, result.output
    assert "NOT RUN" not in result.output


def test_what_is_no_pin_is_refused() -> None:
    result = sscard(*CARD, "--pin-stdin", stdin="12a456\n")
    assert result.exit_code == 2
    assert "4 to 16 digits" in result.stderr


def test_a_report_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    result = sscard(*CARD, "-g", "ATR", "--junit", str(tmp_path / "no" / "report.xml"))
    assert result.exit_code == 2
    assert "cannot write" in result.stderr
