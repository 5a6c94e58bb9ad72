"""What README promises is tried."""

import asyncio
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.catalogue.__main__ import markdown
from services.config import Config
from services.custody.opening import open_custodian
from services.opening import open_readers
from services.server import build_server

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
CLIENT = next(example for example in EXAMPLES if "ReadIdentity" in example)
IN_PROCESS = next(example for example in EXAMPLES if "InProcessReaders" in example)


@pytest.fixture
def port() -> Iterator[int]:
    """An all-in-one service with software cards, as ``sscard serve --simulated``."""
    config = Config.load(mode="development", readers="simulated", listen="127.0.0.1:0")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> tuple[object, int]:
        server = build_server(config, open_readers(config), open_custodian(config))
        await server.start()
        return server, server.port

    server, port = asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    yield port
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(20)  # type: ignore[attr-defined]
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)
    loop.close()


def test_the_client_of_the_readme_reads_both_cards(port: int) -> None:
    program = CLIENT.replace("127.0.0.1:50551", f"127.0.0.1:{port}")
    assert f":{port}" in program
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert "2.0" in first
    assert first.endswith("female genuine")
    assert "示例𠮷 male genuine" in second


def test_the_client_of_the_readme_has_about_twenty_lines() -> None:
    assert len(CLIENT.splitlines()) <= 22


def test_the_in_process_card_of_the_readme_answers() -> None:
    exec(compile(IN_PROCESS, "README.md", "exec"), {})


def test_the_page_of_errors_is_the_catalogue() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    assert page == markdown(), "run: python -m services.catalogue > docs/errors.md"


def test_the_page_of_settings_names_each_with_its_default() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", page, re.MULTILINE))
    defaults = {name: field.default for name, field in Config.model_fields.items()}
    assert rows.keys() == defaults.keys()
    for name, written in rows.items():
        default = defaults[name]
        expected = list(default) if isinstance(default, tuple) else getattr(default, "value", default)
        assert json.loads(written) == expected, name
