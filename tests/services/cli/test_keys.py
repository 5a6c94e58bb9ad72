"""`sscard keys` but for ceremonies: typed by people, and handed over by scripts through file descriptors."""

import hashlib
import json
import os
import re
import subprocess
import sys

import pytest
from typer.testing import Result

from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.key_requests import CardFactors, CheckValue, KeyRequest
from cardlib.keys import KeyReference
from services.custody.keystore import KeystoreCustodian, TerminalCounter
from tests.services.cli.keystores import PEOPLE, PHRASES, Keystore, kcv, lines, sscard
from tests.services.custody import openssl

pytestmark = pytest.mark.usefixtures("cheap")

# --- init ---


def test_two_people_make_a_keystore_and_open_it(tmp_path):
    path = tmp_path / "keystore.json"
    typed = "".join(f"{phrase}\n{phrase}\n" for phrase in PHRASES)
    result = sscard("init", path, stdin=typed)
    assert result.exit_code == 0, result.output
    assert "holder 1 of 2" in result.output
    assert "holder 2 of 2" in result.output
    assert hashlib.sha256(path.read_bytes()).hexdigest() in result.output
    listed = sscard("list", path, "--verify", stdin="\n".join([*PHRASES, ""]))
    assert listed.exit_code == 0, listed.output
    assert "not opened" not in listed.output
    for wrong in (PHRASES[::-1], (PHRASES[0], PHRASES[0])):
        refused = sscard("list", path, "--verify", stdin="\n".join([*wrong, ""]))
        assert refused.exit_code == 1
        assert "KEYSTORE_LOCKED" in refused.output
    for output in (result.output, listed.output, refused.output, path.read_text()):
        assert not any(phrase in output for phrase in PHRASES)


def test_a_script_hands_over_both_passphrases(tmp_path, fd):
    path = tmp_path / "keystore.json"

    def given():
        return [argument for phrase in PHRASES for argument in ("--passphrase-fd", fd(phrase + "\n"))]

    assert sscard("init", path, *given()).exit_code == 0
    assert sscard("list", path, *given()).exit_code == 0
    assert "KEYSTORE_LOCKED" in sscard("list", path, *given()[:2]).output


@pytest.mark.parametrize(
    ("phrases", "why"),
    [(PHRASES[:1], "2 passphrases"), ((PHRASES[0],) * 2, "same passphrase"), (("short", "shorter"), "12 characters")],
)
def test_production_takes_two_good_passphrases(tmp_path, fd, phrases, why):
    result = sscard("init", tmp_path / "k", *(part for at in phrases for part in ("--passphrase-fd", fd(at))))
    assert result.exit_code == 1
    assert why in result.output
    assert not (tmp_path / "k").exists()


def test_in_development_one_passphrase_does(tmp_path, fd, monkeypatch):
    monkeypatch.setenv("SSCARD_MODE", "development")
    assert sscard("init", tmp_path / "k", stdin="x\nx\n").exit_code == 0
    assert sscard("list", tmp_path / "k", "--passphrase-fd", fd("x")).exit_code == 0
    monkeypatch.delenv("SSCARD_MODE")
    assert "KEYSTORE_FOR_DEVELOPMENT" in sscard("list", tmp_path / "k", "--passphrase-fd", fd("x")).output


def test_a_keystore_is_not_made_twice(keystore):
    before = keystore.path.read_bytes()
    result = keystore.do("init")
    assert result.exit_code == 1
    assert "KEYSTORE_FILE" in result.output
    assert keystore.path.read_bytes() == before


# --- relock ---


