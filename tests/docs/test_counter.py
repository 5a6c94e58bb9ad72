"""What the page about counters shows is run, against the service that it starts."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.catalogue import REFUSALS
from services.cli import app, unreachable
from sscard.v1 import pin_pb2

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "counter.md").read_text(encoding="utf-8")
ADDRESS = "127.0.0.1:50551"
CHOSEN, NEXT = "864209", "975310"
INITIAL = "123456"

pytestmark = pytest.mark.timeout(120)


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


START, ENTERED, WATCHED, PINS, AT_PAD = examples("sh")
PERSON, CARD, DOCUMENT = examples("json")
(PROGRAM,) = examples("python")


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The service as the page starts it, at another port, with its state in a directory that goes away."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("person.json", PERSON), ("card.json", CARD), ("document.json", DOCUMENT)):
        Path(name).write_text(text, encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    words = shlex.split(START.replace("/tmp/try", str(tmp_path / "try")))
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    command = [sys.executable, "-m", "services.cli", *[word for word in words if "=" not in word][1:]]
    environment = (
        os.environ | variables | {"SSCARD_LISTEN": listen, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto'}"}
    )
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while "serving" not in process.stderr.readline():
            assert process.poll() is None
            assert time.monotonic() < deadline
        yield listen
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def run(line: str, address: str, *typed: str) -> str:
    words = shlex.split(line.replace(ADDRESS, address), comments=True)
    result = CliRunner().invoke(app, words[1:], input="".join(f"{each}\n" for each in typed))
    assert result.exit_code == 0, f"{line}: {result.output}"
    assert not any(pin in result.output for pin in typed if len(pin) > 1)
    return result.output


def enter(address: str) -> None:
    for line in ENTERED.splitlines()[:3]:
        run(line, address)


def test_a_card_is_entered_activated_and_read(address: str) -> None:
    enter(address)
    activated, shown, read = (run(line, address, CHOSEN) for line in ENTERED.splitlines()[3:])
    assert "activated now" in activated
    assert "activated" in shown
    assert "Not read" not in read
    status, verified, changed, unblocked, reset = (
        run(line, address, *typed)
        for line, typed in zip(
            PINS.splitlines(), ((), (CHOSEN,), (CHOSEN, NEXT, NEXT), (), (CHOSEN, CHOSEN)), strict=True
        )
    )
    assert "pad of the reader: 有 yes" in status
    assert "密码正确" in verified
    assert "密码已修改" in changed
    assert "密码已解锁" in unblocked
    assert "密码已重置" in reset


def test_the_holder_types_at_the_pad(address: str) -> None:
    assert "密码正确" in run(AT_PAD.strip(), address)


def test_the_program_activates_verifies_and_reads(address: str) -> None:
    enter(address)
    printed = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace(ADDRESS, address)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "proto")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert printed.splitlines() == [
        "示例𠮷 T00030008",
        "activated now",
        "PIN_RESULT_OK 6",
        "medical_insurance read",
    ]


def test_readers_are_watched(address: str) -> None:
    words = shlex.split(WATCHED.replace(ADDRESS, address))
    command = [sys.executable, "-m", "services.cli", *words[1:]]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto'}", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        lines = [next(process.stdout) for _ in range(3)]
        process.send_signal(signal.SIGTERM)
    assert "reader added" in lines[0]
    assert "card inserted" in lines[1]
    assert "initial complete" in lines[2]


def test_the_reasons_and_results_of_the_page_are_those_that_there_are() -> None:
    first_cells = re.findall(r"^\| (`[A-Z].*?) \|", PAGE, re.MULTILINE)
    named = {word for cell in first_cells for word in re.findall("[A-Z_]{3,}|OK", cell)}
    results = {name.removeprefix("PIN_RESULT_") for name in pin_pb2.PinResult.keys()}  # noqa: SIM118  no mapping
    assert len(named) > 15
    assert named <= {row.reason for row in REFUSALS.values()} | results


def test_what_the_page_says_of_connections_is_what_is_said() -> None:
    rows = re.findall(r"^\| `([a-z][^`]* [^`]*)`(?: \(`(.*?)`\))? \|", PAGE, re.MULTILINE)
    assert len(rows) == 5
    for words, sign in rows:
        told = [cause.english for cause in unreachable.CAUSES if cause.sign == (sign or "Connection refused")]
        assert len(told) == 1
        assert told[0].startswith(words)
