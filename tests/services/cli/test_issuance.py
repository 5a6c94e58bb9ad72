"""`sscard issuance` and `sscard store`, over the database of this machine."""

import json
from pathlib import Path

import pytest

from services.store.store import open_store
from tests.services.cli.test_issue import begun_before, issue, place, sscard  # noqa: F401 - fixtures

pytestmark = pytest.mark.timeout(120)
CHIP = "00814a44008660990000000000"


def test_without_a_database_none_is_made(place: Path) -> None:  # noqa: F811
    for command in (("issuance", "list"), ("issuance", "show", "x"), ("issuance", "abandon", "x", "--reason", "y")):
        result = sscard(*command)
        assert (result.exit_code, "there is no database" in result.stderr) == (2, True)
    assert sscard("store", "backup", "copy.db").exit_code == 1
    assert [path.name for path in place.iterdir()] == ["person.json"]


def test_an_open_request_is_listed_shown_and_given_up(place: Path) -> None:  # noqa: F811
    begun_before(place)
    listed = sscard("issuance", "list")
    assert (listed.exit_code, f"{CHIP}  old  " in listed.stdout, "1 under way" in listed.stdout) == (0, True, True)
    shown = sscard("issuance", "show", "old").stdout
    assert "state 状态: open, written to" in shown
    assert "building MF" in shown
    given_up = sscard("issuance", "abandon", "old", "--reason", "芯片损坏")
    assert (given_up.exit_code, CHIP in given_up.stdout) == (0, True)
    assert "state 状态: lost" in sscard("issuance", "show", "old").stdout
    again = sscard("issuance", "abandon", "old", "--reason", "x")
    assert (again.exit_code, "is under way" in again.stderr) == (1, True)
    assert issue("--simulated").exit_code == 0, "its chip is free, and its person's card is not made"


@pytest.mark.parametrize("reason", ["", " ", "x" * 201, "a\nb"])
def test_a_reason_is_a_line(place: Path, reason: str) -> None:  # noqa: F811
    begun_before(place)
    result = sscard("issuance", "abandon", "old", "--reason", reason)
    assert (result.exit_code, "--reason: takes" in result.stderr) == (2, True)
    assert "open" in sscard("issuance", "show", "old").stdout


def test_a_backup_is_a_store(place: Path) -> None:  # noqa: F811
    begun_before(place)
    assert sscard("store", "backup", "copy.db").exit_code == 0
    store = open_store(str(place / "copy.db"), place / "copy.digest-key")
    assert store.journal.find("old").written
    store.close()


def test_only_the_service_says_that_a_chip_is_half_built(place: Path) -> None:  # noqa: F811
    wrong = issue("--simulated", "-r", "Software reader 02")
    assert (wrong.exit_code, "half-built" in wrong.stderr) == (1, False)


def test_a_second_card_of_one_person_takes_a_reason(place: Path) -> None:  # noqa: F811
    assert issue("--simulated", "--certificate", "made.json").exit_code == 0
    first = json.loads((place / "made.json").read_bytes())["request_id"]
    refused = issue("--simulated")
    assert refused.exit_code == 1
    assert "[ORDER_REPEATED]" in refused.stderr
    assert f"go on with that card by --request-id {first}; a second one takes --again" in refused.stderr
    assert issue("--simulated", "--again", "the first one was spoiled").exit_code == 0
