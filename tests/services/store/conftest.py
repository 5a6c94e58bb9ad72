"""A store in a directory of its own, and requests for it."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from services.issuance.journal import Request
from services.store.store import Store, open_store

CHIP = bytes.fromhex("00814A44008660990000000001")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sscard.db"


@pytest.fixture
def opened(place: Path) -> Iterator[Callable[[], Store]]:
    """Opens the store, as often as it is called."""
    stores: list[Store] = []

    def open_it() -> Store:
        stores.append(open_store(str(place), place.with_suffix(".digest-key")))
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
