"""Whatever somebody does to the table behind the software's back is found, and where.

What only a checkpoint shows is tried without one, too: then the chain looks whole.
"""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from services.audit.checkpoint import Checkpoint, checkpoint_of
from services.audit.entry import FIELDS, chained, hash_of
from services.audit.verify import Examination, FaultKind, examine
from services.custody.signing import open_signing_key
from services.store.audit import SqlAuditChain
from services.store.schema_audit import audit_entry
from tests.services.audit.entries import some_texts
from tests.services.store.databases import unguarded

COUNT = 6
SEQUENCE = audit_entry.c.sequence
TEXTS = ", ".join(FIELDS)


@pytest.fixture
def chain(engine) -> SqlAuditChain:
    """Six entries in a table without its guards."""
    chain = SqlAuditChain(engine)
    chain.append(some_texts(COUNT))
    with engine.begin() as connection:
        unguarded(connection, "audit_entry")
    return chain


@pytest.fixture
def signed(chain, tmp_path):
    """Signs the chain as it is now."""
    key = open_signing_key(tmp_path / "key")

    def sign() -> Checkpoint:
        return checkpoint_of(chain.end(), key, station="", now=datetime(2026, 11, 22, tzinfo=UTC))

    return sign


def places(examination: Examination) -> list[tuple[FaultKind, int, int]]:
    """The faults but one: that the guards are gone."""
    assert (examination.faults[0].kind, 0, 0) == (FaultKind.UNGUARDED, 0, 0)
    return [(fault.kind, fault.first, fault.last) for fault in examination.faults[1:]]


