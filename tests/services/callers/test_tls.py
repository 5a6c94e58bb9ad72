"""Who comes in over TLS, and who does not get as far as a method."""

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc

from apdu.transport.inprocess import InProcessReaders
from cardlib.custody import NoKeys
from services.callers.caller import Caller, Role
from services.callers.doors import OPEN, PrivateDoor, door_of
from services.callers.recognition import now_utc
from services.callers.tls import channel_credentials
from services.config import Config, ConfigError
from services.custody.certificates import facts_of
from services.server import Server, build_server
from sscard.v1.reader_pb2 import DESCRIPTOR
from tests.services.callers.world import (
    CALLERS,
    authority,
    caller_pair,
    expired_pair,
    outcome,
    shown,
    tls_settings,
    written,
)

LIST = DESCRIPTOR.services_by_name["ReaderService"].methods_by_name["ListReaders"]
TELLER, AUDITOR = CALLERS[Role.TELLER], CALLERS[Role.AUDITOR]
OURS, OTHERS = authority(), authority("another authority")
AWAY = "UNAVAILABLE"
"""What a caller hears whose connection is refused."""


@asynccontextmanager
async def serving(settings: dict) -> AsyncIterator[Server]:
    server = build_server(Config(listen="127.0.0.1:0", grace=0.1, **settings), InProcessReaders(["one"]), NoKeys())
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def server(tmp_path) -> AsyncIterator[Server]:
    """A service in production, with certificates in files."""
    (tmp_path / "revoked").write_text("")
    async with serving(tls_settings(tmp_path, OURS) | {"tls_revoked": tmp_path / "revoked"}) as started:
        yield started


async def asked(server: Server, credentials: grpc.ChannelCredentials, host: str = "127.0.0.1") -> str:
    async with grpc.aio.secure_channel(f"{host}:{server.port}", credentials) as channel:
        came = await outcome(channel, LIST)
    return came.reason if isinstance(came, ErrorInfo) else came


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_caller_with_a_certificate_comes_in(server, host) -> None:
    assert await asked(server, shown(caller_pair(OURS, TELLER), OURS), host) == "OK"


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param(None, id="no certificate"),
        pytest.param(caller_pair(OTHERS, TELLER), id="another authority's"),
        pytest.param(expired_pair(OURS, TELLER), id="expired"),
        pytest.param(OURS.server(["127.0.0.1"], now=now_utc(), days=1), id="a server's"),
    ],
)
async def test_who_has_no_certificate_that_counts_gets_no_connection(server, pair, log) -> None:
    assert await asked(server, shown(pair, OURS)) == AWAY
    assert '"call"' not in log.getvalue()


async def test_without_tls_nobody_is_listened_to(server) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        assert await outcome(channel, LIST) == AWAY


async def test_a_certificate_that_names_no_caller_is_told_so(server) -> None:
    for uri in ("spiffe://sscard/institution/990001/role/king/name/a", "https://example.org/"):
        pair = OURS.caller("somebody", uri, now=now_utc(), days=1)
        assert await asked(server, shown(pair, OURS)) == "CALLER_UNKNOWN"


async def test_a_certificate_that_was_taken_back_is_refused_with_the_next_call(server, tmp_path) -> None:
    pair = caller_pair(OURS, TELLER)
    async with grpc.aio.secure_channel(f"127.0.0.1:{server.port}", shown(pair, OURS)) as channel:
        assert await outcome(channel, LIST) == "OK"
        (tmp_path / "revoked").write_text(facts_of(pair.certificate).key)
        refused = await outcome(channel, LIST)
    assert isinstance(refused, ErrorInfo)
    assert refused.reason == "CALLER_REVOKED"


async def test_a_callers_certificate_does_not_pass_for_a_service(tmp_path) -> None:
    """Else a teller could pose as the counter of another, and be told PINs."""
    posing = caller_pair(OURS, TELLER)
    false = grpc.aio.server()
    port = false.add_secure_port(
        "127.0.0.1:0", grpc.ssl_server_credentials([(posing.key.reveal(), posing.certificate)])
    )
    await false.start()
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", shown(caller_pair(OURS, TELLER), OURS)) as channel:
        assert await outcome(channel, LIST) == AWAY
    await false.stop(0)


