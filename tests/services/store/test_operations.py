"""The journal of operations as its port promises, in both databases."""

import dataclasses
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.errors import JournalError, RequestReusedError, SupersededError
from services.operations.journal import Operation, OperationRequest, OperationState
from services.store.operations import SqlOperations, finish_operation
from services.store.schema import institution, operation, operation_step
from services.store.transactions import in_transaction

ROOT = Path(__file__).parents[3]
BEGINNING = datetime(2026, 3, 1, 8, tzinfo=UTC)
REQUEST = OperationRequest(
    institution="BANK-1",
    request_id="one",
    kind="PinService.ChangePin",
    subject="ab" * 32,
    digest=bytes(range(32)),
    station="counter 3",
    operator="teller 7",
)


@pytest.fixture
def clock():
    """A minute passes between any two looks."""
    moments = iter(BEGINNING + timedelta(minutes=number) for number in range(1000))
    return lambda: next(moments)


@pytest.fixture
def operations(engine, clock) -> SqlOperations:
    return SqlOperations(engine, now=clock)


def steps(engine) -> list[tuple[int, int, str]]:
    told = sa.select(operation_step.c.sequence, operation_step.c.attempt, operation_step.c.step)
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(told.order_by(operation_step.c.sequence))]


def row(engine) -> sa.Row:
    with engine.begin() as connection:
        return connection.execute(sa.select(operation)).one()


def test_a_new_request_is_open(operations, engine) -> None:
    begun = operations.begin(REQUEST)
    assert begun == Operation(
        institution="BANK-1",
        request_id="one",
        kind="PinService.ChangePin",
        subject="ab" * 32,
        state=OperationState.OPEN,
        step="",
        attempt=1,
        result=b"",
    )
    assert operations.find("BANK-1", "one") == begun
    kept = row(engine)
    assert (kept.station, kept.operator, kept.digest) == ("counter 3", "teller 7", bytes(range(32)))
    assert (kept.started, kept.updated, kept.finished) == (BEGINNING, BEGINNING, None)


def test_institutions_do_not_see_each_others_requests(operations) -> None:
    operations.note(operations.begin(REQUEST), "PIN_SENT")
    assert operations.find("BANK-2", "one") is None
    other = operations.begin(dataclasses.replace(REQUEST, institution="BANK-2", subject="cd" * 32))
    assert (other.attempt, other.step) == (1, "")
    assert operations.find("BANK-1", "one").step == "PIN_SENT"


@pytest.mark.parametrize(
    ("change", "what"),
    [({"kind": "PinService.VerifyPin"}, "kind"), ({"subject": "cd"}, "card or person"), ({"digest": b""}, "content")],
)
@pytest.mark.parametrize("end", ["open", "done", "refused"])
def test_a_request_id_belongs_to_one_request_whatever_became_of_it(operations, change, what, end) -> None:
    begun = operations.begin(REQUEST)
    if end == "done":
        operations.finish(begun, b"")
    elif end == "refused":
        operations.refuse(begun, "NO_CARD")
    with pytest.raises(RequestReusedError, match=f"another {what}"):
        operations.begin(dataclasses.replace(REQUEST, **change))
    assert operations.find("BANK-1", "one").attempt == 1


def test_the_same_request_goes_on_where_it_was_one_attempt_further(operations, engine) -> None:
    first = operations.begin(REQUEST)
    operations.note(first, "PIN_SENT")
    again = operations.begin(dataclasses.replace(REQUEST, station="counter 4"))
    assert (again.state, again.attempt, again.step) == (OperationState.OPEN, 2, "PIN_SENT")
    assert row(engine).station == "counter 4"
    for late in (lambda: operations.note(first, "LATE"), lambda: operations.finish(first, b"late")):
        with pytest.raises(SupersededError):
            late()
    operations.refuse(first, "LATE")
    operations.interrupt(first, "LATE")
    assert operations.find("BANK-1", "one") == again
    assert steps(engine) == [(1, 1, "PIN_SENT")], "an earlier attempt puts nothing down"
    operations.note(again, "PIN_ANSWERED")
    assert steps(engine)[1:] == [(2, 2, "PIN_ANSWERED")]


def test_what_is_done_is_told_again_and_stays_as_it_is(operations, engine) -> None:
    begun = operations.begin(REQUEST)
    operations.note(begun, "PIN_SENT")
    operations.finish(begun, b"result")
    done = operations.begin(REQUEST)
    assert (done.state, done.attempt, done.result) == (OperationState.DONE, 1, b"result")
    for late in (lambda: operations.note(done, "LATE"), lambda: operations.finish(done, b"other")):
        with pytest.raises(SupersededError):
            late()
    operations.refuse(done, "LATE")
    assert operations.find("BANK-1", "one") == done
    assert row(engine).finished is not None
    assert steps(engine) == [(1, 1, "PIN_SENT"), (2, 1, "DONE")]


