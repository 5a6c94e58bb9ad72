"""Proof of a transaction, power cut at every write, damaged memory, blocking."""

import pytest

from simulator.memory.eeprom import Cut, CutMoment
from simulator.memory.journal import Journal, JournalFullError
from simulator.quirks import Quirks

TRADES = pytest.mark.parametrize("trade", ["load", "purchase"])
SPLIT = (1000, 250, 4750)
OLD = "00001388 000061A82024 000753002024"
NEW = {"load": "00001770 000061A82024 000753002024", "purchase": "00000FA0 000062A22024 0007658E2024"}
TYPE = {"load": "31", "purchase": "32"}


def begin(card, trade: str) -> None:
    answer = card.begin_load() if trade == "load" else card.begin_purchase(*SPLIT)
    assert answer[-4:] == "9000"


def settle(card, trade: str, **more) -> str:
    return card.credit(**more) if trade == "load" else card.debit(*SPLIT, **more)


def test_debit_and_proof_answer_in_opposite_orders(terminal):
    card = terminal()
    begin(card, "purchase")
    tac, mac2 = "C0C90BF1", "41084D24"
    assert settle(card, "purchase") == f"{tac}{mac2}9000"
    assert card.proof("32", 2) == f"{mac2}{tac}9000"


@TRADES
def test_a_proof_is_asked_for_by_type_and_number(terminal, trade):
    card = terminal()
    assert [card.proof(kind, number) for kind in ("31", "32") for number in (0, 1, 2)] == ["9406"] * 6
    begin(card, trade)
    assert card.proof(TYPE[trade], 2) == "9406"
    begin(card, trade)
    settle(card, trade)
    found = [kind + str(number) for kind in ("31", "32") for number in range(4) if card.proof(kind, number) != "9406"]
    assert found == [TYPE[trade] + "2"]


@TRADES
def test_a_proof_needs_no_right_and_outlives_power(terminal, trade):
    card = terminal()
    begin(card, trade)
    settle(card, trade)
    proof = card.proof(TYPE[trade], 2)
    card.card.power_off()
    card.card.power_on()
    card.enter()
    assert card.proof(TYPE[trade], 2) == proof
    assert card.balance() == "6982 6982 6982"


@TRADES
def test_the_next_transaction_of_either_kind_takes_its_place(terminal, trade):
    card = terminal()
    begin(card, "purchase")
    settle(card, "purchase")
    begin(card, trade)
    settle(card, trade, number=1 if trade == "load" else 2)
    assert card.proof("32", 2) == "9406"
    assert card.proof(TYPE[trade], 2 if trade == "load" else 3)[-4:] == "9000"


@TRADES
@pytest.mark.parametrize(("quirks", "kept"), [(Quirks(), True), (Quirks(drop_on_receipt=True), False)])
def test_what_drops_a_proof_without_a_new_one(terminal, trade, quirks, kept):
    card = terminal(quirks=quirks)
    begin(card, "purchase")
    settle(card, "purchase")
    begin(card, trade)
    assert card.proof("32", 2)[-4:] == "9000"
    begin(card, trade)
    assert settle(card, trade, number=1 if trade == "load" else 2, spoil=1) == "9302"
    assert (card.proof("32", 2)[-4:] == "9000") is kept


def test_a_malformed_command_never_arrives(terminal):
    card = terminal(quirks=Quirks(drop_on_receipt=True))
    begin(card, "load")
    settle(card, "load")
    assert card("B02A00000A" + "00" * 10) == "6700"
    assert card.proof("31", 2)[-4:] == "9000"


@pytest.mark.parametrize(("lenient", "answers"), [(False, ["6A86", "6A86"]), (True, ["9406", "9000"])])
def test_other_codes_for_the_type_are_a_quirk(terminal, lenient, answers):
    card = terminal(quirks=Quirks(lenient_proof_type=lenient))
    begin(card, "purchase")
    settle(card, "purchase")
    assert [card.proof(kind, 2)[-4:] for kind in ("01", "02")] == answers
    assert card.proof("32", 2)[-4:] == "9000"


# --- power is lost ---


def begun(terminal, trade: str, quirks: Quirks):
    """A card whose first purchase or load is over, in the middle of a second one."""
    card = terminal(quirks=quirks)
    begin(card, trade)
    settle(card, trade)
    begin(card, trade)
    return card


def account(card, trade: str) -> tuple[object, ...]:
    """Everything that one transaction changes, as commands show it."""
    again = card.begin_load() if trade == "load" else card.begin_purchase(*SPLIT)
    return card.balance(), again, card.log(), card.proof(TYPE[trade], 2), card.proof(TYPE[trade], 3)


@TRADES
@pytest.mark.parametrize("sloppy", [False, True])
@pytest.mark.parametrize("moment", CutMoment)
def test_a_transaction_happens_as_a_whole_or_not_at_all(terminal, trade, sloppy, moment):
    quirks = Quirks(sloppy=sloppy)
    whole = begun(terminal, trade, quirks)
    writes = whole.card.eeprom.writes
    assert settle(whole, trade, number=2)[-4:] == "9000"
    writes = whole.card.eeprom.writes - writes
    new = account(whole, trade)
    untouched = begun(terminal, trade, quirks)
    untouched.start()
    old = account(untouched, trade)
    assert (old[3][-4:], old[4], new[3], new[4][-4:]) == ("9000", "9406", "9406", "9000")
    last = begun(terminal, trade, quirks)
    results = []
    for write in range(1, writes + 1):
        card = last if write == writes else begun(terminal, trade, quirks)
        card.card.eeprom.arm(Cut(write, moment))
        assert settle(card, trade, number=2) == ""
        card.start()
        results.append(account(card, trade))
    assert results[:-1] == [old] * (writes - 1)
    assert results[-1] == (new if moment is CutMoment.AFTER else old)


