"""The command line, as its users call it; through pcscd in tests/e2e."""

import json

import pytest
from typer.testing import CliRunner, Result

from services.cli import app

SSSE = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF00"


def sscard(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin)


def test_an_identity_as_json_has_the_field_names_of_the_proto() -> None:
    result = sscard("read", "--simulated", "--reader", "Software reader 02", "--json")
    assert result.exit_code == 0, result.output
    card = json.loads(result.stdout)
    assert card["identity"]["holder"]["name"] == "示例𠮷"
    assert card["identity"]["holder"]["ethnicity"] == {
        "code": "01",
        "chinese": "汉族",
        "english": "Han",
        "known": True,
    }
    assert card["authenticity"] == "AUTHENTICITY_PROVEN"
    assert card["card_version"] == "3.0"


def test_files_are_shown_as_tables_with_labels_in_both_languages() -> None:
    names = "employment,education.degrees,employment_history,photo,nonesuch"
    result = sscard("read", "--simulated", "-r", "Software reader 01", "--files", names)
    assert result.exit_code == 0, result.output
    for text in ("就业状况信息文件 · employment (DF02/EF06)", "从事职业", "2020701", "42 4D", "NOT_IN_PROFILE"):
        assert text in result.output
    assert "学位信息 1" in result.output
    assert "学历 " not in result.output, "one item was asked for"


def test_files_as_json_have_the_field_names_of_the_proto() -> None:
    result = sscard(
        "read",
        "--simulated",
        "-r",
        "Software reader 02",
        "--files",
        "residence",
        "--pin-stdin",
        "--new-card",
        "--json",
        stdin="123456\n",
    )
    card = json.loads(result.stdout)
    assert card["results"] == [{"file": "residence", "read": True}]
    assert card["files"]["residence"]["telephone"] == "00099000001"
    assert "123456" not in result.output


def test_readers_are_listed_with_their_cards() -> None:
    listed = json.loads(sscard("readers", "--simulated", "--json").stdout)["readers"]
    assert [reader["name"] for reader in listed] == ["Software reader 01 (2.0)", "Software reader 02 (3.0)"]
    assert {reader["slot"] for reader in listed} == {"SLOT_STATE_CARD"}
    assert "有卡" in sscard("readers", "--simulated").stdout


REFUSED = {
    "which reader": (("read", "--simulated"), 1, "several readers are meant"),
    "no such reader": (("read", "--simulated", "-r", "Nonesuch"), 1, "no reader 'Nonesuch'; there are: 'Software"),
    "no service": (("read", "-s", "127.0.0.1:1"), 1, "sscard serve"),
    "no such file": (("serve", "-c", "/nonexistent.toml"), 2, "/nonexistent.toml"),
    "no such software card": (("simulate", "--card", "9.0"), 2, "there is no software card '9.0'; there are 1.0"),
    "no PIN": (
        ("read", "--simulated", "-r", "Software reader 01", "--files", "residence", "--pin-stdin"),
        1,
        "pin: takes 4 to 16 digits",
    ),
    "no hexadecimal": (("apdu", "--simulated", "-r", "Software reader 01", "00ZZ"), 2, "'00ZZ' is no command APDU"),
    "no command": (("apdu", "--simulated", "-r", "Software reader 01", "00A4"), 2, "at least 4 bytes"),
}


@pytest.mark.parametrize(("arguments", "code", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_said_in_a_sentence(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    result = sscard(*arguments, stdin="12ab\n")
    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert "Traceback" not in result.output


def test_a_refusal_of_the_card_is_explained_in_both_languages() -> None:
    # Production has no keys, so a 3.0 card cannot be read; software cards need development mode: take its keys away.
    result = sscard("apdu", "--simulated", "-r", "Software reader 02", SSSE, "00B201355B")
    assert "6982 security status not satisfied (不满足安全状态)" in result.stdout


def test_raw_commands_are_shown_in_words_with_the_holders_data_masked() -> None:
    read = (SSSE, "00B2032806", "00B201355B")
    masked = sscard("apdu", "--simulated", "-r", "Software reader 01", *read).stdout
    assert "SELECT by name sx1.sh.社会保障" in masked
    assert "32 2E 30" in masked  # the version is public
    assert "<93 bytes> 91 bytes, 9000 success" in masked
    number = b"990000198503120027".hex(" ").upper()
    assert number not in masked
    shown = sscard("apdu", "--simulated", "-r", "Software reader 01", "--show-data", stdin="\n".join(read)).stdout
    assert number in shown


def test_money_is_shown_in_yuan_and_told_from_other_numbers() -> None:
    shown = sscard("read", "--simulated", "-r", "Software reader 01", "--files", "insurance_certificate").stdout
    assert "25,920.00 元" in shown
    assert "2592000" not in shown
    months = next(line for line in shown.splitlines() if "contribution months" in line)
    assert "元" not in months


@pytest.mark.parametrize("command", [("read",), ("readers",), ("apdu", "00A40000")], ids=lambda command: command[0])
def test_a_setting_that_cannot_be_used_is_said_in_a_sentence(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSCARD_SIMULATED_CARDS", "9.9")
    result = sscard(*command, "--simulated")
    assert result.exit_code == 2
    assert "there is no software card '9.9'" in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_raw_commands_may_have_comments_between_them_and_the_serial_number_is_masked() -> None:
    result = sscard("apdu", "--simulated", "-r", "Software reader 01", stdin=f"# the application\n{SSSE}\n")
    assert result.exit_code == 0
    assert "ATR <17 bytes>" in result.stdout
    assert sscard("apdu", "--simulated", stdin="# nothing\n").exit_code == 2
