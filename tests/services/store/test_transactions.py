"""Transactions that met another one are done again; what fails for good is said without what it was about."""

import threading

import pytest
import sqlalchemy as sa

from services.errors import JournalError
from services.store.engine import StoreError
from services.store.schema import setting
from services.store.transactions import TRIES, in_transaction, store_transaction

SQLSTATES = {"serialization failure": "40001", "deadlock": "40P01"}


def raises_sqlstate(connection: sa.Connection, state: str) -> None:
    connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'met another' USING ERRCODE = '{state}'; END $$")


@pytest.fixture
def patient(monkeypatch):
    """Nobody waits; how long they would have is kept."""
    waits: list[float] = []
    monkeypatch.setattr("services.store.transactions.time.sleep", waits.append)
    return waits


def test_a_sum_that_many_add_to_at_once_is_right(engine) -> None:
    """Each reads, and writes what follows from it: side by side they would overwrite each other's."""
    with engine.begin() as connection:
        connection.execute(sa.insert(setting).values(name="sum", value="0"))
    ready = threading.Barrier(4)

    def add(connection: sa.Connection) -> None:
        value = int(connection.execute(sa.select(setting.c.value)).scalar_one())
        connection.execute(sa.update(setting).values(value=str(value + 1)))

    def work() -> None:
        ready.wait(10)
        for _ in range(5):
            in_transaction(engine, add)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with engine.begin() as connection:
        assert connection.execute(sa.select(setting.c.value)).scalar_one() == "20"


def test_a_row_that_many_add_at_once_is_added_by_one_and_found_by_the_others(engine) -> None:
    ready, outcome = threading.Barrier(4), []

    def add(connection: sa.Connection) -> str:
        if connection.execute(sa.select(setting.c.value)).scalar() is not None:
            return "found"
        connection.execute(sa.insert(setting).values(name="one", value="x"))
        return "added"

    def work() -> None:
        ready.wait(10)
        outcome.append(in_transaction(engine, add))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcome) == ["added", "found", "found", "found"]


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
@pytest.mark.xdist_group("postgresql")
@pytest.mark.parametrize("state", SQLSTATES.values(), ids=SQLSTATES)
def test_it_is_done_again_and_given_up_in_the_end(engine, patient, state) -> None:
    calls = []

    def work(connection: sa.Connection) -> None:
        calls.append(1)
        connection.execute(sa.insert(setting).values(name=f"try {len(calls)}", value="x"))
        if len(calls) < 3:
            raises_sqlstate(connection, state)

    in_transaction(engine, work)
    with engine.begin() as connection:
        assert connection.execute(sa.select(setting.c.name)).scalars().all() == ["try 3"], "the others are undone"
    calls.clear()
    patient.clear()
    with pytest.raises(JournalError, match="met another"):
        in_transaction(engine, lambda connection: (calls.append(1), raises_sqlstate(connection, state)))
    assert (len(calls), len(patient)) == (TRIES, TRIES - 1)
    assert all(0 <= wait <= 0.5 for wait in patient)


def test_what_fails_for_another_reason_is_not_done_again(engine, patient) -> None:
    calls = []

    def work(connection: sa.Connection) -> None:
        calls.append(1)
        connection.execute(sa.insert(setting).values(name="x", value=None))

    with pytest.raises(JournalError, match=r"NOT NULL|not-null"):
        in_transaction(engine, work)
    assert (len(calls), patient) == (1, [])


def test_a_row_that_is_there_is_told_without_its_values(engine, patient) -> None:
    def work(connection: sa.Connection) -> None:
        connection.execute(sa.insert(setting).values(name="CANARY-NAME", value="CANARY-VALUE"))

    in_transaction(engine, work)
    with pytest.raises(JournalError, match=r"(?i)unique") as raised:
        in_transaction(engine, work)
    assert "CANARY" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert len(patient) <= 2


def test_what_the_work_raises_goes_on_to_the_caller_and_nothing_is_done(engine) -> None:
    def work(connection: sa.Connection) -> None:
        connection.execute(sa.insert(setting).values(name="x", value="x"))
        raise StoreError("damaged")

    with pytest.raises(StoreError, match="damaged"):
        store_transaction(engine, work)
    with pytest.raises(JournalError, match="damaged"):
        in_transaction(engine, work)
    with engine.begin() as connection:
        assert connection.execute(sa.select(setting)).all() == []


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
@pytest.mark.xdist_group("postgresql")
def test_a_server_that_is_gone_is_said_and_one_that_is_back_is_used(engine, postgresql) -> None:
    def look(connection: sa.Connection) -> int:
        return connection.execute(sa.select(sa.func.count()).select_from(setting)).scalar_one()

    assert in_transaction(engine, look) == 0
    with pytest.raises(JournalError, match="terminating connection"):
        in_transaction(
            engine,
            lambda connection: connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())"),
        )
    assert in_transaction(engine, look) == 0
