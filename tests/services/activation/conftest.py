"""A counter with a registry of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.store.engine import open_engine
from tests.services.activation.desk import Desk


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of SQLite with the newest tables, to be copied."""
    path: Path = tmp_path_factory.mktemp("activation") / "sscard.db"
    open_engine(str(path)).dispose()
    return path


@pytest.fixture
def desk(empty_database: Path, tmp_path: Path) -> Iterator[Desk]:
    place = tmp_path / "sscard.db"
    shutil.copy(empty_database, place)
    engine = open_engine(str(place))
    yield Desk(engine)
    engine.dispose()
