"""Power that fails at every write of something, and a store on which anything goes."""

from collections.abc import Callable, Iterator

import pytest

from simulator.access import ALWAYS, FileRights
from simulator.credentials import KeyUse
from simulator.files import Kind
from simulator.memory import layout
from simulator.memory.eeprom import Cut, CutMoment, Eeprom, PowerLostError
from simulator.memory.store import Store

MOMENTS = (
    (CutMoment.BEFORE, None),
    (CutMoment.DURING, 0),
    (CutMoment.DURING, 1),
    (CutMoment.DURING, None),
    (CutMoment.AFTER, None),
)
"""When power fails, and how many changed bytes of the page are new by then; None: half of them."""


def cuts(content: bytes, act: Callable[[Eeprom], object]) -> Iterator[tuple[Cut, bytes]]:
    """What memory of this content holds when power fails in ``act``, for each of its writes and each moment."""
    whole = Eeprom(content)
    act(whole)
    for write in range(1, whole.writes + 1):
        for moment, written in MOMENTS:
            eeprom = Eeprom(content)
            cut = Cut(write, moment, written)
            eeprom.arm(cut)
            with pytest.raises(PowerLostError):
                act(eeprom)
            yield cut, eeprom.content


class Everything:
    """A coding in which everybody may do everything, and all keys are for the outside."""

    def rights(self, kind: Kind, parameters: bytes) -> FileRights:
        return FileRights(ALWAYS, ALWAYS)

    def key_use(self, type_byte: int) -> KeyUse:
        return KeyUse.EXTERNAL

    def charge(self, kind: Kind, size: int, count: int, name: bytes) -> int:
        return layout.HEADER + layout.body_size(kind, size, count)


@pytest.fixture(scope="session")
def every_cut() -> Callable[[bytes, Callable[[Eeprom], object]], Iterator[tuple[Cut, bytes]]]:
    return cuts


@pytest.fixture(scope="session")
def open_store() -> Callable[..., Store]:
    """A store on memory of this content, or on this memory, after power-on."""

    def mount(memory: bytes | Eeprom, *, sloppy: bool = False) -> Store:
        store = Store(memory if isinstance(memory, Eeprom) else Eeprom(memory), Everything(), sloppy=sloppy)
        store.recover()
        return store

    return mount
