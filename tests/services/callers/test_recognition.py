import ssl
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.callers.caller import LOCAL, Caller, Role
from services.callers.errors import CallerExpiredError, CallerRevokedError, CallerUnknownError
from services.callers.identity import uri_of
from services.callers.recognition import ByCertificate, everybody_is_local, now_utc
from services.callers.revocation import RevocationList
from services.custody.certificates import facts_of
from tests.services.callers.world import authority, caller_pair

TELLER = Caller("柜员", "990001", Role.TELLER, "T-1")
DAY = timedelta(days=1)
AUTHORITY = authority()
PEM = caller_pair(AUTHORITY, TELLER).certificate


def signed(uri: str, *, usage: x509.ObjectIdentifier) -> bytes:
    """What no authority of this software makes, with this URI; DER."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now_utc() - DAY, now_utc() + DAY)
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    made = builder.add_extension(names, critical=False).add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def for_a_server(uri: str) -> bytes:
    """Whose usage is that of a server alone."""
    return ssl.DER_cert_to_PEM_cert(signed(uri, usage=ExtendedKeyUsageOID.SERVER_AUTH)).encode()


def with_names_twice(uri: str) -> bytes:
    """The usage is told to be names as well: the same kind of extension twice (2.5.29.17 in place of 2.5.29.37)."""
    made = signed(uri, usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    altered = made.replace(bytes.fromhex("0603551d25"), bytes.fromhex("0603551d11"))
    assert altered != made
    return ssl.DER_cert_to_PEM_cert(altered).encode()


def connection(*certificates: bytes) -> dict[str, tuple[bytes, ...]]:
    return {"transport_security_type": (b"ssl",), "x509_pem_cert": certificates}


def test_a_caller_is_whom_the_certificate_names() -> None:
    assert ByCertificate()(connection(PEM)) == TELLER


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ({}, "it shows no certificate"),
        ({"transport_security_type": (b"ssl",)}, "it shows no certificate"),
        (connection(), "it shows no certificate"),
        (connection(b"nonsense"), "is no certificate in PEM form"),
        (connection(AUTHORITY.server(["a.example"], now=now_utc(), days=1).certificate), "not one for a caller"),
        (connection(AUTHORITY.caller("a", "https://a.example", now=now_utc(), days=1).certificate), "has 0 URIs"),
        (connection(for_a_server(uri_of(TELLER))), "not one for a caller"),
        (connection(with_names_twice(uri_of(TELLER))), "is no certificate in PEM form"),
    ],
)
def test_who_shows_nothing_of_the_kind_is_nobody(shown, why) -> None:
    with pytest.raises(CallerUnknownError, match=why):
        ByCertificate()(shown)


@pytest.mark.parametrize("away", [timedelta(days=2), timedelta(days=-1)])
def test_time_counts_at_every_call(away) -> None:
    moment = now_utc()
    recognise = ByCertificate(now=lambda: moment)
    assert recognise(connection(PEM)) == TELLER
    moment += away
    with pytest.raises(CallerExpiredError, match="is valid from"):
        recognise(connection(PEM))


def test_so_does_the_list_of_certificates_taken_back(tmp_path) -> None:
    (tmp_path / "revoked").write_text("")
    recognise = ByCertificate(RevocationList(tmp_path / "revoked"))
    assert recognise(connection(PEM)) == TELLER
    (tmp_path / "revoked").write_text(facts_of(PEM).key)
    with pytest.raises(CallerRevokedError):
        recognise(connection(PEM))


def test_only_the_one_certificate_of_this_process_is_local() -> None:
    own = AUTHORITY.caller("local", "spiffe://sscard/local", now=now_utc(), days=1).certificate
    same_names = AUTHORITY.caller("local", "spiffe://sscard/local", now=now_utc(), days=1).certificate
    recognise = ByCertificate(ours=facts_of(own).fingerprint)
    assert recognise(connection(own)) == LOCAL
    assert recognise(connection(PEM)) == TELLER
    for stranger in (recognise, ByCertificate()):
        with pytest.raises(CallerUnknownError):
            stranger(connection(same_names))


def test_without_tls_everybody_is_local() -> None:
    assert everybody_is_local({}) == LOCAL
