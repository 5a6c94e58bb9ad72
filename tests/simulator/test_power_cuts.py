"""Power is cut at every EEPROM write of every command that writes: nothing is ever between, no try is ever free."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import pytest

from cardlib.crypto import Algorithm
from cardlib.keys import KEYS
from simulator.card import SoftwareCard
from simulator.dialects.t514 import T514
from simulator.files import Directory, Kind
from simulator.memory.eeprom import Cut, CutMoment, Eeprom
from simulator.memory.layout import HEADER
from simulator.memory.store import Store
from simulator.people import ready_image
from simulator.quirks import Quirks

MOMENTS = ((CutMoment.BEFORE, None), (CutMoment.DURING, 0), (CutMoment.DURING, None), (CutMoment.AFTER, None))
RIGHT, WRONG, QUERY = "0020000003123456", "0020000003654321", "0020000000"
UNBLOCK, REPLACE = "84240000", "84240001"
Name: TypeAlias = tuple[int, int, int]
"""FID of a directory, type and id of a key in it."""
PIN, RKSSSE, PUK = (0xDDF1, 0x01, 0x00), (0xDDF1, 0x0D, 0x0A), (0xDDF1, 0x0D, 0x06)


@dataclass
class Holder:
    """A ready-made 2.0 card in its SSSE, and the keys to it."""

    card: SoftwareCard
    keys: dict[str, str]
    ecb: Callable[[Algorithm, bytes, bytes], bytes]
    mac: Callable[[Algorithm, bytes, bytes, bytes], bytes]
    cryptogram: Callable[[Algorithm, bytes, bytes, bytes], bytes]

    def __call__(self, command: str) -> str:
        return self.card.process(bytes.fromhex(command)).hex().upper()

    def challenge(self) -> bytes:
        return bytes.fromhex(self("0084000008")[:-4])

    def authentication(self, name: str, key: str = "") -> str:
        """EXTERNAL AUTHENTICATE as with this key, for a challenge just asked for; ``key``: its value, if another."""
        value = bytes.fromhex(key or self.keys[name])
        proof = self.cryptogram(Algorithm.DES, value, self.challenge(), bytes(8))
        return f"008200{KEYS[name].card_id:02X}10{proof.hex()}{bytes(8).hex()}"

    def win(self, name: str, directory: str = "") -> None:
        """Select a directory and authenticate with one of its keys."""
        if directory:
            assert self(f"00A4000002{directory}")[-4:] == "9000"
        assert self(self.authentication(name)) == "9000"

    def secured(self, header: str, stk: str, plain: str = "") -> str:
        """A command with a MAC, for a challenge just asked for; ``plain``, padded, is encrypted in it."""
        challenge, key = self.challenge(), bytes.fromhex(self.keys[stk])
        data = self.ecb(Algorithm.DES, self.ecb(Algorithm.DES, key, challenge), bytes.fromhex(plain)) if plain else b""
        message = bytes.fromhex(header) + bytes((len(data) + 4,)) + data
        return (message + self.mac(Algorithm.DES, key, challenge, message)).hex()


@dataclass(frozen=True)
class Case:
    """``prepare`` leads to where ``command``, made by the holder, is sent; ``spends``: the counters that it uses."""

    command: Callable[[Holder], str]
    prepare: Callable[[Holder], object] = lambda holder: None
    answer: str = "9000"
    spends: tuple[Name, ...] = ()


def with_photo(holder: Holder) -> None:
    holder.win("UKSSSE")
    assert holder("00A4020002EF08") == "9000"


def with_puk(holder: Holder) -> None:
    for _ in range(3):
        holder(WRONG)
    holder.win("PUK")


def wrong_mac(holder: Holder) -> str:
    holder.challenge()
    return f"{UNBLOCK}0400000000"


CASES = {
    "UPDATE RECORD, linear": Case(lambda _: "00DC032C03030131", lambda holder: holder.win("UKSSSE")),
    "UPDATE RECORD, cyclic": Case(lambda _: "00DC003B55" + "5A" * 85, lambda holder: holder.win("UK3DF02", "DF02")),
    "UPDATE BINARY": Case(lambda _: "00D6000064" + "5A" * 100, with_photo),
    "VERIFY, right": Case(lambda _: RIGHT, spends=(PIN,)),
    "VERIFY, right after wrong": Case(lambda _: RIGHT, lambda holder: holder(WRONG), spends=(PIN,)),
    "VERIFY, wrong": Case(lambda _: WRONG, answer="63C5", spends=(PIN,)),
    "CHANGE PIN": Case(lambda _: "805E010008123456FF12345678", spends=(PIN,)),
    "CHANGE PIN, wrong": Case(lambda _: "805E010008654321FF12345678", answer="63C5", spends=(PIN,)),
    "PIN UNBLOCK": Case(lambda holder: holder.secured(UNBLOCK, "STKSSSE"), with_puk, spends=(PUK, PIN)),
    "PIN CHANGE": Case(
        lambda holder: holder.secured(REPLACE, "STKSSSE", "0412345678800000"), with_puk, spends=(PUK, PIN)
    ),
    "PIN CHANGE, no PIN": Case(
        lambda holder: holder.secured(REPLACE, "STKSSSE", "0812345880000000"), with_puk, "6A80", spends=(PUK,)
    ),
    "PIN UNBLOCK, wrong MAC": Case(wrong_mac, with_puk, "6988", spends=(PUK,)),
    "EXTERNAL AUTHENTICATE": Case(lambda holder: holder.authentication("RKSSSE"), spends=(RKSSSE,)),
    "EXTERNAL AUTHENTICATE, wrong": Case(
        lambda holder: holder.authentication("RKSSSE", "00" * 16), answer="63C2", spends=(RKSSSE,)
    ),
    "APPLICATION BLOCK": Case(
        lambda holder: holder.secured("841E0001", "STKDF04"), lambda holder: holder.win("LKDF04", "DF04")
    ),
    "CARD BLOCK": Case(lambda holder: holder.secured("84160000", "STKSSSE"), lambda holder: holder.win("BK")),
}


@pytest.fixture(scope="session")
def insert(ready_keys, encrypt_blocks, mac, cryptogram):
    keys = ready_keys("2.0")

    def new(case: Case, *, sloppy: bool = False, store: Callable[[int, bytes], object] | None = None) -> Holder:
        """A card that is ready for the command of a case; its random bytes are always the same."""
        calls = iter(range(1, 100))
        eeprom = Eeprom(ready_image("2.0").content, store=store)
        card = SoftwareCard(
            eeprom, t0=False, rng=lambda size: bytes((next(calls),)) * size, quirks=Quirks(sloppy=sloppy)
        )
        card.power_on()
        holder = Holder(card, keys, encrypt_blocks, mac, cryptogram)
        holder("00A4000002DDF1")
        case.prepare(holder)
        return holder

    return new


def state(card: SoftwareCard) -> tuple[object, dict[Name, int]]:
    """All that a card holds but its counters, as plain values; and the counters."""
    store = Store(Eeprom(card.eeprom.content), T514)
    store.recover()
    counters: dict[Name, int] = {}

    def shown(directory: Directory) -> object:
        held: list[object] = [directory.fid, directory.ended, directory.blocked]
        for file in (*directory.files, *directory.internal):
            if file.has_records:
                held.append(store.records(file))
            elif file.kind is Kind.TRANSPARENT:
                held.append(store.content(file))
            elif file.kind is Kind.AMOUNTS:
                held.append(store.eeprom.read(file.at + HEADER, file.size))
            else:
                for key in store.keys(file):
                    held.append((key, key.value.reveal()))
                    left = store.tries_left(key)
                    if left is not None and key.version == 1:
                        counters[directory.fid, key.type, key.id] = left
        return (*held, *map(shown, directory.directories))

    area = store.system
    return (area.blocked, area.life_cycle, area.historical_bytes, shown(store.root)), counters


def cuts(insert, case: Case, *, sloppy: bool) -> Iterator[tuple[Cut, Holder]]:
    """The card after power-on, when power has failed at each write of the case's command, at each moment."""
    whole = insert(case, sloppy=sloppy)
    command = case.command(whole)
    before = whole.card.eeprom.writes
    assert whole(command)[-4:] == case.answer
    for write in range(1, whole.card.eeprom.writes - before + 1):
        for moment, written in MOMENTS:
            cut = Cut(write, moment, written)
            holder = insert(case, sloppy=sloppy)
            assert case.command(holder) == command
            holder.card.eeprom.arm(cut)
            assert holder(command) == ""
            assert holder(QUERY) == ""
            assert holder.card.power_on()
            yield cut, holder


