"""A backup that is made while the store is used opens as the store itself does."""

import sqlite3

import pytest

from services.issuance.journal import State
from services.store.backup import back_up
from services.store.engine import StoreError
from services.store.store import open_store
from tests.services.store.test_journal import BUILDING


@pytest.fixture
def kind() -> str:
    return "sqlite"


def test_a_backup_of_a_store_in_use_is_whole_and_private(store, request_for, place, tmp_path) -> None:
    store.journal.note(store.journal.begin(request_for("one")), BUILDING)
    # What was written last stands beside the file, in the write-ahead log: a copy of the file would lack it.
    assert place.with_name(f"{place.name}-wal").stat().st_size
    made = back_up(str(place), place.with_suffix(".digest-key"), tmp_path / "copy.db")
    assert made == (tmp_path / "copy.db", tmp_path / "copy.digest-key")
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}
    store.journal.begin(request_for("two", chip=bytes(13), order=b"\x02" * 32))
    restored = open_store(str(made[0]), made[1])
    assert (restored.journal.find("one").state, restored.journal.find("one").written) == (State.OPEN, True)
    assert restored.journal.find("two") is None
    restored.close()


def test_a_backup_waits_for_nobody_who_writes(store, place, tmp_path) -> None:
    writer = sqlite3.connect(place, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    back_up(str(place), place.with_suffix(".digest-key"), tmp_path / "copy.db")
    writer.execute("ROLLBACK")
    writer.close()


@pytest.mark.parametrize("name", ["copy.db", "copy.digest-key"])
def test_a_backup_replaces_nothing(store, place, tmp_path, name) -> None:
    (tmp_path / name).write_text("an earlier one")
    with pytest.raises(StoreError, match="was not made: File exists"):
        back_up(str(place), place.with_suffix(".digest-key"), tmp_path / "copy.db")
    assert [path.name for path in tmp_path.glob("copy.*")] == [name]
    assert (tmp_path / name).read_text() == "an earlier one"


def test_postgresql_has_its_own_tool_which_is_named_without_the_password(tmp_path) -> None:
    with pytest.raises(
        StoreError, match=r"pg_dump --format=custom --file=.*copy\.db 'postgresql://sscard@db/s'"
    ) as told:
        back_up("postgresql+psycopg://sscard:hush-hush@db/s", tmp_path / "key", tmp_path / "copy.db")
    assert "hush" not in str(told.value)
    assert str(tmp_path / "key") in str(told.value)


def test_what_is_neither_has_its_own_tools(tmp_path) -> None:
    with pytest.raises(StoreError, match="its own tools"):
        back_up("mysql://sscard@localhost/sscard", tmp_path / "key", tmp_path / "copy.db")


def test_where_there_is_none_none_is_made(tmp_path) -> None:
    with pytest.raises(StoreError, match="there is no"):
        back_up(str(tmp_path / "none.db"), tmp_path / "key", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []
