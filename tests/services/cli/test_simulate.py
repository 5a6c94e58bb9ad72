"""``sscard simulate``, with clients that are not ours and one that is."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from services.cli import app
from simulator import pcscd

pytestmark = [pytest.mark.pcsc, pytest.mark.xdist_group("pcscd"), pytest.mark.usefixtures("no_pcscd")]

SSCARD = [sys.executable, "-m", "services.cli"]


def simulate(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != "PCSCLITE_CSOCK_NAME"}
    return subprocess.run(
        [*SSCARD, "simulate", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
        cwd="/",
    )


def test_a_command_finds_the_cards_in_their_readers_at_once() -> None:
    listed = simulate("-n", "3", "--", "opensc-tool", "-l")
    assert listed.returncode == 0, listed.stderr
    assert [line.split()[1] for line in listed.stdout.splitlines()[2:]] == ["Yes", "Yes", "Yes", "No"]


def test_cards_of_one_kind_are_told_apart_by_their_serial_number() -> None:
    atrs = simulate("-n", "2", "--card", "2.0", "--", "sh", "-c", "opensc-tool -r 0 -a; opensc-tool -r 1 -a")
    first, second = atrs.stdout.split()
    assert first != second
    assert first.split(":")[:-4] == second.split(":")[:-4]


def test_our_own_client_reads_the_cards_with_the_development_keys() -> None:
    read = simulate("--card", "3.0", "--", *SSCARD, "read")
    assert "示例𠮷" in read.stdout, read.stderr
    assert "已通过内部认证" in read.stdout


@pytest.mark.parametrize(
    ("command", "code"),
    [(("false",), 1), (("sh", "-c", "exit 7"), 7), (("sh", "-c", "kill -SEGV $$"), 139), (("no-such-program",), 2)],
)
def test_the_exit_code_is_that_of_the_command(command: tuple[str, ...], code: int) -> None:
    assert simulate("--", *command).returncode == code


def test_a_seed_may_be_any_bytes() -> None:
    assert simulate("--seed", os.fsdecode(b"\xff\xfe"), "--", "true").returncode == 0


def test_without_the_driver_only_what_helps_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcscd, "_DRIVER_PLACES", ())
    result = CliRunner().invoke(app, ("simulate", "--", "true"))
    assert result.exit_code == 1
    assert result.stderr == (
        "sscard: vsmartcard's driver is not installed; on Debian: apt-get install vsmartcard-vpcd\n"
    )


def test_a_command_is_told_to_stop_when_we_are() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PCSCLITE_CSOCK_NAME"}
    script = "trap 'kill $!; echo told; exit 3' TERM; echo ready; sleep 30 & wait"
    with subprocess.Popen(
        [*SSCARD, "simulate", "--", "sh", "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.terminate()
        assert running.stdout.readline() == "told\n"
        assert running.wait(20) == 3