def test_a_holder_leaves_and_two_others_have_the_keystore(keystore, fd):
    keystore.put("IRK", os.urandom(16))
    keystore.put("IRK", os.urandom(16), "SM4", "--version", 2)
    assert keystore.do("rotate", "IRK", "--retire").exit_code == 0
    before = keystore.open().records
    typed = "".join(f"{phrase}\n{phrase}\n" for phrase in PHRASES)
    result = keystore.do("relock", stdin=typed)
    assert result.exit_code == 0, result.output
    assert hashlib.sha256(keystore.path.read_bytes()).hexdigest() in result.output
    assert "destroy them" in result.output
    assert not any(phrase in result.output for phrase in PHRASES)
    assert "KEYSTORE_LOCKED" in keystore.do("list").output

    def given(option: str, *phrases: str) -> list[str]:
        return [part for phrase in phrases for part in (option, fd(phrase))]

    new = ("the new first phrase", "another one altogether")
    relocked = sscard("relock", keystore.path, *given("--passphrase-fd", *PHRASES), *given("--new-passphrase-fd", *new))
    assert relocked.exit_code == 0, relocked.output
    assert "KEYSTORE_LOCKED" in sscard("list", keystore.path, *given("--passphrase-fd", *PHRASES)).output
    back = sscard("relock", keystore.path, *given("--passphrase-fd", *new), "--new-key-fd", fd(keystore.key))
    assert back.exit_code == 0, back.output
    assert keystore.open().records == before


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (("only one passphrase",), "2 passphrases"),
        (("correct horse battery", "correct horse batterz"), "one character"),
        (("short", "other"), "12 characters"),
    ],
)
def test_weak_passphrases_do_not_take_its_place(keystore, fd, new, why):
    before = keystore.path.read_bytes()
    result = keystore.do("relock", *(part for phrase in new for part in ("--new-passphrase-fd", fd(phrase))))
    assert result.exit_code == 1
    assert why in result.output
    assert keystore.path.read_bytes() == before


# --- rotate ---


def states(keystore) -> list[tuple[int, str]]:
    return [(at.version, at.state.value) for at in keystore.open().records if at.name == "IRK"]


def rotate(keystore, fd, value: bytes, *more: str) -> Result:
    first = hashlib.sha256(value).digest()[:16]
    parts = [first, bytes(a ^ b for a, b in zip(first, value, strict=True))]
    return keystore.do(
        "rotate", "IRK", *PEOPLE, "--components-fd", fd(lines(parts, "SM4")), "--check-value", kcv("SM4", value), *more
    )


def test_versions_one_two_three_and_no_more(keystore, fd):
    keystore.put("IRK", os.urandom(16))
    assert rotate(keystore, fd, os.urandom(16)).exit_code == 0
    assert states(keystore) == [(1, "active"), (2, "active")]
    both = rotate(keystore, fd, os.urandom(16), "--retire")
    assert both.exit_code == 0, both.output
    assert states(keystore) == [(1, "retired"), (2, "active"), (3, "active")]
    assert both.stdout.count("active") == 2
    assert both.stdout.count("retired") == 1
    fourth = rotate(keystore, fd, os.urandom(16))
    assert fourth.exit_code == 1
    assert "1, 2, 3" in fourth.output
    assert keystore.do("rotate", "IRK", "--retire").exit_code == 0
    assert states(keystore) == [(1, "retired"), (2, "retired"), (3, "active")]
    last = keystore.do("rotate", "IRK", "--retire")
    assert last.exit_code == 1
    assert "only active version" in last.output


def test_which_key_is_to_be_said_where_there_are_several(keystore, fd):
    keystore.put("IRK", os.urandom(16), "SM4")
    keystore.put("IRK", os.urandom(16), "3DES")
    keystore.put("IRK", os.urandom(16), "SM4", "--version", 2)
    assert "say which one" in keystore.do("rotate", "IRK", "--retire").output
    assert keystore.do("rotate", "IRK", "--algorithm", "SM4", "--retire").exit_code == 0
    assert "no such key" in keystore.do("rotate", "RKSSSE", "--retire").output
    assert keystore.do("rotate", "IRK").exit_code == 2


def test_the_key_of_all_regions_can_be_told_from_a_regions(keystore):
    keystore.put("UKSSSE", os.urandom(16), "SM4", "--version", 1)
    keystore.put("UKSSSE", os.urandom(16), "SM4", "--version", 2)
    keystore.put("UKSSSE", os.urandom(16), "SM4", "--version", 3, "--steps", 2, "--region", "99")
    assert "say which one" in keystore.do("rotate", "UKSSSE", "--retire").output
    assert "only active version" in keystore.do("rotate", "UKSSSE", "--retire", "--region", "99").output
    result = keystore.do("rotate", "UKSSSE", "--retire", "--region", "")
    assert result.exit_code == 0, result.output
    assert [at.state.value for at in keystore.open().records] == ["retired", "active", "active"]


# --- export, import ---


@pytest.fixture
def other(tmp_path, fd):
    made = Keystore(tmp_path / "other.json", fd)
    assert made.do("init").exit_code == 0
    return made


IRK, UK, KEK = (hashlib.sha256(text).digest() for text in (b"irk", b"uk", b"kek"))
IRK, UK = IRK[:16], UK[:16]


@pytest.fixture
def filled(keystore):
    keystore.put("IRK", IRK)
    keystore.put("UKSSSE", UK, "SM4", "--steps", 2, "--region", "99")
    keystore.put("KEK", KEK, "AES-256")
    return keystore


