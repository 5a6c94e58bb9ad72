"""What the page about the simulator's control shows is tried."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from services.cli import slot

PAGE = (Path(__file__).parents[2] / "docs" / "simulator-control.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SHOWN = re.findall(r"^sscard slot (.*?)(?:\s+#.*)?$", PAGE, re.MULTILINE)
SSCARD = [sys.executable, "-m", "services.cli"]


@pytest.mark.pcsc
@pytest.mark.xdist_group("pcscd")
@pytest.mark.usefixtures("no_pcscd")
def test_the_client_and_the_commands_of_the_page_run(tmp_path: Path) -> None:
    (tmp_path / "faults.toml").write_text('[[faults]]\nkind = "mute"\n', encoding="utf-8")
    (tmp_path / "client.py").write_text(EXAMPLE, encoding="utf-8")
    commands = [f"{shlex.join(SSCARD)} slot {words} || echo FAILED {words}" for words in SHOWN]
    script = "\n".join((f"{shlex.quote(sys.executable)} client.py", *commands))
    environment = {name: value for name, value in os.environ.items() if name != "PCSCLITE_CSOCK_NAME"}
    said = subprocess.run(
        [*SSCARD, "simulate", "--card", "2.0", "--slots", "4", "--control", "127.0.0.1:0", "--", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=environment,
        cwd=tmp_path,
    )
    assert "card-2 is in Virtual Reader B 00 00" in said.stdout, said.stderr
    assert re.findall("^FAILED (.*)", said.stdout, re.MULTILINE) == ["swap 1 --card card-1"], said.stderr
    assert "card 'card-1' is in slot 3 [CARD_IN_SLOT]" in said.stderr


def test_every_command_is_on_the_page() -> None:
    commands = typer.main.get_group(slot.app).commands
    assert {words.split()[0] for words in SHOWN} == set(commands)
