"""``sscard conformance``, as its users call it."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from apdu.transport.inprocess import InProcessReaders
from services.cli import app, conformance
from simulator.cards import Cards
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
    reasons = [line for line in result.output.splitlines() if "NOT RUN" in line]
    assert any("irreversible: " in line for line in reasons)
    assert not any("destructive: " in line or "no PIN" in line or "no key" in line for line in reasons)


def test_what_ends_the_cards_life_is_asked_for_again_whatever_was_said_before() -> None:
    given = ("--destructive", "--irreversible", "--yes", "-g", "BLOCK")
    refused = sscard(*CARD, *given, stdin="n\n")
    assert refused.exit_code == 1
    assert "the card is waste afterwards" in refused.stderr
    assert "Conformance of" not in refused.stdout
    done = sscard(*CARD, *given, stdin="y\n")
    assert done.exit_code == 0, done.output
    assert "NOT RUN" not in done.output


def test_ending_the_cards_life_alone_is_not_asked_for() -> None:
    result = sscard(*CARD, "--irreversible")
    assert result.exit_code == 2
    assert "--destructive" in result.stderr


def test_a_recorded_run_is_run_again_without_the_card(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    options = ("-g", "VERIFY", "-g", "CHANGE PIN", "-g", "KEY_VER1", "--destructive", "--yes", "--pin-stdin")
    live = sscard(*CARD, *options, "--record", str(file), stdin="123456\n")
    assert live.exit_code == 0, live.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert "keep it safe" in live.stderr
    header = json.loads(file.read_text("utf-8").splitlines()[0])
    assert header["t0"] is True
    again = sscard("--simulated", "--transcript", str(file), "--pin-stdin", stdin="123456\n")
    assert again.exit_code == 0, again.output
    assert again.stdout == live.stdout


def test_another_run_than_the_recorded_one_is_said(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    assert sscard(*CARD, "-g", "VERIFY", "--pin-stdin", "--record", str(file), stdin="123456\n").exit_code == 0
    other = sscard("--simulated", "--transcript", str(file), "--pin-stdin", stdin="654321\n")
    assert other.exit_code == 1
    assert "not the run that was recorded" in other.stderr
    assert "654321" not in other.output
    lines = file.read_text("utf-8").splitlines()
    file.write_text("\n".join([*lines, lines[-1]]), "utf-8")
    longer = sscard("--simulated", "--transcript", str(file), "--pin-stdin", stdin="123456\n")
    assert longer.exit_code == 1
    assert "1 commands are left" in longer.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read"),
        ("no transcript", "is no transcript"),
        ('{"transcript": 1, "atr": "3B00"}', "no transcript of a conformance run"),
        (
            '{"transcript": 1, "atr": "3B00", "t0": true, "conformance": {"groups": 1}}',
            "no transcript of a conformance",
        ),
    ],
)
def test_what_is_no_recorded_run_is_refused(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "run.jsonl"
    if content is not None:
        file.write_text(content, "utf-8")
    result = sscard("--simulated", "--transcript", str(file))
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize("option", [("-g", "ATR"), ("--destructive",), ("--record", "x"), ("--reader", "y")])
def test_a_recorded_run_is_not_chosen_from(tmp_path: Path, option: tuple[str, ...]) -> None:
    result = sscard("--simulated", "--transcript", str(tmp_path / "run.jsonl"), *option)
    assert result.exit_code == 2
    assert "runs what was recorded" in result.stderr


def test_what_is_no_pin_is_refused() -> None:
    result = sscard(*CARD, "--pin-stdin", stdin="12a456\n")
    assert result.exit_code == 2
    assert "4 to 16 digits" in result.stderr


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("psam", "READ RECORD: status word 6A82 (file not found)"),
        ("memory-card", "SELECT: status word 6E00 (class not supported)"),
        ("blank-fmcos", "SELECT: status word 6A81 (function not supported, or card blocked)"),
    ],
    ids=["psam", "memory-card", "blank-fmcos"],
)
def test_a_card_that_is_not_recognised_is_not_said_to_be_of_a_version(monkeypatch, tmp_path, kind, reason) -> None:
    readers = InProcessReaders(["Counter 1"])
    readers.insert("Counter 1", Cards().kind(kind).chip)
    monkeypatch.setattr(conformance, "open_readers", lambda _settings: readers)
    report = tmp_path / "report.xml"
    result = sscard("--simulated", "--junit", str(report))
    assert result.exit_code == 1, result.output
    assert "Conformance of a card that is not recognised" in result.stdout
    assert "3.0" not in result.stdout
    (sentence,) = {line for line in result.stdout.splitlines() if "× the card is not recognised: " in line}
    assert reason in sentence
    assert "Error" not in result.stdout + report.read_text("utf-8")
    suites = ET.fromstring(report.read_bytes())
    assert {item.get("name") for item in suites.iter("property")} == {"group"}


def test_the_psam_that_the_keys_come_from_is_not_the_card_that_is_tested(monkeypatch) -> None:
    readers = InProcessReaders(["Counter 1", "Counter 2"])
    readers.insert("Counter 2", Cards().kind("psam").chip, t0=True)
    monkeypatch.setattr(conformance, "open_readers", lambda _settings: readers)
    monkeypatch.setenv("SSCARD_PSAM_READER", "Counter 2")
    for wanted in ((), ("--reader", "Counter 2")):
        refused = sscard("--simulated", *wanted)
        assert refused.exit_code == 1
        assert "there are: 'Counter 1'" in refused.stderr
    readers = InProcessReaders(["Counter 1", "Counter 2"])  # a command closes its readers
    readers.insert("Counter 1", ready_card("3.0"), t0=True)
    readers.insert("Counter 2", Cards().kind("psam").chip, t0=True)
    result = sscard("--simulated", "--group", "KEY_VER1")
    assert result.exit_code == 0, result.output
    assert "Conformance of a 3.0 card" in result.stdout


def unread(_settings: object) -> InProcessReaders:
    raise AssertionError("the readers were asked for")


@pytest.mark.parametrize("option", ["--junit", "--record"])
def test_where_a_file_cannot_be_written_is_said_before_anything_is_asked_or_done(monkeypatch, tmp_path, option) -> None:
    monkeypatch.setattr(conformance, "open_readers", unread)
    given = ("--destructive", "--irreversible", option)
    for place in (tmp_path / "no" / "file", tmp_path):
        result = sscard(*CARD, *given, str(place), stdin="y\ny\n")
        assert result.exit_code == 2
        assert f"{place}: " in result.stderr
        assert "waste" not in result.stderr


def test_a_recording_is_not_made_over_a_file(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(conformance, "open_readers", unread)
    file = tmp_path / "run.jsonl"
    file.write_text("kept", "utf-8")
    result = sscard(*CARD, "--destructive", "--record", str(file), stdin="y\n")
    assert result.exit_code == 2
    assert "cannot record to" in result.stderr
    assert file.read_text("utf-8") == "kept"


def test_a_run_that_is_called_off_leaves_no_file_and_keeps_an_old_report(tmp_path) -> None:
    old, new, recorded = (tmp_path / name for name in ("old.xml", "new.xml", "run.jsonl"))
    old.write_text("old", "utf-8")
    for report in (old, new):
        given = ("--junit", str(report), "--record", str(recorded))
        assert sscard(*CARD, "--destructive", *given, stdin="n\n").exit_code == 1
    assert old.read_text("utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["old.xml"]


@pytest.mark.parametrize("option", ["--record", "--transcript"])
def test_the_report_is_not_written_over_the_recording(monkeypatch, tmp_path, option) -> None:
    monkeypatch.setattr(conformance, "open_readers", unread)
    file = str(tmp_path / "run.jsonl")
    result = sscard("--simulated", option, file, "--junit", file)
    assert result.exit_code == 2
    assert "over the recorded run" in result.stderr


@pytest.mark.parametrize("lines", [1, 3, -1], ids=["header", "head", "all but the last"])
def test_a_recording_that_was_cut_short_is_told_from_another_run(tmp_path, lines: int) -> None:
    file = tmp_path / "run.jsonl"
    assert sscard(*CARD, "-g", "SELECT", "--record", str(file)).exit_code == 0
    file.write_text("".join(file.read_text("utf-8").splitlines(keepends=True)[:lines]), "utf-8")
    result = sscard("--simulated", "--transcript", str(file))
    assert result.exit_code == 1
    assert "the recording is incomplete" in result.stderr
    assert "not the run" not in result.stderr


def test_a_recording_that_breaks_off_within_a_line_is_incomplete_too(tmp_path) -> None:
    file = tmp_path / "run.jsonl"
    assert sscard(*CARD, "-g", "ATR", "--record", str(file)).exit_code == 0
    file.write_bytes(file.read_bytes()[:-5])
    result = sscard("--simulated", "--transcript", str(file))
    assert result.exit_code == 1
    assert "breaks off" in result.stderr
