"""``sscard simulate --faults``: the cards fail as the script says; a script that cannot be meant is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.pcsc
@pytest.mark.xdist_group("pcscd")
@pytest.mark.usefixtures("no_pcscd")
def test_only_the_card_that_the_script_names_fails(tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[[faults]]\nkind = "status"\nstatus = "6581"\ntimes = "always"\ncard = 2\n', encoding="utf-8")
    get_challenge = "00:84:00:00:04"
    tries = f"opensc-tool -r 0 -s {get_challenge}; opensc-tool -r 1 -s {get_challenge}"
    said = simulate("-n", "2", "--faults", str(script), "--", "sh", "-c", tries)
    first, second = said.stdout.split("Sending:")[1:]
    assert "SW1=0x90, SW2=0x00" in first, said.stderr
    assert "SW1=0x65, SW2=0x81" in second


@pytest.mark.pcsc
@pytest.mark.xdist_group("pcscd")
@pytest.mark.usefixtures("no_pcscd")
def test_a_card_that_falls_mute_is_an_error_to_a_client_that_is_not_ours_and_answers_after_a_reset(
    tmp_path: Path,
) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[[faults]]\nkind = "mute"\ninstruction = "84"\n', encoding="utf-8")
    get_challenge = "opensc-tool -r 0 -s 00:84:00:00:04"
    tries = f"{get_challenge} 2>&1; {get_challenge} 2>&1; opensc-tool -r 0 --reset; {get_challenge}"
    said = simulate("-n", "1", "--faults", str(script), "--", "sh", "-c", tries)
    *silent, awake = said.stdout.split("Sending:")[1:]
    assert ["Transmit failed" in each for each in silent] == [True, True], "opensc-tool does not reset cards unasked"
    assert "SW1=0x90, SW2=0x00" in awake, said.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[faults]]\nkind = "mute"\non = "reset"\ncard = 3\n', "there is no card 3, the last is 2"),
        ('[[faults]]\nkind = "mute"\nat = 0\n', "at is counted from 1"),
    ],
)
def test_a_script_that_cannot_be_meant_is_refused_before_anything_starts(
    tmp_path: Path, text: str, complaint: str
) -> None:
    script = tmp_path / "faults.toml"
    script.write_text(text, encoding="utf-8")
    refused = simulate("--faults", str(script), "--", "true")
    assert refused.returncode == 2
    assert complaint in refused.stderr
