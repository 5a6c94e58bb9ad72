"""Software cards in readers of this process, for development."""

from collections import Counter
from collections.abc import Sequence

from apdu.transport.inprocess import InProcessReaders
from services.config import ConfigError
from simulator.people import READY, ready_card


def simulated_readers(cards: Sequence[str]) -> InProcessReaders:
    """One reader for each name of :data:`simulator.people.READY`, its card inserted; raises :class:`ConfigError`.

    Cards of the same name are of the same holder and have serial numbers of their own.
    """
    readers = InProcessReaders()
    copies: Counter[str] = Counter()
    for number, name in enumerate(cards, 1):
        if name not in READY:
            raise ConfigError(f"there is no software card {name!r}; there are {', '.join(READY)}")
        reader = f"Software reader {number:02d} ({name})"
        readers.add_reader(reader)
        readers.insert(reader, ready_card(name, copy=copies[name]), t0=True)
        copies[name] += 1
    return readers
