"""The demonstration tells the whole story, on cards in this process; through pcscd in tests/e2e."""

import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from services.callers.caller import Role
from services.cli import app
from services.demo.people import PINS
from services.demo.story import WRONG_PIN
from services.demo.telling import UnexpectedlyAllowedError
from simulator.people import INITIAL_PIN
from tests.services.cli.told_story import STEPS, check


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("demo")))
        result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 0, result.output
    return result.output
