"""``sscard slot`` with a running ``sscard simulate --control``, as its users call both."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.config import Config

SSCARD = [sys.executable, "-m", "services.cli"]
OUTSIDE = {name: value for name, value in os.environ.items() if name not in {"PCSCLITE_CSOCK_NAME", "SSCARD_CONTROL"}}
Said: TypeAlias = "subprocess.CompletedProcess[str]"

pcsc = pytest.mark.pcsc
group = pytest.mark.xdist_group("pcscd")


@pytest.fixture
def simulator(no_pcscd: None) -> Iterator[tuple[dict[str, str], str]]:
    """The environment that a simulator of one card in four slots prints, and everything it printed."""
    command = [*SSCARD, "simulate", "--card", "2.0", "--slots", "4", "--control", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=OUTSIDE, cwd="/") as running:
        assert running.stdout is not None
        printed = ""
        while "Ready." not in printed:
            line = running.stdout.readline()
            assert line, printed
            printed += line
        (exported,) = re.findall("^export (.*)$", printed, re.MULTILINE)
        yield dict(variable.split("=", 1) for variable in exported.split()), printed
        running.terminate()
        assert running.wait(30) == 0


@pytest.fixture
def slot(simulator: tuple[dict[str, str], str]) -> Callable[..., Said]:
    """Runs ``sscard slot`` where the simulator is known by its environment."""

    def run(*arguments: str) -> Said:
        command = [*SSCARD, "slot", *arguments]
        environment = OUTSIDE | simulator[0]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=environment, cwd="/"
        )

    return run


@pcsc
@group
@pytest.mark.timeout(120)
def test_cards_are_moved_made_to_fail_and_reported(
    slot: Callable[..., Said], simulator: tuple[dict[str, str], str], tmp_path: Path
) -> None:
    environment, printed = simulator
    assert f"sscard slot … --control {environment['SSCARD_CONTROL']}" in printed
    assert "card-1" in slot("list").stdout
    assert "slot 1: card-1 removed" in slot("remove", "1").stdout
    assert "slot 4: card-1 inserted" in slot("insert", "4", "--card", "card-1").stdout
    swapped = slot("swap", "4", "--kind", "3.0", "--name", "new").stdout
    assert re.findall("slot 4: (card-1 removed|new inserted)", swapped) == ["card-1 removed", "new inserted"]
    listed = json.loads(slot("list", "--json").stdout)
    assert listed["slots"][3]["card"]["label"] == "3.0 card of SM4"
    assert [card["name"] for card in listed["drawer"]] == ["card-1"]

    script = tmp_path / "faults.toml"
    script.write_text('[[faults]]\nkind = "mute"\n', encoding="utf-8")
    assert slot("faults", "4", str(script)).stdout.startswith("new: faults 故障: 1")
    read = [*SSCARD, "read", "-r", "Virtual Reader B 00 01"]
    tries = [
        subprocess.run(read, capture_output=True, text=True, timeout=30, check=False, env=OUTSIDE | environment)
        for _ in range(2)
    ]
    assert "[CARD_MUTE]" in tries[0].stderr
    assert "示例𠮷" in tries[1].stdout, "its first reset brought it back"
    assert json.loads(slot("report", "new", "--json").stdout)["waiting_seconds"] > 0
    assert "SM4" in slot("report", "new").stdout
    assert slot("faults", "all", "--clear").stdout.startswith("new: faults 故障: 0")


@pcsc
@group
def test_what_cannot_be_done_is_told_with_exit_code_1(slot: Callable[..., Said], tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[[faults]]\nkind = "mute"\nat = 0\n[[faults]]\nkind = "none"\n', encoding="utf-8")
    for arguments, complaints in (
        (("insert", "1", "--kind", "2.0"), ("there is a card in slot 1 already [SLOT_TAKEN]", "卡槽中已有卡片")),
        (("insert", "2", "--kind", "9.9"), ("[CARD_NOT_MADE]", "there is no software card '9.9'; there are 1.0")),
        (("faults", "all", str(script)), ("[FAULT_SCRIPT]", "faults[1]: at is counted from 1", "faults[2]: ")),
    ):
        said = slot(*arguments)
        assert said.returncode == 1
        assert [complaint for complaint in complaints if complaint not in said.stderr] == []


@pcsc
@group
@pytest.mark.usefixtures("no_pcscd")
def test_the_command_that_simulate_runs_controls_it() -> None:
    command = [*SSCARD, "simulate", "--control", "127.0.0.1:0", "--", *SSCARD, "slot", "remove", "2"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=OUTSIDE, cwd="/")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("slot 2: card-2 removed")


REFUSED = {
    "no simulator meant": (("list",), 2, "which simulator? give --control, or set SSCARD_CONTROL"),
    "nobody there": (("list", "--control", "127.0.0.1:1"), 1, "no simulator answers at 127.0.0.1:1"),
    "no card": (("insert", "1", "--control", "127.0.0.1:1"), 2, "which card? give one of --card, --kind"),
    "two cards": (("swap", "1", "--kind", "2.0", "--card", "x", "--control", "127.0.0.1:1"), 2, "which card?"),
    "a name for an old card": (("insert", "1", "--card", "x", "--name", "y"), 2, "--name is for a new card"),
    "no file": (("insert", "1", "--description", "/nonexistent"), 2, "/nonexistent: cannot be read"),
    "no slot": (("faults", "first", "--clear"), 2, "'first' is neither the number of a slot nor `all`"),
    "no script": (("faults", "all"), 2, "give the file of a fault script, or --clear"),
}


@pytest.mark.parametrize(("arguments", "code", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_said_in_a_sentence(
    arguments: tuple[str, ...], code: int, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSCARD_CONTROL", raising=False)
    result = CliRunner().invoke(app, ("slot", *arguments))
    assert result.exit_code == code, result.output
    assert sentence in result.stderr


def test_a_description_whose_keys_lie_beside_it_is_refused_with_the_path_to_give(tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    for source, told in (
        ("own.toml", f"the folder of the description: give the absolute path, {tmp_path / 'own.toml'}"),
        ("development", "no simulator answers"),
        ("/nonexistent/own.toml", "no simulator answers"),
    ):
        path.write_text(f'version = "2.0"\n[keys]\nsource = "{source}"\n', encoding="utf-8")
        result = CliRunner().invoke(
            app, ("slot", "insert", "1", "--description", str(path), "--control", "127.0.0.1:1")
        )
        assert told in result.stderr


@pytest.mark.parametrize("address", ["0.0.0.0:50552", "192.0.2.7:0"])
def test_a_simulator_is_not_controlled_from_other_machines(address: str) -> None:
    result = CliRunner().invoke(app, ("simulate", "--control", address, "--", "true"))
    assert result.exit_code == 2
    assert f"{address} can be reached from other machines" in result.stderr


def test_the_variable_is_no_setting_of_the_service_and_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSCARD_CONTROL", "127.0.0.1:50552")
    assert Config.load(mode="development").development
