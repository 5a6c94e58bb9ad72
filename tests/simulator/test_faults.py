"""Each fault through in-process readers, and what reading an identity makes of it."""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from apdu.errors import (
    CardError,
    CardMemoryError,
    CardRemovedError,
    FileNotFoundOnCardError,
    MuteCardError,
    NoCardError,
    ProtocolError,
)
from apdu.flow import run
from apdu.readers import Readers, executor
from apdu.transport.inprocess import Chip, InProcessReaders
from apdu.transport.pcsc import PcscReaders
from apdu.transport.wrappers import get_response
from cardlib.errors import NotAuthenticError
from cardlib.flows.read_identity import AuthenticityCheck, IdentityReading, read_identity
from cardlib.forms import FormMemory
from services.custody.development import DevelopmentCustodian
from simulator.faults import (
    ALWAYS,
    BitFlip,
    Delay,
    Effect,
    Fault,
    FaultyChip,
    Moment,
    Mute,
    OtherReset,
    PowerCut,
    Removal,
    Status,
    WrongLength,
    hang_up,
)
from simulator.memory.eeprom import CutMoment
from simulator.pcscd import VirtualReaders
from simulator.people import ready_card
from simulator.timing import TimedChip

READER = "Counter 1"
RESET, READ_RECORD, PROOF = Moment.RESET, 0xB2, 0x88


def read(readers: Readers, name: str = READER) -> IdentityReading:
    connection = readers.connect(name)
    try:
        flow = read_identity(
            connection.atr,
            rng=lambda n: bytes(range(n)),
            today=dt.date(2026, 1, 15),
            forms=FormMemory(),
            check=AuthenticityCheck.REQUIRED,
        )
        custodian = DevelopmentCustodian(development_mode=True)
        return run(flow, executor(get_response(connection.transmit, strip_le=True)), custodian.answer)
    finally:
        connection.close()


def inserted(*script: Fault, chip: Chip | None = None, **options: Any) -> InProcessReaders:
    readers = InProcessReaders([READER])
    card = FaultyChip(chip or ready_card("2.0"), script, remove=partial(readers.remove, READER), **options)
    readers.insert(READER, card, t0=True)
    return readers


# Resets: insertion is the first, connecting the second. Commands of the read: SELECT, GET RESPONSE, READ RECORD (EF05),
# INTERNAL AUTHENTICATE, GET RESPONSE, READ RECORD (EF06).
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(effect=Mute(), at=3), MuteCardError),
        (Fault(effect=Mute(carried_out=True), instruction=PROOF), MuteCardError),
        (Fault(effect=Mute(), on=RESET, at=2), MuteCardError),
        (Fault(effect=Removal(), instruction=READ_RECORD, at=2), CardRemovedError),
        (Fault(effect=Removal(), on=RESET, at=2), NoCardError),
        (Fault(effect=OtherReset(), at=3), FileNotFoundOnCardError),
        (Fault(effect=Status(0x6581), instruction=READ_RECORD), CardMemoryError),
        (Fault(effect=WrongLength(-1), at=5), NotAuthenticError),
        (Fault(effect=WrongLength(-9), at=5), ProtocolError),
        (Fault(effect=WrongLength(1), at=5), NotAuthenticError),
        (Fault(effect=BitFlip(8, 3), at=5), NotAuthenticError),
    ],
    ids=lambda value: repr(value.effect) if isinstance(value, Fault) else value.__name__,
)
def test_a_fault_leads_to_its_error_and_the_next_read_succeeds(fault: Fault, error: type[CardError]) -> None:
    card = ready_card("2.0")
    readers = inserted(fault, chip=card)
    with pytest.raises(error):
        read(readers)
    if isinstance(fault.effect, Removal):
        assert not readers.states()[0].present
        readers.insert(READER, card, t0=True)
    assert read(readers).version == "2.0"


def test_a_card_that_is_mute_at_every_reset_is_shown_as_mute() -> None:
    readers = inserted(Fault(effect=Mute(), on=RESET, times=ALWAYS))
    assert readers.states()[0].mute
    for _ in range(3):
        with pytest.raises(MuteCardError):
            read(readers)


def test_a_bit_of_the_atr_can_be_wrong() -> None:
    right, wrong = (inserted(*script).states()[0].atr for script in ((), (Fault(effect=BitFlip(1, 3), on=RESET),)))
    assert right is not None
    assert wrong == bytes((0x3F,)) + right[1:]


def test_a_late_answer_is_the_right_one() -> None:
    slept: list[float] = []
    late = Fault(effect=Delay(0.75), instruction=READ_RECORD, times=2)
    assert read(inserted(late, sleep=slept.append)).version == "2.0"
    assert slept == [0.75, 0.75]


@pytest.fixture
def chip(echo_chip: Any) -> Callable[..., FaultyChip]:
    """A card that says back what it was told, with these faults."""
    return lambda *script: FaultyChip(echo_chip(), script, remove=int)


