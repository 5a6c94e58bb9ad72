"""The account's state, idle, load or purchase, after every command, done and failed [S2.5 T49].

A CREDIT or DEBIT with a wrong MAC tells the state without leaving another trace: 9302 where it was expected, else 6901.
"""

import pytest

IDLE, LOAD, PURCHASE = "idle", "load", "purchase"
STATES = [IDLE, LOAD, PURCHASE]


@pytest.fixture
def state_after(terminal):
    """``state_after(before, act)``: the state that ``act(card)`` leaves a card in, and what it answered."""

    def find(before: str, act, **options) -> tuple[str, str]:
        probes = []
        for probe in (lambda card: card.credit(spoil=1), lambda card: card.debit(number=2, spoil=1)):
            card = terminal(**options)
            # One purchase is over, so that there is a proof to ask for.
            card.begin_purchase()
            card.debit()
            if before != IDLE:
                assert (card.begin_load if before == LOAD else card.begin_purchase)()[-4:] == "9000"
            answer = act(card)
            probes.append(probe(card))
        return {("6901", "6901"): IDLE, ("9302", "6901"): LOAD, ("6901", "9302"): PURCHASE}[tuple(probes)], answer

    return find


TABLE = [
    pytest.param(lambda card: card.begin_load(), [LOAD, LOAD, LOAD], ["9000"] * 3, id="INITIALIZE FOR LOAD"),
    pytest.param(lambda card: card.begin_purchase(), [PURCHASE] * 3, ["9000"] * 3, id="INITIALIZE FOR PURCHASE"),
    pytest.param(lambda card: card.credit(), [IDLE] * 3, ["6901", "9000", "6901"], id="CREDIT FOR LOAD"),
    pytest.param(lambda card: card.debit(number=2), [IDLE] * 3, ["6901", "6901", "9000"], id="DEBIT FOR PURCHASE"),
    pytest.param(lambda card: card("B026000104"), STATES, ["9000"] * 3, id="GET BALANCE"),
    pytest.param(lambda card: card("B026000206"), STATES, ["9000"] * 3, id="GET BALANCE of the totals"),
    pytest.param(lambda card: card.proof("32", 2), STATES, ["9000"] * 3, id="GET TRANSACTION PROOF"),
    pytest.param(lambda card: card("B056010002"), [IDLE] * 3, ["9000"] * 3, id="GET STARTING DAY"),
]


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize(("act", "after", "answers"), TABLE)
def test_state_table(state_after, before, act, after, answers):
    column = STATES.index(before)
    state, answer = state_after(before, act)
    assert (state, answer[-4:]) == (after[column], answers[column])


FAILURES = [
    pytest.param(lambda card: card.begin_load(index=9), "9403", id="INITIALIZE FOR LOAD, key index"),
    pytest.param(lambda card: card.begin_load(0xFFFFFFFF), "6985", id="INITIALIZE FOR LOAD, overflow"),
    pytest.param(lambda card: card("B02800010A" + "00" * 10), "6700", id="INITIALIZE FOR LOAD, Lc"),
    pytest.param(lambda card: card.begin_purchase(index=9), "9403", id="INITIALIZE FOR PURCHASE, key index"),
    pytest.param(lambda card: card.begin_purchase(0xFFFF), "9401", id="INITIALIZE FOR PURCHASE, balance"),
    pytest.param(lambda card: card("B028000013" + "00" * 19), "6A86", id="INITIALIZE, P2"),
    pytest.param(lambda card: card("B02A00000A" + "00" * 10), "6700", id="CREDIT FOR LOAD, Lc"),
    pytest.param(lambda card: card("B02A00010B" + "00" * 11), "6A86", id="CREDIT FOR LOAD, P2"),
    pytest.param(lambda card: card("B02C01000E" + "00" * 14), "6700", id="DEBIT FOR PURCHASE, Lc"),
    pytest.param(lambda card: card("B02C00000F" + "00" * 15), "6A86", id="DEBIT FOR PURCHASE, P1"),
    pytest.param(lambda card: card("B026000106"), "6700", id="GET BALANCE, Le"),
    pytest.param(lambda card: card("B026000404"), "6A86", id="GET BALANCE, P2"),
    pytest.param(lambda card: card.proof("32", 1), "9406", id="GET TRANSACTION PROOF, number"),
    pytest.param(lambda card: card.proof("31", 2), "9406", id="GET TRANSACTION PROOF, type"),
    pytest.param(lambda card: card.proof("33", 2), "6A86", id="GET TRANSACTION PROOF, P2"),
    pytest.param(lambda card: card("B0560000020101"), "6982", id="UPDATE STARTING DAY"),
    pytest.param(lambda card: card("B056010003"), "6700", id="GET STARTING DAY, Le"),
    pytest.param(lambda card: card("B0300000"), "6E00", id="no such instruction"),
    pytest.param(lambda card: card("00300000"), "6D00", id="no such basic instruction"),
    pytest.param(lambda card: card("B026"), "6700", id="no command"),
    pytest.param(lambda card: card("0020000000"), "63C6", id="VERIFY, the question"),
    pytest.param(lambda card: card("00B20E4400"), "6A83", id="READ RECORD"),
    pytest.param(lambda card: card("00A4020002EEEE"), "6A82", id="SELECT"),
    pytest.param(lambda card: card("00C0000001"), "6F00", id="GET RESPONSE"),
]


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize(("act", "sw"), FAILURES)
def test_every_failure_ends_a_transaction(state_after, before, act, sw):
    assert state_after(before, act) == (IDLE, sw)


