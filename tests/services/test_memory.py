"""A process with keys leaves no core dump, and nobody looks into it."""

import ctypes
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from services import memory
from services.config import ConfigError

ROOT = Path(__file__).parents[2]
STATE = """
import ctypes, json, resource
print("state", json.dumps([resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)]))
"""
"""3: PR_GET_DUMPABLE."""


def state(script: str) -> list[object]:
    done = subprocess.run([sys.executable, "-c", script + STATE], cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("state "))
    return json.loads(line.removeprefix("state "))


def test_a_process_dumps_no_core_once_it_is_to_have_keys():
    assert state("")[1] == 1
    assert state("from services.memory import keep_memory_private; keep_memory_private()") == [[0, 0], 0]


KEYS = """
from typer.testing import CliRunner
from services.cli import app
assert CliRunner().invoke(app, ["keys", "list", "/nowhere"]).exit_code == 1
"""
SERVE = """
from services.cli import serve
async def none(*_, **__): pass
serve.run_server = none
serve.serve(config=None, simulated=True)
"""


@pytest.mark.parametrize("command", [KEYS, SERVE], ids=["keys", "serve"])
def test_so_do_the_commands_that_have_them(command):
    assert state(command) == [[0, 0], 0]


def test_a_system_that_refuses_is_told_of(monkeypatch):
    monkeypatch.setattr(memory.resource, "setrlimit", lambda *_: None)
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda *_, **__: SimpleNamespace(prctl=lambda *_: -1))
    ctypes.set_errno(1)
    with pytest.raises(ConfigError, match="core dumps cannot be switched off: Operation not permitted"):
        memory.keep_memory_private()
