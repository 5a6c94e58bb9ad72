"""``sscard issue``, ``verify`` and ``face``: in one process, on blank software chips, and against a running service."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cardlib.issuance.questions import Note, Stage
from cardlib.regional import RegionalProfiles
from services.cli import app
from services.issuance.journal import Request
from services.issuance.opening import SHIPPED
from services.issuance.orders import Templates
from services.store.store import open_store
from sscard.v1.issuance_pb2 import CardOrder

ROOT = Path(__file__).parents[3]
PERSON = resources.files("cardlib.issuance").joinpath("data", "person.json").read_bytes()
NAME = json.loads(PERSON)["name"]

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a person in it, and a state of its own; the readers have blank chips."""
    for name in [name for name in os.environ if name.startswith("SSCARD_") and name != "SSCARD_CARD_CACHE"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("SSCARD_SIMULATED_CARDS", "blank-t514,blank-fmcos")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "person.json").write_bytes(PERSON)
    return tmp_path


def sscard(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def issue(*more: str) -> Result:
    return sscard("issue", "person.json", "--reader", "Software reader 01", "-t", "template-2.0", *more)


def test_a_blank_chip_becomes_a_card_with_its_certificate(place: Path) -> None:
    result = issue("--simulated", "--operator", "李", "--certificate", "made.json")
    assert result.exit_code == 0, result.output
    assert "made and proven 制卡完成并已验证" in result.stdout
    told = json.loads((place / "made.json").read_bytes())
    assert told["operator"] == "李"
    assert f"certificate {hash_of(place / 'made.json')}, kept by the service" in result.stdout
    assert "社会保障卡制卡证书" in (place / "made.txt").read_text(encoding="utf-8")
    assert (place / "made.json").stat().st_mode & 0o777 == 0o600
    assert (place / "state" / "sscard" / "sscard.db").exists()
    assert NAME not in result.output
    again = issue("--simulated", "--request-id", told["request_id"])
    assert again.exit_code == 0
    assert "was not touched" in again.stdout


def hash_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def test_a_template_is_a_file_too(place: Path) -> None:
    text = resources.files("cardlib.issuance").joinpath("data", "template-3.0.toml").read_text(encoding="utf-8")
    (place / "own.toml").write_text(text.replace('"t514"', '"fmcos"'), encoding="utf-8")
    result = sscard("issue", "person.json", "--simulated", "-r", "Software reader 02", "-t", "own.toml")
    assert result.exit_code == 0, result.output
    assert "card 3.0 SM4" in result.stdout


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in json.loads(PERSON).items() if key != name}).encode()


REFUSED = {
    "no such file": (None, ("-t", "template-2.0"), 2, "person.json: No such file"),
    "no template chosen": (PERSON, (), 1, "--template: is not one of this service's; there are template-2.0"),
    "no such template": (PERSON, ("-t", "other.toml"), 2, "other.toml: No such file"),
    "no JSON": (b"{", ("-t", "template-2.0"), 1, "is no JSON"),
    "something is missing": (without("name"), ("-t", "template-2.0"), 1, "record.name: is missing"),
    "another operating system": (PERSON, ("-t", "template-2.0", "-r", "Software reader 02"), 1, "[CHIP_WRONG]"),
    "a bad request id": (PERSON, ("-t", "template-2.0", "--request-id", "x y"), 2, "--request-id: takes 1 to 64"),
    "a bad operator": (PERSON, ("-t", "template-2.0", "--operator", "x" * 65), 2, "--operator: takes up to 64"),
    "a run of one person": (PERSON, ("-t", "template-2.0", "--run", "x"), 2, "--run is for a table"),
    "a text file for JSON": (PERSON, ("-t", "template-2.0", "--certificate", "x.txt"), 2, "x.txt: ends in .txt"),
    "no such directory": (PERSON, ("-t", "template-2.0", "--certificate", "no/x.json"), 2, "No such file"),
    "a photo that is not there": (PERSON, ("-t", "template-2.0", "--photo", "x.jpg"), 2, "x.jpg: No such file"),
}


