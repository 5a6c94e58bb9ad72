"""Certificates as files: noticed before the card is made, and fetched again."""

import json
import os
from pathlib import Path

import pytest

from services.cli import certificate as files
from services.cli import issue as issuing
from tests.services.cli.test_issue import issue, place, serving, sscard  # noqa: F401 - fixtures

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("there", ["made.json", "made.txt"])
def test_a_file_that_is_there_is_kept_and_no_card_is_made(place: Path, there: str) -> None:  # noqa: F811
    (place / there).write_text("an earlier one")
    result = issue("--simulated", "--certificate", "made.json")
    assert (result.exit_code, f"{there}: is there already" in result.stderr) == (2, True)
    assert (place / there).read_text() == "an earlier one"
    assert not (place / "state").exists(), "nothing was begun"
    assert drafts(place) == []


def drafts(place: Path) -> list[str]:  # noqa: F811
    return [path.name for path in place.iterdir() if path.name.startswith(".")]


def test_a_failed_card_leaves_no_file(place: Path) -> None:  # noqa: F811
    result = issue("--simulated", "--certificate", "made.json", "-r", "Software reader 02")
    assert result.exit_code == 1
    assert [path.name for path in place.iterdir() if "made" in path.name] == []


def test_a_certificate_that_cannot_be_written_says_that_the_card_is_made(
    place: Path,  # noqa: F811
    serving,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as full:

        def no_room(_: int) -> None:
            raise OSError(28, "No space left on device")

        full.setattr(files.os, "fsync", no_room)
        result = issue("-s", serving.address, "--certificate", "made.json")
    assert result.exit_code == issuing.MADE_BUT == 3
    assert "No space left on device; the card IS made" in result.stderr
    assert [path.name for path in place.iterdir() if "made" in path.name] == []
    number = result.stderr.split("sscard certificate ")[1].split()[0]
    again = sscard("certificate", number, "-s", serving.address, "--output", "made.json")
    assert again.exit_code == 0, again.output
    assert (place / "made.txt").stat().st_mode & 0o777 == 0o600
    told = json.loads((place / "made.json").read_bytes())
    shown = sscard("certificate", "--request-id", told["request_id"], "-s", serving.address)
    assert (place / "made.txt").read_text(encoding="utf-8") in shown.stdout
    both = sscard("certificate", number, "--request-id", "x", "-s", serving.address)
    assert (both.exit_code, "one of both" in both.stderr) == (2, True)
    unknown = sscard("certificate", "0" * 16, "-s", serving.address)
    assert (unknown.exit_code, "[CERTIFICATE_UNKNOWN]" in unknown.stderr) == (1, True)


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    made = files.CertificateFiles(tmp_path / "made.json")
    (tmp_path / "made.json").write_text("somebody else's")
    with pytest.raises(FileExistsError):
        made.keep(files.issuance_pb2.CardCertificate(document=b"{}", page="page"))
    made.drop()
    assert (tmp_path / "made.json").read_text() == "somebody else's"
    assert os.listdir(tmp_path) == ["made.json"]  # noqa: PTH208 - hidden ones too
