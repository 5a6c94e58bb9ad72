"""Where a centre may be, and how both sides know each other there."""

from collections.abc import Iterator
from contextlib import closing

import grpc
import pytest

from cardlib.crypto import Algorithm
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import CardFactors, Cryptogram, KeyRequest
from cardlib.keys import KeyReference
from services.callers.caller import Caller, Role
from services.callers.doors import door_of
from services.config import Config, ConfigError
from services.custody.centre import CentreCustodian
from services.custody.development import DevelopmentCustodian
from services.custody.errors import CentreAwayError
from services.custody.opening import open_custodian
from tests.services.callers.world import authority, caller_pair, tls_settings, written
from tests.services.key_centre import Centre, centre

CRYPTOGRAM = Cryptogram(KeyReference("IRK"), bytes(8), bytes(8))
REQUEST = KeyRequest(CardFactors(Algorithm.SM4, "990100", bytes.fromhex("9901000100000001")), (CRYPTOGRAM,))


@pytest.fixture(scope="module")
def running() -> Iterator[Centre]:
    with centre(DevelopmentCustodian(development_mode=True)) as started:
        yield started


@pytest.mark.parametrize("target", ["192.0.2.1:50551", "centre.example:1", "dns:///centre.example:1", "0.0.0.0:1"])
def test_a_centre_elsewhere_needs_certificates(target) -> None:
    with pytest.raises(ConfigError, match=r"centre: .*needs certificates"):
        CentreCustodian(target)


@pytest.mark.parametrize("target", ["", "127.0.0.1", "unix:/run/keys.sock", "127.0.0.1:x"])
@pytest.mark.parametrize("credentials", [None, grpc.ssl_channel_credentials()])
def test_what_is_no_address_is_refused(target, credentials) -> None:
    with pytest.raises(ConfigError, match=r"centre: .* is not an address such as"):
        CentreCustodian(target, credentials=credentials)


@pytest.mark.parametrize(
    ("role", "why"), [(Role.TERMINAL, ""), (Role.TELLER, r"refuses this service: .*ACCESS_DENIED")]
)
def test_a_centre_knows_a_terminal_by_its_certificate(tmp_path, role, why) -> None:
    ours = authority()
    certificate, key = written(tmp_path, "client", caller_pair(ours, Caller("terminal", "990001", role)))
    door = door_of(Config(**tls_settings(tmp_path, ours)))
    with centre(DevelopmentCustodian(development_mode=True), door=door) as started:
        settings = Config(
            centre=f"localhost:{started.address.rpartition(':')[2]}",
            client_certificate=certificate,
            client_key=key,
            client_ca=tmp_path / "ca.crt",
        )
        with closing(open_custodian(settings)) as custodian:
            if why:
                with pytest.raises(KeyUnavailableError, match=why):
                    custodian.perform(REQUEST)
            else:
                assert custodian.perform(REQUEST) == DevelopmentCustodian(development_mode=True).perform(REQUEST)


def test_with_credentials_a_centre_may_be_anywhere_and_plain_text_is_not_spoken(running) -> None:
    port = running.address.rpartition(":")[2]
    with (
        CentreCustodian(f"127.0.0.1:{port}", timeout=2, credentials=grpc.ssl_channel_credentials()) as custodian,
        pytest.raises(CentreAwayError),
    ):
        custodian.perform(REQUEST)
    with CentreCustodian("192.0.2.1:50551", credentials=grpc.ssl_channel_credentials()) as custodian:
        assert repr(custodian) == "<CentreCustodian at 192.0.2.1:50551>"


def test_proxies_of_the_environment_are_not_used(running, monkeypatch) -> None:
    for name in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_grpc_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with CentreCustodian(running.address) as custodian:
        assert custodian.perform(REQUEST) == DevelopmentCustodian(development_mode=True).perform(REQUEST)
