"""Software cards in readers of this process, for development."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from apdu.transport.inprocess import InProcessReaders
from services.config import ConfigError
from simulator.blanks import BLANKS
from simulator.card import SoftwareCard
from simulator.people import INITIAL_PIN, READY, ready_card
from simulator.pinpad import ObligingHolder, SimulatedPad

WITH_PAD: Final = "+pad"
"""Behind the name of a ready-made card: its reader has a PIN pad."""

NEW_PIN: Final = "654321"
"""What is typed there for a new PIN."""


def simulated_readers(cards: Sequence[str]) -> InProcessReaders:
    """One reader for each name of :data:`simulator.people.READY` or :data:`simulator.blanks.BLANKS`, its card inserted.

    With :data:`WITH_PAD` behind the name of a ready-made card, somebody stands at a pad there who knows its PIN.
    Cards of the same name are of the same holder and have serial numbers of their own. Raises :class:`ConfigError`.
    """
    readers = InProcessReaders()
    copies: Counter[str] = Counter()
    for number, wanted in enumerate(cards, 1):
        name = wanted.removesuffix(WITH_PAD)
        pad = None
        if name in BLANKS and name == wanted:
            # Chips of one number answer the same to a reset, whatever their operating system is.
            chip = SoftwareCard(BLANKS[name](sum(copies[blank] for blank in BLANKS)))
        elif name in READY:
            chip = ready_card(name, copy=copies[name])
            if name != wanted:
                pad = SimulatedPad(ObligingHolder(INITIAL_PIN.reveal().hex(), NEW_PIN))
        else:
            raise ConfigError(f"there is no software card {wanted!r}; there are {', '.join((*READY, *BLANKS))}")
        reader = f"Software reader {number:02d} ({wanted})"
        readers.add_reader(reader, pad=pad)
        readers.insert(reader, chip, t0=True)
        copies[name] += 1
    return readers
