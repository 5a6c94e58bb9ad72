import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from services.store import schema_audit
from services.store.engine import StoreError, database_url, open_engine
from services.store.schema import APPEND_ONLY, Moment, certificate, issuance, issuance_step, metadata, setting

ROOT = Path(__file__).parents[3]
NEWEST = ScriptDirectory(str(files("services.store") / "migrations")).get_current_head()
assert schema_audit.audit_entry.metadata is metadata, "its tables are compared as well"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "new" / "sscard.db"


def test_the_migrations_make_the_tables_that_the_code_declares(engine) -> None:
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert set(sa.inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_names_of_constraints_do_not_depend_on_the_database(engine) -> None:
    with engine.begin() as connection:
        found = sa.inspect(connection)
        assert [one["name"] for one in found.get_unique_constraints("issuance")] == ["uq_issuance_open_chip"]
        assert [one["name"] for one in found.get_foreign_keys("issuance_step")] == ["fk_issuance_step_request_id"]
        assert [one["name"] for one in found.get_foreign_keys("operation_step")] == [
            "fk_operation_step_institution_request_id"
        ]


FIRST_TABLES = (
    "INSERT INTO setting VALUES ('digest_key', 'kept')",
    "INSERT INTO certificate VALUES (7, 'C7', 'aa', 'bb', '\\x01', '\\x02', '2026-01-02 03:04:05', 'desk', 'Li')",
    (
        "INSERT INTO issuance (request_id, chip, order_digest, state, stage, detail, attempt, written, again_reason, "
        "started, updated, station, operator, error, certificate_id) VALUES ('one', 'aa', 'dd', 'DONE', 'DONE', '', 1, "
        "true, '', '2026-01-02 03:04:05', '2026-01-02 03:04:05', 'desk', 'Li', '', 'C7')"
    ),
    "INSERT INTO issuance_step VALUES ('one', 1, 1, 'BUILDING', 'SSSE', '2026-01-02 03:04:05')",
)


def test_the_first_tables_are_brought_up_to_date_and_keep_what_they_hold(empty_database, kind) -> None:
    if kind == "sqlite":
        Path(empty_database).parent.mkdir()
    engine = sa.create_engine(database_url(empty_database))
    settings = Config()
    settings.set_main_option("script_location", str(files("services.store") / "migrations"))
    settings.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0001")
        for statement in FIRST_TABLES:
            connection.exec_driver_sql(statement)
    engine.dispose()
    engine = open_engine(empty_database)
    with engine.begin() as connection:
        assert connection.execute(sa.select(setting.c.value)).scalars().all() == ["kept"]
        assert connection.execute(sa.select(certificate.c.sequence, certificate.c.id)).all() == [(7, "C7")]
        assert connection.execute(sa.select(issuance.c.request_id, issuance.c.certificate_id)).all() == [("one", "C7")]
        assert connection.execute(sa.select(issuance_step.c.stage)).scalars().all() == ["BUILDING"]
        newest = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    assert newest == NEWEST
    with pytest.raises(sa.exc.DBAPIError, match="added and never changed"), engine.begin() as connection:
        connection.execute(sa.delete(issuance_step))
    engine.dispose()


def test_no_error_of_the_library_quotes_what_was_to_be_written(empty_database) -> None:
    engine = open_engine(empty_database)
    told = {"name": "canary name", "value": "canary value"}
    with pytest.raises(sa.exc.IntegrityError) as raised, engine.begin() as connection:
        connection.execute(sa.insert(setting), [told, told])
    assert "canary value" not in str(raised.value)
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
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == NEWEST
        assert connection.exec_driver_sql("SELECT word FROM kept").scalar() == "still here"
    engine.dispose()


def test_opening_again_changes_nothing(file) -> None:
    open_engine(str(file)).dispose()
    before = file.read_bytes()
    open_engine(str(file)).dispose()
    assert file.read_bytes() == before


def test_several_processes_may_open_a_new_database_at_once(empty_database) -> None:
    program = "import sys; from services.store.engine import open_engine; open_engine(sys.argv[1]).dispose()"
    ran = [sys.executable, "-c", program, empty_database]
    processes = [subprocess.Popen(ran, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(3)]
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


@pytest.mark.parametrize("table", APPEND_ONLY, ids=str)
def test_rows_of_what_has_happened_are_not_changed_or_removed(engine, kind, table) -> None:
    guarded = "added and never changed"
    row = {column.name: _something(column) for column in table.columns}
    with engine.connect() as connection:
        # A row that refers to nothing: what is asked here is not about the rows above it.
        if kind == "sqlite":
            connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        else:
            connection.exec_driver_sql("SET session_replication_role = replica")
            connection.commit()
        connection.execute(sa.insert(table).values(row))
        connection.commit()
        if kind == "postgresql":
            connection.exec_driver_sql("SET session_replication_role = origin")
            connection.commit()
        refused = [sa.update(table).values({table.columns.keys()[-1]: row[table.columns.keys()[-1]]}), sa.delete(table)]
        refused += [sa.insert(table).prefix_with("OR REPLACE").values(row)] if kind == "sqlite" else []
        refused += [sa.text(f"TRUNCATE {table.name} CASCADE")] if kind == "postgresql" else []
        for statement in refused:
            with pytest.raises(sa.exc.DBAPIError, match=guarded):
                connection.execute(statement)
            connection.rollback()
        assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 1


def _something(column: sa.Column) -> object:
    if isinstance(column.type, Moment):
        return datetime(2026, 1, 2, tzinfo=UTC)
    kinds = {int: 1, str: "x", bytes: b"x" * 32, bool: True}
    return None if column.nullable else kinds[column.type.python_type]
