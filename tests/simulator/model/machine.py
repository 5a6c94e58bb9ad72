"""Any commands in any order, to a card and to the model of it, with power cuts between and within them."""

import re
from collections import Counter
from functools import cache
from typing import Any, ClassVar

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from simulator.card import SoftwareCard
from simulator.memory.eeprom import Cut, CutMoment
from simulator.memory.image import CardImage
from simulator.people import ready_image
from tests.simulator.model.account import Amounts
from tests.simulator.model.model import ABSENT, FILES, KEYS, NAMES, VERSIONS, Key, Lasting
from tests.simulator.model.terminal import INITIAL_PIN, ORIGINAL, Outside, Terminal, dice

WAYS = st.sampled_from([*([""] * 8), "MF", "SSSE", "DF01", "DF04", "reset", "wrong PIN"])
INTERRUPTIONS = st.one_of(
    st.just(""),
    st.sampled_from(["load", "purchase", "failing purchase", "failing credit"]),
    st.sampled_from(["", "balance", "proof", "day", "challenge", "selection"]),
)
MOSTLY = st.sampled_from([True, True, True, True, False])
SELDOM = st.sampled_from([False, False, False, False, True])
PLACES = st.sampled_from(["SSSE", "DF01", "DF03", "DF04", "DF04"])
PINS = st.sampled_from([bytes.fromhex(pin) for pin in ("123456", "654321", "1234", "12345F", "1122334455667788")])
GARBLED = [bytes.fromhex(change) for change in ("1234", "123456", "12FF1234", "FF12", "ABCDFF1234")]
CUTS = st.one_of(
    st.none(),
    st.builds(
        Cut,
        st.one_of(st.integers(1, 4), st.integers(1, 16)),
        st.sampled_from(CutMoment),
        st.one_of(st.none(), st.integers(0, 31)),
    ),
)
INDEXES = st.sampled_from([1, 1, 2, 3, 0, 4])
AMOUNTS = st.one_of(st.integers(0, 400_000), st.sampled_from([0xFFFFFFFF, 0xFFFFFFFF - 250_000]))
TERMINALS = st.sampled_from([bytes.fromhex("990000000001"), bytes(6)])
TIMES = st.sampled_from(
    [bytes.fromhex(time) for time in ("20241231235959", "20250101000000", "20250630120000", "20250701083000")]
)
EVERY_KEY = [Key(where, number, version) for where in KEYS for number in KEYS[where] for version in VERSIONS]
BINARIES = [place for place, file in FILES.items() if file.kind == "T"]
RECORDS = [place for place, file in FILES.items() if file.kind != "T"]
CARDS = {"2.0": "DES", "3.0": "SM4"}


def new_card(version: str, memory: bytes | None, kind: type[SoftwareCard] = SoftwareCard) -> SoftwareCard:
    """A ready card, with another memory if one is given; its random bytes are the same every time."""
    image = ready_image(version) if memory is None else CardImage(memory)
    return kind(image, t0=False, rng=dice())


@cache
def learnt(version: str) -> Lasting:
    """What a new card holds: its files, read with every right, and its amounts as its commands tell them."""
    card = new_card(version, None)
    outside = Outside(version, card.power_on())
    files: dict[tuple[str, int], tuple[bytes, ...]] = {}

    def say(command: str) -> bytes:
        answer = card.process(bytes.fromhex(command))
        return answer[:-2] if answer.endswith(b"\x90\x00") else b""

    def all_of(first: int, command: str) -> tuple[bytes, ...]:
        """The answers for this number and those after it, as long as there are any."""
        parts: list[bytes] = []
        while part := say(command.format(first + len(parts))):
            parts.append(part)
        return tuple(parts)

    for where, name in NAMES.items():
        say(f"00A40400{len(name):02X}{name.hex()}")
        say(f"0020000003{INITIAL_PIN.hex()}")
        for card_id in {"SSSE": (0x0A,), "DF04": (0x84,)}.get(where, ()):
            proof = outside.cryptogram(Key(where, card_id, 1), say("0084000008"))
            say(f"008200{card_id:02X}10{proof.hex()}{ORIGINAL.hex()}")
        for (place, sfi), file in FILES.items():
            if place == where and file.kind == "T":
                head = say(f"00B0{0x80 | sfi:02X}0000")
                files[place, sfi] = (head + b"".join(all_of(1, "00B0{:02X}0000")),)
            elif place == where:
                files[place, sfi] = all_of(1, f"00B2{{:02X}}{sfi << 3 | 4:02X}00")
    loads = int.from_bytes(say("B02800010B01" + 20 * "0")[4:6], "big")
    answer = say("B02801011301" + 36 * "0")
    balance, self_paid, pooled = (int.from_bytes(answer[at : at + 4], "big") for at in (0, 4, 8))
    purchases, year, day = int.from_bytes(answer[14:16], "big"), answer[12:14], say("B056010002")
    amounts = Amounts(loads, purchases, balance, self_paid, pooled, int(year.hex()), int(day.hex()))
    return Lasting(INITIAL_PIN, files, amounts)


