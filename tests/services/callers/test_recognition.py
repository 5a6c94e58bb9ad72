from datetime import timedelta

import pytest

from services.callers.caller import LOCAL, Caller, Role
from services.callers.errors import CallerExpiredError, CallerRevokedError, CallerUnknownError
from services.callers.recognition import ByCertificate, everybody_is_local, now_utc
from services.callers.revocation import RevocationList
from services.custody.certificates import facts_of
from tests.services.callers.world import authority, caller_pair

TELLER = Caller("柜员", "990001", Role.TELLER, "T-1")
AUTHORITY = authority()
PEM = caller_pair(AUTHORITY, TELLER).certificate


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
        (connection(AUTHORITY.server(["a.example"], now=now_utc(), days=1).certificate), "has 0 URIs"),
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
