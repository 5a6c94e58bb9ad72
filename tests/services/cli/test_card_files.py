"""``sscard card``: card files made of descriptions, and shown without anybody's data."""

import fcntl
import json
from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner, Result

from apdu import Secret
from services.cli import card_files
from services.cli.card_files import app
from simulator.card import SoftwareCard
from simulator.dialects.t514 import T514
from simulator.making import cache
from simulator.memory.cardfile import create_card_file, open_card_file
from simulator.memory.store import Store

TEXT = """
version = "3.0"
serial = 77

[pin]
value = "246813"

[person]
name = "示例二"
social_security_number = "990000198503120027"
"""


@pytest.fixture(autouse=True)
def no_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSCARD_CARD_CACHE", "")
    cache.forget()


def sscard(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(name="file")
def made_file(tmp_path: Path) -> Path:
    description, file = tmp_path / "card.toml", tmp_path / "made.card"
    description.write_text(TEXT, encoding="utf-8")
    result = sscard("make", description, "-o", file)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{file}: 3.0 card of SM4 已制作\n"
    return file


def test_the_card_that_is_described_is_in_the_file(file: Path) -> None:
    with open_card_file(file) as held:
        card = SoftwareCard(held.eeprom)
        assert card.power_on()[-4:] == bytes.fromhex("00000077")
        card.process(bytes.fromhex("00A404000F7378312E73682EC9E7BBE1B1A3D5CF"))
        assert card.process(bytes.fromhex("0020000003246813")) == b"\x90\x00"


def test_the_name_follows_from_the_kind_where_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert sscard("make", "2.0").stdout == "2.0.card: 2.0 card of DES 已制作\n"
    assert (tmp_path / "2.0.card").exists()


@pytest.mark.parametrize(
    ("kind", "label", "cos"),
    [
        ("psam", "PSAM", "psam"),
        ("blank-t514", "blank chip of t514", "t514"),
        ("blank-fmcos", "blank chip of fmcos", "fmcos"),
        ("blank-psam", "blank chip of psam", "psam"),
    ],
)
def test_every_kind_that_can_live_in_a_file_can_be_made(tmp_path: Path, kind: str, label: str, cos: str) -> None:
    file = tmp_path / "made.card"
    assert sscard("make", kind, "-o", file).stdout == f"{file}: {label} 已制作\n"
    assert json.loads(sscard("show", file, "--json").stdout)["cos"] == cos


def test_a_card_file_is_shown_to_many_at_a_time(file: Path) -> None:
    with file.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert sscard("show", file).exit_code == 0


def test_damage_that_shows_late_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumbling(_: object) -> NoReturn:
        raise IndexError

    monkeypatch.setattr(card_files, "survey", stumbling)
    result = sscard("show", file)
    assert result.exit_code == 2
    assert f"{file}: is damaged: " in result.output.replace("\n", "")


def test_a_card_file_is_shown(file: Path) -> None:
    found = json.loads(sscard("show", file, "--json").stdout)
    assert found["atr"] == "3B6D000000814A44308660990000000077"
    assert (found["version"], found["algorithm"], found["cos"]) == ("3.0", "SM4", "t514")
    assert (found["life_cycle"], found["blocked"]) == ("issued", False)
    directories = {directory["fid"]: directory for directory in found["directories"]}
    assert [directories[fid]["depth"] for fid in ("3F00", "DDF1", "DF01", "DF07")] == [0, 1, 2, 2]
    assert directories["DDF1"]["name"] == "7378312E73682EC9E7BBE1B1A3D5CF"
    files = {held["fid"]: held for held in directories["DDF1"]["files"]}
    # [S1 T9]: seven records in EF05, those of the holder with the name extension in EF06, the photo in EF08
    assert files["EF05"] == {"fid": "EF05", "sfi": 5, "kind": "linear", "size": 0x40, "records": 7}
    assert files["EF06"]["size"] == 0x5B
    assert files["EF08"] == {"fid": "EF08", "sfi": 8, "kind": "transparent", "size": 4096, "records": None}


def test_the_table_says_the_same_in_words(file: Path) -> None:
    shown = sscard("show", file).stdout
    for words in ("3B 6D 00 00", "已发行 issued", "t514", "SM4", "sx1.sh.社会保障", "D15600000500", "EF16", "cyclic"):
        assert words in shown


def test_neither_data_nor_keys_are_shown(file: Path) -> None:
    with open_card_file(file) as held:
        store = Store(held.eeprom, T514)
        assert store.root is not None
        keys = [key.value.reveal().hex().upper() for path in store.root.walk() for key in store.keys(path[-1])]
    assert len(keys) > 150
    for text in (sscard("show", file).output, sscard("show", file, "--json").output):
        together = text.replace(" ", "").upper()
        assert not [secret for secret in ("示例二", "990000198503120027", "246813", *keys) if secret in together]


def test_a_chip_that_is_still_blank_is_shown_too(tmp_path: Path) -> None:
    image = T514.blank(historical_bytes=bytes(13), serial=bytes(8), transport_key=Secret(b"\x17" * 16))
    create_card_file(tmp_path / "blank.card", image).close()
    found = json.loads(sscard("show", tmp_path / "blank.card", "--json").stdout)
    assert (found["life_cycle"], found["version"], found["directories"]) == ("blank", "", [])
    assert "17171717" not in sscard("show", tmp_path / "blank.card").output


def test_what_cannot_be_done_is_told(file: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text('version = "9.0"\n')
    (tmp_path / "wrong.card").write_text("nothing")
    with open_card_file(file):
        busy = sscard("show", file)
    for result, text in (
        (busy, "is in use by a simulator"),
        (sscard("make", "memory-card", "-o", tmp_path / "x.card"), "lives in no file"),
        (sscard("make", "2.0", "-o", file), "is there already"),
        (sscard("make", tmp_path / "wrong.toml", "-o", tmp_path / "x.card"), "version"),
        (sscard("make", tmp_path / "none.toml", "-o", tmp_path / "x.card"), "cannot be read"),
        (sscard("make", "2.0", "-o", tmp_path / "none" / "x.card"), "No such file or directory"),
        (sscard("show", tmp_path / "wrong.card"), "is not a card file"),
        (sscard("show", tmp_path / "none.card"), "sscard card make"),
        (sscard("show", tmp_path), "Is a directory"),
    ):
        assert result.exit_code == 2, result.output
        assert text in result.output
    assert not (tmp_path / "x.card").exists()