@pytest.mark.parametrize("before", [LOAD, PURCHASE])
def test_a_wrong_mac_ends_a_transaction(state_after, before):
    def spoil(card) -> str:
        return card.credit(spoil=1) if before == LOAD else card.debit(number=2, spoil=1)

    assert state_after(before, spoil) == (IDLE, "9302")


def back_to_df04(card) -> str:
    card("00A4000002DF03")
    return card("00A4000002DF04")


def off_and_on(card) -> str:
    card.card.power_off()
    card.start()
    return "9000"


def reset(card) -> str:
    card.card.reset()
    card.enter()
    return card.verify()


def starting_day(card) -> str:
    card.authenticate("87")
    card.begin_purchase()
    return card("B0560000020701")


OTHERS = [
    pytest.param(lambda card: card("00A4000002DF04"), id="SELECT of the same application"),
    pytest.param(lambda card: card("00A4040006D15600000503"), id="SELECT of the same application by name"),
    pytest.param(lambda card: card("00A4020002EF09"), id="SELECT of a file"),
    pytest.param(back_to_df04, id="SELECT of another application"),
    pytest.param(lambda card: card("0084000008"), id="GET CHALLENGE"),
    pytest.param(lambda card: card.verify(), id="VERIFY"),
    pytest.param(lambda card: card("805E010007123456FF123456"), id="CHANGE PIN"),
    pytest.param(lambda card: card.authenticate("87"), id="EXTERNAL AUTHENTICATION"),
    pytest.param(lambda card: card("00B2014400"), id="READ RECORD"),
    pytest.param(lambda card: card("00B0890004"), id="READ BINARY"),
    pytest.param(lambda card: card("00D6890004AABBCCDD"), id="UPDATE BINARY"),
    pytest.param(starting_day, id="UPDATE STARTING DAY"),
    pytest.param(reset, id="reset"),
    pytest.param(off_and_on, id="power-off"),
]


@pytest.mark.parametrize("before", [LOAD, PURCHASE])
@pytest.mark.parametrize("act", OTHERS)
def test_every_other_command_ends_a_transaction(state_after, before, act):
    state, answer = state_after(before, act)
    assert (state, answer[-4:]) == (IDLE, "9000")


def test_waiting_answers_may_be_fetched_in_between(terminal):
    card = terminal(t0=True)
    card.begin_purchase()
    assert card("00C0000016")[-4:] == "9000"
    assert card("B026000104")[-4:] == "9000"
    assert card.debit() == "6108"
    assert card.proof("32", 2) == "6108"
    card.begin_load()
    assert card.proof("32", 2) == "6108"
    assert card("00C0000008")[-4:] == "9000"
    assert card.credit() == "6104"


def test_a_failure_to_fetch_ends_a_transaction(terminal):
    card = terminal(t0=True)
    card.begin_purchase()
    assert card("00C0010016") == "6A86"
    assert card.debit() == "6901"


@pytest.mark.parametrize("le", ["00", "17"])
def test_an_answer_that_is_fetched_by_the_rules_of_t0_keeps_a_transaction(terminal, le):
    # 6Cxx is how T=0 answers an Le of 00, and no failure [S2.5 §6.6].
    card = terminal(t0=True)
    card.begin_purchase()
    assert card(f"00C00000{le}") == "6C16"
    assert card("00C0000016")[-4:] == "9000"
    assert card.debit() == "6108"


def test_a_second_initialize_takes_the_place_of_the_first(terminal):
    card = terminal()
    card.begin_purchase(1000)
    card.begin_purchase(2000)
    assert card.debit(1000) == "9302"
    card.begin_purchase(1000)
    card.begin_load(500)
    assert card.debit(1000) == "6901"
    card.begin_load(500)
    assert card.credit(500)[-4:] == "9000"


def test_a_transaction_is_settled_once(terminal):
    card = terminal()
    card.begin_load()
    assert [card.credit()[-4:], card.credit()] == ["9000", "6901"]
    assert card.balance().startswith("00001770 ")
