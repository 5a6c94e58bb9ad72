"""A store in a database of its own, in SQLite and in PostgreSQL, and requests for it."""

import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import sqlalchemy as sa

from apdu.secret import Secret
from services.custody.data_keys import AesWrapper
from services.issuance.journal import Request
from services.store.engine import open_engine
from services.store.personal import Personal, open_personal
from services.store.store import Store, open_store

CHIP = bytes.fromhex("00814A44008660990000000001")


BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql")))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of SQLite with the newest tables, to be copied."""
    path: Path = tmp_path_factory.mktemp("migrated") / "sscard.db"
    open_engine(str(path)).dispose()
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a database of SQLite is, and its digest key is beside it."""
    return tmp_path / "state" / "sscard.db"


@pytest.fixture(params=BOTH)
def kind(request: pytest.FixtureRequest) -> str:
    """Which database the test is about."""
    return request.param


@pytest.fixture
def database(kind: str, request: pytest.FixtureRequest, place: Path) -> Iterator[str]:
    """A new database with the newest tables, as `database` in the configuration names it."""
    place.parent.mkdir(mode=0o700)
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("migrated"), place)
        yield str(place)
        return
    cluster = request.getfixturevalue("postgresql")
    url, new = cluster.template("migrated")
    if new:
        open_engine(url).dispose()
    with cluster.database("migrated") as made:
        yield made


@pytest.fixture
def empty_database(kind: str, request: pytest.FixtureRequest, place: Path) -> Iterator[str]:
    """A new database without tables."""
    if kind == "sqlite":
        yield str(place)
        return
    with request.getfixturevalue("postgresql").database() as made:
        yield made


@pytest.fixture
def engine(database: str) -> Iterator[sa.Engine]:
    """The database, opened."""
    opened = open_engine(database)
    yield opened
    opened.dispose()


@pytest.fixture
def wrapper() -> AesWrapper:
    return AesWrapper(Secret(bytes(range(32))), "of the tests")


@pytest.fixture
def personal(engine: sa.Engine, wrapper: AesWrapper) -> Personal:
    return open_personal(engine, wrapper)


@pytest.fixture
def opened(database: str, place: Path) -> Iterator[Callable[[], Store]]:
    """Opens the store, as often as it is called."""
    stores: list[Store] = []

    def open_it() -> Store:
        stores.append(open_store(database, place.with_suffix(".digest-key")))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Callable[[], Store]) -> Store:
    return opened()


@pytest.fixture
def request_for() -> Callable[..., Request]:
    """A request, of an order of its own on the first chip unless it is said."""

    def make(request_id: str, *, chip: bytes = CHIP, order: bytes = b"", **more: object) -> Request:
        digest = order or sha256(request_id.encode()).digest()
        return Request(request_id=request_id, chip=chip, order_digest=digest, station="desk 1", operator="Li", **more)

    return make
