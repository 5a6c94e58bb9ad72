"""What the page about PSAMs shows is run: the file is read, and the PSAM issued."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cardlib.keys import PSAM_OWN_KEYS
from services.cli import app
from services.config import Config

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "psam.md").read_text(encoding="utf-8")


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


ORDER, SETTINGS = examples("toml")
(TRIED,) = examples("sh")


@pytest.mark.parametrize(
    "order", [ORDER, ORDER.replace("# levels", "levels")], ids=["as it stands", "all keys as the city's"]
)
def test_the_psam_of_the_page_is_issued(tmp_path, monkeypatch, order) -> None:
    monkeypatch.chdir(tmp_path)
    Path("psam.toml").write_text(order, encoding="utf-8")
    words = shlex.split(TRIED)
    for word in words[: words.index("sscard")]:
        name, _, value = word.partition("=")
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(app, words[words.index("sscard") + 1 :])
    assert result.exit_code == 0, result.output
    assert "issued and proven" in result.stdout


def test_the_settings_of_the_page_are_settings() -> None:
    assert set(tomllib.loads(SETTINGS)) <= set(Config.model_fields)


def test_the_own_keys_are_named() -> None:
    assert [name for name in PSAM_OWN_KEYS if f"`{name}`" not in PAGE] == []
