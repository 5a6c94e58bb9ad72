"""A counter with a registry of its own."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.store.engine import open_engine
from tests.services.activation.desk import Desk


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of SQLite with the newest tables, to be copied."""
    path: Path = tmp_path_factory.mktemp("activation") / "sscard.db"
    open_engine(str(path)).dispose()
    return path


@pytest.fixture
def new_desk(empty_database: Path, tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Makes a counter with an empty registry, or with the one of another desk, which is left then."""
    engines: list[sa.Engine] = []

    def make(like: Desk | None = None) -> Desk:
        place = tmp_path / f"{len(engines)}.db"
        if like is not None:
            like.engine.dispose()  # so that all is in the one file
        shutil.copy(empty_database if like is None else str(like.engine.url.database), place)
        engines.append(open_engine(str(place)))
        # Nobody pulls the plug of this machine: what was committed need not be on its disk.
        sa.event.listen(engines[-1], "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        engines[-1].dispose()
        return Desk(engines[-1])

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def desk(new_desk: Callable[..., Desk]) -> Desk:
    return new_desk()
