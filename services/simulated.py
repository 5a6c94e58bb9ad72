"""Software cards in readers of this process, for development."""

from collections import Counter
from collections.abc import Sequence

from apdu.transport.inprocess import InProcessReaders
from services.config import ConfigError
from simulator.blanks import BLANKS
from simulator.card import SoftwareCard
from simulator.people import READY, ready_card


def simulated_readers(cards: Sequence[str]) -> InProcessReaders:
    """One reader for each name of :data:`simulator.people.READY` or :data:`simulator.blanks.BLANKS`, its card inserted.

    Cards of the same name are of the same holder and have serial numbers of their own. Raises :class:`ConfigError`.
    """
    readers = InProcessReaders()
    copies: Counter[str] = Counter()
    for number, name in enumerate(cards, 1):
        if name in BLANKS:
            # Chips of one number answer the same to a reset, whatever their operating system is.
            chip = SoftwareCard(BLANKS[name](sum(copies[blank] for blank in BLANKS)))
        elif name in READY:
            chip = ready_card(name, copy=copies[name])
        else:
            raise ConfigError(f"there is no software card {name!r}; there are {', '.join((*READY, *BLANKS))}")
        reader = f"Software reader {number:02d} ({name})"
        readers.add_reader(reader)
        readers.insert(reader, chip, t0=True)
        copies[name] += 1
    return readers
