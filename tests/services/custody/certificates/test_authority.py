"""Certificates as another implementation, openssl, sees them."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apdu.secret import Secret
from services.custody.certificates import CertificateError, Purpose, facts_of, new_authority, open_authority

NOW = datetime.now(UTC)
URI = "spiffe://sscard/institution/990001/role/teller/name/a"


@pytest.fixture
def files(tmp_path):
    """An authority's certificate in ca.crt, a caller's in caller.crt, a server's in server.crt."""
    made = new_authority("证书机构 of the tests", now=NOW, days=30)
    caller = made.caller("柜员", URI, now=NOW, days=1)
    server = made.server(["a.example", "127.0.0.1", "::1"], now=NOW, days=1)
    for name, content in (
        ("ca.crt", made.certificate),
        ("caller.crt", caller.certificate),
        ("caller.key", caller.key.reveal()),
        ("server.crt", server.certificate),
        ("ca.key", made.key(Secret(b"invented passphrase")).reveal()),
    ):
        (tmp_path / name).write_bytes(content)
    return tmp_path


def openssl(folder: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "purpose", "right"),
    [
        ("caller", "sslclient", True),
        ("caller", "sslserver", False),
        ("server", "sslserver", True),
        ("server", "sslclient", False),
    ],
)
def test_a_certificate_is_for_one_side_only(files, name, purpose, right) -> None:
    code, _ = openssl(files, "verify", "-x509_strict", "-CAfile", "ca.crt", "-purpose", purpose, f"{name}.crt")
    assert (code == 0) == right


def test_it_says_what_it_was_made_for(files) -> None:
    _, caller = openssl(files, "x509", "-in", "caller.crt", "-noout", "-ext", "subjectAltName,basicConstraints")
    assert f"URI:{URI}" in caller
    assert "CA:FALSE" in caller
    _, server = openssl(files, "x509", "-in", "server.crt", "-noout", "-ext", "subjectAltName")
    assert "DNS:a.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1" in server


def test_facts_and_fingerprints_are_those_that_openssl_finds(files) -> None:
    facts = facts_of((files / "caller.crt").read_bytes())
    _, printed = openssl(files, "x509", "-in", "caller.crt", "-noout", "-fingerprint", "-sha256", "-serial")
    assert facts.fingerprint.upper() in printed.replace(":", "")
    assert f"serial={facts.serial:X}" in printed.replace("serial=0", "serial=")
    openssl(files, "pkey", "-in", "caller.key", "-pubout", "-outform", "DER", "-out", "key.der")
    _, digest = openssl(files, "dgst", "-sha256", "key.der")
    assert facts.key in digest
    assert (facts.name, facts.issuer, facts.uris) == ("柜员", "证书机构 of the tests", (URI,))
    assert facts.purposes == {Purpose.CALLER}


def test_a_renewed_certificate_has_the_same_key_and_names(files) -> None:
    old = (files / "caller.crt").read_bytes()
    made = open_authority(
        (files / "ca.crt").read_bytes(), Secret((files / "ca.key").read_bytes()), Secret(b"invented passphrase")
    )
    new = made.renewed(old, now=NOW, days=2)
    (files / "new.crt").write_bytes(new)
    assert openssl(files, "verify", "-CAfile", "ca.crt", "-purpose", "sslclient", "new.crt")[0] == 0
    before, after = facts_of(old), facts_of(new)
    assert (after.key, after.uris, after.name, after.purposes) == (
        before.key,
        before.uris,
        before.name,
        before.purposes,
    )
    assert after.not_after > before.not_after
    assert after.serial != before.serial
    renewed_server = facts_of(made.renewed((files / "server.crt").read_bytes(), now=NOW, days=2))
    assert renewed_server.hosts == ("a.example", "127.0.0.1", "::1")


def test_no_certificate_outlives_its_authority() -> None:
    short = new_authority("short", now=NOW, days=2)
    assert facts_of(short.caller("a", URI, now=NOW, days=9).certificate).not_after == short.facts.not_after
    with pytest.raises(CertificateError, match="make a new authority"):
        short.caller("a", URI, now=NOW + timedelta(days=3), days=9)


@pytest.mark.parametrize("host", ["", "a b", "医院", "a/b", "*"])
def test_what_is_no_host_goes_into_no_certificate(host) -> None:
    made = new_authority("a", now=NOW, days=1)
    with pytest.raises(CertificateError, match=r"is no host name|1 to 64 characters"):
        made.server([host], now=NOW, days=1)


def test_only_what_it_signed_is_renewed(files) -> None:
    other = new_authority("证书机构 of the tests", now=NOW, days=30)
    with pytest.raises(CertificateError, match="not one of this authority's"):
        other.renewed((files / "caller.crt").read_bytes(), now=NOW, days=1)
    with pytest.raises(CertificateError, match="only certificates of services and callers"):
        other.renewed(other.certificate, now=NOW, days=1)


@pytest.mark.parametrize(
    ("passphrase", "why"),
    [(None, "needs a passphrase"), (Secret(b"another passphrase"), "damaged, or the passphrase is wrong")],
)
def test_an_authority_opens_with_its_passphrase_alone(files, passphrase, why) -> None:
    certificate, key = (files / "ca.crt").read_bytes(), Secret((files / "ca.key").read_bytes())
    with pytest.raises(CertificateError, match=why):
        open_authority(certificate, key, passphrase)
    assert openssl(files, "pkey", "-in", "ca.key", "-passin", "pass:invented passphrase", "-noout")[0] == 0


def test_an_authority_opens_with_its_own_key_alone(files) -> None:
    other = new_authority("other", now=NOW, days=1)
    with pytest.raises(CertificateError, match="is not that of its certificate"):
        open_authority((files / "ca.crt").read_bytes(), other.key())
    with pytest.raises(CertificateError, match="is no authority's"):
        open_authority((files / "caller.crt").read_bytes(), other.key())
    with pytest.raises(CertificateError, match="has none"):
        open_authority(other.certificate, other.key(), Secret(b"invented passphrase"))
