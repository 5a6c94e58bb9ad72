import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from services.store.engine import StoreError, open_engine
from services.store.schema import metadata

ROOT = Path(__file__).parents[3]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "new" / "sscard.db"


def test_the_migrations_make_the_tables_that_the_code_declares(file) -> None:
    engine = open_engine(str(file))
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert set(sa.inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}
    engine.dispose()


def test_names_of_constraints_do_not_depend_on_the_database(file) -> None:
    engine = open_engine(str(file))
    with engine.begin() as connection:
        found = sa.inspect(connection)
        assert [one["name"] for one in found.get_unique_constraints("issuance")] == ["uq_issuance_open_chip"]
        assert [one["name"] for one in found.get_foreign_keys("issuance_step")] == ["fk_issuance_step_request_id"]
    engine.dispose()


def test_what_is_committed_is_on_the_disk(file) -> None:
    engine = open_engine(str(file))
    with engine.begin() as connection:
        told = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    engine.dispose()
    assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}  # 2 is FULL


def test_nobody_else_can_read_the_file(file) -> None:
    engine = open_engine(str(file))
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO setting VALUES ('a', 'b')")
        names = sorted(path.name for path in file.parent.iterdir())
        modes = {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    engine.dispose()
    assert names == ["sscard.db", "sscard.db-shm", "sscard.db-wal"]
    assert modes == {0o600}


def test_an_older_file_is_brought_up_to_date_and_keeps_what_it_holds(file) -> None:
    """The oldest one: made by SQLite itself, before there were tables."""
    file.parent.mkdir()
    with sqlite3.connect(file) as older:
        older.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        older.execute("CREATE TABLE kept (word TEXT)")
        older.execute("INSERT INTO kept VALUES ('still here')")
    older.close()
    engine = open_engine(str(file))
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "0001"
        assert connection.exec_driver_sql("SELECT word FROM kept").scalar() == "still here"
    engine.dispose()


def test_opening_again_changes_nothing(file) -> None:
    open_engine(str(file)).dispose()
    before = file.read_bytes()
    open_engine(str(file)).dispose()
    assert file.read_bytes() == before


def test_several_processes_may_open_a_new_file_at_once(file) -> None:
    program = "import sys; from services.store.engine import open_engine; open_engine(sys.argv[1]).dispose()"
    command = [sys.executable, "-c", program, str(file)]
    processes = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate(timeout=60)[1] for process in processes] == [b""] * 3
    assert [process.returncode for process in processes] == [0] * 3


def test_a_file_of_a_newer_version_is_refused(file) -> None:
    engine = open_engine(str(file))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(StoreError, match="made by a newer version"):
        open_engine(str(file))


def test_what_is_no_database_is_refused(tmp_path) -> None:
    (tmp_path / "text.db").write_text("no database, " * 100, encoding="utf-8")
    with pytest.raises(StoreError, match=r"text\.db cannot be opened: file is not a database"):
        open_engine(str(tmp_path / "text.db"))
    (tmp_path / "plain").write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be opened: "):
        open_engine(str(tmp_path / "plain" / "x.db"))


@pytest.mark.parametrize("url", ["no such kind://x", "nonesuch://host/x"])
def test_a_url_that_leads_nowhere_is_refused(url) -> None:
    with pytest.raises(StoreError):
        open_engine(url)


def test_a_password_is_not_shown() -> None:
    with pytest.raises(StoreError) as raised:
        open_engine("nonesuch://user:hush-hush@host/x")
    assert "hush" not in str(raised.value)
