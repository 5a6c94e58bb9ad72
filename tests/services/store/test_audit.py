"""The chain in the database: appended to by many at once, refused to be changed, read again."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from services.audit.chain import Query
from services.audit.entry import FIELDS, chained
from services.audit.errors import AuditError
from services.audit.verify import examine
from services.store.audit import SqlAuditChain
from services.store.schema_audit import GUARDS, audit_entry
from tests.services.audit.entries import some_texts

ROOT = Path(__file__).parents[3]
APPENDING = """
import sys
from services.store.audit import SqlAuditChain
from services.store.engine import open_engine
from tests.services.audit.entries import some_texts
chain = SqlAuditChain(open_engine(sys.argv[1]))
for number in range(int(sys.argv[2])):
    print(chain.append(some_texts(1 + number % 3)).sequence, flush=True)
"""


@pytest.fixture
def chain(engine) -> SqlAuditChain:
    return SqlAuditChain(engine)


def appending(database: str, times: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", APPENDING, database, str(times)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"}
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)


def test_entries_are_read_as_they_were_appended(chain) -> None:
    assert (chain.end(), chain.extent(), [*chain.select(Query())]) == (None, (0, 0), [])
    texts = some_texts(5)
    chain.append(texts[:2])
    end = chain.append(texts[2:])
    links = chained(None, texts)
    assert end == links[-1] == chain.end()
    assert [*chain.select(Query())] == links
    assert chain.extent() == (5, 5)
    assert chain.guarded()


def test_the_whole_chain_is_read_in_pieces_while_it_grows(chain) -> None:
    chain.append(some_texts(7))
    pieces = chain.rows(end=5, piece=2)
    assert [row.sequence for row in next(pieces)] == [1, 2]
    chain.append(some_texts(1))
    assert [[row.sequence for row in piece] for piece in pieces] == [[3, 4], [5]]


def test_entries_are_found_by_their_texts_and_moments(chain) -> None:
    texts = some_texts(6)
    texts[3] = tuple("other" if name == "card" else text for name, text in zip(FIELDS, texts[3], strict=True))
    chain.append(texts)

    def found(**query: object) -> list[int]:
        return [link.sequence for link in chain.select(Query(**query))]

    assert found(equal={"card": "other"}) == [4]
    assert found(equal={"institution": "bank-990001", "card": "card0002"}) == [2]
    assert found(equal={"card": "none"}) == []
    assert found(since=texts[2][0], until=texts[4][0]) == [3, 4]
    assert found(newest=2) == [5, 6]


def test_more_entries_than_are_read_at_once_are_listed(chain, monkeypatch) -> None:
    monkeypatch.setattr("services.store.audit.PIECE", 2)
    chain.append(some_texts(5))
    assert [link.sequence for link in chain.select(Query())] == [1, 2, 3, 4, 5]


def test_either_all_of_a_batch_are_kept_or_none(chain, monkeypatch) -> None:
    chain.append(some_texts(2))
    monkeypatch.setattr("services.store.audit.chained", lambda end, entries: 2 * chained(end, entries))
    with pytest.raises(AuditError):
        chain.append(some_texts(1))
    assert chain.extent() == (2, 2)


STATEMENTS = [
    pytest.param("UPDATE audit_entry SET caller = 'x' WHERE sequence = 2", id="update"),
    pytest.param("DELETE FROM audit_entry WHERE sequence = 3", id="delete"),
    pytest.param("INSERT INTO audit_entry SELECT sequence + 5, {texts}, hash FROM audit_entry", id="gap"),
    pytest.param("INSERT INTO audit_entry SELECT sequence - 5, {texts}, hash FROM audit_entry", id="front"),
]
OF_ONE = {
    "sqlite": (
        "INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry WHERE sequence = 3",
        "DELETE FROM audit_entry",
    ),
    "postgresql": ("TRUNCATE audit_entry", "DELETE FROM audit_entry"),
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_database_refuses_to_change_what_is_on_record(chain, engine, statement) -> None:
    chain.append(some_texts(3))
    with pytest.raises(DBAPIError, match="are added"), engine.begin() as connection:
        connection.exec_driver_sql(statement.format(texts=", ".join(FIELDS)))
    assert [*chain.select(Query())] == chained(None, some_texts(3))


def test_and_to_empty_or_replace_it(chain, engine, kind) -> None:
    chain.append(some_texts(3))
    for statement in OF_ONE[kind]:
        with pytest.raises(DBAPIError, match="are added"), engine.begin() as connection:
            connection.exec_driver_sql(statement)
    assert chain.extent() == (3, 3)


def test_its_guards_are_those_that_the_migration_makes(engine, kind) -> None:
    named = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entry'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit_entry'::regclass",
    }
    with engine.begin() as connection:
        assert set(connection.exec_driver_sql(named[kind]).scalars()) == GUARDS[kind]


def test_threads_and_processes_append_to_one_chain(database, chain) -> None:
    processes = [appending(database, 15) for _ in range(2)]
    with ThreadPoolExecutor(4) as threads:
        ends = [end.sequence for end in threads.map(lambda _: chain.append(some_texts(2)), range(40))]
    for process in processes:
        ends += map(int, process.communicate(timeout=60)[0].split())
        assert process.returncode == 0
    assert len(set(ends)) == 70, "everybody has an end of their own"
    assert chain.extent() == (140, 140)
    assert max(ends) == 140
    assert examine(chain).unbroken


def test_what_was_acknowledged_outlives_a_process_that_is_killed(database, chain) -> None:
    process = appending(database, 100_000)
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(20)][-1]
    process.send_signal(signal.SIGKILL)
    rest = process.communicate(timeout=60)[0].split("\n")
    acknowledged = max([acknowledged, *map(int, rest[:-1])])
    examination = examine(chain)
    assert examination.unbroken
    assert examination.entries >= acknowledged
    assert chain.append(some_texts(1)).sequence == chain.extent()[1], "others go on behind it"


def test_a_database_that_fails_is_told_without_what_was_to_be_written(engine, chain) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE audit_entry")
    for attempt in (lambda: chain.append(some_texts(1)), chain.end, chain.extent, lambda: [*chain.select(Query())]):
        with pytest.raises(AuditError, match="audit_entry") as raised:
            attempt()
        assert "欧阳测试" not in str(raised.value)


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_an_end_that_is_no_entry_is_not_gone_on_from(engine, chain) -> None:
    """PostgreSQL keeps values of their type only."""
    chain.append(some_texts(1))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_entry_update")
        connection.execute(sa.update(audit_entry).values(hash=sa.literal_column("'text'")))
    with pytest.raises(AuditError, match="run `sscard audit verify`"):
        chain.append(some_texts(1))
