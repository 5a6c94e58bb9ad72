"""Power is cut at every APDU and inside every EEPROM write while cards are made; the same call ends what was begun.

What a chip remembers after a cut follows from what was written before it, so one undisturbed issue is recorded, page
write by page write, and every cut is made on the record: before a write, after it, and within it. Commands are atomic
on these chips, so that once power is back many cuts have left the same; each different memory is gone on with once.

A resumed run need not always go to its end. When it has something noted, with the same memory as another run that was
resumed with the same parity of ``attempt`` and was well in the end, both do the same from there on: all that the flow
knows then, it has asked the chip for; but for one thing, whether the chip still stands in a directory that was just
filled, and so whether memory has changed since the step before is compared as well. So states are taken from the last
to the first, and each run goes only to the first step that is known. This is made use of while directories are built,
and while a sealed card is written; runs that begin while master keys are replaced, and some of all others, go to the
end.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import pytest

from apdu.errors import CardRemovedError
from cardlib.issuance.flow import issue_card
from cardlib.issuance.order import CardOrder
from cardlib.issuance.questions import Note, Stage
from simulator.card import SoftwareCard
from simulator.memory.eeprom import Cut, CutMoment, Eeprom, PowerLostError
from simulator.memory.journal import Journal
from tests.issuance.chips import KINDS, Custodian, constant, converse, lasting

CUTS: Final = (
    Cut(1, CutMoment.BEFORE),
    Cut(1, CutMoment.DURING, 0),
    Cut(1, CutMoment.DURING, None),
    Cut(1, CutMoment.DURING, 32),
    Cut(1, CutMoment.AFTER),
)
"""How power fails at a write; torn, with none, half, and all of the bytes that it changes."""
TO_THE_END: Final = 24
"""One state in so many is gone on with to the end, whatever is known."""
PULLED: Final = 59
"""At one command in so many a card is pulled in truth."""
UPDATES: Final = frozenset({0xDC, 0xD6})


class State(NamedTuple):
    """What a chip remembers after a cut, and the step that was under way."""

    memory: bytes
    stage: Stage
    directory: str


class Step(NamedTuple):
    """Where a run is when it has something noted; two runs of which this is the same do the same from there on."""

    stage: Stage
    directory: str
    parity: int
    changed: bool
    memory: bytes


@dataclass
class Undisturbed:
    """One whole issue: page writes; how many of them were before each note, and before and after each command."""

    begin: bytes
    final: bytes = b""
    writes: list[tuple[int, bytes]] = field(default_factory=list)
    notes: list[tuple[Note, int]] = field(default_factory=list)
    commands: list[tuple[int, int]] = field(default_factory=list)

    def reached(self, stage: Stage) -> int:
        """How many writes were before a stage."""
        return next(writes for note, writes in self.notes if note.stage is stage)

    def note_at(self, write: int) -> Note:
        """The step of which a write is a part."""
        return [note for note, writes in self.notes if writes <= write][-1]

    def memories(self) -> Iterator[bytes]:
        """What is remembered after no write, after one, and so on."""
        memory = bytearray(self.begin)
        yield bytes(memory)
        for at, page in self.writes:
            memory.extend(b"\xff" * (at - len(memory)))
            memory[at : at + len(page)] = page
            yield bytes(memory)


class Bench:
    """Makes cards of one kind from whatever memory there is."""

    def __init__(self, name: str) -> None:
        self.kind = KINDS[name]
        self.order: CardOrder = self.kind.order()
        self.custodian = Custodian()
        self.repeated: list[bytes] = []
        """Commands that wrote to a file what stood there."""
        self.runs = self.whole = 0

    @functools.cached_property
    def undisturbed(self) -> Undisturbed:
        whole = Undisturbed(self.kind.blank.content)
        card = self.card(whole.begin, store=lambda at, page: whole.writes.append((at, page)))
        atr = card.power_on()

        def transmit(commands: Sequence[bytes]) -> list[bytes]:
            (command,) = commands
            before = len(whole.writes)
            answer = card.process(command)
            whole.commands.append((before, len(whole.writes)))
            return [answer]

        def noted(note: Note) -> None:
            whole.notes.append((note, len(whole.writes)))

        flow = issue_card(self.order, atr, begun=False, rng=constant)
        converse(flow, card, self.custodian, transmit=transmit, noted=noted)
        whole.final = card.eeprom.content
        return whole

    @staticmethod
    def card(memory: bytes, store: Callable[[int, bytes], object] | None = None) -> SoftwareCard:
        return SoftwareCard(Eeprom(memory, store=store), t0=False, rng=constant)

    def resume(
        self,
        memory: bytes,
        attempt: int,
        *,
        known: set[Step] | None = None,
        stages: tuple[Stage, ...] = (),
        after_command: Callable[[Stage, bytes], object] = lambda stage, memory: None,
    ) -> None:
        """The same call with the card put in again; it ends in the very card, or in a step of ``stages`` that is known.

        ``after_command`` is told each stage and memory that a card has which is pulled then.
        """
        card = self.card(memory)
        atr = card.power_on()
        passed: list[Step] = []
        last = lasting(card.eeprom.content)
        stage = Stage.EXAMINED

        def noted(note: Note) -> None:
            nonlocal last, stage
            now, before, stage = lasting(card.eeprom.content), last, note.stage
            last = now
            passed.append(Step(note.stage, note.detail, attempt % 2, now != before, now))
            if known is not None and note.stage in stages and passed[-1] in known:
                raise _KnownError

        def transmit(commands: Sequence[bytes]) -> list[bytes]:
            (command,) = commands
            before = card.eeprom.writes
            answer = card.process(command)
            if command[1] in UPDATES and answer == b"\x90\x00" and card.eeprom.writes == before:
                self.repeated.append(command)
            after_command(stage, card.eeprom.content if card.eeprom.writes != before else b"")
            return [answer]

        self.runs += 1
        flow = issue_card(self.order, atr, begun=True, rng=constant, attempt=attempt)
        try:
            converse(flow, card, self.custodian, transmit=transmit, noted=noted)
        except _KnownError:
            pass
        else:
            self.whole += 1
            assert lasting(card.eeprom.content) == lasting(self.undisturbed.final)
        if known is not None:
            known.update(passed)

    def states(self, first: int, last: int) -> tuple[dict[bytes, State], int]:
        """What cuts at these writes leave once power is back, each different memory once; and how many cuts that is."""
        found: dict[bytes, State] = {}
        cuts = 0
        memories = list(self.undisturbed.memories())
        for write in range(first, last):
            at, page = self.undisturbed.writes[write]
            note = self.undisturbed.note_at(write)
            for cut in CUTS:
                eeprom = Eeprom(memories[write])
                eeprom.arm(cut)
                with pytest.raises(PowerLostError):
                    eeprom.write(at, page)
                cuts += 1
                memory = eeprom.content
                Journal(eeprom).recover()
                found.setdefault(lasting(eeprom.content), State(memory, note.stage, note.detail))
        return found, cuts


class _KnownError(Exception):
    """From here on the run is known."""


@functools.cache
def bench_for(name: str) -> Bench:
    return Bench(name)


@pytest.fixture(params=KINDS)
def bench(request) -> Bench:
    return bench_for(request.param)


def go_on(bench: Bench, states: Sequence[State], stages: tuple[Stage, ...]) -> None:
    """Each state is gone on with, the last first; the first of each step and some others to the end."""
    known: set[Step] = set()
    begins = {(state.stage, state.directory): index for index, state in reversed(list(enumerate(states)))}
    for index, state in reversed(list(enumerate(states))):
        to_the_end = index % TO_THE_END == 0 or index in begins.values()
        bench.resume(state.memory, 1 + index % 2, known=None if to_the_end else known, stages=stages)


def told(bench: Bench, cuts: int, states: int) -> str:
    return f"{cuts} cuts in writes left {states} memories; {bench.whole} of {bench.runs} runs went to the end"


def test_a_cut_while_directories_are_built(bench, capsys):
    bench.runs = bench.whole = 0
    end = bench.undisturbed.reached(Stage.SEALING)
    found, cuts = bench.states(0, end)
    go_on(bench, list(found.values()), (Stage.BUILDING,))
    with capsys.disabled():
        print(f"\nbuilding {bench.order.chip} {bench.order.algorithm.name}: {told(bench, cuts, len(found))}")  # noqa: T201
    assert cuts == len(CUTS) * end > 5000
    assert len(found) > 500


def test_a_cut_while_a_sealed_card_is_written(bench, capsys):
    bench.runs = bench.whole = 0
    first, end = bench.undisturbed.reached(Stage.WRITING), len(bench.undisturbed.writes)
    found, cuts = bench.states(first, end)
    go_on(bench, list(found.values()), (Stage.WRITING,))
    with capsys.disabled():
        print(f"\nwriting {bench.order.chip} {bench.order.algorithm.name}: {told(bench, cuts, len(found))}")  # noqa: T201
    assert cuts == len(CUTS) * (end - first) > 5000
    assert len(found) > 500