class CardAgainstModel(RuleBasedStateMachine):
    """``version`` and ``kind`` of the card are set by subclasses."""

    version = "2.0"
    kind: type[SoftwareCard] = SoftwareCard
    total: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        make, version = self.kind, self.version
        self.terminal = Terminal(lambda memory: new_card(version, memory, make), version, learnt(version).copy())
        self.steps = 0

    @property
    def where(self) -> str:
        return self.terminal.model.now.where

    def key(self, card_id: int, version: int) -> Key:
        return Key(self.where if card_id & 0x80 or self.where == "MF" else "SSSE", card_id, version)

    def go(self, where: str) -> None:
        if self.where != where:
            self.terminal.select(where)

    def arm(self, cut: Cut | None) -> None:
        """Have power fail during the command to come; what follows in a rule is not to meet a cut."""
        self.terminal.cut = cut

    def win(self, key: Key) -> None:
        self.terminal.get_challenge(8)
        self.terminal.external_authenticate(key, right=True)

    def wander(self, way: str) -> None:
        """Something that ends rights, or does not, and back to where we were; without a way nothing."""
        back = self.where
        if way in {"MF", "SSSE", "DF01", "DF04"}:
            self.terminal.select(way)
        elif way == "reset":
            self.terminal.reset()
        elif way == "wrong PIN":
            self.terminal.verify(bytes(3))
        if way and back != "MF":
            self.terminal.select(back)

    def interrupt(self, by: str) -> None:
        """What may come between the two commands of a transaction."""
        if by == "load":
            self.terminal.initialize_load(3, 5)
        elif by == "purchase":
            self.terminal.initialize_purchase(3, (5, 6, 7))
        elif by == "failing purchase":
            self.terminal.initialize_purchase(9, (5, 6, 7))
        elif by == "failing credit":
            self.terminal.credit(bytes(7), right=False)
        elif by == "balance":
            self.terminal.get_balance(2)
        elif by == "proof":
            self.terminal.get_proof(0x31, self.terminal.model.amounts.loads)
        elif by == "day":
            self.terminal.get_starting_day()
        elif by == "challenge":
            self.terminal.get_challenge(8)
        elif by == "selection":
            self.terminal.select("DF04")

    # Power and selection

    @initialize(where=PLACES, verified=MOSTLY)
    def begin(self, where: str, verified: bool) -> None:
        self.terminal.select(where)
        if verified:
            self.terminal.verify(self.terminal.model.lasting.pin)

    @rule()
    def reset(self) -> None:
        self.terminal.reset()

    @rule(where=st.sampled_from(["MF", "SSSE", "DF01", "DF03", "DF04", "NONE"]), by_fid=st.booleans())
    def select(self, where: str, by_fid: bool) -> None:
        self.terminal.select(where, by_fid=by_fid and where.startswith("DF"))

    @rule(cut=CUTS)
    def fail_while_recovering(self, cut: Cut | None) -> None:
        self.terminal.recovery = cut

    # PIN

    @rule(pin=PINS, right=MOSTLY, cut=CUTS)
    def verify(self, pin: bytes, right: bool, cut: Cut | None) -> None:
        stored = self.terminal.model.lasting.pin
        self.arm(cut)
        self.terminal.verify(stored if right and stored else pin)

    @rule(pin=st.sampled_from([b"\x12", bytes(9)]), change=st.sampled_from(GARBLED))
    def garble(self, pin: bytes, change: bytes) -> None:
        self.terminal.verify(pin)
        self.terminal.unblock_pin(pin, right=True, p2=0)
        self.terminal.change_pin(change)

    @rule(old=PINS, right=MOSTLY, new=st.one_of(PINS, PINS, st.just(b"")), cut=CUTS)
    def change_pin(self, old: bytes, right: bool, new: bytes, cut: Cut | None) -> None:
        old = self.terminal.model.lasting.pin if right else old
        self.arm(cut)
        self.terminal.change_pin(old + b"\xff" + new)

    @rule(
        new=st.one_of(st.none(), PINS, st.sampled_from([b"", b"\x1a\x2b", b"\x12"])),
        right=MOSTLY,
        authorised=MOSTLY,
        fresh=MOSTLY,
        version=st.sampled_from([1, 1, 2, 3]),
        way=WAYS,
        cut=CUTS,
    )
    def unblock_pin(
        self, *, new: bytes | None, right: bool, authorised: bool, fresh: bool, version: int, way: str, cut: Cut | None
    ) -> None:
        if authorised:
            self.win(self.key(0x06, version))
            self.wander(way)
        if fresh:
            self.terminal.get_challenge(8)
        self.arm(cut)
        self.terminal.unblock_pin(new, right=right)

    # Keys

    @rule(size=st.sampled_from([4, 8, 8, 16, 0, 7]))
    def get_challenge(self, size: int) -> None:
        self.terminal.get_challenge(size)

    @rule(data=st.data(), right=MOSTLY, fresh=st.sampled_from([8, 8, 8, 4, 16, 0]), go=MOSTLY, place=PLACES, cut=CUTS)
    def authenticate(self, *, data: Any, right: bool, fresh: int, go: bool, place: str, cut: Cut | None) -> None:
        if go:
            self.go(place)
        here = KEYS.get(self.where, {})
        ids = [*here, *here, *KEYS["SSSE"], *ABSENT.get(self.where, ()), 0x00, 0x14]
        key = self.key(data.draw(st.sampled_from(ids)), data.draw(st.sampled_from([1, 1, 1, 2, 3, 4])))
        if fresh:
            self.terminal.get_challenge(fresh)
        self.arm(cut)
        self.terminal.external_authenticate(key, right=right, bare=data.draw(SELDOM))

    @rule(card_id=st.sampled_from([0x04, 0x05, 0x06, 0x84, 0x88]), version=st.sampled_from([1, 2]), cut=CUTS)
    def wear_out(self, card_id: int, version: int, cut: Cut | None) -> None:
        """All tries but one, in vain; the command to come may be cut off."""
        for _ in range(2):
            self.terminal.get_challenge(8)
            self.terminal.external_authenticate(self.key(card_id, version), right=False)
        self.terminal.get_challenge(8)
        self.arm(cut)
        self.terminal.external_authenticate(self.key(card_id, version), right=False)

    # Files

    @rule(place=st.sampled_from(list(FILES)), number=st.integers(1, 9), rest=SELDOM, go=MOSTLY, way=WAYS, key=MOSTLY)
    def read(self, *, place: tuple[str, int], number: int, rest: bool, go: bool, way: str, key: bool) -> None:
        where, sfi = place
        if go:
            self.go(where)
        named = [term for term in re.split("[|&]", FILES[place].read) if term not in {"PIN", "free"}]
        if key and named and self.where == where:
            self.win(self.key(int(named[0], 16), 1))
        self.wander(way)
        if self.where not in {where, "MF"}:
            sfi = 0x1D
        if FILES[place].kind == "T" and number != 9:
            self.terminal.read_binary(sfi, number * 5)
        else:
            self.terminal.read_record(sfi, number, rest=rest)

    def may_update(self, place: tuple[str, int], go: bool, way: str, key: bool) -> int:
        """Go to a file and win the right to update it, both perhaps; its SFI, or one that is nowhere."""
        (where, sfi), file = place, FILES[place]
        if go:
            self.go(where)
        if self.where not in {where, "MF"}:
            return 0x1D
        if key and self.where == where and file.update != "never":
            self.win(self.key(int(file.update, 16), 1))
            self.wander(way)
        return sfi

    @rule(
        place=st.sampled_from(BINARIES),
        offset=st.integers(0, 255),
        new=st.binary(max_size=60),
        go=MOSTLY,
        way=WAYS,
        key=MOSTLY,
        cut=CUTS,
    )
    def update_binary(
        self, *, place: tuple[str, int], offset: int, new: bytes, go: bool, way: str, key: bool, cut: Cut | None
    ) -> None:
        sfi = self.may_update(place, go, way, key)
        self.arm(cut)
        self.terminal.update_binary(sfi, offset, new)

    @rule(place=st.sampled_from(RECORDS), data=st.data(), go=MOSTLY, way=WAYS, key=MOSTLY, cut=CUTS)
    def update_record(
        self, *, place: tuple[str, int], data: Any, go: bool, way: str, key: bool, cut: Cut | None
    ) -> None:
        sfi = self.may_update(place, go, way, key)
        stored, cyclic = self.terminal.model.lasting.files[place], FILES[place].kind == "C"
        number = 0 if cyclic else data.draw(st.integers(1, min(len(stored) + 2, 9)))
        record = stored[min(max(number, 1), len(stored)) - 1]
        fixed = b"" if cyclic else record[:2]
        size = len(record) - len(fixed) + data.draw(st.sampled_from([0, 0, 0, 0, 1, -1]))
        filled = data.draw(st.binary(min_size=1, max_size=4)) * size
        self.arm(cut)
        self.terminal.update_record(sfi, number, fixed + filled[:size])

    # The medical account

    def enter_account(self) -> None:
        if self.where != "DF04":
            self.terminal.select("DF04")
        if not self.terminal.model.pin_satisfied:
            self.terminal.verify(self.terminal.model.lasting.pin)

    @rule(index=INDEXES, amount=AMOUNTS, terminal=TERMINALS, ready=MOSTLY)
    def initialize_load(self, *, index: int, amount: int, terminal: bytes, ready: bool) -> None:
        if ready:
            self.enter_account()
        self.terminal.initialize_load(index, amount, terminal)

    @rule(
        index=INDEXES, account=AMOUNTS, others=st.tuples(*[st.integers(0, 9999)] * 2), terminal=TERMINALS, ready=MOSTLY
    )
    def initialize_purchase(
        self, *, index: int, account: int, others: tuple[int, int], terminal: bytes, ready: bool
    ) -> None:
        if ready:
            self.enter_account()
        self.terminal.initialize_purchase(index, (account, *others), terminal)

    @rule(time=TIMES, right=MOSTLY, begun=MOSTLY, by=INTERRUPTIONS, cut=CUTS)
    def credit(self, *, time: bytes, right: bool, begun: bool, by: str, cut: Cut | None) -> None:
        if begun:
            self.enter_account()
            self.terminal.initialize_load(2, 1000)
            self.interrupt(by)
        self.arm(cut)
        self.terminal.credit(time, right=right)

    @rule(time=TIMES, sequence=st.integers(0, 0x20000), right=MOSTLY, begun=MOSTLY, by=INTERRUPTIONS, cut=CUTS)
    def debit(self, *, time: bytes, sequence: int, right: bool, begun: bool, by: str, cut: Cut | None) -> None:
        if begun:
            self.enter_account()
            self.terminal.initialize_purchase(1, (1000, 250, 4750))
            self.interrupt(by)
        self.arm(cut)
        self.terminal.debit(sequence, time, right=right)

    @rule(p2=st.sampled_from([1, 2, 3]), load=st.booleans(), ahead=st.sampled_from([0, 0, 0, 1, -1]))
    def ask_the_account(self, p2: int, load: bool, ahead: int) -> None:
        self.terminal.get_balance(p2)
        amounts = self.terminal.model.amounts
        self.terminal.get_proof(0x31 if load else 0x32, (amounts.loads if load else amounts.purchases) + ahead)

    @rule(day=st.sampled_from([bytes.fromhex(day) for day in ("0101", "0701", "0A01")]), authorised=MOSTLY, cut=CUTS)
    def update_starting_day(self, day: bytes, authorised: bool, cut: Cut | None) -> None:
        if authorised and self.where == "DF04":
            self.win(self.key(0x87, 1))
        self.arm(cut)
        self.terminal.update_starting_day(day)

    # Blocking

    @precondition(lambda self: self.steps > 20)
    @rule(right=SELDOM, authorised=MOSTLY, card=SELDOM, cut=CUTS)
    def block(self, right: bool, authorised: bool, card: bool, cut: Cut | None) -> None:
        own = self.where in {"DF03", "DF04"} and not card
        if authorised:
            self.win(self.key(0x83 if own else 0x05, 1))
            self.terminal.get_challenge(8)
        self.arm(cut)
        if card:
            self.terminal.block_card(right=right)
        else:
            self.terminal.block_application(right=right)

    # What must hold all the time

    @invariant()
    def nothing_is_ambiguous(self) -> None:
        assume(not self.terminal.ambiguous)

    @invariant()
    def tries_and_balance_are_as_they_should_be(self) -> None:
        """Asked in a way that ends no transaction."""
        model = self.terminal.model
        self.steps += 1
        if model.now.pending is None:
            self.terminal.verify(b"")
        if self.where == "DF04" and (model.pin_satisfied or model.now.pending is None):
            self.terminal.get_balance()

    def teardown(self) -> None:
        if not self.terminal.ambiguous:
            self.terminal.examine(self.terminal.model.lasting, EVERY_KEY)
        assert self.terminal.compared + self.terminal.lost, "a run asks at least where it begins"
        self.total.update(compared=self.terminal.compared, lost=self.terminal.lost)
