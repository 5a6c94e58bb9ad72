"""A service that cannot be spoken to, for every reason that there is, with gRPC's own words for it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from typer import Exit

from services.callers.recognition import now_utc
from services.cli.errors import FAILED, reported
from services.cli.unreachable import unreachable
from services.custody.certificates import Pair, new_authority

ROOT = Path(__file__).parents[3]
OURS, OTHERS = (new_authority(name, now=now_utc(), days=60) for name in ("ours", "others"))
HERE = OURS.server(["127.0.0.1"], now=now_utc(), days=60)
ELSEWHERE = OURS.server(["elsewhere.example"], now=now_utc(), days=60)
TELLER = OURS.caller("t", "spiffe://sscard/institution/1/role/teller/name/t", now=now_utc(), days=60)
ALIEN = OTHERS.caller("t", "spiffe://sscard/institution/1/role/teller/name/t", now=now_utc(), days=60)


@pytest.fixture
def listening() -> Iterator[object]:
    """Starts a service that shows this pair and asks for a certificate of ours; None: without TLS; its address."""
    servers = []

    def listen(shown: Pair | None) -> str:
        server = grpc.server(ThreadPoolExecutor(1))
        if shown is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            pairs = [(shown.key.reveal(), shown.certificate)]
            credentials = grpc.ssl_server_credentials(pairs, OURS.certificate, require_client_auth=True)
            port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        servers.append(server)
        return f"127.0.0.1:{port}"

    yield listen
    for server in servers:
        server.stop(None).wait()


def told(channel: grpc.Channel, capsys: pytest.CaptureFixture[str]) -> str:
    with channel, pytest.raises(Exit) as left, reported():
        channel.unary_unary("/sscard.v1.PinService/GetPinStatus")(b"", timeout=20)
    assert left.value.exit_code == FAILED
    return capsys.readouterr().err


def secure(address: str, pair: Pair | None, authorities: bytes = OURS.certificate) -> grpc.Channel:
    shown = (None, None) if pair is None else (pair.key.reveal(), pair.certificate)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(authorities, *shown))


def test_a_service_of_another_authority_or_name(listening, capsys) -> None:
    text = told(secure(listening(HERE), TELLER, OTHERS.certificate), capsys)
    assert "comes from no authority in --ca" in text
    assert "--ca 中的机构" in text
    assert "SSL" not in text
    assert "is for another name" in told(secure(listening(ELSEWHERE), TELLER), capsys)


def test_a_service_without_tls_and_one_that_has_it(listening, capsys) -> None:
    assert "speaks without TLS" in told(secure(listening(None), TELLER), capsys)
    assert "asks for a certificate" in told(grpc.insecure_channel(listening(HERE)), capsys)


def test_nobody_there(listening, capsys) -> None:
    assert "nobody listens there" in told(grpc.insecure_channel("127.0.0.1:1"), capsys)
    assert "no machine of this name" in told(grpc.insecure_channel("nowhere.invalid:1"), capsys)


@pytest.mark.parametrize("shown", [None, ALIEN], ids=["none", "alien"])
def test_a_certificate_that_is_not_believed(listening, capsys, shown) -> None:
    text = told(secure(listening(HERE), shown), capsys)
    assert "certificate" in text
    assert "--certificate" in text


def test_grpc_says_nothing_of_its_own_beside_that(listening, tmp_path) -> None:
    for name, content in (("t.crt", TELLER.certificate), ("t.key", TELLER.key.reveal()), ("ca", OTHERS.certificate)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    shown = ["--certificate", "t.crt", "--key", "t.key", "--ca", "ca"]
    command = [sys.executable, "-m", "services.cli", *shown, "readers", "--server", listening(HERE)]
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_VERBOSITY"}
    path = f"{ROOT}{os.pathsep}{ROOT / 'proto'}"
    done = subprocess.run(
        command,
        env=environment | {"PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == FAILED
    assert done.stderr.startswith("sscard: ")
    assert len(done.stderr.splitlines()) == 2


def test_words_that_nobody_knows_are_shown() -> None:
    assert "failed to connect to all addresses; comet" in unreachable("failed to connect to all addresses; comet")
    lost = unreachable("Socket closed")
    assert "the connection to the service was lost: Socket closed" in lost
    assert "--request-id" in lost
