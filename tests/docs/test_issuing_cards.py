"""What the page about making cards shows is run, against the service that it starts."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cardlib.issuance.questions import Note, Stage
from services.catalogue import REFUSALS
from services.cli import app
from services.issuance.journal import Request, State
from services.store.store import open_store

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "issuing-cards.md").read_text(encoding="utf-8")
ADDRESS = "127.0.0.1:50551"
READER = '"Software reader 01 (blank-t514)"'

pytestmark = pytest.mark.timeout(120)


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


START, TRIED, TABLE, STOCK, UNDER_WAY, BACKUP, COMPARED, AGAIN, DRAWN = examples("sh")
(PROGRAM,) = examples("python")


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The service as the page starts it, at another port, with its state in a directory that goes away."""
    monkeypatch.chdir(tmp_path)
    with resources.as_file(resources.files("cardlib.issuance") / "data") as data:
        shutil.copytree(data, tmp_path, dirs_exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    words = shlex.split(START.replace("/tmp/try", str(tmp_path / "try")))
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    command = [sys.executable, "-m", "services.cli", *[word for word in words if "=" not in word][1:]]
    environment = (
        os.environ | variables | {"SSCARD_LISTEN": listen, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto'}"}
    )
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while "serving" not in process.stderr.readline():
            assert process.poll() is None
            assert time.monotonic() < deadline
        yield listen
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def run(lines: str, address: str, *more: str, stdin: str | None = None) -> list[str]:
    printed = []
    for line in lines.splitlines():
        words = shlex.split(line.replace(ADDRESS, address), comments=True)
        result = CliRunner().invoke(app, [*words[1:], *more], input=stdin)
        assert result.exit_code == 0, f"{line}: {result.output}"
        printed.append(result.output)
    return printed


def test_the_card_is_made_read_and_verified(address: str) -> None:
    _readers, issued, read, verified = run(TRIED, address)
    assert "made and proven" in issued
    assert "已通过内部认证" in read
    assert "compared with the certificate" in verified
    compared = COMPARED.replace("--reader NAME", '--reader "Software reader 01"').replace("NAME", "template-2.0")
    assert "is genuine, and of this card" in run(compared, address, "--server", address)[1]


def test_a_table_of_persons_is_checked_and_made(address: str, tmp_path: Path) -> None:
    person = json.loads((tmp_path / "person.json").read_bytes())
    (tmp_path / "persons.csv").write_text(f"{','.join(person)}\n{','.join(person.values())}\n", encoding="utf-8")
    check, issue = TABLE.replace("NAME", '"Software reader 01"').splitlines()
    assert "1 records without a fault" in run(check, address)[0]
    assert "row 2 (1 of 1): made and proven" in run(issue, address, "--server", address, stdin="\n")[0]


def test_a_card_from_stock_gets_its_holder_and_its_face(address: str, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (358, 441), "grey").save(tmp_path / "photo.jpg")
    stock, holder, verified, _face = run(STOCK, address)
    assert "will have no holder yet" in stock
    assert "made and proven" in holder
    assert "compared with the certificate" in verified
    assert (tmp_path / "premade.pdf").read_bytes().startswith(b"%PDF")


def test_what_is_under_way_is_listed_and_given_up_and_a_backup_is_made(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(TRIED, address)
    monkeypatch.setenv("SSCARD_DATABASE", str(tmp_path / "try" / "sscard.db"))
    told = json.loads((tmp_path / "card.json").read_bytes())
    begin("open", tmp_path / "try")
    listed, _shown, given_up = run(UNDER_WAY.replace("REQUEST", "open"), address)
    assert "1 under way" in listed
    assert "counts as lost" in given_up
    assert "0 under way" in run(UNDER_WAY.splitlines()[0], address)[0]
    run(AGAIN.replace("REQUEST", told["request_id"]), address, "--server", address)
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "card.json").read_bytes()
    run(BACKUP, address)
    store = open_store(str(tmp_path / "backup.db"), tmp_path / "backup.digest-key")
    assert store.journal.find(told["request_id"]).state is State.DONE
    store.close()


def begin(request_id: str, state: Path) -> None:
    """A request that has begun to write, and is not gone on with."""
    store = open_store(str(state / "sscard.db"), state / "sscard.digest-key")
    wanted = Request(request_id=request_id, chip=bytes(13), order_digest=bytes(32), station="", operator="")
    store.journal.note(store.journal.begin(wanted), Note(Stage.BUILDING, "MF"))
    store.close()


def test_the_program_makes_a_card(address: str) -> None:
    assert READER in PROGRAM
    program = PROGRAM.replace(ADDRESS, address)
    printed = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT / "proto")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert "社会保障卡制卡证书" in printed


def test_the_reasons_of_the_page_are_those_of_the_catalogue() -> None:
    named = {
        reason for row in re.findall(r"^\| (`[A-Z].*?) \|", PAGE, re.MULTILINE) for reason in re.findall("[A-Z_]+", row)
    }
    assert len(named) > 8
    assert named <= {row.reason for row in REFUSALS.values()}


def test_the_faces_are_drawn(address: str, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (358, 441), "grey").save(tmp_path / "photo.jpg")
    run(DRAWN.replace("NAME", "template-2.0"), address, "--server", address)
    assert (tmp_path / "face.pdf").read_bytes().startswith(b"%PDF-")
    assert (tmp_path / "face.png").read_bytes().startswith(b"\x89PNG")
