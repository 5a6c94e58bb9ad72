"""Power is cut at every APDU and inside every EEPROM write while cards are made; the same call ends what was begun.

What a chip remembers after a cut follows from what was written before it. So one undisturbed issue is recorded, page
write by page write, and every cut is made on the record: before a write, after it, and within it. A card that is
pulled between two commands remembers what stood there between two writes, so those are among them. Commands are atomic
on these chips: once power is back, many cuts have left the same, and each different memory is gone on with once.

A run that was resumed need not always go to its end. When it has a step noted with the same memory as another run with
the same parity of ``attempt``, and that run ended well, then both do the same from there on: what a flow knows, it has
asked the chip for. Three things it knows besides. Whether it has just filled the directory in which it goes on: so
whether memory has changed since the step before is compared as well. Whether it was the one that sealed a directory:
so while master keys are replaced only the first step counts. Whether the chip was blank: runs of which that may be so
go to the end. So do the first of each step and some of all others. States are taken from the last to the first.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import pytest

from apdu.errors import CardRemovedError
from apdu.readers import Transmit
from cardlib.cos.plan import Plan, Records, plan_card
from cardlib.issuance.flow import issue_card
from cardlib.issuance.order import CardOrder, Contents, records_of
from cardlib.issuance.questions import Note, Stage
from cardlib.model import CardProfile
from cardlib.values import Value
from simulator.card import SoftwareCard
from simulator.memory.eeprom import Cut, CutMoment, Eeprom, PowerLostError
from simulator.memory.journal import Journal
from tests.issuance.chips import KINDS, Custodian, constant, converse, lasting

pytestmark = pytest.mark.timeout(600)

CUTS: Final = (
    Cut(1, CutMoment.BEFORE),
    Cut(1, CutMoment.DURING, 0),
    Cut(1, CutMoment.DURING, None),
    Cut(1, CutMoment.DURING, 32),
    Cut(1, CutMoment.AFTER),
)
"""How power fails at a write; torn, with none, half, and all of the bytes that it changes."""
TO_THE_END: Final = 32
"""One state in so many is gone on with to the end, whatever is known."""
MORE: Final = 3
"""Cuts in a row behind the first, at the same command."""
PULLED: Final = 59
"""At one command in so many a card is pulled in truth."""
BEHIND: Final = frozenset({Stage.BUILDING, Stage.SEALING, Stage.WRITING})
"""Stages at which a run may be known."""
UPDATES: Final = frozenset({0xDC, 0xD6})
"""UPDATE RECORD and UPDATE BINARY."""


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
    repeated: set[bytes] = field(default_factory=set)
    """Commands that wrote what a new file holds anyway."""

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
        self._records: dict[Value, Records] = {}
        self._plan: Plan | None = None

    def records_of(self, profile: CardProfile, contents: Contents) -> Records:
        """As the function of this name, of whose answers two are different: with and without item 01's last bytes."""
        identifier = contents["issuer"]["card_identifier"]
        if identifier not in self._records:
            self._records[identifier] = records_of(profile, contents)
        return self._records[identifier]

    def plan_card(self, *given: Any) -> Plan:
        """As the function of this name; the chips of a bench have the same number, and so the same plan."""
        self._plan = self._plan or plan_card(*given)
        return self._plan

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
            if command[1] in UPDATES and answer == b"\x90\x00" and before == len(whole.writes):
                whole.repeated.add(command)
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
        within: Stage | None = None,
        sent: Callable[[Stage, bytes], object] = lambda stage, memory: None,
    ) -> None:
        """The same call with the card put in again; it ends in the very card, or at a step that is ``known``.

        That is any step ``within`` a stage, and the first of others. ``sent`` is told after each command at which
        stage it was sent, and what the card remembers.
        """
        card = self.card(memory)
        atr = card.power_on()
        passed: list[Step] = []
        last = lasting(card.eeprom.content)
        stage = Stage.EXAMINED

        def noted(note: Note) -> None:
            nonlocal last, stage
            now, before = lasting(card.eeprom.content), last
            counts = note.stage in BEHIND and (note.stage is within or note.stage is not stage)
            last, stage = now, note.stage
            passed.append(Step(note.stage, note.detail, attempt % 2, now != before, now))
            if counts and known is not None and passed[-1] in known:
                raise _KnownError

        def transmit(commands: Sequence[bytes]) -> list[bytes]:
            (command,) = commands
            before = card.eeprom.writes
            answer = card.process(command)
            if command[1] in UPDATES and answer == b"\x90\x00" and card.eeprom.writes == before:
                self.repeated.append(command)
            sent(stage, card.eeprom.content)
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
def bench(request, monkeypatch) -> Bench:
    """A kind of card; what follows from its order alone is computed once, and not for each of thousands of runs."""
    bench = bench_for(request.param)
    monkeypatch.setattr("cardlib.issuance.flow.records_of", bench.records_of)
    monkeypatch.setattr("cardlib.issuance.order.plan_card", bench.plan_card)
    bench.runs = bench.whole = 0
    bench.repeated = []
    return bench


