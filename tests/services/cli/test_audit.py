"""`sscard audit`, over a database of this machine."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from services.audit.entry import FIELDS, START, hash_of
from services.cli import audit
from services.store.audit import SqlAuditChain
from services.store.engine import open_engine
from tests.services.audit.entries import some_texts


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A directory with nothing but the database, which is the one configured."""
    database = tmp_path / "sscard.db"
    monkeypatch.setenv("SSCARD_DATABASE", str(database))
    monkeypatch.delenv("SSCARD_MODE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def kept(place) -> Path:
    """The same with five entries."""
    engine = open_engine(str(place / "sscard.db"))
    SqlAuditChain(engine).append(some_texts(5))
    engine.dispose()
    return place


def run(*arguments: str):
    return CliRunner().invoke(audit.app, arguments)


def behind_its_back(place: Path, *statements: str) -> None:
    engine = sa.create_engine(f"sqlite:///{place / 'sscard.db'}")
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def cut_off(place: Path) -> None:
    triggers = "SELECT name, sql FROM sqlite_master WHERE name = 'audit_entry_delete'"
    engine = sa.create_engine(f"sqlite:///{place / 'sscard.db'}")
    with engine.begin() as connection:
        name, sql = connection.exec_driver_sql(triggers).one()
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("DELETE FROM audit_entry WHERE sequence > 3")
        connection.exec_driver_sql(sql)
    engine.dispose()


def test_without_a_database_none_is_made(place) -> None:
    for command in ("verify", "list", "checkpoint"):
        result = run(command)
        assert (result.exit_code, "there is no database" in result.stderr) == (2, True)
    assert [*place.iterdir()] == []


def test_what_is_whole_is_said_to_be(kept) -> None:
    result = run("verify")
    assert result.exit_code == 0
    assert "5 entries, unbroken up to 5; no checkpoint to compare with 审计链完整" in result.stdout
    assert [path.name for path in kept.iterdir()] == ["sscard.db"], "to verify makes nothing"


def test_an_edit_is_told_with_its_place_and_exit_code(kept) -> None:
    behind_its_back(kept, "DROP TRIGGER audit_entry_update", "UPDATE audit_entry SET card = '' WHERE sequence = 4")
    result = run("verify")
    assert result.exit_code == 1
    assert "unguarded: the database would let rows be changed" in result.stdout
    assert "changed: entry 4 is not what was put on record behind entry 3" in result.stdout
    assert "NOT what was put on record: 2 faults 审计链异常，共2处" in result.stdout


def test_a_cut_is_found_by_the_checkpoint_that_was_signed_before(kept) -> None:
    signed = run("checkpoint")
    assert signed.exit_code == 0
    assert f"{kept / 'sscard.audit-checkpoints'}: checkpoint of entry 5" in signed.stdout
    assert "signed up to entry 5" in run("verify").stdout
    cut_off(kept)
    result = run("verify")
    assert result.exit_code == 1
    assert "cut off: the chain ends at entry 3, and a checkpoint was signed for entry 5" in result.stdout
    (kept / "sscard.audit-checkpoints").unlink()
    assert run("verify").exit_code == 0, "the chain alone cannot tell"


def test_an_auditor_elsewhere_verifies_with_the_public_key(kept) -> None:
    assert run("checkpoint", "elsewhere").exit_code == 0
    (kept / "public.pem").write_text(run("public-key").stdout)
    (kept / "sscard.audit-key").unlink()
    result = run("verify", "--checkpoint", "elsewhere", "--key", "public.pem")
    assert (result.exit_code, "signed up to entry 5" in result.stdout) == (0, True)
    without = run("verify", "--checkpoint", "elsewhere")
    assert (without.exit_code, "say --key with the public key" in without.stderr) == (2, True)
    assert not (kept / "sscard.audit-key").exists()


def test_what_cannot_be_found_out_is_no_clean_answer(kept) -> None:
    run("checkpoint", "elsewhere")
    (kept / "altered").write_text((kept / "elsewhere").read_text().replace('"sequence": 5', '"sequence": 4'))
    (kept / "none.pem").write_text("no key")
    wrong = {
        ("--checkpoint", "none"): "cannot be read",
        ("--checkpoint", "altered"): "somebody has altered it",
        ("--checkpoint", "elsewhere", "--key", "none.pem"): "no public key",
    }
    for arguments, why in wrong.items():
        result = run("verify", *arguments)
        assert (result.exit_code, why in result.stderr) == (2, True), result.output
    behind_its_back(kept, "DROP TABLE audit_entry")
    assert run("verify").exit_code == 2


def test_nothing_is_signed_where_nothing_is_on_record(place) -> None:
    open_engine(str(place / "sscard.db")).dispose()
    result = run("checkpoint")
    assert (result.exit_code, "nothing is on record yet" in result.stderr) == (1, True)
    assert run("list").stdout == ""
    assert "0 entries, unbroken" in run("verify").stdout


def test_long_chains_tell_how_far_they_are(kept, monkeypatch) -> None:
    monkeypatch.setattr(audit, "STEP", 2)
    monkeypatch.setattr("services.audit.verify.PIECE", 2)
    assert run("verify").stderr == "2 of 5 entries 已校验 40%\n4 of 5 entries 已校验 80%\n"


def test_entries_are_listed_in_beijings_time(kept) -> None:
    assert run("list", "--newest", "1").stdout == (
        "       5  2026-11-22 20:00:05  bank-990001/teller/欧阳测试  Reader 01@window 3  CardService/ReadIdentity  OK  "
        "card=card0005 person=person0005 request_id=request-5 detail=EF05 EF06\n"
    )


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--card", "card0002"), [2]),
        (("--institution", "bank-990001", "--since", "2026-11-22T20:00:03"), [3, 4, 5]),
        (("--since", "2026-11-22T12:00:03Z", "--until", "2026-11-22T20:00:05+08:00"), [3, 4]),
        (("--since", "2026-11-22"), [1, 2, 3, 4, 5]),
        (("--until", "2026-11-22"), []),
        (("--since", "2026-11-23"), []),
        (("--caller", "欧阳测试", "--newest", "2"), [4, 5]),
        (("--reason", "PIN_WRONG"), []),
    ],
)
def test_entries_are_chosen(kept, arguments, found) -> None:
    told = [json.loads(line) for line in run("list", "--jsonl", *arguments).stdout.splitlines()]
    assert [entry["sequence"] for entry in told] == found