@TRADES
def test_recovery_may_be_cut_off_too(terminal, trade):
    untouched = begun(terminal, trade, Quirks())
    untouched.start()
    old = account(untouched, trade)
    write = 0
    finished = False
    while not finished:
        write += 1
        card = begun(terminal, trade, Quirks())
        card.card.eeprom.arm(Cut(8))
        assert settle(card, trade, number=2) == ""
        card.card.eeprom.arm(Cut(write))
        finished = card.card.power_on() != b""
        card.card.eeprom.arm(None)
        card.card.power_off()
        card.start()
        assert account(card, trade) == old
    assert write > 2


def test_a_dropped_proof_stays_dropped_when_power_is_lost(terminal):
    card = begun(terminal, "purchase", Quirks(drop_on_receipt=True))
    before = card.card.eeprom.writes
    card.debit(*SPLIT, number=2, spoil=1)
    dropping = card.card.eeprom.writes - before
    card = begun(terminal, "purchase", Quirks(drop_on_receipt=True))
    card.card.eeprom.arm(Cut(dropping + 1))
    assert settle(card, "purchase", number=2) == ""
    card.start()
    assert (card.proof("32", 2), card.proof("32", 3)) == ("9406", "9406")
    assert card.balance() == NEW["purchase"]


def test_a_starting_day_is_old_or_new(terminal):
    days = set()
    for write in range(1, 4):
        card = terminal()
        card.authenticate("87")
        card.card.eeprom.arm(Cut(write))
        assert card("B0560000020701") == ""
        card.start()
        days.add(card("B056010002"))
        assert card.balance() == OLD
    assert days == {"01019000"}


# --- memory fails ---


def fail_at(monkeypatch, write: int) -> None:
    """The journal's so-manieth write from now on fails; those after it do not."""
    calls = iter(range(1, 1000))
    whole = Journal.write

    def failing(self, at: int, data: bytes) -> None:
        if next(calls) == write:
            raise JournalFullError
        whole(self, at, data)

    monkeypatch.setattr(Journal, "write", failing)


@TRADES
@pytest.mark.parametrize("write", [1, 2, 3, 4])
def test_damaged_memory_locks_the_card(terminal, monkeypatch, trade, write):
    card = terminal()
    begin(card, trade)
    at = card.card.eeprom.content
    fail_at(monkeypatch, write)
    assert settle(card, trade) == "6581"
    assert card("B026000104") == "6A81"
    card.card.power_off()
    assert card.card.power_on()
    assert card("00A4000000") == "6A81"
    changed = [index for index, (old, new) in enumerate(zip(at, card.card.eeprom.content, strict=False)) if old != new]
    assert [index for index in changed if index >= 0x2000] == []


def test_damaged_memory_at_a_starting_day_locks_the_card(terminal, monkeypatch):
    card = terminal()
    card.authenticate("87")
    fail_at(monkeypatch, 1)
    assert card("B0560000020701") == "6581"
    assert card("B056010002") == "6A81"


def test_a_lock_of_the_ssse_alone_leaves_the_rest_of_the_card(terminal, monkeypatch):
    card = terminal(quirks=Quirks(card_block_scope="ssse"))
    begin(card, "load")
    fail_at(monkeypatch, 1)
    assert settle(card, "load") == "6581"
    assert card("B026000104") == "9303"
    card.card.reset()
    assert card("00A4000000")[-4:] == "9000"
    card.enter()
    assert card("B026000104") == "9303"


# --- the quirks of PIN and blocking beside the account ---


@pytest.mark.parametrize(("quirks", "answer"), [(Quirks(), "6983"), (Quirks(pin_query_locked=0x63C0), "63C0")])
def test_how_a_blocked_pin_answers_the_question(terminal, quirks, answer):
    card = terminal(quirks=quirks)
    tries = [card("0020000003999999") for _ in range(7)]
    assert tries == ["63C5", "63C4", "63C3", "63C2", "63C1", "63C0", "6983"]
    assert card("0020000000") == answer


@pytest.mark.parametrize(
    ("quirks", "inside", "outside_ssse"),
    [(Quirks(), "6A81", "6A81"), (Quirks(card_block_scope="ssse"), "9303", "9000")],
)
def test_what_card_blocking_blocks(terminal, quirks, inside, outside_ssse):
    card = terminal(quirks=quirks)
    assert card.authenticate("05") == "9000"
    session = card.outside.session(card.key, bytes.fromhex(card("0084000008")[:-4]))
    mac = card.outside.mac(session, bytes.fromhex("8416000004"))
    assert card(f"8416000004{mac.hex()}") == "9000"
    card.card.reset()
    assert card("00A4000000")[-4:] == outside_ssse
    card.enter()
    assert card("B056010002") == inside
