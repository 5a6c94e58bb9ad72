"""The journal as its port promises; the certificates in tests/services/issuance."""

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from cardlib.crypto import Algorithm
from cardlib.issuance.questions import Note, Stage
from cardlib.issuance.report import CardReport
from services.errors import (
    CertificateDamagedError,
    CertificateUnknownError,
    IssuanceOpenError,
    JournalError,
    OrderRepeatedError,
    RequestReusedError,
    SupersededError,
)
from services.issuance.certificate import Certificate, Making
from services.issuance.journal import WRITING, Request, State
from services.store.engine import open_engine
from tests.services.store.databases import unguarded

ROOT = Path(__file__).parents[3]
CHIP = bytes.fromhex("00814A44008660990000000001")
OTHER_CHIP = bytes.fromhex("00814A44008660990000000002")
BUILDING = Note(Stage.BUILDING, "SSSE")


def certificate_of(store, chip: bytes = CHIP, request_id: str = "one", year: int = 2026) -> Certificate:
    report = CardReport(
        version="2.0",
        algorithm=Algorithm.DES,
        chip="t514",
        atr=b"\x3b\x6d\x00\x00" + chip,
        historical_bytes=chip,
        card_identifier=bytes(16),
        pin_tries=6,
        files=(),
        keys=(),
        commands={},
    )
    making = Making(request_id=request_id, operator="Li", station="desk 1", template="a", template_version="1")
    return Certificate.of(report, making, datetime(year, 1, 2, 3, 4, 5, tzinfo=UTC), store.digests)


def steps(database: str) -> list[tuple[int, int, str, str]]:
    engine = open_engine(database)
    with engine.begin() as connection:
        rows = connection.exec_driver_sql("SELECT sequence, attempt, stage, detail FROM issuance_step ORDER BY 1").all()
    engine.dispose()
    return [tuple(row) for row in rows]


def test_a_first_request_is_open_and_has_written_nothing(store, request_for) -> None:
    begun = store.journal.begin(request_for("one"))
    assert (begun.state, begun.stage, begun.attempt, begun.written) == (State.OPEN, Stage.EXAMINED, 1, False)
    assert (begun.chip, begun.station, begun.operator, begun.error) == (CHIP, "desk 1", "Li", "")
    assert begun.started.tzinfo is UTC
    assert store.journal.find("one") == begun
    assert store.journal.find("two") is None


@pytest.mark.parametrize("stage", Stage)
def test_from_building_on_something_may_have_been_written(store, request_for, stage) -> None:
    store.journal.note(store.journal.begin(request_for("one")), Note(stage))
    assert store.journal.find("one").written is (stage in WRITING)
    assert (stage in WRITING) is (stage not in {Stage.EXAMINED, Stage.OPENED})


def test_the_same_request_goes_on_as_another_attempt(store, request_for) -> None:
    store.journal.note(store.journal.begin(request_for("one")), BUILDING)
    again = store.journal.begin(request_for("one"))
    assert (again.state, again.attempt, again.written, again.stage) == (State.OPEN, 2, True, Stage.BUILDING)


def test_steps_are_numbered_through_all_attempts(store, database, request_for) -> None:
    first = store.journal.begin(request_for("one"))
    store.journal.note(first, Note(Stage.OPENED))
    store.journal.note(first, BUILDING)
    store.journal.note(store.journal.begin(request_for("one")), BUILDING)
    assert steps(database) == [(1, 1, "OPENED", ""), (2, 1, "BUILDING", "SSSE"), (3, 2, "BUILDING", "SSSE")]


def test_an_earlier_attempt_can_do_nothing_more(store, database, request_for) -> None:
    first = store.journal.begin(request_for("one"))
    store.journal.begin(request_for("one"))
    for late in (
        lambda: store.journal.note(first, BUILDING),
        lambda: store.journal.finish(first, certificate_of(store)),
    ):
        with pytest.raises(SupersededError):
            late()
    store.journal.fail(first, "NO_CARD", lost=True)
    known = store.journal.find("one")
    assert (known.state, known.attempt, known.written, known.error) == (State.OPEN, 2, False, "")
    assert steps(database) == [], "what was refused is not in the journal"
    with pytest.raises(CertificateUnknownError):
        store.journal.certificate(certificate_of(store).number)