def test_what_is_exported_can_be_verified_by_anybody(kept) -> None:
    previous = START
    told = [json.loads(line) for line in run("list", "--jsonl").stdout.splitlines()]
    assert len(told) == 5
    for number, entry in enumerate(told, 1):
        previous = hash_of(previous, number, tuple(entry[name] for name in FIELDS))
        assert entry["hash"] == previous.hex()


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "0001-01-01T00:00+14:00"])
def test_a_day_that_is_none_is_refused(kept, text) -> None:
    result = run("list", "--since", text)
    assert (result.exit_code, "is no day or moment" in result.stderr) == (2, True)


def test_what_somebody_wrote_into_the_table_moves_no_cursor(kept) -> None:
    change = "UPDATE audit_entry SET caller = 'x' || char(27) || '[2J' || char(10), moment = 'never' WHERE sequence = 5"
    behind_its_back(kept, "DROP TRIGGER audit_entry_update", change)
    assert "never  bank-990001/teller/x?[2J?  " in run("list").stdout


@pytest.mark.parametrize("sign", ["\x7f", "\x9b", "\u202e", "\u2066", "\u2028", "\u200b", "\ufeff", "\U000e0001"])
def test_what_is_exported_moves_no_cursor_and_is_what_it_was(kept, sign) -> None:
    change = f"UPDATE audit_entry SET caller = '欧𠮷{sign}[2J' WHERE sequence = 5"
    behind_its_back(kept, "DROP TRIGGER audit_entry_update", change)
    (line,) = run("list", "--jsonl", "--newest", "1").stdout.rstrip("\n").split("\n")
    assert line.isprintable()
    assert "欧𠮷\\u" in line
    assert json.loads(line)["caller"] == f"欧𠮷{sign}[2J"