def test_keys_travel_under_a_key_that_both_have(filled, other, tmp_path):
    file = tmp_path / "keys.json"
    result = filled.do("export", file, "--under", "KEK:1")
    assert result.exit_code == 0, result.output
    other.put("KEK", KEK, "AES-256")
    taken = other.do("import", file, "--only", "UKSSSE")
    assert taken.exit_code == 0, taken.output
    assert kcv("SM4", UK) in taken.output
    assert kcv("SM4", IRK) not in taken.output
    assert [str(at) for at in other.open().records] == [
        "KEK version 1 (AES-256)",
        "UKSSSE version 1 (SM4 of region 99)",
    ]
    again = other.do("import", file)
    assert again.exit_code == 1
    assert "here already" in again.output
    assert len(other.open().records) == 2
    none = other.do("import", file, "--only", "RKSSSE")
    assert "has no key RKSSSE" in none.output


def test_keys_travel_under_passphrases_of_two_people(filled, other, tmp_path, fd):
    file = tmp_path / "keys.json"
    typed = "".join(f"{phrase}\n{phrase}\n" for phrase in PHRASES)
    assert filled.do("export", file, "--with-passphrase", "--only", "KEK", stdin=typed).exit_code == 0
    wrong = other.do("import", file, stdin="\n".join([*PHRASES[::-1], ""]))
    assert "WRAPPED_KEYS" in wrong.output
    given = [argument for phrase in PHRASES for argument in ("--wrap-passphrase-fd", fd(phrase))]
    right = other.do("import", file, *given)
    assert right.exit_code == 0, right.output
    assert other.open().value(other.open().records[0]) == Secret(KEK)


def test_the_next_version_comes_in_a_file(filled, other, tmp_path):
    file = tmp_path / "keys.json"
    filled.put("IRK", os.urandom(16), "SM4", "--version", 2)
    assert filled.do("export", file, "--under", "KEK").exit_code == 0
    other.put("KEK", KEK, "AES-256")
    other.put("IRK", os.urandom(16))
    result = other.do("rotate", "IRK", "--from", file, "--retire")
    assert result.exit_code == 0, result.output
    assert states(other) == [(1, "retired"), (2, "active")]
    missing = other.do("rotate", "IRK", "--from", file)
    assert "has not got version 3" in missing.output
    assert "one has version 1, not 3; one has version 2, not 3" in missing.output


def test_a_foreign_key_does_not_become_the_next_version(filled, other, tmp_path, fd):
    """A city's key of the same name, algorithm and version would otherwise serve a whole province's cards."""
    other.put("UKSSSE", os.urandom(16), "SM4", "--steps", 2, "--region", "99")
    foreign, right = os.urandom(16), os.urandom(16)
    filled.put("UKSSSE", foreign, "SM4", "--version", 2, "--steps", 1, "--region", "510100")
    other.put("KEK", KEK, "AES-256")
    assert filled.do("export", tmp_path / "one.json", "--under", "KEK").exit_code == 0
    before = other.path.read_bytes()
    result = other.do("rotate", "UKSSSE", "--from", tmp_path / "one.json")
    assert result.exit_code == 1
    assert "one has steps 1, not 2, region 510100, not 99" in result.output
    assert other.path.read_bytes() == before
    filled.put("UKSSSE", right, "SM4", "--version", 2, "--steps", 2, "--region", "99")
    assert filled.do("export", tmp_path / "two.json", "--under", "KEK").exit_code == 0
    wrong = other.do("rotate", "UKSSSE", "--from", tmp_path / "two.json", "--check-value", kcv("SM4", foreign))
    assert "not the expected one" in wrong.output
    taken = other.do("rotate", "UKSSSE", "--from", tmp_path / "two.json", "--check-value", kcv("SM4", right))
    assert taken.exit_code == 0, taken.output
    (second,) = (at for at in other.open().records if (at.name, at.version) == ("UKSSSE", 2))
    assert (other.open().value(second), second.steps, second.region) == (Secret(right), 2, "99")


@pytest.mark.parametrize("how", [(), ("--under", "KEK", "--with-passphrase")])
def test_no_key_leaves_in_clear(filled, tmp_path, how):
    result = filled.do("export", tmp_path / "keys.json", *how)
    assert result.exit_code == 2
    assert "only wrapped" in result.output
    assert not (tmp_path / "keys.json").exists()


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (("--under", "IRK"), "no active key IRK"),
        (("--under", "KEK:2"), "no active key KEK version 2"),
        (("--under", "KEK:x"), "not NAME"),
        (("--under", "KEK", "--only", "KEK"), "by itself"),
        (("--under", "KEK", "--only", "RKSSSE"), "no active key RKSSSE"),
    ],
)
def test_a_key_leaves_under_keys_that_wrap_only(filled, tmp_path, how, why):
    result = filled.do("export", tmp_path / "keys.json", *how)
    assert result.exit_code in {1, 2}
    assert why in result.output
    assert not (tmp_path / "keys.json").exists()