def test_a_chip_that_is_written_to_belongs_to_its_request(store, request_for) -> None:
    store.journal.note(store.journal.begin(request_for("one")), BUILDING)
    with pytest.raises(IssuanceOpenError) as raised:
        store.journal.begin(request_for("two", order=b"\x02" * 32))
    assert raised.value.request_id == "one"
    assert store.journal.find("two") is None
    with pytest.raises(IssuanceOpenError):
        store.journal.begin(request_for("two"))
    assert store.journal.begin(request_for("two", chip=OTHER_CHIP, order=b"\x02" * 32)).state is State.OPEN


def test_a_chip_that_is_as_it_was_goes_to_the_next_request_and_the_first_can_note_nothing(store, request_for) -> None:
    first = store.journal.begin(request_for("one"))
    store.journal.note(first, Note(Stage.OPENED))
    store.journal.begin(request_for("two", order=b"\x02" * 32))
    known = store.journal.find("one")
    assert (known.state, known.error) == (State.REFUSED, "SUPERSEDED")
    with pytest.raises(SupersededError):
        store.journal.note(first, BUILDING)


def test_a_request_id_belongs_to_one_order(store, request_for) -> None:
    store.journal.begin(request_for("one"))
    with pytest.raises(RequestReusedError, match="another order"):
        store.journal.begin(request_for("one", order=b"\x02" * 32))


def test_a_request_id_belongs_to_one_chip_from_the_first_byte_written(store, request_for) -> None:
    first = store.journal.begin(request_for("one"))
    store.journal.fail(first, "CHIP_USED")
    second = store.journal.begin(request_for("one", chip=OTHER_CHIP))
    assert (second.chip, second.attempt) == (OTHER_CHIP, 2)
    store.journal.note(second, BUILDING)
    with pytest.raises(RequestReusedError, match="another chip"):
        store.journal.begin(request_for("one"))


def test_a_chip_that_was_given_its_new_historical_bytes_is_still_that_chip(store, request_for) -> None:
    store.journal.note(store.journal.begin(request_for("one", becomes=OTHER_CHIP)), BUILDING)
    again = store.journal.begin(request_for("one", chip=OTHER_CHIP, becomes=OTHER_CHIP))
    assert (again.attempt, again.written) == (2, True)
    store.journal.finish(again, certificate_of(store, OTHER_CHIP))
    assert store.journal.find("one").chip == OTHER_CHIP


def test_a_chip_that_was_cut_off_between_its_two_new_halves_is_still_that_chip(store, request_for) -> None:
    whole, half = bytes(range(13)), CHIP[:7] + bytes(range(7, 13))
    store.journal.note(store.journal.begin(request_for("one", becomes=whole)), BUILDING)
    assert store.journal.begin(request_for("one", chip=half, becomes=whole)).attempt == 2
    assert store.journal.begin(request_for("one", chip=whole, becomes=whole)).attempt == 3
    with pytest.raises(RequestReusedError, match="another chip"):
        store.journal.begin(request_for("one", chip=bytes(7) + half[7:], becomes=whole))


def test_what_is_done_is_told_again(store, request_for) -> None:
    begun = store.journal.begin(request_for("one"))
    store.journal.note(begun, BUILDING)
    made = certificate_of(store)
    store.journal.finish(begun, made)
    done = store.journal.begin(request_for("one"))
    assert (done.state, done.certificate, done.attempt, done.stage) == (State.DONE, made.number, 1, Stage.DONE)
    assert done.finished is not None
    assert store.journal.certificate(made.number) == made
    with pytest.raises(RequestReusedError):
        store.journal.begin(request_for("one", order=b"\x02" * 32))
    free = request_for("two", order=b"\x02" * 32)
    assert store.journal.begin(free).state is State.OPEN, "the chip is in no open issuance any more"


