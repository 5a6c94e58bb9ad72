"""Software cards behind a real pcscd for measurements, each with a twin, and what was said to them.

They live in the process that starts the others, so that nobody who is measured shares its time with them.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TypeAlias

from apdu.transport.inprocess import Chip
from simulator.blanks import BLANKS
from simulator.card import SoftwareCard
from simulator.pcscd import VirtualReaders
from simulator.people import ready_card
from simulator.seeds import seeded_rng

RESET = (b"", b"")
Conversation: TypeAlias = list[tuple[bytes, bytes]]
"""Commands and their answers as the chip had them, T=0's GET RESPONSE among them; :data:`RESET` where it was reset."""


class RecordedChip:
    """A chip, and everything that was said to it."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self.said: Conversation = []

    def power_on(self) -> bytes:
        """See the port."""
        self.said.append(RESET)
        return self._chip.power_on()

    def reset(self) -> bytes:
        """See the port."""
        self.said.append(RESET)
        return self._chip.reset()

    def power_off(self) -> None:
        """See the port."""
        self._chip.power_off()

    def process(self, command: bytes) -> bytes:
        """See the port."""
        answer = self._chip.process(command)
        self.said.append((command, answer))
        return answer


@dataclass(frozen=True, slots=True)
class Cards:
    """The other process's hand on the cards; ``readers``: names of the slots."""

    readers: tuple[str, ...]
    _connection: Connection

    def insert(self, index: int, kind: str, number: int) -> None:
        """Put a new card in; two of one kind and number are twins, which answer the same as long as they are told so.

        ``kind``: of a blank chip or of a ready-made card.
        """
        self._ask("insert", index, kind, number)

    def empty(self) -> None:
        """Take all cards out."""
        self._ask("empty")

    def said(self, index: int) -> Conversation:
        """What was said to the card in this slot, since this was asked last."""
        said = self._ask("said", index)
        assert isinstance(said, list)
        return said

    def _ask(self, *words: object) -> object:
        self._connection.send(words)
        return self._connection.recv()


def with_cards(slots: int, work: Callable[..., None], *arguments: object) -> None:
    """Have ``work(cards, …)`` done in a process of its own, which finds the readers; raises SystemExit as it fails."""
    context = get_context("spawn")
    with VirtualReaders(slots) as readers:
        ours, theirs = context.Pipe()
        given = (str(readers.socket_path), readers.readers, theirs, work, arguments)
        process = context.Process(target=_work, args=given)
        process.start()
        theirs.close()
        _serve(readers, ours)
        process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def _work(
    place: str,
    readers: tuple[str, ...],
    connection: Connection,
    work: Callable[..., None],
    arguments: tuple[object, ...],
) -> None:
    os.environ["PCSCLITE_CSOCK_NAME"] = place
    work(Cards(readers, connection), *arguments)


def _serve(readers: VirtualReaders, connection: Connection) -> None:
    chips: dict[int, RecordedChip] = {}
    while True:
        try:
            what, *words = connection.recv()
        except EOFError:
            return
        answer: object = None
        if what == "insert":
            index, kind, number = words
            chips[index] = RecordedChip(_card(kind, number))
            readers.insert(index, chips[index])
        elif what == "empty":
            for index in chips:
                readers.remove(index)
            chips.clear()
        else:
            chip = chips[words[0]]
            answer, chip.said = chip.said, []
        connection.send(answer)


def _card(kind: str, number: int) -> SoftwareCard:
    rng = seeded_rng(f"{kind} {number}")
    if kind in BLANKS:
        return SoftwareCard(BLANKS[kind](number), rng=rng)
    return ready_card(kind, copy=number, rng=rng)
