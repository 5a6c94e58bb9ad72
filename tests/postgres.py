"""A private PostgreSQL from Debian's packages: one cluster in a directory of its own, reached by a socket there."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

DEADLINE = 60.0
"""Seconds for the cluster to be made, and again to answer."""
_HURRY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "max_wal_senders=0")
_OWNER = "sscard"


def programs() -> Path:
    """Where the newest installed PostgreSQL has its programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.fail("PostgreSQL is missing, the store is tested with it: apt-get install postgresql")
    return found[-1].parent


class Cluster:
    """A cluster that runs as long as this process, at most."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.programs = programs()
        self._numbers = itertools.count(1)
        self._templates: set[str] = set()
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(home, self._user)
        self._run("initdb", "-D", home / "data", "-U", _OWNER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = [f"unix_socket_directories={home}", "listen_addresses=", *_HURRY]
        command = [str(self.programs / "postgres"), "-D", str(home / "data"), *(f"-c{each}" for each in options)]
        # It ends with this process, also where that is killed.
        self._log = (home / "log").open("wb")
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "INT", *command],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd="/",
            **self._as_owner(),
        )
        self._administration = sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")

    def url(self, name: str) -> str:
        """URL of a database, as `database` in the configuration has it."""
        return f"postgresql+psycopg://{_OWNER}@/{name}?host={self.home}"

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                return self._administration.connect().close()
            except sa.exc.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"PostgreSQL does not answer: {error.orig}\n{(self.home / 'log').read_text()}")
                time.sleep(0.05)

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """URL of a new database, removed afterwards."""
        name = f"test{next(self._numbers)}"
        # Its own copying of files: the other way, through the log, takes twice the time.
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        yield self.url(name)
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def template(self, name: str) -> tuple[str, bool]:
        """URL of the database by which others are made, and whether it is new: whoever asked first fills it."""
        new = name not in self._templates
        if new:
            self._execute(f"CREATE DATABASE {name} TEMPLATE template0")
            self._templates.add(name)
        return self.url(name), new

    def dump(self, url: str) -> bytes:
        """All that a database holds, as pg_dump tells it."""
        named = url.replace("+psycopg", "")
        return subprocess.run(
            [self.programs / "pg_dump", named], check=True, capture_output=True, timeout=DEADLINE
        ).stdout

    def files(self) -> Iterator[Path]:
        """All files of the cluster, with what is in memory written to them."""
        self._execute("CHECKPOINT")
        yield from (path for path in (self.home / "data").rglob("*") if path.is_file())

    def stop(self) -> None:
        """Stop it, and wait."""
        self._administration.dispose()
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _execute(self, statement: str) -> None:
        with self._administration.connect() as connection:
            connection.exec_driver_sql(statement)

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [str(self.programs / program), *map(str, arguments)]
        ran = subprocess.run(command, capture_output=True, timeout=DEADLINE, cwd="/", check=False, **self._as_owner())
        if ran.returncode:
            pytest.fail(f"{program}: {ran.stderr.decode()}")

    def _as_owner(self) -> dict[str, object]:
        if self._user is None:
            return {}
        found = pwd.getpwnam(self._user)
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """One cluster for the session; tests that use it are in the ``xdist_group("postgresql")``, which has one worker."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as home:
        cluster = Cluster(Path(home))
        try:
            cluster.wait()
            yield cluster
        finally:
            cluster.stop()
