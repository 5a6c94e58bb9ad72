"""A rack of cards behind a real pcscd, as PC/SC clients see it."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from apdu.errors import CardRemovedError, MuteCardError, NoServiceError, TransportError
from apdu.readers import ReaderState
from apdu.transport.pcsc import PcscReaders
from simulator.faults import ALWAYS, Delay, Fault, Moment, Mute, Removal, Status
from simulator.pcscd import VirtualReaders
from simulator.people import READY, ready_card
from simulator.rack import (
    CardInSlotError,
    NameTakenError,
    NewCard,
    NoSlotError,
    NoSuchCardError,
    Rack,
    RackError,
    SlotEmptyError,
    SlotTakenError,
)

pytestmark = [pytest.mark.pcsc, pytest.mark.xdist_group("pcscd"), pytest.mark.timeout(60)]

Echo = Callable[..., Any]
ROOT = Path(__file__).parents[2]
COMMAND = bytes.fromhex("00A4000002CAFE")
ANSWER = bytes.fromhex("CAFE9000")
SELECT_SSSE = bytes.fromhex("00A404000F7378312E73682EC9E7BBE1B1A3D5CF")
WRONG_PIN = bytes.fromhex("0020000003999999")


@pytest.fixture
def rack(pcscd: VirtualReaders) -> Iterator[Rack]:
    """Over the session's four slots, which are empty again afterwards."""
    made = Rack(pcscd)
    yield made
    for slot in made.slots():
        if slot.card:
            made.remove(slot.number)
    readers = PcscReaders()
    seen(readers, lambda states: not any(state.present for state in states))
    readers.close()


@pytest.fixture
def pcsc(rack: Rack) -> Iterator[PcscReaders]:
    readers = PcscReaders()
    yield readers
    readers.close()


def seen(readers: PcscReaders, wanted: Callable[[tuple[ReaderState, ...]], bool]) -> tuple[ReaderState, ...]:
    """Wait until clients see what is wanted."""
    deadline, states = time.monotonic() + 10, readers.states()
    while not wanted(states):
        assert time.monotonic() < deadline
        states = readers.wait(states, timeout=1)
    return states


def card(chip: Any, **settings: Any) -> NewCard:
    return NewCard(chip=chip, label="test", **settings)


READ_ALL = """
import datetime as dt, json
from apdu.flow import run
from apdu.readers import executor
from apdu.transport.pcsc import PcscReaders
from apdu.transport.wrappers import get_response
from cardlib.flows.read_identity import AuthenticityCheck, read_identity
from cardlib.forms import FormMemory
from services.custody.development import DevelopmentCustodian

def read(reader):
    connection = readers.connect(reader)
    flow = read_identity(connection.atr, rng=bytes, today=dt.date(2026, 1, 15), forms=FormMemory(),
                         check=AuthenticityCheck.REQUIRED)
    execute = executor(get_response(connection.transmit, strip_le=True))
    reading = run(flow, execute, DevelopmentCustodian(development_mode=True).answer)
    connection.close()
    return [reading.holder.values["name"], int(connection.atr[-4:].hex())]

readers = PcscReaders()
print(json.dumps([read(state.name) for state in readers.states()]))
"""
"""In a process of its own: libpcsclite looks for its daemon once per process."""