def run(engine: sa.Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def changed(*numbers: int) -> list[tuple[FaultKind, int, int]]:
    return [(FaultKind.CHANGED, number, number) for number in numbers]


def test_a_table_whose_guards_are_gone_is_not_right_even_if_its_rows_are(chain, signed) -> None:
    examination = examine(chain, [signed()])
    assert places(examination) == []
    assert not examination.unbroken
    assert (examination.entries, examination.checkpoints, examination.signed) == (COUNT, 1, COUNT)


@pytest.mark.parametrize("field", FIELDS)
def test_an_edit_of_any_text_is_found_where_it_is(chain, engine, field) -> None:
    for number in (1, 4, COUNT):
        run(engine, f"UPDATE audit_entry SET {field} = {field} || ' ' WHERE sequence = {number}")
    assert places(examine(chain)) == changed(1, 4, COUNT)


def test_an_edit_of_a_hash_is_found_where_it_is_and_behind_it(chain, engine) -> None:
    run(engine, "UPDATE audit_entry SET hash = (SELECT hash FROM audit_entry WHERE sequence = 5) WHERE sequence = 3")
    assert places(examine(chain)) == changed(3, 4)


def test_an_entry_with_a_hash_computed_for_it_is_found_by_the_next_one(chain, engine) -> None:
    texts = some_texts(COUNT)
    forged = ("2020-01-01T00:00:00.000000Z", *texts[2][1:])
    value = hash_of(chained(None, texts)[1].hash, 3, forged)
    with engine.begin() as connection:
        connection.execute(sa.update(audit_entry).where(SEQUENCE == 3).values(moment=forged[0], hash=value))
    assert places(examine(chain)) == changed(4)


@pytest.mark.parametrize("number", range(1, COUNT))
def test_each_entry_that_is_removed_is_missed(chain, engine, number) -> None:
    run(engine, f"DELETE FROM audit_entry WHERE sequence = {number}")
    assert places(examine(chain)) == [(FaultKind.MISSING, number, number)]


def test_an_entry_that_is_removed_is_missed_when_those_behind_it_move_up(chain, engine) -> None:
    run(engine, "DELETE FROM audit_entry WHERE sequence = 3")
    for number in (4, 5, 6):
        run(engine, f"UPDATE audit_entry SET sequence = {number - 1} WHERE sequence = {number}")
    assert places(examine(chain)) == changed(3, 4, 5)


@pytest.mark.parametrize(("one", "other"), [(1, 2), (3, 4), (2, 5), (5, 6)])
def test_two_entries_that_change_places_are_found(chain, engine, one, other) -> None:
    moves = ((one, 100), (other, one), (100, other))
    run(engine, *(f"UPDATE audit_entry SET sequence = {new} WHERE sequence = {old}" for old, new in moves))
    found = places(examine(chain))
    assert (FaultKind.CHANGED, one, one) in found
    assert (FaultKind.CHANGED, other, other) in found


def test_a_copy_at_the_end_is_found(chain, engine) -> None:
    run(engine, f"INSERT INTO audit_entry SELECT 7, {TEXTS}, hash FROM audit_entry WHERE sequence = 3")
    assert places(examine(chain)) == changed(7)


def test_an_entry_put_in_between_is_found(chain, engine) -> None:
    for number in (6, 5, 4):
        run(engine, f"UPDATE audit_entry SET sequence = {number + 1} WHERE sequence = {number}")
    run(engine, f"INSERT INTO audit_entry SELECT 4, {TEXTS}, hash FROM audit_entry WHERE sequence = 2")
    assert places(examine(chain)) == changed(4, 5, 6, 7)


def test_numbers_that_jump_are_found(chain, engine) -> None:
    run(engine, "UPDATE audit_entry SET sequence = 100 WHERE sequence = 6")
    assert places(examine(chain)) == [(FaultKind.MISSING, 6, 99)]


@pytest.mark.parametrize("number", [0, -1])
def test_numbers_below_the_first_are_found(chain, engine, number) -> None:
    run(engine, f"INSERT INTO audit_entry SELECT {number}, {TEXTS}, hash FROM audit_entry WHERE sequence = 2")
    assert places(examine(chain)) == [(FaultKind.FOREIGN, 0, 0)]


@pytest.mark.parametrize("left", [0, 1, COUNT - 1])
def test_an_end_that_is_cut_off_is_found_by_a_checkpoint_and_by_nothing_else(chain, engine, signed, left) -> None:
    checkpoint = signed()
    run(engine, f"DELETE FROM audit_entry WHERE sequence > {left}")
    assert places(examine(chain, [checkpoint])) == [(FaultKind.CUT_OFF, left + 1, COUNT)]
    assert places(examine(chain)) == []


def test_a_chain_computed_anew_is_found_by_a_checkpoint_and_by_nothing_else(chain, engine, signed) -> None:
    early_end = chained(None, some_texts(2))[-1]
    checkpoint = signed()
    texts = some_texts(COUNT)
    texts[3] = (*texts[3][:-1], "FORGED")
    run(engine, "DELETE FROM audit_entry")
    chain.append(texts)
    early = Checkpoint(early_end.sequence, early_end.hash, "", "", "")
    examination = examine(chain, [checkpoint, early])
    assert places(examination) == [(FaultKind.REWRITTEN, 3, COUNT)]
    assert "among the entries 3 to 6" in examination.faults[-1].text
    assert (examination.checkpoints, examination.signed) == (2, 2)
    assert places(examine(chain)) == []


def test_a_checkpoint_of_an_entry_that_is_missing_counts_as_compared(chain, engine, signed) -> None:
    checkpoint = signed()
    chain.append(some_texts(2))
    run(engine, f"DELETE FROM audit_entry WHERE sequence = {COUNT}")
    examination = examine(chain, [checkpoint])
    assert places(examination) == [(FaultKind.MISSING, COUNT, COUNT)]
    assert (examination.checkpoints, examination.signed) == (1, 0)


def test_faults_without_end_are_counted(chain, engine, monkeypatch) -> None:
    monkeypatch.setattr("services.audit.verify.MOST", 3)
    monkeypatch.setattr("services.audit.verify.PIECE", 4)
    run(engine, "UPDATE audit_entry SET caller = 'x'")
    examination = examine(chain)
    assert places(examination) == changed(1, 2)
    assert examination.more == COUNT - 2


def test_progress_is_told(chain) -> None:
    told: list[tuple[int, int]] = []
    examine(chain, progress=lambda done, of: told.append((done, of)))
    assert told == [(COUNT, COUNT)]


@pytest.mark.parametrize(
    "value",
    ["CAST(x'FFFE' AS TEXT)", "x'8081'", "CAST('OK' AS BLOB)", "''"],
    ids=["no-utf-8", "blob", "text-as-blob", "empty"],
)
@pytest.mark.parametrize("column", ["code", "hash"])
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_what_sqlite_alone_lets_into_a_column_is_found(chain, engine, column, value) -> None:
    run(engine, f"UPDATE audit_entry SET {column} = {value} WHERE sequence = 3")
    assert places(examine(chain))[0] == (FaultKind.CHANGED, 3, 3)


def test_two_rows_of_one_number_in_a_table_made_anew_are_found(chain, engine, monkeypatch) -> None:
    """At the border of two pieces, too, where the second one is not even read."""
    copies = ("CREATE TABLE copy AS SELECT * FROM audit_entry", "DROP TABLE audit_entry")
    run(engine, *copies, "ALTER TABLE copy RENAME TO audit_entry")
    run(engine, "INSERT INTO audit_entry SELECT * FROM audit_entry WHERE sequence = 2")
    monkeypatch.setattr("services.audit.verify.PIECE", 2)
    assert places(examine(chain)) == [(FaultKind.FOREIGN, 0, 0)]
    monkeypatch.undo()
    assert (FaultKind.FOREIGN, 2, 2) in places(examine(chain))
