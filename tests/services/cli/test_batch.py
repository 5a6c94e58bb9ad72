"""`sscard check`, and `sscard issue` of a table: all rows first, then one chip after the other."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.cli import app
from tests.services.cli.test_issue import PERSON, Serving, place  # noqa: F401 - fixtures

pytestmark = pytest.mark.timeout(120)
FIRST = json.loads(PERSON)
SECOND = FIRST | {"social_security_number": "990000199001010017", "card_number": "T00000036", "sex": "1"}
SECOND |= {"name": "示例二", "birth_date": "1990-01-01"}


def sscard(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin)


def table(place: Path, *people: dict[str, str], name: str = "people.csv") -> Path:  # noqa: F811
    lines = [",".join(FIRST), *(",".join(person.values()) for person in people)]
    (place / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place / name


def test_a_table_without_a_fault_is_said_to_be_so(place: Path) -> None:  # noqa: F811
    table(place, FIRST, SECOND)
    result = sscard("check", "people.csv", "-t", "template-2.0")
    assert (result.exit_code, "2 records without a fault" in result.stdout) == (0, True), result.output


def test_all_faults_of_all_rows_are_told_once_and_nobodys_name(place: Path) -> None:  # noqa: F811
    rounded = SECOND | {"social_security_number": "9.9E+17"}
    table(place, FIRST, FIRST | {"sex": "7"}, rounded | {"photo": "gone.jpg"})
    result = sscard("check", "people.csv", "-t", "template-2.0")
    assert result.exit_code == 1
    for fault in (
        "row 3, column sex: the code is not in the table",
        "row 3, column card_number: the card_number is that of row 2 too",
        "row 4, column social_security_number: is a number that a spreadsheet has rounded",
        "row 4, column photo: the file cannot be read",
    ):
        assert result.stderr.count(fault) == 1, result.stderr
    assert FIRST["name"] not in result.output


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        (b"name\n", 1, "has a header, and no record below it"),
        (b"name,name\nx,y\n", 1, "columns 1 and 2 have one name"),
        (None, 2, "No such file"),
    ],
)
def test_a_table_that_is_none(place: Path, content: bytes | None, code: int, sentence: str) -> None:  # noqa: F811
    if content is not None:
        (place / "people.csv").write_bytes(content)
    result = sscard("check", "people.csv", "-t", "template-2.0")
    assert (result.exit_code, sentence in result.stderr) == (code, True), result.output


def test_one_person_is_checked_too_and_faults_are_listed_once(place: Path) -> None:  # noqa: F811
    assert sscard("check", "person.json", "-t", "template-2.0").exit_code == 0
    (place / "person.json").write_text(json.dumps(FIRST | {"sex": "7", "card_number": "T00000020"}), encoding="utf-8")
    result = sscard("check", "person.json", "-t", "template-2.0")
    assert result.exit_code == 1
    assert result.stderr.count("record.sex: the code") == 1
    assert result.stderr.count("record.card_number: the card number's check character") == 1
    assert "[ORDER_FAULTS]" in result.stderr


def test_no_chip_is_asked_for_while_a_row_has_a_fault(place: Path) -> None:  # noqa: F811
    table(place, FIRST, SECOND | {"sex": "7"})
    result = sscard("issue", "people.csv", "--simulated", "-t", "template-2.0", stdin="\n\n")
    assert (result.exit_code, "Enter" in result.output) == (1, False)
    assert not (place / "state").exists()


def test_a_table_is_made_row_by_row_and_a_run_goes_on_where_it_stopped(
    place: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSCARD_SIMULATED_CARDS", "blank-t514,blank-t514")
    serving = Serving(place)
    try:
        table(place, FIRST, SECOND)
        every = ("issue", "people.csv", "-s", serving.address, "-t", "template-2.0")
        # Both rows on one chip: the second finds it used, and the run ends there.
        stopped = sscard(*every, "--run", "monday", "-r", "Software reader 01", stdin="\n\n")
        assert stopped.exit_code == 1
        assert "row 2 (1 of 2): made and proven" in stopped.stdout
        assert "[CHIP_USED]" in stopped.stderr
        assert "row 3 (2 of 2): not made; once that is put right, go on with --run monday" in stopped.stderr
        assert "half-built" not in stopped.stderr
        resumed = sscard(*every, "--run", "monday", "-r", "Software reader 02", stdin="\n")
        assert resumed.exit_code == 0, resumed.output
        assert "row 2 (1 of 2): done before" in resumed.stdout
        assert "row 3 (2 of 2): made and proven" in resumed.stdout
        assert FIRST["name"] not in stopped.output + resumed.output
        table(place, FIRST | {"pin": "111222"}, SECOND)
        changed = sscard(*every, "--run", "monday", "-r", "Software reader 02", stdin="\n")
        assert (changed.exit_code, "[REQUEST_REUSED]" in changed.stderr) == (1, True), "a table that was changed"
    finally:
        serving.end()


def test_a_run_that_is_stopped_says_how_to_go_on(place: Path) -> None:  # noqa: F811
    table(place, FIRST)
    result = sscard("issue", "people.csv", "--simulated", "-t", "template-2.0", stdin="")
    assert result.exit_code == 1
    assert "stopped before row 2 (1 of 1); go on with --run " in result.stderr


def test_what_is_of_one_person_is_not_of_a_table(place: Path) -> None:  # noqa: F811
    table(place, FIRST)
    for option in ("--request-id", "--certificate", "--photo", "--again"):
        assert sscard("issue", "people.csv", "--simulated", "-t", "template-2.0", option, "x").exit_code == 2