def said(card: FaultyChip, *commands: str) -> list[str]:
    return [card.process(bytes.fromhex(command)).hex().upper() for command in commands]


def test_a_fault_happens_from_one_time_on_for_so_many_times(chip: Callable[..., FaultyChip]) -> None:
    card = chip(Fault(effect=Status(0x6F00), at=2, times=2))
    assert said(card, *["00A4000001AA"] * 5) == ["AA9000", "6F00", "6F00", "AA9000", "AA9000"]
    card = chip(Fault(effect=Status(0x6F00), at=2, times=ALWAYS))
    assert said(card, *["00A4000001AA"] * 4) == ["AA9000", "6F00", "6F00", "6F00"]


def test_commands_of_an_instruction_are_counted_for_themselves(chip: Callable[..., FaultyChip]) -> None:
    card = chip(Fault(effect=Status(0x6F00), instruction=0xB2, at=2))
    assert said(card, "00B2", "00A4", "00A4", "00B2", "00B2") == ["9000", "9000", "9000", "6F00", "9000"]
    assert said(card, "", "00") == ["9000", "9000"]


def test_a_mute_card_talks_again_after_a_reset(chip: Callable[..., FaultyChip]) -> None:
    card = chip(Fault(effect=Mute()))
    assert said(card, "00A40000", "00A40000") == ["", ""]
    assert card.reset()
    assert said(card, "00A40000") == ["9000"]


@pytest.mark.parametrize(
    ("effect", "answer"),
    [
        (WrongLength(2), "AABB00009000"),
        (WrongLength(-1), "AA9000"),
        (WrongLength(-2), "9000"),
        (WrongLength(-3), "90"),
        (WrongLength(-9), "90"),
        (BitFlip(1), "ABBB9000"),
        (BitFlip(2, 8), "AA3B9000"),
        (BitFlip(4, 1), "AABB9001"),
        (BitFlip(5), "AABB9000"),
    ],
)
def test_answers_are_altered_at_their_place(chip: Callable[..., FaultyChip], effect: Effect, answer: str) -> None:
    assert said(chip(Fault(effect=effect)), "00A4000002AABB") == [answer]


def test_faults_of_one_command_happen_in_the_order_of_the_script(chip: Callable[..., FaultyChip]) -> None:
    flip, status = Fault(effect=BitFlip(1)), Fault(effect=Status(0x6F00))
    assert said(chip(status, flip), "00A4") == ["6E00"]
    assert said(chip(flip, status), "00A4") == ["6F00"]


@pytest.mark.parametrize(("effect", "seen"), [(Mute, 0), (Removal, 0), (Mute, 1), (Removal, 1)])
def test_a_command_is_carried_out_or_not_as_the_script_says(echo_chip: Any, effect: Any, seen: int) -> None:
    inner = echo_chip()
    card = FaultyChip(inner, [Fault(effect=effect(carried_out=bool(seen)))], remove=int)
    assert card.process(bytes.fromhex("00A40000")) == b""
    assert inner.busy.is_set() is bool(seen)


def test_a_status_word_may_hide_that_the_command_was_carried_out(echo_chip: Any) -> None:
    inner = echo_chip()
    card = FaultyChip(inner, [Fault(effect=Status(0x6581)), Fault(effect=Status(0x6581, True), at=2)], remove=int)
    assert said(card, "00A4") == ["6581"]
    assert not inner.busy.is_set()
    assert said(card, "00A4") == ["6581"]
    assert inner.busy.is_set()


def test_another_applications_reset_reaches_the_card(echo_chip: Any) -> None:
    inner = echo_chip()
    card = FaultyChip(inner, [Fault(effect=OtherReset())], remove=int)
    assert said(card, "00A40000") == ["9000"]
    card.power_on()
    card.power_off()
    assert inner.calls == ["reset", "power_on", "power_off"]


def test_all_mistakes_of_a_script_are_told_at_once() -> None:
    script = [
        Fault(effect=Mute(carried_out=True), on=RESET, instruction=0xB2, at=0, times=0, card=0),
        Fault(effect=Status(0x1234), instruction=0x100),
        Fault(effect=OtherReset(), on=RESET),
        Fault(effect=WrongLength(0)),
        Fault(effect=BitFlip(1, 9)),
        Fault(effect=Delay(float("nan"))),
        Fault(effect=PowerCut(write=0)),
        Fault(effect=PowerCut(written=-1, moment=CutMoment.AFTER)),
        Fault(effect=Delay(1e300)),
    ]
    with pytest.raises(ValueError, match="fault 1") as refused:
        FaultyChip(ready_card("2.0"), script, remove=int)
    assert [line.split(":")[0][-1] for line in str(refused.value).splitlines()] == list("111112234567889")
    assert str(refused.value).endswith("fault 9: seconds is a time greater than 0, and 3600 at most")