async def test_a_service_of_another_name_or_authority_is_not_spoken_to(server, tmp_path) -> None:
    mine = caller_pair(OURS, TELLER)
    assert await asked(server, shown(mine, OTHERS)) == AWAY
    assert await asked(server, shown(mine, OURS)) == "OK"
    written(tmp_path, "server", OURS.server(["elsewhere.example"], now=now_utc(), days=1))
    assert await asked(server, shown(caller_pair(OURS, TELLER), OURS)) == AWAY


async def test_whoever_probes_the_health_may_have_any_role(server) -> None:
    async with grpc.aio.secure_channel(f"127.0.0.1:{server.port}", shown(caller_pair(OURS, AUDITOR), OURS)) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        denied = await outcome(channel, LIST)
    assert isinstance(denied, ErrorInfo)
    assert denied.reason == "ACCESS_DENIED"


# --- renewal ---


async def test_renewed_files_count_from_the_next_connection_on(server, tmp_path, log) -> None:
    mine, theirs = shown(caller_pair(OURS, TELLER), OURS), shown(caller_pair(OTHERS, TELLER), OTHERS)
    assert (await asked(server, mine), await asked(server, theirs)) == ("OK", AWAY)
    written(tmp_path, "server", OTHERS.server(["127.0.0.1"], now=now_utc(), days=1))
    (tmp_path / "ca.crt").write_bytes(OTHERS.certificate)
    assert (await asked(server, mine), await asked(server, theirs)) == (AWAY, "OK")
    assert "certificate_renewed" in log.getvalue()


async def test_while_files_are_exchanged_the_old_ones_count(server, tmp_path, log) -> None:
    mine = shown(caller_pair(OURS, TELLER), OURS)
    new = OURS.server(["127.0.0.1"], now=now_utc(), days=1)
    (tmp_path / "server.crt").write_bytes(new.certificate)
    assert [await asked(server, mine) for _ in range(2)] == ["OK", "OK"]
    assert log.getvalue().count("certificate_not_renewed") == 1
    (tmp_path / "server.key").write_bytes(new.key.reveal())
    assert await asked(server, mine) == "OK"
    assert "certificate_renewed" in log.getvalue()


# --- certificates that others made ---


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