def ends(insert, case: Case, *, sloppy: bool = False):
    """What the card holds before and after the command."""
    holder = insert(case, sloppy=sloppy)
    command = case.command(holder)
    before = state(holder.card)
    holder(command)
    return before, state(holder.card)


def check_counters(cut: Cut, case: Case, found: dict[Name, int], before: dict[Name, int], after: dict[Name, int]):
    """No counter has more than it had, unless the whole command happened; none but those of the command has changed."""
    assert found.keys() == before.keys()
    for name, left in found.items():
        allowed = {before[name], before[name] - 1, after[name]} if name in case.spends else {before[name]}
        assert left in allowed, (cut, name)


@pytest.mark.parametrize("name", CASES)
def test_the_card_is_as_before_or_as_after_wherever_power_fails(insert, name):
    case = CASES[name]
    (before, tries_before), (after, tries_after) = ends(insert, case)
    assert (
        (before, tries_before) != (after, tries_after)
        or name == "VERIFY, right"
        or name.endswith("no PIN")
        or (name == "EXTERNAL AUTHENTICATE")
    )
    points = 0
    seen = []
    for cut, holder in cuts(insert, case, sloppy=False):
        points += 1
        found, tries = state(holder.card)
        seen.append(found == after)
        assert found in (before, after), cut
        check_counters(cut, case, tries, tries_before, tries_after)
        if found == after != before:
            assert tries == tries_after, "a new value comes with its tries"
        if case.spends == (PIN,):
            holder("00A4000002DDF1")
            assert holder(QUERY) == f"63C{tries[PIN]}"
    assert seen[-1], "the last write confirms"
    print(f"{name}: {points} cut points")  # noqa: T201
    assert points >= 3 * len(MOMENTS)


