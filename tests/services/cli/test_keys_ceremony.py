"""`sscard keys ceremony`, typed by people, and handed over by scripts through file descriptors."""

import hashlib
import os

import pytest

from apdu.secret import Secret
from services.custody.keystore import CredentialKey, changing
from tests.services.cli.keystores import PEOPLE, kcv, lines, random_parts


@pytest.mark.parametrize(
    ("name", "algorithm", "size"), [("RKSSSE", "SM4", 16), ("RKSSSE", "3DES", 16), ("KEK", "AES-256", 32)]
)
@pytest.mark.parametrize("count", [2, 3])
def test_people_type_their_components_and_confirm_check_values(keystore, name, algorithm, size, count):
    parts, whole = random_parts(count, size)
    people = [part for number in range(count) for part in ("--custodian", f"人{number},角色{number}")]
    typed = "".join(f"{part.hex()}\ny\n" for part in parts) + "y\n"
    result = keystore.do("ceremony", name, "--algorithm", algorithm, *people, stdin=typed)
    assert result.exit_code == 0, result.output
    (record,) = keystore.open().records
    assert keystore.open().value(record) == Secret(whole)
    for shown in (*(kcv(algorithm, part) for part in parts), kcv(algorithm, whole), record.created, "人1 (角色1)"):
        assert shown in result.output
    assert hashlib.sha256(keystore.path.read_bytes()).hexdigest() in result.stdout
    for secret in (*parts, whole, keystore.key):
        assert secret.hex() not in result.output.lower()


def test_a_mistyped_component_is_typed_again(keystore):
    parts, whole = random_parts()
    typed = f"{parts[0].hex()[:-1]}\n{'0' * 32}\n{parts[0].hex()}\ny\n{parts[0].hex()}\nn\n{parts[1].hex()}\ny\ny\n"
    result = keystore.do("ceremony", "IRK", "--algorithm", "SM4", *PEOPLE, stdin=typed)
    assert result.exit_code == 0, result.output
    assert keystore.open().value(keystore.open().records[0]) == Secret(whole)


@pytest.mark.parametrize(
    "typed",
    [
        "{0}\nn\n" * 3,
        "{0}\ny\n{0}\ny\ny\n",
        "{0}\ny\n{1}\ny\nn\n",
        "00\n" * 3,
        "{0}\ny\n",
    ],
    ids=["never confirmed", "alike", "key not confirmed", "too short", "the second one left"],
)
def test_nothing_is_stored_of_a_ceremony_that_goes_wrong(keystore, typed):
    parts, _ = random_parts()
    before = keystore.path.read_bytes()
    result = keystore.do(
        "ceremony", "IRK", "--algorithm", "SM4", *PEOPLE, stdin=typed.format(*(part.hex() for part in parts))
    )
    assert result.exit_code == 1
    assert keystore.path.read_bytes() == before
    assert parts[0].hex() not in result.output


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{0};{k0}\n{1};000000\n", "component 2 does not have the check value"),
        ("{0};{k0}\n{1}\n", "component 2 does not have the check value"),
        ("{0};{k0}\n", "2 people take part, and there are 1"),
        ("{0};{k0}\n{0};{k0}\n", "alike"),
        ("{z};000000\n{0};{k0}\n", "zeros"),
        ("示例", "hex digits"),
        ("", "there are 0"),
    ],
)
def test_a_script_that_hands_over_wrong_components_is_refused(keystore, fd, content, why):
    parts, _ = random_parts()
    given = content.format(*(at.hex() for at in parts), k0=kcv("SM4", parts[0]), z="00" * 16)
    result = keystore.do(
        "ceremony", "IRK", "--algorithm", "SM4", *PEOPLE, "--components-fd", fd(given), "--check-value", "000000"
    )
    assert result.exit_code == 1
    assert why in result.output
    assert "KEY_REFUSED" in result.output
    assert parts[0].hex() not in result.output


def test_the_expected_check_value_must_be_that_of_the_key(keystore, fd):
    parts, whole = random_parts()
    given = ("ceremony", "IRK", "--algorithm", "SM4", *PEOPLE)
    wrong = keystore.do(*given, "--components-fd", fd(lines(parts, "SM4")), "--check-value", "000000")
    assert wrong.exit_code == 1
    assert keystore.open().records == ()
    right = keystore.do(*given, "--components-fd", fd(lines(parts, "SM4")), "--check-value", kcv("SM4", whole).lower())
    assert right.exit_code == 0


