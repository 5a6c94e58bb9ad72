"""`sscard certs`, and what commands do with the certificates that it makes."""

import stat

import pytest
from typer.testing import CliRunner

from services.callers.caller import Caller, Role
from services.callers.doors import door_of
from services.callers.identity import caller_of
from services.cli import app, certs, own_service
from services.config import Config
from services.custody.certificates import facts_of
from tests.services.callers.world import HOSTS


def do(*arguments: object, exit_code: int = 0):
    result = CliRunner().invoke(app, ["certs", *map(str, arguments)])
    assert result.exit_code == exit_code, result.output
    assert "PRIVATE KEY" not in result.output
    return result.output + result.stderr


@pytest.fixture
def ca(tmp_path):
    do("init", tmp_path / "ca")
    return tmp_path / "ca"


def issue(ca, file, role: str = "teller", *more: object, exit_code: int = 0):
    caller = ("--institution", "990001", "--role", role, "--name", "柜员 01", "--terminal", "T/1")
    return do("issue", ca, file, *caller, *more, exit_code=exit_code)


def test_an_authority_and_what_it_issues_are_files_of_the_right_mode(ca, tmp_path) -> None:
    issue(ca, tmp_path / "teller")
    for name, mode in (("ca/ca.crt", 0o644), ("ca/ca.key", 0o600), ("teller.crt", 0o644), ("teller.key", 0o600)):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode, name
    facts = facts_of((tmp_path / "teller.crt").read_bytes())
    assert caller_of(facts.uris) == Caller("柜员 01", "990001", Role.TELLER, "T/1")
    assert (facts.not_after - facts.not_before).days == 397


def test_nothing_takes_the_place_of_a_file(ca, tmp_path) -> None:
    before = {path: path.read_bytes() for path in ca.glob("ca.*")}
    assert "is there already" in do("init", ca, exit_code=1)
    assert {path: path.read_bytes() for path in ca.glob("ca.*")} == before
    (tmp_path / "one.crt").write_text("mine")
    assert "one.crt is there already" in issue(ca, tmp_path / "one", exit_code=1)
    assert not (tmp_path / "one.key").exists()
    (tmp_path / "two.key").write_text("mine")
    assert "two.key is there already" in issue(ca, tmp_path / "two", exit_code=1)
    assert not (tmp_path / "two.crt").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--institution", "990001", "--role", "local", "--name", "a"], "'local' is none of teller, hospital"),
        (["--institution", "990001", "--role", "king", "--name", "a"], "'king' is none of"),
        (["--institution", "机构", "--role", "teller", "--name", "a"], "no code of an institution"),
        (["--institution", "990001", "--role", "teller", "--name", " "], "a name has 1 to 64 characters"),
    ],
)
def test_what_there_is_not_goes_into_no_certificate(ca, tmp_path, arguments, sentence) -> None:
    assert sentence in do("issue", ca, tmp_path / "x", *arguments, exit_code=2)
    assert not (tmp_path / "x.key").exists()


def test_without_an_authority_there_is_no_certificate(tmp_path) -> None:
    assert "ca.crt cannot be read" in issue(tmp_path / "none", tmp_path / "x", exit_code=1)


def test_an_encrypted_key_takes_its_passphrase(tmp_path, fd) -> None:
    do("init", tmp_path / "ca", "--passphrase-fd", fd("a long passphrase\n"))
    assert b"ENCRYPTED" in (tmp_path / "ca" / "ca.key").read_bytes()
    assert "the passphrase is wrong" in issue(
        tmp_path / "ca", tmp_path / "x", "teller", "--passphrase-fd", fd("a wrong passphrase"), exit_code=1
    )
    issue(tmp_path / "ca", tmp_path / "x", "teller", "--passphrase-fd", fd("a long passphrase"))
    assert (tmp_path / "x.crt").exists()
    assert "at least 12" in do("init", tmp_path / "other", "--passphrase-fd", fd("short"), exit_code=2)


def test_certificates_are_listed_shown_and_renewed(ca, tmp_path) -> None:
    issue(ca, tmp_path / "teller", "teller", "--days", "10")
    do("issue-server", ca, tmp_path / "server", "--host", "a.example", "--host", "::1")
    listed = do("list", ca)
    assert "柜员 01 (teller, 990001, T/1)" in listed
    assert "a.example, ::1" in listed
    assert "9 days left" in do("show", tmp_path / "teller.crt")
    do("show", tmp_path / "teller.crt", tmp_path / "server.crt", "--within", "30", exit_code=1)
    key = (tmp_path / "teller.key").read_bytes()
    do("renew", ca, tmp_path / "teller.crt")
    assert "396 days left" in do("show", tmp_path / "teller.crt", "--within", "30")
    assert (tmp_path / "teller.key").read_bytes() == key
    assert stat.S_IMODE((tmp_path / "teller.crt").stat().st_mode) == 0o644