@pytest.mark.usefixtures("no_pcscd")
def test_fourteen_cards_in_one_daemon_are_all_read() -> None:
    kinds = [("2.0", "3.0")[number % 2] for number in range(14)]
    with VirtualReaders(14) as readers:
        rack = Rack(readers)
        for number, kind in enumerate(kinds):
            new = NewCard(chip=ready_card(kind, copy=number), label=kind, algorithm=READY[kind].algorithm)
            rack.insert(number + 1, new, wait=0)
        readers.wait_noticed(15)
        environment = os.environ | {"PCSCLITE_CSOCK_NAME": str(readers.socket_path), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", READ_ALL]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=40, check=False)
        assert done.returncode == 0, done.stderr
        expected = [[READY[kind].holder["name"], READY[kind].serial + copy] for copy, kind in enumerate(kinds)]
        assert json.loads(done.stdout) == expected
        assert {rack.report(f"card-{number}")[1].apdus > 3 for number in range(1, 15)} == {True}


def test_a_watching_client_sees_cards_come_go_and_change(rack: Rack, pcsc: PcscReaders, echo_chip: Echo) -> None:
    before = pcsc.states()[1].insertions
    rack.insert(2, card(echo_chip()))
    assert pcsc.states()[1].present, "it returns when clients see the card"
    removed, slot = rack.swap(2, card(echo_chip("3B00")))
    assert (removed.name, slot.card and slot.card.name) == ("card-1", "card-2")
    state = pcsc.states()[1]
    assert state.atr == bytes.fromhex("3B00")
    assert state.insertions == before + 3, "in, out, in"
    assert rack.remove(2).name == "card-2"
    assert seen(pcsc, lambda states: not states[1].present)[1].insertions == before + 4
    assert [lying.name for lying in rack.drawer()] == ["card-1", "card-2"]


def test_an_exchange_right_after_a_removal_is_not_missed(rack: Rack, pcsc: PcscReaders, echo_chip: Echo) -> None:
    rack.insert(1, card(echo_chip()))
    before = pcsc.states()[0].insertions
    for _ in range(2):
        name = rack.remove(1).name
        rack.insert(1, name)
    assert pcsc.states()[0].insertions == before + 4


def test_a_client_that_holds_a_card_loses_it_when_it_is_swapped(
    rack: Rack, pcsc: PcscReaders, pcscd: VirtualReaders, echo_chip: Echo
) -> None:
    rack.insert(1, card(echo_chip()))
    held = pcsc.connect(pcscd.readers[0])
    rack.swap(1, card(echo_chip()))
    with pytest.raises(CardRemovedError):
        held.transmit([COMMAND])
    held.close()
    assert pcsc.connect(pcscd.readers[0]).transmit([COMMAND]) == [ANSWER]


def test_a_card_keeps_in_the_drawer_what_it_remembers(rack: Rack, pcsc: PcscReaders, pcscd: VirtualReaders) -> None:
    rack.insert(1, card(ready_card("2.0"), name="holder"))
    connection = pcsc.connect(pcscd.readers[0])
    assert connection.transmit([SELECT_SSSE, WRONG_PIN])[1][:1] == b"\x63"
    (spent,) = connection.transmit([WRONG_PIN])
    connection.close()
    rack.remove(1)
    rack.insert(3, "holder")
    connection = pcsc.connect(pcscd.readers[2])
    _, further = connection.transmit([SELECT_SSSE, WRONG_PIN])
    connection.close()
    assert further[1] == spent[1] - 1, "63Cx counts on"


def test_a_mute_card_is_an_error_in_bounded_time_and_a_reset_brings_it_back(
    rack: Rack, pcsc: PcscReaders, pcscd: VirtualReaders, echo_chip: Echo
) -> None:
    rack.insert(1, card(echo_chip()))
    before = pcsc.states()[0].insertions
    rack.load_faults([Fault(effect=Mute(), at=2)], 1)
    connection = pcsc.connect(pcscd.readers[0])
    assert connection.transmit([COMMAND]) == [ANSWER]
    for _ in range(2):  # mute until the reset
        began = time.monotonic()
        with pytest.raises(MuteCardError):
            connection.transmit([COMMAND])
        assert time.monotonic() - began < 5
    assert connection.reset()
    assert connection.transmit([COMMAND]) == [ANSWER]
    connection.close()
    assert pcsc.states()[0].insertions == before, "it never left the reader"


def test_a_reset_right_after_silence_works(
    rack: Rack, pcsc: PcscReaders, pcscd: VirtualReaders, echo_chip: Echo
) -> None:
    """Without the second that our client gives pcscd, as other clients do."""
    rack.insert(1, card(echo_chip()))
    rack.load_faults([Fault(effect=Mute(carried_out=True), at=3, times=5)])
    connection = pcsc.connect(pcscd.readers[0])
    assert connection.transmit([COMMAND, COMMAND]) == [ANSWER, ANSWER]
    for _ in range(5):
        with pytest.raises(TransportError):
            connection._send(COMMAND)
        assert connection.reset()
    assert connection.transmit([COMMAND]) == [ANSWER]
    connection.close()


def test_a_card_that_is_late_and_then_mute_is_an_error_too(
    rack: Rack, pcsc: PcscReaders, pcscd: VirtualReaders, echo_chip: Echo
) -> None:
    rack.insert(1, card(echo_chip()))
    before = pcsc.states()[0].insertions
    rack.load_faults([Fault(effect=Delay(1.0)), Fault(effect=Mute())])
    connection = pcsc.connect(pcscd.readers[0])
    with pytest.raises(TransportError):
        connection.transmit([COMMAND])
    connection.close()
    seen(pcsc, lambda states: states[0].present)
    assert pcsc.connect(pcscd.readers[0]).transmit([COMMAND]) == [ANSWER]
    assert rack.slots()[0].card is not None
    assert pcsc.states()[0].insertions == before


def test_a_card_that_falls_mute_can_be_removed_and_inserted(
    rack: Rack, pcsc: PcscReaders, pcscd: VirtualReaders, echo_chip: Echo
) -> None:
    rack.insert(1, card(echo_chip()))
    rack.load_faults([Fault(effect=Mute())])
    connection = pcsc.connect(pcscd.readers[0])
    with pytest.raises(MuteCardError):
        connection.transmit([COMMAND])
    rack.insert(2, rack.remove(1).name)
    assert pcsc.connect(pcscd.readers[1]).transmit([COMMAND]) == [ANSWER]


def test_faults_are_exchanged_while_a_card_is_used(
    rack: Rack, pcsc: PcscReaders, pcscd: VirtualReaders, echo_chip: Echo
) -> None:
    rack.insert(1, card(echo_chip()))
    rack.insert(2, card(echo_chip()))
    connections = [pcsc.connect(name) for name in pcscd.readers[:2]]
    script = [Fault(effect=Status(0x6581), times=ALWAYS), Fault(effect=Status(0x6A84), times=ALWAYS, card=2)]
    assert [loaded.faults for loaded in rack.load_faults(script)] == [1, 2]
    assert [each.transmit([COMMAND]) for each in connections] == [[b"\x65\x81"], [b"\x6a\x84"]]
    assert [loaded.faults for loaded in rack.clear_faults(1)] == [0]
    assert [each.transmit([COMMAND]) for each in connections] == [[ANSWER], [b"\x6a\x84"]]


def test_forgetting_faults_does_not_wake_a_mute_card(
    rack: Rack, pcsc: PcscReaders, pcscd: VirtualReaders, echo_chip: Echo
) -> None:
    rack.insert(1, card(echo_chip()))
    rack.load_faults([Fault(effect=Mute())])
    connection = pcsc.connect(pcscd.readers[0])
    for _ in range(2):
        with pytest.raises(MuteCardError):
            connection.transmit([COMMAND])
        rack.clear_faults()
    connection.reset()
    assert connection.transmit([COMMAND]) == [ANSWER]


def test_a_card_that_a_fault_pulls_out_lies_in_the_drawer(
    rack: Rack, pcsc: PcscReaders, pcscd: VirtualReaders, echo_chip: Echo
) -> None:
    rack.insert(1, card(echo_chip()))
    rack.load_faults([Fault(effect=Removal())])
    connection = pcsc.connect(pcscd.readers[0])
    with pytest.raises(CardRemovedError):
        connection.transmit([COMMAND])
    connection.close()
    assert rack.slots()[0].card is None
    assert [lying.name for lying in rack.drawer()] == ["card-1"]
    rack.insert(1, "card-1")
    assert pcsc.connect(pcscd.readers[0]).transmit([COMMAND]) == [ANSWER]


def test_a_card_that_is_out_again_at_its_first_reset_is_not_waited_for(rack: Rack, echo_chip: Echo) -> None:
    name = rack.add(card(echo_chip()), [Fault(effect=Removal(), on=Moment.RESET)])
    began = time.monotonic()
    rack.insert(1, name)
    assert time.monotonic() - began < 4
    assert rack.slots()[0].card is None


def test_a_report_counts_what_the_card_did(
    rack: Rack, pcsc: PcscReaders, pcscd: VirtualReaders, echo_chip: Echo
) -> None:
    rack.insert(1, card(echo_chip()))
    before = rack.report("card-1")[1]
    pcsc.connect(pcscd.readers[0]).transmit([COMMAND, COMMAND])
    after = rack.report("card-1")[1]
    assert after.apdus - before.apdus == 2
    assert after.wire_seconds > before.wire_seconds


def test_what_cannot_be_done_changes_nothing(rack: Rack, echo_chip: Echo) -> None:
    rack.insert(1, card(echo_chip(), name="one"))
    rack.add(card(echo_chip(), name="two"))
    before = rack.slots(), rack.drawer()
    refused: list[tuple[type[RackError], Callable[[], object]]] = [
        (NoSlotError, lambda: rack.remove(0)),
        (NoSlotError, lambda: rack.insert(5, "two")),
        (SlotEmptyError, lambda: rack.remove(2)),
        (SlotEmptyError, lambda: rack.swap(2, "two")),
        (SlotTakenError, lambda: rack.insert(1, "two")),
        (NoSuchCardError, lambda: rack.swap(1, "three")),
        (NoSuchCardError, lambda: rack.report("three")),
        (CardInSlotError, lambda: rack.insert(2, "one")),
        (CardInSlotError, lambda: rack.swap(1, "one")),
        (NameTakenError, lambda: rack.insert(2, card(echo_chip(), name="two"))),
        (NameTakenError, lambda: rack.add(card(echo_chip(), name="one"))),
        (SlotEmptyError, lambda: rack.load_faults([], 3)),
    ]
    for error, attempt in refused:
        with pytest.raises(error):
            attempt()
    assert (rack.slots(), rack.drawer()) == before


def test_a_card_of_the_drawer_is_discarded_and_closed(rack: Rack, echo_chip: Echo) -> None:
    closed: list[str] = []
    rack.insert(1, card(echo_chip(), name="one", close=lambda: closed.append("one")), wait=0)
    with pytest.raises(CardInSlotError):
        rack.discard("one")
    rack.remove(1)
    assert closed == []
    assert rack.discard("one").name == "one"
    assert closed == ["one"]
    with pytest.raises(NoSuchCardError):
        rack.discard("one")
    assert rack.drawer() == ()
    rack.add(card(echo_chip(), name="one"))
    assert [lying.number for lying in rack.drawer()] == [2]
    rack.discard("one")


def test_a_new_card_that_does_not_get_in_is_closed(
    rack: Rack, echo_chip: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[int] = []

    def new(number: int) -> NewCard:
        return card(echo_chip(), name="one" if number == 4 else "", close=lambda: closed.append(number))

    rack.add(card(echo_chip(), name="one"))
    rack.insert(1, "one", wait=0)
    attempts: list[Callable[[], object]] = [
        lambda: rack.insert(9, new(1)),
        lambda: rack.insert(1, new(2)),
        lambda: rack.swap(2, new(3)),
        lambda: rack.add(new(4)),
    ]
    for attempt in attempts:
        with pytest.raises(RackError):
            attempt()
    monkeypatch.setattr(VirtualReaders, "insert", Mock(side_effect=NoServiceError("gone")))
    with pytest.raises(NoServiceError):
        rack.insert(2, new(5))
    assert closed == [1, 2, 3, 4, 5]
    assert rack.drawer() == ()


def test_threads_that_want_the_same_slot_get_it_one_after_the_other(rack: Rack, echo_chip: Echo) -> None:
    names = [rack.add(card(echo_chip())) for _ in range(6)]
    outcomes: list[str] = []

    def insert(name: str) -> None:
        try:
            rack.insert(4, name)
            outcomes.append("in")
        except SlotTakenError:
            outcomes.append("taken")

    threads = [threading.Thread(target=insert, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["in", *["taken"] * 5]
    assert len(rack.drawer()) == 5
