"""The examples against `sscard serve` with certificates, as examples/README.md has them run."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from typer.testing import CliRunner

from services.cli import app
from simulator.people import READY

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = {
    "python": [sys.executable, str(EXAMPLES / "hospital_pos.py")],
    "node": ["node", str(EXAMPLES / "nodejs" / "hospital_pos.js")],
}
HOLDER = READY["3.0"].holder
CHOSEN, WRONG = "271828", "246813"

Run: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


def sscard(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with certificates, settings, and a database in which one card is delivered."""
    folder = tmp_path_factory.mktemp("trial")
    sscard("certs", "init", folder / "ca")
    sscard("certs", "issue-server", folder / "ca", folder / "service", "--host", "localhost")
    for role in ("hospital", "pharmacy"):
        caller = ("--institution", "990000-HOSPITAL-1", "--role", role, "--name", "desk 4")
        sscard("certs", "issue", folder / "ca", folder / role, *caller)
    settings = {
        "mode": "development",
        "listen": "127.0.0.1:0",
        "readers": "simulated",
        "database": str(folder / "trial.db"),
        "tls_certificate": str(folder / "service.crt"),
        "tls_key": str(folder / "service.key"),
        "tls_client_ca": str(folder / "ca" / "ca.crt"),
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    (folder / "trial.toml").write_text("\n".join([*lines, 'simulated_cards = ["3.0"]', ""]))
    number, name = str(HOLDER["social_security_number"]), str(HOLDER["name"])
    known = json.loads(sscard("read", "-c", folder / "trial.toml", "--json"))["identity"]["issuer"]
    card = {key: known[key] for key in ("card_identifier", "card_number")}
    (folder / "person.json").write_text(json.dumps({"social_security_number": number, "name": name}))
    (folder / "card.json").write_text(json.dumps(card | {"social_security_number": number}))
    (folder / "document.json").write_text(json.dumps({"number": number, "name": name}))
    registry = ("registry", "institution", "990000-HOSPITAL-1", "示例医院", "--kind", "hospital")
    sscard(*registry, "-c", folder / "trial.toml")
    for what, file in (("person", "person"), ("card", "card"), ("deliver", "document")):
        sscard("registry", what, folder / f"{file}.json", "-c", folder / "trial.toml")
    return folder


@pytest.fixture(scope="module", params=PROGRAMS)
def run(trial: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs one of the examples, against a service of its own with the card as it was delivered."""
    tmp_path = tmp_path_factory.mktemp(request.param)
    for file in trial.glob("trial.*"):
        if file.suffix != ".toml":
            (tmp_path / file.name).write_bytes(file.read_bytes())
            (tmp_path / file.name).chmod(0o600)
    environment = os.environ | {"SSCARD_DATABASE": str(tmp_path / "trial.db"), "SSCARD_CARD_CACHE": ""}
    command = [sys.executable, "-m", "services.cli", "serve", "-c", str(trial / "trial.toml")]
    service = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert service.stderr is not None
        port = next(found[1] for line in service.stderr if (found := re.search(r"serving.*port=(\d+)", line)))

        def once(pin: str, *, who: str = "hospital") -> "subprocess.CompletedProcess[str]":
            program = PROGRAMS[request.param]
            shown = [str(trial / "ca" / "ca.crt"), str(trial / f"{who}.crt"), str(trial / f"{who}.key")]
            return subprocess.run(
                [*program, f"localhost:{port}", *shown],
                input=f"{pin}\n",
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
                env=environment | {"PYTHONIOENCODING": "utf-8"},
            )

        yield once
    finally:
        service.send_signal(signal.SIGTERM)
        _, log = service.communicate(timeout=30)
    assert service.returncode == 0, log


def test_the_first_registration_activates_and_later_ones_read(run: Run) -> None:
    first = run(CHOSEN)
    assert first.returncode == 0, first.stderr
    assert f"{HOLDER['name']}, 990000…: 本次激活 activated now" in first.stdout
    assert "PIN: PIN_RESULT_OK" in first.stdout
    assert "medical_insurance read" in first.stdout
    later = run(CHOSEN)
    assert later.returncode == 0, later.stderr
    assert "此前已激活 activated before" in later.stdout
    assert "PIN: PIN_RESULT_OK" in later.stdout
    wrong = run(WRONG)
    assert wrong.returncode == 1
    assert "PIN: PIN_RESULT_REJECTED, tries left 5" in wrong.stdout
    assert "medical_insurance" not in wrong.stdout
    none = run("")
    assert none.returncode == 0, none.stderr
    assert "PIN:" not in none.stdout
    for each in (first, later, wrong):
        assert CHOSEN not in each.stdout + each.stderr
        assert not each.stderr


def test_errors_say_what_to_do(run: Run) -> None:
    missing = run("", who="nobody")
    assert missing.returncode == 1
    assert re.search(r"nobody\.(crt|key)", missing.stderr)
    assert len(missing.stderr.splitlines()) == 1
    # A pharmacy may read cards, and activates them otherwise.
    denied = run("", who="pharmacy")
    assert denied.returncode == 1
    reason, chinese, english = denied.stderr.splitlines()
    assert reason == "ACCESS_DENIED"
    assert "角色" in chinese
    assert "sscard access" in english


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_each_is_one_page_and_says_how_it_is_called(program: list[str]) -> None:
    assert len(Path(program[-1]).read_text(encoding="utf-8").splitlines()) <= 110
    usage = subprocess.run(program, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL)
    assert usage.returncode == 1
    assert "SERVER CA.pem CLIENT.pem CLIENT.key" in usage.stderr
