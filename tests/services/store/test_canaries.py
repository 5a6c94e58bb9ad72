"""Nothing of anybody can be read in the files of a database, whatever the registry wrote."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.operations.journal import Operation, OperationRequest
from services.registry.lifecycle import CardEvent
from services.registry.model import Activation, ActivationWay, InstitutionKind, PersonData
from services.store.operations import SqlOperations
from services.store.registry import SqlRegistry
from services.store.rotation import rotate

PEOPLE = (
    PersonData(
        social_security_number="99000019620229901X",
        name="欧阳卡那里",
        birth_date="19620229",
        sex="9",
        phone="13990555001",
        document_number="G99CANARY01",
    ),
    PersonData(social_security_number="990000200012319022", name="Kanari Vogel", phone="13990555002"),
)
CARDS = (("9901000000CA9A9100000000", "CANARY991"), ("9901000000CA9A9200000000", "CANARY992"))
MEDICAL = ("MEDCANARY1", "MEDCANARY2")
DAY = date(2026, 3, 1)


def canaries() -> Iterator[str]:
    for person in PEOPLE:
        yield from (person.social_security_number, person.name, person.phone, person.document_number)
    yield PEOPLE[0].birth_date
    for identifier, number in CARDS:
        yield from (identifier, number)
    yield from MEDICAL


def forms(text: str) -> set[bytes]:
    """What a value might look like in a file."""
    told = {form for form in (text, text.lower(), text.upper()) if form}
    encoded = {form.encode(coding) for form in told for coding in ("utf-8", "gb18030", "utf-16-le")}
    return encoded | {form.encode().hex().encode() for form in told}


FORMS = {form: text for text in canaries() if text for form in forms(text)}


def seen(content: bytes) -> set[str]:
    return {text for form, text in FORMS.items() if form in content}


@pytest.fixture
def written(engine: sa.Engine, personal) -> SqlRegistry:
    """Two people with cards and medical cards, one of which is activated; all sealed anew, and a name replaced."""
    operations, registry = SqlOperations(engine), SqlRegistry(engine, personal)
    numbers = iter(range(100))

    def operation() -> Operation:
        return operations.begin(
            OperationRequest(
                institution="HOSPITAL-1",
                request_id=f"request-{next(numbers)}",
                kind="x",
                subject="s",
                digest=bytes(32),
                station="desk",
                operator="clerk",
            )
        )

    registry.register_institution(
        "HOSPITAL-1", "a hospital", InstitutionKind.HOSPITAL, operation=operation(), result=b""
    )
    for data, (identifier, number), medical in zip(PEOPLE, CARDS, MEDICAL, strict=True):
        person = registry.register_person(data)
        card = registry.register_card(person.id, identifier, number, issued=datetime(2026, 1, 2, tzinfo=UTC))
        registry.register_medical_card(person.id, medical, today=DAY, operation=operation(), result=b"")
        change = {"reason": "as planned", "outlet": "HOSPITAL-1"}
        registry.change(card.id, CardEvent.RECEIVE, **change, operation=operation(), result=b"")
        registry.change(card.id, CardEvent.DELIVER, **change, received=DAY, operation=operation(), result=b"")
    registry.activate(
        Activation(
            card_id=card.id,
            way=ActivationWay.HOSPITAL,
            institution="HOSPITAL-1",
            station="desk",
            operator="clerk",
            time=datetime(2026, 3, 2, tzinfo=UTC),
        ),
        operation=operation(),
        result=b"",
    )
    rotate(engine, personal)
    registry.register_person(PersonData(social_security_number=PEOPLE[1].social_security_number, name="Other"))
    return registry


def test_what_is_looked_for_would_be_found() -> None:
    for text in canaries():
        assert seen(b"..." + text.encode() + b"...") >= {text} or not text


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_nobody_is_in_the_files_of_sqlite(written, database) -> None:
    assert written.person_by_number(PEOPLE[0].social_security_number).data == PEOPLE[0]
    files = sorted(Path(database).parent.glob("sscard.db*"))
    assert [file.name for file in files] == ["sscard.db", "sscard.db-shm", "sscard.db-wal"]
    assert b"HOSPITAL-1" in files[2].read_bytes(), "the write-ahead log has what was written"
    assert {file.name: seen(file.read_bytes()) for file in files} == {file.name: set() for file in files}
    with sqlite3.connect(database) as other:
        dump = "\n".join(other.iterdump())
    other.close()
    assert "HOSPITAL-1" in dump
    assert seen(dump.encode()) == set()


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
@pytest.mark.xdist_group("postgresql")
def test_nobody_is_in_a_dump_or_the_files_of_postgresql(written, database, engine, postgresql) -> None:
    assert written.person_by_number(PEOPLE[0].social_security_number).data == PEOPLE[0]
    dump = postgresql.dump(database)
    assert b"HOSPITAL-1" in dump
    assert seen(dump) == set()
    with engine.begin() as connection:
        number = connection.exec_driver_sql("SELECT oid FROM pg_database WHERE datname = current_database()").scalar()
    tables, log = [], []
    for path in postgresql.files():
        if path.parent.name == str(number):
            tables.append(path.read_bytes())
        elif path.parent.name == "pg_wal":
            log.append(path.read_bytes())
    assert any(b"HOSPITAL-1" in content for content in tables)
    assert any(b"HOSPITAL-1" in content for content in log)
    assert seen(b"".join(tables)) == set()
    assert seen(b"".join(content for content in log if b"HOSPITAL-1" in content)) == set()
    assert seen((postgresql.home / "log").read_bytes()) == set()