def test_the_record_goes_to_a_file_and_over_no_other(keystore, tmp_path):
    _, whole = random_parts()
    record = tmp_path / "record.txt"
    keystore.put("IRK", whole, "SM4", "--record", record)
    assert kcv("SM4", whole) in record.read_text(encoding="utf-8")
    assert "签字" in record.read_text(encoding="utf-8")
    again = keystore.do("ceremony", "RKSSSE", "--algorithm", "SM4", *PEOPLE, "--record", record)
    assert again.exit_code == 1
    assert "there already" in again.output


def test_where_no_record_can_be_written_no_ceremony_is_held(keystore, tmp_path):
    before = keystore.path.read_bytes()
    for command in ("ceremony", "rotate"):
        given = ("IRK", "--algorithm", "SM4", *PEOPLE, "--record", tmp_path / "no" / "directory")
        result = keystore.do(command, *given, stdin="never asked\n")
        assert result.exit_code == 1
        assert "KEYSTORE_FILE" in result.output
        assert "Component" not in result.output
    assert keystore.path.read_bytes() == before


def test_a_ceremony_that_is_left_leaves_no_record(keystore, tmp_path):
    record = tmp_path / "record.txt"
    result = keystore.do("ceremony", "IRK", "--algorithm", "SM4", *PEOPLE, "--record", record, stdin="00\n")
    assert result.exit_code == 1
    assert not record.exists()


def test_when_only_the_record_fails_the_key_is_said_to_be_in(keystore, fd, tmp_path, monkeypatch):
    parts, whole = random_parts()
    write = os.write

    def full(handle, content):
        if "密钥仪式记录".encode() in bytes(content):
            raise OSError(28, "No space left on device")
        return write(handle, content)

    given = fd(lines(parts, "SM4"))
    monkeypatch.setattr(os, "write", full)
    result = keystore.do(
        "ceremony", "IRK", "--algorithm", "SM4", *PEOPLE, "--components-fd", given, "--check-value", kcv("SM4", whole),
        "--record", tmp_path / "record.txt",
    )  # fmt: skip
    monkeypatch.undo()
    assert result.exit_code == 1
    assert "IRK version 1 (SM4) is in the keystore, but" in result.output
    assert "No space left" in result.output
    assert "nothing was changed" not in result.output
    assert kcv("SM4", whole) in result.stdout, "the record was printed"
    assert len(keystore.open().records) == 1
    assert not (tmp_path / "record.txt").exists()


def test_the_record_says_whether_the_holders_typed_or_a_program_had_all_components(keystore):
    _, whole = random_parts()
    assert "handed over by a program" in keystore.put("IRK", whole).stdout
    parts, _ = random_parts(3)
    people = [*PEOPLE, "--custodian", "王五"]
    typed = "".join(f"{part.hex()}\ny\n" for part in parts) + "y\n"
    result = keystore.do("ceremony", "RKSSSE", "--algorithm", "SM4", *people, stdin=typed)
    assert result.exit_code == 0, result.output
    assert "typed by each holder" in result.stdout
    assert "by a program" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("IRK", *PEOPLE), "--algorithm"),
        (("IRK", "--algorithm", "SM4"), "at least 2 people"),
        (("IRK", "--algorithm", "SM4", "--custodian", "张三"), "at least 2 people"),
        (("NONE", "--algorithm", "SM4", *PEOPLE), "no key 'NONE'"),
        (("IRK", "--algorithm", "SM4", "--version", "4", *PEOPLE), "versions 1, 2, 3"),
        (("IRK", "--algorithm", "3DES+SM4", *PEOPLE), "one algorithm"),
        (("UKSSSE", "--algorithm", "SM4", "--steps", "2", *PEOPLE), "the region has"),
    ],
)
def test_what_cannot_be_is_said_before_anybody_types(keystore, arguments, why):
    result = keystore.do("ceremony", *arguments)
    assert result.exit_code in {1, 2}
    assert why in result.output
    assert "Component" not in result.output


def test_a_keystore_that_somebody_is_changing_is_busy(keystore):
    with changing(keystore.path, CredentialKey(Secret(keystore.key))):
        result = keystore.do("ceremony", "IRK", "--algorithm", "SM4", *PEOPLE)
    assert result.exit_code == 1
    assert "KEYSTORE_BUSY" in result.output