@pytest.mark.parametrize("name", CASES)
def test_a_tear_on_a_sloppy_card_gives_no_try_either(insert, name):
    case = CASES[name]
    (_, tries_before), (_, tries_after) = ends(insert, case, sloppy=True)
    points = 0
    for cut, holder in cuts(insert, case, sloppy=True):
        points += 1
        check_counters(cut, case, state(holder.card)[1], tries_before, tries_after)
        assert holder("00A4000002DDF1") != ""
        assert holder("00B2012C00") != "", "torn files are still answered for"
    assert points >= len(MOMENTS)


@pytest.mark.parametrize("name", ["UPDATE RECORD, linear", "UPDATE RECORD, cyclic", "UPDATE BINARY", "CHANGE PIN"])
def test_a_tear_on_a_sloppy_card_leaves_what_is_neither_old_nor_new(insert, name):
    case = CASES[name]
    (before, _), (after, _) = ends(insert, case, sloppy=True)
    found = [state(holder.card)[0] for _, holder in cuts(insert, case, sloppy=True)]
    assert sum(one not in (before, after) for one in found) > 0


@pytest.mark.parametrize("name", ["APPLICATION BLOCK", "CARD BLOCK"])
def test_a_sloppy_card_is_blocked_or_not(insert, name):
    case = CASES[name]
    (before, _), (after, _) = ends(insert, case, sloppy=True)
    found = [state(holder.card)[0] for _, holder in cuts(insert, case, sloppy=True)]
    assert all(one in (before, after) for one in found)
    assert before != after


@pytest.mark.parametrize("sloppy", [False, True], ids=["journalled", "sloppy"])
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("VERIFY, right", "VERIFY, wrong"),
        ("CHANGE PIN", "CHANGE PIN, wrong"),
        ("EXTERNAL AUTHENTICATE", "EXTERNAL AUTHENTICATE, wrong"),
        ("PIN UNBLOCK", "PIN UNBLOCK, wrong MAC"),
    ],
)
def test_until_the_try_is_spent_for_good_nothing_tells_right_from_wrong(insert, right, wrong, sloppy):
    """Who cuts power on seeing a wrong secret would have to do so after the last write, when the try is gone."""
    logs = []
    for name in (right, wrong):
        log: list[tuple[int, bytes]] = []
        holder = insert(CASES[name], sloppy=sloppy, store=lambda at, part, log=log: log.append((at, part)))
        command = CASES[name].command(holder)
        del log[:]
        counters = state(holder.card)[1]
        assert holder(command)[-4:] == CASES[name].answer
        logs.append(log)
    (spent, *_) = CASES[wrong].spends
    assert state(holder.card)[1][spent] == counters[spent] - 1
    right_log, wrong_log = logs
    assert 0 < len(wrong_log) < len(right_log)
    assert right_log[: len(wrong_log)] == wrong_log


def test_a_wrong_try_that_was_cut_off_again_and_again_blocks_in_the_end(insert):
    holder = insert(CASES["VERIFY, wrong"])
    for left in range(5, -1, -1):
        holder.card.eeprom.arm(Cut(3, CutMoment.AFTER))
        assert holder(WRONG) == ""
        holder.card.power_on()
        holder("00A4000002DDF1")
        assert holder(QUERY) == (f"63C{left}" if left else "6983")
    assert holder(RIGHT) == "6983"