def test_what_was_refused_begins_again_from_its_beginning(operations, engine) -> None:
    begun = operations.begin(REQUEST)
    operations.note(begun, "CARD_ASKED")
    operations.refuse(begun, "NO_CARD")
    refused = operations.find("BANK-1", "one")
    assert (refused.state, row(engine).error) == (OperationState.REFUSED, "NO_CARD")
    with pytest.raises(SupersededError):
        operations.note(begun, "LATE")
    again = operations.begin(REQUEST)
    assert (again.state, again.attempt, again.step) == (OperationState.OPEN, 2, "")
    assert (row(engine).error, row(engine).finished) == ("", None)


def test_what_was_interrupted_stays_open_with_its_reason(operations, engine) -> None:
    begun = operations.begin(REQUEST)
    operations.note(begun, "PIN_SENT")
    operations.interrupt(begun, "CARD_REMOVED")
    known = operations.find("BANK-1", "one")
    assert (known.state, known.step, row(engine).error) == (OperationState.OPEN, "PIN_SENT", "CARD_REMOVED")
    assert steps(engine) == [(1, 1, "PIN_SENT"), (2, 1, "CARD_REMOVED")]
    assert operations.begin(REQUEST).attempt == 2


def test_an_operation_is_finished_with_what_it_was_for_or_not_at_all(operations, engine, clock) -> None:
    superseded = operations.begin(REQUEST)
    current = operations.begin(REQUEST)

    def enter(of: Operation, code: str) -> None:
        def work(connection: sa.Connection) -> None:
            connection.execute(sa.insert(institution).values(code=code, name="a bank", kind="bank"))
            finish_operation(connection, of, b"result", clock())

        in_transaction(engine, work)

    with pytest.raises(SupersededError):
        enter(superseded, "LATE")
    enter(current, "BANK-9")
    with engine.begin() as connection:
        assert connection.execute(sa.select(institution.c.code)).scalars().all() == ["BANK-9"]
    assert operations.find("BANK-1", "one").result == b"result"


def test_a_journal_that_cannot_be_written_says_so_without_what_it_was_to_hold(operations, engine) -> None:
    begun = operations.begin(REQUEST)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE operation_step")
    with pytest.raises(JournalError, match=r"no such table|does not exist") as raised:
        operations.note(begun, "A_STEP")
    assert "A_STEP" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert operations.find("BANK-1", "one").step == "", "the transaction was one"


PROCESS = """
import sys
from services.operations.journal import OperationRequest
from services.store.engine import open_engine
from services.store.operations import SqlOperations
operations = SqlOperations(open_engine(sys.argv[1]))
request = OperationRequest(institution="BANK-1", request_id="one", kind="PinService.ChangePin", subject="ab" * 32,
                           digest=bytes(range(32)), station="", operator="")
print("ready", flush=True)
sys.stdin.readline()
"""
BEGINS_OFTEN = PROCESS + "print(*(operations.begin(request).attempt for _ in range(20)), flush=True)\n"
NOTES = (
    PROCESS
    + """
begun = operations.begin(request)
for number in range(1000):
    operations.note(begun, f"step {number}")
    print(number, flush=True)
"""
)


def running(program: str, database: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"}
    command = [sys.executable, "-c", program, database]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_that_begin_one_operation_at_once_have_attempts_of_their_own(database, operations) -> None:
    processes = [running(BEGINS_OFTEN, database) for _ in range(2)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    attempts = [[*map(int, process.communicate(timeout=60)[0].split())] for process in processes]
    assert all(own == sorted(own) for own in attempts)
    assert sorted(attempts[0] + attempts[1]) == [*range(1, 41)]
    assert operations.find("BANK-1", "one").attempt == 40


@pytest.mark.parametrize("at", [0, 5])
def test_a_process_that_is_killed_leaves_what_it_was_told_is_kept(database, engine, operations, at) -> None:
    with running(NOTES, database) as process:
        process.stdin.write("\n")
        process.stdin.flush()
        for _ in range(at + 1):
            last = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        told = [last, *map(int, process.stdout.read().split())][-1]
    again = operations.begin(REQUEST)  # from now on nothing is added by the other process
    noted = [step for _, _, step in steps(engine)]
    assert noted[: told + 1] == [f"step {number}" for number in range(told + 1)]
    assert len(noted) <= told + 2, "what was being noted may be there too"
    assert (again.state, again.attempt, again.step) == (OperationState.OPEN, 2, noted[-1])
    operations.finish(again, b"done")
    assert operations.find("BANK-1", "one").state is OperationState.DONE
