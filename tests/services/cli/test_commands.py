"""The commands as a whole: in which order they are shown, when they are imported, what a slip of the keys is told."""

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner, Result

from services.cli import COUNTER, MAKING, RUNNING, TRYING, app

SLOW = ("sqlalchemy", "alembic", "simulator", "services.server")


def sscard(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def test_help_shows_every_command_in_the_group_of_those_who_need_it() -> None:
    shown = sscard("--help").stdout
    panels = [shown.index(panel) for panel in (COUNTER, MAKING, RUNNING, TRYING)]
    assert panels == sorted(panels)
    rows = re.findall(r"^│ ([a-z][a-z-]*) +(\S.*\S) +│$", shown, re.MULTILINE)
    assert len(rows) == 27
    assert all(re.search(r"[一-鿿]", words) for _, words in rows), "in Chinese, too"


def test_a_command_that_asks_a_service_does_not_wait_for_what_only_the_service_needs() -> None:
    script = (
        "import sys; from services.cli import app\n"
        "try: app(['readers', '--server', '127.0.0.1:1'])\n"
        f"finally: print([name for name in {SLOW!r} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "[]\n"), ran.stderr
    assert "no service answers" in ran.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("reed",), "Did you mean 'read'?"),
        (("read", "--certificate", "teller.crt"), "--certificate stands before the command"),
        (("read", "--key", "teller.key"), "证书选项须写在命令之前"),
        (("read", "--colour"), "No such option: --colour"),
    ],
)
def test_a_slip_of_the_keys_is_told_what_is_meant(words: tuple[str, ...], said: str) -> None:
    result = sscard(*words)
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