def test_a_failure_before_anything_is_written_leaves_the_chip_free(store, request_for) -> None:
    begun = store.journal.begin(request_for("one"))
    store.journal.note(begun, Note(Stage.OPENED))
    store.journal.fail(begun, "TRANSPORT_KEY_WRONG")
    known = store.journal.find("one")
    assert (known.state, known.error) == (State.REFUSED, "TRANSPORT_KEY_WRONG")
    assert store.journal.begin(request_for("two", order=b"\x02" * 32)).state is State.OPEN


def test_a_failure_later_keeps_the_chip_for_its_request(store, request_for) -> None:
    begun = store.journal.begin(request_for("one"))
    store.journal.note(begun, BUILDING)
    store.journal.fail(begun, "CARD_REMOVED")
    known = store.journal.find("one")
    assert (known.state, known.error, known.finished) == (State.OPEN, "CARD_REMOVED", None)


def test_a_lost_chip_is_no_longer_open(store, request_for) -> None:
    begun = store.journal.begin(request_for("one"))
    store.journal.note(begun, BUILDING)
    store.journal.fail(begun, "CHIP_LOST", lost=True)
    assert store.journal.find("one").state is State.LOST


def done(store, request: Request) -> None:
    begun = store.journal.begin(request)
    store.journal.note(begun, BUILDING)
    store.journal.finish(begun, certificate_of(store, request.chip, request.request_id))


def open_still(store, request: Request) -> None:
    store.journal.note(store.journal.begin(request), BUILDING)


@pytest.mark.parametrize("made", [done, open_still])
@pytest.mark.parametrize(
    "again",
    [{"order": b"\x01" * 32}, {"order": b"\x02" * 32, "number_digest": b"\x0a" * 32}],
    ids=["the same order", "another order with its card number"],
)
def test_a_card_is_not_made_twice_under_two_requests(store, request_for, made, again) -> None:
    made(store, request_for("one", order=b"\x01" * 32, number_digest=b"\x0a" * 32))
    second = request_for("two", chip=OTHER_CHIP, **again)
    with pytest.raises(OrderRepeatedError) as raised:
        store.journal.begin(second)
    assert raised.value.request_id == "one"
    assert store.journal.find("two") is None


def test_a_card_is_made_twice_for_a_reason_that_is_journalled(store, request_for) -> None:
    done(store, request_for("one", number_digest=b"\x0a" * 32))
    second = request_for("two", chip=OTHER_CHIP, number_digest=b"\x0a" * 32, again_reason="the first was lost")
    store.journal.note(store.journal.begin(second), BUILDING)
    assert store.journal.find("two").again_reason == "the first was lost"
    going_on = store.journal.begin(request_for("two", chip=OTHER_CHIP, number_digest=b"\x0a" * 32))
    assert (going_on.attempt, going_on.again_reason) == (2, "the first was lost")
    with pytest.raises(OrderRepeatedError):
        store.journal.begin(request_for("three", chip=bytes(13), number_digest=b"\x0a" * 32))


@pytest.mark.parametrize("lost", [True, False])
def test_a_card_that_was_not_made_is_made_by_another_request(store, request_for, lost) -> None:
    begun = store.journal.begin(request_for("one", number_digest=b"\x0a" * 32))
    if lost:
        store.journal.note(begun, BUILDING)
    store.journal.fail(begun, "ENDED", lost=lost)
    second = request_for("two", chip=OTHER_CHIP, number_digest=b"\x0a" * 32)
    assert store.journal.begin(second).state is State.OPEN


def test_cards_for_stock_are_made_of_one_order_and_cards_without_a_number_are_many(store, request_for) -> None:
    for number in range(3):
        done(store, request_for(f"stock-{number}", chip=bytes([number]) * 13, order=b"\x01" * 32, for_stock=True))
        done(store, request_for(f"person-{number}", chip=bytes([16 + number]) * 13, order=bytes([16 + number]) * 32))