async def test_callers_of_an_authority_with_an_intermediate_come_in(tmp_path) -> None:
    """RSA, made by openssl; the intermediate alone is trusted, as the manual says that it may be."""
    uri = "spiffe://sscard/institution/990001/role/teller/name/%E6%9F%9C%E5%91%98"
    (tmp_path / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\n")
    (tmp_path / "leaf.ext").write_text(f"extendedKeyUsage=clientAuth\nsubjectAltName=URI:{uri}\n")
    issued = (("root", "root", "ca"), ("middle", "root", "ca"), ("leaf", "middle", "leaf"))
    for name, signer, kind in issued:
        new = ("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}")
        openssl(tmp_path, *new, "-keyout", f"{name}.key", "-out", f"{name}.csr")
        by = ("-signkey", "root.key") if name == signer else ("-CA", f"{signer}.crt", "-CAkey", f"{signer}.key")
        openssl(
            tmp_path,
            *("x509", "-req", "-in", f"{name}.csr", *by, "-CAcreateserial", "-days", "1", "-sha256"),
            *("-extfile", f"{kind}.ext", "-out", f"{name}.crt"),
        )
    settings = tls_settings(tmp_path, OURS) | {"tls_client_ca": tmp_path / "middle.crt"}
    credentials = grpc.ssl_channel_credentials(
        OURS.certificate, (tmp_path / "leaf.key").read_bytes(), (tmp_path / "leaf.crt").read_bytes()
    )
    async with serving(settings) as started:
        assert await asked(started, credentials) == "OK"


# --- settings ---


def test_in_production_callers_are_asked_for_certificates(tmp_path) -> None:
    with pytest.raises(ConfigError, match="in production callers show certificates; set all three"):
        door_of(Config())
    assert door_of(Config(mode="development")) is OPEN
    assert door_of(Config(**tls_settings(tmp_path, OURS))).credentials is not None


def _swap(folder: Path) -> None:
    written(folder, "other", OURS.server(["a.example"], now=now_utc(), days=1))
    (folder / "other.key").replace(folder / "server.key")


def _encrypt(folder: Path) -> None:
    secret = ("pkcs8", "-topk8", "-in", "server.key", "-out", "new.key", "-passout", "pass:invented")
    openssl(folder, *secret)
    (folder / "new.key").chmod(0o600)
    (folder / "new.key").replace(folder / "server.key")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        pytest.param(lambda at: (at / "server.crt").unlink(), "server.crt cannot be read.*sscard certs", id="gone"),
        pytest.param(lambda at: (at / "server.crt").write_text("x"), "is no certificate in PEM form", id="no PEM"),
        pytest.param(lambda at: (at / "server.key").write_text("x"), "the key is none in PEM form", id="no key"),
        pytest.param(lambda at: (at / "server.key").chmod(0o644), "open to other users", id="open to others"),
        pytest.param(_swap, "the key is not that of the certificate", id="another key"),
        pytest.param(_encrypt, "the key is encrypted, and a service has nobody to ask", id="encrypted"),
        pytest.param(
            lambda at: (at / "ca.crt").write_bytes((at / "server.crt").read_bytes()),
            "has a certificate of '127.0.0.1', which is no authority's",
            id="no authority",
        ),
        pytest.param(
            lambda at: (at / "ca.crt").write_text("x"), "has no certificates in PEM form", id="no authorities"
        ),
        pytest.param(
            lambda at: written(at, "server", caller_pair(OURS, TELLER)), "is not one for a server", id="a caller's"
        ),
    ],
)
def test_files_that_cannot_be_used_are_refused_with_a_sentence(tmp_path, spoil, sentence) -> None:
    settings = tls_settings(tmp_path, OURS)
    spoil(tmp_path)
    with pytest.raises(ConfigError, match=sentence):
        door_of(Config(**settings))


def test_so_is_a_list_of_certificates_taken_back(tmp_path) -> None:
    (tmp_path / "revoked").write_text("nonsense")
    with pytest.raises(ConfigError, match=r"tls_revoked: .*line 1"):
        door_of(Config(**tls_settings(tmp_path, OURS), tls_revoked=tmp_path / "revoked"))


def test_a_certificate_that_ends_soon_is_spoken_of(tmp_path, log) -> None:
    door_of(Config(**tls_settings(tmp_path, OURS)))
    assert '"event": "certificate_ends"' in log.getvalue()


async def test_a_service_that_calls_another_shows_the_certificate_of_its_settings(server, tmp_path) -> None:
    certificate, key = written(tmp_path, "client", caller_pair(OURS, TELLER))
    settings = {"client_certificate": certificate, "client_key": key, "client_ca": tmp_path / "ca.crt"}
    credentials = channel_credentials(Config(**settings))
    assert credentials is not None
    assert await asked(server, credentials) == "OK"
    (tmp_path / "server.crt").replace(certificate)
    with pytest.raises(ConfigError, match="is not one for a caller"):
        channel_credentials(Config(**settings))
    assert channel_credentials(Config()) is None


# --- a service of a process's own ---


async def test_only_the_process_itself_comes_in_by_a_private_door(tmp_path) -> None:
    private, other = PrivateDoor(), PrivateDoor()
    config = Config(listen="127.0.0.1:0", database=str(tmp_path / "sscard.db"))
    server = build_server(config, InProcessReaders(["one"]), NoKeys(), door=private.door)
    await server.start()
    try:
        assert await asked(server, private.credentials()) == "OK"
        assert await asked(server, private.credentials(Caller("a", "990001", Role.AUDITOR))) == "ACCESS_DENIED"
        for stranger in (other.credentials(), shown(None, OURS), shown(caller_pair(OURS, TELLER), OURS)):
            assert await asked(server, stranger) == AWAY
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            assert await outcome(channel, LIST) == AWAY
    finally:
        await server.stop()
