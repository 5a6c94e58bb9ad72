"""sscard decode, as its users call it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.cli import app

TRACES = Path(__file__).parents[2] / "vectors" / "traces"
PCSCD, OPENSC = str(TRACES / "pcscd-3.0.log"), str(TRACES / "opensc-tool-2.0.txt")
SSSE = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"


def sscard(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin)


def test_a_log_is_explained_with_the_holders_data_masked() -> None:
    result = sscard("decode", PCSCD)
    assert result.exit_code == 0, result.output
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == "card reset 卡复位, ATR <17 bytes masked>"
    assert "34 00 B2 01 35 READ RECORD records 1 to last of SSSE/EF06 holder 持卡人的基本信息文件 Ne 91" in lines
    assert "social_security_number 社会保障号码 <18 bytes masked>" in lines
    assert "spec_version 规范版本 3.00" in lines
    assert "> PIN 密码 <3 bytes masked>" in lines
    for canary in ("990000199001010017", "示例", "12 34 56", "99 00 00 00 30 00"):
        assert canary not in result.stdout


def test_everything_is_shown_to_who_asks_for_it() -> None:
    shown = sscard("decode", PCSCD, "--show-data").stdout
    for text in ("990000199001010017", "示例𠮷", "PIN 密码 12 34 56", "ATR 3B 6D"):
        assert text in shown


def test_standard_input_and_a_named_format_are_taken() -> None:
    text = Path(OPENSC).read_text("utf-8")
    for arguments in (("decode", "-"), ("decode", "-", "--format", "opensc"), ("decode", OPENSC, "--version", "2.0")):
        result = sscard(*arguments, stdin=text)
        assert result.exit_code == 0, result.output
        assert "63C5 PIN wrong, 5 tries left" in result.stdout
        assert "spec_version 规范版本 2.0" in result.stdout


def test_a_version_that_is_named_decides() -> None:
    lines = f"{SSSE}\n9000\n00B2083014\n0812{'39' * 18}9000\n"
    assert "公民身份号码" in sscard("decode", "-", "--version", "1.0", stdin=lines).stdout
    assert "社会保障号码" in sscard("decode", "-", stdin=lines).stdout


REFUSED = {
    "no such file": (("decode", "/nonexistent"), "cannot read /nonexistent: No such file"),
    "no trace": (("decode", __file__), "test_decode.py: line 1: neither this line nor a later one"),
    "another format": (("decode", OPENSC, "--format", "pcscd"), "no exchange with a card in this pcscd trace"),
    "no format": (("decode", OPENSC, "--format", "xml"), "no trace format 'xml'; there are auto, jsonl, pcscd"),
    "no version": (("decode", OPENSC, "--version", "4.0"), "no version '4.0' of the card; there are 1.0, 2.0, 3.0"),
}


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_decoded_is_said_in_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    result = sscard(*arguments)
    assert result.exit_code == 2, result.output
    assert sentence in result.stderr
    assert "Traceback" not in result.output


def test_what_was_recorded_is_explained(tmp_path: Path) -> None:
    record = tmp_path / "card.jsonl"
    read = ("apdu", "--simulated", "-r", "Software reader 01", "--record", str(record))
    result = sscard(*read, SSSE + "00", "00B2032806", "00B201355B", "0020000003123456")
    assert result.exit_code == 0, result.output
    explained = sscard("decode", str(record))
    assert explained.exit_code == 0, explained.output
    assert "SSSE 社会保障系统环境 (2 commands)" in explained.stdout
    assert "name 姓名 <" in explained.stdout
    assert "示例古丽" in sscard("decode", str(record), "--show-data").stdout
    assert [set(json.loads(line)) for line in record.read_text("utf-8").splitlines()][1:] == [{"tx", "rx"}] * 5
