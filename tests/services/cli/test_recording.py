"""--record FILE: conversations kept for later."""

import json
from pathlib import Path

import pytest
from typer import Exit

from services.cli.recording import recording


def echo(commands):
    return [command[5:] + b"\x90\x00" for command in commands]


def test_a_conversation_is_kept_as_a_transcript_that_only_its_owner_may_read(tmp_path: Path, capsys) -> None:
    path = tmp_path / "card.jsonl"
    with recording(path, echo, b"\x3b\x00") as transmit:
        assert transmit([b"\x00\x84\x00\x00\x01\xaa"]) == [b"\xaa\x90\x00"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == [
        {"transcript": 1, "atr": "3B00"},
        {"tx": "0084000001AA", "rx": "AA9000"},
    ]
    warning = capsys.readouterr().err
    assert "keep it safe" in warning
    assert "个人信息" in warning


def test_the_header_has_what_is_known_of_the_connection(tmp_path: Path) -> None:
    path = tmp_path / "card.jsonl"
    with recording(path, echo, b"\x3b\x00", t0=True):
        pass
    assert json.loads(path.read_text("utf-8")) == {"transcript": 1, "atr": "3B00", "t0": True}


def test_without_a_path_nothing_is_recorded() -> None:
    with recording(None, echo, b"") as transmit:
        assert transmit is echo


def test_a_file_that_is_there_already_is_not_touched(tmp_path: Path, capsys) -> None:
    path = tmp_path / "card.jsonl"
    path.write_text("mine")
    with pytest.raises(Exit), recording(path, echo, b""):
        pass
    assert path.read_text() == "mine"
    assert "cannot record to" in capsys.readouterr().err


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(Exit), recording(tmp_path / "link", echo, b""):
        pass
    assert not (tmp_path / "target").exists()
