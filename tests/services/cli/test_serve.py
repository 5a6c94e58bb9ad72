"""What `sscard serve` says before it serves."""

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.cli.serve import lacking
from services.config import Config, Mode


def test_a_service_in_production_tells_what_it_is_without(tmp_path) -> None:
    assert list(lacking(Config())) == [
        "keystore, hsm_library, psam_reader, centre",
        "data_key, data_key_name",
        "templates",
    ]
    whole = Config(psam_reader="x", data_key=tmp_path / "data-key", templates=(tmp_path / "a.toml",))
    assert list(lacking(whole)) == []
    assert lacking(Config(mode=Mode.DEVELOPMENT)) == {}


def test_software_cards_are_refused_where_production_is_said(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("SSCARD_MODE", "production")
    result = CliRunner().invoke(app, ["serve", "--simulated"])
    assert (result.exit_code, "SSCARD_MODE says production" in result.stderr) == (2, True)
    monkeypatch.delenv("SSCARD_MODE")
    (tmp_path / "c.toml").write_text('mode = "production"\n')
    result = CliRunner().invoke(app, ["readers", "--simulated", "--config", str(tmp_path / "c.toml")])
    assert (result.exit_code, "c.toml says production" in result.stderr) == (2, True)


@pytest.mark.parametrize("mode", [None, "development"])
def test_they_are_there_where_nothing_is_said(monkeypatch, mode) -> None:
    monkeypatch.delenv("SSCARD_MODE", raising=False)
    if mode:
        monkeypatch.setenv("SSCARD_MODE", mode)
    assert CliRunner().invoke(app, ["readers", "--simulated"]).exit_code == 0