@dataclass(frozen=True)
class Part:
    """Cuts at some of the writes; ``found``: what they leave, by what lasts of it."""

    name: str
    cuts: int
    pulled: int
    found: dict[bytes, State]

    @classmethod
    def of(cls, bench: Bench, name: str, begin: Stage | None, end: Stage | None) -> "Part":
        """From the beginning of a stage to that of another; None: all."""
        whole = bench.undisturbed
        first = whole.reached(begin) if begin else 0
        last = whole.reached(end) if end else len(whole.writes)
        found, cuts = bench.states(first, last)
        memories = list(whole.memories())
        pulled = 0
        for before, after in whole.commands:
            if first <= before < last or (end is None and before == last):
                assert {lasting(memories[before]), lasting(memories[after])} <= found.keys()
                pulled += 2
        return cls(f"{bench.order.chip} {bench.order.algorithm.name}, {name}", cuts, pulled, found)

    def tell(self, bench: Bench, capsys) -> None:
        with capsys.disabled():
            print(  # noqa: T201
                f"\n{self.name}: {self.cuts} cuts in writes, {self.pulled} between commands left {len(self.found)} "
                f"memories; {bench.whole} of {bench.runs} runs went to the end"
            )


def go_on(bench: Bench, states: Sequence[State], within: Stage) -> None:
    """Each state is gone on with, the last first."""
    known: set[Step] = set()
    begins = {(state.stage, state.directory): index for index, state in reversed(list(enumerate(states)))}
    for index, state in reversed(list(enumerate(states))):
        to_the_end = index % TO_THE_END == 0 or index in begins.values() or state.directory in {"", "MF"}
        bench.resume(state.memory, 1 + index % 2, known=None if to_the_end else known, within=within)


def test_a_cut_while_directories_are_built(bench, capsys):
    part = Part.of(bench, "building", None, Stage.SEALING)
    go_on(bench, list(part.found.values()), Stage.BUILDING)
    part.tell(bench, capsys)
    assert part.cuts > 5000
    assert part.pulled > 900
    assert len(part.found) > 500
    # Bytes of files that only the building may write to are written anew, and what a new file is filled with.
    anew = {command for command in bench.repeated if command[1:3] == b"\xd6\x83"}
    assert set(bench.repeated) <= anew | bench.undisturbed.repeated
    assert len(anew) <= 1


def test_a_cut_while_a_sealed_card_is_written(bench, capsys):
    part = Part.of(bench, "writing", Stage.WRITING, None)
    go_on(bench, list(part.found.values()), Stage.WRITING)
    part.tell(bench, capsys)
    assert part.cuts > 5000
    assert part.pulled > 900
    assert len(part.found) > 500
    for command in bench.repeated:
        assert command[1] == 0xD6, "a record that stands there is not written again"
        assert not any(command[5:]), "no bytes either, but for an end of zeros"


def test_more_cuts_at_the_same_place_while_master_keys_are_replaced(bench, capsys):
    """A run that goes on there may ask for a master key that the card does not have; no key is ever blocked by it.

    From everything that a cut has left, at every command of the stage: three runs in a row are cut off behind it, and
    the next one ends the card. What a run does follows from what it finds and its ``attempt``: it is made once.
    """
    part = Part.of(bench, "sealing", Stage.SEALING, Stage.WRITING)
    known: set[Step] = set()
    after: dict[tuple[bytes, int], list[bytes]] = {}

    def left_by(memory: bytes, attempt: int) -> list[bytes]:
        """What the card remembers after each command of the stage; the run went on to the end."""
        met = lasting(memory), attempt % 2
        if met not in after:
            after[met] = found = [memory]

            def sent(stage: Stage, remembered: bytes) -> None:
                if stage is Stage.SEALING:
                    found.append(remembered)

            bench.resume(memory, attempt, known=known, sent=sent)
        return after[met]

    places = 0
    for state in part.found.values():
        card = bench.card(state.memory)
        card.power_on()
        for attempt in (1, 2):
            for place in range(len(left_by(card.eeprom.content, attempt))):
                memory = card.eeprom.content
                for cut in range(MORE):
                    left = left_by(memory, attempt + cut)
                    memory = left[min(place, len(left) - 1)]
                left_by(memory, attempt + MORE)
                places += 1
    part.tell(bench, capsys)
    with capsys.disabled():
        print(f"{places} times {MORE} more cuts, {len(after)} different runs")  # noqa: T201
    assert part.cuts > 500
    assert len(part.found) > 20
    assert places > 1000
    assert set(bench.repeated) <= bench.undisturbed.repeated


def pulled_at(card: SoftwareCard, number: int, *, done: bool) -> Transmit:
    """The card, pulled at a command: before it gets there, or when it is ``done`` and its answer is not back yet."""
    left = iter(range(number))

    def transmit(commands: Sequence[bytes]) -> list[bytes]:
        if next(left, None) is not None:
            return [card.process(command) for command in commands]
        if done:
            card.process(*commands)
        raise CardRemovedError("pulled")

    return transmit


def test_a_card_that_is_pulled_ends_the_call_and_remembers_what_was_recorded(bench):
    whole = bench.undisturbed
    memories = list(whole.memories())
    for number in range(0, len(whole.commands), PULLED):
        done = number % 2
        card = bench.card(whole.begin)
        flow = issue_card(bench.order, card.power_on(), begun=False, rng=constant)
        with pytest.raises(CardRemovedError):
            converse(flow, card, bench.custodian, transmit=pulled_at(card, number, done=bool(done)))
        assert card.eeprom.content == memories[whole.commands[number][done]]