# A wrong PIN costs a try: the counter's page, its note in the journal before it, and the journal's head behind it.
SELECT_SSSE = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"
WRONG_PIN, TRIES_LEFT = "0020000003999999", "00200000"


def pages_of_a_wrong_pin() -> int:
    card = ready_card("2.0")
    card.power_on()
    card.process(bytes.fromhex(SELECT_SSSE))
    before = card.eeprom.writes
    assert card.process(bytes.fromhex(WRONG_PIN)) == b"\x63\xc5"
    return card.eeprom.writes - before


PAGES = pages_of_a_wrong_pin()


def tries_left(card: Chip) -> str:
    assert card.power_on()
    card.process(bytes.fromhex(SELECT_SSSE))
    return card.process(bytes.fromhex(TRIES_LEFT)).hex().upper()


@pytest.mark.parametrize("moment", CutMoment)
@pytest.mark.parametrize("write", range(1, PAGES + 1))
def test_power_that_fails_at_any_page_leaves_the_card_before_or_after(write: int, moment: CutMoment) -> None:
    removed: list[None] = []
    inner = ready_card("2.0")
    cut = Fault(effect=PowerCut(write, moment), instruction=0x20)
    card = FaultyChip(inner, [cut], remove=lambda: removed.append(None))
    card.power_on()
    assert said(card, SELECT_SSSE, WRONG_PIN, TRIES_LEFT) == ["6118", "", ""] or len(removed) == 1
    assert removed == [None]
    assert tries_left(inner) == ("63C5" if (write, moment) == (PAGES, CutMoment.AFTER) else "63C6")


def test_a_card_that_stays_is_mute_until_it_is_powered_off_and_on() -> None:
    inner = ready_card("2.0")
    card = FaultyChip(inner, [Fault(effect=PowerCut(stays=True), instruction=0x20)], remove=list[int]().pop)
    card.power_on()
    assert said(card, SELECT_SSSE, WRONG_PIN)[1] == ""
    assert card.reset() == b""
    assert said(card, SELECT_SSSE) == [""]
    card.power_off()
    assert tries_left(card) == "63C6"


def test_recovery_may_be_cut_off_too() -> None:
    inner = ready_card("2.0")
    script = [
        Fault(effect=PowerCut(PAGES, CutMoment.BEFORE, stays=True), instruction=0x20),
        Fault(effect=PowerCut(1, stays=True), on=RESET, at=2),
        Fault(effect=PowerCut(2, CutMoment.AFTER, stays=True), on=RESET, at=3),
    ]
    card = FaultyChip(inner, script, remove=list[int]().pop)
    card.power_on()
    said(card, SELECT_SSSE, WRONG_PIN)
    for _ in range(2):
        assert card.power_on() == b""
        assert inner.eeprom.armed is False
    assert tries_left(card) == "63C6"


def test_a_command_that_writes_less_is_carried_out_and_the_next_too() -> None:
    card = FaultyChip(ready_card("2.0"), [Fault(effect=PowerCut(PAGES + 1), instruction=0x20)], remove=int)
    card.power_on()
    assert said(card, SELECT_SSSE, WRONG_PIN, WRONG_PIN)[1:] == ["63C5", "63C4"]


def test_only_cards_that_show_their_memory_can_be_cut_off(echo_chip: Any) -> None:
    cut = [Fault(effect=PowerCut())]
    with pytest.raises(ValueError, match="fault 1: this card has no memory"):
        FaultyChip(echo_chip(), cut, remove=int)
    with pytest.raises(ValueError, match="fault 1: this card has no memory"):
        FaultyChip(TimedChip(echo_chip()), cut, remove=int)
    inner = ready_card("2.0")
    assert FaultyChip(TimedChip(FaultyChip(inner, (), remove=int)), cut, remove=int).eeprom is inner.eeprom


@pytest.fixture
def pcsc(pcscd: VirtualReaders) -> Iterator[PcscReaders]:
    readers = PcscReaders()
    yield readers
    readers.close()
    pcscd.remove(0)
    until(readers, present=False)


def until(readers: PcscReaders, *, present: bool) -> None:
    deadline, states = time.monotonic() + 10, readers.states()
    while states[0].present is not present:
        assert time.monotonic() < deadline
        states = readers.wait(states, timeout=1)


@pytest.mark.pcsc
@pytest.mark.xdist_group("pcscd")
def test_faults_happen_behind_a_real_pcscd(pcscd: VirtualReaders, pcsc: PcscReaders) -> None:
    script = [
        Fault(effect=Status(0x6581), instruction=READ_RECORD),
        Fault(effect=Removal(), instruction=READ_RECORD, at=3),
    ]
    pcscd.insert(0, FaultyChip(ready_card("2.0"), script, remove=hang_up))
    until(pcsc, present=True)
    for error in (CardMemoryError, CardRemovedError):
        with pytest.raises(error):
            read(pcsc, pcscd.readers[0])
    until(pcsc, present=False)