def test_nothing_is_exported_over_another_file(filled, tmp_path):
    (tmp_path / "keys.json").write_text("mine")
    assert filled.do("export", tmp_path / "keys.json", "--under", "KEK").exit_code == 1
    assert (tmp_path / "keys.json").read_text() == "mine"
    assert filled.do("export", tmp_path / "no" / "directory", "--under", "KEK").exit_code == 1


# --- list, counter, and use ---


def test_the_list_has_no_values(filled):
    opened, unopened = filled.do("list"), sscard("list", filled.path)
    for result in (opened, unopened):
        assert result.exit_code == 0
        for shown in ("IRK", "UKSSSE", "KEK", kcv("SM4", IRK), kcv("SM4", UK), kcv("AES-256", KEK), "active"):
            assert shown in result.stdout
        for secret in (IRK, UK, KEK, filled.key):
            assert secret.hex() not in result.output.lower()
    assert "nobody has verified" in unopened.output
    assert "nobody has verified" not in opened.output
    rows = json.loads(sscard("list", filled.path, "--json").stdout)
    assert [row["name"] for row in rows] == ["IRK", "UKSSSE", "KEK"]
    assert not any("sealed" in row for row in rows)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-m", "services.cli", "keys", "list", str(tmp_path / "pipe")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "not a regular file" in done.stderr


def test_a_keystore_that_others_can_read_is_used_with_a_warning_beside_the_list(filled):
    filled.path.chmod(0o644)
    environment = {name: text for name, text in os.environ.items() if name != "SSCARD_MODE"}
    command = [sys.executable, "-m", "services.cli", "keys", "list", str(filled.path), "--json", "--key-fd", "0"]
    done = subprocess.run(command, input=filled.key, capture_output=True, env=environment, check=True)
    assert len(json.loads(done.stdout)) == 3
    assert b"open to other users" in done.stderr


def test_a_damaged_keystore_is_named(filled):
    document = json.loads(filled.path.read_bytes())
    document["keys"].pop()
    filled.path.write_text(json.dumps(document))
    result = filled.do("list")
    assert result.exit_code == 1
    assert "KEYSTORE_DAMAGED" in result.output


def test_a_counter_is_made_once(tmp_path):
    path = tmp_path / "terminal.json"
    made = ("counter", path, "--terminal", "990000000001", "--start", 100)
    assert sscard(*made).exit_code == 0
    assert TerminalCounter.open(path).next() == 100
    assert sscard(*made).exit_code == 1
    assert "TERMINAL_COUNTER" in sscard("counter", tmp_path / "t", "--terminal", "99", "--start", 1).output


def test_what_came_by_ceremony_serves_cards(filled):
    whose = CardFactors(Algorithm.SM4, "990100", bytes.fromhex("9901000100000001"))
    task = CheckValue(KeyReference("IRK"))
    right = openssl.Card(whose, {KeyReference("IRK"): Secret(IRK)}).answer(task)
    assert KeystoreCustodian(filled.open()).perform(KeyRequest(whose, (task,))) == (right,)


def test_descriptors_that_give_nothing_are_named(keystore, fd):
    for number in (987, 99999999999):
        assert f"file descriptor {number} cannot be read" in sscard("list", keystore.path, "--key-fd", number).output
    assert "too much to be a secret" in sscard("list", keystore.path, "--key-fd", _endless()).output
    assert "KEYSTORE_LOCKED" in sscard("list", keystore.path, "--key-fd", fd(b"short")).output
    assert "give it with --key-fd" in sscard("list", keystore.path, "--verify").output


def _endless() -> int:
    return os.open("/dev/zero", os.O_RDONLY | os.O_CLOEXEC)


def test_no_secret_can_be_given_as_an_argument_or_in_the_environment():
    for command in ("init", "relock", "ceremony", "import", "rotate", "export", "list"):
        text = sscard(command, "--help").output
        options = re.findall(r"--[a-z-]+", text)
        assert options
        assert not {"--passphrase", "--key", "--component", "--components"} & set(options)
        assert "env var" not in text