def test_an_expired_certificate_is_shown_as_such(ca, tmp_path, monkeypatch) -> None:
    issue(ca, tmp_path / "teller", "teller", "--days", "1")
    later = facts_of((tmp_path / "teller.crt").read_bytes()).not_after.replace(year=2035)
    monkeypatch.setattr(certs, "now_utc", lambda: later)
    assert "expired 已过期" in do("show", tmp_path / "teller.crt", exit_code=1)


def test_what_is_no_certificate_is_said_to_be_none(tmp_path) -> None:
    (tmp_path / "x").write_text("x")
    assert "is no certificate in PEM form" in do("show", tmp_path / "x", exit_code=1)
    assert "cannot be read" in do("show", tmp_path / "none", exit_code=1)


def test_a_certificate_is_taken_back_once(ca, tmp_path) -> None:
    issue(ca, tmp_path / "teller")
    revoked = tmp_path / "revoked"
    revoked.write_text("# our list")
    assert "已吊销" in do("revoke", tmp_path / "teller.crt", "--list", revoked)
    assert "is there already" in do("revoke", tmp_path / "teller.crt", "--list", revoked)
    key = facts_of((tmp_path / "teller.crt").read_bytes()).key
    assert [line.partition(" ")[0] for line in revoked.read_text().splitlines()] == ["#", key]
    assert stat.S_IMODE(revoked.stat().st_mode) == 0o644


# --- commands that call a service ---


@pytest.fixture
def service(ca, tmp_path, monkeypatch):
    """A service in a thread, with the certificates of `sscard certs`; its address."""
    do("issue-server", ca, tmp_path / "server", *(part for host in HOSTS for part in ("--host", host)))
    issue(ca, tmp_path / "teller")
    settings = Config(
        tls_certificate=tmp_path / "server.crt",
        tls_key=tmp_path / "server.key",
        tls_client_ca=ca / "ca.crt",
        mode="development",
        readers="simulated",
    )
    monkeypatch.setenv("SSCARD_DATABASE", str(tmp_path / "sscard.db"))
    with own_service._Background(settings, door_of(settings), None) as port:
        yield f"localhost:{port}"


def readers(*arguments: object):
    return CliRunner().invoke(app, [*map(str, arguments)])


def test_a_command_shows_the_certificate_that_it_is_given(service, ca, tmp_path) -> None:
    shown = ("--certificate", tmp_path / "teller.crt", "--key", tmp_path / "teller.key", "--ca", ca / "ca.crt")
    assert readers(*shown, "readers", "--server", service).exit_code == 0
    issue(ca, tmp_path / "auditor", "auditor")
    shown = ("--certificate", tmp_path / "auditor.crt", "--key", tmp_path / "auditor.key", "--ca", ca / "ca.crt")
    denied = readers(*shown, "readers", "--server", service)
    assert denied.exit_code == 1
    assert "ACCESS_DENIED" in denied.stderr


def test_or_that_of_the_settings(service, ca, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SSCARD_CLIENT_CERTIFICATE", str(tmp_path / "teller.crt"))
    monkeypatch.setenv("SSCARD_CLIENT_KEY", str(tmp_path / "teller.key"))
    monkeypatch.setenv("SSCARD_CLIENT_CA", str(ca / "ca.crt"))
    assert readers("readers", "--server", service).exit_code == 0


def test_without_one_it_says_what_a_service_may_ask_for(service) -> None:
    refused = readers("readers", "--server", service)
    assert (refused.exit_code, "with --certificate, --key and --ca" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["readers", "--server", "192.0.2.1:50551"], "there one shows a certificate"),
        (["readers", "--server", "nonsense"], "is not an address"),
        (["--certificate", "a.crt", "readers", "--server", "127.0.0.1:1"], "client_key and client_ca as well"),
        (
            ["--certificate", "a", "--key", "b", "--ca", "c", "readers", "--server", "127.0.0.1:1"],
            "a cannot be read",
        ),
    ],
)
def test_what_cannot_be_meant_is_said_before_anybody_is_called(arguments, sentence) -> None:
    result = readers(*arguments)
    assert (result.exit_code, sentence in result.stderr) == (2, True), result.stderr
