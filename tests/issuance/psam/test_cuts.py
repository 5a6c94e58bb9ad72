"""Power is cut at every APDU and inside every EEPROM write while a PSAM is issued; the same call ends what was begun.

What a chip remembers after a cut follows from what was written before it, so one undisturbed issue is recorded, page
write by page write, and every cut is made on the record: before a write, after it, and within it. Commands are atomic
on this chip, so many cuts leave the same once power is back; each different memory is gone on with once, to the end.
"""

import contextlib
import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from apdu.errors import CardRemovedError
from apdu.readers import Transmit
from cardlib.errors import LostChipError, UsedChipError
from cardlib.issuance.questions import Note, Stage
from simulator.card import SoftwareCard
from simulator.memory.eeprom import Cut, CutMoment, Eeprom, PowerLostError
from simulator.memory.journal import Journal
from tests.issuance.chips import lasting, process
from tests.issuance.psam.bench import BLANK, FEW_KEYS, chip, issue, order

CUTS = (
    Cut(1, CutMoment.BEFORE),
    Cut(1, CutMoment.DURING, 0),
    Cut(1, CutMoment.DURING, None),
    Cut(1, CutMoment.DURING, 32),
    Cut(1, CutMoment.AFTER),
)
ORDER = order(keys=FEW_KEYS)
EXTERNAL_AUTHENTICATE, WRONG_KEY = 0x82, 0x63


@dataclass
class Undisturbed:
    """One whole issue: page writes; memory before and after each command, and the stage of each."""

    final: bytes = b""
    writes: list[tuple[int, bytes]] = field(default_factory=list)
    commands: list[tuple[Stage, bytes, bytes]] = field(default_factory=list)


@functools.cache
def undisturbed() -> Undisturbed:
    whole = Undisturbed()
    card = chip(store=lambda at, page: whole.writes.append((at, page)))
    stage = Stage.EXAMINED

    def noted(note: Note) -> None:
        nonlocal stage
        stage = note.stage

    def transmit(commands: Sequence[bytes]) -> list[bytes]:
        (command,) = commands
        answer = card.process(command)
        whole.commands.append((stage, command, card.eeprom.content))
        return [answer]

    issue(ORDER, card, begun=False, transmit=transmit, noted=noted)
    whole.final = card.eeprom.content
    return whole


def go_on(memory: bytes, attempt: int) -> None:
    """The same call with the chip put in again ends in the very PSAM."""
    card = chip(memory)
    issue(ORDER, card, begun=True, attempt=attempt)
    assert lasting(card.eeprom.content) == lasting(undisturbed().final)


def test_a_cut_at_every_write(capsys) -> None:
    memory = bytearray(BLANK.content)
    found: dict[bytes, bytes] = {}
    cuts = 0
    for at, page in undisturbed().writes:
        for cut in CUTS:
            eeprom = Eeprom(bytes(memory))
            eeprom.arm(cut)
            with pytest.raises(PowerLostError):
                eeprom.write(at, page)
            cuts += 1
            left = eeprom.content
            Journal(eeprom).recover()
            found.setdefault(lasting(eeprom.content), left)
        memory.extend(b"\xff" * (at - len(memory)))
        memory[at : at + len(page)] = page
    for attempt, left in enumerate(found.values(), start=1):
        go_on(left, attempt)
    with capsys.disabled():
        print(f"\nPSAM: {cuts} cuts in writes left {len(found)} memories; all were gone on with to the end")  # noqa: T201
    assert cuts == len(CUTS) * len(undisturbed().writes) > 3000
    assert len(found) > 200


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_pull_after_every_command(attempt) -> None:
    memories = {lasting(memory): memory for _, _, memory in undisturbed().commands}
    assert len(memories) > 70
    for memory in memories.values():
        go_on(memory, attempt)


@pytest.mark.parametrize("lost", ["command", "answer"])
def test_a_command_or_its_answer_that_is_lost_is_an_error_and_the_next_call_goes_on(lost) -> None:
    total = len(undisturbed().commands)
    for number in range(1, total, 17):
        card = chip()
        with pytest.raises(CardRemovedError):
            issue(ORDER, card, begun=False, transmit=pulled_at(number, card, lost))
        go_on(card.eeprom.content, 1)


def pulled_at(number: int, card: SoftwareCard, lost: str) -> Transmit:
    """The card is pulled out when this command is on its way to it, or the answer on its way back."""
    sent = itertools.count(1)

    def transmit(commands: Sequence[bytes]) -> list[bytes]:
        is_last = next(sent) == number
        if is_last and lost == "command":
            raise CardRemovedError("pulled out")
        answers = process(card)(commands)
        if is_last:
            raise CardRemovedError("pulled out")
        return answers

    return transmit


def memories_of(stage: Stage) -> list[bytes]:
    return list({lasting(memory): memory for one, _, memory in undisturbed().commands if one is stage}.values())


def cut_after_a_wrong_key(memory: bytes, attempt: int) -> bytes:
    """One attempt that loses power after an authentication with the wrong key; or to its end, if there is none."""
    card = chip(memory)

    def transmit(commands: Sequence[bytes]) -> list[bytes]:
        (command,) = commands
        answer = card.process(command)
        if command[1] == EXTERNAL_AUTHENTICATE and answer[0] == WRONG_KEY:
            raise CardRemovedError("pulled out")
        return [answer]

    with contextlib.suppress(CardRemovedError):
        issue(ORDER, card, begun=True, attempt=attempt, transmit=transmit)
    return card.eeprom.content


def test_no_number_of_cuts_while_a_master_key_is_looked_for_blocks_it() -> None:
    """Whichever of the two keys there is, in environment and application, and whatever attempt it begins with."""
    memories = memories_of(Stage.SEALING)
    assert len(memories) > 5
    for memory in memories:
        for first in range(4):
            left = memory
            for attempt in range(first, first + 8):
                left = cut_after_a_wrong_key(left, attempt)
            assert lasting(left) == lasting(undisturbed().final)


def test_without_another_order_of_asking_it_would_be_lost() -> None:
    """What the one above proves: three cuts of the same attempt block the key."""
    outcomes = set()
    for memory in memories_of(Stage.SEALING):
        left = memory
        try:
            for _ in range(4):
                left = cut_after_a_wrong_key(left, 2)
        except LostChipError:
            outcomes.add("lost")
    assert outcomes == {"lost"}


def test_what_is_half_built_is_left_alone_unless_the_order_was_begun_on_it() -> None:
    for memory in memories_of(Stage.BUILDING)[::7] + memories_of(Stage.WRITING)[::7]:
        card = chip(memory)
        before = lasting(memory)
        with pytest.raises(UsedChipError):
            issue(ORDER, card, begun=False)
        assert lasting(card.eeprom.content) == before