def test_a_request_that_has_not_touched_its_chip_is_refused_whatever_was_announced(store, request_for) -> None:
    begun = store.journal.begin(request_for("one"))
    store.journal.note(begun, BUILDING)
    store.journal.fail(begun, "CARD_NOT_PREMADE", untouched=True)
    known = store.journal.find("one")
    assert (known.state, known.written) == (State.REFUSED, False)


def test_the_newest_certificate_is_the_one_that_was_stored_last_whatever_the_clock_said(store, request_for) -> None:
    numbers = []
    for request_id, year in (("one", 2030), ("two", 2026), ("three", 2028)):
        begun = store.journal.begin(request_for(request_id, order=request_id.ljust(32).encode()))
        made = certificate_of(store, request_id=request_id, year=year)
        store.journal.finish(begun, made)
        numbers.insert(0, made.number)
    assert store.journal.certificate_numbers(CHIP) == tuple(numbers)
    assert store.journal.certificate_numbers(OTHER_CHIP) == ()


def test_two_callers_at_once_with_one_chip(opened, request_for) -> None:
    """In connections of their own, as two processes have them: one gets it, and the other hears of that one."""
    journals = [opened().journal for _ in range(2)]
    ready, outcome = threading.Barrier(2), []

    def call(number: int) -> None:
        request = request_for(f"request-{number}", order=bytes([number]) * 32)
        ready.wait(10)
        try:
            journals[number].note(journals[number].begin(request), BUILDING)
            outcome.append("writes")
        except (IssuanceOpenError, SupersededError) as error:
            outcome.append(type(error).__name__)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcome)[1] == "writes"
    assert min(outcome) in {"IssuanceOpenError", "SupersededError"}


def test_a_damaged_certificate_is_not_given_out(store, database, request_for) -> None:
    made = certificate_of(store)
    store.journal.finish(store.journal.begin(request_for("one")), made)
    engine = open_engine(database)
    with engine.begin() as connection:
        unguarded(connection, "certificate")
        changed = made.document.replace(b'"Li"', b'"Xu"')
        assert changed != made.document
        connection.execute(sa.text("UPDATE certificate SET document = :new"), {"new": changed})
    engine.dispose()
    with pytest.raises(CertificateDamagedError):
        store.journal.certificate(made.number)


def test_a_journal_that_cannot_be_written_says_so_without_what_it_was_to_hold(store, database, request_for) -> None:
    begun = store.journal.begin(request_for("one"))
    engine = open_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE issuance_step")
    engine.dispose()
    with pytest.raises(JournalError, match=r"no such table: issuance_step|\"issuance_step\" does not exist") as raised:
        store.journal.note(begun, Note(Stage.BUILDING, "a detail"))
    assert "a detail" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert not store.journal.find("one").written, "the transaction was one"


NOTES = """
import os, sys
from pathlib import Path
from cardlib.issuance.questions import Note, Stage
from services.issuance.journal import Request
from services.store.store import open_store
store = open_store(sys.argv[1], Path(sys.argv[2]))
request = Request(request_id="one", chip=bytes.fromhex(sys.argv[3]), order_digest=bytes(32), station="", operator="")
begun = store.journal.begin(request)
for number in range(1000):
    store.journal.note(begun, Note(Stage.BUILDING, f"step {number}"))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


@pytest.mark.parametrize("at", [0, 1, 7])
def test_a_process_that_is_killed_between_two_notes_leaves_all_that_it_was_told_are_kept(
    opened, database, place, at
) -> None:
    command = [sys.executable, "-c", NOTES, database, str(place.with_suffix(".digest-key")), CHIP.hex()]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        for _ in range(at + 1):
            last = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        told = [last, *map(int, process.stdout.read().split())][-1]
    known = opened().journal.begin(
        Request(request_id="one", chip=CHIP, order_digest=bytes(32), station="", operator="")
    )  # from now on nothing is added by the other process, whose last transaction a server may have carried out still
    noted = [detail for _, _, _, detail in steps(database)]
    assert noted[: told + 1] == [f"step {number}" for number in range(told + 1)]
    assert len(noted) <= told + 2, "what was being noted may be there too"
    assert (known.state, known.written, known.detail, known.attempt) == (State.OPEN, True, noted[-1], 2)