@pytest.mark.parametrize(("person", "arguments", "code", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_said_in_a_sentence(place, person, arguments, code, sentence) -> None:
    (place / "person.json").unlink()
    if person is not None:
        (place / "person.json").write_bytes(person)
    reader = () if "-r" in arguments else ("-r", "Software reader 01")
    result = sscard("issue", "person.json", "--simulated", *reader, *arguments)
    assert (result.exit_code, "Traceback" in result.output) == (code, False), result.output
    assert sentence in result.stderr
    assert NAME not in result.output


def test_a_photo_that_the_record_names_is_read_from_its_folder_and_checked(place: Path) -> None:
    record = json.loads(PERSON) | {"photo": "../outside.jpg"}
    (place / "person.json").write_text(json.dumps(record), encoding="utf-8")
    result = issue("--simulated")
    assert result.exit_code == 2
    assert "the photo cannot be read" in result.stderr
    assert "outside" not in result.output
    (place / "photo.jpg").write_bytes(b"no picture")
    (place / "person.json").write_text(json.dumps(record | {"photo": "photo.jpg"}), encoding="utf-8")
    result = issue("--simulated")
    assert result.exit_code == 1
    assert "record.photo: " in result.stderr


class Serving:
    """``sscard serve`` in a process of its own, so that chips stay what they became."""

    def __init__(self, place: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        environment = os.environ | {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto'}",
            "SSCARD_LISTEN": self.address,
            "SSCARD_DATABASE": str(place / "served.db"),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "serve", "--simulated"],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 30
        while "serving" not in self.process.stderr.readline():
            assert self.process.poll() is None
            assert time.monotonic() < deadline

    def end(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.communicate(timeout=30)


@pytest.fixture
def serving(place: Path):
    service = Serving(place)
    yield service
    service.end()


def test_issue_then_verify_against_a_running_service(place: Path, serving: Serving) -> None:
    assert issue("-s", serving.address, "--certificate", "made.json").exit_code == 0
    checked = sscard("verify", "person.json", "-r", "Software reader 01", "-t", "template-2.0", "-s", serving.address)
    assert checked.exit_code == 0, checked.output
    assert f"compared with the certificate {hash_of(place / 'made.json')}" in checked.stdout
    alone = sscard("verify", "--certificate", "made.json", "-r", "Software reader 01", "-s", serving.address)
    assert (alone.exit_code, "is genuine, and of this card" in alone.stdout) == (0, True)
    other = sscard("verify", "--certificate", "made.json", "-r", "Software reader 02", "-s", serving.address)
    assert (other.exit_code, "of another card" in other.stderr) == (1, True)
    (place / "made.json").write_bytes((place / "made.json").read_bytes().replace(b'"2.0"', b'"3.0"'))
    changed = sscard("verify", "--certificate", "made.json", "-r", "Software reader 01", "-s", serving.address)
    assert changed.exit_code == 1
    used = issue("-s", serving.address, "--again", "a test")
    assert (used.exit_code, "[CHIP_USED]" in used.stderr) == (1, True), used.output
    assert "--request-id" not in used.stderr, "there is nothing to go on with"


def test_verify_takes_a_person_or_a_certificate(place: Path) -> None:
    assert sscard("verify", "--simulated", "-r", "Software reader 01").exit_code == 2


@pytest.mark.parametrize("name", ["face.png", "face.pdf"])
def test_a_face_without_a_photo_is_refused_in_a_sentence(place: Path, name: str) -> None:
    result = sscard("face", "person.json", "-t", "template-2.0", "-o", name, "--simulated")
    assert result.exit_code == 1
    assert "photo: is missing" in result.stderr
    assert not (place / name).exists()


def test_a_face_has_one_of_two_formats(place: Path) -> None:
    assert sscard("face", "person.json", "-t", "template-2.0", "-o", "face.gif", "--simulated").exit_code == 2


def begun_before(place: Path) -> None:
    """As if the process of the request "old" had been killed while it built this card."""
    store = open_store(str(place / "state" / "sscard" / "sscard.db"), place / "state" / "sscard" / "sscard.digest-key")
    message = CardOrder(template="template-2.0", person_json=PERSON)
    ordered = Templates(SHIPPED, RegionalProfiles()).read(message)
    chip = bytes.fromhex("00814A440086609900") + bytes(4)
    digest = store.digests.of_order(ordered.order)
    request = Request(request_id="old", chip=chip, order_digest=digest, station="", operator="")
    store.journal.note(store.journal.begin(request), Note(Stage.BUILDING, "MF"))
    store.close()


def test_a_chip_that_another_request_has_begun_with_is_gone_on_with_when_it_is_said(place: Path) -> None:
    begun_before(place)
    refused = issue("--simulated")
    assert refused.exit_code == 1
    assert "[ISSUANCE_OPEN]" in refused.stderr
    assert "--request-id old or --resume" in refused.stderr
    resumed = issue("--simulated", "--resume", "--certificate", "made.json")
    assert resumed.exit_code == 0, resumed.output
    assert json.loads((place / "made.json").read_bytes())["request_id"] == "old"


def test_resuming_with_another_persons_data_is_refused(place: Path) -> None:
    begun_before(place)
    (place / "person.json").write_bytes(PERSON.replace(b"2024-05-20", b"2024-05-21"))
    refused = issue("--simulated", "--resume")
    assert refused.exit_code == 1
    assert "[REQUEST_REUSED]" in refused.stderr
