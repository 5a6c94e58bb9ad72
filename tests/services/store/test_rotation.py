"""A new data key: all rows end under it, whatever interrupts the work, and the older one goes."""

import pytest
import sqlalchemy as sa

from services.errors import JournalError
from services.store.personal import PersonalValueError, open_personal
from services.store.rotation import Rotated, rotate
from services.store.schema import data_key, medical_card, person
from services.store.transactions import in_transaction
from tests.services.store.people import change, columns, numbered, put, read

PEOPLE = range(5)


class CutError(Exception):
    pass


@pytest.fixture
def people(engine, personal) -> list[str]:
    identifiers = [put(engine, personal, numbered(number)) for number in PEOPLE]

    def work(connection: sa.Connection) -> None:
        sealed = personal.seal(connection, medical_card, "m", {"number": "990-M"})
        row = {"id": "m", "person_id": identifiers[0], "state": "valid", "state_since": sa.func.current_date()}
        connection.execute(sa.insert(medical_card).values(**row, **sealed))

    in_transaction(engine, work)
    return identifiers


def versions(engine) -> tuple[list[int], set[int]]:
    """Of the data keys, and of the rows."""
    with engine.begin() as connection:
        keys = connection.execute(sa.select(data_key.c.version).where(data_key.c.purpose == "data")).scalars().all()
        rows = {*connection.execute(sa.select(person.c.key_version)).scalars()}
        return sorted(keys), rows | {*connection.execute(sa.select(medical_card.c.key_version)).scalars()}


def test_everything_is_sealed_anew_and_the_older_key_goes(engine, personal, people, wrapper) -> None:
    before, told = columns(engine, people[0]), []
    assert rotate(engine, personal, batch=2, progress=lambda *at: told.append(at)) == Rotated(2, 6, resumed=False)
    assert versions(engine) == ([2], {2})
    assert sorted(told) == told
    assert told[-1] == (6, 0)
    assert len(told) == 4, "batches of two, two and one, and the medical card"
    after = columns(engine, people[0])
    assert after["name"] != before["name"]
    assert after["social_security_number_index"] == before["social_security_number_index"]
    for each in (personal, open_personal(engine, wrapper)):
        assert [read(engine, each, one) for one in people] == [numbered(number) for number in PEOPLE]
    assert rotate(engine, personal) == Rotated(3, 6, resumed=False)


@pytest.mark.parametrize("at", range(1, 5))
def test_what_was_interrupted_after_a_batch_is_gone_on_with(engine, personal, people, wrapper, at) -> None:
    batches = []

    def cut(*_: int) -> None:
        batches.append(1)
        if len(batches) == at:
            raise CutError

    with pytest.raises(CutError):
        rotate(engine, personal, batch=2, progress=cut)
    assert versions(engine)[0] == [1, 2]
    other = open_personal(engine, wrapper)
    assert [read(engine, other, one) for one in people] == [numbered(number) for number in PEOPLE]
    rotated = rotate(engine, other, batch=2)
    assert (rotated.version, rotated.resumed) == (2, True)
    assert versions(engine) == ([2], {2})
    assert [read(engine, personal, one) for one in people] == [numbered(number) for number in PEOPLE]


def test_who_has_the_database_open_meanwhile_reads_and_writes_under_the_new_key(
    engine, personal, people, wrapper
) -> None:
    service = open_personal(engine, wrapper)
    read(engine, service, people[0])
    written = []

    def meanwhile(*_: int) -> None:
        assert read(engine, service, people[-1]) == numbered(PEOPLE[-1])
        written.append(put(engine, service, numbered(100 + len(written))))

    rotate(engine, personal, batch=2, progress=meanwhile)
    assert versions(engine) == ([2], {2})
    assert [read(engine, service, one)["name"] for one in written] == [f"Canary-{100 + n}" for n in range(len(written))]


def test_a_value_that_does_not_open_stops_it_and_keeps_the_older_key(engine, personal, people) -> None:
    kept = columns(engine, people[3])["name"]
    change(engine, people[3], name=kept[:-1])
    with pytest.raises(PersonalValueError, match=f"person.name of row {people[3]}"):
        rotate(engine, personal, batch=1)
    assert versions(engine)[0] == [1, 2]
    change(engine, people[3], name=kept)
    assert rotate(engine, personal, batch=1).resumed
    assert versions(engine) == ([2], {2})


def test_two_that_exchange_keys_at_once_end_with_one_key(engine, personal, people, wrapper) -> None:
    other = open_personal(engine, wrapper)
    inner = []

    def meanwhile(*_: int) -> None:
        if not inner:
            inner.append(rotate(engine, other, batch=2))

    outer = rotate(engine, personal, batch=2, progress=meanwhile)
    assert inner[0].resumed
    assert inner[0].rows + outer.rows == 6
    assert versions(engine) == ([2], {2})


def test_a_database_that_fails_is_a_failure_of_the_journal(engine, personal, people) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE medical_card" + (" CASCADE" if engine.dialect.name != "sqlite" else ""))
    with pytest.raises(JournalError):
        rotate(engine, personal)
